// SPDX-License-Identifier: Apache-2.0

/// What one request may take of the box.
package struct CodecLimits: Sendable {
    /// Bytes of pixel data once it is decoded.
    package static let decodedBytes: Int64 = 1 << 30
    /// Bytes of address space of a codec process: the file, the pixel data decoded, and once more encoded.
    package static let addressSpace: Int64 = 3 << 30

    /// A damaged file may keep a decoder busy for ever.
    package var seconds = 20
    /// Bytes of input for which there is one second more.
    package var bytesPerSecond: Int64 = 2 << 20

    package init() {}

    func seconds(for length: Int64) -> Int { seconds + Int(min(length / bytesPerSecond, 600)) }
}
