/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/sandbox/caps.h - root without the power over other people's files, or
 * without any. Mechanism.
 *
 * CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH and CAP_FOWNER are what lets
 * root write to a read-only file of somebody else, and through a hard link to
 * the tree of the rollback target.
 *
 * Both are for a child between fork and execve: they make nothing but system
 * calls, return -1 and set errno.
 */
#ifndef REL_SANDBOX_CAPS_H
#define REL_SANDBOX_CAPS_H

#include "base/err.h"

/*
 * Take them out of every set of this process: bounding (so that no program
 * that is executed, setuid ones included, gets them again), ambient,
 * inheritable, permitted, effective.
 */
int rel_caps_drop(void) REL_CHECK;

/*
 * Empty every set, for good. Who may not touch the bounding set (it takes
 * CAP_SETPCAP) must have set no_new_privs: then no execve gives back what is
 * in there, and the set is left as it is.
 */
int rel_caps_drop_all(void) REL_CHECK;

#endif
