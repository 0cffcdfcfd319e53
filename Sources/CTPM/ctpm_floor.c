/* SPDX-License-Identifier: Apache-2.0
 * The rollback floor, and secrets that it locks. Clauses are those of TPM 2.0 Part 3. */
#include "shim.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>
#include <tss2/tss2_mu.h>

/* x, y, r, s */
#define NUMBER 32
#define POINT (2 * NUMBER)
#define SIGNED (4 * NUMBER)

/* policyRef (23.16): for what the vendor signed. A signature that opens what is sealed says nothing of what may be
 * written, and would else let anything be. */
static const char *reference(int32_t purpose) { return purpose == CTPM_SEAL ? "drimbox seal" : "drimbox floor"; }

static void big_endian(uint64_t value, uint8_t bytes[8]) {
    for (int index = 0; index < 8; ++index) bytes[index] = (uint8_t)(value >> (56 - 8 * index));
}

static TSS2_RC sha256(const uint8_t *bytes, size_t count, TPM2B_DIGEST *digest) {
    digest->size = NUMBER;
    if (EVP_Digest(bytes, count, digest->buffer, 0, EVP_sha256(), 0) == 1) return OK;
    return shim_check("EVP_Digest", TSS2_ESYS_RC_GENERAL_FAILURE);
}

static void take(TPM2B_ECC_PARAMETER *number, size_t index) {
    number->size = NUMBER;
    memcpy(number->buffer, shim_input.bytes + index * NUMBER, NUMBER);
}

/* MARK: - Policies */

/* The public area that tpm2_loadexternal makes as well: whoever has that tool can compute the same name. */
static TSS2_RC load_vendor_key(ESYS_TR *key) {
    TPM2B_PUBLIC public = {0};
    TPMT_PUBLIC *area = &public.publicArea;
    area->type = TPM2_ALG_ECC;
    area->nameAlg = TPM2_ALG_SHA256;
    area->objectAttributes = TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_DECRYPT | TPMA_OBJECT_SIGN_ENCRYPT;
    area->parameters.eccDetail.symmetric.algorithm = TPM2_ALG_NULL;
    area->parameters.eccDetail.scheme.scheme = TPM2_ALG_NULL;
    area->parameters.eccDetail.curveID = TPM2_ECC_NIST_P256;
    area->parameters.eccDetail.kdf.scheme = TPM2_ALG_NULL;
    take(&area->unique.ecc.x, 0);
    take(&area->unique.ecc.y, 1);
    /* Tickets of the null hierarchy are void. */
    return CHECK(Esys_LoadExternal, shim_esys, NONE, 0, &public, ESYS_TR_RH_OWNER, key);
}

static TSS2_RC start_policy(TPM2_SE type, ESYS_TR *session) {
    const TPMT_SYM_DEF no_cipher = {.algorithm = TPM2_ALG_NULL};
    return CHECK(Esys_StartAuthSession, shim_esys, ESYS_TR_NONE, ESYS_TR_NONE, NONE, 0, type, &no_cipher,
                 TPM2_ALG_SHA256, session);
}

/* Has the TPM verify that the vendor signed the session's policy for the purpose; the ticket is the proof. */
static TSS2_RC verify(ESYS_TR session, ESYS_TR key, const TPM2B_NONCE *purpose, TPM2B_DIGEST **policy,
                      TPMT_TK_VERIFIED **ticket) {
    TPMT_SIGNATURE signature = {.sigAlg = TPM2_ALG_ECDSA, .signature = {.ecdsa = {.hash = TPM2_ALG_SHA256}}};
    TPM2B_DIGEST signed_digest;
    uint8_t message[sizeof(TPMU_HA) * 2];
    take(&signature.signature.ecdsa.signatureR, 2);
    take(&signature.signature.ecdsa.signatureS, 3);
    TSS2_RC code = CHECK(Esys_PolicyGetDigest, shim_esys, session, NONE, policy);
    if (code != OK) return code;
    memcpy(message, (*policy)->buffer, (*policy)->size);
    memcpy(message + (*policy)->size, purpose->buffer, purpose->size);
    code = sha256(message, (size_t)(*policy)->size + purpose->size, &signed_digest);
    if (code != OK) return code;
    return CHECK(Esys_VerifySignature, shim_esys, key, NONE, &signed_digest, &signature, ticket);
}

/* PolicyAuthorize (23.16). A trial session takes it without a signature. */
static TSS2_RC authorize(ESYS_TR session, int32_t purpose, int is_trial) {
    TPM2B_DIGEST no_policy = {0}, *policy = 0;
    TPMT_TK_VERIFIED no_ticket = {.tag = TPM2_ST_VERIFIED, .hierarchy = TPM2_RH_NULL}, *ticket = 0;
    TPM2B_NONCE ref = {.size = (UINT16)strlen(reference(purpose))};
    TPM2B_NAME *name = 0;
    ESYS_TR key = ESYS_TR_NONE;
    memcpy(ref.buffer, reference(purpose), ref.size);
    TSS2_RC code = load_vendor_key(&key);
    if (code == OK) code = CHECK(Esys_TR_GetName, shim_esys, key, &name);
    if (code == OK && !is_trial) code = verify(session, key, &ref, &policy, &ticket);
    if (code == OK) {
        code = CHECK(Esys_PolicyAuthorize, shim_esys, session, NONE, is_trial ? &no_policy : policy, &ref, name,
                     is_trial ? &no_ticket : ticket);
    }
    Esys_Free(name);
    Esys_Free(policy);
    Esys_Free(ticket);
    shim_flush(key);
    return code;
}

/* PolicyNV (23.9): what the index holds, compared with a number of eight bytes. */
static TSS2_RC compare(ESYS_TR session, ESYS_TR index, TPM2_EO operation, uint64_t value) {
    TPM2B_OPERAND operand = {.size = 8};
    big_endian(value, operand.buffer);
    return CHECK(Esys_PolicyNV, shim_esys, index, index, session, PASSWORD, &operand, 0, operation);
}

/* PolicyCpHash (23.13) of the TPM2_NV_Write (31.7) of these eight bytes to this index, by its own authority. */
static TSS2_RC restrict_to_write(ESYS_TR session, ESYS_TR index, const TPM2B_MAX_NV_BUFFER *data) {
    static const uint8_t command[] = {0, 0, TPM2_CC_NV_Write >> 8, TPM2_CC_NV_Write & 0xFF}, size[] = {0, 8};
    static const uint8_t offset[2];
    uint8_t bytes[sizeof command + 2 * sizeof(TPMU_NAME) + sizeof size + 8 + sizeof offset], *end = bytes;
    TPM2B_DIGEST digest;
    TPM2B_NAME *name = 0;
    TSS2_RC code = CHECK(Esys_TR_GetName, shim_esys, index, &name);
    if (code != OK) return code;
    const struct { const void *bytes; size_t count; } parts[] = {
        {command, sizeof command}, {name->name, name->size}, {name->name, name->size},
        {size, sizeof size},       {data->buffer, 8},        {offset, sizeof offset}};
    for (size_t part = 0; part < sizeof parts / sizeof *parts; ++part) {
        memcpy(end, parts[part].bytes, parts[part].count);
        end += parts[part].count;
    }
    Esys_Free(name);
    code = sha256(bytes, (size_t)(end - bytes), &digest);
    return code == OK ? CHECK(Esys_PolicyCpHash, shim_esys, session, NONE, &digest) : code;
}

uint32_t ctpm_authorized_policy(int32_t purpose) {
    ESYS_TR session = ESYS_TR_NONE;
    TPM2B_DIGEST *policy = 0;
    TSS2_RC code = shim_begin();
    if (code == OK && shim_input.count != POINT) code = shim_check("the vendor's key", CTPM_WRONG_LENGTH);
    if (code == OK) code = start_policy(TPM2_SE_TRIAL, &session);
    if (code == OK) code = authorize(session, purpose, 1);
    if (code == OK) code = CHECK(Esys_PolicyGetDigest, shim_esys, session, NONE, &policy);
    if (code == OK) shim_add(&shim_output, policy->buffer, policy->size);
    Esys_Free(policy);
    shim_flush(session);
    return shim_end(code);
}

/* MARK: - The index */

uint32_t ctpm_nv_public(uint32_t index) {
    ESYS_TR object = ESYS_TR_NONE;
    TPM2B_NV_PUBLIC *public = 0;
    const size_t room = sizeof shim_output.bytes;
    TSS2_RC code = shim_begin();
    if (code == OK) code = shim_find(index, &object);
    if (code == OK) code = CHECK(Esys_NV_ReadPublic, shim_esys, object, NONE, &public, 0);
    if (code == OK) {
        code = CHECK(Tss2_MU_TPMS_NV_PUBLIC_Marshal, &public->nvPublic, shim_output.bytes, room, &shim_output.count);
    }
    Esys_Free(public);
    shim_forget(object);
    return shim_end(code);
}

uint32_t ctpm_define_nv(uint32_t index, uint32_t attributes, uint16_t size) {
    const TPM2B_AUTH no_authorization = {0};
    TPM2B_NV_PUBLIC public = {
        .nvPublic = {.nvIndex = index, .nameAlg = TPM2_ALG_SHA256, .attributes = attributes, .dataSize = size}};
    ESYS_TR object = ESYS_TR_NONE;
    TSS2_RC code = shim_begin();
    if (code == OK && shim_input.count != NUMBER) code = shim_check("the policy", CTPM_WRONG_LENGTH);
    public.nvPublic.authPolicy.size = NUMBER;
    memcpy(public.nvPublic.authPolicy.buffer, shim_input.bytes, NUMBER);
    if (code == OK) {
        code = CHECK(Esys_NV_DefineSpace, shim_esys, ESYS_TR_RH_OWNER, PASSWORD, &no_authorization, &public, &object);
    }
    shim_forget(object);
    return shim_end(code);
}

uint32_t ctpm_undefine_nv(uint32_t index) {
    ESYS_TR object = ESYS_TR_NONE;
    TSS2_RC code = shim_begin();
    if (code == OK) code = shim_find(index, &object);
    if (code == OK) code = CHECK(Esys_NV_UndefineSpace, shim_esys, ESYS_TR_RH_OWNER, object, PASSWORD);
    if (code != OK) shim_forget(object);
    return shim_end(code);
}

uint32_t ctpm_write_floor(uint32_t index, uint64_t value, int32_t is_first) {
    ESYS_TR object = ESYS_TR_NONE, session = ESYS_TR_NONE;
    TPM2B_MAX_NV_BUFFER data = {.size = 8};
    TSS2_RC code = shim_begin();
    big_endian(value, data.buffer);
    if (code == OK && shim_input.count != SIGNED) code = shim_check("key and signature", CTPM_WRONG_LENGTH);
    if (code == OK) code = shim_find(index, &object);
    if (code == OK) code = start_policy(TPM2_SE_POLICY, &session);
    /* Nothing can be compared with what was never written. That the first write is the first is in the index's name. */
    if (code == OK && !is_first) code = compare(session, object, TPM2_EO_UNSIGNED_LT, value);
    if (code == OK) code = restrict_to_write(session, object, &data);
    if (code == OK) code = authorize(session, CTPM_FLOOR, 0);
    if (code == OK) code = CHECK(Esys_NV_Write, shim_esys, object, object, BY(session), &data, 0);
    shim_flush(session);
    shim_forget(object);
    return shim_end(code);
}

/* MARK: - Secrets */

uint32_t ctpm_seal(void) {
    const TPML_PCR_SELECTION no_pcrs = {0};
    const TPM2B_DATA no_data = {0};
    TPM2B_PUBLIC template = {0}, *public = 0;
    TPM2B_PRIVATE *private = 0;
    TPM2B_SENSITIVE_CREATE sensitive = {0};
    TPM2B_SENSITIVE_DATA *secret = &sensitive.sensitive.data;
    ESYS_TR session = ESYS_TR_NONE, storage = ESYS_TR_NONE;
    template.publicArea.type = TPM2_ALG_KEYEDHASH;
    template.publicArea.nameAlg = TPM2_ALG_SHA256;
    /* By policy only, and administered by it only. */
    template.publicArea.objectAttributes =
        TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_NODA | TPMA_OBJECT_ADMINWITHPOLICY;
    template.publicArea.parameters.keyedHashDetail.scheme.scheme = TPM2_ALG_NULL;
    template.publicArea.authPolicy.size = NUMBER;
    memcpy(template.publicArea.authPolicy.buffer, shim_input.bytes, NUMBER);
    TSS2_RC code = shim_begin();
    if (code == OK && (shim_input.count <= NUMBER || shim_input.count - NUMBER > CTPM_SECRET)) {
        code = shim_check("the secret", CTPM_WRONG_LENGTH);
    }
    if (code == OK) {
        secret->size = (UINT16)(shim_input.count - NUMBER);
        memcpy(secret->buffer, shim_input.bytes + NUMBER, secret->size);
        code = shim_start_session(TPMA_SESSION_DECRYPT, &session);
    }
    if (code == OK) code = shim_create_storage(&storage);
    if (code == OK) {
        code = CHECK(Esys_Create, shim_esys, storage, ESYS_TR_PASSWORD, session, ESYS_TR_NONE, &sensitive, &template,
                     &no_data, &no_pcrs, &private, &public, 0, 0, 0);
    }
    OPENSSL_cleanse(&sensitive, sizeof sensitive);
    const size_t room = sizeof shim_output.bytes;
    size_t *end = &shim_output.count;
    if (code == OK) code = CHECK(Tss2_MU_TPM2B_PUBLIC_Marshal, public, shim_output.bytes, room, end);
    if (code == OK) code = CHECK(Tss2_MU_TPM2B_PRIVATE_Marshal, private, shim_output.bytes, room, end);
    Esys_Free(public);
    Esys_Free(private);
    shim_flush(storage);
    shim_flush(session);
    return shim_end(code);
}

/* The sealed object, behind key and signature in the input. */
static TSS2_RC load_sealed(ESYS_TR *item) {
    TPM2B_PUBLIC public = {0};
    TPM2B_PRIVATE private = {0};
    ESYS_TR storage = ESYS_TR_NONE;
    size_t offset = SIGNED;
    if (Tss2_MU_TPM2B_PUBLIC_Unmarshal(shim_input.bytes, shim_input.count, &offset, &public) != OK ||
        Tss2_MU_TPM2B_PRIVATE_Unmarshal(shim_input.bytes, shim_input.count, &offset, &private) != OK ||
        offset != shim_input.count) {
        return shim_check("what is sealed", CTPM_WRONG_LENGTH);
    }
    TSS2_RC code = shim_create_storage(&storage);
    if (code == OK) code = CHECK(Esys_Load, shim_esys, storage, PASSWORD, &private, &public, item);
    shim_flush(storage);
    return code;
}

uint32_t ctpm_unseal(uint32_t index, uint64_t value) {
    ESYS_TR object = ESYS_TR_NONE, policy = ESYS_TR_NONE, session = ESYS_TR_NONE, item = ESYS_TR_NONE;
    TPM2B_SENSITIVE_DATA *secret = 0;
    TSS2_RC code = shim_begin();
    if (code == OK && shim_input.count < SIGNED) code = shim_check("key and signature", CTPM_WRONG_LENGTH);
    if (code == OK) code = shim_find(index, &object);
    if (code == OK) code = start_policy(TPM2_SE_POLICY, &policy);
    if (code == OK) code = compare(policy, object, TPM2_EO_UNSIGNED_LE, value);
    if (code == OK) code = authorize(policy, CTPM_SEAL, 0);
    if (code == OK) code = shim_start_session(TPMA_SESSION_ENCRYPT, &session);
    if (code == OK) code = load_sealed(&item);
    if (code == OK) code = CHECK(Esys_Unseal, shim_esys, item, policy, session, ESYS_TR_NONE, &secret);
    if (code == OK) {
        shim_add(&shim_output, secret->buffer, secret->size);
        OPENSSL_cleanse(secret, sizeof *secret);
    }
    Esys_Free(secret);
    shim_flush(item);
    shim_flush(session);
    shim_flush(policy);
    shim_forget(object);
    return shim_end(code);
}
