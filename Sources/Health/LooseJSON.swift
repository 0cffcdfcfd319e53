// SPDX-License-Identifier: Apache-2.0
import Admin

/// A JSON value from a program that is not trusted: what is missing, of another type or out of range is nil.
struct LooseJSON {
    private let value: JSONValue?

    init(_ value: JSONValue?) {
        self.value = value
    }

    subscript(name: String) -> LooseJSON {
        guard case .object(let members) = value else { return LooseJSON(nil) }
        return LooseJSON(members[name])
    }

    var isObject: Bool {
        if case .object = value { true } else { false }
    }

    /// The first thousand; no table of smartctl is that long.
    var elements: [LooseJSON] {
        guard case .array(let elements) = value else { return [] }
        return elements.prefix(1000).map(LooseJSON.init)
    }

    var bool: Bool? {
        if case .bool(let value) = value { value } else { nil }
    }

    /// Numbers beyond what Int holds, as the 128-bit counters of NVMe can be, become the nearest that it does.
    var integer: Int? {
        switch value {
        case .integer(let value): value
        case .number(let value): Int(clamping: value)
        default: nil
        }
    }

    /// An integer that is not negative.
    var count: Int? { integer.flatMap { $0 >= 0 ? $0 : nil } }

    /// Printable ASCII of at most 200 characters, without space around it; nil where nothing is left.
    var text: String? {
        guard case .string(let value) = value else { return nil }
        let text = value.printable(limit: 200)
        return text.isEmpty ? nil : text
    }
}

extension Int {
    /// Towards zero; nil for what is no number.
    init?(clamping value: Double) {
        if let exact = Int(exactly: value.rounded(.towardZero)) {
            self = exact
        } else if value.isNaN {
            return nil
        } else {
            self = value < 0 ? .min : .max
        }
    }

    /// The digits that `text` begins with; nil where there is none, or more than Int holds.
    init?(leading text: String) {
        self.init(text.drop { $0 == " " }.prefix { $0.isASCII && $0.isNumber })
    }
}

extension Double {
    /// What `text` writes, unless it is infinite or no number.
    init?(finite text: some StringProtocol) {
        guard let value = Double(text), value.isFinite else { return nil }
        self = value
    }

    /// With at most one digit after the point.
    var short: String {
        let value = (self * 10).rounded() / 10
        return Int(exactly: value).map(String.init) ?? "\(value)"
    }
}

extension StringProtocol {
    /// The printable ASCII characters of the text, other ones as `?`, without space around them.
    func printable(limit: Int) -> String {
        let kept = unicodeScalars.prefix(limit).map { (" "..."~").contains($0) ? Character($0) : "?" }
        return String(String(kept).trimmed)
    }

    var trimmed: SubSequence {
        var rest = self[...]
        while rest.first?.isWhitespace == true { rest.removeFirst() }
        while rest.last?.isWhitespace == true { rest.removeLast() }
        return rest
    }
}
