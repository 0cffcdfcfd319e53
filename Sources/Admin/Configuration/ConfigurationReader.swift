// SPDX-License-Identifier: Apache-2.0

/// Reads one JSON object by its keys. What is wrong is noted and a placeholder is returned, so that one
/// reading finds every error; the caller throws `Findings.error` at the end.
struct ConfigurationReader {
    /// Shared by the readers of one document.
    final class Findings {
        private(set) var list: [ConfigurationError.Finding] = []

        func note(_ path: String, found: String, expected: String, code: String = "config.invalid") {
            list.append(ConfigurationError.Finding(path: path, found: found, expected: expected, code: code))
        }

        func check() throws(ConfigurationError) {
            if !list.isEmpty { throw ConfigurationError(findings: list) }
        }
    }

    let path: String
    let findings: Findings
    private let members: [String: JSONValue]
    private var known: Set<String> = []

    init(_ value: JSONValue, path: String = "", findings: Findings) {
        self.path = path
        self.findings = findings
        if case .object(let members) = value {
            self.members = members
        } else {
            members = [:]
            findings.note(path, found: value.evidence, expected: "an object")
        }
    }

    /// What is read.
    var value: JSONValue { .object(members) }

    func path(_ key: String) -> String {
        path.isEmpty ? key : "\(path).\(key)"
    }

    /// Notes the keys that nobody asked for. To be called when all keys are read.
    func finish() {
        for key in members.keys.sorted() where !known.contains(key) {
            let names = known.sorted().joined(separator: ", ")
            findings.note(path("\(key.prefix(80))"), found: "an unknown key", expected: "one of \(names)")
        }
    }

    /// The value of `key`; absent and `null` are the same.
    private mutating func value(_ key: String) -> JSONValue? {
        known.insert(key)
        let value = members[key]
        return value == .null ? nil : value
    }

    /// Members that somebody else reads.
    mutating func skip(_ keys: [String]) {
        known.formUnion(keys)
    }

    func note(_ key: String, found: String, expected: String) {
        findings.note(path(key), found: found, expected: expected)
    }

    private mutating func required(_ key: String, _ expected: String) -> JSONValue? {
        guard let value = value(key) else {
            note(key, found: "nothing", expected: expected)
            return nil
        }
        return value
    }

    // MARK: Kinds of value

    mutating func string(_ key: String, _ rule: StringRule) -> String {
        guard let value = required(key, rule.expected) else { return "" }
        return check(value, key, rule) ?? ""
    }

    mutating func optionalString(_ key: String, _ rule: StringRule) -> String? {
        value(key).flatMap { check($0, key, rule) }
    }

    mutating func integer(_ key: String, in range: ClosedRange<Int>, default standard: Int? = nil) -> Int {
        let expected = "an integer, \(range.lowerBound) to \(range.upperBound)"
        guard let value = standard == nil ? required(key, expected) : value(key) else {
            return standard ?? range.lowerBound
        }
        guard case .integer(let number) = value, range.contains(number) else {
            note(key, found: value.evidence, expected: expected)
            return standard ?? range.lowerBound
        }
        return number
    }

    mutating func optionalInteger(_ key: String, in range: ClosedRange<Int>) -> Int? {
        guard let value = value(key) else { return nil }
        guard case .integer(let number) = value, range.contains(number) else {
            note(
                key,
                found: value.evidence,
                expected: "an integer, \(range.lowerBound) to \(range.upperBound)"
            )
            return nil
        }
        return number
    }

    mutating func boolean(_ key: String, default standard: Bool) -> Bool {
        guard let value = value(key) else { return standard }
        guard case .bool(let flag) = value else {
            note(key, found: value.evidence, expected: "true or false")
            return standard
        }
        return flag
    }

    /// One of the raw values of `Choice`; required where there is no `default`.
    mutating func choice<Choice: RawRepresentable & CaseIterable>(
        _ key: String,
        default standard: Choice?,
        or fallback: Choice
    ) -> Choice where Choice.RawValue == String {
        let names = Choice.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: " or ")
        guard let value = standard == nil ? required(key, names) : value(key) else {
            return standard ?? fallback
        }
        guard case .string(let text) = value, let choice = Choice(rawValue: text) else {
            note(key, found: value.evidence, expected: names)
            return fallback
        }
        return choice
    }

    mutating func optionalChoice<Choice: RawRepresentable & CaseIterable>(_ key: String) -> Choice?
    where Choice.RawValue == String {
        guard let value = value(key) else { return nil }
        guard case .string(let text) = value, let choice = Choice(rawValue: text) else {
            let names = Choice.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: " or ")
            note(key, found: value.evidence, expected: names)
            return nil
        }
        return choice
    }

    /// The object under `key`, nil when it is absent.
    mutating func optionalObject(_ key: String) -> ConfigurationReader? {
        value(key).map { ConfigurationReader($0, path: path(key), findings: findings) }
    }

    mutating func object(_ key: String) -> ConfigurationReader? {
        required(key, "an object").map { ConfigurationReader($0, path: path(key), findings: findings) }
    }

    /// The elements of the array under `key` with their paths.
    mutating func array(_ key: String, count: ClosedRange<Int>) -> [(path: String, value: JSONValue)] {
        let expected = "an array of \(count.lowerBound) to \(count.upperBound) elements"
        guard let value = count.lowerBound > 0 ? required(key, expected) : value(key) else { return [] }
        guard case .array(let elements) = value else {
            note(key, found: value.evidence, expected: expected)
            return []
        }
        guard count.contains(elements.count) else {
            note(key, found: "\(elements.count) elements", expected: expected)
            return []
        }
        let path = path(key)
        return elements.enumerated().map { ("\(path)[\($0)]", $1) }
    }

    /// The texts of the array under `key`; those that break the rule are findings, and left out.
    mutating func strings(_ key: String, _ rule: StringRule, count: ClosedRange<Int>) -> [String] {
        array(key, count: count).compactMap { path, value in
            guard case .string(let text) = value, let accepted = rule.accept(text) else {
                findings.note(path, found: value.evidence, expected: rule.expected)
                return nil
            }
            return accepted
        }
    }

    private func check(_ value: JSONValue, _ key: String, _ rule: StringRule) -> String? {
        guard case .string(let text) = value, let accepted = rule.accept(text) else {
            note(key, found: value.evidence, expected: rule.expected)
            return nil
        }
        return accepted
    }
}

/// What a text of the configuration has to look like.
struct StringRule: Sendable {
    let expected: String
    /// The text to keep, nil when it is not acceptable.
    let accept: @Sendable (String) -> String?

    static let text = StringRule(expected: "a text of 1 to 256 characters on one line") { text in
        let isPlain = text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
        return isPlain && (1...256).contains(text.count) && text.contains { $0 != " " } ? text : nil
    }

    static let path = StringRule(expected: "an absolute path") { text in
        text.hasPrefix("/") && text.utf8.count < 4096 && !text.utf8.contains(0) ? text : nil
    }

    /// sun_path of sockaddr_un(7) holds 108 bytes with the closing NUL.
    static let socketPath = StringRule(expected: "an absolute path of at most 107 bytes") { text in
        text.hasPrefix("/") && text.utf8.count <= 107 && !text.utf8.contains(0) ? text : nil
    }

    /// PS3.5 6.2 AE: leading and trailing spaces do not count.
    static let aeTitle = StringRule(
        expected: "an AE title of 1 to 16 printable ASCII characters without backslash"
    ) {
        var title = $0.utf8[...]
        while title.last == 0x20 { title.removeLast() }
        while title.first == 0x20 { title.removeFirst() }
        guard (1...16).contains(title.count) else { return nil }
        guard title.allSatisfy({ (0x20...0x7E).contains($0) && $0 != UInt8(ascii: "\\") }) else { return nil }
        return String(decoding: title, as: UTF8.self)
    }

    static let host = StringRule(expected: "a host name or an address") { text in
        let allowed = text.utf8.allSatisfy { character in
            switch character {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
            case UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: ":"),
                UInt8(ascii: "%"):
                true
            default: false
            }
        }
        return allowed && (1...253).contains(text.utf8.count) ? text : nil
    }

    static let group = StringRule(expected: "the name of a group") { text in
        let allowed = text.utf8.allSatisfy { character in
            switch character {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "_"): true
            default: false
            }
        }
        return allowed && (1...32).contains(text.utf8.count) ? text : nil
    }
}
