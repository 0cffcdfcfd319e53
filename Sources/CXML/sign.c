/* SPDX-License-Identifier: Apache-2.0 */
#include "signature.h"

#include <openssl/err.h>
#include <xmlsec/base64.h>

static int add_certificate_text(xmlNodePtr node, X509 *certificate) {
    uint8_t *der = 0;
    const int count = i2d_X509(certificate, &der);
    xmlChar *text = count < 0 ? 0 : xmlSecBase64Encode(der, (xmlSecSize)count, 0);
    OPENSSL_free(der);
    if (text == 0) return 0;
    xmlNodeSetContent(node, text);
    xmlFree(text);
    return 1;
}

/* An X509Data without elements gets the certificates, and so does one with an empty X509Certificate. */
static void fill_certificates(const struct cxml_signature *signature, const struct cxml_key *key, size_t count,
                              struct cxml_result *result) {
    xmlNodePtr data = signature->key_info == 0 ? 0 : cxml_element(signature->key_info->children);
    while (data != 0 && !cxml_is(data, "X509Data")) data = cxml_element(data->next);
    if (data == 0) return;
    xmlNodePtr place = cxml_element(data->children);
    if (place != 0) {
        while (place != 0 && !cxml_is(place, "X509Certificate")) place = cxml_element(place->next);
        if (place == 0 || !cxml_is_empty(place)) return;
    }
    for (size_t index = 0; index < key->count && index < count; index++) {
        xmlNodePtr node = place;
        if (index > 0 || place == 0) {
            node = xmlNewDocNode(data->doc, data->ns, (const xmlChar *)"X509Certificate", 0);
            if (node == 0) return cxml_fail(result, CXML_FAILED, 0, 0, 0);
            if (place == 0) xmlAddChild(data, node);
            else xmlAddNextSibling(place, node);
        }
        if (!add_certificate_text(node, key->certificates[index])) return cxml_fail(result, CXML_FAILED, 0, 0, 0);
        place = node;
    }
}

void cxml_sign(const uint8_t *bytes, size_t count, struct cxml_limits limits, const char *id,
               const struct cxml_key *key, int32_t with_chain, struct cxml_result *result) {
    struct cxml_buffer output = {0};
    struct cxml_signature signature;
    xmlDocPtr document = cxml_tree(bytes, count, limits, result);
    if (document == 0) return;
    cxml_examine(document, id, (struct cxml_algorithms){UINT32_MAX, UINT32_MAX}, &signature, result);
    if (result->failure.kind == CXML_OK) {
        fill_certificates(&signature, key, with_chain ? key->count : 1, result);
        xmlNodeSetContent(signature.value, 0);
        for (size_t index = 0; index < signature.reference_count; index++) {
            xmlNodeSetContent(signature.references[index].digest_value, 0);
        }
    }
    xmlSecDSigCtxPtr context =
        result->failure.kind == CXML_OK ? cxml_dsig_context(key->pair, &signature, result) : 0;
    if (context != 0) {
        if (xmlSecDSigCtxSign(context, signature.node) < 0 || context->status != xmlSecDSigStatusSucceeded) {
            cxml_fail(result, CXML_SIGNATURE_FORM, CXML_FORM_REFUSED, 0, 0);
        }
        xmlSecDSigCtxDestroy(context);
    }
    if (result->failure.kind == CXML_OK) {
        xmlChar *text = 0;
        int text_count = 0;
        xmlDocDumpMemoryEnc(document, &text, &text_count, "UTF-8");
        if (text == 0 || text_count <= 0) cxml_fail(result, CXML_FAILED, 0, 0, 0);
        else cxml_add(&output, text, (size_t)text_count);
        xmlFree(text);
    }
    xmlFreeDoc(document);
    ERR_clear_error();
    cxml_finish(result, &output);
}
