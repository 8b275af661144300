/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/sandbox/landlock.h - what the kernel lets a process reach, without
 * namespaces. Structures are our own: the headers may be older than the kernel.
 */
#ifndef REL_SANDBOX_LANDLOCK_H
#define REL_SANDBOX_LANDLOCK_H

#include "sandbox/sandbox.h"

/* Version of the kernel's interface; 0: there is none. */
int rel_landlock_abi(void);

/*
 * A ruleset with the view of ${box}: the tree, /usr, /bin, /sbin, /lib*, /etc,
 * /opt, /nix, /proc to read and execute, the usual nodes of /dev and the
 * terminal that is inherited to read and write, ${tmp} (the private directory)
 * and the binds; of a place that holds something hidden everything beside it.
 * /dev/pts and /dev/shm are everybody's and stay out: no new terminals, and
 * shared memory by name only with a bind. Signals and abstract sockets stay
 * within, and TCP is refused with no_network, where the kernel can.
 * Whoever enters drops CAP_SYS_ADMIN and CAP_PERFMON, too: they read other
 * processes' memory past Landlock.
 * *ret_fd is the caller's. Errors: REL_EREFUSED (no Landlock, a bind that is
 * not there or that is hidden), REL_EIO.
 */
int rel_landlock_view(const struct rel_sandbox *box, const char *tmp,
	int *ret_fd, struct rel_err *err) REL_CHECK;

/* A ruleset that only keeps signals and abstract sockets within; *ret_fd -1
 * where the kernel cannot (before interface 6). */
int rel_landlock_scope(int *ret_fd, struct rel_err *err) REL_CHECK;

/* Enter it, for this process and all it starts; no_new_privs is set already.
 * System calls only. Returns -1 and sets errno. */
int rel_landlock_enter(int fd) REL_CHECK;

#endif
