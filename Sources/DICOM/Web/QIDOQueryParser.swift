// SPDX-License-Identifier: Apache-2.0

/// Collects a search's parameters one by one.
struct QIDOQueryParser {
    private static let digits = UInt8(ascii: "0")...UInt8(ascii: "9")

    let level: QIDOQuery.Level
    private(set) var conditions: [QIDOQuery.Condition] = []
    private(set) var limit: Int?
    private(set) var offset: Int?
    private(set) var includesAll = false
    private(set) var includedTags: Set<Tag> = []
    private(set) var fuzzyMatching: Bool?
    private var seen: Set<QIDOQuery.Key> = []

    init(level: QIDOQuery.Level) {
        self.level = level
    }

    mutating func parse(_ query: String) throws(QIDOError) {
        guard query.utf8.count <= QIDOQuery.maximumLength else {
            throw .tooLong(limit: QIDOQuery.maximumLength)
        }
        let parameters = query.split(separator: "&")
        guard parameters.count <= QIDOQuery.maximumParameters else {
            throw .tooManyParameters(limit: QIDOQuery.maximumParameters)
        }
        for parameter in parameters {
            let halves = parameter.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = PercentEncoding.decode(halves[0], plusIsSpace: true),
                let value = PercentEncoding.decode(halves.count == 2 ? halves[1] : "", plusIsSpace: true)
            else { throw .invalidEncoding }
            try take(name, value)
        }
    }

    private mutating func take(_ name: String, _ value: String) throws(QIDOError) {
        switch name {
        case "limit": try Self.set(&limit, Self.integer(name, value), name)
        case "offset": try Self.set(&offset, Self.integer(name, value), name)
        case "fuzzymatching": try Self.set(&fuzzyMatching, Self.boolean(name, value), name)
        case "includefield": include(value)
        default:
            guard let key = key(name), key.level <= level else {
                throw .unsupportedKey(PercentEncoding.printable(name))
            }
            guard seen.insert(key).inserted else { throw .duplicateKey(key.rawValue) }
            if let match = try Self.match(key, value) { conditions.append(QIDOQuery.Condition(key, match)) }
        }
    }

    /// Clients ask studies for Modality too, and mean a study with such a series.
    private func key(_ name: String) -> QIDOQuery.Key? {
        let key = QIDOQuery.Key(name)
        return key == .modality && level == .study ? .modalitiesInStudy : key
    }

    private static func set<Value>(_ target: inout Value?, _ value: Value, _ name: String) throws(QIDOError) {
        guard target == nil else { throw .duplicateKey(name) }
        target = value
    }

    /// Unknown names are passed over: a service need not have them (PS3.18 8.3.4.3).
    private mutating func include(_ value: String) {
        for name in value.split(separator: ",") {
            let name = QuotedText.trim(name)
            if name == "all" {
                includesAll = true
            } else if let tag = Tag(hexadecimal: name) ?? QIDOQuery.Key(name)?.tag
                ?? QIDOQuery.includableKeywords[name]
            {
                includedTags.insert(tag)
            }
        }
    }

    private static func match(_ key: QIDOQuery.Key, _ value: String) throws(QIDOError) -> QIDOQuery.Match? {
        let value = QuotedText.trim(value)
        guard !value.isEmpty else { return nil }
        switch key {
        case .studyInstanceUID, .seriesInstanceUID, .sopInstanceUID, .sopClassUID:
            return .uids(try uids(key, value))
        case .patientID, .accessionNumber: return text([value])
        case .modality, .modalitiesInStudy: return text(try list(key, value))
        case .studyDate: return try range(key, value, "YYYYMMDD or a range of it", date)
        case .studyTime: return try range(key, value, "HHMMSS.FFFFFF or a range of it", time)
        case .seriesNumber, .instanceNumber: return .integer(try integer(key.rawValue, value, isSigned: true))
        }
    }

    // MARK: Values

    private static func list(_ key: QIDOQuery.Key, _ value: String) throws(QIDOError) -> [String] {
        let members = value.split { $0 == "," || $0 == "\\" }.map { QuotedText.trim($0) }.filter {
            !$0.isEmpty
        }
        guard (1...QIDOQuery.maximumValues).contains(members.count) else {
            throw .invalidValue(key: key.rawValue, expected: "1 to \(QIDOQuery.maximumValues) values")
        }
        return members
    }

    private static func uids(_ key: QIDOQuery.Key, _ value: String) throws(QIDOError) -> [UID] {
        var uids: [UID] = []
        for member in try list(key, value) {
            guard let uid = UID(member) else {
                throw .invalidValue(key: key.rawValue, expected: "UIDs of 1 to 64 digits and dots")
            }
            uids.append(uid)
        }
        return uids
    }

    /// Nil where one of the patterns matches everything.
    private static func text(_ values: [String]) -> QIDOQuery.Match? {
        if values.contains(where: { $0.allSatisfy { $0 == "*" } }) { return nil }
        return .text(values.map { QIDOQuery.Pattern($0) })
    }

    private static func integer(
        _ name: String,
        _ value: String,
        isSigned: Bool = false
    ) throws(QIDOError) -> Int {
        // IS has at most 12 characters; a limit or an offset has fewer.
        guard (1...12).contains(value.utf8.count), let number = Int(value), isSigned || number >= 0 else {
            throw .invalidValue(key: name, expected: isSigned ? "an integer" : "an integer from 0")
        }
        return number
    }

    private static func boolean(_ name: String, _ value: String) throws(QIDOError) -> Bool {
        switch value {
        case "true": true
        case "false": false
        default: throw .invalidValue(key: name, expected: "true or false")
        }
    }

    /// "a", "a-b", "-b", "a-" (PS3.4 C.2.2.2.5).
    private static func range(
        _ key: QIDOQuery.Key,
        _ value: String,
        _ expected: String,
        _ bounds: (Substring) -> (lower: String, upper: String)?
    ) throws(QIDOError) -> QIDOQuery.Match {
        let halves = value.split(separator: "-", omittingEmptySubsequences: false)
        let isRange = halves.count == 2
        var lower: String?
        var upper: String?
        guard halves.count <= 2, halves.contains(where: { !$0.isEmpty }) else {
            throw .invalidValue(key: key.rawValue, expected: expected)
        }
        for (index, half) in halves.enumerated() where !half.isEmpty {
            guard let found = bounds(half) else { throw .invalidValue(key: key.rawValue, expected: expected) }
            if index == 0 { lower = found.lower }
            if index == 1 || !isRange { upper = found.upper }
        }
        return .range(lower: lower, upper: upper)
    }

    private static func date(_ text: Substring) -> (lower: String, upper: String)? {
        guard text.utf8.count == 8, text.utf8.allSatisfy(digits.contains) else { return nil }
        return (String(text), String(text))
    }

    /// HH, HHMM, HHMMSS, HHMMSS.F to .FFFFFF. What is left out of an upper bound may be anything (PS3.5 6.2, TM).
    private static func time(_ text: Substring) -> (lower: String, upper: String)? {
        let halves = text.split(separator: ".", omittingEmptySubsequences: false)
        guard halves.count <= 2, halves.allSatisfy({ $0.utf8.allSatisfy(digits.contains) }),
            [2, 4, 6].contains(halves[0].utf8.count),
            halves.count == 1 || halves[0].utf8.count == 6 && (1...6).contains(halves[1].utf8.count)
        else { return nil }
        let full = "235959.999999"
        return (String(text), String(text) + full.dropFirst(text.utf8.count))
    }
}
