/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/build/workspace.h - the private, writable copy of a commit's tree that a
 * build command works on, under the store's tmp/. Stage build.
 *
 * Who has one holds the store's shared lock: what is in tmp/ without a lock is
 * swept away.
 */
#ifndef REL_BUILD_WORKSPACE_H
#define REL_BUILD_WORKSPACE_H

#include "build/maker.h"
#include "build/survey.h"
#include "store/tree.h"

struct rel_workspace { /* { 0 } before; rel_workspace_done after */
	struct rel_tree *tree;
	char *path; /* absolute */
};
void rel_workspace_done(struct rel_workspace *w); /* for REL_AUTO too */

/*
 * Unpack the tar (plain or in zstd frames) that ${fd} holds, from its first
 * byte: files 0644 or 0755, directories 0755, all with one mtime.
 */
int rel_workspace_fill(struct rel_home *h, int fd, int64_t mtime_s,
	struct rel_workspace *ret, struct rel_err *err) REL_CHECK;
int rel_workspace_dirfd(const struct rel_workspace *w);

/* Everything that is in it, as entries of an artifact. Nobody else may be at
 * work in it any more. Errors: rel_folder_next's, the maker's. */
int rel_workspace_pack(const struct rel_workspace *w, bool allow_external,
	struct rel_maker *m, struct rel_survey *survey,
	const struct rel_events *events, struct rel_err *err) REL_CHECK;

/* The first entry in which two differ, as "'PATH': what" added to ${out}. */
int rel_workspace_compare(const struct rel_workspace *a,
	const struct rel_workspace *b, struct rel_buf *out,
	struct rel_err *err) REL_CHECK;

#endif
