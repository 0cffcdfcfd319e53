// SPDX-License-Identifier: Apache-2.0
import Linux

/// The character sets of a data set's text: Specific Character Set (0008,0005) (PS3.3 C.12.1.1.2). Escape
/// sequences (PS3.5 6.1.2.5.3) are followed whether or not the attribute announces their character set.
package struct SpecificCharacterSet: Equatable, Sendable {
    private enum Kind: Equatable, Sendable {
        case utf8
        /// Multi-byte without escape sequences; iconv's name.
        case whole(CodeElement.Encoding)
        /// ISO 2022: what 8 bit characters are until an escape sequence, or from the start of the next value.
        case iso2022(CodeElement?)
    }

    private let kind: Kind

    /// The default repertoire, ISO IR 6.
    package static let `default` = SpecificCharacterSet(kind: .iso2022(nil))

    private init(kind: Kind) {
        self.kind = kind
    }

    /// The attribute's value lies in `range`, backslashes included. Value 1 decides; what is unknown counts as the
    /// default repertoire.
    package init(_ bytes: RawSpan, _ range: Range<Int>) {
        var upper = range.lowerBound
        while upper < range.upperBound, bytes[upper] != UInt8(ascii: "\\") { upper += 1 }
        let first = bytes.trimmed(range.lowerBound..<upper)
        // "ISO_IR 100", "ISO 2022 IR 100", and the misspellings of the field: the number at the end.
        var number = 0
        var digits = first.upperBound
        while digits > first.lowerBound, (0x30...0x39).contains(bytes[digits - 1]) { digits -= 1 }
        for offset in digits..<first.upperBound where number < 1_000_000 {
            number = 10 * number + Int(bytes[offset] - 0x30)
        }
        let initial = first.isEmpty ? 0 : bytes[first.lowerBound] & 0xDF
        switch (initial, number) {
        case (UInt8(ascii: "I"), 192), (UInt8(ascii: "U"), _): kind = .utf8
        case (UInt8(ascii: "G"), 18030): kind = .whole(.gb18030)
        case (UInt8(ascii: "G"), 0): kind = .whole(.gbk)
        default: kind = .iso2022(CodeElement(registration: number))
        }
    }

    /// The text in `range` without padding. Each byte that is no character becomes U+FFFD.
    package func decode(_ bytes: RawSpan, _ range: Range<Int>) -> String {
        decodeAll(bytes, bytes.trimmed(range), isPersonName: false)
    }

    /// The text in `range`, padding and delimiters included.
    func decodeAll(_ bytes: RawSpan, _ range: Range<Int>, isPersonName: Bool) -> String {
        if kind == .utf8 || bytes.isPlainASCII(range) { return bytes.string(range) }
        switch kind {
        case .utf8: return bytes.string(range)
        case .whole(let encoding):
            var output: [UInt8] = []
            TextConverter.appendUTF8(bytes.array(range), from: encoding.rawValue, to: &output)
            return String(decoding: output, as: UTF8.self)
        case .iso2022(let initial):
            var decoder = ISO2022Decoder(initialG1: initial, isPersonName: isPersonName)
            return decoder.decode(bytes.array(range))
        }
    }
}

extension SpecificCharacterSet {
    /// Whether `encode` writes all of `text`.
    func has(_ text: String) -> Bool {
        let isLatin = kind == .iso2022(.single(.latin1))
        return kind == .utf8
            || text.unicodeScalars.allSatisfy {
                $0.isASCII || isLatin && (0xA0...0xFF).contains($0.value)
            }
    }

    /// Text to be sent: UTF-8, Latin 1, or ASCII for every other set; what the set has not becomes "?".
    func encode(_ text: String) -> [UInt8] {
        if kind == .utf8 { return Array(text.utf8) }
        let isLatin = kind == .iso2022(.single(.latin1))
        return text.unicodeScalars.map { scalar in
            let isThere = scalar.isASCII || isLatin && (0xA0...0xFF).contains(scalar.value)
            return isThere ? UInt8(truncatingIfNeeded: scalar.value) : UInt8(ascii: "?")
        }
    }
}

/// A set of 8 bit characters that can be in G1, or one of two bytes that can be in G0 (PS3.3 Tables C.12-3, C.12-4).
enum CodeElement: Equatable, Sendable {
    case single(Encoding)
    /// JIS X 0201 katakana.
    case katakana
    /// KS X 1001 or GB 2312 in G1.
    case double(Encoding)
    case jisX0208
    case jisX0212

    /// Names that iconv knows. Every one has ASCII in its lower half.
    enum Encoding: String, Sendable {
        case latin1 = "ISO-8859-1"
        case latin2 = "ISO-8859-2"
        case latin3 = "ISO-8859-3"
        case latin4 = "ISO-8859-4"
        case cyrillic = "ISO-8859-5"
        case arabic = "ISO-8859-6"
        case greek = "ISO-8859-7"
        case hebrew = "ISO-8859-8"
        case latin5 = "ISO-8859-9"
        case latin9 = "ISO-8859-15"
        case thai = "TIS-620"
        case japanese = "EUC-JP"
        case korean = "EUC-KR"
        case simplifiedChinese = "EUC-CN"
        case gb18030 = "GB18030"
        case gbk = "GBK"
    }

    /// By number in the ISO International Register; nil for ISO IR 6 and for what has no 8 bit characters.
    init?(registration: Int) {
        switch registration {
        case 100: self = .single(.latin1)
        case 101: self = .single(.latin2)
        case 109: self = .single(.latin3)
        case 110: self = .single(.latin4)
        case 144: self = .single(.cyrillic)
        case 127: self = .single(.arabic)
        case 126: self = .single(.greek)
        case 138: self = .single(.hebrew)
        case 148: self = .single(.latin5)
        case 203: self = .single(.latin9)
        case 166: self = .single(.thai)
        case 13: self = .katakana
        case 149: self = .double(.korean)
        case 58: self = .double(.simplifiedChinese)
        default: return nil
        }
    }
}
