// SPDX-License-Identifier: Apache-2.0
// The floor of a WADO-RS series: any GET is answered with all files of DIR as multipart/related.
//
//   wado PORT DIR SEGMENT
//
// The files are copied into SEGMENT once, at the start; a part is then (offset, length) in one open file,
// as in a spool. Per part one send of its header with MSG_MORE and one sendfile. One client at a time.
#define _GNU_SOURCE
#include "dicom.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#define BOUNDARY "7d1f4f2c9a3b4e60"
#define CLOSING "\r\n--" BOUNDARY "--\r\n"

struct part {
    off_t offset;
    size_t length;
    char header[160];
    size_t header_length;
};

static struct part *parts;
static size_t part_count;
static int segment;
static unsigned long long content_length = sizeof CLOSING - 1;

static void add_part(const char *path, off_t *end) {
    struct stat status;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &status)) fail(path);
    parts = realloc(parts, (part_count + 1) * sizeof *parts);
    if (!parts) fail("memory");
    struct part *p = &parts[part_count++];
    p->offset = *end, p->length = (size_t)status.st_size;
    // RFC 2046 5.1.1: the CRLF in front of the first delimiter belongs to an empty preamble.
    p->header_length = (size_t)snprintf(
        p->header, sizeof p->header,
        "\r\n--" BOUNDARY "\r\nContent-Type: application/dicom\r\nContent-Length: %zu\r\n\r\n", p->length);
    content_length += p->header_length + p->length;
    off_t from = 0;
    while (from < status.st_size) {
        ssize_t copied = copy_file_range(file, &from, segment, end, p->length - (size_t)from, 0);
        if (copied <= 0) fail("copy_file_range");
    }
    close(file);
}

static int by_name(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void load(const char *directory) {
    struct dirent **entries;
    char path[4096];
    off_t end = 0;
    int count = scandir(directory, &entries, NULL, by_name);
    if (count < 0) fail(directory);
    for (int k = 0; k < count; k++) {
        if (entries[k]->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s/%s", directory, entries[k]->d_name);
        add_part(path, &end);
    }
}

// False when the client went away.
static int send_part(int client, const struct part *p) {
    off_t offset = p->offset, end = p->offset + (off_t)p->length;
    ssize_t sent = send(client, p->header, p->header_length, MSG_MORE | MSG_NOSIGNAL);
    if (sent != (ssize_t)p->header_length) return 0;
    while (offset < end) {
        if (sendfile(client, segment, &offset, (size_t)(end - offset)) <= 0) return 0;
    }
    return 1;
}

static int read_request(int client) {
    char request[16384];
    size_t count = 0;
    while (count < sizeof request - 1) {
        ssize_t received = recv(client, request + count, sizeof request - 1 - count, 0);
        if (received <= 0) return 0;
        count += (size_t)received;
        request[count] = 0;
        if (strstr(request, "\r\n\r\n")) return 1;
    }
    return 0;
}

static void serve(int client) {
    char head[512];
    int count = snprintf(head, sizeof head,
                         "HTTP/1.1 200 OK\r\n"
                         "Content-Type: multipart/related; type=\"application/dicom\";"
                         " boundary=" BOUNDARY "\r\n"
                         "Content-Length: %llu\r\n\r\n", content_length);
    while (read_request(client)) {
        size_t k = 0;
        if (send(client, head, (size_t)count, MSG_MORE | MSG_NOSIGNAL) != count) return;
        while (k < part_count && send_part(client, &parts[k])) k++;
        if (k < part_count) return;
        if (send(client, CLOSING, sizeof CLOSING - 1, MSG_NOSIGNAL) < 0) return;
    }
}

int main(int count, char **arguments) {
    if (count != 4) {
        fprintf(stderr, "usage: wado PORT DIR SEGMENT\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    segment = open(arguments[3], O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0644);
    if (segment < 0) fail(arguments[3]);
    load(arguments[2]);
    int listener = listen_on(atoi(arguments[1]));
    for (;;) {
        int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (client < 0) continue;
        option(client, TCP_NODELAY);
        serve(client);
        close(client);
    }
}
