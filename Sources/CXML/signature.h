/* SPDX-License-Identifier: Apache-2.0
 * What signing and verifying share. */
#ifndef CXML_SIGNATURE_H
#define CXML_SIGNATURE_H

#include "base.h"

/* As the library's pkg-config file says: its headers depend on them. */
#define __XMLSEC_FUNCTION__ __func__
#define XMLSEC_NO_SIZE_T
#define XMLSEC_OPENSSL3_ENGINES 1
#define XMLSEC_NO_GOST 1
#define XMLSEC_NO_GOST2012 1
#define XMLSEC_NO_CRYPTO_DYNAMIC_LOADING 1
#define XMLSEC_CRYPTO_OPENSSL 1

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <xmlsec/xmldsig.h>
#include <xmlsec/xmlsec.h>

struct cxml_key {
    EVP_PKEY *pair;
    X509 *certificates[CXML_MAXIMUM_CERTIFICATES];
    size_t count;
};

struct cxml_reference {
    xmlNodePtr node;
    xmlNodePtr digest_value;
    xmlNodePtr target; /* the element that the URI names: the root where it is empty */
    const char *digest;
    const char *transforms[CXML_MAXIMUM_TRANSFORMS];
    size_t transform_count;
    int is_canonical; /* the last transform gives a canonical form */
};

/* A ds:Signature of the form that is allowed here. */
struct cxml_signature {
    xmlDocPtr document;
    xmlNodePtr node;
    xmlNodePtr value;
    xmlNodePtr key_info; /* or 0 */
    const char *canonicalization;
    const char *method;
    int method_type; /* EVP_PKEY_RSA or EVP_PKEY_EC */
    struct cxml_reference references[CXML_MAXIMUM_REFERENCES];
    size_t reference_count;
};

extern const xmlChar *const cxml_dsig;

/* The next element from here on among siblings. */
xmlNodePtr cxml_element(xmlNodePtr node);
int cxml_is(const xmlNode *node, const char *local);
/* Nothing but white space in it. */
int cxml_is_empty(const xmlNode *node);

/* Finds the ds:Signature and looks through it, so that nothing is left to xmlsec that is not on the lists here. */
void cxml_examine(xmlDocPtr document, const char *id, struct cxml_algorithms allowed,
                  struct cxml_signature *signature, struct cxml_result *result);

/* An xmlsec context that can do what the lists here have, and nothing else. It signs and verifies with this key.
 * 0 where that fails. */
xmlSecDSigCtxPtr cxml_dsig_context(EVP_PKEY *key, const struct cxml_signature *signature, struct cxml_result *result);

/* The certificate's DER as a string. */
void cxml_add_certificate(struct cxml_buffer *buffer, const X509 *certificate);

/* Whether it is RSA of 2048 to 8192 bits or on one of three NIST curves. */
int cxml_is_good_key(const EVP_PKEY *key);

#endif
