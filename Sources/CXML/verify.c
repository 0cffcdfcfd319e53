/* SPDX-License-Identifier: Apache-2.0 */
#include "signature.h"

#include <openssl/err.h>
#include <string.h>
#include <xmlsec/base64.h>

struct certificates {
    X509 *list[CXML_MAXIMUM_CERTIFICATES];
    size_t count;
};

static X509 *read_certificate(const xmlNode *node) {
    xmlChar *text = xmlNodeGetContent(node);
    xmlSecSize count = 0;
    X509 *certificate = 0;
    if (text != 0 && xmlSecBase64DecodeInPlace(text, &count) >= 0) {
        const unsigned char *next = text;
        certificate = d2i_X509(0, &next, (long)count);
        if (certificate != 0 && next != text + count) {
            X509_free(certificate);
            certificate = 0;
        }
    }
    xmlFree(text);
    return certificate;
}

static void read_certificates(const struct cxml_signature *signature, struct certificates *certificates,
                              struct cxml_result *result) {
    xmlNodePtr data = signature->key_info == 0 ? 0 : cxml_element(signature->key_info->children);
    for (; data != 0; data = cxml_element(data->next)) {
        if (!cxml_is(data, "X509Data")) continue;
        for (xmlNodePtr node = cxml_element(data->children); node != 0; node = cxml_element(node->next)) {
            if (!cxml_is(node, "X509Certificate")) continue;
            if (certificates->count == CXML_MAXIMUM_CERTIFICATES) {
                return cxml_fail(result, CXML_SIGNATURE_FORM, CXML_FORM_COUNT, (int32_t)xmlGetLineNo(node), 0);
            }
            X509 *certificate = read_certificate(node);
            if (certificate == 0) {
                return cxml_fail(result, CXML_KEY, CXML_KEY_UNREADABLE, (int32_t)xmlGetLineNo(node), 0);
            }
            certificates->list[certificates->count++] = certificate;
        }
    }
    if (certificates->count == 0) cxml_fail(result, CXML_KEY, CXML_KEY_ABSENT, 0, 0);
}

/* The certificate that no other names as its issuer comes first; where there is none, all stay. */
static void put_leaf_first(struct certificates *certificates) {
    for (size_t index = 0; index < certificates->count; index++) {
        X509 *certificate = certificates->list[index];
        int issues = 0;
        for (size_t other = 0; other < certificates->count; other++) {
            if (other == index) continue;
            issues |= X509_NAME_cmp(X509_get_issuer_name(certificates->list[other]),
                                    X509_get_subject_name(certificate)) == 0;
        }
        if (issues) continue;
        memmove(certificates->list + 1, certificates->list, index * sizeof *certificates->list);
        certificates->list[0] = certificate;
        return;
    }
}

static void add_text(struct cxml_buffer *output, const void *text) {
    cxml_add_string(output, text == 0 ? "" : text, text == 0 ? 0 : strlen(text));
}

static void add_attribute(struct cxml_buffer *output, const xmlNode *node, const char *name) {
    xmlChar *value = xmlGetNoNsProp(node, (const xmlChar *)name);
    add_text(output, value);
    xmlFree(value);
}

/* The steps from the root: at each the index among the child elements. */
static void add_path(struct cxml_buffer *output, const xmlNode *node) {
    uint32_t steps[CXML_MAXIMUM_DEPTH];
    size_t count = 0;
    for (; node->parent != 0 && node->parent->type == XML_ELEMENT_NODE && count < CXML_MAXIMUM_DEPTH;
         node = node->parent) {
        uint32_t index = 0;
        for (const xmlNode *before = node->prev; before != 0; before = before->prev) {
            if (before->type == XML_ELEMENT_NODE) index += 1;
        }
        steps[count++] = index;
    }
    cxml_add_number(output, count);
    while (count > 0) cxml_add_number(output, steps[--count]);
}

static void add_reference(struct cxml_buffer *output, const struct cxml_reference *reference,
                          xmlSecDSigReferenceCtxPtr context) {
    add_attribute(output, reference->node, "Id");
    add_attribute(output, reference->node, "URI");
    add_attribute(output, reference->node, "Type");
    add_text(output, reference->digest);
    cxml_add_number(output, reference->transform_count);
    for (size_t index = 0; index < reference->transform_count; index++) add_text(output, reference->transforms[index]);
    add_text(output, reference->target->ns == 0 ? 0 : reference->target->ns->href);
    add_text(output, reference->target->name);
    add_path(output, reference->target);
    xmlSecBufferPtr digested = xmlSecDSigReferenceCtxGetPreDigestBuffer(context);
    if (digested == 0) output->failed = 1;
    else cxml_add_string(output, xmlSecBufferGetData(digested), xmlSecBufferGetSize(digested));
}

/* Whether every reference was digested and is right, and the value over them. */
static void judge(xmlSecDSigCtxPtr context, const struct cxml_signature *signature, struct cxml_result *result) {
    const int status = xmlSecDSigCtxVerify(context, signature->node);
    const xmlSecSize count = xmlSecPtrListGetSize(&context->signedInfoReferences);
    for (xmlSecSize index = 0; index < count; index++) {
        const xmlSecDSigReferenceCtx *reference = xmlSecPtrListGetItem(&context->signedInfoReferences, index);
        if (reference == 0 || reference->status == xmlSecDSigStatusInvalid) {
            return cxml_fail(result, CXML_DIGEST_DIFFERS, (int32_t)index + 1, 0, 0);
        }
    }
    if (status < 0) return cxml_fail(result, CXML_SIGNATURE_FORM, CXML_FORM_REFUSED, 0, 0);
    if (context->status != xmlSecDSigStatusSucceeded) return cxml_fail(result, CXML_SIGNATURE_DIFFERS, 0, 0, 0);
    if (count != signature->reference_count) return cxml_fail(result, CXML_FAILED, 0, 0, 0);
    for (xmlSecSize index = 0; index < count; index++) {
        const xmlSecDSigReferenceCtx *reference = xmlSecPtrListGetItem(&context->signedInfoReferences, index);
        if (reference->status != xmlSecDSigStatusSucceeded) return cxml_fail(result, CXML_FAILED, 0, 0, 0);
    }
}

void cxml_verify(const uint8_t *bytes, size_t count, struct cxml_limits limits, const char *id,
                 struct cxml_algorithms allowed, struct cxml_result *result) {
    struct cxml_buffer output = {0};
    struct cxml_signature signature;
    struct certificates certificates = {0};
    EVP_PKEY *key = 0;
    xmlSecDSigCtxPtr context = 0;
    xmlDocPtr document = cxml_tree(bytes, count, limits, result);
    if (document == 0) return;
    cxml_examine(document, id, allowed, &signature, result);
    if (count * signature.reference_count > CXML_MAXIMUM_COVERED) {
        cxml_fail(result, CXML_SIGNATURE_FORM, CXML_FORM_COUNT, 0, 0);
    }
    if (result->failure.kind == CXML_OK) read_certificates(&signature, &certificates, result);
    if (result->failure.kind == CXML_OK) {
        put_leaf_first(&certificates);
        key = X509_get_pubkey(certificates.list[0]);
        if (key == 0) cxml_fail(result, CXML_KEY, CXML_KEY_UNREADABLE, 0, 0);
        else if (!cxml_is_good_key(key)) cxml_fail(result, CXML_KEY, CXML_KEY_KIND, 0, 0);
        else context = cxml_dsig_context(key, &signature, result);
    }
    if (context != 0) judge(context, &signature, result);
    if (result->failure.kind == CXML_OK) {
        add_attribute(&output, signature.node, "Id");
        add_text(&output, signature.canonicalization);
        add_text(&output, signature.method);
        cxml_add_number(&output, signature.reference_count);
        for (size_t index = 0; index < signature.reference_count; index++) {
            add_reference(&output, &signature.references[index],
                          xmlSecPtrListGetItem(&context->signedInfoReferences, (xmlSecSize)index));
        }
        cxml_add_number(&output, certificates.count);
        for (size_t index = 0; index < certificates.count; index++) {
            cxml_add_certificate(&output, certificates.list[index]);
        }
    }
    if (context != 0) xmlSecDSigCtxDestroy(context);
    EVP_PKEY_free(key);
    for (size_t index = 0; index < certificates.count; index++) X509_free(certificates.list[index]);
    xmlFreeDoc(document);
    ERR_clear_error();
    cxml_finish(result, &output);
}
