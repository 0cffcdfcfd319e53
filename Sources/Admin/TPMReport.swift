// SPDX-License-Identifier: Apache-2.0

/// What the TPM says of itself: `GET /v1/tpm`. Read by a short-lived process, for a mute TPM blocks its caller.
package struct TPMReport: Codable, Equatable, Sendable {
    package struct SelfTest: Codable, Equatable, Sendable {
        package let hasPassed: Bool
        /// TPM_RC in hexadecimal where it failed: `0x101`.
        package let code: String?

        package init(hasPassed: Bool, code: String? = nil) {
            self.hasPassed = hasPassed
            self.code = code
        }
    }

    /// The dictionary attack logic (TPM 2.0 Part 1, Dictionary Attack Protection). Keys of this appliance are outside of it.
    package struct Lockout: Codable, Equatable, Sendable {
        package let isLocked: Bool
        package let failedTries: Int
        /// That many failed tries lock the TPM.
        package let maximumTries: Int
        /// Seconds until one failed try is forgotten; the TPM counts them only while it is powered. 0: at once.
        package let recoverySeconds: Int
        /// Seconds until the lockout authorization works again after a wrong one. 0: after the next power-on.
        package let lockoutRecoverySeconds: Int
        /// Somebody has set the lockout authorization. Else everybody may reset the lockout.
        package let hasAuthorization: Bool

        package init(
            isLocked: Bool,
            failedTries: Int,
            maximumTries: Int,
            recoverySeconds: Int,
            lockoutRecoverySeconds: Int,
            hasAuthorization: Bool
        ) {
            self.isLocked = isLocked
            self.failedTries = failedTries
            self.maximumTries = maximumTries
            self.recoverySeconds = recoverySeconds
            self.lockoutRecoverySeconds = lockoutRecoverySeconds
            self.hasAuthorization = hasAuthorization
        }
    }

    /// What `endorsementKeyHash` is the hash of.
    package enum EndorsementKeySource: String, Codable, Sendable {
        /// The X.509 certificate in NV index 0x01C00002.
        case rsaCertificate = "rsa-certificate"
        /// The X.509 certificate in NV index 0x01C0000A.
        case eccCertificate = "ecc-certificate"
        /// The TPMT_PUBLIC of the P-256 key that the default template makes.
        case eccKey = "ecc-key"
        /// The TPMT_PUBLIC of the RSA-2048 key that the default template makes.
        case rsaKey = "rsa-key"
    }

    package enum IdentityKey: String, Codable, Sendable {
        case absent
        case present
        /// The handle is taken by an object that this appliance did not make.
        case foreign
    }

    /// TPM_PT_MANUFACTURER: `IFX`, `STM`, `IBM` for swtpm.
    package let manufacturer: String
    /// TPM_PT_VENDOR_STRING_1 to 4: `SLB9672`, `SW   TPM`.
    package let model: String
    /// The four 16-bit parts of TPM_PT_FIRMWARE_VERSION: `15.22.16832.0`.
    package let firmwareVersion: String
    package let selfTest: SelfTest
    /// Absent, like everything below, where the self-test failed: a TPM in failure mode tells no more.
    package let lockout: Lockout?
    /// SHA-256 in hexadecimal. Another one than before: another TPM.
    package let endorsementKeyHash: String?
    package let endorsementKeySource: EndorsementKeySource?
    /// By PCR, the SHA-256 bank's value in hexadecimal. Empty where the firmware keeps no such bank.
    package let pcrs: [Int: String]
    package let identityKey: IdentityKey?
    /// Whose policy it is that writes the floor, is for the reader to compare.
    package let floor: RollbackFloor?
    /// What could not be read, and why.
    package let failures: [TPMFailure]

    package init(
        manufacturer: String,
        model: String,
        firmwareVersion: String,
        selfTest: SelfTest,
        lockout: Lockout?,
        endorsementKeyHash: String?,
        endorsementKeySource: EndorsementKeySource?,
        pcrs: [Int: String],
        identityKey: IdentityKey?,
        floor: RollbackFloor? = nil,
        failures: [TPMFailure]
    ) {
        self.manufacturer = manufacturer
        self.model = model
        self.firmwareVersion = firmwareVersion
        self.selfTest = selfTest
        self.lockout = lockout
        self.endorsementKeyHash = endorsementKeyHash
        self.endorsementKeySource = endorsementKeySource
        self.pcrs = pcrs
        self.identityKey = identityKey
        self.floor = floor
        self.failures = failures
    }
}

/// A quote of the TPM (TPM2_Quote): `POST /v1/tpm/quote`. Bytes are base64.
package struct TPMQuote: Codable, Equatable, Sendable {
    /// The TPMS_ATTEST: the nonce, the clock, and the digest of the PCRs.
    package let attested: String
    /// ECDSA with SHA-256 of `attested`, in DER.
    package let signature: String
    /// SubjectPublicKeyInfo in DER of the restricted key that signed.
    package let publicKey: String
    /// What the PCRs held just before; the digest in `attested` says whether they still did.
    package let pcrs: [Int: String]

    package init(attested: String, signature: String, publicKey: String, pcrs: [Int: String]) {
        self.attested = attested
        self.signature = signature
        self.publicKey = publicKey
        self.pcrs = pcrs
    }
}

/// A call to the TPM that failed.
package struct TPMFailure: Error, Codable, Equatable, Sendable, CustomStringConvertible {
    package enum Kind: String, Codable, Sendable {
        /// There is no TPM device.
        case absent
        /// The device is there, and nothing answers: it is dead, or busy with somebody else.
        case unreachable
        /// TPM_RC_LOCKOUT: too many wrong authorizations, or one wrong lockout authorization.
        case lockout
        /// A wrong authorization, now counted.
        case wrongAuthorization = "wrong-authorization"
        /// No key has been made yet.
        case noKey = "no-key"
        case keyExists = "key-exists"
        /// The handle belongs to an object that this appliance did not make.
        case foreignKey = "foreign-key"
        /// There is no rollback floor, or it was never written.
        case floorAbsent = "floor-absent"
        case floorExists = "floor-exists"
        /// The floor's NV index has attributes or a policy that are not ours.
        case floorForeign = "floor-foreign"
        /// The floor is not below what was to be written.
        case floorReached = "floor-reached"
        /// The floor is above the rollback index of the software that asks.
        case floorPassed = "floor-passed"
        /// The vendor did not sign this, or not for this value.
        case wrongSignature = "wrong-signature"
        /// The signature is good, and another vendor's is wanted.
        case wrongPolicy = "wrong-policy"
        /// Sealed by another TPM, or by this one before it was cleared.
        case foreignSeal = "foreign-seal"
        /// The caller gave something the TPM does not take.
        case invalid
        case other
    }

    package let kind: Kind
    /// The function, or what was wrong: `Esys_Sign`.
    package let call: String
    /// TSS2_RC in hexadecimal: `0x921`.
    package let code: String
    /// What the code means, in the words of Tss2_RC_Decode.
    package let words: String

    package init(kind: Kind, call: String, code: String, words: String) {
        self.kind = kind
        self.call = call
        self.code = code
        self.words = words
    }

    package var description: String { "\(call): \(words) (\(code))" }
}
