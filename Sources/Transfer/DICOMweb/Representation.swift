// SPDX-License-Identifier: Apache-2.0
import DICOM

/// Brings instances into a transfer syntax that the request accepts: as they are stored where that will do.
struct Representation: Sendable {
    let acceptance: RetrieveAcceptance
    let form: RetrieveAcceptance.Form
    /// Nil: only what is stored can be sent.
    let codec: (any PixelCodec)?

    /// An instance that is stored in no acceptable transfer syntax, and cannot be brought into one.
    struct Unacceptable: Error {}

    /// The transfer syntax to send an instance in; nil: none.
    func syntax(stored: UID) -> UID? {
        let quality = { acceptance.accepts(transferSyntax: $0, as: form) }
        if codec == nil { return quality(stored) == nil ? nil : stored }
        return Transcoding.choice(stored: stored, quality: quality)
    }

    func represent(_ instance: RetrievableInstance) async throws -> RetrievableInstance {
        guard let syntax = syntax(stored: instance.transferSyntax) else { throw Unacceptable() }
        return try await instance.transcoded(to: syntax, codec)
    }
}

extension RetrievableInstance {
    /// Itself where it is in `syntax`; else with `frame`, from 1, that one of several that are encapsulated.
    func transcoded(
        to syntax: UID,
        frame: Int? = nil,
        _ codec: (any PixelCodec)?
    ) async throws(PixelDataError) -> Self {
        guard syntax != transferSyntax else { return self }
        guard let codec else { throw .notAvailable("none is configured") }
        let other = try await codec.transcode(file, to: syntax, frame: frame, priority: .viewer)
        return RetrievableInstance(
            studyInstanceUID: studyInstanceUID,
            seriesInstanceUID: seriesInstanceUID,
            sopInstanceUID: sopInstanceUID,
            transferSyntax: syntax,
            file: other.extent,
            dataSetOffset: other.dataSetOffset
        )
    }
}
