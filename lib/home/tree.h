/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/home/tree.h - an artifact's tree, there and right. Joins store and pack.
 */
#ifndef REL_HOME_TREE_H
#define REL_HOME_TREE_H

#include "home/artifact.h"

/*
 * Make sure that trees/HEX is there and agrees with its index (type, size,
 * mode of every entry): unpack it if it is missing, and anew if it differs
 * (with a notice). New files get ${mtime_s}; a file whose path, mode and
 * digest the tree of ${older} (NULL: none) has is hard-linked from there.
 * *ret_fd holds the tree's shared lock. A tree that is right needs no room on
 * the disk. Errors: those of the artifact and the store.
 */
int rel_home_tree(struct rel_home *h, const struct rel_id *artifact,
	int64_t mtime_s, const struct rel_id *older, int *ret_fd,
	struct rel_err *err) REL_CHECK;

/*
 * Open a tree that is there, as rel_tree_open does. If it is not known to be
 * whole (rel_tree_known) it is compared in full first, and settled: so where
 * the store is read-only this is done each time. What was changed since it was
 * made is not looked for. Errors: REL_ENOTFOUND; REL_EINTEGRITY (it is not
 * right: rel_home_tree makes it again).
 */
int rel_home_tree_open(struct rel_home *h, const struct rel_id *artifact,
	int *ret_fd, struct rel_err *err) REL_CHECK;

/* The index that the artifact's chunks say, added to ${out}: what
 * trees/HEX.index must be, byte for byte. */
int rel_home_index(struct rel_home *h, const struct rel_artifact *a,
	struct rel_buf *out, struct rel_err *err) REL_CHECK;

#endif
