/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <malloc.h>
#include <crypt.h>
#include <linux/fs.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <unistd.h>
#include "CLinux.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

_Static_assert(sizeof(struct clinux_credentials) == sizeof(struct ucred), "struct ucred");

const int clinux_TCP_QUICKACK = TCP_QUICKACK;
const int clinux_TCP_CORK = TCP_CORK;
const int clinux_O_TMPFILE = O_TMPFILE;
const int clinux_O_DIRECT = O_DIRECT;

int64_t clinux_block_device_size(int fd) {
    uint64_t size = 0;
    if (ioctl(fd, BLKGETSIZE64, &size) != 0) return -1;
    return size > INT64_MAX ? INT64_MAX : (int64_t)size;
}

int clinux_malloc_trim(void) { return malloc_trim(0); }

int clinux_fallocate_keep_size(int fd, off_t offset, off_t length) {
    return fallocate(fd, FALLOC_FL_KEEP_SIZE, offset, length);
}

int clinux_peer_credentials(int fd, struct clinux_credentials *credentials) {
    socklen_t length = sizeof(*credentials);
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, credentials, &length);
}

int clinux_set_parent_death_signal(int signal) {
    return prctl(PR_SET_PDEATHSIG, (unsigned long)signal, 0, 0, 0);
}

int clinux_accept_close_on_exec(int fd) { return accept4(fd, NULL, NULL, SOCK_CLOEXEC); }

int clinux_sem_wait_monotonic(sem_t *semaphore, const struct timespec *end) {
    return sem_clockwait(semaphore, CLOCK_MONOTONIC, end);
}

int clinux_exited(int status) { return WIFEXITED(status); }
int clinux_exit_status(int status) { return WEXITSTATUS(status); }
int clinux_term_signal(int status) { return WIFSIGNALED(status) ? WTERMSIG(status) : 0; }

ssize_t clinux_send_message(int socket, const void *bytes, size_t count, const int *descriptors,
                            int descriptor_count) {
    struct iovec piece = {(void *)bytes, count};
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int) * CLINUX_MESSAGE_DESCRIPTORS)];
    } control = {0};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    if (descriptor_count > 0) {
        const size_t size = sizeof(int) * (size_t)descriptor_count;
        message.msg_control = control.room;
        message.msg_controllen = CMSG_SPACE(size);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(size);
        memcpy(CMSG_DATA(header), descriptors, size);
    }
    return sendmsg(socket, &message, MSG_NOSIGNAL);
}

ssize_t clinux_receive_message(int socket, void *bytes, size_t capacity, int *descriptors,
                               int *descriptor_count) {
    struct iovec piece = {bytes, capacity};
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int) * CLINUX_MESSAGE_DESCRIPTORS)];
    } control = {0};
    struct msghdr message = {
        .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room};
    const ssize_t count = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    *descriptor_count = 0;
    if (count < 0) return count;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        *descriptor_count = (int)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        memcpy(descriptors, CMSG_DATA(header), sizeof(int) * (size_t)*descriptor_count);
    }
    return count;
}

int clinux_password_salt(char *result, int size) {
    return crypt_gensalt_rn("$y$", 0, NULL, 0, result, size) ? 0 : -1;
}

int clinux_password_hash(const char *password, const char *settings, char *result, int size) {
    struct crypt_data *data = calloc(1, sizeof *data);
    if (!data) return -1;
    const char *hash = crypt_rn(password, settings, data, sizeof *data);
    const size_t length = hash ? strlen(hash) : 0;
    const int fits = hash && hash[0] != '*' && length < (size_t)size;
    if (fits) memcpy(result, hash, length + 1);
    explicit_bzero(data, sizeof *data);
    free(data);
    return fits ? 0 : -1;
}

int clinux_uevent_socket(void) {
    const int descriptor = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
    if (descriptor < 0) return -1;
    const struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = 1};
    if (bind(descriptor, (const struct sockaddr *)&address, sizeof address) == 0) return descriptor;
    close(descriptor);
    return -1;
}

int clinux_spawn_close_from(posix_spawn_file_actions_t *actions, int first) {
    return posix_spawn_file_actions_addclosefrom_np(actions, first);
}
