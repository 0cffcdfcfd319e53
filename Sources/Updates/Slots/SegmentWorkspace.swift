// SPDX-License-Identifier: Apache-2.0
import Crypto
import Linux

/// What one segment needs on its way into a slot: memory for its content, and a decoder. It is used for one segment
/// after the other.
package final class SegmentWorkspace: Sendable {
    /// Bytes that are hashed at a time: few enough to be still in the processor's cache.
    private static let pieceSize = 64 << 10

    let content: TransferBuffer
    let decoder: ZstdDecoder

    /// `size`: bytes of the largest segment.
    package init(size: Int) throws(SlotError) {
        do throws(SystemCallError) {
            content = try TransferBuffer(capacity: size)
        } catch {
            throw .storage(error)
        }
        do throws(ZstdError) {
            decoder = try ZstdDecoder()
        } catch {
            throw .storage(
                SystemCallError(call: "ZSTD_createDCtx", subject: "decoder", errno: SystemCallError.noMemory)
            )
        }
    }

    var sha256: SHA256Digest {
        var hash = SHA256()
        forEachPiece { hash.update(data: $0) }
        return hash.finalize()
    }

    /// The content in pieces of whole blocks, but for its end.
    func forEachPiece<Failure: Error>(_ body: ([UInt8]) throws(Failure) -> Void) throws(Failure) {
        var piece: [UInt8] = []
        let count = content.count
        for start in stride(from: 0, to: count, by: Self.pieceSize) {
            content.copy(start..<min(count, start + Self.pieceSize), to: &piece)
            try body(piece)
        }
    }
}
