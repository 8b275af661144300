/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/source/git.h - a git repository as a store of objects, by libgit2.
 * Mechanism; it includes base and crypto. No work tree, no index (but for
 * rel_git_dirty), no filters, no attributes, no replace refs, no hooks, no
 * configuration but the repository's own, no environment. Nothing is started.
 *
 * Threads: a struct rel_git belongs to one thread. Several may be open; the
 * first must be open before a second thread opens one, since libgit2 keeps its
 * settings for the whole process.
 */
#ifndef REL_SOURCE_GIT_H
#define REL_SOURCE_GIT_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct rel_git;

struct rel_git_commit {
	char id[41];	   /* hex */
	char tree[41];	   /* hex */
	int64_t time_s;	   /* the committer's, seconds since the epoch */
	char subject[121]; /* first line of the message, cut at a character */
};

/*
 * Open the repository at ${path} (work tree, .git or bare: REL_GIT_NAMED, read
 * whoever owns it), or the one that ${path} is in (walking up, like git does,
 * not across file systems): that one must belong to ${euid}, to ${sudo_uid}
 * (-1: none) or to root, else REL_EDENIED with the -C line as hint. Also
 * REL_ENOTFOUND (no repository here); REL_EINVALID (SHA-256 objects, or an
 * unknown extension; partial and sparse clones open).
 */
enum rel_git_how {
	REL_GIT_NAMED,
	REL_GIT_AROUND,
};
int rel_git_open(const char *path, enum rel_git_how how, uid_t euid,
	uid_t sudo_uid, struct rel_git **ret, struct rel_err *err) REL_CHECK;
void rel_git_closep(struct rel_git **g);

/*
 * ${rev} as git reads it (HEAD, a branch, v1.0, 3f2a91c, HEAD~2), peeled to a
 * commit. Errors: REL_ENOTFOUND (no such commit, also an unborn HEAD; a hint
 * for shallow clones), REL_EINVALID (ambiguous prefix; not a commit).
 */
int rel_git_commit(struct rel_git *g, const char *rev,
	struct rel_git_commit *ret, struct rel_err *err) REL_CHECK;

/*
 * The commits that ${to} has and ${from} has not, newest first, at most
 * ${limit}. ${fn} returns 0 to go on; anything else ends it and is returned.
 * Errors: rel_git_commit's, REL_ENOTFOUND (history that a shallow clone lacks).
 */
typedef int rel_git_log_fn(
	void *arg, const struct rel_git_commit *c, struct rel_err *err);
int rel_git_log(struct rel_git *g, const char *from, const char *to,
	size_t limit, rel_git_log_fn *fn, void *arg,
	struct rel_err *err) REL_CHECK;

/*
 * Where the repository comes from, without secrets: remote.origin.url, else the
 * absolute path of its git directory (the common one of linked work trees).
 *	scheme://…	user, password, query and fragment are dropped; for ssh
 *			the user stays, it is a part of the address
 *	[user@]host:path	as it is, but for a password
 *	a path		absolute, symlinks resolved if it is there
 * Added to ${out}.
 */
void rel_git_origin(struct rel_git *g, struct rel_buf *out);

/* Absolute path of the work tree's top, or of a bare repository; borrowed. */
const char *rel_git_top(struct rel_git *g);

/*
 * How many tracked files differ from ${commit}, in the index or in the work
 * tree, for the notice of `build`; 0 for a bare repository. A file whose stat
 * is the one in the index is not opened; else its raw bytes are hashed, so that
 * with core.autocrlf a file that was only touched counts too. No filter is run.
 * Errors: rel_git_commit's, the walk's, REL_EIO (the index).
 */
int rel_git_dirty(struct rel_git *g, const char *commit, size_t *ret,
	struct rel_err *err) REL_CHECK;

/* One entry of a tree object, as its bytes say, nothing normalised. */
struct rel_git_entry {
	const char *path; /* whole path from the root; NUL-terminated */
	size_t path_len;
	uint32_t mode; /* raw: 0100644, 0100755, 040000, 0120000, 0160000,
			* or whatever stands there */
	uint8_t oid[20];
	char hex[41]; /* of oid */
};

/*
 * Walk a tree depth first in the order of its objects: a directory, then what
 * is in it. Holds only the tree objects on the way down. Each entry's name is
 * checked by rel_name_check and the depth against REL_MAX_DEPTH, since they
 * make the path; mode and order are the caller's to judge (a 040000 entry is
 * descended into). The entry is valid until the next call.
 * *ret_more is false at the end. Errors: REL_ENOTFOUND (an absent tree: which,
 * and how to get it), REL_EINTEGRITY (hash mismatch), REL_EINVALID (a
 * malformed tree).
 */
struct rel_git_walk;
int rel_git_walk_begin(struct rel_git *g, const char *tree_hex,
	struct rel_git_walk **ret, struct rel_err *err) REL_CHECK;
int rel_git_walk_next(struct rel_git_walk *w, struct rel_git_entry *ret,
	bool *ret_more, struct rel_err *err) REL_CHECK;
void rel_git_walk_endp(struct rel_git_walk **w);

/* The entry ${name} of a tree's top, ret->path is ${name} itself. *ret_found is
 * false when there is none. Errors: the walk's. */
int rel_git_top_entry(struct rel_git *g, const char *tree_hex, const char *name,
	struct rel_git_entry *ret, bool *ret_found,
	struct rel_err *err) REL_CHECK;

/*
 * A blob's bytes, put into ${out} (emptied first), checked against its hash.
 * Over ${limit} bytes: REL_EINVALID, before it is read. Absent: REL_ENOTFOUND,
 * which names the object and how to get it. REL_EINTEGRITY: hash mismatch.
 */
int rel_git_blob(struct rel_git *g, const struct rel_git_entry *e,
	uint64_t limit, struct rel_buf *out, struct rel_err *err) REL_CHECK;

/*
 * The LFS object with this SHA-256 (64 hex digits) and size out of
 * .git/lfs/objects, checked, into ${out}. Errors: REL_ENOTFOUND,
 * REL_EINTEGRITY.
 */
int rel_git_lfs_object(struct rel_git *g, const char *oid, uint64_t size,
	struct rel_buf *out, struct rel_err *err) REL_CHECK;

#endif
