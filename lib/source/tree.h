/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/source/tree.h - one tree object, entry by entry, as its bytes say. What
 * walk.c and descent.c share; not for other folders.
 */
#ifndef REL_SOURCE_TREE_H
#define REL_SOURCE_TREE_H

#include "base/entry.h"
#include "base/vec.h"
#include "source/repo.h"

/*
 * No tree within the limit on entries needs more for the objects on one way
 * down: each of their entries (mode, space, name, NUL, id) is one of the tree.
 */
#define REL_GIT_MAX_HELD                                                       \
	((size_t)REL_MAX_ENTRIES * (6 + 1 + REL_MAX_NAME + 1 + 20))

/* Borrowed from the object. */
struct rel_git_item {
	const char *name; /* NUL-terminated */
	size_t len;
	uint32_t mode; /* raw */
	const uint8_t *oid;
};

struct rel_git_tree { /* rel_git_tree_close after */
	git_odb_object *object;
	git_oid id;
	const char *p, *end; /* what was not read yet */
	const char *before;  /* where the last entry begins */
	/* The rest, where the tar has another order than git. */
	REL_VEC(struct rel_git_item) sorted;
	size_t at; /* the next one of them */
};

/* The id that 40 hex digits stand for. Errors: REL_EINVALID. */
int rel_git_tree_id(
	const char *hex, git_oid *ret, struct rel_err *err) REL_CHECK;

/*
 * Read the tree ${id}, which stands at ${path} ("" at the top) and may have
 * ${room} bytes. Errors: rel_git_read's, REL_EINVALID (larger; not a tree).
 */
int rel_git_tree_open(struct rel_git *g, const git_oid *id, const char *path,
	size_t room, struct rel_git_tree *ret, struct rel_err *err) REL_CHECK;
void rel_git_tree_close(struct rel_git_tree *t);

/* Bytes of the object. */
size_t rel_git_tree_size(const struct rel_git_tree *t);

/*
 * The next entry, if there is one more, in the order of the tar: git has a
 * submodule where a file of its name would be, and it is a directory. Errors:
 * REL_EINVALID.
 */
bool rel_git_tree_more(const struct rel_git_tree *t);
int rel_git_tree_next(struct rel_git_tree *t, const char *path,
	struct rel_git_item *ret, struct rel_err *err) REL_CHECK;

/* The entry that was given last is given once more. */
void rel_git_tree_back(struct rel_git_tree *t);

/*
 * May the entry's name stand after ${path}, where ${depth} trees lead to it?
 * Then it is put there. Errors: REL_EINVALID.
 */
int rel_git_tree_add_name(const struct rel_git_tree *t, unsigned depth,
	const struct rel_git_item *item, struct rel_buf *path,
	struct rel_err *err) REL_CHECK;

/* REL_EINVALID: ${what} is wrong with the tree ${id} at ${path}. */
int rel_git_tree_malformed(const git_oid *id, const char *path,
	const char *what, struct rel_err *err);

/* Does its name end with a slash in the tar? */
static inline bool rel_git_item_is_dir(const struct rel_git_item *item)
{
	return item->mode == GIT_FILEMODE_TREE ||
	       item->mode == GIT_FILEMODE_COMMIT;
}

/* Its name in the tar. */
static inline struct rel_name rel_git_item_name(const struct rel_git_item *item)
{
	return (struct rel_name){ item->name, item->len,
		rel_git_item_is_dir(item) };
}

#endif
