// SPDX-License-Identifier: Apache-2.0
package import Admin
internal import CTPM

/// The rollback floor: a number in the TPM that only rises, and only to what the vendor has signed.
///
/// An ordinary NV index of 8 bytes. Its write policy is PolicyAuthorize of the vendor's key (TPM 2.0 Part 3, 23.16); the
/// vendor signs, for each value, PolicyNV (23.9, the index is below it) and PolicyCpHash (23.13, that value is written).
/// The signed policy names no TPM, and so is good for every one with the same index. Vendor's keys are P-256, as
/// SubjectPublicKeyInfo in DER (RFC 5480, 2); signatures ECDSA with SHA-256, in DER (RFC 3279, 2.2.3). That the first
/// write's signature never leaves the factory keeps whoever has the owner's authorization from beginning anew.
extension TPM {
    /// The floor, and where there is none, why.
    ///
    /// - Parameter vendorKey: who may raise it. Without a key nobody's policy is foreign.
    /// - Returns: its value, or that it is absent, never written, or another's.
    /// - Throws: `invalid` where the key is none, and what keeps the TPM from answering.
    package func floor(vendorKey: [UInt8]? = nil) throws(TPMFailure) -> RollbackFloor {
        let key = try vendorKey.map(Self.coordinates)
        guard let index = try floorIndex() else { return RollbackFloor(.absent) }
        let writePolicy = Shim.hexadecimal(index.policy)
        guard index.isFloor else { return RollbackFloor(.foreignAttributes, writePolicy: writePolicy) }
        if let key, index.policy != (try Self.policy(of: key, for: CTPM_FLOOR)) {
            return RollbackFloor(.foreignPolicy, writePolicy: writePolicy)
        }
        guard index.isWritten else { return RollbackFloor(.unwritten, writePolicy: writePolicy) }
        let bytes = try Shim.call { ctpm_read_nv(Handle.floor) }
        return RollbackFloor(
            .present,
            value: bytes.reduce(0) { $0 << 8 | UInt64($1) },
            writePolicy: writePolicy
        )
    }

    /// Makes the floor, in the factory. Goes on where the power was cut in the middle; leaves nothing behind where the
    /// signature is not good.
    ///
    /// - Parameters:
    ///   - value: the first.
    ///   - signature: the vendor's, of the policy for the first write.
    ///   - vendorKey: who will be able to raise it.
    /// - Returns: the floor, as it was read again.
    /// - Throws: `floorExists`, `floorForeign` where the index is another's, `wrongSignature`, or `invalid` where key or
    ///   signature are none.
    @discardableResult
    package func defineFloor(at value: UInt64, signature: [UInt8], vendorKey: [UInt8]) throws(TPMFailure)
        -> RollbackFloor
    {
        let key = try Self.coordinates(of: vendorKey)
        let numbers = try Self.numbers(of: signature)
        let found = try floor(vendorKey: vendorKey)
        switch found.state {
        case .absent:
            let policy = try Self.policy(of: key, for: CTPM_FLOOR)
            try Shim.call(policy) { ctpm_define_nv(Handle.floor, NVAttributes.floor, NVIndex.floorSize) }
        case .unwritten: break
        case .present:
            throw Self.failure(.floorExists, "the floor", "there is one already: \(found.value ?? 0)")
        default: throw Self.foreign(found)
        }
        do throws(TPMFailure) {
            try writeFloor(value, isFirst: true, numbers: numbers, key: key)
        } catch {
            if found.state == .absent { _ = try? Shim.call { ctpm_undefine_nv(Handle.floor) } }
            throw error
        }
        return try floor(vendorKey: vendorKey)
    }

    /// Raises the floor, for good. A floor that is there or higher stays, and nothing is written.
    ///
    /// - Parameters:
    ///   - value: the new floor.
    ///   - signature: the vendor's, of the policy for this value.
    ///   - vendorKey: who may raise it.
    /// - Returns: what the floor is now, and whether that was this call's doing.
    /// - Throws: `floorAbsent`, `floorForeign`, `wrongSignature` also where it is for another value, `invalid` where
    ///   key or signature are none.
    @discardableResult
    package func raiseFloor(to value: UInt64, signature: [UInt8], vendorKey: [UInt8]) throws(TPMFailure)
        -> FloorRaise
    {
        let numbers = try Self.numbers(of: signature)
        let found = try floor(vendorKey: vendorKey)
        switch found.state {
        case .present: break
        case .absent, .unwritten:
            throw Self.failure(.floorAbsent, "the floor", "there is none: the factory defines it")
        default: throw Self.foreign(found)
        }
        let old = found.value ?? 0
        guard old < value else {
            return FloorRaise(outcome: old == value ? .equal : .higher, floor: old, requested: value)
        }
        try writeFloor(
            value,
            isFirst: false,
            numbers: numbers,
            key: try Self.coordinates(of: vendorKey)
        )
        let new = try floor(vendorKey: vendorKey)
        return FloorRaise(outcome: .raised, floor: new.value ?? 0, requested: value)
    }

    /// Has the TPM decide whether `value` may be written.
    ///
    /// - Throws: `floorReached`, `wrongSignature`, `wrongPolicy`.
    func writeFloor(_ value: UInt64, isFirst: Bool, numbers: [UInt8], key: [UInt8]) throws(TPMFailure) {
        do throws(TPMFailure) {
            try Shim.call(key + numbers) { ctpm_write_floor(Handle.floor, value, isFirst ? 1 : 0) }
        } catch {
            throw Self.plain(error, .write(value))
        }
    }

    // MARK: - Secrets

    /// Seals a secret to this TPM: it opens for what the vendor has signed. `unseal` shows that.
    ///
    /// - Parameters:
    ///   - secret: 1 to 128 bytes.
    ///   - vendorKey: who says which software opens it.
    /// - Returns: TPM2B_PUBLIC and TPM2B_PRIVATE (Part 2, 12.2.5 and 12.3.7), one behind the other, to be kept on a disk.
    /// - Throws: `invalid` where key or secret are none.
    package func sealToFloor(_ secret: [UInt8], vendorKey: [UInt8]) throws(TPMFailure) -> [UInt8] {
        let policy = try Self.policy(of: try Self.coordinates(of: vendorKey), for: CTPM_SEAL)
        return try Shim.call(policy + secret) { ctpm_seal() }
    }

    /// Opens a secret for software that the floor has not passed. The TPM compares, not this program.
    ///
    /// - Parameters:
    ///   - sealed: what `sealToFloor` returned.
    ///   - rollbackIndex: of the software that asks.
    ///   - signature: the vendor's, of PolicyNV (Part 3, 23.9): the floor is `rollbackIndex` at most. It comes with
    ///     the software.
    ///   - vendorKey: who signed.
    /// - Returns: the secret.
    /// - Throws: `floorPassed`, `floorAbsent` where the TPM was cleared, `wrongSignature`, `foreignSeal`, `invalid`.
    package func unseal(_ sealed: [UInt8], rollbackIndex: UInt64, signature: [UInt8], vendorKey: [UInt8])
        throws(TPMFailure) -> [UInt8]
    {
        let input = try Self.coordinates(of: vendorKey) + Self.numbers(of: signature) + sealed
        do throws(TPMFailure) {
            return try Shim.call(input) { ctpm_unseal(Handle.floor, rollbackIndex) }
        } catch {
            throw Self.plain(error, .open(rollbackIndex))
        }
    }

    // MARK: - Parts

    /// nil where there is none.
    private func floorIndex() throws(TPMFailure) -> NVIndex? {
        let area: [UInt8]
        do throws(TPMFailure) {
            area = try Shim.call { ctpm_nv_public(Handle.floor) }
        } catch {
            guard error.kind == .noKey else { throw error }
            return nil
        }
        guard let index = NVIndex(area) else {
            throw Self.failure(
                .other,
                "the floor",
                "found \(area.count) bytes, expected a whole TPMS_NV_PUBLIC"
            )
        }
        return index
    }

    /// The digest of "what the vendor has signed" (Part 3, 23.16).
    private static func policy(of key: [UInt8], for purpose: Int) throws(TPMFailure) -> [UInt8] {
        try Shim.call(key) { ctpm_authorized_policy(Int32(purpose)) }
    }

    private static func coordinates(of vendorKey: [UInt8]) throws(TPMFailure) -> [UInt8] {
        guard let coordinates = DER.coordinates(of: vendorKey) else {
            throw failure(
                .invalid,
                "the vendor's key",
                "found \(vendorKey.count) bytes, expected the 91 of a SubjectPublicKeyInfo of P-256, uncompressed"
            )
        }
        return coordinates
    }

    private static func numbers(of signature: [UInt8]) throws(TPMFailure) -> [UInt8] {
        guard let numbers = DER.numbers(of: signature) else {
            throw failure(
                .invalid,
                "the signature",
                "found \(signature.count) bytes, expected an ECDSA-Sig-Value of P-256 in DER"
            )
        }
        return numbers
    }

    private static func failure(_ kind: TPMFailure.Kind, _ what: String, _ words: String) -> TPMFailure {
        TPMFailure(kind: kind, call: what, code: "0x0", words: words)
    }

    private static func foreign(_ floor: RollbackFloor) -> TPMFailure {
        let words =
            floor.state == .foreignPolicy
            ? "others than this vendor may write NV index 0x1500020: its policy is \(floor.writePolicy ?? "absent")"
            : "NV index 0x1500020 has attributes, a size or a hash algorithm that are not ours"
        return failure(.floorForeign, "the floor", words)
    }

    /// A refusal of the TPM as what it means here.
    private static func plain(_ failure: TPMFailure, _ attempt: FloorRefusal.Attempt) -> TPMFailure {
        guard let refusal = FloorRefusal(of: failure, in: attempt) else { return failure }
        return TPMFailure(kind: refusal.kind, call: failure.call, code: failure.code, words: refusal.words)
    }
}
