// SPDX-License-Identifier: Apache-2.0

/// Text exposition of OpenMetrics 1.0.
package struct OpenMetrics: Sendable {
    package static let mediaType = "application/openmetrics-text; version=1.0.0; charset=utf-8"

    package enum Kind: String, Sendable {
        case gauge
        /// Its samples carry the suffix `_total`.
        case counter
        /// Its samples carry the suffix `_info` and the value 1.
        case info
    }

    package struct Sample: Sendable {
        let labels: [(name: String, value: String)]
        let value: Double

        package init(_ value: Double, _ labels: [(name: String, value: String)] = []) {
            self.value = value
            self.labels = labels
        }

        package init(_ value: Int, _ labels: [(name: String, value: String)] = []) {
            self.init(Double(value), labels)
        }
    }

    private var body = ""

    package init() {}

    /// Adds a family. Its name ends with its unit where it has one.
    package mutating func family(
        _ name: String,
        _ kind: Kind,
        unit: String? = nil,
        help: String,
        _ samples: [Sample]
    ) {
        body += "# TYPE \(name) \(kind.rawValue)\n"
        if let unit { body += "# UNIT \(name) \(unit)\n" }
        body += "# HELP \(name) \(Self.escaped(help))\n"
        let suffix =
            switch kind {
            case .gauge: ""
            case .counter: "_total"
            case .info: "_info"
            }
        for sample in samples {
            body += name + suffix
            if !sample.labels.isEmpty {
                let pairs = sample.labels.map { "\($0.name)=\"\(Self.escaped($0.value))\"" }
                body += "{\(pairs.joined(separator: ","))}"
            }
            body += " \(Self.number(sample.value))\n"
        }
    }

    /// The whole exposition.
    package var text: String {
        body + "# EOF\n"
    }

    private static func escaped(_ text: String) -> String {
        var result = ""
        for character in text.unicodeScalars {
            switch character {
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            case "\n": result += "\\n"
            default: result.unicodeScalars.append(character)
            }
        }
        return result
    }

    private static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        return Int(exactly: value).map(String.init) ?? "\(value)"
    }
}
