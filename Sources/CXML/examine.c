/* SPDX-License-Identifier: Apache-2.0 */
#include "signature.h"

#include <string.h>

const xmlChar *const cxml_dsig = (const xmlChar *)"http://www.w3.org/2000/09/xmldsig#";
static const char enveloped[] = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
static const char filter2[] = "http://www.w3.org/2002/06/xmldsig-filter2";
static const char exclusive[] = "http://www.w3.org/2001/10/xml-exc-c14n#";
static const char *const canonicalizations[] = {
    "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
    "http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments",
    "http://www.w3.org/2006/12/xml-c14n11",
    "http://www.w3.org/2006/12/xml-c14n11#WithComments",
    "http://www.w3.org/2001/10/xml-exc-c14n#",
    "http://www.w3.org/2001/10/xml-exc-c14n#WithComments",
};
static const char *const digests[CXML_DIGESTS] = {
    "http://www.w3.org/2000/09/xmldsig#sha1",
    "http://www.w3.org/2001/04/xmlenc#sha256",
    "http://www.w3.org/2001/04/xmldsig-more#sha384",
    "http://www.w3.org/2001/04/xmlenc#sha512",
};
static const char *const methods[CXML_SIGNATURE_METHODS] = {
    "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512",
};

/* MARK: - Nodes */

xmlNodePtr cxml_element(xmlNodePtr node) {
    while (node != 0 && node->type != XML_ELEMENT_NODE) node = node->next;
    return node;
}

static int is_in(const xmlNode *node, const char *namespace, const char *local) {
    return node != 0 && node->ns != 0 && xmlStrEqual(node->ns->href, (const xmlChar *)namespace) &&
           xmlStrEqual(node->name, (const xmlChar *)local);
}

int cxml_is(const xmlNode *node, const char *local) { return is_in(node, (const char *)cxml_dsig, local); }

static void fail(struct cxml_result *result, const xmlNode *node, int32_t kind, int32_t detail) {
    cxml_fail(result, kind, detail, node == 0 ? 0 : (int32_t)xmlGetLineNo(node), 0);
}

/* The next sibling element, which must be this one. */
static xmlNodePtr expect(xmlNodePtr node, const char *local, const xmlNode *parent, struct cxml_result *result) {
    node = cxml_element(node);
    if (cxml_is(node, local)) return node;
    fail(result, node == 0 ? parent : node, CXML_SIGNATURE_FORM, CXML_FORM_ELEMENT);
    return 0;
}

/* The index of the Algorithm in a list, or -1. */
static int algorithm(const xmlNode *node, const char *const *list, int count) {
    xmlChar *value = xmlGetNoNsProp(node, (const xmlChar *)"Algorithm");
    int found = -1;
    for (int index = 0; value != 0 && index < count; index++) {
        if (strcmp((const char *)value, list[index]) == 0) found = index;
    }
    xmlFree(value);
    return found;
}
#define ALGORITHM(node, list) algorithm(node, list, (int)(sizeof list / sizeof list[0]))

int cxml_is_empty(const xmlNode *node) {
    for (const xmlNode *child = node->children; child != 0; child = child->next) {
        if (child->type == XML_COMMENT_NODE || child->type == XML_PI_NODE || xmlIsBlankNode(child)) continue;
        return 0;
    }
    return 1;
}

/* The content of a canonicalization: for the exclusive ones InclusiveNamespaces may be there. */
static int is_plain_canonicalization(xmlNodePtr node, int is_exclusive) {
    xmlNodePtr child = cxml_element(node->children);
    if (child == 0) return cxml_is_empty(node);
    return is_exclusive && is_in(child, exclusive, "InclusiveNamespaces") && cxml_element(child->next) == 0 &&
           cxml_is_empty(child);
}

/* MARK: - References */

/* XPath Filter 2.0 with one filter, which takes all signatures away: what XAdES signers write for `enveloped`. */
static int is_signature_filter(xmlNodePtr transform) {
    static const char start[] = "/descendant::", end[] = ":Signature";
    xmlNodePtr xpath = cxml_element(transform->children);
    if (!is_in(xpath, filter2, "XPath") || cxml_element(xpath->next) != 0) return 0;
    xmlChar *filter = xmlGetNoNsProp(xpath, (const xmlChar *)"Filter");
    xmlChar *expression = xmlNodeGetContent(xpath);
    int is_right = filter != 0 && expression != 0 && xmlStrEqual(filter, (const xmlChar *)"subtract") &&
                   cxml_element(xpath->children) == 0;
    if (is_right) {
        const char *text = (const char *)expression;
        const size_t count = strlen(text), most = sizeof start + sizeof end + 100;
        char prefix[128] = "";
        is_right = count > sizeof start + sizeof end - 2 && count < most &&
                   strncmp(text, start, sizeof start - 1) == 0 &&
                   strcmp(text + count - (sizeof end - 1), end) == 0;
        if (is_right) memcpy(prefix, text + sizeof start - 1, count - (sizeof start - 1) - (sizeof end - 1));
        const xmlNs *namespace = is_right ? xmlSearchNs(xpath->doc, xpath, (const xmlChar *)prefix) : 0;
        is_right = namespace != 0 && xmlStrEqual(namespace->href, cxml_dsig);
    }
    xmlFree(filter);
    xmlFree(expression);
    return is_right;
}

static void examine_transform(xmlNodePtr node, size_t signature_count, struct cxml_reference *reference,
                              struct cxml_result *result) {
    static const char *const others[] = {enveloped, filter2};
    if (reference->transform_count == CXML_MAXIMUM_TRANSFORMS) {
        return fail(result, node, CXML_SIGNATURE_FORM, CXML_FORM_COUNT);
    }
    /* Behind a canonical form there are bytes, which xmlsec would parse again. */
    if (reference->is_canonical) return fail(result, node, CXML_SIGNATURE_FORM, CXML_FORM_TRANSFORM);
    const int canonicalization = ALGORITHM(node, canonicalizations), other = ALGORITHM(node, others);
    const char **name = &reference->transforms[reference->transform_count++];
    if (canonicalization >= 0) {
        *name = canonicalizations[canonicalization];
        reference->is_canonical = 1;
        if (is_plain_canonicalization(node, canonicalization >= 4)) return;
    } else if (other == 0) {
        *name = enveloped;
        if (cxml_is_empty(node)) return;
    } else if (other == 1) {
        *name = filter2;
        /* It takes away other signatures, too: nothing may hide in one. */
        if (is_signature_filter(node) && signature_count == 1) return;
        return fail(result, node, CXML_SIGNATURE_FORM, CXML_FORM_FILTER);
    }
    fail(result, node, CXML_SIGNATURE_FORM, CXML_FORM_TRANSFORM);
}

/* What xmlsec puts into `xpointer(id('…'))` as it is. */
static int is_plain_id(const char *id) {
    if (id[0] == 0) return 0;
    for (; *id != 0; id++) {
        const unsigned char byte = (unsigned char)*id;
        const int is_letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte >= 0x80;
        if (!is_letter && !(byte >= '0' && byte <= '9') && strchr("-._:", byte) == 0) return 0;
    }
    return 1;
}

static void examine_reference(xmlNodePtr node, size_t signature_count, struct cxml_algorithms allowed,
                              struct cxml_reference *reference, struct cxml_result *result) {
    memset(reference, 0, sizeof *reference);
    reference->node = node;
    xmlChar *uri = xmlGetNoNsProp(node, (const xmlChar *)"URI");
    if (uri == 0 || (uri[0] != 0 && (uri[0] != '#' || !is_plain_id((const char *)uri + 1)))) {
        fail(result, node, CXML_SIGNATURE_FORM, CXML_FORM_URI);
    } else {
        reference->target = uri[0] == 0 ? xmlDocGetRootElement(node->doc)
                                        : cxml_element_with_id(node->doc, (const char *)uri + 1, result);
        if (reference->target == 0) fail(result, node, CXML_SIGNATURE_FORM, CXML_FORM_TARGET);
    }
    xmlFree(uri);
    xmlNodePtr child = cxml_element(node->children);
    if (cxml_is(child, "Transforms")) {
        xmlNodePtr transform = cxml_element(child->children);
        for (; transform != 0; transform = cxml_element(transform->next)) {
            if (result->failure.kind != CXML_OK || expect(transform, "Transform", node, result) == 0) return;
            examine_transform(transform, signature_count, reference, result);
        }
        child = child->next;
    }
    child = expect(child, "DigestMethod", node, result);
    if (child == 0) return;
    const int digest = ALGORITHM(child, digests);
    if (digest < 0 || (allowed.digests & 1u << digest) == 0) {
        return fail(result, child, CXML_ALGORITHM, CXML_ALGORITHM_DIGEST);
    }
    if (!cxml_is_empty(child)) return fail(result, child, CXML_SIGNATURE_FORM, CXML_FORM_ELEMENT);
    reference->digest = digests[digest];
    child = reference->digest_value = expect(child->next, "DigestValue", node, result);
    if (child != 0 && (cxml_element(child->children) != 0 || cxml_element(child->next) != 0)) {
        fail(result, child, CXML_SIGNATURE_FORM, CXML_FORM_ELEMENT);
    }
}

/* MARK: - The signature */

static void examine_signed_info(xmlNodePtr node, size_t signature_count, struct cxml_algorithms allowed,
                                struct cxml_signature *signature, struct cxml_result *result) {
    xmlNodePtr child = expect(node->children, "CanonicalizationMethod", node, result);
    if (child == 0) return;
    const int canonicalization = ALGORITHM(child, canonicalizations);
    if (canonicalization < 0) return fail(result, child, CXML_ALGORITHM, CXML_ALGORITHM_CANONICALIZATION);
    if (!is_plain_canonicalization(child, canonicalization >= 4)) {
        return fail(result, child, CXML_SIGNATURE_FORM, CXML_FORM_TRANSFORM);
    }
    signature->canonicalization = canonicalizations[canonicalization];
    child = expect(child->next, "SignatureMethod", node, result);
    if (child == 0) return;
    const int method = ALGORITHM(child, methods);
    if (method < 0 || (allowed.signatures & 1u << method) == 0) {
        return fail(result, child, CXML_ALGORITHM, CXML_ALGORITHM_SIGNATURE);
    }
    if (!cxml_is_empty(child)) return fail(result, child, CXML_SIGNATURE_FORM, CXML_FORM_ELEMENT);
    signature->method = methods[method];
    signature->method_type = method < CXML_ECDSA_SHA256 ? EVP_PKEY_RSA : EVP_PKEY_EC;
    if (expect(child->next, "Reference", node, result) == 0) return;
    for (child = cxml_element(child->next); child != 0; child = cxml_element(child->next)) {
        if (result->failure.kind != CXML_OK || expect(child, "Reference", node, result) == 0) return;
        if (signature->reference_count == CXML_MAXIMUM_REFERENCES) {
            return fail(result, child, CXML_SIGNATURE_FORM, CXML_FORM_COUNT);
        }
        examine_reference(child, signature_count, allowed, &signature->references[signature->reference_count++],
                          result);
    }
}

/* The ds:Signature, and how many there are. */
static xmlNodePtr find(xmlDocPtr document, const char *id, size_t *signature_count, struct cxml_result *result) {
    const xmlNode *root = xmlDocGetRootElement(document);
    const xmlNode *wanted = id[0] == 0 ? 0 : cxml_element_with_id(document, id, result);
    xmlNodePtr first = 0;
    *signature_count = 0;
    for (const xmlNode *node = root; node != 0; node = cxml_following(root, node)) {
        if (node->type != XML_ELEMENT_NODE || !cxml_is(node, "Signature")) continue;
        *signature_count += 1;
        if (id[0] == 0 ? first == 0 : node == wanted) first = (xmlNodePtr)node;
    }
    if (first == 0 || (id[0] == 0 && *signature_count != 1)) {
        fail(result, 0, CXML_SIGNATURE_COUNT, id[0] == 0 ? (int32_t)*signature_count : 0);
    }
    return first;
}

void cxml_examine(xmlDocPtr document, const char *id, struct cxml_algorithms allowed,
                  struct cxml_signature *signature, struct cxml_result *result) {
    size_t signature_count = 0;
    memset(signature, 0, sizeof *signature);
    signature->document = document;
    signature->node = find(document, id, &signature_count, result);
    if (result->failure.kind != CXML_OK) return;
    xmlNodePtr child = expect(signature->node->children, "SignedInfo", signature->node, result);
    if (child == 0) return;
    examine_signed_info(child, signature_count, allowed, signature, result);
    child = signature->value = expect(child->next, "SignatureValue", signature->node, result);
    if (child == 0) return;
    if (cxml_element(child->children) != 0) return fail(result, child, CXML_SIGNATURE_FORM, CXML_FORM_ELEMENT);
    child = cxml_element(child->next);
    if (cxml_is(child, "KeyInfo")) {
        signature->key_info = child;
        child = cxml_element(child->next);
    }
    while (child != 0) {
        if (expect(child, "Object", signature->node, result) == 0) return;
        child = cxml_element(child->next);
    }
}
