// SPDX-License-Identifier: Apache-2.0
package import Admin
import FoundationEssentials

/// What a box needs to be itself again on other hardware: all but the private key of its identity, which leaves no box, and
/// images.
package struct BackupContent: Codable, Equatable, Sendable {
    package static let format = 1

    package struct Revision: Codable, Equatable, Sendable {
        package let number: Int
        package let time: Int64
        package let author: String
        package let comment: String
        package let document: String
        package let isRescue: Bool

        package init(
            number: Int,
            time: Int64,
            author: String,
            comment: String,
            document: String,
            isRescue: Bool
        ) {
            self.number = number
            self.time = time
            self.author = author
            self.comment = comment
            self.document = document
            self.isRescue = isRescue
        }
    }

    package struct User: Codable, Equatable, Sendable {
        package let name: String
        package let role: String
        package let hash: String

        package init(name: String, role: String, hash: String) {
            self.name = name
            self.role = role
            self.hash = hash
        }
    }

    package struct Identity: Codable, Equatable, Sendable {
        /// PEM.
        package let chain: String
        package let authorities: String

        package init(chain: String, authorities: String) {
            self.chain = chain
            self.authorities = authorities
        }
    }

    package let format: Int
    package let created: Timestamp
    package let software: String
    package let site: String
    /// The newest first; one at least.
    package let revisions: [Revision]
    package let users: [User]
    package let auditRows: Int
    package let auditHead: String?
    package let identity: Identity?
    /// Base64 of the gateway's files; absent in backups of versions that had none.
    package let credentials: [String: String]?

    package init(
        created: Timestamp,
        site: String,
        revisions: [Revision],
        users: [User],
        auditRows: Int,
        auditHead: String?,
        identity: Identity?,
        credentials: [String: String] = [:]
    ) {
        format = Self.format
        software = Software.version
        self.created = created
        self.site = site
        self.revisions = revisions
        self.users = users
        self.auditRows = auditRows
        self.auditHead = auditHead
        self.identity = identity
        self.credentials = credentials.isEmpty ? nil : credentials
    }

    package var summary: BackupSummary {
        BackupSummary(
            created: created,
            software: software,
            site: site,
            revisions: revisions.count,
            users: users.count,
            auditRows: auditRows,
            auditHead: auditHead,
            identity: identity.flatMap { try? CertificateChain(pem: $0.chain).summary.subject },
            credentials: credentials?.count ?? 0
        )
    }

    /// - Throws: where there is no JSON of it; an empty backup would look like one.
    package func json() throws(ProvisioningError) -> [UInt8] {
        do {
            return Array(try JSONEncoder().encode(self))
        } catch {
            throw ProvisioningError(.backupContent, at: "the content", found: "\(error)", expected: "JSON")
        }
    }

    package init(json: [UInt8]) throws(ProvisioningError) {
        func refusal(_ found: String, _ expected: String) -> ProvisioningError {
            ProvisioningError(.backupContent, at: "the content", found: found, expected: expected)
        }
        guard let content = try? JSONDecoder().decode(Self.self, from: Data(json + [0x0A])) else {
            throw refusal("what is no backup's content", "JSON of a DRIMbox")
        }
        guard content.format == Self.format else {
            throw ProvisioningError(
                .backupVersion,
                at: "the content",
                found: "format \(content.format)",
                expected: "format \(Self.format)"
            )
        }
        guard let newest = content.revisions.first else { throw refusal("no revision", "one at least") }
        do throws(ConfigurationError) {
            _ = try BoxConfiguration(json: Array(newest.document.utf8))
        } catch {
            throw refusal(
                "a configuration that this version does not understand: \(error)",
                "its own, or an older one"
            )
        }
        guard content.users.allSatisfy({ Role(rawValue: $0.role) != nil && $0.hash.hasPrefix("$") }) else {
            throw refusal("a user without role or hash", "both")
        }
        for (name, text) in content.credentials ?? [:] {
            guard CredentialUpload.isName(name), Data(base64Encoded: text) != nil else {
                throw refusal("a file without name or content", "both")
            }
        }
        self = content
    }

    /// - Throws: what `SealedFile` and the content say.
    package init(sealed file: [UInt8], with key: SealedFile.Key) throws(ProvisioningError) {
        self = try BackupContent(json: try SealedFile.open(file, with: key))
    }
}
