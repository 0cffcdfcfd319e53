// SPDX-License-Identifier: Apache-2.0
import Admin

/// The fields of a form or of a query (application/x-www-form-urlencoded), in their order.
struct SubmittedForm: Sendable {
    struct Field: Equatable, Sendable {
        let name: String
        let value: String
    }

    private static let mostFields = 100

    static let none = SubmittedForm(fields: [])

    let fields: [Field]

    init(fields: [Field]) { self.fields = fields }

    /// Nil where it is no such form: "%" without two hexadecimal digits, bytes that are no UTF-8, too many fields.
    init?(_ text: some StringProtocol) {
        var fields: [Field] = []
        for pair in text.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = Self.decoded(parts[0]),
                let value = Self.decoded(parts.count > 1 ? parts[1] : ""),
                fields.count < Self.mostFields
            else { return nil }
            fields.append(Field(name: name, value: value))
        }
        self.fields = fields
    }

    init?(bytes: [UInt8]) {
        guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
        self.init(text)
    }

    func without(_ names: Set<String>) -> SubmittedForm {
        SubmittedForm(fields: fields.filter { !names.contains($0.name) })
    }

    /// The value of a field that is there once; nil where it is absent, or ambiguous.
    subscript(name: String) -> String? {
        let found = fields.filter { $0.name == name }
        return found.count == 1 ? found.first?.value : nil
    }

    private static func decoded(_ text: some StringProtocol) -> String? {
        PathSegment.decoded(String(text.map { $0 == "+" ? " " : $0 }))
    }
}
