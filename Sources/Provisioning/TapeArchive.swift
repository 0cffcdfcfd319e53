// SPDX-License-Identifier: Apache-2.0

/// A few files in one, as every `tar` reads it (POSIX.1-2017 pax, ustar interchange format).
package struct TapeArchive: Sendable {
    private static let block = 512
    private var bytes: [UInt8] = []

    package init() {}

    /// Adds a file under a name of at most 100 bytes, changed so many seconds after 1970.
    package mutating func add(_ name: String, _ content: [UInt8], seconds: Int64) {
        var header = [UInt8](repeating: 0, count: Self.block)
        func put(_ text: String, at offset: Int, _ count: Int) {
            for (index, byte) in text.utf8.prefix(count).enumerated() { header[offset + index] = byte }
        }
        func octal(_ value: Int64, _ digits: Int) -> String {
            let text = String(max(0, value), radix: 8)
            return String(repeating: "0", count: max(0, digits - text.count)) + text
        }
        put(name, at: 0, 100)
        put(octal(0o644, 7), at: 100, 8)
        put(octal(0, 7), at: 108, 8)
        put(octal(0, 7), at: 116, 8)
        put(octal(Int64(content.count), 11), at: 124, 12)
        put(octal(seconds, 11), at: 136, 12)
        put("        ", at: 148, 8)
        put("0", at: 156, 1)
        put("ustar", at: 257, 6)
        put("00", at: 263, 2)
        let sum = header.reduce(Int64(0)) { $0 + Int64($1) }
        put(octal(sum, 6), at: 148, 8)
        header[154] = 0
        bytes += header + content
        bytes += [UInt8](repeating: 0, count: (Self.block - content.count % Self.block) % Self.block)
    }

    /// With its two empty blocks at the end.
    package var content: [UInt8] { bytes + [UInt8](repeating: 0, count: 2 * Self.block) }
}
