// SPDX-License-Identifier: Apache-2.0
import Linux

/// Reads a multipart body (RFC 2046 5.1) as it arrives. Parts are not collected: their bytes are named where
/// they lie. Holds one part's header fields at most.
package struct MultipartReader: Sendable {
    package enum Event: Equatable, Sendable {
        case part(PartHeader)
        /// Bytes of the part, in the bytes just fed.
        case body(Range<Int>)
        /// Bytes of the part that looked like the start of a delimiter at the end of what was fed before.
        case heldBack([UInt8])
        case endOfPart
        /// What follows is ignored.
        case end
    }

    package struct PartHeader: Equatable, Sendable {
        package struct Field: Equatable, Sendable {
            /// Lower case.
            package let name: String
            package let value: String
        }

        package let fields: [Field]

        package func value(_ name: String) -> String? { fields.first { $0.name == name }?.value }
    }

    private enum State {
        /// Before the first delimiter.
        case preamble
        case body
        /// A delimiter has been read to its end.
        case endOfPart
        /// Behind a delimiter: CRLF, or two hyphens.
        case afterDelimiter
        case header
        case end
    }

    /// Bytes of one part's header fields.
    package static let maximumHeaderLength = 16 << 10
    package static let maximumParts = 100_000

    /// CRLF, two hyphens, boundary. CR occurs at its start only, so a failed match can only begin anew at a CR.
    private let delimiter: [UInt8]
    private var state = State.preamble
    /// Bytes of the delimiter matched. The first delimiter may stand at the very start, without CRLF.
    private var matched = 2
    /// How many of those lay in bytes fed before.
    private var held = 0
    private var line: [UInt8] = []
    private var parts = 0

    /// Nil where `boundary` is not one (RFC 2046 5.1.1: 1 to 70 characters).
    package init?(boundary: String) {
        let isPrintable = boundary.utf8.allSatisfy { (0x20...0x7E).contains($0) }
        guard (1...70).contains(boundary.utf8.count), isPrintable else { return nil }
        delimiter = Array("\r\n--\(boundary)".utf8)
    }

    /// Of a response with this Content-Type; nil when it is not multipart or has no boundary.
    package init?(contentType: String) {
        guard let type = try? MediaRange(contentType), type.type.hasPrefix("multipart/"),
            let boundary = type.values("boundary").first
        else { return nil }
        self.init(boundary: boundary)
    }

    /// Reads on from `offset`; nil when all bytes are consumed and more are needed.
    package mutating func next(_ bytes: RawSpan, _ offset: inout Int) throws(MultipartError) -> Event? {
        while offset < bytes.byteCount || state == .endOfPart {
            let event: Event?
            switch state {
            case .preamble, .body: event = readBody(bytes, &offset)
            case .endOfPart:
                state = .afterDelimiter
                event = .endOfPart
            case .afterDelimiter: event = try readAfterDelimiter(bytes, &offset)
            case .header: event = try readHeader(bytes, &offset)
            case .end:
                offset = bytes.byteCount
                event = nil
            }
            if let event { return event }
        }
        return nil
    }

    /// The body has ended: whether it was whole.
    package func finish() throws(MultipartError) {
        guard state == .end else { throw .truncated }
    }

    private mutating func readBody(_ bytes: RawSpan, _ offset: inout Int) -> Event? {
        let start = offset
        while offset < bytes.byteCount, matched < delimiter.count {
            if bytes[offset] == delimiter[matched] {
                matched += 1
                offset += 1
            } else if held > 0 {
                // The match began before these bytes: what was held back is the part's after all.
                let released = held
                (matched, held, offset) = (0, 0, start)
                if state == .body { return .heldBack(Array(delimiter[..<released])) }
            } else if matched > 0 {
                matched = 0
            } else {
                // A delimiter begins with the next CR, if it does.
                offset = bytes.firstIndex(of: delimiter[0], from: offset) ?? bytes.byteCount
            }
        }
        let end = max(offset - (matched - held), start)
        let isPart = state == .body
        if matched == delimiter.count {
            (matched, held) = (0, 0)
            state = isPart ? .endOfPart : .afterDelimiter
        } else {
            held = matched
        }
        return isPart && end > start ? .body(start..<end) : nil
    }

    private mutating func readAfterDelimiter(
        _ bytes: RawSpan,
        _ offset: inout Int
    ) throws(MultipartError) -> Event? {
        while offset < bytes.byteCount {
            let byte = bytes[offset]
            offset += 1
            // Transport padding (RFC 2046 5.1.1).
            if line.isEmpty, byte == 0x20 || byte == 0x09 { continue }
            line.append(byte)
            guard line.count == 2 else { continue }
            if line == Array("--".utf8) {
                state = .end
                return .end
            }
            guard line == [0x0D, 0x0A] else { throw .invalidDelimiter }
            parts += 1
            guard parts <= Self.maximumParts else { throw .tooManyParts(limit: Self.maximumParts) }
            line = [0x0D, 0x0A]
            state = .header
            return nil
        }
        return nil
    }

    private mutating func readHeader(
        _ bytes: RawSpan,
        _ offset: inout Int
    ) throws(MultipartError) -> Event? {
        while offset < bytes.byteCount {
            guard line.count < Self.maximumHeaderLength else {
                throw .headerTooLong(limit: Self.maximumHeaderLength)
            }
            let byte = bytes[offset]
            line.append(byte)
            offset += 1
            guard byte == 0x0A, line.suffix(4) == [0x0D, 0x0A, 0x0D, 0x0A] else { continue }
            let header = try Self.fields(line)
            line = []
            state = .body
            return .part(header)
        }
        return nil
    }

    private static func fields(_ bytes: [UInt8]) throws(MultipartError) -> PartHeader {
        var fields: [PartHeader.Field] = []
        for line in bytes.split(separator: 0x0A) {
            let text = String(decoding: line.last == 0x0D ? line.dropLast() : line, as: UTF8.self)
            if text.isEmpty { continue }
            let halves = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard halves.count == 2 else { throw .invalidField }
            fields.append(
                PartHeader.Field(
                    name: QuotedText.trim(halves[0]).lowercased(),
                    value: QuotedText.trim(halves[1])
                )
            )
        }
        return PartHeader(fields: fields)
    }
}

/// A multipart body that cannot be read.
package enum MultipartError: Error, Equatable, CustomStringConvertible {
    case invalidDelimiter
    case invalidField
    case headerTooLong(limit: Int)
    case tooManyParts(limit: Int)
    case truncated

    package var description: String {
        switch self {
        case .invalidDelimiter: "multipart: delimiter: found other bytes, expected CRLF or two hyphens"
        case .invalidField: "multipart: part header: found a line without colon, expected a field"
        case .headerTooLong(let limit): "multipart: part header: found more bytes, expected at most \(limit)"
        case .tooManyParts(let limit): "multipart: found more parts, expected at most \(limit)"
        case .truncated: "multipart: found its end, expected the closing delimiter"
        }
    }
}
