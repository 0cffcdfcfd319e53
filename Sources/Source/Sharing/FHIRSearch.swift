// SPDX-License-Identifier: Apache-2.0
import DICOM
import HL7

/// Why a request is not answered, as an OperationOutcome says it (FHIR R4, `issue-type`). No word about a patient.
struct FHIRProblem: Error, Equatable, Sendable {
    enum Kind: String, Sendable {
        case invalid
        case required
        case security
        case notFound = "not-found"
        case notSupported = "not-supported"
        case tooCostly = "too-costly"
        case exception
    }

    let kind: Kind
    let text: String

    init(_ kind: Kind, _ text: String) {
        self.kind = kind
        self.text = text
    }
}

/// A code or an identifier as a search names it (FHIR R4 3.1.1.4.10): `code`, `system|code`, `|code` or `system|`.
struct FHIRToken: Equatable, Sendable {
    /// Nil: any; empty: none.
    let system: String?
    /// Nil: any.
    let code: String?

    init(_ text: Substring) {
        let parts = text.split(separator: "|", maxSplits: 1, omittingEmptySubsequences: false)
        system = parts.count > 1 ? String(parts[0]) : nil
        let code = String(parts.last ?? "")
        self.code = code.isEmpty && parts.count > 1 ? nil : code
    }

    func matches(_ coding: FHIRCoding) -> Bool {
        (system == nil || system == coding.system) && (code == nil || code == coding.code)
    }
}

/// A code of a coding system, or an identifier of a naming system.
struct FHIRCoding: Equatable, Sendable {
    var system: String
    var code: String
    var display = ""
}

/// A comparison with a date of a given precision (FHIR R4 3.1.1.4.9).
struct FHIRDateBound: Equatable, Sendable {
    enum Comparison: String, Sendable {
        case equal = "eq"
        case after = "gt"
        case before = "lt"
        case from = "ge"
        case upTo = "le"
    }

    let comparison: Comparison
    /// What the date covers, in milliseconds since 1970: from, and up to but not including.
    let range: Range<Int64>

    /// Nil where it is no date, or its prefix says another comparison.
    init?(_ text: Substring) {
        let prefix = text.prefix(2)
        if prefix.first?.isLetter == true {
            guard let comparison = Comparison(rawValue: String(prefix)) else { return nil }
            self.comparison = comparison
        } else {
            comparison = .equal
        }
        let value = prefix.first?.isLetter == true ? text.dropFirst(2) : text
        guard let range = Self.range(value) else { return nil }
        self.range = range
    }

    /// Whether it holds of an interval, in milliseconds since 1970, whose ends belong to it.
    func holds(from start: Int64, to end: Int64) -> Bool {
        switch comparison {
        case .equal: start < range.upperBound && end >= range.lowerBound
        case .after: end >= range.upperBound
        case .before: start < range.lowerBound
        case .from: end >= range.lowerBound
        case .upTo: start < range.upperBound
        }
    }

    /// YYYY, YYYY-MM, YYYY-MM-DD, or a time of the day to the minute or finer, with its offset; days are those of UTC.
    private static func range(_ text: Substring) -> Range<Int64>? {
        let parts = text.split(separator: "T", maxSplits: 1, omittingEmptySubsequences: false)
        let date = parts[0].split(separator: "-", omittingEmptySubsequences: false)
        let lengths = [4, 2, 2]
        guard (1...3).contains(date.count), zip(date, lengths).allSatisfy({ $0.count == $1 }),
            date.allSatisfy({ $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }),
            let year = Int(date[0]), let month = date.count > 1 ? Int(date[1]) : 1
        else { return nil }
        func day(_ year: Int, _ month: Int, _ day: Substring) -> Int64? {
            let (year, month) = month > 12 ? (year + 1, 1) : (year, month)
            func pad(_ number: Int, _ width: Int) -> String {
                String(repeating: "0", count: max(0, width - "\(number)".count)) + "\(number)"
            }
            return DTM.secondsSince1970("\(pad(year, 4))\(pad(month, 2))\(day)000000+0000")
                .map { Int64($0) * 1000 }
        }
        if parts.count == 2 {
            guard date.count == 3, let (time, precision) = self.time(parts[1]),
                let seconds = DTM.secondsSince1970(date.joined() + time)
            else { return nil }
            let start = Int64(seconds) * 1000
            return start..<start + precision * 1000
        }
        guard let start = day(year, month, date.count > 2 ? date[2] : "01") else { return nil }
        switch date.count {
        case 1: return day(year + 1, 1, "01").map { start..<$0 }
        case 2: return day(year, month + 1, "01").map { start..<$0 }
        default: return start..<start + 86_400_000
        }
    }

    /// "08:30Z" as "083000+0000", and how many seconds it covers.
    private static func time(_ text: Substring) -> (text: String, precision: Int64)? {
        let zone = text.firstIndex { "Z+-".contains($0) } ?? text.endIndex
        let offset = text[zone...].filter { $0 != ":" }
        guard offset.first == "Z" ? offset.count == 1 : offset.count == 5 else { return nil }
        // What is finer than a second does not count.
        let clock = text[..<zone].split(separator: ".", omittingEmptySubsequences: false)[0]
            .split(separator: ":", omittingEmptySubsequences: false)
        guard (2...3).contains(clock.count), clock.allSatisfy({ $0.count == 2 && $0.allSatisfy(\.isNumber) })
        else { return nil }
        let digits = clock.joined() + (clock.count == 2 ? "00" : "")
        return (digits + (offset == "Z" ? "+0000" : offset), clock.count == 2 ? 60 : 1)
    }
}

/// What a search for manifests asks (ITI-67; MADO, Appendix A).
struct FHIRSearch: Equatable, Sendable {
    static let standardCount = 50
    static let mostCount = 100
    private static let mostFields = 100

    /// Any of the alternatives of each has to match.
    struct Condition: Equatable, Sendable {
        let name: String
        let tokens: [FHIRToken]
    }

    struct DateCondition: Equatable, Sendable {
        let name: String
        let bound: FHIRDateBound
    }

    private(set) var conditions: [Condition] = []
    private(set) var dates: [DateCondition] = []
    private(set) var count = Self.standardCount
    /// The rest of a search that was answered in part.
    private(set) var page: String?
    /// As they were sent, in their order, without their values.
    private(set) var names: [String] = []

    private static let tokens: Set<String> = [
        "_id", "identifier", "patient.identifier", "status", "type", "category", "format", "event", "setting",
        "related:identifier", "related:ServiceRequest.identifier",
    ]
    private static let dateNames: Set<String> = ["date", "creation", "period"]
    /// Of whom it is; never in a URL, which is kept by who passes it on.
    private static let identities = ["patient", "subject", "sourcepatient"]

    /// `query` and `form` are percent-encoded.
    init(query: String, form: String?) throws(FHIRProblem) {
        for (name, _) in try Self.fields(query) {
            guard !Self.identities.contains(where: { name.lowercased().hasPrefix($0) }) else {
                throw FHIRProblem(
                    .security,
                    "\(Self.shown(name)): found in the URL, expected in the body of POST DocumentReference/_search"
                )
            }
        }
        for (name, value) in try Self.fields(query) + Self.fields(form ?? "") { try take(name, value) }
    }

    subscript(name: String) -> [Condition] { conditions.filter { $0.name == name } }

    private mutating func take(_ name: String, _ value: String) throws(FHIRProblem) {
        let known = Self.alias(name)
        let shown = Self.shown(name)
        names.append(shown)
        if Self.tokens.contains(known) {
            let tokens = value.split(separator: ",").map { FHIRToken($0) }
            guard !tokens.isEmpty else { throw FHIRProblem(.invalid, "\(shown): found no value") }
            conditions.append(Condition(name: known, tokens: tokens))
        } else if Self.dateNames.contains(known) {
            guard let bound = FHIRDateBound(value[...]) else {
                throw FHIRProblem(
                    .invalid,
                    "\(shown): expected a date such as 2026-01-15, after eq, ge, gt, le, lt or nothing"
                )
            }
            dates.append(DateCondition(name: known, bound: bound))
        } else {
            switch known {
            case "_count":
                guard let number = Int(value), number > 0 else {
                    throw FHIRProblem(.invalid, "_count: expected a number of 1 to \(Self.mostCount)")
                }
                count = min(number, Self.mostCount)
            case "_page": page = value
            case "_format":
                guard ["json", "application/json", "application/fhir+json"].contains(value) else {
                    throw FHIRProblem(.notSupported, "_format: expected json")
                }
            default:
                // A filter that is passed over would answer with more than was asked for.
                throw FHIRProblem(.notSupported, "\(shown): no parameter of this search")
            }
        }
    }

    /// What a document is related to is its study, and an order where that is said (MADO, Appendix A, Table A-2).
    private static func alias(_ name: String) -> String {
        switch name {
        case "related:ImagingStudy.identifier", "related.identifier": "related:identifier"
        case "patient:identifier", "subject:identifier", "subject.identifier": "patient.identifier"
        default: name
        }
    }

    private static func shown(_ name: String) -> String {
        String(
            name.unicodeScalars.prefix(64).map { scalar in
                switch scalar {
                case "a"..."z", "A"..."Z", "0"..."9", ".", ":", "-", "_": Character(scalar)
                default: "?"
                }
            }
        )
    }

    private static func fields(_ text: String) throws(FHIRProblem) -> [(name: String, value: String)] {
        var fields: [(name: String, value: String)] = []
        for pair in text.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard fields.count < mostFields,
                let name = PercentEncoding.decode(parts[0], plusIsSpace: true),
                let value = PercentEncoding.decode(parts.count > 1 ? parts[1] : "", plusIsSpace: true)
            else {
                throw FHIRProblem(.invalid, "parameters: expected at most \(mostFields), percent-encoded")
            }
            fields.append((name, value))
        }
        return fields
    }
}
