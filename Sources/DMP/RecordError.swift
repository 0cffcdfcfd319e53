// SPDX-License-Identifier: Apache-2.0

/// Why the record did not do what it was asked for. Never holds anything of a patient.
package struct RecordError: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Kind: Sendable {
        /// The record has not seen the request, or refused it for now: the same again, later.
        case temporary
        /// Nobody knows whether the record did it.
        case unknownOutcome
        /// The same again would be refused again.
        case permanent
    }

    package let kind: Kind
    package let description: String
    /// The record's own code, such as `DMPAccessDenied`; nil where there is none.
    package let code: String?

    package init(_ kind: Kind, _ description: String, code: String? = nil) {
        self.kind = kind
        self.description = description
        self.code = code
    }
}
