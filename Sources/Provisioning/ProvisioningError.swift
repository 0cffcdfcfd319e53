// SPDX-License-Identifier: Apache-2.0

/// Why something that came from outside is not taken over: what, where, found and expected. Holds no secret.
package struct ProvisioningError: Error, Equatable, CustomStringConvertible {
    package enum Code: String, Sendable, CaseIterable {
        // Certificates
        case certificatePEM = "enrol.pem"
        case certificateOrder = "enrol.order"
        case certificateValidity = "enrol.validity"
        case certificateKey = "enrol.key"
        case certificatePurpose = "enrol.purpose"
        case certificateAnchor = "enrol.anchor"
        // Answer files
        case answerInvalid = "answer.invalid"
        case answerKey = "answer.key"
        case answerSignature = "answer.signature"
        case answerUnsigned = "answer.unsigned"
        // Credentials
        case credentialContent = "credential.content"
        case credentialName = "credential.name"
        // The data disk
        case recoveryKey = "recovery.key"
        // Backups
        case backupFormat = "backup.format"
        case backupVersion = "backup.version"
        case backupKey = "backup.key"
        case backupPassphrase = "backup.passphrase"
        case backupTruncated = "backup.truncated"
        case backupDamaged = "backup.damaged"
        case backupContent = "backup.content"
    }

    package let code: Code
    /// `certificate 2`, `chunk 7`.
    package let place: String
    package let found: String
    package let expected: String

    package init(_ code: Code, at place: String, found: String, expected: String) {
        self.code = code
        self.place = place
        self.found = found
        self.expected = expected
    }

    package var description: String { "\(place): found \(found), expected \(expected)" }
}
