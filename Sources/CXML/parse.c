/* SPDX-License-Identifier: Apache-2.0 */
#include "base.h"

#include <stdlib.h>
#include <string.h>

/* The parser holds every name once, so that its address stands for it. */
struct names {
    const xmlChar **keys;
    uint32_t *numbers;
    size_t capacity; /* a power of two, or 0 */
    uint32_t count;
};

struct recorder {
    struct cxml_buffer tape;
    struct names names;
    size_t text_start; /* offset of the last record's length where that is a text, else 0 */
};

static size_t slot(const struct names *names, const xmlChar *key) {
    size_t index = (size_t)(((uintptr_t)key >> 3) * 0x9E3779B97F4A7C15u >> 20) & (names->capacity - 1);
    while (names->keys[index] != 0 && names->keys[index] != key) index = (index + 1) & (names->capacity - 1);
    return index;
}

static int grow(struct names *names) {
    struct names grown = {0, 0, names->capacity == 0 ? 64 : names->capacity * 2, names->count};
    grown.keys = calloc(grown.capacity, sizeof *grown.keys);
    grown.numbers = calloc(grown.capacity, sizeof *grown.numbers);
    if (grown.keys == 0 || grown.numbers == 0) {
        free(grown.keys);
        free(grown.numbers);
        return 0;
    }
    for (size_t index = 0; index < names->capacity; index++) {
        if (names->keys[index] == 0) continue;
        const size_t target = slot(&grown, names->keys[index]);
        grown.keys[target] = names->keys[index];
        grown.numbers[target] = names->numbers[index];
    }
    free(names->keys);
    free(names->numbers);
    *names = grown;
    return 1;
}

/* The number of a name; its record is written where it is new. */
static uint32_t number(struct recorder *recorder, const xmlChar *name) {
    struct names *names = &recorder->names;
    if (name == 0 || name[0] == 0) return 0;
    if (2 * ((size_t)names->count + 1) > names->capacity && !grow(names)) {
        recorder->tape.failed = 1;
        return 0;
    }
    const size_t index = slot(names, name);
    if (names->keys[index] == 0) {
        names->keys[index] = name;
        names->numbers[index] = ++names->count;
        cxml_add_byte(&recorder->tape, CXML_NAME);
        cxml_add_string(&recorder->tape, name, strlen((const char *)name));
    }
    return names->numbers[index];
}

static void start(void *context, const xmlChar *local, const xmlChar *prefix, const xmlChar *namespace,
                  int namespace_count, const xmlChar **namespaces, int count, int defaulted,
                  const xmlChar **attributes) {
    (void)prefix;
    (void)namespace_count;
    (void)namespaces;
    (void)defaulted;
    struct recorder *recorder = context;
    struct cxml_buffer *tape = &recorder->tape;
    recorder->text_start = 0;
    /* Local name, prefix, namespace, value, and the value's end. */
    for (int index = 0; index < count; index++) {
        number(recorder, attributes[5 * index + 2]);
        number(recorder, attributes[5 * index]);
    }
    const uint32_t namespace_number = number(recorder, namespace), local_number = number(recorder, local);
    cxml_add_byte(tape, CXML_START);
    cxml_add_number(tape, namespace_number);
    cxml_add_number(tape, local_number);
    cxml_add_number(tape, (size_t)count);
    for (int index = 0; index < count; index++) {
        const xmlChar **attribute = attributes + 5 * index;
        cxml_add_number(tape, number(recorder, attribute[2]));
        cxml_add_number(tape, number(recorder, attribute[0]));
        cxml_add_string(tape, attribute[3], (size_t)(attribute[4] - attribute[3]));
    }
}

static void end(void *context, const xmlChar *local, const xmlChar *prefix, const xmlChar *namespace) {
    (void)local;
    (void)prefix;
    (void)namespace;
    struct recorder *recorder = context;
    recorder->text_start = 0;
    cxml_add_byte(&recorder->tape, CXML_END);
}

static void text(void *context, const xmlChar *bytes, int count) {
    struct recorder *recorder = context;
    struct cxml_buffer *tape = &recorder->tape;
    if (count <= 0) return;
    if (recorder->text_start == 0) {
        cxml_add_byte(tape, CXML_TEXT);
        recorder->text_start = tape->count;
        cxml_add_number(tape, 0);
    }
    cxml_add(tape, bytes, (size_t)count);
    cxml_set_number(tape, recorder->text_start, tape->count - recorder->text_start - 4);
}

void cxml_parse(const uint8_t *bytes, size_t count, struct cxml_limits limits, struct cxml_result *result) {
    cxml_begin(result);
    cxml_scan(bytes, count, limits, result);
    if (result->failure.kind != CXML_OK) return;
    xmlParserCtxtPtr context = xmlNewParserCtxt();
    if (context == 0) return cxml_fail(result, CXML_FAILED, 0, 0, 0);
    struct recorder recorder = {0};
    struct cxml_source source = {.bytes = bytes, .count = count, .result = result};
    memset(context->sax, 0, sizeof *context->sax);
    context->sax->startElementNs = start;
    context->sax->endElementNs = end;
    context->sax->characters = text;
    context->sax->ignorableWhitespace = text;
    context->sax->cdataBlock = text;
    context->userData = &recorder;
    cxml_read(context, &source);
    xmlFreeParserCtxt(context);
    free(recorder.names.keys);
    free(recorder.names.numbers);
    cxml_finish(result, &recorder.tape);
}
