// SPDX-License-Identifier: Apache-2.0
internal import Admin
internal import CTPM

/// Bytes into and out of the C shim, and its codes as failures.
enum Shim {
    /// Hands `input` over, runs `body`, which is one call of the shim, and takes its output.
    ///
    /// - Throws: what the shim returns, unless it is 0.
    @discardableResult
    static func call(_ input: [UInt8] = [], _ body: () -> UInt32) throws(TPMFailure) -> [UInt8] {
        for byte in input { ctpm_input_add(byte) }
        let code = body()
        guard code == 0 else { throw failure(code) }
        return output()
    }

    /// - Throws: `invalid` beyond CTPM_CAPACITY bytes.
    static func sha256(_ bytes: [UInt8]) throws(TPMFailure) -> [UInt8] {
        try call(bytes) { ctpm_sha256() }
    }

    static func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    private static func output() -> [UInt8] {
        (0..<ctpm_output_count()).map { ctpm_output_byte($0) }
    }

    private static func failure(_ code: UInt32) -> TPMFailure {
        ctpm_failed_call()
        let call = String(decoding: output(), as: UTF8.self)
        ctpm_words(code)
        let words = String(decoding: output(), as: UTF8.self)
        return TPMFailure(
            kind: kind(code),
            call: call,
            code: "0x" + String(code, radix: 16),
            words: words
        )
    }

    static func kind(_ code: UInt32) -> TPMFailure.Kind {
        switch Int(code) {
        case Int(CTPM_NO_DEVICE): return .absent
        case Int(CTPM_NO_KEY): return .noKey
        case Int(CTPM_OTHER_KEY): return .foreignKey
        case Int(CTPM_KEY_EXISTS): return .keyExists
        case Int(CTPM_BUSY), Int(CTPM_TOO_LONG), Int(CTPM_WRONG_LENGTH): return .invalid
        default: break
        }
        // TSS2_RC_LAYER (TSS Overview 1.0): 10 is the TCTI; 0 is the TPM, 11 the kernel's resource manager.
        switch code >> 16 {
        case 10: return .unreachable
        case 0, 11: break
        default: return .other
        }
        // TPM_RC (Part 2, 6.6): format 1 has its handle, parameter or session number in bits 6 and 8 to 11.
        let answer = code & 0xFFFF
        if answer == 0x921 { return .lockout }
        guard answer & 0x80 != 0 else { return .other }
        switch answer & 0xBF {
        case 0x8E, 0xA2: return .wrongAuthorization
        // TPM_RC_ECC_POINT: not on the curve.
        case 0xA7: return .invalid
        default: return .other
        }
    }
}
