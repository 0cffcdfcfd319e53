// SPDX-License-Identifier: Apache-2.0

/// How far the box is on its way from the carton into service. Derived from facts, never set.
package enum ProvisioningState: String, Codable, Sendable, CaseIterable {
    /// Nobody has given the box a configuration.
    case factory
    /// A person has; the box has no certificate that is good now.
    case configured
    /// The box has a certificate for its key; a supervised program does not run.
    case enrolled
    case inService = "in-service"
}

/// What a chain of certificates says of its leaf.
package struct CertificateSummary: Codable, Equatable, Sendable {
    package let subject: String
    package let issuer: String
    /// Hexadecimal.
    package let serial: String
    package let notBefore: Timestamp
    /// When the first certificate of the chain ends.
    package let notAfter: Timestamp
    package let certificates: Int

    package init(
        subject: String,
        issuer: String,
        serial: String,
        notBefore: Timestamp,
        notAfter: Timestamp,
        certificates: Int
    ) {
        self.subject = subject
        self.issuer = issuer
        self.serial = serial
        self.notBefore = notBefore
        self.notAfter = notAfter
        self.certificates = certificates
    }
}

/// `GET /v1/enrolment`.
package struct EnrolmentStatus: Codable, Equatable, Sendable {
    /// Where the private key is.
    package enum KeyStore: String, Codable, Sendable {
        case tpm
        case file
    }

    package let state: ProvisioningState
    /// Absent where no key is known yet.
    package let key: KeyStore?
    /// The first 16 digits of the SHA-256 of the SubjectPublicKeyInfo.
    package let keyFingerprint: String?
    /// Absent where none was imported.
    package let certificate: CertificateSummary?
    /// Why the certificate does not count now.
    package let objection: String?
    package let imported: Timestamp?

    package init(
        state: ProvisioningState,
        key: KeyStore? = nil,
        keyFingerprint: String? = nil,
        certificate: CertificateSummary? = nil,
        objection: String? = nil,
        imported: Timestamp? = nil
    ) {
        self.state = state
        self.key = key
        self.keyFingerprint = keyFingerprint
        self.certificate = certificate
        self.objection = objection
        self.imported = imported
    }
}

/// `GET /v1/enrolment/code`: the identity key's fingerprint for a camera.
package struct EnrolmentCode: Codable, Equatable, Sendable {
    /// SHA-256 of the SubjectPublicKeyInfo: 64 digits in lower case.
    package let fingerprint: String
    /// What the code holds: the fingerprint's first 24 digits in upper case.
    package let content: String
    /// The QR code's rows, `#` dark and `.` light, without a quiet zone; absent where the box cannot make one.
    package let modules: [String]?

    package init(fingerprint: String, content: String, modules: [String]?) {
        self.fingerprint = fingerprint
        self.content = content
        self.modules = modules
    }
}

/// `PUT /v1/enrolment/certificate`.
package struct CertificateImport: Codable, Equatable, Sendable {
    /// PEM, the box's certificate first.
    package let chain: String
    /// PEM; only where the box's own document requires none.
    package let authorities: String?
    /// PEM; only of a box without a TPM.
    package let privateKey: String?

    package init(chain: String, authorities: String? = nil, privateKey: String? = nil) {
        self.chain = chain
        self.authorities = authorities
        self.privateKey = privateKey
    }
}
