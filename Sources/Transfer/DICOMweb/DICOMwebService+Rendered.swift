// SPDX-License-Identifier: Apache-2.0
import DICOM
import Linux
import NIOHTTP1

/// Rendered images (PS3.18 10.4.1.1.3) and thumbnails (10.4.1.1.4).
extension DICOMwebService {
    /// Pixels of a thumbnail's longer side, where the client does not say.
    private static let thumbnailSide = 200
    /// Instances that are tried for the thumbnail of a series or a study: some have no pixel data.
    private static let thumbnailTries = 8

    /// One image for each instance or frame asked for.
    func rendered(
        _ resource: DICOMwebRoute.Resource,
        _ frames: [Int]?,
        _ request: HTTPRequest
    ) async throws -> HTTPResponse {
        let query = try RenderedQuery.parse(request.query)
        let isSingle = resource.instance != nil && frames?.count ?? 1 == 1
        guard let form = try form(query, request, isSingle: isSingle) else { return Self.wantsImage }
        let (instances, availability) = try await gathered(resource)
        guard let first = instances.first else { return Self.missing(resource, availability) }
        var rendering = query.rendering
        rendering.format = form.format
        var images: [(RetrievableInstance, Int)] = instances.map { ($0, 1) }
        if let frames { images = frames.map { (first, $0) } }
        var response: HTTPResponse
        if form.isMultipart {
            response = multipart(images, rendering)
        } else {
            rendering.frame = images[0].1
            response = Self.image(try await render(first, rendering), rendering.format)
        }
        Self.warn(&response, query, availability)
        return response
    }

    /// The one in the middle stands for a series or a study.
    func thumbnail(
        _ resource: DICOMwebRoute.Resource,
        _ frame: Int?,
        _ request: HTTPRequest
    ) async throws -> HTTPResponse {
        let query = try RenderedQuery.parse(request.query)
        guard let form = try form(query, request, isSingle: true), !form.isMultipart else {
            return Self.wantsImage
        }
        let instances = try catalogue.instances(of: resource)
        guard !instances.isEmpty else {
            // One that is not here is fetched; a study is not, for one small image.
            guard resource.instance != nil else { return Self.missing(resource) }
            let (arrived, availability) = try await gathered(resource)
            guard let instance = arrived.first else { return Self.missing(resource, availability) }
            return try await thumbnail(of: [instance], frame, query, form)
        }
        let middle = instances.count / 2
        let others = instances.indices.filter { $0 != middle }.prefix(Self.thumbnailTries - 1)
        return try await thumbnail(of: [instances[middle]] + others.map { instances[$0] }, frame, query, form)
    }

    private func thumbnail(
        of candidates: [RetrievableInstance],
        _ frame: Int?,
        _ query: RenderedQuery,
        _ form: RenderedAcceptance.Form
    ) async throws -> HTTPResponse {
        var rendering = query.rendering
        rendering.format = form.format
        rendering.frame = frame ?? 1
        rendering.viewport =
            rendering.viewport ?? .init(width: Self.thumbnailSide, height: Self.thumbnailSide)
        var failure = PixelDataError.noPixelData
        for candidate in candidates {
            do {
                var response = Self.image(try await render(candidate, rendering), rendering.format)
                Self.warn(&response, query, .complete)
                return response
            } catch {
                failure = error
            }
        }
        throw failure
    }

    private func form(
        _ query: RenderedQuery,
        _ request: HTTPRequest,
        isSingle: Bool
    ) throws -> RenderedAcceptance.Form? {
        let headers = query.accept.isEmpty ? request.headers["Accept"] : query.accept
        return RenderedAcceptance(try AcceptHeader.parse(headers)).form(isSingle: isSingle)
    }

    private func render(
        _ instance: RetrievableInstance,
        _ rendering: Rendering
    ) async throws(PixelDataError) -> FileExtent {
        guard let codec else { throw .notAvailable("none is configured") }
        return try await codec.render(instance.file, rendering, priority: .viewer)
    }

    private static func image(_ file: FileExtent, _ format: Rendering.Format) -> HTTPResponse {
        HTTPResponse(
            .ok,
            headers: ["Content-Type": format.mediaType, "Cache-Control": "private, no-store"],
            body: .parts(count: 1, length: file.length) { _ in HTTPBodyPart(head: [], extent: file) }
        )
    }

    private func multipart(
        _ images: [(instance: RetrievableInstance, frame: Int)],
        _ rendering: Rendering
    ) -> HTTPResponse {
        var generator = SystemRandomNumberGenerator()
        let multipart = MultipartRelated(using: &generator)
        let parts = RenderedParts(images: images, rendering: rendering, multipart: multipart, render: render)
        return HTTPResponse(
            .ok,
            headers: [
                "Content-Type": multipart.contentType(of: rendering.format.mediaType),
                "Cache-Control": "private, no-store",
            ],
            body: .arriving(parts)
        )
    }

    private static func warn(
        _ response: inout HTTPResponse,
        _ query: RenderedQuery,
        _ availability: RetrievalTable.Availability
    ) {
        for name in query.ignored { response.warn("the parameter \(name) is not applied") }
        switch availability {
        case .undeliverable(let count):
            response.warn("\(count) instances are listed by the archive, which does not deliver them")
        case .unknown: response.warn("the archive does not answer: instances may be missing")
        case .complete, .arriving: break
        }
    }

    private static var wantsImage: HTTPResponse {
        .text(.notAcceptable, "Accept: found no media type served here, expected image/jpeg or image/png")
    }

    static func response(to error: PixelDataError) -> HTTPResponse {
        switch error {
        case .noSuchFrame: return .text(.notFound, "\(error)")
        case .noPixelData, .unsupported, .tooLarge: return .text(.notAcceptable, "\(error)")
        case _ where error.isTransient:
            var response = HTTPResponse.text(.serviceUnavailable, "\(error)")
            response.headers.add(name: "Retry-After", value: "30")
            return response
        default: return .text(.internalServerError, "\(error)")
        }
    }
}

/// Several images, each rendered when its turn comes. One that has no pixel data is left out; any other failure ends the
/// response without its closing boundary, behind all the others.
private struct RenderedParts: AsyncSequence, Sendable {
    typealias Element = HTTPBodyPart
    typealias Failure = any Error

    let images: [(instance: RetrievableInstance, frame: Int)]
    let rendering: Rendering
    let multipart: MultipartRelated
    let render: @Sendable (RetrievableInstance, Rendering) async throws(PixelDataError) -> FileExtent

    struct Iterator: AsyncIteratorProtocol {
        let parts: RenderedParts
        var position = 0
        var isFirst = true
        var failure: PixelDataError?

        mutating func next() async throws -> HTTPBodyPart? {
            while position < parts.images.count {
                let (instance, frame) = parts.images[position]
                position += 1
                var rendering = parts.rendering
                rendering.frame = frame
                do throws(PixelDataError) {
                    let file = try await parts.render(instance, rendering)
                    defer { isFirst = false }
                    let head = parts.multipart.partHeader(
                        isFirst: isFirst,
                        contentType: rendering.format.mediaType,
                        contentLength: Int(file.length)
                    )
                    return HTTPBodyPart(head: head, extent: file)
                } catch {
                    if error != .noPixelData { failure = failure ?? error }
                }
            }
            if let failure { throw failure }
            guard position == parts.images.count else { return nil }
            position += 1
            return HTTPBodyPart(head: parts.multipart.closing, extent: nil)
        }
    }

    func makeAsyncIterator() -> Iterator { Iterator(parts: self) }
}
