// SPDX-License-Identifier: Apache-2.0

/// A piece of a page. Text and attribute values are escaped as they go in, so that nothing of a record becomes markup.
struct HTML: Sendable {
    /// Elements without an end tag (HTML Living Standard 13.1.2).
    private static let void: Set = ["br", "input", "img", "link", "meta"]

    private let markup: String

    private init(markup: String) { self.markup = markup }

    static let nothing = HTML(markup: "")

    static func text(_ text: String) -> HTML { HTML(markup: escaped(text)) }

    /// An attribute that is nil is left out; one that is empty stands alone (`disabled`).
    static func element(
        _ name: StaticString,
        _ attributes: KeyValuePairs<StaticString, String?> = [:],
        _ children: [HTML] = []
    ) -> HTML {
        var markup = "<\(name)"
        for (key, value) in attributes {
            guard let value else { continue }
            markup += value.isEmpty ? " \(key)" : " \(key)=\"\(escaped(value))\""
        }
        markup += ">"
        guard !void.contains("\(name)") else { return HTML(markup: markup) }
        return HTML(markup: markup + children.map(\.markup).joined() + "</\(name)>")
    }

    static func element(
        _ name: StaticString,
        _ attributes: KeyValuePairs<StaticString, String?> = [:],
        _ text: String
    ) -> HTML {
        element(name, attributes, [.text(text)])
    }

    static func group(_ children: [HTML]) -> HTML { HTML(markup: children.map(\.markup).joined()) }

    /// A whole document with this element as its root.
    var document: [UInt8] { Array(("<!DOCTYPE html>\n" + markup + "\n").utf8) }

    private static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            default:
                // What no text has (controls) would be a parse error.
                let isText = scalar.value >= 0x20 || scalar == "\n" || scalar == "\t"
                result.unicodeScalars.append(isText ? scalar : "\u{FFFD}")
            }
        }
        return result
    }
}
