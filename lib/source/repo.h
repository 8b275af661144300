/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/source/repo.h - what the files of this folder share: the open repository
 * and the way from libgit2's errors to relctl's. Not for other folders.
 */
#ifndef REL_SOURCE_REPO_H
#define REL_SOURCE_REPO_H

#include "source/git.h"

#include <git2.h>

struct rel_git {
	git_repository *repo;
	git_odb *odb;
	git_config *config; /* a snapshot of the repository's own */
	char *top;	    /* no slash at the end */
	struct rel_sha1 *sha1;
};

/* The path without the slashes at its end; the caller frees. */
char *rel_git_path_trim(const char *path);

/*
 * The error for libgit2's ${code}, in its own words after "${fmt}: ".
 * REL_EIO when the system refused, REL_EINTEGRITY when bytes are not what
 * their name says or can't be unpacked, else REL_EINVALID.
 */
int rel_git_fail(struct rel_err *err, int code, const char *fmt, ...)
	REL_PRINTF(3, 4);

/*
 * The same for an object; ${path} is where the tree has it, "" at the top.
 * An absent one is REL_ENOTFOUND with the command that gets it.
 */
int rel_git_fail_object(const struct rel_git *g, int code, const git_oid *id,
	const char *path, struct rel_err *err);

/* The bytes of an object, as the repository says before it is unpacked. Errors:
 * rel_git_fail_object's. */
int rel_git_size(struct rel_git *g, const git_oid *id, const char *path,
	size_t *ret, struct rel_err *err) REL_CHECK;

/*
 * The one way to an object's bytes: read, and compared with its name. The
 * caller frees it. Errors: rel_git_fail_object's, REL_EINTEGRITY.
 */
int rel_git_read(struct rel_git *g, const git_oid *id, const char *path,
	git_odb_object **ret, struct rel_err *err) REL_CHECK;

/* A path for a message: escaped, and cut when it is long. */
void rel_git_show_path(struct rel_buf *out, const char *path);

/* Set the hint that says how to get what a clone left out, or what to check. */
int rel_git_hint_absent(const struct rel_git *g, struct rel_err *err);

/* Fill *ret from a commit object. */
void rel_git_commit_read(const git_commit *c, struct rel_git_commit *ret);

#endif
