// SPDX-License-Identifier: Apache-2.0
import CZlib

/// The check of ISO/IEC/IEEE 8802-3, as ZIP has it (zlib).
package struct CRC32: Sendable {
    /// Bytes of a file that are read at a time.
    private static let piece = 1 << 20

    package private(set) var value: UInt32 = 0

    package init() {}

    package mutating func update(_ bytes: [UInt8]) {
        value = UInt32(
            truncatingIfNeeded: unsafe bytes.withUnsafeBufferPointer { buffer in
                unsafe crc32_z(uLong(value), buffer.baseAddress, buffer.count)
            }
        )
    }

    /// - Throws: where the file cannot be read, or ends early.
    package mutating func update(_ extent: FileExtent) throws(SystemCallError) {
        var position: Int64 = 0
        while position < extent.length {
            let bytes = try extent.read(at: position, count: Self.piece)
            guard !bytes.isEmpty else {
                throw SystemCallError(
                    call: "pread",
                    subject: "a file that is shorter",
                    errno: SystemCallError.inputOutput
                )
            }
            update(bytes)
            position += Int64(bytes.count)
        }
    }
}
