// SPDX-License-Identifier: Apache-2.0
package import Admin
internal import CTPM

/// The TPM 2.0 of the appliance, open. Owner and endorsement hierarchy have empty authorizations.
///
/// Every call blocks until the TPM answers, and for ever where it does not: only a short-lived process that
/// somebody else ends at a deadline has one. One is open at a time in a process, used by one thread at a time.
package struct TPM: ~Copyable {
    /// Persistent handles below PLATFORM_PERSISTENT, and so the owner's (Part 2, 7.5), and an NV index.
    package enum Handle {
        package static let identityKey: UInt32 = 0x8100_0100
        package static let attestationKey: UInt32 = 0x8100_0101
        /// An NV index among the owner's (TCG Registry of Reserved TPM 2.0 Handles and Localities).
        package static let floor: UInt32 = 0x0150_0020
    }

    /// PCRs of the firmware, the boot loader, the kernel command line, Secure Boot and systemd's own.
    package static let reportedPCRs: Set<Int> = Set(0...9).union([11, 12, 14])

    /// Set once it is open: without a property `deinit` would run where `init` throws.
    private let tcti: String

    /// Opens the TPM.
    ///
    /// - Parameter tcti: driver and address: `device:/dev/tpmrm0`, `swtpm:path=/run/tpm`.
    /// - Throws: `absent` where there is no such device, `unreachable` where nothing answers, `invalid` where this
    ///   process has one open already.
    package init(tcti: String) throws(TPMFailure) {
        try Shim.call(Array(tcti.utf8)) { ctpm_open() }
        self.tcti = tcti
    }

    deinit { ctpm_close() }

    /// Makes the key that is the appliance's identity: P-256 and ECDSA with SHA-256; made in this TPM, which it
    /// cannot leave; outside the dictionary attack logic, so that power cuts do not lock it. It stays until it
    /// is replaced or the owner hierarchy is cleared.
    ///
    /// - Parameter replacing: ends the identity there is, or evicts a foreign object from the handle.
    /// - Returns: the uncompressed point, 65 bytes.
    /// - Throws: `keyExists` where there is one and it is not to be replaced.
    @discardableResult
    package func createIdentityKey(replacing: Bool = false) throws(TPMFailure) -> [UInt8] {
        try Shim.call { ctpm_create_key(Handle.identityKey, 0, replacing ? 1 : 0) }
        return try identityPoint()
    }

    /// The identity's public key as an uncompressed point, 65 bytes.
    ///
    /// - Throws: `noKey`, or `foreignKey` where the handle is another's.
    package func identityPoint() throws(TPMFailure) -> [UInt8] {
        try Shim.call { ctpm_key_point(Handle.identityKey, 0) }
    }

    /// The identity's public key as SubjectPublicKeyInfo in DER (RFC 5480).
    ///
    /// - Throws: `noKey`, or `foreignKey` where the handle is another's.
    package func identityPublicKey() throws(TPMFailure) -> [UInt8] {
        DER.publicKey(point: try identityPoint())
    }

    /// Signs with the identity.
    ///
    /// - Parameter digest: SHA-256, 32 bytes.
    /// - Returns: the ECDSA signature in DER (RFC 3279, 2.2.3).
    /// - Throws: `noKey`, `foreignKey`, or `invalid` where the digest has another length.
    package func sign(digest: [UInt8]) throws(TPMFailure) -> [UInt8] {
        DER.signature(try Shim.call(digest) { ctpm_sign(Handle.identityKey) })
    }

    /// Asks a certification authority to certify the identity (PKCS#10, RFC 2986).
    ///
    /// - Returns: PEM.
    /// - Throws: `noKey`, `foreignKey`, or `invalid` where the subject is none.
    package func certificateRequest(for subject: CertificateSubject) throws(TPMFailure) -> String {
        let information = DER.certificationRequestInformation(
            subject: try subject.attributes(),
            publicKey: try identityPublicKey()
        )
        let signature = try sign(digest: try Shim.sha256(information))
        return PEM.text(
            label: "CERTIFICATE REQUEST",
            DER.certificationRequest(information: information, signature: signature)
        )
    }

    /// Has the TPM sign the values of its PCRs, with a restricted key that signs nothing else. The key is made on
    /// first use.
    ///
    /// - Parameters:
    ///   - nonce: of whoever asks, 32 bytes at most.
    ///   - pcrs: of the SHA-256 bank, 0 to 23.
    /// - Returns: what the TPM says and its signature, with all that is needed to verify them.
    /// - Throws: `invalid` where nonce or PCRs are out of range, `foreignKey` where the handle is another's.
    package func quote(nonce: [UInt8], pcrs: Set<Int> = TPM.reportedPCRs) throws(TPMFailure) -> TPMQuote {
        guard !pcrs.isEmpty, pcrs.allSatisfy({ (0..<24).contains($0) }) else {
            throw TPMFailure(
                kind: .invalid,
                call: "the PCRs",
                code: "0x0",
                words: "0 to 23, and one at least"
            )
        }
        let point = try attestationPoint()
        let values = try readPCRs(pcrs)
        let bytes = try Shim.call(nonce) { ctpm_quote(Handle.attestationKey, TPM.mask(pcrs)) }
        return TPMQuote(
            attested: PEM.base64(bytes.dropLast(64)),
            signature: PEM.base64(DER.signature(Array(bytes.suffix(64)))),
            publicKey: PEM.base64(DER.publicKey(point: point)),
            pcrs: values
        )
    }

    private func attestationPoint() throws(TPMFailure) -> [UInt8] {
        do {
            return try Shim.call { ctpm_key_point(Handle.attestationKey, 1) }
        } catch  where error.kind == .noKey {
            try Shim.call { ctpm_create_key(Handle.attestationKey, 1, 0) }
            return try Shim.call { ctpm_key_point(Handle.attestationKey, 1) }
        }
    }

    static func mask(_ pcrs: Set<Int>) -> UInt32 {
        pcrs.reduce(0) { $0 | 1 << UInt32($1) }
    }

    func readPCRs(_ pcrs: Set<Int>) throws(TPMFailure) -> [Int: String] {
        let bytes = try Shim.call { ctpm_read_pcrs(TPM.mask(pcrs)) }
        var values: [Int: String] = [:]
        for start in stride(from: 0, to: bytes.count, by: 33) {
            values[Int(bytes[start])] = Shim.hexadecimal(bytes[start + 1..<start + 33])
        }
        return values
    }
}
