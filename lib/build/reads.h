/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/build/reads.h - the entries of a tree with their contents, read ahead by
 * a pool: a git handle for each worker, a bounded number of bytes in flight.
 * Stage build.
 */
#ifndef REL_BUILD_READS_H
#define REL_BUILD_READS_H

#include "base/pool.h"
#include "source/git.h"

struct rel_reads;

/* The entries of ${walk} whose names in the tar are before ${until} (NULL: all)
 * are read. All is borrowed until the end; ${git} is used by this thread. */
void rel_reads_begin(struct rel_pool *pool, struct rel_git *git,
	struct rel_git_walk *walk, const char *until, struct rel_reads **ret);

/*
 * The next entry; ${content} of blobs (else NULL). Both are valid until the
 * next call. *ret_more is false at the end. Errors: the walk's,
 * rel_git_content's, each when its entry's turn has come.
 */
int rel_reads_next(struct rel_reads *r, const struct rel_git_entry **ret,
	const struct rel_git_content **ret_content, bool *ret_more,
	struct rel_err *err) REL_CHECK;

void rel_reads_endp(struct rel_reads **r);

#endif
