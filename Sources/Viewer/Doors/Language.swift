// SPDX-License-Identifier: Apache-2.0

package enum Language: String, Sendable, CaseIterable {
    case french = "fr"
    case english = "en"

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
}
