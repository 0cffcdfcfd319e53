/* SPDX-License-Identifier: Apache-2.0 */
#include "base.h"

#include <string.h>

struct scanner {
    const uint8_t *start;
    const uint8_t *next;
    const uint8_t *end;
};

static uint64_t stop(const struct scanner *scanner, struct cxml_result *result, int32_t failure, int32_t detail) {
    int32_t line = 1;
    const uint8_t *line_start = scanner->start;
    for (const uint8_t *byte = scanner->start; byte < scanner->next; byte++) {
        if (*byte != '\n') continue;
        line += 1;
        line_start = byte + 1;
    }
    cxml_fail(result, failure, detail, line, (int32_t)(scanner->next - line_start) + 1);
    return 0;
}

static int begins(const struct scanner *scanner, const char *text) {
    const size_t count = strlen(text);
    return (size_t)(scanner->end - scanner->next) >= count && memcmp(scanner->next, text, count) == 0;
}

/* Behind the next `text`, or at the end. */
static void skip_past(struct scanner *scanner, const char *text) {
    const size_t count = strlen(text);
    while (scanner->next < scanner->end) {
        const uint8_t *found = memchr(scanner->next, text[0], (size_t)(scanner->end - scanner->next));
        if (found == 0) break;
        scanner->next = found;
        if (begins(scanner, text)) {
            scanner->next += count;
            return;
        }
        scanner->next += 1;
    }
    scanner->next = scanner->end;
}

static int is_space(uint8_t byte) { return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r'; }

struct tag {
    uint32_t attributes;
    uint32_t namespaces;
    int is_empty;
};

/* From behind `<` to behind `>`. Stops as soon as there are more attributes than the limit. */
static void scan_tag(struct scanner *scanner, uint32_t limit, struct tag *tag) {
    uint8_t before = 0;
    memset(tag, 0, sizeof *tag);
    while (scanner->next < scanner->end && tag->attributes <= limit) {
        const uint8_t byte = *scanner->next;
        if (byte == '"' || byte == '\'') {
            const uint8_t *from = scanner->next + 1;
            const uint8_t *quote = memchr(from, byte, (size_t)(scanner->end - from));
            scanner->next = quote == 0 ? scanner->end : quote + 1;
            before = byte;
            continue;
        }
        if (byte == '=') tag->attributes += 1;
        if (is_space(before) && begins(scanner, "xmlns")) tag->namespaces += 1;
        scanner->next += 1;
        if (byte == '>') {
            tag->is_empty = before == '/';
            return;
        }
        before = byte;
    }
}

uint64_t cxml_scan(const uint8_t *bytes, size_t count, struct cxml_limits limits, struct cxml_result *result) {
    struct scanner scanner = {bytes, bytes, bytes + count};
    uint16_t namespaces[CXML_MAXIMUM_DEPTH + 1];
    uint32_t depth = 0, elements = 0;
    uint64_t work = 0;
    if (limits.depth > CXML_MAXIMUM_DEPTH) limits.depth = CXML_MAXIMUM_DEPTH;
    namespaces[0] = 0;
    /* Whatever else the first bytes were, the parser would take them for another encoding. */
    if (count < 4 || (bytes[0] != '<' && !is_space(bytes[0])) || memchr(bytes, 0, 4) != 0) {
        return stop(&scanner, result, CXML_NOT_WELL_FORMED, XML_ERR_DOCUMENT_EMPTY);
    }
    while (scanner.next < scanner.end) {
        const uint8_t *found = memchr(scanner.next, '<', (size_t)(scanner.end - scanner.next));
        if (found == 0) return work;
        scanner.next = found;
        if (begins(&scanner, "<!--")) {
            scanner.next += 4;
            skip_past(&scanner, "-->");
        } else if (begins(&scanner, "<![CDATA[")) {
            scanner.next += 9;
            skip_past(&scanner, "]]>");
        } else if (begins(&scanner, "<!D")) {
            return stop(&scanner, result, CXML_DOCUMENT_TYPE, 0);
        } else if (begins(&scanner, "<!")) {
            return work; /* the parser's first error is here, if not before */
        } else if (begins(&scanner, "<?")) {
            scanner.next += 2;
            skip_past(&scanner, "?>");
        } else if (begins(&scanner, "</")) {
            skip_past(&scanner, ">");
            if (depth > 0) depth -= 1;
        } else {
            struct tag tag;
            if (++elements > limits.elements) return stop(&scanner, result, CXML_LIMIT, CXML_LIMIT_ELEMENTS);
            if (depth + 1 > limits.depth) return stop(&scanner, result, CXML_LIMIT, CXML_LIMIT_DEPTH);
            scanner.next += 1;
            scan_tag(&scanner, limits.attributes, &tag);
            if (tag.attributes > limits.attributes) return stop(&scanner, result, CXML_LIMIT, CXML_LIMIT_ATTRIBUTES);
            if (namespaces[depth] + tag.namespaces > CXML_MAXIMUM_NAMESPACES) {
                return stop(&scanner, result, CXML_LIMIT, CXML_LIMIT_NAMESPACES);
            }
            const uint64_t names = namespaces[depth] + tag.attributes;
            work += names * names;
            if (!tag.is_empty) {
                namespaces[depth + 1] = (uint16_t)(namespaces[depth] + tag.namespaces);
                depth += 1;
            }
        }
    }
    return work;
}
