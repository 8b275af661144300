/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/build/entries.h - the entries of a commit's tree, with what the options
 * make of them, on their way into an artifact, or into a tar that a build
 * command will work on. Stage build.
 */
#ifndef REL_BUILD_ENTRIES_H
#define REL_BUILD_ENTRIES_H

#include "build/build.h"
#include "build/lfs.h"
#include "build/maker.h"
#include "build/survey.h"

struct rel_entries { /* the rest 0; rel_entries_done after */
	const struct rel_build_options *opt;
	const struct rel_events *events;
	struct rel_git *git;
	struct rel_pool *pool; /* that reads ahead */
	struct rel_survey *survey;
	/* Where they go: one of the two. With a pack, links that leave the tree
	 * are no exceptions yet: the command may take them away. */
	struct rel_maker *maker;
	struct rel_pack *pack;
	/* its own */
	struct rel_lfs_found lfs; /* pointers that nothing allows */
	struct rel_buf object;	  /* of git-lfs; a link's target */
	uint64_t done;		  /* content bytes, for the progress */
};
void rel_entries_done(struct rel_entries *s); /* for REL_AUTO too */

/* The entries whose names in the tar are from ${from} up to, and not with,
 * ${until}; NULL: the beginning, the end. Errors: rel_git_*'s, the maker's,
 * REL_EINVALID. */
int rel_entries_range(struct rel_entries *s, const char *tree, const char *from,
	const char *until, struct rel_err *err) REL_CHECK;

/* All were there: is there one that nothing allows? Errors: REL_EINVALID. */
int rel_entries_end(struct rel_entries *s, struct rel_err *err) REL_CHECK;

#endif
