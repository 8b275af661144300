/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/run/spawn.h - start one child and hold on to it by a pidfd.
 *
 * Before it starts a child the caller sees to it that SIGCHLD is not ignored,
 * and blocks SIGTTOU and the signals that it wants to pass on: then none is
 * lost. The child gets an empty mask, default dispositions and no fd above 2.
 */
#ifndef REL_RUN_SPAWN_H
#define REL_RUN_SPAWN_H

#include "base/err.h"
#include "run/process.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct rel_child {
	pid_t pid;	    /* also its process group */
	int pidfd;	    /* -1: there is no child */
	int status;	    /* once it has ended, or could not be invoked */
	int64_t started_ms; /* rel_monotonic_ms */
};

/*
 * Start ${argv} in ${tree_fd} with ${env}, as a process group of its own,
 * which is put in the foreground of the terminal at stdin when ${foreground}.
 * Returns after execve. When that failed there is no child (pidfd -1), status
 * is 126 or 127, err->msg says why, and the return is still 0.
 * Errors: REL_EIO for what fails before execve.
 */
int rel_child_spawn(int tree_fd, const struct rel_strings *argv,
	const struct rel_strings *env, bool foreground, struct rel_child *ret,
	struct rel_err *err) REL_CHECK;

/* Once the pidfd is readable: sets status (128+n for signal n), closes it. */
int rel_child_reap(struct rel_child *c, struct rel_err *err) REL_CHECK;

/* Has it been stopped (not ended) since the last call? */
bool rel_child_stopped(const struct rel_child *c);

/* Send a signal to its process group. */
void rel_child_signal(const struct rel_child *c, int sig);

#endif
