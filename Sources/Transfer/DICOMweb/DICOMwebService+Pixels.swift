// SPDX-License-Identifier: Apache-2.0
import DICOM
import Linux
import NIOHTTP1

/// WADO-RS resources below an instance (PS3.18 10.4.1.1.5, 10.4.1.1.6).
extension DICOMwebService {
    func frames(
        _ numbers: [Int],
        of resource: DICOMwebRoute.Resource,
        _ request: HTTPRequest
    ) async throws -> HTTPResponse {
        let acceptance = try pixelAcceptance(request)
        let (instances, availability) = try await gathered(resource)
        guard let stored = instances.first else { return Self.missing(resource, availability) }
        guard let (syntax, form) = choice(acceptance, stored.transferSyntax, isSingle: numbers.count == 1)
        else {
            return Self.pixelsNotAcceptable(stored.transferSyntax)
        }
        // A DRIMbox asks for frames and takes the instance that holds them.
        if form == .instance {
            let count = try numberOfFrames(stored)
            if let problem = Self.outOfRange(numbers, count) { return problem }
            return try await retrieve(resource, request)
        }
        // One frame of a clip is decoded by itself.
        var single: Int?
        if numbers.count == 1, syntax != stored.transferSyntax,
            PixelMediaType.of(transferSyntax: stored.transferSyntax) != nil,
            let count = try numberOfFrames(stored), count > 1
        {
            if let problem = Self.outOfRange(numbers, count) { return problem }
            single = numbers[0]
        }
        let instance = try await stored.transcoded(to: syntax, frame: single, codec)
        let source = KeptDataSet(instance)
        guard let locator = try PixelDataLocator(source, transferSyntax: instance.transferSyntax) else {
            return .text(.notFound, "frames: found no pixel data")
        }
        let positions = single == nil ? numbers : [1]
        if let problem = Self.outOfRange(positions, locator.numberOfFrames) { return problem }
        let index = try FrameIndex(locator, source, transferSyntax: instance.transferSyntax)
        let url = self.url(request)(instance)
        return PixelAnswer(instance: instance, form: form) { "\(url)/frames/\(numbers[$0])" }
            .response(positions.map { index.frames[$0 - 1] })
    }

    /// The transfer syntax and the form to send frames in: as they are stored, or what can be made of them.
    private func choice(
        _ acceptance: PixelAcceptance,
        _ stored: UID,
        isSingle: Bool
    ) -> (UID, PixelAcceptance.Form)? {
        let isDeflated = stored == TransferSyntax.deflatedExplicitVRLittleEndian
        let made = codec == nil ? [] : Transcoding.targets(from: stored)
        for syntax in [stored] + made
        where syntax != TransferSyntax.implicitVRLittleEndian || syntax == stored {
            let form = acceptance.form(
                transferSyntax: syntax,
                isCompressed: PixelMediaType.of(transferSyntax: syntax) != nil,
                isSingle: isSingle,
                allowsInstance: true
            )
            // No frame can be cut out of what is deflated as a whole.
            guard let form, form == .instance || !isDeflated || syntax != stored else { continue }
            return (syntax, form)
        }
        return nil
    }

    func bulkData(
        _ path: ElementPath,
        of resource: DICOMwebRoute.Resource,
        _ request: HTTPRequest
    ) async throws -> HTTPResponse {
        let acceptance = try pixelAcceptance(request)
        let (instances, availability) = try await gathered(resource)
        guard let instance = instances.first else { return Self.missing(resource, availability) }
        guard instance.transferSyntax != TransferSyntax.deflatedExplicitVRLittleEndian else {
            return .text(
                .notAcceptable,
                "bulk data: found a deflated data set, expected to retrieve it whole"
            )
        }
        let source = KeptDataSet(instance)
        guard let value = try source.locate(path, transferSyntax: instance.transferSyntax),
            value.hasUndefinedLength || value.range.upperBound <= source.count
        else { return .text(.notFound, "bulk data: found no value at this path") }
        guard !value.hasUndefinedLength || path.tag == .pixelData else {
            return .text(.notFound, "bulk data: found a sequence, expected a value")
        }
        let parts = try parts(value, path, source, instance)
        let form = acceptance.form(
            transferSyntax: instance.transferSyntax,
            isCompressed: value.hasUndefinedLength,
            isSingle: parts.count == 1,
            allowsInstance: false
        )
        guard let form else { return Self.pixelsNotAcceptable(instance.transferSyntax) }
        let url = "\(url(request)(instance))/bulkdata/\(path)"
        return PixelAnswer(instance: instance, form: form) { _ in url }.response(parts)
    }

    /// Encapsulated pixel data is a part for each frame; any other value is one part.
    private func parts(
        _ value: LocatedValue,
        _ path: ElementPath,
        _ source: KeptDataSet,
        _ instance: RetrievableInstance
    ) throws -> [[Range<Int>]] {
        guard value.hasUndefinedLength else { return [[value.range]] }
        let own =
            path.steps.isEmpty
            ? try PixelDataLocator(source, transferSyntax: instance.transferSyntax) : nil
        return try FrameIndex(
            own ?? PixelDataLocator(value),
            source,
            transferSyntax: instance.transferSyntax
        ).frames
    }

    /// Nil where it is not to be told without inflating the data set.
    private func numberOfFrames(_ instance: RetrievableInstance) throws -> Int? {
        guard instance.transferSyntax != TransferSyntax.deflatedExplicitVRLittleEndian else { return nil }
        let locator = try PixelDataLocator(
            KeptDataSet(instance),
            transferSyntax: instance.transferSyntax
        )
        return locator?.numberOfFrames ?? 0
    }

    private func pixelAcceptance(_ request: HTTPRequest) throws(AcceptError) -> PixelAcceptance {
        PixelAcceptance(try AcceptHeader.parse(request.headers["Accept"]))
    }

    private static func outOfRange(_ numbers: [Int], _ count: Int?) -> HTTPResponse? {
        guard let count, let last = numbers.max(), last > count else { return nil }
        return .text(.notFound, "frames: found frame \(last), expected at most \(count)")
    }

    private static func pixelsNotAcceptable(_ transferSyntax: UID) -> HTTPResponse {
        let type = PixelMediaType.of(transferSyntax: transferSyntax) ?? PixelMediaType.octetStream
        return .text(
            .notAcceptable,
            "Accept: found no representation served here, expected multipart/related; type=\"\(type)\"; "
                + "transfer-syntax=\(transferSyntax)"
        )
    }
}
