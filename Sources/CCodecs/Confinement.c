/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "CCodecs.h"

#include <errno.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

/* Reading and writing what is open, memory, time, and ending. */
static const int allowed[] = {
    SCMP_SYS(read), SCMP_SYS(pread64), SCMP_SYS(write), SCMP_SYS(pwrite64), SCMP_SYS(readv), SCMP_SYS(writev),
    SCMP_SYS(lseek), SCMP_SYS(fstat), SCMP_SYS(newfstatat), SCMP_SYS(close), SCMP_SYS(recvmsg), SCMP_SYS(sendmsg),
    SCMP_SYS(recvfrom), SCMP_SYS(sendto), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(munmap), SCMP_SYS(mremap),
    SCMP_SYS(madvise), SCMP_SYS(brk), SCMP_SYS(futex), SCMP_SYS(sched_yield), SCMP_SYS(getrandom),
    SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday), SCMP_SYS(clock_nanosleep), SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigprocmask), SCMP_SYS(restart_syscall), SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(tgkill),
    SCMP_SYS(sysinfo), SCMP_SYS(exit), SCMP_SYS(exit_group),
};

int32_t ccodecs_confine(int64_t bytes) {
    const struct rlimit limit = {(rlim_t)bytes, (rlim_t)bytes};
    if (setrlimit(RLIMIT_AS, &limit) != 0) return errno;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (filter == 0) return ENOMEM;
    int code = 0;
    for (unsigned index = 0; code == 0 && index < sizeof allowed / sizeof *allowed; ++index) {
        code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[index], 0);
    }
    const int mapping[] = {SCMP_SYS(mmap), SCMP_SYS(mprotect)};
    for (unsigned index = 0; code == 0 && index < 2; ++index) {
        code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, mapping[index], 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    }
    if (code == 0) code = seccomp_load(filter);
    seccomp_release(filter);
    return -code;
}
