/* SPDX-License-Identifier: Apache-2.0 */
#include "base/entry.h"
#include "base/id.h"
#include "base/vec.h"
#include "source/repo.h"

#include <string.h>

/*
 * No tree within the limit on entries needs more for the objects on one way
 * down: each of their entries (mode, space, name, NUL, id) is one of the tree.
 */
#define MAX_HELD ((size_t)REL_MAX_ENTRIES * (6 + 1 + REL_MAX_NAME + 1 + 20))

/* A tree object on the way down. */
struct level {
	git_odb_object *object;
	git_oid id;
	const char *p, *end; /* what is left of it */
	size_t dir_len;	     /* its path is the first dir_len bytes of ours */
};

struct rel_git_walk {
	struct rel_git *git;
	REL_VEC(struct level) levels;
	size_t held; /* bytes of their objects */
	struct rel_buf path;
	bool enter; /* the last entry was a directory: go into it */
	git_oid next;
};

static int malformed(const struct rel_git_walk *w, const git_oid *id,
	const char *what, struct rel_err *err)
{
	REL_AUTO(rel_buf_free) struct rel_buf path = REL_BUF_INIT;
	char hex[41];

	git_oid_tostr(hex, sizeof(hex), id);
	rel_git_show_path(&path, rel_buf_str(&w->path));
	return rel_fail(err, REL_EINVALID, "tree object %s%s%s%s: %s", hex,
		path.len ? " (" : "", rel_buf_str(&path), path.len ? ")" : "",
		what);
}

/* Read the tree ${id}, whose path is the one that stands in w->path. */
static int push(struct rel_git_walk *w, const git_oid *id, struct rel_err *err)
{
	struct level l = { .id = *id, .dir_len = w->path.len };
	const char *path = rel_buf_str(&w->path);
	git_object_t type;
	size_t size;
	int r = git_odb_read_header(&size, &type, w->git->odb, id);

	if (r < 0)
		return rel_git_fail_object(w->git, r, id, path, err);
	if (size > MAX_HELD - w->held)
		return malformed(
			w, id, "larger than the limit on entries allows", err);
	r = git_odb_read(&l.object, w->git->odb, id);
	if (r < 0)
		return rel_git_fail_object(w->git, r, id, path, err);
	/* Only now is it known to be what its name says. */
	if (git_odb_object_type(l.object) != GIT_OBJECT_TREE) {
		git_odb_object_free(l.object);
		return malformed(w, id, "it is not a tree", err);
	}
	l.p = git_odb_object_data(l.object);
	l.end = l.p + git_odb_object_size(l.object);
	w->held += git_odb_object_size(l.object);
	rel_vec_push(&w->levels, l);
	return 0;
}

static void pop(struct rel_git_walk *w)
{
	struct level *l = &w->levels.v[--w->levels.n];

	w->held -= git_odb_object_size(l->object);
	git_odb_object_free(l->object);
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

/* Take one entry off ${l}: mode and id to *ret, the name to *name, *n. */
static int parse_entry(const struct rel_git_walk *w, struct level *l,
	struct rel_git_entry *ret, const char **name, size_t *n,
	struct rel_err *err)
{
	const char *p = parse_mode(l->p, l->end, &ret->mode);
	const char *nul;

	if (!p)
		return malformed(
			w, &l->id, "an entry's mode is malformed", err);
	nul = memchr(p, '\0', (size_t)(l->end - p));
	if (!nul || (size_t)(l->end - nul) <= sizeof(ret->oid))
		return malformed(w, &l->id, "it ends within an entry", err);
	*name = p;
	*n = (size_t)(nul - p);
	memcpy(ret->oid, nul + 1, sizeof(ret->oid));
	rel_hex_format(ret->oid, sizeof(ret->oid), ret->hex);
	l->p = nul + 1 + sizeof(ret->oid);
	return 0;
}

/* Put ${name} after the directory's path, if both allow it. */
static int add_name(struct rel_git_walk *w, const struct level *l,
	const char *name, size_t n, struct rel_err *err)
{
	int r = rel_name_check(rel_buf_str(&w->path), name, n, err);

	if (r < 0)
		return r;
	if (w->levels.n > REL_MAX_DEPTH)
		return malformed(w, &l->id, "deeper than 256 directories", err);
	if (w->path.len > 0)
		rel_buf_addc(&w->path, '/');
	rel_buf_add(&w->path, name, n);
	if (w->path.len > REL_MAX_PATH)
		return malformed(
			w, &l->id, "a path of more than 4,095 bytes", err);
	return 0;
}

int rel_git_walk_next(struct rel_git_walk *w, struct rel_git_entry *ret,
	bool *ret_more, struct rel_err *err)
{
	const char *name = NULL;
	struct level *l;
	size_t n = 0;
	int r;

	if (w->enter) {
		r = push(w, &w->next, err);
		if (r < 0)
			return r;
		w->enter = false;
	}
	while (w->levels.n > 0 && w->levels.v[w->levels.n - 1].p ==
					  w->levels.v[w->levels.n - 1].end)
		pop(w);
	*ret_more = w->levels.n > 0;
	if (!*ret_more)
		return 0;
	l = &w->levels.v[w->levels.n - 1];
	w->path.len = l->dir_len;
	if (w->path.p)
		w->path.p[w->path.len] = '\0';
	r = parse_entry(w, l, ret, &name, &n, err);
	if (r == 0)
		r = add_name(w, l, name, n, err);
	if (r < 0)
		return r;
	ret->path = rel_buf_str(&w->path);
	ret->path_len = w->path.len;
	w->enter = ret->mode == 040000;
	memcpy(w->next.id, ret->oid, sizeof(ret->oid));
	return 0;
}

int rel_git_walk_begin(struct rel_git *g, const char *tree_hex,
	struct rel_git_walk **ret, struct rel_err *err)
{
	REL_AUTO(rel_git_walk_endp) struct rel_git_walk *w = NULL;
	git_oid id;
	int r;

	if (strlen(tree_hex) != 40 || git_oid_fromstr(&id, tree_hex) < 0)
		return rel_fail(err, REL_EINVALID,
			"'%s' is not the name of a tree", tree_hex);
	w = rel_alloc(sizeof(*w));
	w->git = g;
	r = push(w, &id, err);
	if (r < 0)
		return r;
	*ret = w;
	w = NULL;
	return 0;
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
