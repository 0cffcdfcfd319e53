/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "shim.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <tss2/tss2_esys.h>
#include <tss2/tss2_mu.h>
#include <tss2/tss2_rc.h>
#include <tss2/tss2_tctildr.h>
#include <unistd.h>

struct buffer shim_input, shim_output;
static TSS2_TCTI_CONTEXT *tcti;
ESYS_CONTEXT *shim_esys;
static const char *failed_call = "";
static TPMS_TAGGED_PROPERTY properties[256];
static size_t property_count;

/* MARK: - Input and output */

void shim_add(struct buffer *buffer, const void *bytes, size_t count) {
    if (count > sizeof buffer->bytes - buffer->count) {
        buffer->overflows = 1;
        return;
    }
    memcpy(buffer->bytes + buffer->count, bytes, count);
    buffer->count += count;
}

/* A number of 32 bytes, which the TPM may write without its leading zeros. */
static void add_padded(const TPM2B_ECC_PARAMETER *number) {
    static const uint8_t zeros[32];
    const size_t count = number->size < 32 ? number->size : 32;
    shim_add(&shim_output, zeros, 32 - count);
    shim_add(&shim_output, number->buffer + number->size - count, count);
}

static void clear(struct buffer *buffer) { OPENSSL_cleanse(buffer, sizeof *buffer); }

void ctpm_input_add(uint8_t byte) { shim_add(&shim_input, &byte, 1); }
int32_t ctpm_output_count(void) { return (int32_t)shim_output.count; }
uint8_t ctpm_output_byte(int32_t index) {
    return index >= 0 && (size_t)index < shim_output.count ? shim_output.bytes[index] : 0;
}

TSS2_RC shim_check(const char *call, TSS2_RC code) {
    if (code != OK) failed_call = call;
    return code;
}

TSS2_RC shim_begin(void) {
    clear(&shim_output);
    if (shim_input.overflows) return shim_check("the input", CTPM_TOO_LONG);
    return shim_esys == 0 ? shim_check("the TPM", CTPM_BUSY) : OK;
}

uint32_t shim_end(TSS2_RC code) {
    clear(&shim_input);
    if (code == OK && shim_output.overflows) code = shim_check("the output", CTPM_TOO_LONG);
    if (code != OK) clear(&shim_output);
    return code;
}

static void write_text(const char *text) {
    clear(&shim_output);
    shim_add(&shim_output, text, strlen(text));
}

void ctpm_failed_call(void) { write_text(failed_call); }

void ctpm_words(uint32_t code) {
    switch (code) {
    case CTPM_NO_DEVICE: return write_text("there is no TPM device");
    case CTPM_BUSY: return write_text("not open, or open twice in this process");
    case CTPM_TOO_LONG: return write_text("too long");
    case CTPM_NO_KEY: return write_text("nothing has this handle");
    case CTPM_OTHER_KEY: return write_text("the object with this handle is not a key of this appliance");
    case CTPM_KEY_EXISTS: return write_text("a key is there already");
    case CTPM_WRONG_LENGTH: return write_text("wrong length");
    default: return write_text(Tss2_RC_Decode(code));
    }
}

uint32_t ctpm_sha256(void) {
    clear(&shim_output);
    uint8_t digest[32];
    if (shim_input.overflows) return shim_end(shim_check("the input", CTPM_TOO_LONG));
    if (EVP_Digest(shim_input.bytes, shim_input.count, digest, 0, EVP_sha256(), 0) != 1) {
        return shim_end(shim_check("EVP_Digest", TSS2_ESYS_RC_GENERAL_FAILURE));
    }
    shim_add(&shim_output, digest, sizeof digest);
    return shim_end(OK);
}

/* MARK: - Opening */

uint32_t ctpm_open(void) {
    static const char device[] = "device:";
    clear(&shim_output);
    const uint8_t terminator = 0;
    shim_add(&shim_input, &terminator, 1);
    if (shim_input.overflows) return shim_end(shim_check("the input", CTPM_TOO_LONG));
    if (shim_esys != 0) return shim_end(shim_check("the TPM", CTPM_BUSY));
    const char *name = (const char *)shim_input.bytes;
    /* The TCTI says "input/output error" of a device that is not there. */
    if (strncmp(name, device, sizeof device - 1) == 0 && access(name + sizeof device - 1, F_OK) != 0) {
        return shim_end(shim_check("access", CTPM_NO_DEVICE));
    }
    /* Errors are returned; the libraries would print them as well. */
    setenv("TSS2_LOG", "all+NONE", 0);
    TSS2_RC code = CHECK(Tss2_TctiLdr_Initialize, name, &tcti);
    if (code != OK) return shim_end(code);
    code = CHECK(Esys_Initialize, &shim_esys, tcti, 0);
    if (code != OK) Tss2_TctiLdr_Finalize(&tcti);
    return shim_end(code);
}

void ctpm_close(void) {
    if (shim_esys == 0) return;
    Esys_Finalize(&shim_esys);
    Tss2_TctiLdr_Finalize(&tcti);
    clear(&shim_input);
    clear(&shim_output);
    property_count = 0;
}

void shim_flush(ESYS_TR object) { if (object != ESYS_TR_NONE) Esys_FlushContext(shim_esys, object); }
void shim_forget(ESYS_TR object) { if (object != ESYS_TR_NONE) Esys_TR_Close(shim_esys, &object); }

/* MARK: - State */

uint32_t ctpm_self_test(void) {
    TSS2_RC code = shim_begin();
    if (code == OK) code = CHECK(Esys_SelfTest, shim_esys, NONE, TPM2_YES);
    return shim_end(code);
}

uint32_t ctpm_read_properties(uint32_t first) {
    TSS2_RC code = shim_begin();
    const uint32_t group = first & 0xFFFFFF00;
    property_count = 0;
    TPMI_YES_NO has_more = TPM2_YES;
    /* In failure mode a TPM answers with one property at a time (Part 1, Failure Mode). */
    while (code == OK && has_more && (first & 0xFFFFFF00) == group) {
        TPMS_CAPABILITY_DATA *data = 0;
        code = CHECK(Esys_GetCapability, shim_esys, NONE, TPM2_CAP_TPM_PROPERTIES, first, 64, &has_more, &data);
        if (code != OK) break;
        const TPML_TAGGED_TPM_PROPERTY *list = &data->data.tpmProperties;
        if (list->count == 0) has_more = TPM2_NO;
        for (uint32_t index = 0; index < list->count && property_count < 256; ++index) {
            properties[property_count++] = list->tpmProperty[index];
            /* Always ahead, whatever a broken TPM says. */
            first = list->tpmProperty[index].property >= first ? list->tpmProperty[index].property + 1 : first + 1;
        }
        Esys_Free(data);
    }
    return shim_end(code);
}

uint32_t ctpm_property(uint32_t property) {
    for (size_t index = 0; index < property_count; ++index) {
        if (properties[index].property == property) return properties[index].value;
    }
    return 0;
}

static TPML_PCR_SELECTION selection(uint32_t mask) {
    TPML_PCR_SELECTION all = {.count = 1};
    all.pcrSelections[0].hash = TPM2_ALG_SHA256;
    all.pcrSelections[0].sizeofSelect = 3;
    for (int index = 0; index < 3; ++index) all.pcrSelections[0].pcrSelect[index] = (mask >> (8 * index)) & 0xFF;
    return all;
}

uint32_t ctpm_read_pcrs(uint32_t mask) {
    TSS2_RC code = shim_begin();
    /* One answer holds at most eight. */
    while (code == OK && mask != 0) {
        const TPML_PCR_SELECTION wanted = selection(mask);
        TPML_PCR_SELECTION *read = 0;
        TPML_DIGEST *values = 0;
        code = CHECK(Esys_PCR_Read, shim_esys, NONE, &wanted, 0, &read, &values);
        if (code != OK) break;
        uint32_t found = 0;
        for (uint8_t pcr = 0; pcr < 24 && read->count == 1 && found < values->count; ++pcr) {
            if (!(read->pcrSelections[0].pcrSelect[pcr / 8] & 1 << pcr % 8)) continue;
            shim_add(&shim_output, &pcr, 1);
            shim_add(&shim_output, values->digests[found++].buffer, 32);
            mask &= ~(UINT32_C(1) << pcr);
        }
        if (found == 0) mask = 0;
        Esys_Free(read);
        Esys_Free(values);
    }
    return shim_end(code);
}

TSS2_RC shim_find(uint32_t handle, ESYS_TR *object) {
    TPMI_YES_NO has_more;
    TPMS_CAPABILITY_DATA *data = 0;
    TSS2_RC code = CHECK(Esys_GetCapability, shim_esys, NONE, TPM2_CAP_HANDLES, handle, 1, &has_more, &data);
    if (code != OK) return code;
    const int is_there = data->data.handles.count > 0 && data->data.handles.handle[0] == handle;
    Esys_Free(data);
    if (!is_there) return shim_check("Esys_GetCapability", CTPM_NO_KEY);
    return CHECK(Esys_TR_FromTPMPublic, shim_esys, handle, NONE, object);
}

static TSS2_RC read_nv(ESYS_TR authorizer, ESYS_TR index, size_t size) {
    TSS2_RC code = OK;
    shim_output.count = 0;
    while (code == OK && shim_output.count < size && !shim_output.overflows) {
        /* Every TPM takes 512 (PC Client Platform TPM Profile, TPM_PT_NV_BUFFER_MAX). */
        const UINT16 count = (UINT16)(size - shim_output.count < 512 ? size - shim_output.count : 512);
        TPM2B_MAX_NV_BUFFER *part = 0;
        code = CHECK(Esys_NV_Read, shim_esys, authorizer, index, PASSWORD, count, (UINT16)shim_output.count, &part);
        if (code != OK) break;
        shim_add(&shim_output, part->buffer, part->size);
        if (part->size == 0) size = 0;
        Esys_Free(part);
    }
    return code;
}

uint32_t ctpm_read_nv(uint32_t index) {
    ESYS_TR object = ESYS_TR_NONE;
    TPM2B_NV_PUBLIC *public = 0;
    TSS2_RC code = shim_begin();
    if (code == OK) code = shim_find(index, &object);
    if (code == OK) code = CHECK(Esys_NV_ReadPublic, shim_esys, object, NONE, &public, 0);
    if (code == OK) {
        code = read_nv(object, object, public->nvPublic.dataSize);
        if (code != OK) code = read_nv(ESYS_TR_RH_OWNER, object, public->nvPublic.dataSize);
    }
    Esys_Free(public);
    shim_forget(object);
    return shim_end(code);
}

/* MARK: - Keys */

static const TPM2B_SENSITIVE_CREATE no_secret;
static const TPM2B_DATA no_data;
static const TPML_PCR_SELECTION no_pcrs;

static const TPMT_SYM_DEF_OBJECT aes = {TPM2_ALG_AES, {.aes = 128}, {.aes = TPM2_ALG_CFB}};

static TPM2B_PUBLIC ecc(TPMA_OBJECT attributes) {
    TPM2B_PUBLIC key = {0};
    key.publicArea.type = TPM2_ALG_ECC;
    key.publicArea.nameAlg = TPM2_ALG_SHA256;
    key.publicArea.objectAttributes = attributes | TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
                                      TPMA_OBJECT_SENSITIVEDATAORIGIN;
    TPMS_ECC_PARMS *parameters = &key.publicArea.parameters.eccDetail;
    parameters->curveID = TPM2_ECC_NIST_P256;
    parameters->kdf.scheme = TPM2_ALG_NULL;
    if (attributes & TPMA_OBJECT_DECRYPT) {
        parameters->symmetric = aes;
        parameters->scheme.scheme = TPM2_ALG_NULL;
    } else {
        parameters->symmetric.algorithm = TPM2_ALG_NULL;
        parameters->scheme.scheme = TPM2_ALG_ECDSA;
        parameters->scheme.details.ecdsa.hashAlg = TPM2_ALG_SHA256;
    }
    return key;
}

static const TPMA_OBJECT storage_attributes =
    TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT;

/* Without NODA every power cut while the key is loaded counts as a wrong password, and a few of them lock the TPM. */
static TPM2B_PUBLIC signing_key(int32_t is_restricted) {
    return ecc(TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA | TPMA_OBJECT_SIGN_ENCRYPT |
               (is_restricted ? TPMA_OBJECT_RESTRICTED : 0));
}

static TSS2_RC create_primary(ESYS_TR hierarchy, TPM2B_PUBLIC template, ESYS_TR *key, TPM2B_PUBLIC **public) {
    return CHECK(Esys_CreatePrimary, shim_esys, hierarchy, PASSWORD, &no_secret, &template, &no_data, &no_pcrs, key,
                 public, 0, 0, 0);
}

TSS2_RC shim_create_storage(ESYS_TR *storage) {
    return create_primary(ESYS_TR_RH_OWNER, ecc(storage_attributes), storage, 0);
}

uint32_t ctpm_endorsement_public(int32_t is_rsa) {
    /* PolicySecret(TPM_RH_ENDORSEMENT) */
    static const uint8_t policy[32] = {
        0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xB3, 0xF8, 0x1A, 0x90, 0xCC, 0x8D, 0x46, 0xA5, 0xD7, 0x24,
        0xFD, 0x52, 0xD7, 0x6E, 0x06, 0x52, 0x0B, 0x64, 0xF2, 0xA1, 0xDA, 0x1B, 0x33, 0x14, 0x69, 0xAA};
    TPM2B_PUBLIC template = ecc(TPMA_OBJECT_ADMINWITHPOLICY | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT);
    TPMT_PUBLIC *area = &template.publicArea;
    area->authPolicy.size = sizeof policy;
    memcpy(area->authPolicy.buffer, policy, sizeof policy);
    area->unique.ecc.x.size = area->unique.ecc.y.size = 32;
    if (is_rsa) {
        area->type = TPM2_ALG_RSA;
        area->parameters.rsaDetail = (TPMS_RSA_PARMS){aes, {.scheme = TPM2_ALG_NULL}, .keyBits = 2048};
        memset(&area->unique, 0, sizeof area->unique);
        area->unique.rsa.size = 256;
    }
    ESYS_TR key = ESYS_TR_NONE;
    TPM2B_PUBLIC *public = 0;
    TSS2_RC code = shim_begin();
    if (code == OK) code = create_primary(ESYS_TR_RH_ENDORSEMENT, template, &key, &public);
    const size_t room = sizeof shim_output.bytes;
    if (code == OK) {
        code = CHECK(Tss2_MU_TPMT_PUBLIC_Marshal, &public->publicArea, shim_output.bytes, room, &shim_output.count);
    }
    Esys_Free(public);
    shim_flush(key);
    return shim_end(code);
}

/* Makes the key and loads it. */
static TSS2_RC create_transient(int32_t is_restricted, ESYS_TR *key) {
    const TPM2B_PUBLIC template = signing_key(is_restricted);
    ESYS_TR storage = ESYS_TR_NONE;
    TPM2B_PUBLIC *public = 0;
    TPM2B_PRIVATE *private = 0;
    TSS2_RC code = shim_create_storage(&storage);
    if (code == OK) {
        code = CHECK(Esys_Create, shim_esys, storage, PASSWORD, &no_secret, &template, &no_data, &no_pcrs, &private,
                     &public, 0, 0, 0);
    }
    if (code == OK) code = CHECK(Esys_Load, shim_esys, storage, PASSWORD, private, public, key);
    Esys_Free(public);
    Esys_Free(private);
    shim_flush(storage);
    return code;
}

uint32_t ctpm_create_key(uint32_t handle, int32_t is_restricted, int32_t replaces) {
    ESYS_TR old = ESYS_TR_NONE, key = ESYS_TR_NONE, kept = ESYS_TR_NONE;
    TSS2_RC code = shim_begin();
    if (code == OK) code = shim_find(handle, &old);
    if (code == OK && !replaces) code = shim_check("Esys_GetCapability", CTPM_KEY_EXISTS);
    if (code == OK || code == CTPM_NO_KEY) code = create_transient(is_restricted, &key);
    /* The old key goes last, when all that takes time is done. */
    if (code == OK && old != ESYS_TR_NONE) {
        code = CHECK(Esys_EvictControl, shim_esys, ESYS_TR_RH_OWNER, old, PASSWORD, handle, &kept);
    }
    if (code == OK) code = CHECK(Esys_EvictControl, shim_esys, ESYS_TR_RH_OWNER, key, PASSWORD, handle, &kept);
    shim_flush(key);
    shim_forget(kept);
    shim_forget(old);
    return shim_end(code);
}

/* The key at `handle`, provided that ctpm_create_key made one like it; its point too where `point` is not 0. */
static TSS2_RC find_key(uint32_t handle, int32_t is_restricted, ESYS_TR *key, TPMS_ECC_POINT *point) {
    const TPM2B_PUBLIC ours = signing_key(is_restricted);
    const TPMT_PUBLIC *wanted = &ours.publicArea;
    TPM2B_PUBLIC *public = 0;
    TSS2_RC code = shim_find(handle, key);
    if (code == OK) code = CHECK(Esys_ReadPublic, shim_esys, *key, NONE, &public, 0, 0);
    if (code != OK) return code;
    const TPMT_PUBLIC *found = &public->publicArea;
    const int is_ours = found->type == wanted->type && found->objectAttributes == wanted->objectAttributes &&
                        found->parameters.eccDetail.curveID == TPM2_ECC_NIST_P256 &&
                        found->parameters.eccDetail.scheme.scheme == TPM2_ALG_ECDSA;
    if (is_ours && point != 0) *point = found->unique.ecc;
    Esys_Free(public);
    return is_ours ? OK : shim_check("Esys_ReadPublic", CTPM_OTHER_KEY);
}

uint32_t ctpm_key_point(uint32_t handle, int32_t is_restricted) {
    static const uint8_t uncompressed = 4;
    ESYS_TR key = ESYS_TR_NONE;
    TPMS_ECC_POINT point;
    TSS2_RC code = shim_begin();
    if (code == OK) code = find_key(handle, is_restricted, &key, &point);
    if (code == OK) {
        shim_add(&shim_output, &uncompressed, 1);
        add_padded(&point.x);
        add_padded(&point.y);
    }
    shim_forget(key);
    return shim_end(code);
}

static const TPMT_SIG_SCHEME ecdsa = {.scheme = TPM2_ALG_ECDSA, .details = {.ecdsa = {TPM2_ALG_SHA256}}};

static uint32_t end_signing(TSS2_RC code, ESYS_TR key, TPMT_SIGNATURE *signature) {
    if (code == OK) {
        add_padded(&signature->signature.ecdsa.signatureR);
        add_padded(&signature->signature.ecdsa.signatureS);
    }
    Esys_Free(signature);
    shim_forget(key);
    return shim_end(code);
}

uint32_t ctpm_sign(uint32_t handle) {
    const TPMT_TK_HASHCHECK no_ticket = {.tag = TPM2_ST_HASHCHECK, .hierarchy = TPM2_RH_NULL};
    TPM2B_DIGEST digest = {.size = 32};
    ESYS_TR key = ESYS_TR_NONE;
    TPMT_SIGNATURE *signature = 0;
    TSS2_RC code = shim_begin();
    if (code == OK && shim_input.count != 32) code = shim_check("the digest", CTPM_WRONG_LENGTH);
    memcpy(digest.buffer, shim_input.bytes, 32);
    if (code == OK) code = find_key(handle, 0, &key, 0);
    if (code == OK) code = CHECK(Esys_Sign, shim_esys, key, PASSWORD, &digest, &ecdsa, &no_ticket, &signature);
    return end_signing(code, key, signature);
}

uint32_t ctpm_quote(uint32_t handle, uint32_t mask) {
    const TPML_PCR_SELECTION pcrs = selection(mask);
    TPM2B_DATA nonce = {.size = (UINT16)shim_input.count};
    ESYS_TR key = ESYS_TR_NONE;
    TPM2B_ATTEST *attested = 0;
    TPMT_SIGNATURE *signature = 0;
    TSS2_RC code = shim_begin();
    if (code == OK && shim_input.count > 32) code = shim_check("the nonce", CTPM_WRONG_LENGTH);
    memcpy(nonce.buffer, shim_input.bytes, 32);
    if (code == OK) code = find_key(handle, 1, &key, 0);
    if (code == OK) code = CHECK(Esys_Quote, shim_esys, key, PASSWORD, &nonce, &ecdsa, &pcrs, &attested, &signature);
    if (code == OK) shim_add(&shim_output, attested->attestationData, attested->size);
    Esys_Free(attested);
    return end_signing(code, key, signature);
}

/* MARK: - Lockout */

TSS2_RC shim_start_session(TPMA_SESSION encryption, ESYS_TR *session) {
    const TPMT_SYM_DEF cipher = {TPM2_ALG_AES, {.aes = 128}, {.aes = TPM2_ALG_CFB}};
    const TPMA_SESSION attributes = TPMA_SESSION_CONTINUESESSION | encryption;
    ESYS_TR storage = ESYS_TR_NONE;
    TSS2_RC code = shim_create_storage(&storage);
    if (code == OK) {
        code = CHECK(Esys_StartAuthSession, shim_esys, storage, ESYS_TR_NONE, NONE, 0, TPM2_SE_HMAC, &cipher,
                     TPM2_ALG_SHA256, session);
    }
    if (code == OK) code = CHECK(Esys_TRSess_SetAttributes, shim_esys, *session, attributes, 0xFF);
    shim_flush(storage);
    return code;
}

/* A session in which the first bytes of the input are the authorization. */
static TSS2_RC begin_lockout(size_t count, TPMA_SESSION encryption, ESYS_TR *session) {
    TPM2B_AUTH secret = {.size = (UINT16)count};
    TSS2_RC code = shim_begin();
    if (code == OK && count > 32) code = shim_check("the authorization", CTPM_WRONG_LENGTH);
    memcpy(secret.buffer, shim_input.bytes, 32);
    if (code == OK) code = CHECK(Esys_TR_SetAuth, shim_esys, ESYS_TR_RH_LOCKOUT, &secret);
    OPENSSL_cleanse(&secret, sizeof secret);
    return code == OK ? shim_start_session(encryption, session) : code;
}

static uint32_t end_lockout(TSS2_RC code, ESYS_TR session) {
    shim_flush(session);
    if (shim_esys != 0) Esys_TR_SetAuth(shim_esys, ESYS_TR_RH_LOCKOUT, 0);
    return shim_end(code);
}

uint32_t ctpm_set_lockout_parameters(uint32_t tries, uint32_t recovery, uint32_t auth) {
    ESYS_TR session = ESYS_TR_NONE;
    TSS2_RC code = begin_lockout(shim_input.count, 0, &session);
    const ESYS_TR lockout = ESYS_TR_RH_LOCKOUT;
    if (code == OK) {
        code = CHECK(Esys_DictionaryAttackParameters, shim_esys, lockout, BY(session), tries, recovery, auth);
    }
    return end_lockout(code, session);
}

uint32_t ctpm_reset_lockout(void) {
    ESYS_TR session = ESYS_TR_NONE;
    TSS2_RC code = begin_lockout(shim_input.count, 0, &session);
    if (code == OK) code = CHECK(Esys_DictionaryAttackLockReset, shim_esys, ESYS_TR_RH_LOCKOUT, BY(session));
    return end_lockout(code, session);
}

uint32_t ctpm_change_lockout_authorization(int32_t old_count) {
    ESYS_TR session = ESYS_TR_NONE;
    const size_t old = old_count < 0 || (size_t)old_count > shim_input.count ? shim_input.count : (size_t)old_count;
    TPM2B_AUTH new = {.size = (UINT16)(shim_input.count - old)};
    TSS2_RC code = shim_input.count - old > 32 ? shim_check("the authorization", CTPM_WRONG_LENGTH) : OK;
    if (code == OK) code = begin_lockout(old, TPMA_SESSION_DECRYPT, &session);
    if (code == OK) {
        memcpy(new.buffer, shim_input.bytes + old, new.size);
        code = CHECK(Esys_HierarchyChangeAuth, shim_esys, ESYS_TR_RH_LOCKOUT, BY(session), &new);
        OPENSSL_cleanse(&new, sizeof new);
    }
    return end_lockout(code, session);
}
