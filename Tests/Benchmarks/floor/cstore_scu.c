// SPDX-License-Identifier: Apache-2.0
// A Storage SCU that is not the bottleneck: it sends data sets as they are in their files.
//
//   cstore_scu [options] PORT DIR             all files of DIR, one SOP class and one transfer syntax
//   cstore_scu [options] PORT --synthetic N   one instance with N bytes of pixel data, made on the fly
//
// --calling TITLE, --called TITLE
// --pdu N           longest PDU sent, also when the peer takes longer ones (131072)
// --associations N  N associations, each in a process; they start to send when all are open (1)
//
// mmap of the file, one gathered write for each PDU (the first together with the command), TCP_NODELAY,
// TCP_QUICKACK after each read. Prints {"instances", "bytes", "seconds", "failed"} as JSON; bytes are
// those of the data sets, seconds from the first request to the last release. Exit code 1 when a status
// is not success.
#define _GNU_SOURCE
#include "dicom.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

enum { CONTEXT = 1, OUR_MAXIMUM = 16384, ZEROS = 1 << 20 };

static const char *calling = "BENCH", *called = "ANY-SCP";
static size_t longest = 131072;
static uint64_t synthetic;
static int port, associations = 1;
static char **paths;
static size_t path_count;

// What the processes of a run count together.
static struct totals {
    atomic_int open, failed;
    atomic_ulong instances, bytes;
} *totals;

struct meta {
    char sop_class[UID_SIZE], sop_instance[UID_SIZE], transfer_syntax[UID_SIZE];
    size_t data_set;
};

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

// File Meta Information, PS3.10 7.1.
static struct meta read_meta(const uint8_t *p, size_t count) {
    struct meta m = {0};
    size_t at = 132;
    if (count < at || memcmp(p + 128, "DICM", 4)) fail("not a Part 10 file");
    while (at + 12 <= count && le16(p + at) == 2) {
        int is_long = p[at + 4] == 'O' || (p[at + 4] == 'U' && p[at + 5] == 'N');
        size_t size = is_long ? le32(p + at + 8) : le16(p + at + 6), head = is_long ? 12 : 8;
        uint16_t number = le16(p + at + 2);
        char *uid = number == 0x02 ? m.sop_class : number == 0x03 ? m.sop_instance
                  : number == 0x10 ? m.transfer_syntax : NULL;
        if (size > count - at - head) fail("file meta information");
        if (uid && size < UID_SIZE) memcpy(uid, p + at + head, size), uid[size] = 0;
        at += head + size;
    }
    m.data_set = at;
    return m;
}

static void read_exactly(int peer, uint8_t *p, size_t count) {
    while (count) {
        ssize_t received = recv(peer, p, count, 0);
        if (received < 0 && errno == EINTR) continue;
        if (received <= 0) fail("peer closed the connection");
        option(peer, TCP_QUICKACK);
        p += received, count -= (size_t)received;
    }
}

// The variable part of the next PDU; its type is returned.
static uint8_t read_pdu(int peer, uint8_t *p, size_t room, size_t *count) {
    uint8_t head[6];
    read_exactly(peer, head, sizeof head);
    *count = be32(head + 2);
    if (*count > room) fail("answer too long");
    read_exactly(peer, p, *count);
    return head[0];
}

static void sub_item(struct message *m, uint8_t type, const char *text) {
    uint8_t head[4] = {type, 0};
    put_be16(head + 2, (uint16_t)strlen(text));
    append(m, head, sizeof head);
    append(m, text, strlen(text));
}

static void title(struct message *m, const char *text) {
    char padded[17];
    snprintf(padded, sizeof padded, "%-16s", text);
    append(m, padded, 16);
}

// Opens an association for one context; `maximum` becomes the longest PDU to send.
static int associate(const struct meta *kind, size_t *maximum) {
    struct sockaddr_in address = loopback(port);
    int peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(peer, (struct sockaddr *)&address, sizeof address)) fail("connect");
    option(peer, TCP_NODELAY);

    struct message m = {.count = 6};
    uint8_t zeros[32] = {0}, context[8] = {0x20, 0, 0, 0, CONTEXT, 0, 0, 0};
    append(&m, "\0\1\0\0", 4);
    title(&m, called);
    title(&m, calling);
    append(&m, zeros, sizeof zeros);
    sub_item(&m, 0x10, APPLICATION_CONTEXT);
    put_be16(context + 2, (uint16_t)(4 + 8 + strlen(kind->sop_class) + strlen(kind->transfer_syntax)));
    append(&m, context, sizeof context);
    sub_item(&m, 0x30, kind->sop_class);
    sub_item(&m, 0x40, kind->transfer_syntax);
    uint8_t user[12] = {0x50, 0, 0, 0, 0x51, 0, 0, 4};
    put_be16(user + 2, 8 + 4 + sizeof IMPLEMENTATION_CLASS_UID - 1);
    put_be32(user + 8, OUR_MAXIMUM);
    append(&m, user, sizeof user);
    sub_item(&m, 0x52, IMPLEMENTATION_CLASS_UID);
    m.bytes[0] = ASSOCIATE_RQ, m.bytes[1] = 0;
    put_be32(m.bytes + 2, (uint32_t)m.count - 6);
    send_all(peer, m.bytes, m.count, 0);

    uint8_t answer[8192];
    size_t count;
    errno = 0;
    if (read_pdu(peer, answer, sizeof answer, &count) != ASSOCIATE_AC) fail("association rejected");
    *maximum = longest;
    for (size_t at = 68; at + 4 <= count; at += 4 + be16(answer + at + 2)) {
        if (answer[at] == 0x21 && answer[at + 6]) fail("presentation context refused");
        if (answer[at] != 0x50) continue;
        size_t end = at + 4 + be16(answer + at + 2);
        for (size_t sub = at + 4; sub + 8 <= end && end <= count; sub += 4 + be16(answer + sub + 2)) {
            size_t theirs = answer[sub] == 0x51 ? be32(answer + sub + 4) : 0;
            if (theirs && theirs < *maximum) *maximum = theirs;
        }
    }
    return peer;
}

static void write_all(int peer, struct iovec *v, int count) {
    while (count) {
        ssize_t sent = writev(peer, v, count);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) fail("writev");
        advance(&v, &count, (size_t)sent);
    }
}

static void begin_store(struct message *m, const struct meta *kind, uint16_t message_id) {
    begin_command(m);
    command_element(m, 0x0002, kind->sop_class, strlen(kind->sop_class));
    command_number(m, 0x0100, 0x0001);
    command_number(m, 0x0110, message_id);
    command_number(m, 0x0700, 0);
    command_number(m, 0x0800, 0);
    command_element(m, 0x1000, kind->sop_instance, strlen(kind->sop_instance));
    end_command(m, CONTEXT);
}

// Sends a data set made of `head` and then `count` bytes: from `bytes`, or zeros where that is null.
static void send_instance(int peer, const struct meta *kind, uint16_t message_id, size_t maximum,
                          const struct message *head, const uint8_t *bytes, uint64_t count) {
    static uint8_t zeros[ZEROS];
    struct message command;
    size_t chunk = (maximum - 6) & ~(size_t)1;
    uint64_t done = 0, total = head->count + count;
    begin_store(&command, kind, message_id);
    while (done < total) {
        uint8_t pdu[PDATA_HEAD];
        struct iovec v[4];
        int pieces = 0;
        size_t left = total - done < chunk ? (size_t)(total - done) : chunk;
        put_pdata_head(pdu, left, CONTEXT, done + left == total ? PDV_LAST : 0);
        if (done == 0) v[pieces++] = (struct iovec){command.bytes, command.count};
        v[pieces++] = (struct iovec){pdu, sizeof pdu};
        if (done < head->count) {
            size_t part = head->count - done < left ? head->count - done : left;
            v[pieces++] = (struct iovec){(uint8_t *)head->bytes + done, part};
            done += part, left -= part;
        }
        if (left) {
            const uint8_t *from = bytes ? bytes + (done - head->count) : zeros;
            if (!bytes && left > ZEROS) fail("PDU too long");
            v[pieces++] = (struct iovec){(uint8_t *)from, left};
            done += left;
        }
        write_all(peer, v, pieces);
    }
    atomic_fetch_add(&totals->bytes, total);
    atomic_fetch_add(&totals->instances, 1);
}

static void read_answer(int peer) {
    uint8_t answer[OUR_MAXIMUM];
    size_t count;
    int status = -1;
    if (read_pdu(peer, answer, sizeof answer, &count) != P_DATA_TF) fail("no C-STORE-RSP");
    for (size_t at = 6; at + 8 <= count; at += 8 + le32(answer + at + 4)) {
        if (le16(answer + at + 2) == 0x0900) status = le16(answer + at + 8);
    }
    if (status) {
        if (!atomic_fetch_add(&totals->failed, 1)) fprintf(stderr, "status %04x\n", (unsigned)status);
    }
}

static void wait_for_all(void) {
    atomic_fetch_add(&totals->open, 1);
    while (atomic_load(&totals->open) < associations) usleep(500);
}

static void release(int peer) {
    uint8_t request[10] = {RELEASE_RQ, 0, 0, 0, 0, 4}, answer[64];
    size_t count;
    send_all(peer, request, sizeof request, 0);
    read_pdu(peer, answer, sizeof answer, &count);
    close(peer);
}

static void send_files(int first) {
    static const struct message nothing;
    size_t maximum = 0, step = (size_t)associations;
    int peer = -1;
    struct meta kind = {0};
    uint16_t message_id = 0;
    for (size_t k = (size_t)first; k < path_count; k += step) {
        struct stat status;
        int file = open(paths[k], O_RDONLY | O_CLOEXEC);
        if (file < 0 || fstat(file, &status)) fail(paths[k]);
        size_t size = (size_t)status.st_size;
        const uint8_t *p = mmap(NULL, size, PROT_READ, MAP_SHARED | MAP_POPULATE, file, 0);
        if (p == MAP_FAILED) fail("mmap");
        close(file);
        struct meta m = read_meta(p, size);
        if (peer < 0) {
            kind = m;
            peer = associate(&kind, &maximum);
            wait_for_all();
        } else if (strcmp(m.sop_class, kind.sop_class) || strcmp(m.transfer_syntax, kind.transfer_syntax)) {
            fail("files of several kinds");
        }
        send_instance(peer, &m, ++message_id, maximum, &nothing, p + m.data_set, size - m.data_set);
        munmap((void *)p, size);
        read_answer(peer);
    }
    if (peer >= 0) release(peer);
    else wait_for_all();
}

static void random_uid(char *uid) {
    uint64_t parts[2];
    if (getrandom(parts, sizeof parts, 0) != sizeof parts) fail("getrandom");
    snprintf(uid, UID_SIZE, "2.25.1%018llu%018llu", (unsigned long long)(parts[0] % 1000000000000000000ULL),
             (unsigned long long)(parts[1] % 1000000000000000000ULL));
}

static void text(struct message *m, uint16_t group, uint16_t number, const char *vr, const char *value) {
    explicit_element(m, group, number, vr, value, strlen(value));
}

static void number(struct message *m, uint16_t element, uint16_t value) {
    uint8_t bytes[2];
    put_le16(bytes, value);
    explicit_element(m, 0x0028, element, "US", bytes, sizeof bytes);
}

// Frames of 1024 x 1024 x 16 bits, all zero. The length has 32 bits and is even.
static void send_synthetic(void) {
    struct meta kind = {.sop_class = "1.2.840.10008.5.1.4.1.1.7.3", .transfer_syntax = "1.2.840.10008.1.2.1"};
    struct message head = {0};
    char study[UID_SIZE], series[UID_SIZE], frames[16];
    uint32_t frame_size = 1024 * 1024 * 2;
    size_t maximum;
    random_uid(kind.sop_instance), random_uid(study), random_uid(series);
    snprintf(frames, sizeof frames, "%llu", (unsigned long long)((synthetic + frame_size - 1) / frame_size));
    text(&head, 0x0008, 0x0016, "UI", kind.sop_class);
    text(&head, 0x0008, 0x0018, "UI", kind.sop_instance);
    text(&head, 0x0008, 0x0060, "CS", "OT");
    text(&head, 0x0010, 0x0020, "LO", "FICTIF-LONG ");
    text(&head, 0x0020, 0x000D, "UI", study);
    text(&head, 0x0020, 0x000E, "UI", series);
    text(&head, 0x0020, 0x0013, "IS", "1 ");
    number(&head, 0x0002, 1);
    text(&head, 0x0028, 0x0004, "CS", "MONOCHROME2 ");
    if (strlen(frames) % 2) strcat(frames, " ");
    text(&head, 0x0028, 0x0008, "IS", frames);
    number(&head, 0x0010, 1024), number(&head, 0x0011, 1024), number(&head, 0x0100, 16);
    number(&head, 0x0101, 16), number(&head, 0x0102, 15), number(&head, 0x0103, 0);
    uint8_t pixel_data[12] = {0xE0, 0x7F, 0x10, 0x00, 'O', 'W'};
    put_le32(pixel_data + 8, (uint32_t)synthetic);
    append(&head, pixel_data, sizeof pixel_data);
    int peer = associate(&kind, &maximum);
    wait_for_all();
    send_instance(peer, &kind, 1, maximum, &head, NULL, synthetic);
    read_answer(peer);
    release(peer);
}

static int compare_paths(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list_files(const char *directory) {
    DIR *d = opendir(directory);
    struct dirent *entry;
    if (!d) fail(directory);
    while ((entry = readdir(d))) {
        if (entry->d_name[0] == '.') continue;
        paths = realloc(paths, (path_count + 1) * sizeof *paths);
        if (!paths || asprintf(&paths[path_count++], "%s/%s", directory, entry->d_name) < 0) fail("memory");
    }
    closedir(d);
    qsort(paths, path_count, sizeof *paths, compare_paths);
}

int main(int count, char **arguments) {
    const char *directory = NULL;
    for (int k = 1; k < count; k++) {
        const char *word = arguments[k], *value = k + 1 < count ? arguments[k + 1] : "";
        if (!strcmp(word, "--calling")) calling = value, k++;
        else if (!strcmp(word, "--called")) called = value, k++;
        else if (!strcmp(word, "--pdu")) longest = strtoul(value, NULL, 10), k++;
        else if (!strcmp(word, "--associations")) associations = atoi(value), k++;
        else if (!strcmp(word, "--synthetic")) synthetic = strtoull(value, NULL, 10) & ~1ULL, k++;
        else if (!port) port = atoi(word);
        else directory = word;
    }
    if (!port || (!directory && !synthetic) || longest < 64 || longest > ZEROS || associations < 1
        || synthetic > 0xFFFFFFFEULL) {
        fprintf(stderr, "usage: cstore_scu [--calling T] [--called T] [--pdu N] [--associations N] PORT"
                        " DIR|--synthetic N\n");
        return 2;
    }
    if (directory) list_files(directory);
    totals = mmap(NULL, sizeof *totals, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (totals == MAP_FAILED) fail("mmap");

    double start = seconds();
    for (int k = 0; k < associations; k++) {
        pid_t child = associations == 1 ? 0 : fork();
        if (child < 0) fail("fork");
        if (child > 0) continue;
        if (synthetic) send_synthetic();
        else send_files(k);
        if (associations > 1) _exit(0);
    }
    int status, broken = 0;
    while (associations > 1 && wait(&status) > 0) broken += status != 0;
    int failed = atomic_load(&totals->failed) + broken;
    printf("{\"instances\": %lu, \"bytes\": %lu, \"seconds\": %.4f, \"failed\": %d}\n",
           atomic_load(&totals->instances), atomic_load(&totals->bytes), seconds() - start, failed);
    return failed != 0;
}
