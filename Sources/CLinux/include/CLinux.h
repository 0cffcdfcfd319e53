/* SPDX-License-Identifier: Apache-2.0
 * The calls and constants that Swift's Glibc module does not show. One function is one call; it returns the
 * raw result and leaves errno alone. Only the room Linux imports this. */
#ifndef CLINUX_H
#define CLINUX_H

#ifndef __linux__
#error "the DRIMbox runs on Linux"
#endif

#include <semaphore.h>
#include <spawn.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

/* fallocate is declared under _GNU_SOURCE only. */
int clinux_fallocate_keep_size(int fd, off_t offset, off_t length);

/* malloc.h is not in the module. */
int clinux_malloc_trim(void);

/* struct ucred is declared under _GNU_SOURCE only. */
struct clinux_credentials {
    int32_t pid;
    uint32_t uid;
    uint32_t gid;
};
int clinux_peer_credentials(int fd, struct clinux_credentials *credentials);

/* prctl is variadic. */
int clinux_set_parent_death_signal(int signal);

/* accept4 is declared under _GNU_SOURCE only. */
int clinux_accept_close_on_exec(int fd);

/* One message and open descriptors with it (SCM_RIGHTS, unix(7)); the CMSG macros are not importable. */
#define CLINUX_MESSAGE_DESCRIPTORS 4
ssize_t clinux_send_message(int socket, const void *bytes, size_t count, const int *descriptors,
                            int descriptor_count);
/* `descriptors` has room for CLINUX_MESSAGE_DESCRIPTORS; they are the caller's to close. */
ssize_t clinux_receive_message(int socket, void *bytes, size_t capacity, int *descriptors,
                               int *descriptor_count);

/* Casting macros of <sys/wait.h>. */
int clinux_exited(int status);
int clinux_exit_status(int status);
int clinux_term_signal(int status);

/* TCP_QUICKACK and TCP_CORK are missing from Glibc's importable constants on some releases. */
extern const int clinux_TCP_QUICKACK;
extern const int clinux_TCP_CORK;

/* sem_clockwait is declared under _GNU_SOURCE only. */
int clinux_sem_wait_monotonic(sem_t *semaphore, const struct timespec *end);

/* O_TMPFILE is declared under _GNU_SOURCE only. */
extern const int clinux_O_TMPFILE;

/* <crypt.h> (crypt(5)): text with its closing NUL into `result`; 0, or -1 where it does not fit or is not made. */
int clinux_password_salt(char *result, int size);
int clinux_password_hash(const char *password, const char *settings, char *result, int size);

/* O_DIRECT is declared under _GNU_SOURCE only. */
extern const int clinux_O_DIRECT;

/* ioctl is variadic. Bytes of a block device (BLKGETSIZE64), or -1. */
int64_t clinux_block_device_size(int fd);

/* posix_spawn_file_actions_addclosefrom_np is declared under _GNU_SOURCE only. */
int clinux_spawn_close_from(posix_spawn_file_actions_t *actions, int first);

/* A netlink socket for the kernel's device events; -1 where it is not permitted. */
int clinux_uevent_socket(void);

#endif
