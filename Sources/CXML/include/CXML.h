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

/* What went wrong. `detail` is, for CXML_NOT_WELL_FORMED and CXML_ENCODING, a code of xmlParserErrors; for CXML_LIMIT
 * one of the limits below. */
enum {
    CXML_OK,
    CXML_NOT_WELL_FORMED,
    CXML_ENCODING,
    CXML_DOCUMENT_TYPE,
    CXML_LIMIT,
    CXML_KEY,       /* the private key or the certificate */
    CXML_SIGNATURE, /* it cannot be made */
    CXML_FAILED /* a library refused: out of memory, or what is not foreseen */
};
enum { CXML_LIMIT_DEPTH = 1, CXML_LIMIT_ELEMENTS, CXML_LIMIT_ATTRIBUTES, CXML_LIMIT_NAMESPACES };

struct cxml_limits {
    uint32_t depth;
    uint32_t elements;
    uint32_t attributes; /* of one element, namespace declarations included */
};

/* `bytes` is the answer, to be freed by cxml_free, and is 0 unless `failure` is CXML_OK. Line and column count from 1
 * and are 0 where unknown; columns are bytes. */
struct cxml_result {
    uint8_t *bytes;
    size_t count;
    int32_t failure;
    int32_t detail;
    int32_t line;
    int32_t column;
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


/* Fills the one ds:Signature of the document, which says how: digests of its references within the document, the
 * value, and the certificate in an empty X509Data. What a ds:Manifest refers to is left alone. IDs are attributes named
 * ID, Id or id. The answer is the document. */
void cxml_sign(const uint8_t *bytes, size_t count, const uint8_t *key, size_t key_count, const uint8_t *certificate,
               size_t certificate_count, struct cxml_result *result);

/* The failure is CXML_KEY unless the private key is that of the first certificate; both are PEM. */
void cxml_check_key(const uint8_t *key, size_t key_count, const uint8_t *certificate, size_t certificate_count,
                    struct cxml_result *result);

/* Parts of the first certificate of a PEM file. The answer is the part. */
enum { CXML_SUBJECT, CXML_ISSUER, CXML_SERIAL, CXML_DER };
void cxml_certificate(const uint8_t *pem, size_t count, int32_t part, struct cxml_result *result);

#endif
