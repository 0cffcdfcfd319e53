// SPDX-License-Identifier: Apache-2.0

/// What the supervisor asks of `drimbox-probe`: one request, one answer, and the process ends.
package enum ProbeRequest: Codable, Equatable, Sendable {
    /// A device that `smartctl` knows, below /dev.
    case disk(device: String)
    case tpm
    /// Makes the identity key where there is none, and a PKCS#10 request for it.
    case certificateRequest(commonName: String, organization: String?)
    /// Who else answers for addresses of ours, IPv4. Of the probe that may use the network.
    case addressConflicts([LinkAddress])
    /// At most 32 bytes.
    case quote(nonce: [UInt8])
    /// The identity's public key.
    case publicKey
    /// The certificates of a file that the supervisor may not read; nothing else of it.
    case certificates(path: String)
    /// The rollback floor. The vendor's key is SubjectPublicKeyInfo, DER; without it, whoever may write the floor is
    /// not judged.
    case floor(vendorKey: [UInt8]?)
    /// In the factory. `signature` is the vendor's, of the policy for the first write: ECDSA with SHA-256, DER.
    case defineFloor(value: UInt64, signature: [UInt8], vendorKey: [UInt8])
    /// `signature` is the vendor's, of the policy for this value: ECDSA with SHA-256, DER.
    case raiseFloor(value: UInt64, signature: [UInt8], vendorKey: [UInt8])
    /// A new challenge for the break-glass shell on a terminal, which only root keeps. Where the TPM is not asked, it does not
    /// say which box it is.
    case shellChallenge(terminal: String, asksTPM: Bool)
    /// The data disk's recovery key as long as it is not written down; `forget` is its last group, from the paper.
    case recoveryKey(forget: String?)
}

package enum ProbeAnswer: Codable, Equatable, Sendable {
    case disk(DiskReport)
    case tpm(TPMReport)
    /// PEM.
    case certificateRequest(String)
    case quote(TPMQuote)
    /// SubjectPublicKeyInfo, DER.
    case publicKey([UInt8])
    /// PEM.
    case certificates(String)
    case floor(RollbackFloor)
    case floorRaise(FloorRaise)
    /// `failures`: why an address could not be asked for.
    case addressConflicts([AddressConflict], failures: [String])
    case shellChallenge(ShellChallenge)
    /// Empty where it was forgotten.
    case recoveryKey(String)
    case tpmFailure(TPMFailure)
    case refused(String)
}

/// `GET /v1/health`.
package struct BoxHealth: Codable, Equatable, Sendable {
    package var report: HealthReport
    /// Absent where there is none, or none has answered.
    package var tpm: TPMReport?
    package var tpmFailure: String?

    package init(report: HealthReport, tpm: TPMReport? = nil, tpmFailure: String? = nil) {
        self.report = report
        self.tpm = tpm
        self.tpmFailure = tpmFailure
    }
}

/// `POST /v1/enrolment/csr`: who the box is, for the request that its TPM signs.
package struct EnrolmentRequest: Codable, Equatable, Sendable {
    package let commonName: String
    package let organization: String?

    package init(commonName: String, organization: String?) {
        self.commonName = commonName
        self.organization = organization
    }
}

package struct EnrolmentAnswer: Codable, Equatable, Sendable {
    /// PKCS#10, PEM.
    package let csr: String

    package init(csr: String) {
        self.csr = csr
    }
}
