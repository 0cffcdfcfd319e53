// SPDX-License-Identifier: Apache-2.0
package import Admin
internal import CTPM

extension TPM {
    /// Everything worth knowing, after a self-test of everything. Changes nothing. What cannot be read is absent
    /// and among `failures`.
    ///
    /// - Throws: `unreachable` where the TPM is gone, and whatever keeps it from saying who made it.
    package func report() throws(TPMFailure) -> TPMReport {
        let selfTest = try runSelfTest()
        try Shim.call { ctpm_read_properties(Property.fixed) }
        let manufacturer = Property.text([Property.manufacturer])
        let model = Property.text(Property.vendorStrings)
        let firmwareVersion = Property.firmwareVersions.flatMap { property in
            [ctpm_property(property) >> 16, ctpm_property(property) & 0xFFFF].map { String($0) }
        }
        var failures: [TPMFailure] = []
        var lockout: TPMReport.Lockout?
        var endorsementKey: (hash: String, source: TPMReport.EndorsementKeySource)?
        var pcrs: [Int: String]?
        var identityKey: TPMReport.IdentityKey?
        var floor: RollbackFloor?
        if selfTest.hasPassed {
            lockout = try part(&failures) { () throws(TPMFailure) in try readLockout() }
            endorsementKey = try part(&failures) { () throws(TPMFailure) in try readEndorsementKey() }
            pcrs = try part(&failures) { () throws(TPMFailure) in try readPCRs(TPM.reportedPCRs) }
            identityKey = try part(&failures) { () throws(TPMFailure) in try findIdentityKey() }
            floor = try part(&failures) { () throws(TPMFailure) in try self.floor() }
        }
        return TPMReport(
            manufacturer: manufacturer,
            model: model,
            firmwareVersion: firmwareVersion.joined(separator: "."),
            selfTest: selfTest,
            lockout: lockout,
            endorsementKeyHash: endorsementKey?.hash,
            endorsementKeySource: endorsementKey?.source,
            pcrs: pcrs ?? [:],
            identityKey: identityKey,
            floor: floor,
            failures: failures
        )
    }

    /// What `read` returns, or nil and one failure more. A TPM that is gone ends the report.
    private func part<Value>(_ failures: inout [TPMFailure], _ read: () throws(TPMFailure) -> Value)
        throws(TPMFailure) -> Value?
    {
        do {
            return try read()
        } catch  where error.kind != .unreachable {
            failures.append(error)
            return nil
        }
    }

    private func runSelfTest() throws(TPMFailure) -> TPMReport.SelfTest {
        do {
            try Shim.call { ctpm_self_test() }
            return TPMReport.SelfTest(hasPassed: true)
        } catch  where error.kind != .unreachable {
            return TPMReport.SelfTest(hasPassed: false, code: error.code)
        }
    }

    private func readLockout() throws(TPMFailure) -> TPMReport.Lockout {
        try Shim.call { ctpm_read_properties(Property.variable) }
        // TPMA_PERMANENT (Part 2, 8.6): bit 2 lockoutAuthSet, bit 9 inLockout.
        let permanent = ctpm_property(Property.permanent)
        return TPMReport.Lockout(
            isLocked: permanent & 1 << 9 != 0,
            failedTries: Int(ctpm_property(Property.lockoutCounter)),
            maximumTries: Int(ctpm_property(Property.maximumTries)),
            recoverySeconds: Int(ctpm_property(Property.lockoutInterval)),
            lockoutRecoverySeconds: Int(ctpm_property(Property.lockoutRecovery)),
            hasAuthorization: permanent & 1 << 2 != 0
        )
    }

    /// The certificate's hash where the manufacturer left one, for that is what an inventory has; else a key's,
    /// P-256 first, because a TPM may take many seconds for an RSA key.
    private func readEndorsementKey() throws(TPMFailure)
        -> (hash: String, source: TPMReport.EndorsementKeySource)
    {
        for (index, source) in [
            (Certificate.rsa, TPMReport.EndorsementKeySource.rsaCertificate),
            (Certificate.ecc, .eccCertificate),
        ] {
            guard let bytes = try readCertificate(index) else { continue }
            return (Shim.hexadecimal(try Shim.sha256(bytes)), source)
        }
        do {
            return (try hashOfKey(isRSA: false), .eccKey)
        } catch  where error.kind != .unreachable {
            return (try hashOfKey(isRSA: true), .rsaKey)
        }
    }

    func hashOfKey(isRSA: Bool) throws(TPMFailure) -> String {
        let area = try Shim.call { ctpm_endorsement_public(isRSA ? 1 : 0) }
        return Shim.hexadecimal(try Shim.sha256(area))
    }

    /// The certificate without what pads its NV index; nil where there is none.
    private func readCertificate(_ index: UInt32) throws(TPMFailure) -> [UInt8]? {
        do {
            let content = try Shim.call { ctpm_read_nv(index) }
            return DER.firstElement(of: content)
        } catch  where error.kind == .noKey {
            return nil
        }
    }

    private func findIdentityKey() throws(TPMFailure) -> TPMReport.IdentityKey {
        do {
            _ = try identityPoint()
            return .present
        } catch {
            switch error.kind {
            case .noKey: return .absent
            case .foreignKey: return .foreign
            default: throw error
            }
        }
    }
}

/// NV indices of TCG EK Credential Profile 2.3, 2.2.1.4.
private enum Certificate {
    static let rsa: UInt32 = 0x01C0_0002
    static let ecc: UInt32 = 0x01C0_000A
}

/// TPM_PT (Part 2, 6.13).
private enum Property {
    static let fixed: UInt32 = 0x100
    static let variable: UInt32 = 0x200
    static let manufacturer: UInt32 = 0x105
    static let vendorStrings: [UInt32] = [0x106, 0x107, 0x108, 0x109]
    static let firmwareVersions: [UInt32] = [0x10B, 0x10C]
    static let permanent: UInt32 = 0x200
    static let lockoutCounter: UInt32 = 0x20E
    static let maximumTries: UInt32 = 0x20F
    static let lockoutInterval: UInt32 = 0x210
    static let lockoutRecovery: UInt32 = 0x211

    /// Properties as the four characters that each is. Padding goes, and whatever is not printable ASCII.
    static func text(_ properties: [UInt32]) -> String {
        let bytes = properties.flatMap { property in
            [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: ctpm_property(property) >> UInt32($0)) }
        }
        let printable = bytes.filter { (0x20...0x7E).contains($0) }
        let end = printable.lastIndex { $0 != 0x20 }.map { $0 + 1 } ?? 0
        return String(decoding: printable[..<end], as: UTF8.self)
    }
}
