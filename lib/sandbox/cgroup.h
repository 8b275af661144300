/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/sandbox/cgroup.h - cgroups of our own beside or beneath the one that we
 * are in. Mechanism; for limits.c.
 *
 * They are called relctl-PID-RANDOM, after who made them, and are removed by
 * whoever makes the next one there when that process is gone.
 */
#ifndef REL_SANDBOX_CGROUP_H
#define REL_SANDBOX_CGROUP_H

#include <stdbool.h>

/*
 * A new cgroup of version 2 in which ${controller} works, or NULL: where we are
 * if that is the root, else beside us, else beneath us. For the last, processes
 * must not be where the controller is shared out, so this process moves to a
 * cgroup "relctl" beneath; only if it is the only one there. The caller frees.
 */
char *rel_cgroup_make_v2(const char *controller);

/* Let ${controller} work in ${dir}, one of the above, too. */
bool rel_cgroup_add_v2(const char *dir, const char *controller);

/* A new cgroup of version 1 in the hierarchy of ${controller}, or NULL. */
char *rel_cgroup_make_v1(const char *controller);

/* Write one of its files; false, and errno. */
bool rel_cgroup_write(const char *dir, const char *file, const char *text);

/* Remove it, with a wait of at most 200 ms for what has just died in it. */
void rel_cgroup_remove(const char *dir);

#endif
