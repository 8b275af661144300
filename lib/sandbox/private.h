/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/sandbox/private.h - the private directory of level landlock, where the
 * app may write: /tmp/relctl-XXXXXX, TMPDIR. For lib/sandbox alone.
 *
 * Its keeper holds a lock (flock) on it, so that what a relctl that was killed
 * left behind is known for that, and cleared away by the next one.
 */
#ifndef REL_SANDBOX_PRIVATE_H
#define REL_SANDBOX_PRIVATE_H

#include "base/err.h"

/* Clear away what is left of others, and make one; *ret_fd, locked, is for the
 * keeper. The caller frees *ret. Errors: REL_EIO. */
int rel_private_make(char **ret, int *ret_fd, struct rel_err *err) REL_CHECK;

/* Remove it with all that is in it, and free; of NULL nothing. */
void rel_private_done(char **path);

#endif
