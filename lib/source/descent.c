/* SPDX-License-Identifier: Apache-2.0 */
#include "base/vec.h"
#include "source/tree.h"

#include <string.h>

struct item {
	struct rel_git_item git;
	bool added; /* the old tree has no such name */
	bool twin;  /* one that was added differs from it in case alone */
};

/* One of the two tree objects at the same path. */
struct side {
	struct rel_git_tree tree;
	REL_VEC(struct item) items;
};

/* What all objects of one of the two trees are counted against. */
struct sum {
	size_t held; /* bytes of the objects on the way down */
	size_t room; /* of entries, before there are too many */
};

struct descent {
	struct rel_git *git;
	rel_git_change_fn *fn;
	void *arg;
	struct rel_buf path; /* of the directory, without a slash at its end */
	struct sum old, new;
};

/* In the bytewise order of their names in the tar. */
static int compare(const struct rel_git_item *a, const struct rel_git_item *b)
{
	return rel_name_order(rel_git_item_name(a), rel_git_item_name(b));
}

/* Is there a file or a link that has the directory's name? */
static bool is_file_too(const struct side *s, const struct rel_git_item *dir)
{
	struct rel_git_item file = *dir;
	size_t from = 0, to = s->items.n;

	file.mode = GIT_FILEMODE_BLOB;
	while (from < to) {
		size_t mid = from + (to - from) / 2;
		int r = compare(&s->items.v[mid].git, &file);

		if (r == 0)
			return true;
		if (r < 0)
			from = mid + 1;
		else
			to = mid;
	}
	return false;
}

/* The path in d->path is not what may come next in ${s}. */
static int check_place(const struct descent *d, const struct side *s,
	const struct rel_git_item *item, struct rel_err *err)
{
	REL_AUTO(rel_buf_free) struct rel_buf shown = REL_BUF_INIT;
	const char *what = NULL;
	int r = -1;

	if (s->items.n > 0)
		r = compare(&s->items.v[s->items.n - 1].git, item);
	if (r > 0)
		what = "not in the order of a git tree";
	else if (r == 0 || (rel_git_item_is_dir(item) && is_file_too(s, item)))
		what = "a name that is there twice";
	if (!what)
		return 0;
	rel_git_show_path(&shown, rel_buf_str(&d->path));
	return rel_fail(
		err, REL_EINVALID, "path '%s': %s", rel_buf_str(&shown), what);
}

static void cut_path(struct descent *d, size_t len)
{
	d->path.len = len;
	if (d->path.p)
		d->path.p[len] = '\0';
}

static int add_item(struct descent *d, struct side *s, struct sum *sum,
	unsigned depth, struct rel_err *err)
{
	struct item item = { .added = false };
	size_t dir_len = d->path.len;
	int r = rel_git_tree_next(
		&s->tree, rel_buf_str(&d->path), &item.git, err);

	if (r == 0)
		r = rel_git_tree_add_name(
			&s->tree, depth, &item.git, &d->path, err);
	if (r == 0)
		r = check_place(d, s, &item.git, err);
	cut_path(d, dir_len);
	if (r < 0)
		return r;
	if (sum->room-- == 0)
		return rel_fail(err, REL_EINVALID,
			"more than %u entries in the tree", REL_MAX_ENTRIES);
	rel_vec_push(&s->items, item);
	return 0;
}

/* Read and check one of the two. */
static int load(struct descent *d, const git_oid *id, struct sum *sum,
	unsigned depth, struct side *ret, struct rel_err *err)
{
	int r = rel_git_tree_open(d->git, id, rel_buf_str(&d->path),
		REL_GIT_MAX_HELD - sum->held, &ret->tree, err);

	sum->held += rel_git_tree_size(&ret->tree);
	while (r == 0 && rel_git_tree_more(&ret->tree))
		r = add_item(d, ret, sum, depth, err);
	return r;
}

static void unload(struct side *s, struct sum *sum)
{
	sum->held -= rel_git_tree_size(&s->tree);
	rel_git_tree_close(&s->tree);
	rel_vec_free(&s->items);
}

/*
 * The next name of both, *a or *b is NULL where only the other one has it.
 * False when there is none.
 */
static bool step(struct side *old, struct side *new, size_t *i, size_t *j,
	struct item **a, struct item **b)
{
	int order;

	*a = *i < old->items.n ? &old->items.v[*i] : NULL;
	*b = *j < new->items.n ? &new->items.v[*j] : NULL;
	if (!*a && !*b)
		return false;
	order = !*a ? 1 : !*b ? -1 : compare(&(*a)->git, &(*b)->git);
	if (order < 0)
		*b = NULL;
	if (order > 0)
		*a = NULL;
	*i += *a != NULL;
	*j += *b != NULL;
	return true;
}

static int fold(char c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : (uint8_t)c;
}

/* Not strcasecmp: the locale may know more letters than ASCII. */
static int compare_folded(const void *a, const void *b)
{
	const struct item *const *x = a, *const *y = b;
	const char *p = (*x)->git.name, *q = (*y)->git.name;

	while (*p && fold(*p) == fold(*q))
		p++, q++;
	return fold(*p) - fold(*q);
}

/* Mark what differs from an added entry in case alone. */
static void mark_twins(struct side *s)
{
	struct item **sorted = rel_grow(NULL, s->items.n, sizeof(*sorted));
	size_t end;

	for (size_t i = 0; i < s->items.n; i++)
		sorted[i] = &s->items.v[i];
	qsort(sorted, s->items.n, sizeof(*sorted), compare_folded);
	for (size_t i = 0; i < s->items.n; i = end) {
		bool added = false;

		for (end = i; end < s->items.n; end++) {
			if (compare_folded(&sorted[i], &sorted[end]) != 0)
				break;
			added = added || sorted[end]->added;
		}
		for (size_t k = i; added && k < end; k++)
			sorted[k]->twin = true;
	}
	free(sorted);
}

/* See which are new, before anything is told. */
static void mark(struct side *old, struct side *new)
{
	struct item *a, *b;
	size_t i = 0, j = 0;
	bool any = false;

	while (step(old, new, &i, &j, &a, &b)) {
		if (a || !b)
			continue;
		b->added = true;
		any = true;
	}
	if (any)
		mark_twins(new);
}

static int tell(
	struct descent *d, const struct rel_git_item *item, struct rel_err *err)
{
	size_t dir_len = d->path.len;
	bool dir = rel_git_item_is_dir(item);
	struct rel_git_change change = { .subtree = dir };
	int r;

	if (dir_len > 0)
		rel_buf_addc(&d->path, '/');
	rel_buf_add(&d->path, item->name, item->len);
	if (dir)
		rel_buf_addc(&d->path, '/');
	change.name = d->path.p;
	change.len = d->path.len;
	r = d->fn(d->arg, &change, err);
	cut_path(d, dir_len);
	return r;
}

static int descend(struct descent *d, const uint8_t *old_oid,
	const uint8_t *new_oid, unsigned depth, struct rel_err *err);

/* What stands at one name in both trees. */
static int compare_entry(struct descent *d, const struct item *a,
	const struct item *b, unsigned depth, struct rel_err *err)
{
	size_t dir_len = d->path.len;
	int r;

	if (b->twin || a->git.mode != b->git.mode)
		return tell(d, &b->git, err);
	if (memcmp(a->git.oid, b->git.oid, GIT_OID_RAWSZ) == 0)
		return 0;
	if (b->git.mode != GIT_FILEMODE_TREE)
		return tell(d, &b->git, err);
	if (dir_len > 0)
		rel_buf_addc(&d->path, '/');
	rel_buf_add(&d->path, b->git.name, b->git.len);
	r = descend(d, a->git.oid, b->git.oid, depth + 1, err);
	cut_path(d, dir_len);
	return r;
}

static int compare_sides(struct descent *d, struct side *old, struct side *new,
	unsigned depth, struct rel_err *err)
{
	struct item *a, *b;
	size_t i = 0, j = 0;
	int r = 0;

	mark(old, new);
	while (r == 0 && step(old, new, &i, &j, &a, &b))
		r = a && b ? compare_entry(d, a, b, depth, err)
			   : tell(d, a ? &a->git : &b->git, err);
	return r;
}

/* The two objects at d->path; goes no deeper than REL_MAX_DEPTH. */
static int descend(struct descent *d, const uint8_t *old_oid,
	const uint8_t *new_oid, unsigned depth, struct rel_err *err)
{
	struct side old = { 0 }, new = { 0 };
	git_oid old_id, new_id;
	int r;

	memcpy(old_id.id, old_oid, sizeof(old_id.id));
	memcpy(new_id.id, new_oid, sizeof(new_id.id));
	r = load(d, &old_id, &d->old, depth, &old, err);
	if (r == 0)
		r = load(d, &new_id, &d->new, depth, &new, err);
	if (r == 0)
		r = compare_sides(d, &old, &new, depth, err);
	unload(&old, &d->old);
	unload(&new, &d->new);
	return r;
}

int rel_git_descend(struct rel_git *g, const char *old_tree_hex,
	const char *new_tree_hex, rel_git_change_fn *fn, void *arg,
	struct rel_err *err)
{
	struct descent d = { .git = g,
		.fn = fn,
		.arg = arg,
		.old.room = REL_MAX_ENTRIES,
		.new.room = REL_MAX_ENTRIES };
	git_oid old, new;
	int r = rel_git_tree_id(old_tree_hex, &old, err);

	if (r == 0)
		r = rel_git_tree_id(new_tree_hex, &new, err);
	if (r == 0 && !git_oid_equal(&old, &new))
		r = descend(&d, old.id, new.id, 1, err);
	rel_buf_free(&d.path);
	return r;
}
