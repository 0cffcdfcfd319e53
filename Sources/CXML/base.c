/* SPDX-License-Identifier: Apache-2.0 */
#include "signature.h"

#include <limits.h>
#include <pthread.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <xmlsec/base64.h>
#include <xmlsec/errors.h>
#include <xmlsec/openssl/crypto.h>

/* MARK: - Bytes that grow */

void cxml_add(struct cxml_buffer *buffer, const void *bytes, size_t count) {
    if (buffer->failed || count == 0) return;
    if (count > INT32_MAX - buffer->count) {
        buffer->failed = 1;
        return;
    }
    const size_t needed = buffer->count + count;
    if (needed > buffer->capacity) {
        const size_t capacity = needed < 256 ? 256 : needed + needed / 2;
        uint8_t *grown = realloc(buffer->bytes, capacity);
        if (grown == 0) {
            buffer->failed = 1;
            return;
        }
        buffer->bytes = grown;
        buffer->capacity = capacity;
    }
    memcpy(buffer->bytes + buffer->count, bytes, count);
    buffer->count = needed;
}

void cxml_add_byte(struct cxml_buffer *buffer, uint8_t byte) { cxml_add(buffer, &byte, 1); }

static void encode(size_t number, uint8_t bytes[4]) {
    for (int index = 0; index < 4; index++) bytes[index] = (uint8_t)(number >> (8 * index));
}

void cxml_add_number(struct cxml_buffer *buffer, size_t number) {
    uint8_t bytes[4];
    encode(number, bytes);
    cxml_add(buffer, bytes, 4);
}

void cxml_add_string(struct cxml_buffer *buffer, const void *bytes, size_t count) {
    cxml_add_number(buffer, count);
    cxml_add(buffer, bytes, count);
}

void cxml_set_number(struct cxml_buffer *buffer, size_t offset, size_t number) {
    if (!buffer->failed && buffer->count >= 4 && offset <= buffer->count - 4) encode(number, buffer->bytes + offset);
}

/* MARK: - Results */

void cxml_fail(struct cxml_result *result, int32_t failure, int32_t detail, int32_t line, int32_t column) {
    if (result->failure.kind != CXML_OK) return;
    result->failure = (struct cxml_failure){failure, detail, line, column};
}

void cxml_finish(struct cxml_result *result, struct cxml_buffer *buffer) {
    if (buffer->failed) cxml_fail(result, CXML_FAILED, 0, 0, 0);
    if (result->failure.kind != CXML_OK) {
        free(buffer->bytes);
    } else {
        result->bytes = buffer->bytes;
        result->count = buffer->count;
    }
    memset(buffer, 0, sizeof *buffer);
}

void cxml_free(struct cxml_result *result) {
    if (result->bytes != 0) OPENSSL_cleanse(result->bytes, result->count);
    free(result->bytes);
    result->bytes = 0;
    result->count = 0;
}

/* MARK: - The libraries */

static void say_nothing(void *context, const char *format, ...) {
    (void)context;
    (void)format;
}

static void say_nothing_structured(void *context, xmlErrorPtr error) {
    (void)context;
    (void)error;
}

static xmlParserInputPtr load_nothing(const char *address, const char *name, xmlParserCtxtPtr context) {
    (void)address;
    (void)name;
    (void)context;
    return 0;
}

static void say_nothing_of_signatures(const char *file, int line, const char *function, const char *object,
                                      const char *subject, int reason, const char *message) {
    (void)file;
    (void)line;
    (void)function;
    (void)object;
    (void)subject;
    (void)reason;
    (void)message;
}

static int is_set_up;

static void set_up(void) {
    xmlInitParser();
    xmlSetExternalEntityLoader(load_nothing);
    xmlSecErrorsSetCallback(say_nothing_of_signatures);
    is_set_up = xmlSecInit() >= 0 && xmlSecOpenSSLInit() >= 0;
    /* Signature values in one line, as others write them. */
    xmlSecBase64SetDefaultLineSize(0);
}

void cxml_begin(struct cxml_result *result) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    memset(result, 0, sizeof *result);
    pthread_once(&once, set_up);
    if (!is_set_up) cxml_fail(result, CXML_FAILED, 0, 0, 0);
    /* libxml2 keeps these for each thread. */
    xmlSetGenericErrorFunc(0, say_nothing);
    xmlSetStructuredErrorFunc(0, say_nothing_structured);
}

/* MARK: - Reading */

/* The end of the input comes at the first error: the parser would go on and look for more. */
static int give(void *context, char *bytes, int capacity) {
    struct cxml_source *source = context;
    if (source->result->failure.kind != CXML_OK || capacity <= 0) return 0;
    const size_t left = source->count - source->offset;
    const size_t count = left < (size_t)capacity ? left : (size_t)capacity;
    memcpy(bytes, source->bytes + source->offset, count);
    source->offset += count;
    return (int)count;
}

static int close_nothing(void *context) {
    (void)context;
    return 0;
}

/* `context` is the user data of the parser, which is the parser itself where it builds a tree. */
static void note(void *context, xmlErrorPtr error) {
    (void)context;
    xmlParserCtxtPtr parser = error->ctxt;
    if (error->level < XML_ERR_ERROR || parser == 0 || parser->_private == 0) return;
    /* A namespace name that is no URI, and xml:id that is no name or there twice: nothing depends on that. */
    if (error->code == XML_WAR_NS_URI || error->code == XML_DTD_XMLID_VALUE || error->code == XML_DTD_ID_REDEFINED) {
        return;
    }
    struct cxml_source *source = parser->_private;
    const int is_encoding = error->code == XML_ERR_INVALID_ENCODING || error->code == XML_I18N_CONV_FAILED;
    const int32_t failure = error->code == XML_ERR_NO_MEMORY ? CXML_FAILED
                            : is_encoding                    ? CXML_ENCODING
                                                             : CXML_NOT_WELL_FORMED;
    cxml_fail(source->result, failure, error->code, error->line, error->int2);
    parser->disableSAX = 1;
}

/* Only a document type declaration comes here. */
static void refuse_subset(void *context, const xmlChar *name, const xmlChar *external, const xmlChar *system) {
    (void)context;
    (void)name;
    (void)external;
    (void)system;
}

xmlDocPtr cxml_read(xmlParserCtxtPtr context, struct cxml_source *source) {
    context->_private = source;
    context->sax->initialized = XML_SAX2_MAGIC;
    context->sax->serror = note;
    context->sax->internalSubset = refuse_subset;
    context->sax->externalSubset = refuse_subset;
    /* Without NOENT the parser leaves &amp; in values as &#38;. There are no entities that it could bring in. */
    const int options = XML_PARSE_NONET | XML_PARSE_HUGE | XML_PARSE_NOENT | XML_PARSE_IGNORE_ENC;
    xmlDocPtr document = xmlCtxtReadIO(context, give, close_nothing, source, 0, 0, options);
    if (!context->wellFormed) {
        cxml_fail(source->result, CXML_NOT_WELL_FORMED, context->errNo, 0, 0);
    }
    return document;
}
