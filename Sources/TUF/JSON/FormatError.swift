// SPDX-License-Identifier: Apache-2.0

/// A document that is not what its format asks for.
package struct FormatError: Error, Equatable, CustomStringConvertible {
    /// "byte 17" of the document, or the member, such as "signed.roles.root.threshold".
    package let place: String
    package let found: String
    package let expected: String

    package init(place: String, found: String, expected: String) {
        self.place = place
        self.found = found
        self.expected = expected
    }

    package var description: String { "\(place): found \(found), expected \(expected)" }
}

extension String {
    /// For a message: not long, and with the control characters of a name that came from outside escaped.
    package var shown: String { String(String(prefix(80)).debugDescription.dropFirst().dropLast()) }
}
