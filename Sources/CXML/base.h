/* SPDX-License-Identifier: Apache-2.0
 * What the files of the shim share. */
#ifndef CXML_BASE_H
#define CXML_BASE_H

#include "CXML.h"

#include <libxml/parser.h>
#include <libxml/tree.h>

/* MARK: - Bytes that grow */

struct cxml_buffer {
    uint8_t *bytes;
    size_t count;
    size_t capacity;
    int failed; /* memory ran out, or it would be longer than a 32-bit number says */
};

void cxml_add(struct cxml_buffer *buffer, const void *bytes, size_t count);
void cxml_add_byte(struct cxml_buffer *buffer, uint8_t byte);
void cxml_add_number(struct cxml_buffer *buffer, size_t number);
void cxml_add_string(struct cxml_buffer *buffer, const void *bytes, size_t count);
void cxml_set_number(struct cxml_buffer *buffer, size_t offset, size_t number);

/* MARK: - Results */

/* The first failure stays. */
void cxml_fail(struct cxml_result *result, int32_t failure, int32_t detail, int32_t line, int32_t column);
/* Hands the buffer over, or frees it where something failed. */
void cxml_finish(struct cxml_result *result, struct cxml_buffer *buffer);

/* MARK: - Reading */

/* An empty result, the libraries set up, and their errors of this thread silent. */
void cxml_begin(struct cxml_result *result);

/* Counts what the limits are about, before the parser does work for it. The parser reads markup the same way up to
 * its first error, and reads nothing behind that.
 *
 * Returns the sum, over all elements, of the square of the attributes and of the namespaces in scope: so much work it
 * is to bring attributes and namespaces into canonical order. */
uint64_t cxml_scan(const uint8_t *bytes, size_t count, struct cxml_limits limits, struct cxml_result *result);

/* Parses with the handlers and the user data of the context, which are the caller's. Returns the tree where the
 * handlers build one. */
struct cxml_source {
    const uint8_t *bytes;
    size_t count;
    size_t offset;
    struct cxml_result *result;
};
xmlDocPtr cxml_read(xmlParserCtxtPtr context, struct cxml_source *source);

/* MARK: - Trees */

/* Begins, scans and reads. 0 where that fails. */
xmlDocPtr cxml_tree(const uint8_t *bytes, size_t count, struct cxml_limits limits, struct cxml_result *result);
/* The node behind this one in document order, within `top`. */
xmlNodePtr cxml_following(const xmlNode *top, const xmlNode *node);
/* The element whose attribute ID, Id or id this is, or 0; fails where there are two. XPath's id() finds it, too, and no
 * other that was not looked up so. */
xmlNodePtr cxml_element_with_id(xmlDocPtr document, const char *id, struct cxml_result *result);

#endif
