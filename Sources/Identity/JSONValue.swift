// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials

/// JSON of which a member of another type than expected is as good as none.
enum JSONValue: Equatable, Sendable {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    /// Nil where the text is no JSON (RFC 8259).
    init?(reading json: [UInt8]) {
        guard let value = try? JSONDecoder().decode(JSONValue.self, from: Data(json)) else { return nil }
        self = value
    }

    subscript(name: String) -> JSONValue? {
        if case .object(let members) = self { members[name] } else { nil }
    }

    var isObject: Bool { if case .object = self { true } else { false } }

    /// Text that says something, on one line: without control characters, not empty.
    var text: String? {
        guard case .string(let value) = self, !value.isEmpty,
            value.unicodeScalars.allSatisfy({ $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) })
        else { return nil }
        return value
    }

    var elements: [JSONValue] { if case .array(let values) = self { values } else { [] } }

    /// One text, or several.
    var texts: [String] { text.map { [$0] } ?? elements.compactMap(\.text) }

    /// NumericDate (RFC 7519 2), or a duration: whole seconds.
    var seconds: Int64? {
        // Every integer up to 2^53 is a Double.
        guard case .number(let value) = self, value.magnitude <= 9_007_199_254_740_992 else { return nil }
        return Int64(value)
    }
}

extension JSONValue: Decodable {
    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }
}
