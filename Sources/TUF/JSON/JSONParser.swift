// SPDX-License-Identifier: Apache-2.0

extension JSON {
    /// Levels of arrays and objects; metadata needs eight, and targets carry fields of their own.
    static let maximumDepth = 32

    /// Reads one document (RFC 8259), refusing what two readers could understand differently: a member named
    /// twice, a number that is not a 64-bit integer, a lone surrogate, bytes after the end.
    ///
    /// The caller bounds the length of `bytes`; depth is bounded here, so the stack is too.
    package init(parsing bytes: [UInt8]) throws(FormatError) {
        var parser = JSONParser(bytes: bytes)
        self = try parser.document()
    }
}

private struct JSONParser {
    let bytes: [UInt8]
    var position = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func document() throws(FormatError) -> JSON {
        let value = try value(depth: 0)
        skipSpace()
        if position < bytes.count { throw mismatch("the end") }
        return value
    }

    private var byte: UInt8? { position < bytes.count ? bytes[position] : nil }

    private func mismatch(_ expected: String, at offset: Int? = nil) -> FormatError {
        let offset = offset ?? position
        guard offset < bytes.count else {
            return FormatError(place: "byte \(offset)", found: "the end", expected: expected)
        }
        let byte = bytes[offset]
        let isPrintable = (0x20..<0x7F).contains(byte)
        return FormatError(
            place: "byte \(offset)",
            found: isPrintable ? "'\(Character(Unicode.Scalar(byte)))'" : "0x\(String(byte, radix: 16))",
            expected: expected
        )
    }

    private mutating func skipSpace() {
        while let byte, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard byte == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func value(depth: Int) throws(FormatError) -> JSON {
        skipSpace()
        switch byte {
        case UInt8(ascii: "{"): return .object(try object(depth: depth + 1))
        case UInt8(ascii: "["): return .array(try array(depth: depth + 1))
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return .integer(try integer())
        }
    }

    private mutating func word(_ word: StaticString, _ value: JSON) throws(FormatError) -> JSON {
        for character in "\(word)".utf8 {
            if byte != character { throw mismatch("\(word)") }
            position += 1
        }
        return value
    }

    private func checkDepth(_ depth: Int) throws(FormatError) {
        if depth > JSON.maximumDepth { throw mismatch("at most \(JSON.maximumDepth) levels") }
    }

    private mutating func array(depth: Int) throws(FormatError) -> [JSON] {
        try checkDepth(depth)
        position += 1
        var elements: [JSON] = []
        skipSpace()
        if take("]") { return elements }
        while true {
            elements.append(try value(depth: depth))
            skipSpace()
            if take("]") { return elements }
            if !take(",") { throw mismatch("',' or ']'") }
        }
    }

    private mutating func object(depth: Int) throws(FormatError) -> NameMap<JSON> {
        try checkDepth(depth)
        let start = position
        position += 1
        var members: [NameMap<JSON>.Entry] = []
        skipSpace()
        if take("}") { return NameMap() }
        while true {
            skipSpace()
            if byte != UInt8(ascii: "\"") { throw mismatch("a member's name") }
            let name = try string()
            skipSpace()
            if !take(":") { throw mismatch("':'") }
            members.append(.init(name: name, value: try value(depth: depth)))
            skipSpace()
            if take("}") { break }
            if !take(",") { throw mismatch("',' or '}'") }
        }
        guard let map = NameMap(unsorted: members) else {
            throw FormatError(
                place: "object at byte \(start)",
                found: "a member twice",
                expected: "each member once"
            )
        }
        return map
    }

    private mutating func integer() throws(FormatError) -> Int {
        let start = position
        let isNegative = take("-")
        let firstDigit = position
        var value = 0
        while let byte, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
            let digit = Int(byte - UInt8(ascii: "0"))
            let (product, overflows) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflowsToo) = product.addingReportingOverflow(isNegative ? -digit : digit)
            if overflows || overflowsToo { throw mismatch("a 64-bit integer", at: start) }
            value = sum
            position += 1
        }
        if position == firstDigit { throw mismatch("a value") }
        if bytes[firstDigit] == UInt8(ascii: "0"), position > firstDigit + 1 || isNegative {
            throw mismatch("an integer without leading zeros", at: start)
        }
        if byte == UInt8(ascii: ".") || byte == UInt8(ascii: "e") || byte == UInt8(ascii: "E") {
            throw mismatch("an integer")
        }
        return value
    }

    private mutating func string() throws(FormatError) -> String {
        position += 1
        let start = position
        var content: [UInt8] = []
        while true {
            guard let byte, byte >= 0x20 else { throw mismatch("a character of a string") }
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: content, as: UTF8.self) else {
                    throw FormatError(
                        place: "string at byte \(start)",
                        found: "ill-formed text",
                        expected: "UTF-8"
                    )
                }
                return text
            case UInt8(ascii: "\\"): content += UTF8.encode(try escape()).map(Array.init) ?? []
            default: content.append(byte)
            }
        }
    }

    private mutating func escape() throws(FormatError) -> Unicode.Scalar {
        guard let byte else { throw mismatch("an escape") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""): return "\""
        case UInt8(ascii: "\\"): return "\\"
        case UInt8(ascii: "/"): return "/"
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return try unicodeEscape()
        default: throw mismatch("an escape", at: position - 1)
        }
    }

    private mutating func unicodeEscape() throws(FormatError) -> Unicode.Scalar {
        let start = position
        let unit = try fourDigits()
        if let scalar = Unicode.Scalar(unit) { return scalar }
        if UTF16.isLeadSurrogate(unit), take("\\"), take("u") {
            let trail = try fourDigits()
            let value = 0x1_0000 + (UInt32(unit & 0x3FF) << 10) + UInt32(trail & 0x3FF)
            if UTF16.isTrailSurrogate(trail), let scalar = Unicode.Scalar(value) { return scalar }
        }
        throw mismatch("a pair of surrogates", at: start)
    }

    private mutating func fourDigits() throws(FormatError) -> UInt16 {
        var value: UInt16 = 0
        for _ in 0..<4 {
            guard let byte, let digit = HexDigits.value(of: byte) else {
                throw mismatch("a hexadecimal digit")
            }
            value = value << 4 | UInt16(digit)
            position += 1
        }
        return value
    }
}
