/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/store/tree.h - trees/HEX/, an artifact unpacked and read-only, and
 * trees/HEX.index, which says what must be in it. Both are derived, so they are
 * not synced before they are used: trees/HEX.mark says for which boot of the
 * machine they are known to be whole.
 */
#ifndef REL_STORE_TREE_H
#define REL_STORE_TREE_H

#include "store/store.h"

/*
 * A new tree: begin makes a directory (0755) under tmp/ and gives its fd; the
 * caller unpacks into it (files 0444/0555, directories 0555 but for the top).
 * commit: index named, rename to trees/HEX, top set to 0555, marked for this
 * boot; *ret_fd is the tree as rel_tree_open gives it. A tree that is there by
 * then wins, and *ret_fd is -1; unless it has no index (what a removal left
 * that was cut short). The caller holds the shared lock.
 */
struct rel_tree;
int rel_tree_begin(struct rel_store *s, struct rel_tree **ret,
	struct rel_err *err) REL_CHECK;
int rel_tree_dirfd(const struct rel_tree *t);
/* Where it is until then, absolute, added to ${out}. */
void rel_tree_place(const struct rel_tree *t, struct rel_buf *out);
int rel_tree_commit(struct rel_tree **t, const struct rel_id *artifact,
	const void *index, size_t n, int *ret_fd,
	struct rel_err *err) REL_CHECK;
void rel_tree_abortp(struct rel_tree **t);

/* True when both the tree and its index are there. */
bool rel_tree_exists(struct rel_store *s, const struct rel_id *artifact);

/* Open trees/HEX with a shared flock, so that gc leaves it alone; close *ret_fd
 * to let go. Without its index a tree is not there. Errors: REL_ENOTFOUND. */
int rel_tree_open(struct rel_store *s, const struct rel_id *artifact,
	int *ret_fd, struct rel_err *err) REL_CHECK;

/* The index's bytes. Errors: REL_ENOTFOUND. */
int rel_tree_index(struct rel_store *s, const struct rel_id *artifact,
	struct rel_buf *out, struct rel_err *err) REL_CHECK;

/*
 * What is known of a tree that is open. Whole: it was unpacked in this boot, or
 * it was synced; then it is what its index says but for what was changed since.
 * Not known: another boot, or no mark: what was not synced may be lost, so it
 * is to be compared in full, and settled if it is right.
 */
bool rel_tree_known(struct rel_store *s, const struct rel_id *artifact);

/* Sync the tree that is open, which is right, and mark it so for all boots.
 * Nobody can remove it meanwhile. Errors: REL_EIO, also where the store is
 * read-only. */
int rel_tree_settle(struct rel_store *s, const struct rel_id *artifact, int fd,
	struct rel_err *err) REL_CHECK;

/* The same, with one sync, for every tree that was unpacked in this boot. The
 * caller holds the exclusive lock. */
int rel_tree_settle_all(struct rel_store *s, struct rel_err *err) REL_CHECK;

/*
 * Compare a tree with its index. Quick: lstat of every entry (type, size,
 * mode), and that nothing is there that the index does not name; a directory
 * that has the very time that all of them got when the tree was made is not
 * listed. Full: contents and link targets too, and each directory is listed.
 * REL_EINTEGRITY names the first path that differs.
 */
enum rel_tree_depth {
	REL_TREE_QUICK,
	REL_TREE_FULL,
};
int rel_tree_check(int tree_fd, const char *index, size_t n,
	enum rel_tree_depth depth, struct rel_err *err) REL_CHECK;

/* Does somebody have it open (a shared flock)? */
bool rel_tree_in_use(struct rel_store *s, const struct rel_id *artifact);

/* What it holds on disk that no other link shares, bytes; 0 without a tree. */
uint64_t rel_tree_bytes(struct rel_store *s, const struct rel_id *artifact);

/* Remove a tree, its index and its mark. A tree that somebody has open (shared
 * flock) is left alone: REL_EBUSY. *ret_bytes: what it held on disk that no
 * other link shares. */
int rel_tree_drop(struct rel_store *s, const struct rel_id *artifact,
	uint64_t *ret_bytes, struct rel_err *err) REL_CHECK;

/* Each artifact that has a tree, an index or a mark, sorted; after a command
 * that was cut short one of them may be alone (see rel_tree_exists). */
int rel_tree_each(struct rel_store *s,
	int (*fn)(
		void *arg, const struct rel_id *artifact, struct rel_err *err),
	void *arg, struct rel_err *err) REL_CHECK;

/* Absolute path of trees/HEX, added to ${out}. */
void rel_tree_path(struct rel_store *s, const struct rel_id *artifact,
	struct rel_buf *out);

#endif
