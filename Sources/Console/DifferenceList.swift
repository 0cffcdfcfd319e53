// SPDX-License-Identifier: Apache-2.0
import Admin

/// Differences as lines, a line for each thing that has a name.
struct DifferenceList {
    let lines: [String]

    init(_ differences: [ConfigurationDifference], _ text: ConsoleText) {
        if differences.isEmpty {
            lines = [text.noDifferences]
            return
        }
        let isDisruptive = differences.contains { $0.changeClass == .disruptive }
        let rows = differences.flatMap { difference -> [String] in
            let (old, new) = (Self.parsed(difference.old), Self.parsed(difference.new))
            // A whole section comes or goes: told part by part.
            if old == nil, let new { return Self.parts(difference.path, new).map { "  + \($0)" } }
            if new == nil, let old { return Self.parts(difference.path, old).map { "  - \($0)" } }
            let texts = (Self.short(old ?? .null), Self.short(new ?? .null))
            return ["    \(difference.path)  \(texts.0) -> \(texts.1)"]
        }
        lines = [isDisruptive ? text.disruptiveDifferences : text.differences] + rows
    }

    private static func parsed(_ json: String?) -> JSONValue? {
        json.map { (try? JSONValue(parsing: Array($0.utf8))) ?? .string($0) }
    }

    /// Sections are opened; what has a name, and everything that is small, takes one line.
    private static func parts(_ path: String, _ value: JSONValue) -> [String] {
        switch value {
        case .object(let members) where members["name"] == nil && members["aeTitle"] == nil:
            let isSmall = members.values.allSatisfy { !$0.hasParts }
            if isSmall { break }
            return members.sorted { $0.key < $1.key }.flatMap { parts("\(path).\($0.key)", $0.value) }
        case .array(let elements) where elements.contains(where: \.hasParts):
            return elements.enumerated().flatMap { index, element in
                var label = "\(index)"
                if case .string(let name)? = element[path: "name"] ?? element[path: "aeTitle"] {
                    label = name
                }
                return parts("\(path)[\(label)]", element)
            }
        case .null: return []
        default: break
        }
        let words = short(value)
        return words.isEmpty ? [] : ["\(path)  \(words)"]
    }

    /// Without quotes, braces, and what is empty.
    private static func short(_ value: JSONValue) -> String {
        switch value {
        case .null: "-"
        case .string(let text): text
        case .bool, .integer, .number: value.text()
        case .array(let elements): elements.map(short).joined(separator: " ")
        case .object(let members):
            members.sorted { $0.key < $1.key }.compactMap { key, member in
                let words = member == .null ? "" : short(member)
                return words.isEmpty ? nil : "\(key) \(words)"
            }.joined(separator: ", ")
        }
    }
}

extension JSONValue {
    /// Holds more than plain values.
    fileprivate var hasParts: Bool {
        switch self {
        case .object(let members): !members.isEmpty
        case .array(let elements):
            elements.contains { if case .object = $0 { true } else { false } }
        case .null, .bool, .integer, .number, .string: false
        }
    }
}
