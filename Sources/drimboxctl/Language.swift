// SPDX-License-Identifier: Apache-2.0

/// The language of text output. JSON stays as the API gives it.
enum Language: String, CaseIterable, Sendable {
    case english = "en"
    case french = "fr"

    /// The first of LC_ALL, LC_MESSAGES and LANG that is set decides (locale(7)).
    init(environment: [String: String]) {
        let names = ["LC_ALL", "LC_MESSAGES", "LANG"]
        let locale = names.lazy.compactMap { environment[$0] }.first { !$0.isEmpty } ?? ""
        self = locale.hasPrefix("fr") ? .french : .english
    }
}
