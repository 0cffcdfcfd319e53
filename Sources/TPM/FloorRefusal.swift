// SPDX-License-Identifier: Apache-2.0
internal import Admin
internal import CTPM

/// What a refusal by the TPM means where it is about the rollback floor.
struct FloorRefusal {
    enum Attempt {
        case write(UInt64)
        /// By software with this rollback index.
        case open(UInt64)
    }

    let kind: TPMFailure.Kind
    let words: String

    /// nil where it is about something else. Codes are TPM_RC (Part 2, 6.6), without the parameter's number.
    init?(of failure: TPMFailure, in attempt: Attempt) {
        guard let code = UInt32(failure.code.dropFirst(2), radix: 16) else { return nil }
        let answer = code & 0xFFFF
        let reason = answer & 0x80 == 0 ? answer : answer & 0xBF
        switch (failure.call, reason) {
        case (_, _) where failure.kind == .noKey:
            self.init(.floorAbsent, "there is no floor in this TPM: it was cleared, or is another one")
        // TPM_RC_NV_UNINITIALIZED
        case ("Esys_PolicyNV", 0x14A):
            self.init(.floorAbsent, "the floor was defined and never written")
        // TPM_RC_POLICY
        case ("Esys_PolicyNV", 0x126):
            switch attempt {
            case .write(let value): self.init(.floorReached, "the floor is \(value) already, or higher")
            case .open(let index):
                self.init(.floorPassed, "the floor is above \(index), the rollback index of this software")
            }
        // TPM_RC_SIGNATURE
        case ("Esys_VerifySignature", 0x9B):
            switch attempt {
            case .write(let value):
                self.init(.wrongSignature, "this vendor has not signed that the floor may be \(value)")
            case .open(let index):
                self.init(
                    .wrongSignature,
                    "this vendor has not signed that software of index \(index) opens it"
                )
            }
        // TPM_RC_POLICY_FAIL
        case ("Esys_NV_Write", 0x9D), ("Esys_Unseal", 0x9D):
            self.init(.wrongPolicy, "it is another vendor's signature that is wanted")
        // TPM_RC_INTEGRITY
        case ("Esys_Load", 0x9F):
            self.init(.foreignSeal, "sealed by another TPM, or by this one before it was cleared")
        default: return nil
        }
    }

    private init(_ kind: TPMFailure.Kind, _ words: String) {
        self.kind = kind
        self.words = words
    }
}
