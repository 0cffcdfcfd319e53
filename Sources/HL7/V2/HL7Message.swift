// SPDX-License-Identifier: Apache-2.0
import XML

/// A message of HL7 v2 in vertical bar form (chapter 2). Fields are cut when they are asked for: a document of fifty
/// megabytes in one of them is not copied before.
package struct HL7Message: Sendable {
    package struct Delimiters: Equatable, Sendable {
        let field: UInt8
        let component: UInt8
        let repetition: UInt8
        let escape: UInt8
        let subcomponent: UInt8
    }

    package enum CharacterSet: Equatable, Sendable {
        case utf8
        case latin1
        case latin9
    }

    package struct Segment: Sendable {
        package let name: String
        /// From 1, among all segments.
        package let number: Int
        fileprivate let fields: [ArraySlice<UInt8>]
        fileprivate let delimiters: Delimiters
        fileprivate let characterSet: CharacterSet
    }

    /// Beyond so many segments nobody means it.
    private static let maximumSegments = 20_000
    private static let maximumFields = 1000

    package let delimiters: Delimiters
    package let characterSet: CharacterSet
    package let segments: [Segment]

    /// - Throws: what keeps the message from being read at all.
    package init(_ bytes: [UInt8]) throws(HL7Error) {
        guard bytes.count >= 8, bytes.starts(with: Array("MSH".utf8)) else {
            throw HL7Error(.segmentSequence, "MSH", found: "no MSH at the start", expected: "MSH")
        }
        let delimiters = Delimiters(
            field: bytes[3],
            component: bytes[4],
            repetition: bytes[5],
            escape: bytes[6],
            subcomponent: bytes[7]
        )
        let five = [bytes[3], bytes[4], bytes[5], bytes[6], bytes[7]]
        guard Set(five).count == 5, five.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw HL7Error(.dataType, "MSH-2", found: "no five different delimiters", expected: "|^~\\&")
        }
        self.delimiters = delimiters
        var lines: [ArraySlice<UInt8>] = []
        var position = bytes.startIndex
        while position < bytes.endIndex {
            let end = bytes[position...].firstIndex { $0 == 0x0D || $0 == 0x0A } ?? bytes.endIndex
            if end > position { lines.append(bytes[position..<end]) }
            guard lines.count <= Self.maximumSegments else {
                let expected = "\(Self.maximumSegments) at most"
                throw HL7Error(.cardinality, "MSH", found: "more segments", expected: expected)
            }
            position = end + 1
        }
        let header = try Self.fields(of: lines[0], delimiters)
        let characterSet = try Self.characterSet(header)
        self.characterSet = characterSet
        var segments: [Segment] = []
        for (index, line) in lines.enumerated() {
            let fields = index == 0 ? header : try Self.fields(of: line, delimiters)
            let name = String(decoding: fields.first ?? [], as: UTF8.self)
            guard name.utf8.count == 3 else {
                throw HL7Error(
                    .segmentSequence,
                    "segment \(index + 1)",
                    found: "no name of three characters",
                    expected: "a segment"
                )
            }
            segments.append(
                Segment(
                    name: name,
                    number: index + 1,
                    fields: fields,
                    delimiters: delimiters,
                    characterSet: characterSet
                )
            )
        }
        self.segments = segments
    }

    private static func fields(of line: ArraySlice<UInt8>, _ delimiters: Delimiters) throws(HL7Error)
        -> [ArraySlice<UInt8>]
    {
        let fields = line.split(separator: delimiters.field, omittingEmptySubsequences: false)
        guard fields.count <= maximumFields else {
            throw HL7Error(
                .cardinality,
                "segment",
                found: "more fields",
                expected: "\(maximumFields) at most"
            )
        }
        return fields
    }

    /// MSH-18; text that cannot be in it is an error where it is read.
    private static func characterSet(_ header: [ArraySlice<UInt8>]) throws(HL7Error) -> CharacterSet {
        let name = header.count > 17 ? String(decoding: header[17], as: UTF8.self).uppercased() : ""
        switch name {
        case "", "UNICODE UTF-8", "UTF-8", "ASCII", "UNICODE": return .utf8
        case "8859/1", "ISO-8859-1": return .latin1
        case "8859/15", "ISO-8859-15": return .latin9
        default:
            throw HL7Error(
                .tableValue,
                "MSH-18",
                found: "another character set",
                expected: "UNICODE UTF-8, 8859/1 or 8859/15"
            )
        }
    }

    package func first(_ name: String) -> Segment? { segments.first { $0.name == name } }

    package func all(_ name: String) -> [Segment] { segments.filter { $0.name == name } }

    /// The first segment of this name.
    package func required(_ name: String) throws(HL7Error) -> Segment {
        guard let segment = first(name) else {
            throw HL7Error(.segmentSequence, name, found: "none", expected: "one")
        }
        return segment
    }
}

extension HL7Message.Segment {
    /// The bytes of a field; empty where it is absent. MSH-1 is the separator itself.
    package func bytes(_ field: Int) -> ArraySlice<UInt8> {
        let index = name == "MSH" ? field - 1 : field
        return fields.indices.contains(index) ? fields[index] : []
    }

    /// How often a field occurs.
    package func repetitions(_ field: Int) -> Int {
        bytes(field).split(separator: delimiters.repetition, omittingEmptySubsequences: false).count
    }

    /// A component of a repetition, all from 1, still escaped.
    package func bytes(_ field: Int, repetition: Int, component: Int) -> ArraySlice<UInt8> {
        let repetitions = bytes(field).split(
            separator: delimiters.repetition,
            omittingEmptySubsequences: false
        )
        guard repetitions.indices.contains(repetition - 1) else { return [] }
        let components = repetitions[repetition - 1].split(
            separator: delimiters.component,
            omittingEmptySubsequences: false
        )
        return components.indices.contains(component - 1) ? components[component - 1] : []
    }

    /// The text of a component or of one of its subcomponents, without escapes; nil where it is empty.
    package func text(
        _ field: Int,
        repetition: Int = 1,
        component: Int = 1,
        subcomponent: Int = 1
    ) throws(HL7Error) -> String? {
        let all = bytes(field, repetition: repetition, component: component)
        let parts = all.split(separator: delimiters.subcomponent, omittingEmptySubsequences: false)
        guard parts.indices.contains(subcomponent - 1), !parts[subcomponent - 1].isEmpty else { return nil }
        let text = try decode(parts[subcomponent - 1], "\(name)-\(field)")
        // "" in quotes deletes a value (2.5.3).
        return text == "\"\"" ? nil : text
    }

    package func required(_ field: Int, repetition: Int = 1, component: Int = 1) throws(HL7Error) -> String {
        guard let text = try text(field, repetition: repetition, component: component) else {
            throw HL7Error(.requiredField, "\(name)-\(field)", found: "nothing", expected: "a value")
        }
        return text
    }

    private func decode(_ bytes: ArraySlice<UInt8>, _ location: String) throws(HL7Error) -> String {
        var plain: [UInt8] = []
        plain.reserveCapacity(bytes.count)
        var position = bytes.startIndex
        while position < bytes.endIndex {
            guard bytes[position] == delimiters.escape,
                let end = bytes[(position + 1)...].firstIndex(of: delimiters.escape)
            else {
                plain.append(bytes[position])
                position += 1
                continue
            }
            unescape(bytes[(position + 1)..<end], into: &plain)
            position = end + 1
        }
        switch characterSet {
        case .utf8:
            guard let text = String(validating: plain, as: UTF8.self) else {
                throw HL7Error(
                    .dataType,
                    location,
                    found: "bytes that are no UTF-8",
                    expected: "the set of MSH-18"
                )
            }
            return text
        case .latin1: return String(String.UnicodeScalarView(plain.map { UnicodeScalar($0) }))
        case .latin9:
            return String(String.UnicodeScalarView(plain.map { TextEncoding.latin9($0) }))
        }
    }

    /// 2.7; what is not known is left out.
    private func unescape(_ sequence: ArraySlice<UInt8>, into plain: inout [UInt8]) {
        switch sequence.first {
        case UInt8(ascii: "F") where sequence.count == 1: plain.append(delimiters.field)
        case UInt8(ascii: "S") where sequence.count == 1: plain.append(delimiters.component)
        case UInt8(ascii: "R") where sequence.count == 1: plain.append(delimiters.repetition)
        case UInt8(ascii: "E") where sequence.count == 1: plain.append(delimiters.escape)
        case UInt8(ascii: "T") where sequence.count == 1: plain.append(delimiters.subcomponent)
        case UInt8(ascii: "X"):
            let digits = sequence.dropFirst().compactMap { Character(UnicodeScalar($0)).hexDigitValue }
            guard digits.count == sequence.count - 1 else { return }
            for pair in stride(from: 0, to: digits.count - 1, by: 2) {
                plain.append(UInt8(digits[pair] << 4 | digits[pair + 1]))
            }
        case UInt8(ascii: ".") where sequence.elementsEqual(".br".utf8): plain.append(0x0A)
        default: break
        }
    }
}
