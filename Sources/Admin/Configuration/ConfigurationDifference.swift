// SPDX-License-Identifier: Apache-2.0

/// One value that differs between two documents.
package struct ConfigurationDifference: Codable, Equatable, Sendable {
    /// `network.interfaces[care0].ipv4.address`; elements of lists that have names are told by them.
    package let path: String
    /// JSON text; absent where there was nothing.
    package let old: String?
    package let new: String?

    package init(path: String, old: String?, new: String?) {
        self.path = path
        self.old = old
        self.new = new
    }

    /// What a change asks of those who use the box.
    package enum Class: String, Codable, Sendable {
        /// Nobody notices.
        case live
        /// Connections break, or others have to know.
        case disruptive
    }

    package var changeClass: Class {
        let quiet = ["network.dns", "network.ntp", "network.proxy", "network.firewall"]
        if quiet.contains(where: { path == $0 || path.hasPrefix($0 + ".") || path.hasPrefix($0 + "[") }) {
            return .live
        }
        return path.hasPrefix("network.") && path.contains(".routes") ? .live : .disruptive
    }

    /// All of them, in the order of their paths.
    package static func between(_ old: JSONValue, _ new: JSONValue) -> [Self] {
        var list: [Self] = []
        compare(old, new, "", &list)
        return list
    }

    private static func compare(_ old: JSONValue?, _ new: JSONValue?, _ path: String, _ list: inout [Self]) {
        if old == new { return }
        switch (old, new) {
        case (.object(let left)?, .object(let right)?):
            for key in Set(left.keys).union(right.keys).sorted() {
                compare(left[key], right[key], path.isEmpty ? key : "\(path).\(key)", &list)
            }
        case (.array(let left)?, .array(let right)?):
            guard let named = named(left, right) else {
                for index in 0..<max(left.count, right.count) {
                    let pair = (left.element(index), right.element(index))
                    compare(pair.0, pair.1, "\(path)[\(index)]", &list)
                }
                return
            }
            for name in named.names { compare(named.old[name], named.new[name], "\(path)[\(name)]", &list) }
        default:
            let texts = (old.flatMap(\.line), new.flatMap(\.line))
            if texts.0 != texts.1 { list.append(Self(path: path, old: texts.0, new: texts.1)) }
        }
    }

    private static func named(
        _ old: [JSONValue],
        _ new: [JSONValue]
    ) -> (old: [String: JSONValue], new: [String: JSONValue], names: [String])? {
        guard let left = byName(old), let right = byName(new) else { return nil }
        return (left, right, Set(left.keys).union(right.keys).sorted())
    }

    private static func byName(_ elements: [JSONValue]) -> [String: JSONValue]? {
        var result: [String: JSONValue] = [:]
        for element in elements {
            guard case .object(let members) = element, let name = members["name"] ?? members["aeTitle"],
                case .string(let text) = name, result.updateValue(element, forKey: text) == nil
            else { return nil }
        }
        return result
    }
}

extension Array {
    fileprivate func element(_ index: Int) -> Element? {
        index < count ? self[index] : nil
    }
}

extension JSONValue {
    /// On one line; nil for null.
    fileprivate var line: String? {
        if self == .null { return nil }
        let text = text()
        return text.split(separator: "\n").map { $0.drop { $0 == " " } }.joined(separator: " ")
    }
}

extension JSONValue {
    /// The value at `path` (`network.interfaces[0].name`); nil where there is none.
    package subscript(path path: String) -> JSONValue? {
        var value = self
        for step in Self.steps(path) {
            switch (step, value) {
            case (.key(let key), .object(let members)):
                guard let next = members[key] else { return nil }
                value = next
            case (.index(let index), .array(let elements)):
                guard let next = elements.element(index) else { return nil }
                value = next
            default: return nil
            }
        }
        return value
    }

    /// This document with `value` at `path`; nil where the way there does not exist.
    package func setting(_ path: String, to value: JSONValue) -> JSONValue? {
        setting(Self.steps(path)[...], to: value)
    }

    private enum Step {
        case key(String)
        case index(Int)
    }

    private static func steps(_ path: String) -> [Step] {
        path.split(separator: ".").flatMap { part -> [Step] in
            part.split(separator: "[").map { piece in
                if piece.hasSuffix("]"), let index = Int(piece.dropLast()), index >= 0 {
                    return .index(index)
                }
                return .key(String(piece))
            }
        }
    }

    private func setting(_ steps: ArraySlice<Step>, to value: JSONValue) -> JSONValue? {
        guard let first = steps.first else { return value }
        let rest = steps.dropFirst()
        switch (first, self) {
        case (.key(let key), .object(var members)):
            guard let next = (members[key] ?? (rest.isEmpty ? .null : .object([:]))).setting(rest, to: value)
            else { return nil }
            members[key] = next
            return .object(members)
        case (.key, .null): return JSONValue.object([:]).setting(steps, to: value)
        case (.index(let index), .array(var elements)):
            guard index <= elements.count else { return nil }
            let old = index < elements.count ? elements[index] : .null
            guard let next = old.setting(rest, to: value) else { return nil }
            if index < elements.count { elements[index] = next } else { elements.append(next) }
            return .array(elements)
        default: return nil
        }
    }
}
