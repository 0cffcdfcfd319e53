/* SPDX-License-Identifier: Apache-2.0 */
#include "base.h"

#include <limits.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
/* What pkg-config would define. */
#define XMLSEC_NO_CRYPTO_DYNAMIC_LOADING 1
#define XMLSEC_CRYPTO_OPENSSL 1
#define XMLSEC_NO_SIZE_T 1
#define XMLSEC_NO_GOST 1
#define XMLSEC_NO_GOST2012 1
#define XMLSEC_OPENSSL3_ENGINES 1
#include <xmlsec/crypto.h>
#include <xmlsec/errors.h>
#include <xmlsec/openssl/app.h>
#include <xmlsec/openssl/crypto.h>
#include <xmlsec/xmldsig.h>
#include <xmlsec/xmlsec.h>
#include <xmlsec/xmltree.h>

static int is_ready;

static void say_nothing(const char *file, int line, const char *function, const char *object, const char *subject,
                        int reason, const char *message) {
    (void)file;
    (void)line;
    (void)function;
    (void)object;
    (void)subject;
    (void)reason;
    (void)message;
}

static void set_up(void) {
    if (xmlSecInit() < 0) return;
    xmlSecErrorsSetCallback(say_nothing);
    if (xmlSecOpenSSLAppInit(0) < 0 || xmlSecOpenSSLInit() < 0) return;
    is_ready = 1;
}

static int begin(struct cxml_result *result) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    cxml_begin(result);
    pthread_once(&once, set_up);
    if (!is_ready) cxml_fail(result, CXML_FAILED, 0, 0, 0);
    return is_ready;
}

static xmlDocPtr read_tree(const uint8_t *bytes, size_t count, struct cxml_result *result) {
    const struct cxml_limits limits = {CXML_MAXIMUM_DEPTH, UINT32_MAX, 1000};
    if (count > INT_MAX) {
        cxml_fail(result, CXML_LIMIT, 0, 0, 0);
        return 0;
    }
    cxml_scan(bytes, count, limits, result);
    if (result->failure != CXML_OK) return 0;
    xmlDocPtr document = xmlReadMemory((const char *)bytes, (int)count, 0, "UTF-8", XML_PARSE_NONET | XML_PARSE_HUGE);
    if (document == 0) cxml_fail(result, CXML_NOT_WELL_FORMED, 0, 0, 0);
    return document;
}

static xmlSecKeyPtr read_key(const uint8_t *key, size_t key_count, const uint8_t *certificate,
                             size_t certificate_count) {
    xmlSecKeyPtr loaded = xmlSecOpenSSLAppKeyLoadMemory(key, (xmlSecSize)key_count, xmlSecKeyDataFormatPem, 0, 0, 0);
    if (loaded == 0) return 0;
    if (xmlSecOpenSSLAppKeyCertLoadMemory(loaded, certificate, (xmlSecSize)certificate_count,
                                          xmlSecKeyDataFormatPem) < 0) {
        xmlSecKeyDestroy(loaded);
        return 0;
    }
    return loaded;
}

void cxml_sign(const uint8_t *bytes, size_t count, const uint8_t *key, size_t key_count, const uint8_t *certificate,
               size_t certificate_count, struct cxml_result *result) {
    static const xmlChar *identifiers[] = {BAD_CAST "ID", BAD_CAST "Id", BAD_CAST "id", 0};
    if (!begin(result)) return;
    xmlDocPtr document = read_tree(bytes, count, result);
    if (document == 0) return;
    xmlNodePtr root = xmlDocGetRootElement(document);
    xmlSecAddIDs(document, root, identifiers);
    xmlNodePtr template = xmlSecFindNode(root, xmlSecNodeSignature, xmlSecDSigNs);
    xmlSecDSigCtxPtr context = xmlSecDSigCtxCreate(0);
    struct cxml_buffer buffer = {0};
    if (template == 0 || context == 0) {
        cxml_fail(result, CXML_SIGNATURE, 1, 0, 0);
    } else if ((context->signKey = read_key(key, key_count, certificate, certificate_count)) == 0) {
        cxml_fail(result, CXML_KEY, 0, 0, 0);
    } else {
        context->flags |= XMLSEC_DSIG_FLAGS_IGNORE_MANIFESTS;
        context->enabledReferenceUris = xmlSecTransformUriTypeEmpty | xmlSecTransformUriTypeSameDocument;
        if (xmlSecDSigCtxSign(context, template) < 0 || context->status != xmlSecDSigStatusSucceeded) {
            cxml_fail(result, CXML_SIGNATURE, 2, 0, 0);
        } else {
            xmlChar *text = 0;
            int length = 0;
            xmlDocDumpMemoryEnc(document, &text, &length, "UTF-8");
            if (text == 0) {
                cxml_fail(result, CXML_FAILED, 0, 0, 0);
            } else {
                cxml_add(&buffer, text, (size_t)length);
                xmlFree(text);
            }
        }
    }
    if (context != 0) xmlSecDSigCtxDestroy(context);
    xmlFreeDoc(document);
    cxml_finish(result, &buffer);
}

static X509 *read_certificate(const uint8_t *pem, size_t count) {
    BIO *memory = count > INT_MAX ? 0 : BIO_new_mem_buf(pem, (int)count);
    X509 *certificate = memory == 0 ? 0 : PEM_read_bio_X509(memory, 0, 0, 0);
    BIO_free(memory);
    return certificate;
}

/* No pass phrase is asked for: there is nobody to type one. */
static int no_phrase(char *buffer, int size, int is_writing, void *context) {
    (void)buffer;
    (void)size;
    (void)is_writing;
    (void)context;
    return 0;
}

void cxml_check_key(const uint8_t *key, size_t key_count, const uint8_t *certificate, size_t certificate_count,
                    struct cxml_result *result) {
    cxml_begin(result);
    BIO *memory = key_count > INT_MAX ? 0 : BIO_new_mem_buf(key, (int)key_count);
    EVP_PKEY *private_key = memory == 0 ? 0 : PEM_read_bio_PrivateKey(memory, 0, no_phrase, 0);
    X509 *leaf = read_certificate(certificate, certificate_count);
    if (leaf == 0) {
        cxml_fail(result, CXML_KEY, 1, 0, 0);
    } else if (private_key == 0) {
        cxml_fail(result, CXML_KEY, 2, 0, 0);
    } else if (X509_check_private_key(leaf, private_key) != 1) {
        cxml_fail(result, CXML_KEY, 3, 0, 0);
    }
    X509_free(leaf);
    EVP_PKEY_free(private_key);
    BIO_free(memory);
}

static void add_name(struct cxml_buffer *buffer, X509_NAME *name, unsigned long flags) {
    BIO *memory = BIO_new(BIO_s_mem());
    char *text = 0;
    if (memory == 0 || X509_NAME_print_ex(memory, name, 0, flags) < 0) {
        buffer->failed = 1;
    } else {
        const long count = BIO_get_mem_data(memory, &text);
        cxml_add(buffer, text, (size_t)count);
    }
    BIO_free(memory);
}

void cxml_certificate(const uint8_t *pem, size_t count, int32_t part, struct cxml_result *result) {
    /* The most specific part first, as the samples of the national record have it. */
    const unsigned long subject = XN_FLAG_SEP_CPLUS_SPC | XN_FLAG_DN_REV | XN_FLAG_FN_SN | ASN1_STRFLGS_UTF8_CONVERT;
    cxml_begin(result);
    struct cxml_buffer buffer = {0};
    X509 *certificate = read_certificate(pem, count);
    if (certificate == 0) {
        cxml_fail(result, CXML_KEY, 1, 0, 0);
    } else if (part == CXML_SUBJECT) {
        add_name(&buffer, X509_get_subject_name(certificate), subject);
    } else if (part == CXML_ISSUER) {
        add_name(&buffer, X509_get_issuer_name(certificate), XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB);
    } else if (part == CXML_SERIAL) {
        BIGNUM *serial = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), 0);
        char *text = serial == 0 ? 0 : BN_bn2dec(serial);
        if (text == 0) buffer.failed = 1;
        else cxml_add(&buffer, text, strlen(text));
        OPENSSL_free(text);
        BN_free(serial);
    } else {
        uint8_t *der = 0;
        const int length = i2d_X509(certificate, &der);
        if (length <= 0) buffer.failed = 1;
        else cxml_add(&buffer, der, (size_t)length);
        OPENSSL_free(der);
    }
    X509_free(certificate);
    cxml_finish(result, &buffer);
}
