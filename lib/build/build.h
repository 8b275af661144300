/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/build/build.h - a commit of a git repository becomes an artifact.
 * Stage build; the only stage that knows git. Of the repository nothing is
 * executed but the `build:` line of the Procfile, in a sandbox.
 */
#ifndef REL_BUILD_BUILD_H
#define REL_BUILD_BUILD_H

#include "home/artifact.h"
#include "sandbox/sandbox.h"
#include "source/git.h"

enum rel_submodules {
	REL_SUBMODULES_ERROR,
	REL_SUBMODULES_EMPTY, /* an empty directory */
};

enum rel_lfs {
	REL_LFS_ERROR,
	REL_LFS_POINTER, /* keep the pointer file */
	REL_LFS_LOCAL,	 /* the object out of .git/lfs/objects */
};

struct rel_build_options {
	bool allow_external; /* symlinks that leave the tree */
	enum rel_submodules submodules;
	enum rel_lfs lfs;
	bool check; /* build from nothing and compare with what is recorded */
	/* For a build command; AUTO is never less than landlock. */
	enum rel_isolation isolation;
	bool network;
};

struct rel_build_result {
	struct rel_git_commit commit;
	struct rel_id artifact;
	bool known;	   /* the same tree was built before, and is whole */
	bool other_commit; /* … from other commits than this one */
	bool command;	   /* it is what a build command has made */
	enum rel_isolation isolation; /* … in this */
	int signal; /* that ended the build, 0: none; then it fails */
	uint64_t entries;
	uint64_t size;	    /* of the tar, bytes */
	uint64_t new_bytes; /* of chunks that the store did not have */
};

/*
 * Build ${rev}. The same tree with the same options, built before and whole,
 * is not built again (a commit that is new gets its event all the same). With
 * a build command it must have been the same commit, too; check builds twice
 * then, and compares the two. The command writes to stderr (fd 2).
 * Errors: rel_git_*'s; REL_EINVALID (the tree); REL_EDIFFERENT (check);
 * REL_ECOMMAND (the command failed); REL_EREFUSED (the isolation cannot be
 * had).
 */
int rel_build(struct rel_home *h, struct rel_git *g, const char *rev,
	const struct rel_build_options *opt, struct rel_build_result *ret,
	struct rel_err *err) REL_CHECK;

#endif
