/* SPDX-License-Identifier: Apache-2.0 */
#include "base.h"

#include <libxml/valid.h>
#include <string.h>

xmlDocPtr cxml_tree(const uint8_t *bytes, size_t count, struct cxml_limits limits, struct cxml_result *result) {
    cxml_begin(result);
    const uint64_t work = cxml_scan(bytes, count, limits, result);
    if (work > CXML_MAXIMUM_WORK) cxml_fail(result, CXML_LIMIT, CXML_LIMIT_WORK, 0, 0);
    if (result->failure.kind != CXML_OK) return 0;
    xmlParserCtxtPtr context = xmlNewParserCtxt();
    if (context == 0) {
        cxml_fail(result, CXML_FAILED, 0, 0, 0);
        return 0;
    }
    struct cxml_source source = {.bytes = bytes, .count = count, .result = result};
    xmlDocPtr document = cxml_read(context, &source);
    xmlFreeParserCtxt(context);
    if (document == 0 || xmlDocGetRootElement(document) == 0) cxml_fail(result, CXML_FAILED, 0, 0, 0);
    if (result->failure.kind == CXML_OK) return document;
    if (document != 0) xmlFreeDoc(document);
    return 0;
}

xmlNodePtr cxml_following(const xmlNode *top, const xmlNode *node) {
    if (node->type == XML_ELEMENT_NODE && node->children != 0) return node->children;
    while (node != top && node->next == 0) node = node->parent;
    return node == top ? 0 : node->next;
}

static int is_id(const xmlChar *name) {
    return strcmp((const char *)name, "ID") == 0 || strcmp((const char *)name, "Id") == 0 ||
           strcmp((const char *)name, "id") == 0;
}

static int has_value(xmlDocPtr document, const xmlAttr *attribute, const xmlChar *wanted) {
    const xmlNode *child = attribute->children;
    if (child != 0 && child->next == 0 && child->type == XML_TEXT_NODE) return xmlStrEqual(child->content, wanted);
    xmlChar *value = xmlNodeListGetString(document, attribute->children, 1);
    const int is_equal = value != 0 && xmlStrEqual(value, wanted);
    xmlFree(value);
    return is_equal;
}

xmlNodePtr cxml_element_with_id(xmlDocPtr document, const char *id, struct cxml_result *result) {
    const xmlNode *root = xmlDocGetRootElement(document);
    const xmlChar *wanted = (const xmlChar *)id;
    xmlAttrPtr found = 0;
    for (const xmlNode *node = root; node != 0 && id[0] != 0; node = cxml_following(root, node)) {
        if (node->type != XML_ELEMENT_NODE) continue;
        for (xmlAttrPtr attribute = node->properties; attribute != 0; attribute = attribute->next) {
            if (!is_id(attribute->name) || !has_value(document, attribute, wanted)) continue;
            if (found != 0 && found->parent != node) {
                cxml_fail(result, CXML_DUPLICATE_ID, 0, (int32_t)xmlGetLineNo(node), 0);
                return 0;
            }
            found = attribute;
        }
    }
    if (found == 0) return 0;
    /* The parser has seen to xml:id. */
    const xmlAttr *known = xmlGetID(document, wanted);
    if (known == 0 ? xmlAddID(0, document, wanted, found) == 0 : known->parent != found->parent) {
        cxml_fail(result, CXML_FAILED, 0, 0, 0);
        return 0;
    }
    return found->parent;
}
