/* SPDX-License-Identifier: Apache-2.0 */
#include "signature.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

int cxml_is_good_key(const EVP_PKEY *key) {
    char curve[32];
    size_t count = 0;
    switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA: return EVP_PKEY_get_bits(key) >= 2048 && EVP_PKEY_get_bits(key) <= 8192;
    case EVP_PKEY_EC:
        if (EVP_PKEY_get_group_name(key, curve, sizeof curve, &count) != 1) return 0;
        return strcmp(curve, SN_X9_62_prime256v1) == 0 || strcmp(curve, SN_secp384r1) == 0 ||
               strcmp(curve, SN_secp521r1) == 0;
    default: return 0;
    }
}

/* Without it OpenSSL asks for the password at the terminal. */
static int no_password(char *buffer, int capacity, int is_writing, void *context) {
    (void)buffer;
    (void)capacity;
    (void)is_writing;
    (void)context;
    return -1;
}

static BIO *source(const uint8_t *bytes, size_t count) {
    return bytes == 0 || count > 1 << 20 ? 0 : BIO_new_mem_buf(bytes, (int)count);
}

void cxml_add_certificate(struct cxml_buffer *buffer, const X509 *certificate) {
    uint8_t *der = 0;
    const int count = i2d_X509(certificate, &der);
    if (count < 0) buffer->failed = 1;
    else cxml_add_string(buffer, der, (size_t)count);
    OPENSSL_free(der);
}

static void read_certificates(struct cxml_key *key, const uint8_t *bytes, size_t count, struct cxml_result *result) {
    BIO *input = source(bytes, count);
    X509 *certificate = 0;
    while (input != 0 && (certificate = PEM_read_bio_X509(input, 0, no_password, 0)) != 0) {
        if (key->count == CXML_MAXIMUM_CERTIFICATES) {
            X509_free(certificate);
            cxml_fail(result, CXML_KEY, CXML_KEY_CERTIFICATES, 0, 0);
            break;
        }
        key->certificates[key->count++] = certificate;
    }
    /* Anything but the end of the text. */
    const unsigned long reason = ERR_peek_last_error();
    if (key->count == 0 || (certificate == 0 && ERR_GET_REASON(reason) != PEM_R_NO_START_LINE)) {
        cxml_fail(result, CXML_KEY, CXML_KEY_CERTIFICATES, 0, 0);
    }
    BIO_free(input);
}

struct cxml_key *cxml_key_open(const uint8_t *bytes, size_t count, const uint8_t *certificates,
                               size_t certificate_count, struct cxml_result *result) {
    struct cxml_buffer output = {0};
    cxml_begin(result);
    ERR_clear_error();
    struct cxml_key *key = calloc(1, sizeof *key);
    if (key == 0) {
        cxml_fail(result, CXML_FAILED, 0, 0, 0);
        return 0;
    }
    BIO *input = source(bytes, count);
    key->pair = input == 0 ? 0 : PEM_read_bio_PrivateKey(input, 0, no_password, 0);
    BIO_free(input);
    if (key->pair == 0) cxml_fail(result, CXML_KEY, CXML_KEY_PRIVATE, 0, 0);
    else if (!cxml_is_good_key(key->pair)) cxml_fail(result, CXML_KEY, CXML_KEY_KIND, 0, 0);
    ERR_clear_error();
    read_certificates(key, certificates, certificate_count, result);
    size_t own = 0;
    while (result->failure.kind == CXML_OK && own < key->count &&
           X509_check_private_key(key->certificates[own], key->pair) != 1) {
        own += 1;
    }
    if (own == key->count) cxml_fail(result, CXML_KEY, CXML_KEY_PAIR, 0, 0);
    if (result->failure.kind == CXML_OK) {
        X509 *certificate = key->certificates[own];
        memmove(key->certificates + 1, key->certificates, own * sizeof *key->certificates);
        key->certificates[0] = certificate;
        for (size_t index = 0; index < key->count; index++) cxml_add_certificate(&output, key->certificates[index]);
    }
    ERR_clear_error();
    cxml_finish(result, &output);
    if (result->failure.kind == CXML_OK) return key;
    cxml_key_close(key);
    return 0;
}

/* OpenSSL overwrites the private numbers as it frees them. */
void cxml_key_close(struct cxml_key *key) {
    if (key == 0) return;
    EVP_PKEY_free(key->pair);
    for (size_t index = 0; index < key->count; index++) X509_free(key->certificates[index]);
    free(key);
}

/* MARK: - Certificates */

static void add_name(struct cxml_buffer *buffer, const X509_NAME *name, unsigned long flags) {
    BIO *output = BIO_new(BIO_s_mem());
    char *text = 0;
    /* UTF-8 as it is, not as hexadecimal escapes. */
    const unsigned long utf8 = flags & ~(unsigned long)ASN1_STRFLGS_ESC_MSB;
    if (output == 0 || X509_NAME_print_ex(output, name, 0, utf8) < 0) {
        buffer->failed = 1;
    } else {
        const long count = BIO_get_mem_data(output, &text);
        cxml_add_string(buffer, text, count < 0 ? 0 : (size_t)count);
    }
    BIO_free(output);
}

void cxml_describe_certificate(const uint8_t *bytes, size_t count, struct cxml_result *result) {
    struct cxml_buffer output = {0};
    cxml_begin(result);
    const unsigned char *next = bytes;
    X509 *certificate = count > 1 << 16 || bytes == 0 ? 0 : d2i_X509(0, &next, (long)count);
    BIGNUM *serial = certificate == 0 ? 0 : ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), 0);
    char *digits = serial == 0 ? 0 : BN_bn2dec(serial);
    if (digits == 0 || next != bytes + count) {
        cxml_fail(result, CXML_KEY, CXML_KEY_UNREADABLE, 0, 0);
    } else {
        add_name(&output, X509_get_subject_name(certificate),
                 ASN1_STRFLGS_RFC2253 | XN_FLAG_SEP_CPLUS_SPC | XN_FLAG_DN_REV | XN_FLAG_FN_SN |
                     XN_FLAG_DUMP_UNKNOWN_FIELDS);
        add_name(&output, X509_get_issuer_name(certificate), XN_FLAG_RFC2253);
        cxml_add_string(&output, digits, strlen(digits));
        if (output.failed) cxml_fail(result, CXML_KEY, CXML_KEY_UNREADABLE, 0, 0);
    }
    OPENSSL_free(digits);
    BN_free(serial);
    X509_free(certificate);
    ERR_clear_error();
    cxml_finish(result, &output);
}
