// SPDX-License-Identifier: Apache-2.0
// What the floor programs share: byte order, command set elements, whole writes. The floors say what the
// machine can do with as few system calls and copies as we know; they trust their peer and check bounds only.
#ifndef FLOOR_DICOM_H
#define FLOOR_DICOM_H

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

// PDU types, PS3.8 9.3.
enum { ASSOCIATE_RQ = 1, ASSOCIATE_AC, ASSOCIATE_RJ, P_DATA_TF, RELEASE_RQ, RELEASE_RP, ABORT };
// Message control header, PS3.8 E.2.
enum { PDV_COMMAND = 1, PDV_LAST = 2 };
enum { UID_SIZE = 64 + 1 };

#define APPLICATION_CONTEXT "1.2.840.10008.3.1.1.1"
#define IMPLEMENTATION_CLASS_UID "2.25.121212121212121212121212121212121212"

_Noreturn static inline void fail(const char *what) {
    fprintf(stderr, "%s: %s\n", what, errno ? strerror(errno) : "protocol");
    exit(1);
}

static inline uint32_t be32(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint32_t le32(const uint8_t *p) {
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static inline uint16_t be16(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }
static inline uint16_t le16(const uint8_t *p) { return (uint16_t)(p[1] << 8 | p[0]); }

static inline void put_be32(uint8_t *p, uint32_t v) {
    p[0] = v >> 24, p[1] = v >> 16, p[2] = v >> 8, p[3] = v;
}

static inline void put_be16(uint8_t *p, uint16_t v) { p[0] = v >> 8, p[1] = v; }
static inline void put_le32(uint8_t *p, uint32_t v) {
    p[3] = v >> 24, p[2] = v >> 16, p[1] = v >> 8, p[0] = v;
}

static inline void put_le16(uint8_t *p, uint16_t v) { p[1] = v >> 8, p[0] = v; }

// A growing message in a fixed buffer.
struct message {
    uint8_t bytes[16384];
    size_t count;
};

static inline void append(struct message *m, const void *bytes, size_t count) {
    if (m->count + count > sizeof m->bytes) fail("message too long");
    memcpy(m->bytes + m->count, bytes, count);
    m->count += count;
}

// Implicit VR Little Endian element of a command set, PS3.7 6.3.1; text is padded with NUL.
static inline void command_element(struct message *m, uint16_t number, const void *value, size_t count) {
    uint8_t head[8] = {0, 0};
    put_le16(head + 2, number);
    put_le32(head + 4, (uint32_t)(count + count % 2));
    append(m, head, sizeof head);
    append(m, value, count);
    if (count % 2) append(m, "", 1);
}

static inline void command_number(struct message *m, uint16_t number, uint16_t value) {
    uint8_t bytes[2];
    put_le16(bytes, value);
    command_element(m, number, bytes, sizeof bytes);
}

// Explicit VR Little Endian element, PS3.5 7.1.2; `vr` OB and OW have the long form.
static inline void explicit_element(
    struct message *m, uint16_t group, uint16_t number, const char *vr, const void *value, size_t count) {
    uint8_t head[12] = {0};
    size_t padded = count + count % 2;
    int is_long = vr[0] == 'O';
    put_le16(head, group);
    put_le16(head + 2, number);
    head[4] = vr[0], head[5] = vr[1];
    if (is_long) put_le32(head + 8, (uint32_t)padded);
    else put_le16(head + 6, (uint16_t)padded);
    append(m, head, is_long ? 12 : 8);
    append(m, value, count);
    if (count % 2) append(m, "", 1);
}

// Room for the head of a P-DATA-TF PDU with one PDV, and its values once the message is complete.
enum { PDATA_HEAD = 12 };

static inline void put_pdata_head(uint8_t *p, size_t payload, uint8_t context, uint8_t control) {
    p[0] = P_DATA_TF, p[1] = 0;
    put_be32(p + 2, (uint32_t)payload + 6);
    put_be32(p + 6, (uint32_t)payload + 2);
    p[10] = context, p[11] = control;
}

// Starts a command set: PDU head, then the group length, both filled in by end_command.
static inline void begin_command(struct message *m) {
    m->count = PDATA_HEAD;
    command_element(m, 0x0000, "\0\0\0\0", 4);
}

static inline void end_command(struct message *m, uint8_t context) {
    put_le32(m->bytes + PDATA_HEAD + 8, (uint32_t)(m->count - PDATA_HEAD - 12));
    put_pdata_head(m->bytes, m->count - PDATA_HEAD, context, PDV_COMMAND | PDV_LAST);
}

static inline void send_all(int socket, const void *bytes, size_t count, int flags) {
    const uint8_t *p = bytes;
    while (count) {
        ssize_t sent = send(socket, p, count, flags | MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) fail("send");
        p += sent, count -= (size_t)sent;
    }
}

// Drops `done` bytes from the front of an iovec array.
static inline void advance(struct iovec **v, int *count, size_t done) {
    while (*count && done >= (*v)->iov_len) done -= (*v)->iov_len, ++*v, --*count;
    if (*count) (*v)->iov_base = (uint8_t *)(*v)->iov_base + done, (*v)->iov_len -= done;
}

static inline void option(int socket, int name) {
    int on = 1;
    if (setsockopt(socket, IPPROTO_TCP, name, &on, sizeof on)) fail("setsockopt");
}

static inline struct sockaddr_in loopback(int port) {
    return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static inline int listen_on(int port) {
    int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    struct sockaddr_in address = loopback(port);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 64)) fail("listen");
    return listener;
}

#endif
