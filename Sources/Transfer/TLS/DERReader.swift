// SPDX-License-Identifier: Apache-2.0

/// Goes through DER (X.690) element by element without building a tree: a revocation list may have a million.
struct DERReader {
    struct Element {
        let tag: UInt8
        let content: ArraySlice<UInt8>
        /// With tag and length.
        let whole: ArraySlice<UInt8>

        var reader: DERReader { DERReader(content) }
    }

    enum Tag {
        static let boolean: UInt8 = 0x01
        static let integer: UInt8 = 0x02
        static let bitString: UInt8 = 0x03
        static let octetString: UInt8 = 0x04
        static let objectIdentifier: UInt8 = 0x06
        static let enumerated: UInt8 = 0x0A
        static let utcTime: UInt8 = 0x17
        static let generalizedTime: UInt8 = 0x18
        static let sequence: UInt8 = 0x30

        static func context(_ number: UInt8) -> UInt8 { 0xA0 | number }
    }

    struct Malformed: Error {
        let expected: String
    }

    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) {
        rest = bytes
    }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func next() throws(Malformed) -> Element? {
        guard let tag = rest.first else { return nil }
        var position = rest.startIndex + 1
        guard position < rest.endIndex else { throw Malformed(expected: "a length") }
        var length = Int(rest[position])
        position += 1
        if length >= 0x80 {
            let octets = length & 0x7F
            guard (1...4).contains(octets), rest.endIndex - position >= octets else {
                throw Malformed(expected: "a length of at most 4 octets")
            }
            length = rest[position..<position + octets].reduce(0) { $0 << 8 | Int($1) }
            position += octets
        }
        guard rest.endIndex - position >= length else { throw Malformed(expected: "\(length) octets") }
        let end = position + length
        defer { rest = rest[end...] }
        return Element(tag: tag, content: rest[position..<end], whole: rest[rest.startIndex..<end])
    }

    /// The next element, which has this tag.
    mutating func next(_ tag: UInt8, _ name: String) throws(Malformed) -> Element {
        guard let element = try next(), element.tag == tag else { throw Malformed(expected: name) }
        return element
    }

    /// The next element where it has this tag; nothing is taken otherwise.
    mutating func optional(_ tags: UInt8...) throws(Malformed) -> Element? {
        guard let first = rest.first, tags.contains(first) else { return nil }
        return try next()
    }
}

extension DERReader.Element {
    /// Of an INTEGER, without leading zeros.
    var magnitude: [UInt8] { Array(content.drop { $0 == 0 }) }

    /// Of a BIT STRING of whole octets.
    func bits() throws(DERReader.Malformed) -> ArraySlice<UInt8> {
        guard content.first == 0 else { throw .init(expected: "a bit string of whole octets") }
        return content.dropFirst()
    }

    /// Of a UTCTime or GeneralizedTime in the one form of RFC 5280 4.1.2.5, in seconds since 1970.
    func seconds() throws(DERReader.Malformed) -> Int64 {
        let error = DERReader.Malformed(expected: "a time as RFC 5280 writes it")
        var digits = content
        guard digits.popLast() == UInt8(ascii: "Z"), digits.allSatisfy({ (0x30...0x39).contains($0) }) else {
            throw error
        }
        func number(_ count: Int) -> Int64 {
            defer { digits = digits.dropFirst(count) }
            return digits.prefix(count).reduce(0) { $0 * 10 + Int64($1 - 0x30) }
        }
        var year: Int64
        switch (tag, digits.count) {
        case (DERReader.Tag.utcTime, 12):
            year = number(2)
            year += year < 50 ? 2000 : 1900
        case (DERReader.Tag.generalizedTime, 14): year = number(4)
        default: throw error
        }
        let (month, day) = (number(2), number(2))
        let (hour, minute, second) = (number(2), number(2), number(2))
        guard (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second < 61 else {
            throw error
        }
        // Days from the civil date, years beginning in March.
        let shifted = month <= 2 ? year - 1 : year
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let days = shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + dayOfYear - 719_468
        return days * 86_400 + hour * 3600 + minute * 60 + second
    }
}
