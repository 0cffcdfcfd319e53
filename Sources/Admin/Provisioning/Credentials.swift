// SPDX-License-Identifier: Apache-2.0

/// A file that the configuration names by its name alone: certificates, a private key, a revocation list, the white list.
package struct CredentialFile: Codable, Equatable, Sendable {
    package enum Kind: String, Codable, Sendable {
        case certificates
        case privateKey
        /// Nothing of ours reads it before the gateway does.
        case other
    }

    package let name: String
    package let kind: Kind
    package let bytes: Int
    /// Of the first certificate.
    package let subject: String?
    package let notAfter: Timestamp?
    /// Of the public key, the first 16 digits of its SHA-256: a certificate and its private key have the same.
    package let keyFingerprint: String?
    /// Places of the configuration in force that name it: `gateway.web.tls.certificate`.
    package let usedBy: [String]

    package init(
        name: String,
        kind: Kind,
        bytes: Int,
        subject: String? = nil,
        notAfter: Timestamp? = nil,
        keyFingerprint: String? = nil,
        usedBy: [String] = []
    ) {
        self.name = name
        self.kind = kind
        self.bytes = bytes
        self.subject = subject
        self.notAfter = notAfter
        self.keyFingerprint = keyFingerprint
        self.usedBy = usedBy
    }
}

/// `GET /v1/credentials`.
package struct CredentialList: Codable, Equatable, Sendable {
    package let credentials: [CredentialFile]

    package init(credentials: [CredentialFile]) { self.credentials = credentials }
}

/// `PUT /v1/credentials/{name}`.
package struct CredentialUpload: Codable, Equatable, Sendable {
    /// Bytes of a file.
    package static let longest = 4 << 20
    package static let expectedName =
        "1 to 64 letters, digits, \".\", \"_\" and \"-\", a letter or a digit first"

    /// Base64.
    package let content: String

    package init(content: String) { self.content = content }

    package static func isName(_ text: String) -> Bool {
        let letters = Array(text.utf8)
        guard (1...64).contains(letters.count), let first = letters.first, isAlphanumeric(first) else {
            return false
        }
        return letters.allSatisfy { isAlphanumeric($0) || [0x2D, 0x2E, 0x5F].contains($0) }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }
}

/// What a medium (a USB stick) holds for this box, in its directory `drimbox`.
package struct Medium: Codable, Equatable, Sendable {
    package enum Purpose: String, Codable, Sendable {
        /// `credentials/NAME`
        case credential
        /// `identity.pem`, with `authorities.pem` where the box's document names none.
        case identity
        /// `answers.json`, signed by `answers.json.sig`.
        case answers
    }

    package struct File: Codable, Equatable, Sendable {
        /// Below `drimbox`.
        package let path: String
        package let purpose: Purpose

        package init(path: String, purpose: Purpose) {
            self.path = path
            self.purpose = purpose
        }
    }

    /// Of its directory: `sdb1`.
    package let name: String
    package let files: [File]

    package init(name: String, files: [File]) {
        self.name = name
        self.files = files
    }
}

/// `GET /v1/media`.
package struct MediumList: Codable, Equatable, Sendable {
    package let media: [Medium]

    package init(media: [Medium]) { self.media = media }
}

/// `POST /v1/media/{name}/import`: each file for itself, in the order in which they need each other.
package struct MediumReport: Codable, Equatable, Sendable {
    package struct Item: Codable, Equatable, Sendable {
        package let path: String
        package let isTaken: Bool
        /// What was taken, or why it was not.
        package let detail: String

        package init(path: String, isTaken: Bool, detail: String) {
            self.path = path
            self.isTaken = isTaken
            self.detail = detail
        }
    }

    package let items: [Item]

    package init(items: [Item]) { self.items = items }

    package var isWhole: Bool { items.allSatisfy(\.isTaken) }
}
