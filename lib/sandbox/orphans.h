/* SPDX-License-Identifier: Apache-2.0 */
/* lib/sandbox/orphans.h - the processes beneath one. For lib/sandbox and the
 * supervisor, where there is no namespace to end. */
#ifndef REL_SANDBOX_ORPHANS_H
#define REL_SANDBOX_ORPHANS_H

#include <stdint.h>
#include <sys/types.h>

/*
 * Send SIGKILL to every descendant of ${pid} (not to itself) that /proc shows
 * now. Returns how many. Who was forked in the meantime is found by the next
 * call: a subreaper repeats it until it has no children.
 */
int rel_orphans_kill(pid_t pid);

/* Resident memory of all descendants of ${pid}, bytes; what they share counts
 * for each of them. */
int64_t rel_orphans_memory(pid_t pid);

#endif
