// SPDX-License-Identifier: Apache-2.0

/// `POST /v1/backups`: what closes the backup, one of the two.
package struct BackupRequest: Codable, Equatable, Sendable {
    package let passphrase: String?
    /// X25519, base64 of 32 bytes.
    package let recoveryKey: String?

    package init(passphrase: String? = nil, recoveryKey: String? = nil) {
        self.passphrase = passphrase
        self.recoveryKey = recoveryKey
    }
}

/// `POST /v1/backups/restore`.
package struct RestoreRequest: Codable, Equatable, Sendable {
    /// The sealed file, base64.
    package let backup: String
    package let passphrase: String?
    /// X25519, base64 of 32 bytes.
    package let privateKey: String?
    package let confirm: ConfirmPolicy

    package init(backup: String, passphrase: String? = nil, privateKey: String? = nil, confirm: ConfirmPolicy)
    {
        self.backup = backup
        self.passphrase = passphrase
        self.privateKey = privateKey
        self.confirm = confirm
    }
}

/// What a backup holds, without its secrets.
package struct BackupSummary: Codable, Equatable, Sendable {
    package let created: Timestamp
    package let software: String
    package let site: String
    package let revisions: Int
    package let users: Int
    package let auditRows: Int
    /// SHA-256 of the newest row; absent where there was none.
    package let auditHead: String?
    /// Subject of the box's certificate.
    package let identity: String?
    /// Files for the gateway.
    package let credentials: Int

    package init(
        created: Timestamp,
        software: String,
        site: String,
        revisions: Int,
        users: Int,
        auditRows: Int,
        auditHead: String?,
        identity: String?,
        credentials: Int
    ) {
        self.created = created
        self.software = software
        self.site = site
        self.revisions = revisions
        self.users = users
        self.auditRows = auditRows
        self.auditHead = auditHead
        self.identity = identity
        self.credentials = credentials
    }
}

package struct RestoreReport: Codable, Equatable, Sendable {
    package let backup: BackupSummary
    /// Absent where the backup's configuration is in force already.
    package let transaction: TransactionStatus?
    /// In force now.
    package let revision: Int
    /// Whether the certificate came back too; why not where it did not.
    package let identity: String

    package init(backup: BackupSummary, transaction: TransactionStatus?, revision: Int, identity: String) {
        self.backup = backup
        self.transaction = transaction
        self.revision = revision
        self.identity = identity
    }
}
