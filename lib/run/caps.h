/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/run/caps.h - root without the power over other people's files.
 *
 * CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH and CAP_FOWNER are what lets
 * root write to a read-only file of somebody else, and through a hard link to
 * the tree of the rollback target.
 */
#ifndef REL_RUN_CAPS_H
#define REL_RUN_CAPS_H

#include "base/err.h"

/*
 * Take them out of every set of this process: bounding (so that no program
 * that is executed, setuid ones included, gets them again), ambient,
 * inheritable, permitted, effective. For a child between fork and execve:
 * makes nothing but system calls. Returns -1 and sets errno.
 */
int rel_caps_drop(void) REL_CHECK;

#endif
