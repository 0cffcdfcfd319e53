// SPDX-License-Identifier: Apache-2.0
// The floor of receiving: a Storage SCP that does nothing but store.
//
//   cstore_scp PORT DIR files|segment|drop [none|association|instance]
//
// files    a new file for each instance
// segment  one file of 1 GiB, written full once at the start and overwritten round and round: no new
//          pages, no new blocks, no file creation
// drop     nothing is written: what the protocol alone costs
// The last word says when fdatasync runs (none).
//
// One read of up to 1 MiB, TCP_QUICKACK after it, one gathered write of the payload in it: PDU and PDV
// heads are stepped over, payload is not copied in user space. One association at a time.
#define _GNU_SOURCE
#include "dicom.h"

#include <fcntl.h>
#include <signal.h>

enum { BUFFER = 1 << 20, PIECES = 1024, MAXIMUM_PDU = 131072 };
static const off_t SEGMENT_SIZE = 1 << 30;

enum target { FILES, SEGMENT, DROP };
enum sync { NONE, PER_ASSOCIATION, PER_INSTANCE };

static enum target target;
static enum sync syncing;
static const char *directory;

static int peer;
static uint8_t buffer[BUFFER];
static size_t next, filled;

// Where the payload goes: `output` at `position`; the pieces still lie in the buffer.
static int output = -1;
static off_t position;
static struct iovec pieces[PIECES];
static int piece_count;

static struct {
    char transfer_syntax[UID_SIZE];
} contexts[256];

static void flush_pieces(void) {
    struct iovec *v = pieces;
    while (piece_count) {
        ssize_t written = pwritev(output, v, piece_count, position);
        if (written < 0) fail("pwritev");
        position += written;
        advance(&v, &piece_count, (size_t)written);
    }
}

// Reads on when the buffer is used up. False at the end of the connection.
static int refill(void) {
    if (next < filled) return 1;
    flush_pieces();
    ssize_t received = recv(peer, buffer, sizeof buffer, 0);
    if (received <= 0) return 0;
    // Stock senders leave Nagle on and send a PDU in two writes: without this each waits 40 ms.
    option(peer, TCP_QUICKACK);
    next = 0, filled = (size_t)received;
    return 1;
}

// Copies the next `count` bytes: heads and command sets only.
static int take(void *bytes, size_t count) {
    uint8_t *p = bytes;
    while (count) {
        if (!refill()) return 0;
        size_t n = filled - next < count ? filled - next : count;
        memcpy(p, buffer + next, n);
        next += n, p += n, count -= n;
    }
    return 1;
}

// Sends the next `count` bytes of the stream to the output.
static int pass(size_t count) {
    while (count) {
        if (!refill()) return 0;
        size_t n = filled - next < count ? filled - next : count;
        if (target != DROP) {
            if (piece_count == PIECES) flush_pieces();
            pieces[piece_count++] = (struct iovec){buffer + next, n};
        }
        next += n, count -= n;
    }
    return 1;
}

static void copy_uid(char *uid, const uint8_t *bytes, size_t count) {
    if (count >= UID_SIZE) fail("UID too long");
    memcpy(uid, bytes, count);
    uid[count] = 0;
}

static void item(struct message *m, uint8_t type, const void *content, size_t count) {
    uint8_t head[4] = {type, 0};
    put_be16(head + 2, (uint16_t)count);
    append(m, head, sizeof head);
    append(m, content, count);
}

// Accepts every context with the first transfer syntax it proposes.
static int accept_association(uint32_t length) {
    static uint8_t request[65536];
    struct message answer = {.count = 6};
    if (length < 68 || length > sizeof request || !take(request, length)) return 0;
    append(&answer, request, 68);
    item(&answer, 0x10, APPLICATION_CONTEXT, strlen(APPLICATION_CONTEXT));
    for (size_t at = 68; at + 4 <= length;) {
        size_t size = be16(request + at + 2), end = at + 4 + size;
        if (end > length) return 0;
        if (request[at] == 0x20) {
            uint8_t id = request[at + 4], body[4 + 4 + UID_SIZE] = {id, 0, 0, 0, 0x40, 0};
            for (size_t sub = at + 8; sub + 4 <= end; sub += 4 + be16(request + sub + 2)) {
                if (request[sub] != 0x40) continue;
                copy_uid(contexts[id].transfer_syntax, request + sub + 4, be16(request + sub + 2));
                break;
            }
            size_t count = strlen(contexts[id].transfer_syntax);
            put_be16(body + 6, (uint16_t)count);
            memcpy(body + 8, contexts[id].transfer_syntax, count);
            item(&answer, 0x21, body, 8 + count);
        }
        at = end;
    }
    uint8_t user[8 + 4 + sizeof IMPLEMENTATION_CLASS_UID] = {0x51, 0, 0, 4};
    put_be32(user + 4, MAXIMUM_PDU);
    user[8] = 0x52;
    put_be16(user + 10, sizeof IMPLEMENTATION_CLASS_UID - 1);
    memcpy(user + 12, IMPLEMENTATION_CLASS_UID, sizeof IMPLEMENTATION_CLASS_UID - 1);
    item(&answer, 0x50, user, 12 + sizeof IMPLEMENTATION_CLASS_UID - 1);
    answer.bytes[0] = ASSOCIATE_AC, answer.bytes[1] = 0;
    put_be32(answer.bytes + 2, (uint32_t)answer.count - 6);
    send_all(peer, answer.bytes, answer.count, 0);
    return 1;
}

struct request {
    uint16_t field, message_id;
    char sop_class[UID_SIZE], sop_instance[UID_SIZE];
};

static struct request decode_command(const struct message *m) {
    struct request r = {0};
    for (size_t at = 0; at + 8 <= m->count;) {
        const uint8_t *value = m->bytes + at + 8;
        uint32_t count = le32(m->bytes + at + 4);
        if (count > m->count - at - 8) fail("command set");
        switch (le16(m->bytes + at + 2)) {
        case 0x0002: copy_uid(r.sop_class, value, count); break;
        case 0x0100: r.field = le16(value); break;
        case 0x0110: r.message_id = le16(value); break;
        case 0x1000: copy_uid(r.sop_instance, value, count); break;
        }
        at += 8 + count;
    }
    return r;
}

// Puts the Part 10 header in front of the data set that follows.
static void begin_instance(const struct request *r, uint8_t context) {
    static struct message head;
    if (target == DROP) return;
    if (target == FILES) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", directory, r->sop_instance);
        output = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);
        if (output < 0) fail(path);
        position = 0;
    } else if (position > SEGMENT_SIZE - (64 << 20)) {
        position = 0;
    }
    head.count = 0;
    memset(head.bytes, 0, 128);
    head.count = 128;
    append(&head, "DICM", 4);
    explicit_element(&head, 2, 0x0000, "UL", "\0\0\0\0", 4);
    explicit_element(&head, 2, 0x0001, "OB", "\0\1", 2);
    explicit_element(&head, 2, 0x0002, "UI", r->sop_class, strlen(r->sop_class));
    explicit_element(&head, 2, 0x0003, "UI", r->sop_instance, strlen(r->sop_instance));
    const char *syntax = contexts[context].transfer_syntax;
    explicit_element(&head, 2, 0x0010, "UI", syntax, strlen(syntax));
    explicit_element(&head, 2, 0x0012, "UI", IMPLEMENTATION_CLASS_UID, strlen(IMPLEMENTATION_CLASS_UID));
    put_le32(head.bytes + 140, (uint32_t)(head.count - 144));
    if (piece_count == PIECES) flush_pieces();
    pieces[piece_count++] = (struct iovec){head.bytes, head.count};
}

static void end_instance(const struct request *r, uint8_t context) {
    struct message answer;
    flush_pieces();
    if (syncing == PER_INSTANCE && fdatasync(output)) fail("fdatasync");
    if (target == FILES) {
        close(output);
        output = -1;
    }
    begin_command(&answer);
    command_element(&answer, 0x0002, r->sop_class, strlen(r->sop_class));
    command_number(&answer, 0x0100, 0x8001);
    command_number(&answer, 0x0120, r->message_id);
    command_number(&answer, 0x0800, 0x0101);
    command_number(&answer, 0x0900, 0x0000);
    command_element(&answer, 0x1000, r->sop_instance, strlen(r->sop_instance));
    end_command(&answer, context);
    send_all(peer, answer.bytes, answer.count, 0);
}

static int transfer(uint32_t length) {
    static struct message command;
    static struct request request;
    while (length) {
        uint8_t head[6];
        if (!take(head, sizeof head)) return 0;
        uint32_t size = be32(head) - 2;
        uint8_t context = head[4], control = head[5];
        if (size > length - 6) fail("PDV longer than its PDU");
        length -= 6 + size;
        if (control & PDV_COMMAND) {
            if (command.count + size > sizeof command.bytes) fail("command set too long");
            if (!take(command.bytes + command.count, size)) return 0;
            command.count += size;
            if (!(control & PDV_LAST)) continue;
            request = decode_command(&command);
            command.count = 0;
            if (request.field != 0x0001) fail("not a C-STORE-RQ");
            begin_instance(&request, context);
        } else {
            if (!pass(size)) return 0;
            if (control & PDV_LAST) end_instance(&request, context);
        }
    }
    return 1;
}

// Files: one syncfs for all of the association's; the segment: one fdatasync.
static void flush_association(void) {
    static int folder = -1;
    if (target == FILES && folder < 0) folder = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (target == FILES ? syncfs(folder) : fdatasync(output)) fail("flush");
}

static void serve(void) {
    uint8_t head[6];
    next = filled = 0;
    while (take(head, sizeof head)) {
        uint32_t length = be32(head + 2);
        if (head[0] == ASSOCIATE_RQ) {
            if (!accept_association(length)) break;
        } else if (head[0] == P_DATA_TF) {
            if (!transfer(length)) break;
        } else if (head[0] == RELEASE_RQ) {
            uint8_t rest[4], answer[10] = {RELEASE_RP, 0, 0, 0, 0, 4};
            if (syncing == PER_ASSOCIATION) flush_association();
            if (!take(rest, sizeof rest)) break;
            send_all(peer, answer, sizeof answer, 0);
        } else {
            break;
        }
    }
    piece_count = 0;
    if (target == FILES && output >= 0) {
        close(output);
        output = -1;
    }
}

static void open_segment(void) {
    char path[4096];
    snprintf(path, sizeof path, "%s/segment", directory);
    output = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0644);
    if (output < 0) fail(path);
    for (off_t at = 0; at < SEGMENT_SIZE; at += BUFFER) {
        if (pwrite(output, buffer, BUFFER, at) != BUFFER) fail("pwrite");
    }
    if (fdatasync(output)) fail("fdatasync");
}

int main(int count, char **arguments) {
    if (count < 4) {
        fprintf(stderr, "usage: cstore_scp PORT DIR files|segment|drop [none|association|instance]\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    directory = arguments[2];
    target = !strcmp(arguments[3], "files") ? FILES : !strcmp(arguments[3], "segment") ? SEGMENT : DROP;
    if (count > 4 && target != DROP) {
        if (!strcmp(arguments[4], "association")) syncing = PER_ASSOCIATION;
        if (!strcmp(arguments[4], "instance")) syncing = PER_INSTANCE;
    }
    if (target == SEGMENT) open_segment();
    int listener = listen_on(atoi(arguments[1]));
    for (;;) {
        peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (peer < 0) continue;
        option(peer, TCP_NODELAY);
        serve();
        close(peer);
    }
}
