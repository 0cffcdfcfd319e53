// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Text in one of glibc's character encodings turned into UTF-8 (iconv(3)).
package enum TextConverter {
    /// U+FFFD REPLACEMENT CHARACTER in UTF-8.
    private static let replacement: [UInt8] = [0xEF, 0xBF, 0xBD]
    private static let chunk = 256

    /// Appends `bytes` as UTF-8 to `output`. `encoding` is a name of `iconv --list`; an encoding that this system
    /// does not have, and each byte that the encoding does not, give U+FFFD.
    package static func appendUTF8(_ bytes: [UInt8], from encoding: String, to output: inout [UInt8]) {
        guard let converter = unsafe iconv_open("UTF-8", encoding), Int(bitPattern: converter) != -1 else {
            for byte in bytes {
                if byte < 0x80 { output.append(byte) } else { output.append(contentsOf: replacement) }
            }
            return
        }
        defer { _ = unsafe iconv_close(converter) }
        // iconv reads through its input pointer and does not write there, but asks for a mutable one.
        var input = bytes
        let result = unsafe input.withUnsafeMutableBytes { buffer in
            unsafe convert(converter, buffer.bindMemory(to: CChar.self))
        }
        output.append(contentsOf: result)
    }

    private static func convert(_ converter: iconv_t, _ input: UnsafeMutableBufferPointer<CChar>) -> [UInt8] {
        var output: [UInt8] = []
        var next = input.baseAddress
        var left = input.count
        var room = [CChar](repeating: 0, count: chunk)
        while left > 0 {
            var failure: Int32 = 0
            let written = unsafe room.withUnsafeMutableBufferPointer { buffer in
                var target = buffer.baseAddress
                var free = buffer.count
                if unsafe iconv(converter, &next, &left, &target, &free) == -1 {
                    failure = errno
                }
                return buffer.count - free
            }
            output.append(contentsOf: room[..<written].lazy.map { UInt8(bitPattern: $0) })
            guard failure != 0, failure != E2BIG || written == 0 else { continue }
            // Not a character of this encoding, or a part of one at the end: go on behind its first byte.
            output.append(contentsOf: replacement)
            unsafe next = next?.advanced(by: 1)
            left -= 1
        }
        return output
    }
}
