// SPDX-License-Identifier: Apache-2.0

/// What a FHIR document may have at most.
enum FHIRLimits {
    /// Bytes; a study of 3,000 instances has 0.6 MB.
    static let bytes = 16 << 20
    /// Values of all kinds; an instance has eight.
    static let values = 1 << 19
    /// Arrays and objects around a value; a manifest needs 11.
    static let depth = 32
}

extension FHIRValue {
    /// Reads one document (RFC 8259), refusing what two readers could understand differently: a member named
    /// twice, a lone surrogate, bytes after the end.
    init(parsing bytes: [UInt8]) throws(FHIRError) {
        guard bytes.count <= FHIRLimits.bytes else {
            throw FHIRError(
                place: "document",
                found: "\(bytes.count) bytes",
                expected: "at most \(FHIRLimits.bytes)"
            )
        }
        var parser = FHIRParser(bytes: bytes)
        self = try parser.document()
    }
}

private struct FHIRParser {
    let bytes: [UInt8]
    var position = 0
    var values = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func document() throws(FHIRError) -> FHIRValue {
        let value = try value(depth: 0)
        skipSpace()
        if position < bytes.count { throw mismatch("the end") }
        return value
    }

    private var byte: UInt8? { position < bytes.count ? bytes[position] : nil }

    private func mismatch(_ expected: String) -> FHIRError {
        let place = "byte \(position)"
        guard let byte else { return FHIRError(place: place, found: "the end", expected: expected) }
        let isPrintable = (0x20..<0x7F).contains(byte)
        return FHIRError(
            place: place,
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

    private mutating func value(depth: Int) throws(FHIRError) -> FHIRValue {
        skipSpace()
        values += 1
        if values > FHIRLimits.values { throw mismatch("at most \(FHIRLimits.values) values") }
        if depth > FHIRLimits.depth { throw mismatch("at most \(FHIRLimits.depth) levels") }
        switch byte {
        case UInt8(ascii: "{"): return .object(try object(depth: depth))
        case UInt8(ascii: "["): return .array(try array(depth: depth))
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return .number(try number())
        }
    }

    private mutating func word(_ word: StaticString, _ value: FHIRValue) throws(FHIRError) -> FHIRValue {
        for character in "\(word)".utf8 {
            if byte != character { throw mismatch("\(word)") }
            position += 1
        }
        return value
    }

    private mutating func array(depth: Int) throws(FHIRError) -> [FHIRValue] {
        position += 1
        var elements: [FHIRValue] = []
        skipSpace()
        if take("]") { return elements }
        while true {
            elements.append(try value(depth: depth + 1))
            skipSpace()
            if take("]") { return elements }
            if !take(",") { throw mismatch("',' or ']'") }
        }
    }

    private mutating func object(depth: Int) throws(FHIRError) -> [FHIRValue.Member] {
        position += 1
        var members: [FHIRValue.Member] = []
        var names: Set<String> = []
        skipSpace()
        if take("}") { return members }
        while true {
            skipSpace()
            guard byte == UInt8(ascii: "\"") else { throw mismatch("a member's name") }
            let start = position
            let name = try string()
            guard names.insert(name).inserted else {
                throw FHIRError(
                    place: "byte \(start)",
                    found: "\"\(name.shortened)\" twice",
                    expected: "each member once"
                )
            }
            skipSpace()
            if !take(":") { throw mismatch("':'") }
            members.append(.init(name: name, value: try value(depth: depth + 1)))
            skipSpace()
            if take("}") { return members }
            if !take(",") { throw mismatch("',' or '}'") }
        }
    }

    /// The digits of a number, of the form that RFC 8259 6 has.
    private mutating func number() throws(FHIRError) -> String {
        let start = position
        let isNegative = take("-")
        if !take("0") { try digits(isNegative ? "a digit" : "a value") }
        if take(".") { try digits("a digit") }
        if take("e") || take("E") {
            if !take("+") { _ = take("-") }
            try digits("a digit")
        }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    private mutating func digits(_ expected: String) throws(FHIRError) {
        let start = position
        while let byte, (0x30...0x39).contains(byte) { position += 1 }
        if position == start { throw mismatch(expected) }
    }

    private mutating func string() throws(FHIRError) -> String {
        position += 1
        let start = position
        var content: [UInt8] = []
        while true {
            let plain = position
            while let byte, byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
                position += 1
            }
            content += bytes[plain..<position]
            guard let byte, byte >= 0x20 else { throw mismatch("a character of a string") }
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: content, as: UTF8.self) else {
                    throw FHIRError(
                        place: "string at byte \(start)",
                        found: "ill-formed text",
                        expected: "UTF-8"
                    )
                }
                return text
            default: content += UTF8.encode(try escape()).map(Array.init) ?? []
            }
        }
    }

    private mutating func escape() throws(FHIRError) -> Unicode.Scalar {
        let character = byte
        position += 1
        switch character {
        case UInt8(ascii: "\""): return "\""
        case UInt8(ascii: "\\"): return "\\"
        case UInt8(ascii: "/"): return "/"
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return try unicodeEscape()
        default:
            position -= 1
            throw mismatch("an escape")
        }
    }

    private mutating func unicodeEscape() throws(FHIRError) -> Unicode.Scalar {
        let unit = try fourDigits()
        if let scalar = Unicode.Scalar(unit) { return scalar }
        if UTF16.isLeadSurrogate(unit), take("\\"), take("u") {
            let trail = try fourDigits()
            let value = 0x1_0000 + (UInt32(unit & 0x3FF) << 10) + UInt32(trail & 0x3FF)
            if UTF16.isTrailSurrogate(trail), let scalar = Unicode.Scalar(value) { return scalar }
        }
        throw mismatch("a pair of surrogates")
    }

    private mutating func fourDigits() throws(FHIRError) -> UInt16 {
        var value: UInt16 = 0
        for _ in 0..<4 {
            guard let byte, let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else {
                throw mismatch("a hexadecimal digit")
            }
            value = value << 4 | UInt16(digit)
            position += 1
        }
        return value
    }
}
