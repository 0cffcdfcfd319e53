// SPDX-License-Identifier: Apache-2.0

/// `POST /v1/recovery-key`: what opens the data disk where no TPM does.
package struct RecoveryKeyReport: Codable, Equatable, Sendable {
    /// Eight groups of eight letters.
    package let key: String

    package init(key: String) { self.key = key }
}

/// `POST /v1/recovery-key/confirm`: it is written down.
package struct RecoveryKeyConfirmation: Codable, Equatable, Sendable {
    package let lastGroup: String

    package init(lastGroup: String) { self.lastGroup = lastGroup }
}
