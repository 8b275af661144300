/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/sandbox/seccomp.h - the system calls that no app needs.
 */
#ifndef REL_SANDBOX_SECCOMP_H
#define REL_SANDBOX_SECCOMP_H

#include "base/err.h"

#include <stdbool.h>

/*
 * Refuse, for this process and all it starts: mounts and roots, namespaces
 * (setns, unshare, clone with CLONE_NEW…; clone3, whose flags a filter cannot
 * see, is ENOSYS, so that the C library takes clone), ptrace and other
 * processes' memory, modules, bpf, perf, userfaultfd, keys, io_uring (ENOSYS),
 * device nodes, raw handles, clocks, names of the host, swap, reboot, kexec,
 * TIOCSTI and TIOCLINUX, and all calls of another architecture than our own
 * (x32 included). EPERM unless said otherwise. no_new_privs is set already.
 * For a child between fork and execve: makes nothing but system calls.
 * Returns -1 and sets errno.
 */
int rel_seccomp_enter(void) REL_CHECK;

/*
 * After rel_seccomp_enter: refuse sockets (EAFNOSUPPORT) but those of AF_UNIX,
 * and of AF_NETLINK, which without capabilities only asks the kernel.
 */
int rel_seccomp_no_network(void) REL_CHECK;

/* Does this kernel have filters? */
bool rel_seccomp_there(void);

#endif
