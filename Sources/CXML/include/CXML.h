/* SPDX-License-Identifier: Apache-2.0
 * XML through libxml2 and XML Signature through libxmlsec1, behind calls that take bytes and give bytes.
 *
 * Every call is thread-safe; the libraries are set up at the first. Nothing is written to standard error, no file and
 * no network address is read, and no message of the libraries is passed on: those repeat what is in the document.
 *
 * Documents are UTF-8, at most CXML_MAXIMUM_BYTES, without a byte order mark. A declared encoding is ignored. */
#ifndef CXML_H
#define CXML_H

#include <stddef.h>
#include <stdint.h>

#define CXML_MAXIMUM_BYTES (1 << 30)
#define CXML_MAXIMUM_DEPTH 1000
/* Namespace declarations in scope at one place: the libraries search them one by one for every name. */
#define CXML_MAXIMUM_NAMESPACES 100
/* For canonical forms: the sum, over all elements, of the square of the attributes and of the namespaces in scope. Some
 * seconds. */
#define CXML_MAXIMUM_WORK 100000000

/* What went wrong, and what `detail` is then. */
enum {
    CXML_OK,
    CXML_NOT_WELL_FORMED,   /* a code of xmlParserErrors */
    CXML_ENCODING,          /* a code of xmlParserErrors */
    CXML_DOCUMENT_TYPE,
    CXML_LIMIT,             /* CXML_LIMIT_ */
    CXML_FAILED,            /* a library refused: out of memory, or what is not foreseen */
    CXML_DUPLICATE_ID,
    CXML_NO_ELEMENT,        /* none has the wanted ID */
    CXML_SIGNATURE_COUNT,   /* how many there are, where one is wanted */
    CXML_SIGNATURE_FORM,    /* CXML_FORM_ */
    CXML_ALGORITHM,         /* CXML_ALGORITHM_ */
    CXML_DIGEST_DIFFERS,    /* number of the reference, from 1 */
    CXML_SIGNATURE_DIFFERS,
    CXML_KEY                /* CXML_KEY_ */
};
enum { CXML_LIMIT_DEPTH = 1, CXML_LIMIT_ELEMENTS, CXML_LIMIT_ATTRIBUTES, CXML_LIMIT_NAMESPACES, CXML_LIMIT_WORK };
enum {
    CXML_FORM_ELEMENT = 1, /* an element is missing, or is where none or another may be */
    CXML_FORM_URI,         /* a reference goes elsewhere than to this document or an ID in it */
    CXML_FORM_TARGET,      /* no element has the ID that a reference names */
    CXML_FORM_TRANSFORM,   /* a transform that is not on the list, or a parameter of it */
    CXML_FORM_FILTER,      /* an XPath filter other than the one on the list */
    CXML_FORM_COUNT,       /* too many references, transforms or certificates, or too much covered */
    CXML_FORM_REFUSED      /* xmlsec does not take it */
};
enum { CXML_ALGORITHM_CANONICALIZATION = 1, CXML_ALGORITHM_SIGNATURE, CXML_ALGORITHM_DIGEST };
enum {
    CXML_KEY_PRIVATE = 1,  /* not a private key in PEM, or an encrypted one */
    CXML_KEY_CERTIFICATES, /* not certificates in PEM, or too many */
    CXML_KEY_PAIR,         /* no certificate is of the private key */
    CXML_KEY_KIND,         /* not RSA of 2048 to 8192 bits, P-256, P-384 or P-521 */
    CXML_KEY_METHOD,       /* the signature method wants another kind of key */
    CXML_KEY_ABSENT,       /* no X509Certificate in KeyInfo */
    CXML_KEY_UNREADABLE    /* a certificate that is none */
};

struct cxml_limits {
    uint32_t depth;
    uint32_t elements;
    uint32_t attributes; /* of one element, namespace declarations included */
};

/* Line and column count from 1 and are 0 where unknown; columns are bytes. */
struct cxml_failure {
    int32_t kind;
    int32_t detail;
    int32_t line;
    int32_t column;
};

/* `bytes` is the answer, to be freed by cxml_free, and is 0 unless the failure's kind is CXML_OK. */
struct cxml_result {
    uint8_t *bytes;
    size_t count;
    struct cxml_failure failure;
};

/* Overwrites the answer and frees it. */
void cxml_free(struct cxml_result *result);

/* The answer is a tape of records. Numbers are 32-bit, little-endian; a string is its length and its bytes.
 *   CXML_NAME   string; the next number in the table of names. Number 0 is the empty name and has no record.
 *   CXML_START  number of the namespace, of the local name, count of attributes; and for each: number of its
 *               namespace, of its local name, its value as a string
 *   CXML_TEXT   string; never two in a row
 *   CXML_END    nothing
 * Every START has its END, and the names come before what uses them. */
enum { CXML_NAME, CXML_START, CXML_TEXT, CXML_END };
void cxml_parse(const uint8_t *bytes, size_t count, struct cxml_limits limits, struct cxml_result *result);

/* MARK: - Canonicalization */

enum { CXML_C14N, CXML_C14N_11, CXML_C14N_EXCLUSIVE };
/* The answer is the canonical form of the document, or of the element that has this ID where that is not empty.
 * `prefixes` are those of InclusiveNamespaces, with spaces between them. */
void cxml_canonicalize(const uint8_t *bytes, size_t count, struct cxml_limits limits, int32_t mode,
                       int32_t with_comments, const char *id, const char *prefixes, struct cxml_result *result);

/* MARK: - Digests */

enum { CXML_SHA1, CXML_SHA256, CXML_SHA384, CXML_SHA512, CXML_DIGESTS };
void cxml_digest(const uint8_t *bytes, size_t count, int32_t algorithm, struct cxml_result *result);

/* MARK: - Keys and certificates */

#define CXML_MAXIMUM_CERTIFICATES 10

/* A private key and its certificates. It does not change: many threads can sign with it at once. */
struct cxml_key;
/* The key is 0 where this fails. The answer is a tape: each certificate as a string of DER, the key's own first. */
struct cxml_key *cxml_key_open(const uint8_t *key, size_t key_count, const uint8_t *certificates,
                               size_t certificate_count, struct cxml_result *result);
void cxml_key_close(struct cxml_key *key);

/* Of a certificate in DER: subject as `CN=a, OU=b`, the innermost name first; issuer (RFC 2253); serial number,
 * decimal. */
void cxml_describe_certificate(const uint8_t *bytes, size_t count, struct cxml_result *result);

/* MARK: - Signatures (XML Signature 1.1) */

#define CXML_MAXIMUM_REFERENCES 16
/* Count of references times bytes of the document: what they cover is held in memory. */
#define CXML_MAXIMUM_COVERED (256 << 20)
#define CXML_MAXIMUM_TRANSFORMS 8

enum {
    CXML_RSA_SHA1,
    CXML_RSA_SHA256,
    CXML_RSA_SHA384,
    CXML_RSA_SHA512,
    CXML_ECDSA_SHA256,
    CXML_ECDSA_SHA384,
    CXML_ECDSA_SHA512,
    CXML_SIGNATURE_METHODS
};
/* A bit for each algorithm: 1 << CXML_SHA256. */
struct cxml_algorithms {
    uint32_t signatures;
    uint32_t digests;
};

/* Which ds:Signature: the one whose Id this is; where it is empty, the only one in the document. IDs are attributes
 * called ID, Id or id in any namespace; one that is referred to must be there once. */

/* Fills DigestValue, SignatureValue and X509Data, this with the key's own certificate or with all. The answer is the document in UTF-8. */
void cxml_sign(const uint8_t *bytes, size_t count, struct cxml_limits limits, const char *id,
               const struct cxml_key *key, int32_t with_chain, struct cxml_result *result);

/* Verifies with the key of a certificate in KeyInfo. The answer is a tape:
 *   signature: Id, CanonicalizationMethod, SignatureMethod, each a string
 *   count of references; and for each: Id, URI, Type, DigestMethod, strings; count of transforms and their algorithms;
 *     namespace and local name of the element that the URI names, strings; count of the steps to it from the root and
 *     the steps, each the index among the child elements; the bytes that were digested, as a string
 *   count of certificates, and each as a string of DER: first the one whose key it is */
void cxml_verify(const uint8_t *bytes, size_t count, struct cxml_limits limits, const char *id,
                 struct cxml_algorithms allowed, struct cxml_result *result);

#endif
