// SPDX-License-Identifier: Apache-2.0
package import Admin
internal import CTPM

/// The lockout authorization is 32 bytes at most, and empty in a new TPM. It does not cross the bus in the clear.
/// One wrong try, and the TPM refuses every lockout authorization for `lockoutRecoverySeconds`.
extension TPM {
    /// Sets how many wrong authorizations lock the TPM, and for how long.
    ///
    /// - Parameters:
    ///   - maximumTries: that many lock it.
    ///   - recoverySeconds: until one is forgotten, in powered time.
    ///   - lockoutRecoverySeconds: until the lockout authorization may be tried again after a wrong one.
    ///   - authorization: of the lockout hierarchy.
    /// - Throws: `wrongAuthorization`, or `lockout` after that one.
    package func setLockoutParameters(
        maximumTries: UInt32 = 31,
        recoverySeconds: UInt32 = 600,
        lockoutRecoverySeconds: UInt32 = 600,
        authorization: [UInt8]
    ) throws(TPMFailure) {
        try Shim.call(authorization) {
            ctpm_set_lockout_parameters(maximumTries, recoverySeconds, lockoutRecoverySeconds)
        }
    }

    /// Forgets all failed tries.
    ///
    /// - Parameter authorization: of the lockout hierarchy.
    /// - Throws: `wrongAuthorization`, or `lockout` after that one.
    package func resetLockout(authorization: [UInt8]) throws(TPMFailure) {
        try Shim.call(authorization) { ctpm_reset_lockout() }
    }

    /// Sets the lockout authorization. The TPM does not tell a value from the same with zeros behind it.
    ///
    /// - Throws: `wrongAuthorization`, or `lockout` after that one; `invalid` where one is too long.
    package func changeLockoutAuthorization(from old: [UInt8], to new: [UInt8]) throws(TPMFailure) {
        let oldCount = Int32(clamping: old.count)
        try Shim.call(old + new) { ctpm_change_lockout_authorization(oldCount) }
    }
}
