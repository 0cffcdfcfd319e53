// SPDX-License-Identifier: Apache-2.0

/// TPMA_NV (Part 2, 13.4).
enum NVAttributes {
    static let policyWrite: UInt32 = 1 << 3
    static let ownerRead: UInt32 = 1 << 17
    static let authorizedRead: UInt32 = 1 << 18
    /// Outside the dictionary attack logic.
    static let noDictionaryAttack: UInt32 = 1 << 25
    static let written: UInt32 = 1 << 29

    static let floor = policyWrite | ownerRead | authorizedRead | noDictionaryAttack
}

/// What the TPM tells of an NV index (TPMS_NV_PUBLIC, Part 2, 13.5).
struct NVIndex {
    /// Bytes of a rollback floor.
    static let floorSize: UInt16 = 8
    /// TPM_ALG_SHA256 (TCG Algorithm Registry).
    private static let sha256: UInt16 = 0x000B

    let hashAlgorithm: UInt16
    let attributes: UInt32
    let policy: [UInt8]
    let size: UInt16

    /// nil where it is shorter than it says.
    init?(_ bytes: [UInt8]) {
        var rest = bytes[...]
        func number(_ count: Int) -> UInt32? {
            guard rest.count >= count else { return nil }
            defer { rest = rest.dropFirst(count) }
            return rest.prefix(count).reduce(0) { $0 << 8 | UInt32($1) }
        }
        guard number(4) != nil, let hashAlgorithm = number(2), let attributes = number(4),
            let count = number(2),
            rest.count >= Int(count)
        else { return nil }
        policy = Array(rest.prefix(Int(count)))
        rest = rest.dropFirst(Int(count))
        guard let size = number(2) else { return nil }
        self.hashAlgorithm = UInt16(truncatingIfNeeded: hashAlgorithm)
        self.attributes = attributes
        self.size = UInt16(truncatingIfNeeded: size)
    }

    var isWritten: Bool { attributes & NVAttributes.written != 0 }

    /// It has the shape of a rollback floor, whoever may write it.
    var isFloor: Bool {
        attributes & ~NVAttributes.written == NVAttributes.floor && size == Self.floorSize
            && hashAlgorithm == Self.sha256
    }
}
