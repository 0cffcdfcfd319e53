// SPDX-License-Identifier: Apache-2.0

/// A text in the languages of the pages.
struct Phrase: Sendable {
    let french: String
    let english: String

    init(_ french: String, _ english: String) {
        self.french = french
        self.english = english
    }
}

enum Language: String, Sendable, CaseIterable {
    case french = "fr"
    case english = "en"

    func callAsFunction(_ phrase: Phrase) -> String {
        switch self {
        case .french: phrase.french
        case .english: phrase.english
        }
    }

    /// The language that a browser prefers (RFC 9110 12.5.4); French where it says nothing that we have.
    init(accepting header: String?) {
        let wanted = (header ?? "").split(separator: ",").compactMap { range -> (Language, Double)? in
            let parts = range.split(separator: ";").map { $0.filter { !$0.isWhitespace } }
            guard let tag = parts.first, let language = Language(rawValue: String(tag.prefix(2)).lowercased())
            else { return nil }
            let quality = parts.dropFirst().first { $0.hasPrefix("q=") }.flatMap { Double($0.dropFirst(2)) }
            return (language, quality ?? 1)
        }
        self = wanted.max { $0.1 < $1.1 }?.0 ?? .french
    }

    /// Between a name and its value.
    var colon: String {
        switch self {
        case .french: " : "
        case .english: ": "
        }
    }

    /// 01/02/2024, or what there is of it; empty where there is nothing.
    func date(_ time: String) -> String {
        let digits = time.prefix { $0.isNumber }
        guard digits.count >= 8 else { return String(digits) }
        let (year, month, day) = (
            digits.prefix(4), digits.dropFirst(4).prefix(2), digits.dropFirst(6).prefix(2)
        )
        return switch self {
        case .french: "\(day)/\(month)/\(year)"
        case .english: "\(year)-\(month)-\(day)"
        }
    }
}
