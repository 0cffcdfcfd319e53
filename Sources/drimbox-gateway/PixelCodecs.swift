// SPDX-License-Identifier: Apache-2.0
import Admin
import Codecs
import DICOM
import Linux
import Transfer

/// Codec processes, as many at once as there are processors; viewers first.
struct PixelCodecs: PixelCodec {
    private static let executable = "drimbox-codec"
    private let pool: CodecPool
    private let ceiling = PriorityCeiling(maximum: OwnProcess.processors)
    private let journal: GatewayJournal

    /// What is written lies in `directory`, without a name, until it is sent.
    init(directory: String, journal: GatewayJournal) throws(SystemCallError) {
        pool = CodecPool(executable: try OwnProcess.sibling(named: Self.executable), directory: directory)
        self.journal = journal
    }

    func transcode(
        _ file: FileExtent,
        to syntax: UID,
        frame: Int?,
        priority: TransferPriority
    ) async throws(PixelDataError) -> TranscodedFile {
        try await perform(priority) { pool throws(PixelDataError) in
            let (extent, offset) = try await pool.transcode(file, to: syntax, frame: frame)
            return TranscodedFile(extent: extent, dataSetOffset: offset)
        }
    }

    func render(
        _ file: FileExtent,
        _ rendering: Rendering,
        priority: TransferPriority
    ) async throws(PixelDataError) -> FileExtent {
        try await perform(priority) { pool throws(PixelDataError) in try await pool.render(file, rendering) }
    }

    func shutdown() async {
        await pool.shutdown()
    }

    private func perform<Result>(
        _ priority: TransferPriority,
        _ body: (CodecPool) async throws(PixelDataError) -> Result
    ) async throws(PixelDataError) -> Result {
        do {
            try await ceiling.enter(priority)
        } catch {
            throw .notAvailable("the request was cancelled")
        }
        defer { ceiling.leave() }
        do throws(PixelDataError) {
            return try await body(pool)
        } catch {
            switch error {
            case .noPixelData, .noSuchFrame, .unsupported: break
            default:
                journal.record(
                    "pixels.not-decoded",
                    .warning,
                    "pixel data was not decoded",
                    ["reason": "\(error)"]
                )
            }
            throw error
        }
    }
}
