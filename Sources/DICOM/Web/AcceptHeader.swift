// SPDX-License-Identifier: Apache-2.0

/// The media ranges a request accepts (RFC 9110 12.5.1), in the forms that the field sends: several headers,
/// joined by commas, with empty members, and the bare `transfer-syntax=...;q=...;boundary=**` of DRIMbox clients.
package struct AcceptHeader: Equatable, Sendable {
    /// Bytes of all header values together.
    package static let maximumLength = 16 << 10
    package static let maximumRanges = 64

    /// As sent; none when the header is missing.
    package let ranges: [MediaRange]

    package static func parse(_ values: [String]) throws(AcceptError) -> AcceptHeader {
        guard values.reduce(0, { $0 + $1.utf8.count }) <= maximumLength else {
            throw .tooLong(limit: maximumLength)
        }
        var ranges: [MediaRange] = []
        for value in values {
            for member in try QuotedText.split(value, at: ",") where !member.isEmpty {
                guard ranges.count < maximumRanges else { throw .tooManyRanges(limit: maximumRanges) }
                ranges.append(try MediaRange(member))
            }
        }
        return AcceptHeader(ranges: ranges)
    }
}

/// A media type or range with its parameters (RFC 9110 8.3.1).
package struct MediaRange: Equatable, Sendable {
    /// Lower case: "multipart/related", "*/*".
    package let type: String
    /// Lower case names, values without their quotes; "q" is not among them.
    package let parameters: [Parameter]
    /// Thousandths, 0 to 1000 (RFC 9110 12.4.2).
    package let quality: Int

    package struct Parameter: Equatable, Sendable {
        package let name: String
        package let value: String
    }

    package init(_ text: some StringProtocol) throws(AcceptError) {
        var members = try QuotedText.split(text, at: ";")[...]
        guard let first = members.first else { throw .invalidMediaRange(PercentEncoding.printable(text)) }
        var parameters: [Parameter] = []
        if first.contains("=") {
            // The bare form: the media type is understood.
            type = "multipart/related"
            parameters.append(Parameter(name: "type", value: "application/dicom"))
        } else {
            members.removeFirst()
            type = first.lowercased()
            guard Self.isType(type) else { throw .invalidMediaRange(PercentEncoding.printable(first)) }
        }
        var quality = 1000
        for member in members where !member.isEmpty {
            let parameter = try Self.parameter(member)
            if parameter.name == "q" {
                quality = try Self.quality(parameter.value)
            } else {
                parameters.append(parameter)
            }
        }
        self.parameters = parameters
        self.quality = quality
    }

    /// Every value of the parameter `name`.
    package func values(_ name: String) -> [String] {
        parameters.filter { $0.name == name }.map(\.value)
    }

    private static func isType(_ text: String) -> Bool {
        let halves = text.split(separator: "/", omittingEmptySubsequences: false)
        return halves.count == 2 && halves.allSatisfy { !$0.isEmpty && $0.utf8.allSatisfy(isTokenByte) }
    }

    /// RFC 9110 5.6.2, as far as media types use it.
    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: "!#$&^_.+-*".utf8.contains(byte)
        }
    }

    private static func parameter(_ text: String) throws(AcceptError) -> Parameter {
        let halves = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let name = QuotedText.trim(halves[0]).lowercased()
        guard halves.count == 2, !name.isEmpty else {
            throw .invalidParameter(PercentEncoding.printable(text))
        }
        return Parameter(name: name, value: QuotedText.unquote(QuotedText.trim(halves[1])))
    }

    /// "1", "0.9", ".9", "0.123".
    private static func quality(_ text: String) throws(AcceptError) -> Int {
        let halves = text.split(separator: ".", omittingEmptySubsequences: false)
        let isNumber = halves.allSatisfy { $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }
        guard (1...2).contains(halves.count), isNumber, (1...16).contains(text.utf8.count),
            let whole = halves[0].isEmpty && halves.count == 2 ? 0 : Int(halves[0]), whole <= 1
        else { throw .invalidQuality(PercentEncoding.printable(text)) }
        let digits = halves.count == 2 ? String(halves[1].prefix(3)) : ""
        let thousandths = Int(digits + String(repeating: "0", count: 3 - digits.utf8.count)) ?? 0
        guard whole * 1000 + thousandths <= 1000 else {
            throw .invalidQuality(PercentEncoding.printable(text))
        }
        return whole * 1000 + thousandths
    }
}

/// Header text with quoted strings in it (RFC 9110 5.6.4).
enum QuotedText {
    /// The trimmed members of `text`; a separator within quotes does not separate.
    static func split(_ text: some StringProtocol, at separator: Character) throws(AcceptError) -> [String] {
        var members: [String] = []
        var member = String.UnicodeScalarView()
        var isQuoted = false
        var isEscaped = false
        for scalar in text.unicodeScalars {
            if scalar == separator.unicodeScalars.first, !isQuoted {
                members.append(trim(String(member)))
                member = String.UnicodeScalarView()
                continue
            }
            if scalar == "\"", !isEscaped { isQuoted.toggle() }
            isEscaped = isQuoted && scalar == "\\" && !isEscaped
            member.append(scalar)
        }
        guard !isQuoted else { throw .unterminatedQuote }
        members.append(trim(String(member)))
        return members
    }

    static func trim(_ text: some StringProtocol) -> String {
        var bytes = Array(text.utf8)[...]
        while let last = bytes.last, last == 0x20 || last == 0x09 { bytes.removeLast() }
        while let first = bytes.first, first == 0x20 || first == 0x09 { bytes.removeFirst() }
        return String(decoding: bytes, as: UTF8.self)
    }

    static func unquote(_ text: String) -> String {
        let scalars = text.unicodeScalars
        guard scalars.count >= 2, scalars.first == "\"", scalars.last == "\"" else { return text }
        var result = String.UnicodeScalarView()
        var isEscaped = false
        for scalar in scalars.dropFirst().dropLast() {
            if scalar == "\\", !isEscaped {
                isEscaped = true
            } else {
                isEscaped = false
                result.append(scalar)
            }
        }
        return String(result)
    }
}

/// An Accept header that cannot be read: 400 (Bad Request).
package enum AcceptError: Error, Equatable, CustomStringConvertible {
    case tooLong(limit: Int)
    case tooManyRanges(limit: Int)
    case unterminatedQuote
    case invalidMediaRange(String)
    case invalidParameter(String)
    case invalidQuality(String)

    package var description: String {
        switch self {
        case .tooLong(let limit): "Accept: found more bytes, expected at most \(limit)"
        case .tooManyRanges(let limit): "Accept: found more media ranges, expected at most \(limit)"
        case .unterminatedQuote: "Accept: found no closing quote, expected one"
        case .invalidMediaRange(let text): "Accept: found \(text), expected a media range"
        case .invalidParameter(let text): "Accept: parameter: found \(text), expected name=value"
        case .invalidQuality(let text): "Accept: q: found \(text), expected 0 to 1"
        }
    }
}
