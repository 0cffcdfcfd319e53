// SPDX-License-Identifier: Apache-2.0

/// A JSON value as FHIR resources are made of them (R4 2.6.2). Members keep their order, and numbers their
/// digits: they may be decimals whose precision counts.
indirect enum FHIRValue: Equatable, Sendable {
    struct Member: Equatable, Sendable {
        let name: String
        let value: FHIRValue
    }

    case null
    case bool(Bool)
    case number(String)
    case string(String)
    case array([FHIRValue])
    case object([Member])

    /// A text; nil where it is empty, which FHIR has no text for.
    static func text(_ text: String?) -> FHIRValue? {
        text.flatMap { $0.isEmpty ? nil : .string($0) }
    }

    /// For an error message: short, and telling the type.
    var evidence: String {
        switch self {
        case .null: "null"
        case .bool(let value): "\(value)"
        case .number(let digits): digits.shortened
        case .string(let text): "\"\(text.shortened)\""
        case .array: "an array"
        case .object: "an object"
        }
    }

    /// Appends the value without white space.
    func append(to output: inout [UInt8]) {
        switch self {
        case .null: output.append(json: "null")
        case .bool(let value): output.append(json: "\(value)")
        case .number(let digits): output.append(json: digits)
        case .string(let text): output.append(jsonString: text)
        case .array(let elements):
            output.append(json: "[")
            for (index, element) in elements.enumerated() {
                if index > 0 { output.append(json: ",") }
                element.append(to: &output)
            }
            output.append(json: "]")
        case .object(let members):
            output.append(json: "{")
            for (index, member) in members.enumerated() {
                if index > 0 { output.append(json: ",") }
                output.append(jsonString: member.name)
                output.append(json: ":")
                member.value.append(to: &output)
            }
            output.append(json: "}")
        }
    }
}

// MARK: Trees as they are written

extension FHIRValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral {
    init(stringLiteral text: String) { self = .string(text) }

    init(integerLiteral number: Int) { self = .number("\(number)") }

    init(arrayLiteral elements: FHIRValue...) { self = .array(elements) }
}

/// Members that are nil or an empty list are left out: FHIR has no empty lists.
extension FHIRValue: ExpressibleByDictionaryLiteral {
    init(dictionaryLiteral members: (String, FHIRValue?)...) {
        self = .object(
            members.compactMap { name, value in
                guard let value, value != .array([]) else { return nil }
                return Member(name: name, value: value)
            }
        )
    }
}

extension String {
    /// At most 64 characters, without line breaks and other control characters.
    var shortened: String {
        var scalars = String.UnicodeScalarView()
        for scalar in unicodeScalars.prefix(64) { scalars.append(scalar.value < 0x20 ? " " : scalar) }
        return String(scalars) + (unicodeScalars.dropFirst(64).isEmpty ? "" : "…")
    }
}

/// What of a FHIR document cannot be read: where, what is there, and what should be.
package struct FHIRError: Error, Equatable, Sendable, CustomStringConvertible {
    package let place: String
    package let found: String
    package let expected: String

    package var description: String { "\(place): found \(found), expected \(expected)" }
}
