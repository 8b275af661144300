/* SPDX-License-Identifier: Apache-2.0 */
#include "base/id.h"
#include "base/vec.h"
#include "source/tree.h"

#include <string.h>

/* A tree object on the way down. */
struct level {
	struct rel_git_tree tree;
	size_t dir_len; /* its path is the first dir_len bytes of ours */
};

struct rel_git_walk {
	struct rel_git *git;
	REL_VEC(struct level) levels;
	size_t held; /* bytes of their objects */
	struct rel_buf path;
	bool enter; /* the last entry was a directory: go into it */
	git_oid next;
};

/* Read the tree ${id}, whose path is the one that stands in w->path. */
static int push(struct rel_git_walk *w, const git_oid *id, struct rel_err *err)
{
	struct level l = { .dir_len = w->path.len };
	int r = rel_git_tree_open(w->git, id, rel_buf_str(&w->path),
		REL_GIT_MAX_HELD - w->held, &l.tree, err);

	if (r < 0)
		return r;
	w->held += rel_git_tree_size(&l.tree);
	rel_vec_push(&w->levels, l);
	return 0;
}

static void pop(struct rel_git_walk *w)
{
	struct level *l = &w->levels.v[--w->levels.n];

	w->held -= rel_git_tree_size(&l->tree);
	rel_git_tree_close(&l->tree);
}

static struct level *top(struct rel_git_walk *w)
{
	return w->levels.n > 0 ? &w->levels.v[w->levels.n - 1] : NULL;
}

/* Put the entry's name after the path of its directory, ${l}. */
static int add_name(struct rel_git_walk *w, const struct level *l,
	const struct rel_git_item *item, struct rel_err *err)
{
	return rel_git_tree_add_name(
		&l->tree, (unsigned)w->levels.n, item, &w->path, err);
}

int rel_git_walk_next(struct rel_git_walk *w, struct rel_git_entry *ret,
	bool *ret_more, struct rel_err *err)
{
	struct rel_git_item item;
	struct level *l;
	int r;

	if (w->enter) {
		r = push(w, &w->next, err);
		if (r < 0)
			return r;
		w->enter = false;
	}
	for (l = top(w); l && !rel_git_tree_more(&l->tree); l = top(w))
		pop(w);
	*ret_more = l != NULL;
	if (!l)
		return 0;
	w->path.len = l->dir_len;
	if (w->path.p)
		w->path.p[w->path.len] = '\0';
	r = rel_git_tree_next(&l->tree, rel_buf_str(&w->path), &item, err);
	if (r == 0)
		r = add_name(w, l, &item, err);
	if (r < 0)
		return r;
	ret->path = rel_buf_str(&w->path);
	ret->path_len = w->path.len;
	ret->mode = item.mode;
	memcpy(ret->oid, item.oid, sizeof(ret->oid));
	rel_hex_format(ret->oid, sizeof(ret->oid), ret->hex);
	w->enter = ret->mode == GIT_FILEMODE_TREE;
	memcpy(w->next.id, ret->oid, sizeof(ret->oid));
	return 0;
}

/*
 * <0, 0, >0: the entry's name in the tar is before, at, after ${rest}.
 * *ret_above: it is a directory, and ${rest} is in it.
 */
static int compare(
	const struct rel_git_item *item, const char *rest, bool *ret_above)
{
	*ret_above = item->mode == GIT_FILEMODE_TREE &&
		     strncmp(rest, item->name, item->len) == 0 &&
		     rest[item->len] == '/' && rest[item->len + 1];
	return rel_name_order(rel_git_item_name(item),
		(struct rel_name){ rest, strlen(rest), false });
}

/* Go to the first entry that is not before ${rest}. */
static int seek(struct rel_git_walk *w, const char *rest, struct rel_err *err)
{
	struct level *l = top(w);
	int r = 0;

	while (r == 0 && rel_git_tree_more(&l->tree)) {
		struct rel_git_item item;
		git_oid id;
		bool above;

		r = rel_git_tree_next(
			&l->tree, rel_buf_str(&w->path), &item, err);
		if (r < 0)
			return r;
		if (compare(&item, rest, &above) >= 0) {
			rel_git_tree_back(&l->tree);
			return 0;
		}
		if (!above)
			continue;
		memcpy(id.id, item.oid, sizeof(id.id));
		r = add_name(w, l, &item, err);
		if (r == 0)
			r = push(w, &id, err);
		rest += item.len + 1;
		l = top(w);
	}
	return r;
}

int rel_git_walk_from(struct rel_git *g, const char *tree_hex, const char *name,
	struct rel_git_walk **ret, struct rel_err *err)
{
	REL_AUTO(rel_git_walk_endp) struct rel_git_walk *w = NULL;
	git_oid id;
	int r = rel_git_tree_id(tree_hex, &id, err);

	if (r < 0)
		return r;
	w = rel_alloc(sizeof(*w));
	w->git = g;
	r = push(w, &id, err);
	if (r == 0 && name)
		r = seek(w, name, err);
	if (r < 0)
		return r;
	*ret = w;
	w = NULL;
	return 0;
}

int rel_git_walk_begin(struct rel_git *g, const char *tree_hex,
	struct rel_git_walk **ret, struct rel_err *err)
{
	return rel_git_walk_from(g, tree_hex, NULL, ret, err);
}

int rel_git_top_entry(struct rel_git *g, const char *tree_hex, const char *name,
	struct rel_git_entry *ret, bool *ret_found, struct rel_err *err)
{
	REL_AUTO(rel_git_walk_endp) struct rel_git_walk *w = NULL;
	struct rel_git_entry e;
	bool more = true;
	int r = rel_git_walk_begin(g, tree_hex, &w, err);

	while (r == 0) {
		r = rel_git_walk_next(w, &e, &more, err);
		if (r < 0 || !more || strcmp(e.path, name) == 0)
			break;
		w->enter = false;
	}
	if (r < 0)
		return r;
	*ret_found = more;
	if (more) {
		*ret = e;
		ret->path = name;
	}
	return 0;
}

void rel_git_walk_endp(struct rel_git_walk **wp)
{
	struct rel_git_walk *w = *wp;

	if (!w)
		return;
	while (w->levels.n > 0)
		pop(w);
	rel_vec_free(&w->levels);
	rel_buf_free(&w->path);
	free(w);
	*wp = NULL;
}
