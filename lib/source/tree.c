/* SPDX-License-Identifier: Apache-2.0 */
#include "source/tree.h"

#include <string.h>

int rel_git_tree_malformed(const git_oid *id, const char *path,
	const char *what, struct rel_err *err)
{
	REL_AUTO(rel_buf_free) struct rel_buf shown = REL_BUF_INIT;
	char hex[41];

	git_oid_tostr(hex, sizeof(hex), id);
	rel_git_show_path(&shown, path);
	return rel_fail(err, REL_EINVALID, "tree object %s%s%s%s: %s", hex,
		*path ? " (" : "", rel_buf_str(&shown), *path ? ")" : "", what);
}

int rel_git_tree_id(const char *hex, git_oid *ret, struct rel_err *err)
{
	if (strlen(hex) != 40 || git_oid_fromstr(ret, hex) < 0)
		return rel_fail(err, REL_EINVALID,
			"'%s' is not the name of a tree", hex);
	return 0;
}

int rel_git_tree_open(struct rel_git *g, const git_oid *id, const char *path,
	size_t room, struct rel_git_tree *ret, struct rel_err *err)
{
	struct rel_git_tree t = { .id = *id };
	size_t size;
	int r = rel_git_size(g, id, path, &size, err);

	if (r < 0)
		return r;
	if (size > room)
		return rel_git_tree_malformed(id, path,
			"larger than the limit on entries allows", err);
	r = rel_git_read(g, id, path, &t.object, err);
	if (r < 0)
		return r;
	/* Only now is it known to be what its name says. */
	if (git_odb_object_type(t.object) != GIT_OBJECT_TREE) {
		git_odb_object_free(t.object);
		return rel_git_tree_malformed(
			id, path, "it is not a tree", err);
	}
	t.p = git_odb_object_data(t.object);
	t.end = t.p + git_odb_object_size(t.object);
	*ret = t;
	return 0;
}

void rel_git_tree_close(struct rel_git_tree *t)
{
	git_odb_object_free(t->object);
	rel_vec_free(&t->sorted);
	*t = (struct rel_git_tree){ 0 };
}

size_t rel_git_tree_size(const struct rel_git_tree *t)
{
	return t->object ? git_odb_object_size(t->object) : 0;
}

/* Digits of an octal number, the first not 0, then a space. */
static const char *parse_mode(const char *p, const char *end, uint32_t *ret)
{
	uint32_t mode = 0;
	int digits = 0;

	for (; p < end && *p >= '0' && *p <= '7'; p++) {
		if ((digits == 0 && *p == '0') || ++digits > 6)
			return NULL;
		mode = mode * 8 + (uint32_t)(*p - '0');
	}
	if (digits == 0 || p == end || *p != ' ')
		return NULL;
	*ret = mode;
	return p + 1;
}

static int parse(struct rel_git_tree *t, const char *path,
	struct rel_git_item *ret, struct rel_err *err)
{
	const char *p = parse_mode(t->p, t->end, &ret->mode);
	const char *nul;

	if (!p)
		return rel_git_tree_malformed(
			&t->id, path, "an entry's mode is malformed", err);
	nul = memchr(p, '\0', (size_t)(t->end - p));
	if (!nul || t->end - nul <= GIT_OID_RAWSZ)
		return rel_git_tree_malformed(
			&t->id, path, "it ends within an entry", err);
	ret->name = p;
	ret->len = (size_t)(nul - p);
	ret->oid = (const uint8_t *)nul + 1;
	t->p = nul + 1 + GIT_OID_RAWSZ;
	return 0;
}

/* Git's own order: only a tree has a slash. */
static bool git_order_is_right(
	const struct rel_git_item *a, const struct rel_git_item *b)
{
	return rel_name_order((struct rel_name){ a->name, a->len,
				      a->mode == GIT_FILEMODE_TREE },
		       (struct rel_name){ b->name, b->len,
			       b->mode == GIT_FILEMODE_TREE }) < 0;
}

static int by_name(const void *x, const void *y)
{
	const struct rel_git_item *a = x, *b = y;

	return rel_name_order(rel_git_item_name(a), rel_git_item_name(b));
}

/* From ${first}, a submodule, to the end, as the tar has it. */
static int sort_rest(struct rel_git_tree *t, const char *path,
	const struct rel_git_item *first, struct rel_err *err)
{
	struct rel_git_item item = *first;

	rel_vec_push(&t->sorted, item);
	while (t->p < t->end) {
		int r = parse(t, path, &item, err);

		if (r < 0)
			return r;
		if (!git_order_is_right(&t->sorted.v[t->sorted.n - 1], &item))
			return rel_git_tree_malformed(&t->id, path,
				"not in the order of a git tree", err);
		rel_vec_push(&t->sorted, item);
	}
	qsort(t->sorted.v, t->sorted.n, sizeof(*t->sorted.v), by_name);
	return 0;
}

/* Does the entry after ${item}, a submodule, come before it in the tar? */
static bool is_overtaken(
	const struct rel_git_tree *t, const struct rel_git_item *item)
{
	struct rel_git_tree ahead = *t;
	struct rel_git_item next;
	struct rel_err ignored;

	return t->p < t->end && parse(&ahead, "", &next, &ignored) == 0 &&
	       git_order_is_right(item, &next) && by_name(item, &next) > 0;
}

bool rel_git_tree_more(const struct rel_git_tree *t)
{
	return t->p < t->end || t->at < t->sorted.n;
}

int rel_git_tree_next(struct rel_git_tree *t, const char *path,
	struct rel_git_item *ret, struct rel_err *err)
{
	int r = 0;

	t->before = t->p;
	if (t->sorted.n == 0) {
		r = parse(t, path, ret, err);
		if (r < 0 || ret->mode != GIT_FILEMODE_COMMIT ||
			!is_overtaken(t, ret))
			return r;
		r = sort_rest(t, path, ret, err);
	}
	if (r == 0)
		*ret = t->sorted.v[t->at++];
	return r;
}

void rel_git_tree_back(struct rel_git_tree *t)
{
	if (t->sorted.n > 0)
		t->at--;
	else
		t->p = t->before;
}

int rel_git_tree_add_name(const struct rel_git_tree *t, unsigned depth,
	const struct rel_git_item *item, struct rel_buf *path,
	struct rel_err *err)
{
	int r = rel_name_check(rel_buf_str(path), item->name, item->len, err);

	if (r < 0)
		return r;
	if (depth > REL_MAX_DEPTH)
		return rel_git_tree_malformed(&t->id, rel_buf_str(path),
			"deeper than 256 directories", err);
	if (path->len + (path->len > 0) + item->len > REL_MAX_PATH)
		return rel_git_tree_malformed(&t->id, rel_buf_str(path),
			"a path of more than 4,095 bytes", err);
	if (path->len > 0)
		rel_buf_addc(path, '/');
	rel_buf_add(path, item->name, item->len);
	return 0;
}
