// SPDX-License-Identifier: Apache-2.0
import CZlib

/// The check of ISO/IEC/IEEE 8802-3, as ZIP has it (zlib).
package struct CRC32: Sendable {
    package private(set) var value: UInt32 = 0

    package init() {}

    package mutating func update(_ bytes: [UInt8]) {
        value = UInt32(
            truncatingIfNeeded: unsafe bytes.withUnsafeBufferPointer { buffer in
                unsafe crc32_z(uLong(value), buffer.baseAddress, buffer.count)
            }
        )
    }
}
