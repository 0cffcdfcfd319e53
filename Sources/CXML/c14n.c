/* SPDX-License-Identifier: Apache-2.0 */
#include "base.h"

#include <libxml/c14n.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

static int write_bytes(void *context, const char *bytes, int count) {
    struct cxml_buffer *buffer = context;
    if (count > 0) cxml_add(buffer, bytes, (size_t)count);
    return buffer->failed ? -1 : count;
}

static int close_nothing(void *context) {
    (void)context;
    return 0;
}

/* Whether a node, an attribute or a namespace of `parent` is in the wanted element. */
static int is_within(void *context, xmlNodePtr node, xmlNodePtr parent) {
    const xmlNode *wanted = context;
    if (node != 0 && node->type != XML_NAMESPACE_DECL) parent = node;
    while (parent != 0 && parent != wanted) parent = parent->parent;
    return parent == wanted;
}

/* The words of `text`, which is changed, with 0 behind the last. */
static xmlChar **words(char *text) {
    xmlChar **list = calloc(strlen(text) / 2 + 2, sizeof *list);
    size_t count = 0;
    char *state = 0;
    for (char *word = strtok_r(text, " ", &state); list != 0 && word != 0; word = strtok_r(0, " ", &state)) {
        list[count++] = (xmlChar *)word;
    }
    return list;
}

void cxml_canonicalize(const uint8_t *bytes, size_t count, struct cxml_limits limits, int32_t mode,
                       int32_t with_comments, const char *id, const char *prefixes, struct cxml_result *result) {
    static const int modes[] = {XML_C14N_1_0, XML_C14N_1_1, XML_C14N_EXCLUSIVE_1_0};
    struct cxml_buffer output = {0};
    xmlDocPtr document = cxml_tree(bytes, count, limits, result);
    if (document == 0) return;
    xmlNodePtr element = 0;
    if (id[0] != 0) {
        element = cxml_element_with_id(document, id, result);
        if (element == 0) cxml_fail(result, CXML_NO_ELEMENT, 0, 0, 0);
    }
    char *copy = strdup(prefixes);
    xmlChar **list = copy == 0 ? 0 : words(copy);
    xmlOutputBufferPtr target = xmlOutputBufferCreateIO(write_bytes, close_nothing, &output, 0);
    if (list == 0 || target == 0) cxml_fail(result, CXML_FAILED, 0, 0, 0);
    if (result->failure.kind == CXML_OK) {
        const int written = xmlC14NExecute(document, element == 0 ? 0 : is_within, element,
                                           modes[mode >= 0 && mode <= CXML_C14N_EXCLUSIVE ? mode : 0], list,
                                           with_comments != 0, target);
        if (written < 0) cxml_fail(result, CXML_FAILED, 0, 0, 0);
    }
    if (target != 0 && xmlOutputBufferClose(target) < 0) cxml_fail(result, CXML_FAILED, 0, 0, 0);
    free(list);
    free(copy);
    xmlFreeDoc(document);
    cxml_finish(result, &output);
}

void cxml_digest(const uint8_t *bytes, size_t count, int32_t algorithm, struct cxml_result *result) {
    static unsigned char *(*const functions[CXML_DIGESTS])(const unsigned char *, size_t, unsigned char *) = {
        SHA1, SHA256, SHA384, SHA512};
    static const size_t counts[CXML_DIGESTS] = {20, 32, 48, 64};
    struct cxml_buffer output = {0};
    uint8_t digest[64];
    memset(result, 0, sizeof *result);
    const uint8_t nothing = 0;
    if (algorithm < 0 || algorithm >= CXML_DIGESTS ||
        functions[algorithm](count == 0 ? &nothing : bytes, count, digest) == 0) {
        return cxml_fail(result, CXML_FAILED, 0, 0, 0);
    }
    cxml_add(&output, digest, counts[algorithm]);
    cxml_finish(result, &output);
}
