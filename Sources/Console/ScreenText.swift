// SPDX-License-Identifier: Apache-2.0
import Admin

/// Text as every terminal shows it: printable ASCII, 80 columns and 24 rows.
enum ScreenText {
    /// One less than there are: some terminals go to the next line after the eightieth.
    static let columns = 79
    /// Of one page, without the question below it.
    static let rows = 22

    static let rule = String(repeating: "-", count: columns)

    private static let folded: [Unicode.Scalar: String] = {
        let letters = [
            "a": "àáâãäåā", "c": "çćč", "e": "èéêëēę", "i": "ìíîïī", "n": "ñń", "o": "òóôõöøō",
            "u": "ùúûüū", "y": "ýÿ", "s": "šś", "z": "žźż", "oe": "œ", "ae": "æ", "ss": "ß", "l": "ł",
            "A": "ÀÁÂÃÄÅ", "C": "ÇĆČ", "E": "ÈÉÊËĒĘ", "I": "ÌÍÎÏ", "N": "ÑŃ", "O": "ÒÓÔÕÖØ", "U": "ÙÚÛÜ",
            "Y": "ÝŸ", "S": "ŠŚ", "Z": "ŽŹŻ", "OE": "Œ", "AE": "Æ", "L": "Ł", "'": "’‘´", "\"": "“”«»",
            "-": "‐‑‒–—", "...": "…", " ": "\u{A0}\u{202F}", "deg ": "°", "x": "×",
        ]
        var table: [Unicode.Scalar: String] = [:]
        for (plain, accented) in letters {
            for scalar in accented.unicodeScalars { table[scalar] = plain }
        }
        return table
    }()

    /// Text of the box or of a peer must not steer the terminal: what is no printable ASCII, and looks like none,
    /// becomes a question mark.
    static func ascii(_ text: String) -> String {
        text.unicodeScalars.map { scalar in
            switch scalar.value {
            case 0x20...0x7E: String(scalar)
            // Combining marks of letters that stand before them.
            case 0x300...0x36F: ""
            default: folded[scalar] ?? "?"
            }
        }.joined()
    }

    /// Lines of at most `columns`; what goes on below stands two columns to the right.
    static func wrap(_ line: String) -> [String] {
        guard line.count > columns else { return [line] }
        let indent = min(line.prefix { $0 == " " }.count, 20)
        let margin = String(repeating: " ", count: indent + 2)
        var lines: [String] = []
        var current = String(repeating: " ", count: indent)
        var isEmpty = true
        for word in line.dropFirst(indent).split(separator: " ", omittingEmptySubsequences: false) {
            var word = word
            if !isEmpty, current.count + 1 + word.count > columns {
                lines.append(current)
                (current, isEmpty) = (margin, true)
            }
            while word.count > columns - current.count - (isEmpty ? 0 : 1) {
                let part = word.prefix(columns - current.count)
                lines.append(current + part)
                word = word.dropFirst(part.count)
                (current, isEmpty) = (margin, true)
            }
            current += (isEmpty ? "" : " ") + word
            isEmpty = false
        }
        return lines + (isEmpty ? [] : [current])
    }

    static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    /// `left`, and `right` at the right margin.
    static func spread(_ left: String, _ right: String) -> String {
        padded(left, max(left.count + 2, columns - right.count)) + right
    }

    /// ` [1] link eno1 up ........... OK`
    static func dotted(_ left: String, _ right: String, width: Int = 72) -> String {
        let head = left.prefix(columns - right.count - 5)
        return head + " " + String(repeating: ".", count: max(3, width - head.count - 1)) + " " + right
    }

    /// `2026-11-23 18:02`
    static func minute(_ time: Timestamp) -> String {
        String(time.description.prefix(16)).replacing("T", with: " ")
    }

    /// `2026-11-23 18:02:11`
    static func second(_ time: Timestamp) -> String {
        String(time.description.prefix(19)).replacing("T", with: " ")
    }

    /// The two largest units.
    static func span(_ seconds: Int) -> String {
        let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400)
        if days > 0 { return "\(days) d \(hours % 24) h" }
        if hours > 0 { return "\(hours) h \(minutes % 60) min" }
        if minutes > 0 { return "\(minutes) min \(seconds % 60) s" }
        return "\(seconds) s"
    }

    static func bytes(_ count: Int) -> String {
        var value = Double(count)
        var unit = 0
        let units = ["B", "KiB", "MiB", "GiB", "TiB"]
        while value >= 1024, unit < units.count - 1 {
            value /= 1024
            unit += 1
        }
        let tenths = Int((value * 10).rounded())
        return unit == 0 ? "\(count) B" : "\(tenths / 10).\(tenths % 10) \(units[unit])"
    }

    static func percent(_ part: Int, of whole: Int) -> Int {
        whole > 0 ? Int(Double(part) / Double(whole) * 100) : 0
    }
}
