/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/source/git.h - a git repository as a store of objects, by libgit2.
 * Mechanism; it includes base and crypto. No work tree, no index (but for
 * rel_git_dirty), no filters, no attributes, no replace refs, no hooks, no
 * configuration but the repository's own, no environment. Nothing is started.
 *
 * Threads: a struct rel_git, with the walks on it, is used by one thread at a
 * time; for another thread there is rel_git_again. rel_git_open,
 * rel_git_commit, rel_git_log and rel_git_dirty change settings that libgit2
 * keeps for the whole process: they are called while no other thread uses a
 * handle. All the others may run at once, each on its own handle.
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
 * A second handle on the same repository, which is neither searched nor judged
 * again; libgit2 maps its packs once for all of them. Any thread may call it,
 * also while another one uses ${g}, which must stay open that long. Both are to
 * be closed, in any order. Errors: rel_git_open's (the repository is gone).
 */
int rel_git_again(
	struct rel_git *g, struct rel_git **ret, struct rel_err *err) REL_CHECK;

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

/*
 * The same walk, begun at the first entry whose name in the tar (a directory's
 * and a submodule's with its slash at the end) is not before ${name} bytewise;
 * the directories above it are not given. Of what comes before only the tree
 * objects on the way are read. NULL, "": from the beginning. Past the last
 * entry it is a walk that ends at once.
 */
int rel_git_walk_from(struct rel_git *g, const char *tree_hex, const char *name,
	struct rel_git_walk **ret, struct rel_err *err) REL_CHECK;
int rel_git_walk_next(struct rel_git_walk *w, struct rel_git_entry *ret,
	bool *ret_more, struct rel_err *err) REL_CHECK;
void rel_git_walk_endp(struct rel_git_walk **w);

/* The entry ${name} of a tree's top, ret->path is ${name} itself. *ret_found is
 * false when there is none. Errors: the walk's. */
int rel_git_top_entry(struct rel_git *g, const char *tree_hex, const char *name,
	struct rel_git_entry *ret, bool *ret_found,
	struct rel_err *err) REL_CHECK;

/* Is there an object of this name? False also where another program has packed
 * it since the handle was opened; whether it is a whole tree is not asked. */
bool rel_git_has_tree(struct rel_git *g, const char *tree_hex);

/* What differs between two trees; valid until the callback returns. */
struct rel_git_change {
	const char *name; /* as in the tar, see rel_git_walk_from; NUL at end */
	size_t len;
	bool subtree; /* a directory: it, and all that is or was beneath it */
};
typedef int rel_git_change_fn(
	void *arg, const struct rel_git_change *c, struct rel_err *err);

/*
 * Descend into both trees side by side, but not where their objects are the
 * same, and tell the changes in the bytewise order of their names. A change is
 * an entry that
 *  - is in one of the trees only, or has another mode or object there. Not a
 *    directory with another object: the changes in it are told. One that is in
 *    one tree only, or a submodule, is told once, as a subtree;
 *  - stands beside a new entry whose name differs in ASCII case alone, so that
 *    whoever counts such names sees both. A directory is a subtree then.
 * A file that became a directory is two changes. ${fn} returns 0 to go on;
 * anything else ends it and is returned.
 *
 * Each object of either tree that is read is checked like a whole walk and
 * rel_order_next would: names, order, none twice, depth, length of paths,
 * number of entries. What is told is for the caller to look at, and the rest is
 * as it was in the old tree. Errors: the walk's, also of the old tree: then a
 * whole walk of the new one says whether anything is wrong with that.
 */
int rel_git_descend(struct rel_git *g, const char *old_tree_hex,
	const char *new_tree_hex, rel_git_change_fn *fn, void *arg,
	struct rel_err *err) REL_CHECK;

/* A blob's bytes where libgit2 has them; any thread may let go of them. */
struct rel_git_content { /* { 0 } before; rel_git_content_done after */
	const char *p;	 /* never NULL */
	size_t n;
	void *object; /* its own */
};
void rel_git_content_done(struct rel_git_content *c); /* for REL_AUTO too */

/*
 * A blob's bytes, checked against its hash. Over ${limit} bytes: REL_EINVALID,
 * before it is read. Absent: REL_ENOTFOUND, which names the object and how to
 * get it. REL_EINTEGRITY: hash mismatch.
 */
int rel_git_content(struct rel_git *g, const struct rel_git_entry *e,
	uint64_t limit, struct rel_git_content *ret,
	struct rel_err *err) REL_CHECK;

/* The same, as a copy in ${out} (emptied first). */
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
