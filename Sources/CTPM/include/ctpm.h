/* SPDX-License-Identifier: Apache-2.0
 * A TPM 2.0 through the TSS2 libraries (TCG ESAPI 1.0), behind calls that take and return numbers only, so that
 * Swift needs no pointer. What has a length goes in and comes out byte by byte: ctpm_input_add before a call,
 * ctpm_output_byte after it.
 *
 * One TPM is open at a time, and nothing here is thread-safe. A TPM that does not answer blocks a call for ever:
 * only a short-lived process that somebody else can kill calls these.
 *
 * What returns uint32_t returns 0, a TSS2 code, or one of the codes below. */
#ifndef CTPM_H
#define CTPM_H

#include <stdint.h>

/* Codes of this shim, in no layer of the TSS2 codes. */
enum {
    CTPM_NO_DEVICE = 0x7FFF0001,   /* the character device is not there */
    CTPM_BUSY = 0x7FFF0002,        /* this process has a TPM open, or has none open */
    CTPM_TOO_LONG = 0x7FFF0003,    /* the input, or what the TPM holds, is longer than the buffer */
    CTPM_NO_KEY = 0x7FFF0004,      /* no object has this handle */
    CTPM_OTHER_KEY = 0x7FFF0005,   /* the object that has this handle is no key of ours */
    CTPM_KEY_EXISTS = 0x7FFF0006,  /* the handle is taken */
    CTPM_WRONG_LENGTH = 0x7FFF0007 /* of the input */
};

/* The input holds CTPM_CAPACITY bytes; every call but ctpm_input_add empties it, and overwrites its memory. */
#define CTPM_CAPACITY 8192
void ctpm_input_add(uint8_t byte);

/* What the last call left. An index beyond it reads 0. */
int32_t ctpm_output_count(void);
uint8_t ctpm_output_byte(int32_t index);

/* Input: a TCTI string, such as `device:/dev/tpmrm0` or `swtpm:path=/run/tpm`. */
uint32_t ctpm_open(void);
void ctpm_close(void);

/* Output: the name of the call that returned the last code that was not 0. */
void ctpm_failed_call(void);
/* Output: what a code means (Tss2_RC_Decode). */
void ctpm_words(uint32_t code);

/* TPM2_SelfTest of everything. */
uint32_t ctpm_self_test(void);

/* Reads the properties from `first` (TPM2_PT_FIXED or TPM2_PT_VAR) to the end of the group. */
uint32_t ctpm_read_properties(uint32_t first);
/* One of those read; 0 where the TPM does not have it. */
uint32_t ctpm_property(uint32_t property);

/* Output: for every PCR of the mask that the SHA-256 bank has, its number and its 32 bytes. */
uint32_t ctpm_read_pcrs(uint32_t mask);

/* Output: the NV index's content. CTPM_NO_KEY where it is not there. */
uint32_t ctpm_read_nv(uint32_t index);

/* Output: the TPMT_PUBLIC of the endorsement key that the default template makes (TCG EK Credential Profile 2.3,
 * B.3.3 and B.3.4). */
uint32_t ctpm_endorsement_public(int32_t is_rsa);

/* Makes a P-256 signing key under the owner's ECC storage primary, outside the dictionary attack logic, and keeps
 * it at `handle`. A restricted key signs only what the TPM made. */
uint32_t ctpm_create_key(uint32_t handle, int32_t is_restricted, int32_t replaces);
/* Output: the uncompressed point, 65 bytes. CTPM_OTHER_KEY where the key is not one that ctpm_create_key makes. */
uint32_t ctpm_key_point(uint32_t handle, int32_t is_restricted);
/* Input: a SHA-256 digest. Output: r and s, 32 bytes each. */
uint32_t ctpm_sign(uint32_t handle);
/* Input: the nonce. Output: the TPMS_ATTEST, then r and s of its signature, 32 bytes each. */
uint32_t ctpm_quote(uint32_t handle, uint32_t mask);

/* Input: the authorization of the lockout hierarchy, which does not cross the bus in the clear. Seconds until one try
 * is forgiven, and until a wrong such authorization is. */
uint32_t ctpm_set_lockout_parameters(uint32_t tries, uint32_t recovery, uint32_t auth);
uint32_t ctpm_reset_lockout(void);
/* Input: the old authorization, `old_count` bytes, and the new one. */
uint32_t ctpm_change_lockout_authorization(int32_t old_count);

/* The rollback floor is an NV index of eight bytes that holds a number, most significant byte first. Whoever has the
 * vendor's signature of the policy may write it. The vendor's key is P-256: x and y, 32 bytes each; its signatures are
 * ECDSA with SHA-256: r and s, 32 bytes each. What is signed is the policy's digest with a word for the purpose behind
 * it: "drimbox floor" or "drimbox seal". */
enum { CTPM_FLOOR = 0, CTPM_SEAL = 1 };
/* Bytes that can be sealed (Part 1, Sealed Data: MAX_SYM_DATA). */
#define CTPM_SECRET 128

/* Input: the vendor's key. Output: the digest of "what the vendor has signed for this purpose". */
uint32_t ctpm_authorized_policy(int32_t purpose);
/* Output: the index's TPMS_NV_PUBLIC (Part 2, 13.5). CTPM_NO_KEY where it is not there. */
uint32_t ctpm_nv_public(uint32_t index);
/* Input: the digest of the policy that its policy attributes mean. */
uint32_t ctpm_define_nv(uint32_t index, uint32_t attributes, uint16_t size);
uint32_t ctpm_undefine_nv(uint32_t index);
/* Input: the vendor's key and its signature of: the floor is below `value` (not where this is the first write), and what
 * is done is to write `value`. */
uint32_t ctpm_write_floor(uint32_t index, uint64_t value, int32_t is_first);
/* Input: a policy's digest, and a secret. Output: what only this TPM makes the secret of again, where the policy holds.
 * The secret does not cross the bus in the clear. */
uint32_t ctpm_seal(void);
/* Input: the vendor's key, its signature of: the floor is `value` at most; and what ctpm_seal made. Output: the secret,
 * which does not cross the bus in the clear. */
uint32_t ctpm_unseal(uint32_t index, uint64_t value);

/* Input: anything. Output: its SHA-256. Needs no TPM. */
uint32_t ctpm_sha256(void);

#endif
