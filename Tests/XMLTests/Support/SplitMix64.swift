// SPDX-License-Identifier: Apache-2.0

struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// One to four places changed: a byte, a bit, a piece removed, doubled, or replaced by markup.
    mutating func mutate(_ bytes: [UInt8]) -> [UInt8] {
        let markup = [
            "<", ">", "/>", "</", "<!--", "-->", "<![CDATA[", "]]>", "&", "&#0;", "&lt;", "\"", "'", "=",
            " xmlns:a=''",
            "<!DOCTYPE a>", "<?xml", "?>", "\u{0}", "\u{FFFF}", " Id=\"a\"", "#", "xmlns=\"\"",
        ]
        var result = bytes
        for _ in 0..<Int.random(in: 1...4, using: &self) where !result.isEmpty {
            let start = Int.random(in: 0..<result.count, using: &self)
            let end = min(result.count, start + Int.random(in: 1...40, using: &self))
            switch Int.random(in: 0..<6, using: &self) {
            case 0: result[start] = UInt8.random(in: 0...255, using: &self)
            case 1: result[start] ^= 1 << UInt8.random(in: 0..<8, using: &self)
            case 2: result.removeSubrange(start..<end)
            case 3: result.insert(contentsOf: result[start..<end], at: start)
            case 4: result.removeSubrange(end...)
            default:
                result.replaceSubrange(
                    start..<start,
                    with: Array((markup.randomElement(using: &self) ?? "").utf8)
                )
            }
        }
        return result
    }
}
