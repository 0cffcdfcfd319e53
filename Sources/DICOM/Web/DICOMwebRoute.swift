// SPDX-License-Identifier: Apache-2.0

/// A resource of the DICOMweb service as its path names it (PS3.18 10.1, Table 10.3-1).
package enum DICOMwebRoute: Equatable, Sendable {
    /// WADO-RS instances (PS3.18 10.4.1.1.1).
    case retrieve(Resource)
    /// WADO-RS metadata (PS3.18 10.4.1.1.2).
    case metadata(Resource)
    /// QIDO-RS (PS3.18 10.6.1.1), below a study or a series where the path names one.
    case search(QIDOQuery.Level, study: UID?, series: UID?)
    /// WADO-RS pixel data (PS3.18 10.4.1.1.6) of one instance: frame numbers from 1, as asked for.
    case frames(Resource, [Int])
    /// WADO-RS bulk data (PS3.18 10.4.1.1.5) of one instance: the value at the path that metadata named.
    case bulkData(Resource, ElementPath)
    /// WADO-RS rendered images (PS3.18 10.4.1.1.3): of these frames where the path names some.
    case rendered(Resource, frames: [Int]?)
    /// WADO-RS thumbnail (PS3.18 10.4.1.1.4): one small image that stands for the resource.
    case thumbnail(Resource, frame: Int?)
    /// STOW-RS (PS3.18 10.5.1.1), of one study where the path names it.
    case store(study: UID?)
    /// A resource that the standard has and this service has not.
    case unsupported(String)

    package struct Resource: Hashable, Sendable {
        package let study: UID
        /// Nil: the whole study.
        package let series: UID?
        /// Nil: the whole series.
        package let instance: UID?

        package init(study: UID, series: UID? = nil, instance: UID? = nil) {
            self.study = study
            self.series = series
            self.instance = instance
        }
    }

    /// Bytes.
    package static let maximumPathLength = 2048
    /// Frames of one request.
    package static let maximumFrames = 10_000
    private static let unsupportedNames: Set<String> = [
        "pixeldata", "workitems", "storage-commitment-requests",
    ]

    /// Reads a request's path, still percent-encoded, without its query.
    package static func parse(method: String, path: String) throws(RouteError) -> DICOMwebRoute {
        guard path.utf8.count <= maximumPathLength else { throw .tooLong(limit: maximumPathLength) }
        var segments: [String] = []
        for segment in path.split(separator: "/", omittingEmptySubsequences: false) {
            guard let text = PercentEncoding.decode(segment) else { throw .invalidEncoding }
            segments.append(text)
        }
        // One slash at the end is nothing.
        if segments.count > 2, segments.last == "" { segments.removeLast() }
        guard segments.count >= 3, segments[0].isEmpty, segments[1] == "dicomweb" else { throw .notFound }
        if method == "POST" { return try storeRoute(segments[2...]) }
        let route = try route(segments[2...])
        guard method == "GET" || method == "HEAD" else { throw .methodNotAllowed }
        return route
    }

    private static func storeRoute(_ segments: ArraySlice<String>) throws(RouteError) -> DICOMwebRoute {
        switch (segments.first, segments.count) {
        case ("studies", 1): return .store(study: nil)
        case ("studies", 2): return .store(study: try uid(segments.dropFirst(), "study"))
        default:
            _ = try route(segments)
            throw .methodNotAllowed
        }
    }

    private static func route(_ segments: ArraySlice<String>) throws(RouteError) -> DICOMwebRoute {
        switch (segments.first, segments.count) {
        case ("studies", 1): return .search(.study, study: nil, series: nil)
        case ("series", 1): return .search(.series, study: nil, series: nil)
        case ("instances", 1): return .search(.instance, study: nil, series: nil)
        case ("studies", _):
            let study = try uid(segments.dropFirst(), "study")
            return try studyRoute(segments.dropFirst(2), study)
        case (let name?, _) where unsupportedNames.contains(name): return .unsupported(name)
        default: throw .notFound
        }
    }

    private static func studyRoute(
        _ rest: ArraySlice<String>,
        _ study: UID
    ) throws(RouteError) -> DICOMwebRoute {
        switch (rest.first, rest.count) {
        case ("series", 1): return .search(.series, study: study, series: nil)
        case ("instances", 1): return .search(.instance, study: study, series: nil)
        case ("series", _):
            let series = try uid(rest.dropFirst(), "series")
            return try seriesRoute(rest.dropFirst(2), study, series)
        default: return try leaf(rest, Resource(study: study))
        }
    }

    private static func seriesRoute(
        _ rest: ArraySlice<String>,
        _ study: UID,
        _ series: UID
    ) throws(RouteError) -> DICOMwebRoute {
        switch (rest.first, rest.count) {
        case ("instances", 1): return .search(.instance, study: study, series: series)
        case ("instances", _):
            let instance = try uid(rest.dropFirst(), "instance")
            return try leaf(rest.dropFirst(2), Resource(study: study, series: series, instance: instance))
        default: return try leaf(rest, Resource(study: study, series: series))
        }
    }

    /// What is wanted of `resource`.
    private static func leaf(
        _ rest: ArraySlice<String>,
        _ resource: Resource
    ) throws(RouteError) -> DICOMwebRoute {
        switch (rest.first, rest.count) {
        case (nil, _): return .retrieve(resource)
        case ("metadata", 1): return .metadata(resource)
        case ("rendered", 1): return .rendered(resource, frames: nil)
        case ("thumbnail", 1): return .thumbnail(resource, frame: nil)
        case ("frames", 3) where resource.instance != nil:
            let frames = try frameList(rest.dropFirst().first)
            switch rest.last {
            case "rendered": return .rendered(resource, frames: frames)
            case "thumbnail": return .thumbnail(resource, frame: frames.first)
            default: throw .notFound
            }
        case ("frames", 2) where resource.instance != nil: return .frames(resource, try frameList(rest.last))
        case ("bulkdata", 2...) where resource.instance != nil:
            guard let path = ElementPath(segments: rest.dropFirst()) else { throw .invalidBulkDataPath }
            return .bulkData(resource, path)
        case (let name?, _) where unsupportedNames.contains(name): return .unsupported(name)
        default: throw .notFound
        }
    }

    /// "1,3,2": numbers from 1, in the order of the answer (PS3.18 10.4.1.1.6).
    private static func frameList(_ text: String?) throws(RouteError) -> [Int] {
        let members = (text ?? "").split(separator: ",", omittingEmptySubsequences: false)
        guard members.count <= maximumFrames else { throw .tooManyFrames(limit: maximumFrames) }
        var frames: [Int] = []
        for member in members {
            guard (1...10).contains(member.utf8.count),
                member.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                let number = Int(member), number > 0
            else { throw .invalidFrameList }
            frames.append(number)
        }
        return frames
    }

    private static func uid(
        _ rest: ArraySlice<String>,
        _ level: StaticString
    ) throws(RouteError) -> UID {
        guard let text = rest.first, let uid = UID(text), uid.string == text else {
            throw .invalidUID("\(level)")
        }
        return uid
    }
}

/// A path or method that names no resource.
package enum RouteError: Error, Equatable, CustomStringConvertible {
    /// 404
    case notFound
    /// 405
    case methodNotAllowed
    /// 400
    case invalidUID(String)
    /// 400
    case invalidEncoding
    /// 400
    case invalidFrameList
    /// 400
    case tooManyFrames(limit: Int)
    /// 400
    case invalidBulkDataPath
    /// 414
    case tooLong(limit: Int)

    package var description: String {
        switch self {
        case .notFound: "path: found no such resource, expected one of DICOMweb"
        case .methodNotAllowed: "method: found another, expected GET or HEAD, or POST to studies"
        case .invalidUID(let level): "path: \(level): found no UID, expected 1 to 64 digits and dots"
        case .invalidEncoding:
            "path: found a percent sign, expected two hexadecimal digits of UTF-8 behind it"
        case .invalidFrameList:
            "path: frames: found another list, expected frame numbers from 1 with commas between"
        case .tooManyFrames(let limit): "path: frames: found more frames, expected at most \(limit)"
        case .invalidBulkDataPath:
            "path: bulkdata: found no path of an element, expected tag/item/tag with eight hexadecimal digits"
        case .tooLong(let limit): "path: found more bytes, expected at most \(limit)"
        }
    }
}
