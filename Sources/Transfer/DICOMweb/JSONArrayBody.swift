// SPDX-License-Identifier: Apache-2.0
import DICOM
import NIOHTTP1
import Synchronization

/// The metadata of instances as a JSON array (PS3.18 10.4.1.1.2): few at once, many as they are read.
enum JSONArrayBody {
    static let headers: HTTPHeaders = [
        "Content-Type": "application/dicom+json", "Cache-Control": "private, no-store",
    ]
    /// Instances read into memory at a time.
    static let batch = 64

    /// `url` is where an instance is to be had.
    static func response(
        _ instances: [RetrievableInstance],
        url: @escaping @Sendable (RetrievableInstance) -> String
    ) -> HTTPResponse {
        if instances.count <= batch {
            return HTTPResponse(
                .ok,
                headers: headers,
                body: .bytes(piece(instances[...], of: instances.count, url))
            )
        }
        let cursor = Cursor()
        let stream = AsyncStream<[UInt8]> {
            let start = cursor.advance(by: batch)
            guard start < instances.count else { return nil }
            return piece(instances[start..<min(start + batch, instances.count)], of: instances.count, url)
        }
        return HTTPResponse(.ok, headers: headers, body: .stream(stream))
    }

    private static func piece(
        _ instances: ArraySlice<RetrievableInstance>,
        of count: Int,
        _ url: (RetrievableInstance) -> String
    ) -> [UInt8] {
        var json: [UInt8] = []
        for index in instances.indices {
            json.append(UInt8(ascii: index == 0 ? "[" : ","))
            append(instances[index], url(instances[index]), &json)
        }
        if instances.endIndex == count { json.append(UInt8(ascii: "]")) }
        return json
    }

    /// The instance's data set; where it cannot be read to its end, its identity alone.
    private static func append(_ instance: RetrievableInstance, _ url: String, _ json: inout [UInt8]) {
        do {
            try DICOMJSON.write(
                KeptDataSet(instance),
                transferSyntax: instance.transferSyntax,
                bulkDataURI: { "\(url)/bulkdata/\($0)" },
                into: &json
            )
        } catch {
            DICOMJSON.write(instance.identity, into: &json)
        }
    }
}

/// Where a stream's reader is.
private final class Cursor: Sendable {
    private let position = Atomic(0)

    /// The position before.
    func advance(by count: Int) -> Int {
        position.wrappingAdd(count, ordering: .relaxed).oldValue
    }
}

extension RetrievableInstance {
    func url(_ baseURL: String) -> String {
        "\(baseURL)/studies/\(studyInstanceUID)/series/\(seriesInstanceUID)/instances/\(sopInstanceUID)"
    }

    /// Below the study of the instance.
    func url(ofStudy url: String) -> String {
        "\(url)/series/\(seriesInstanceUID)/instances/\(sopInstanceUID)"
    }

    var identity: [DICOMJSON.Attribute] {
        [
            .init(.sopInstanceUID, .ui, [.string(sopInstanceUID.string)]),
            .init(.studyInstanceUID, .ui, [.string(studyInstanceUID.string)]),
            .init(.seriesInstanceUID, .ui, [.string(seriesInstanceUID.string)]),
        ]
    }
}
