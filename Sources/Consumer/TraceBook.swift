// SPDX-License-Identifier: Apache-2.0
import Crypto
import Linux

/// Who saw what of whom. A patient is named by a digest that only this box can make, so that traces can be searched for a
/// patient and tell nothing to who does not know whom to look for.
package struct TraceBook: Sendable {
    package enum Action: String, Sendable {
        case contextualCall = "contextual call"
        case signIn = "sign-in"
        case signOut = "sign-out"
        case existence = "TD0.2"
        case authorisation = "TD0.3"
        case emergency = "bris de glace"
        case search = "TD3.1"
        case retrieval = "TD3.2"
        case shared = "ITI-67 client"
        case sharedRetrieval = "ITI-68 client"
        case manifest
        case images = "WADO-RS client"
        case archiving = "C-STORE import"
        case viewing = "viewer"
        case priors = "prior exams"
        case refusal = "refused"
    }

    private let key: SymmetricKey
    private let append:
        @Sendable (_ user: String, _ action: String, _ subject: String, _ outcome: String, _ reason: String)
            throws -> Void

    /// `key` is the box's own, 32 bytes.
    package init(
        key: [UInt8],
        append:
            @escaping @Sendable (
                _ user: String, _ action: String, _ subject: String, _ outcome: String, _ reason: String
            ) throws -> Void
    ) {
        self.key = SymmetricKey(data: key)
        self.append = append
    }

    /// - Throws: where the trace cannot be kept; then what it is of must not be done.
    func note(
        _ action: Action,
        by user: String,
        of patient: PatientContext? = nil,
        _ subject: String = "",
        outcome: String,
        reason: String = ""
    ) throws {
        let whom = patient.map { "patient \(pseudonym($0)) " } ?? ""
        try append(user, action.rawValue, whom + subject, outcome, reason)
    }

    /// 128 bits of HMAC-SHA256 over the national identifier, hexadecimal.
    func pseudonym(_ patient: PatientContext) -> String {
        let identifier = patient.nationalIdentifier
        let code = HMAC<SHA256>.authenticationCode(
            for: Array("\(identifier.value)^\(identifier.authority)".utf8),
            using: key
        )
        return Array(code).prefix(16).hexadecimal
    }
}
