// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import DICOM

@Suite("PS3.18 10 resources of DICOMweb") struct DICOMwebRouteTests {
    private static let study = UID(literal: "1.2")
    private static let series = UID(literal: "1.3")
    private static let instance = UID(literal: "1.4")
    private static let pixelData = ElementPath(.pixelData)
    private static let stores: [String: UID?] = [
        "/dicomweb/studies": nil, "/dicomweb/studies/": nil, "/dicomweb/studies/1.2": study,
        "/dicomweb/studies/1%2E2": study,
    ]

    @Test(
        "resources",
        arguments: [
            ("/dicomweb/studies", .search(.study, study: nil, series: nil)),
            ("/dicomweb/studies/", .search(.study, study: nil, series: nil)),
            ("/dicomweb/series", .search(.series, study: nil, series: nil)),
            ("/dicomweb/instances", .search(.instance, study: nil, series: nil)),
            ("/dicomweb/studies/1.2", .retrieve(.init(study: study))),
            ("/dicomweb/studies/1%2E2", .retrieve(.init(study: study))),
            ("/dicomweb/studies/1.2/metadata", .metadata(.init(study: study))),
            ("/dicomweb/studies/1.2/series", .search(.series, study: study, series: nil)),
            ("/dicomweb/studies/1.2/instances", .search(.instance, study: study, series: nil)),
            ("/dicomweb/studies/1.2/series/1.3", .retrieve(.init(study: study, series: series))),
            ("/dicomweb/studies/1.2/series/1.3/", .retrieve(.init(study: study, series: series))),
            ("/dicomweb/studies/1.2/series/1.3/metadata", .metadata(.init(study: study, series: series))),
            ("/dicomweb/studies/1.2/series/1.3/instances", .search(.instance, study: study, series: series)),
            (
                "/dicomweb/studies/1.2/series/1.3/instances/1.4",
                .retrieve(.init(study: study, series: series, instance: instance))
            ),
            (
                "/dicomweb/studies/1.2/series/1.3/instances/1.4/metadata",
                .metadata(.init(study: study, series: series, instance: instance))
            ),
            (
                "/dicomweb/studies/1.2/series/1.3/instances/1.4/frames/1,2",
                .frames(.init(study: study, series: series, instance: instance), [1, 2])
            ),
            (
                "/dicomweb/studies/1.2/series/1.3/instances/1.4/bulkdata/7FE00010",
                .bulkData(.init(study: study, series: series, instance: instance), pixelData)
            ),
            ("/dicomweb/studies/1.2/rendered", .rendered(.init(study: UID(literal: "1.2")), frames: nil)),
            ("/dicomweb/studies/1.2/thumbnail", .thumbnail(.init(study: UID(literal: "1.2")), frame: nil)),
            ("/dicomweb/studies/1.2/pixeldata", .unsupported("pixeldata")),
            ("/dicomweb/workitems", .unsupported("workitems")),
        ] as [(String, DICOMwebRoute)]
    )
    func routes(path: String, route: DICOMwebRoute) throws {
        #expect(try DICOMwebRoute.parse(method: "GET", path: path) == route)
        #expect(try DICOMwebRoute.parse(method: "HEAD", path: path) == route)
        if let study = Self.stores[path] {
            #expect(try DICOMwebRoute.parse(method: "POST", path: path) == .store(study: study))
        } else {
            #expect(throws: RouteError.methodNotAllowed) {
                try DICOMwebRoute.parse(method: "POST", path: path)
            }
        }
    }

    @Test(
        "what is no resource",
        arguments: [
            ("", .notFound), ("/", .notFound), ("/dicomweb", .notFound), ("/dicomweb/", .notFound),
            ("dicomweb/studies", .notFound), ("/dicom/studies", .notFound), ("/dicomweb//studies", .notFound),
            ("/dicomweb/studies/1.2/x", .notFound), ("/dicomweb/studies/1.2/metadata/x", .notFound),
            ("/dicomweb/studies/1.2/instances/1.4", .notFound), ("/dicomweb/series/1.3", .notFound),
            ("/dicomweb/studies/x", .invalidUID("study")), ("/dicomweb/studies/../x", .invalidUID("study")),
            ("/dicomweb/studies/1.2%20", .invalidUID("study")),
            ("/dicomweb/studies/1.2%2Fseries", .invalidUID("study")),
            ("/dicomweb/studies/1.2/series/x/metadata", .invalidUID("series")),
            ("/dicomweb/studies/1.2/series/1.3/instances/x", .invalidUID("instance")),
            ("/dicomweb/studies/%", .invalidEncoding), ("/dicomweb/studies/%4", .invalidEncoding),
            ("/dicomweb/studies/%FF", .invalidEncoding),
            ("/dicomweb/studies/" + String(repeating: "1", count: 65), .invalidUID("study")),
            ("/" + String(repeating: "a", count: 2048), .tooLong(limit: 2048)),
        ] as [(String, RouteError)]
    )
    func errors(path: String, error: RouteError) {
        #expect(throws: error) { try DICOMwebRoute.parse(method: "GET", path: path) }
    }

    @Test("mutated paths never crash", .timeLimit(.minutes(10)))
    func fuzz() {
        var random = SplitMix64(4)
        let path = Array("/dicomweb/studies/1.2/series/1%2E3/instances/1.4/metadata".utf8)
        for _ in 0..<3000 {
            let text = String(decoding: random.mutate(path), as: UTF8.self)
            _ = try? DICOMwebRoute.parse(method: "GET", path: text)
        }
    }
}
