/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/store/layout.h - the store from within: its directories, and what the
 * files of lib/store share. Nobody else includes it.
 */
#ifndef REL_STORE_LAYOUT_H
#define REL_STORE_LAYOUT_H

#include "base/entry.h"
#include "base/vec.h"
#include "store/store.h"
#include "store/tree.h"

#include <sys/stat.h>

enum rel_store_dir {
	REL_DIR_CHUNKS,
	REL_DIR_ARTIFACTS,
	REL_DIR_RELEASES,
	REL_DIR_CONFIGS,
	REL_DIR_TREES,
	REL_DIR_TMP,
	REL_DIR_APPS,
	REL_DIR_COUNT,
};

extern const char *const rel_store_dir_names[REL_DIR_COUNT];

struct rel_store {
	char *path; /* absolute, links resolved */
	int fd;
	int dirs[REL_DIR_COUNT];
	int lock_fd; /* -1 until a lock was asked for */
	bool locked; /* on lock_fd, as ${lock} says */
	enum rel_lock lock;
};

/* HEX and a suffix, by value. */
struct rel_object_name {
	char s[80];
};
struct rel_object_name rel_object_name(
	const struct rel_id *id, const char *suffix);

typedef REL_VEC(struct rel_id) rel_id_vec;

/*
 * Add the IDs of the names "HEX${suffix}" in a directory, and sort. ${skip}
 * (may be NULL), "HEX${skip}", and leftovers of an unfinished publish are
 * passed over; any other name is REL_EINTEGRITY. ${label} is for the message.
 */
int rel_object_list(int dirfd, const char *label, const char *suffix,
	const char *skip, rel_id_vec *ret, struct rel_err *err) REL_CHECK;

/* Is this the name of a file whose publishing did not come to its end? */
bool rel_is_leftover(const char *name);

/*
 * Put ${n} bytes in the place of what has the name now, in one step, and make
 * that last: for the damaged and the outdated. Errors: REL_EIO.
 */
int rel_object_replace(struct rel_store *s, enum rel_store_dir dir,
	const char *name, const void *p, size_t n,
	struct rel_err *err) REL_CHECK;

/*
 * Put ${n} bytes in the place of what has the name now, in one step, but not to
 * last: for what is derived. Errors: REL_EIO.
 */
int rel_derived_replace(struct rel_store *s, enum rel_store_dir dir,
	const char *name, const void *p, size_t n,
	struct rel_err *err) REL_CHECK;

/* The tree that has just got its name is whole for this boot. */
int rel_tree_mark(struct rel_store *s, const struct rel_id *artifact,
	struct rel_err *err) REL_CHECK;

/* Forget what was known of it; 1 if something was, and the name that is gone is
 * to be synced. Errors: REL_EIO. */
int rel_tree_unmark(struct rel_store *s, const struct rel_id *artifact,
	struct rel_err *err) REL_CHECK;

/* What lstat can tell of an entry; what its file or link has in it, with
 * ${room} for what is read. Errors: REL_EINTEGRITY, REL_EIO. */
struct rel_sha256;
int rel_entry_stat(const struct rel_entry *e, const struct stat *st,
	struct rel_err *err) REL_CHECK;
int rel_entry_content(int fd, const struct rel_entry *e,
	const struct rel_id *digest, struct rel_sha256 *hash,
	struct rel_buf *room, struct rel_err *err) REL_CHECK;
int rel_entry_target(int dirfd, const char *name, const struct rel_entry *e,
	struct rel_buf *room, struct rel_err *err) REL_CHECK;

/* Is every entry of the index there, as it says? In threads, and without a word
 * of what is wrong; *ret_untouched: nothing can have been added either. */
bool rel_tree_glance(int tree_fd, const char *index, size_t n,
	enum rel_tree_depth depth, bool *ret_untouched);

/* flock with polling; REL_EBUSY names ${what}. */
int rel_flock(int fd, int operation, unsigned wait_ms, const char *what,
	struct rel_err *err) REL_CHECK;

#endif
