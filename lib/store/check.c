/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/store/check.c - is an unpacked tree what its index says? Mechanism.
 *
 * One pass over the index, which is in the tar's order, beside a stack of open
 * directories from the top down to the one that the entry is in. Every name is
 * looked up in its own directory and none is followed, so nothing outside the
 * tree is ever touched. A directory that is left is counted: what the index
 * does not name shows as one too many.
 */
#include "base/file.h"
#include "base/vec.h"
#include "crypto/digest.h"
#include "store/index.h"
#include "store/layout.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct level {
	int fd;
	size_t path_len; /* of the directory, in check.path */
	uint64_t entries;
};

struct check {
	const char *index;
	size_t n;
	enum rel_tree_depth depth;
	REL_VEC(struct level) levels;
	struct rel_buf path; /* of the innermost directory */
	struct rel_buf data; /* of the file or link that is read */
	struct rel_sha256 *hash;
};

static void check_done(struct check *c)
{
	for (size_t i = 0; i < c->levels.n; i++)
		rel_closep(&c->levels.v[i].fd);
	rel_vec_free(&c->levels);
	rel_buf_free(&c->path);
	rel_buf_free(&c->data);
	rel_sha256_freep(&c->hash);
}

static int differs(
	const char *path, size_t n, const char *what, struct rel_err *err)
{
	REL_AUTO(rel_buf_free) struct rel_buf name = REL_BUF_INIT;

	rel_buf_add_escaped(&name, path, n);
	return rel_fail(
		err, REL_EINTEGRITY, "'%s' in the tree %s", name.p, what);
}

static int entry_differs(
	const struct rel_entry *e, const char *what, struct rel_err *err)
{
	return differs(e->path, e->path_len, what, err);
}

/* The last component of an entry's path. */
static const char *last_name(const struct rel_entry *e)
{
	const char *slash = memrchr(e->path, '/', e->path_len);

	return slash ? slash + 1 : e->path;
}

/* Is this a name that the index has in the directory ${dir}? */
static int index_has(const struct check *c, const char *dir, size_t dir_len,
	const char *name, bool *ret, struct rel_err *err)
{
	struct rel_index ix;
	struct rel_entry e;
	struct rel_id digest;
	bool more = true, found = false;
	int r = rel_index_open(&ix, c->index, c->n, err);

	while (r == 0 && !found) {
		r = rel_index_next(&ix, &e, &digest, &more, err);
		if (r < 0 || !more)
			break;
		found = !strcmp(last_name(&e), name) &&
			e.path_len == strlen(name) + dir_len + (dir_len > 0) &&
			!memcmp(e.path, dir, dir_len);
	}
	rel_index_done(&ix);
	*ret = found;
	return r;
}

/* There is something too many here: say what. */
static int find_extra(const struct check *c, const struct level *l, DIR *dir,
	struct rel_err *err)
{
	REL_AUTO(rel_buf_free) struct rel_buf path = REL_BUF_INIT;
	struct dirent *de;
	bool known = true;

	rewinddir(dir);
	while (known && (de = readdir(dir)) != NULL) {
		int r;

		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, ".."))
			continue;
		r = index_has(c, rel_buf_str(&c->path), l->path_len, de->d_name,
			&known, err);
		if (r < 0)
			return r;
		if (known)
			continue;
		rel_buf_add(&path, rel_buf_str(&c->path), l->path_len);
		rel_buf_adds(&path, l->path_len ? "/" : "");
		rel_buf_adds(&path, de->d_name);
	}
	if (known)
		return rel_fail(err, REL_EINTEGRITY,
			"the tree changed while it was compared");
	return differs(path.p, path.len, "does not belong there", err);
}

static int count_entries(
	const struct check *c, const struct level *l, struct rel_err *err)
{
	int fd = openat(l->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;
	uint64_t n = 0;

	if (!dir)
		return rel_fail_os(
			err, "list '%s' in the tree", rel_buf_str(&c->path));
	while ((de = readdir(dir)) != NULL)
		if (strcmp(de->d_name, ".") != 0 &&
			strcmp(de->d_name, "..") != 0)
			n++;
	if (n != l->entries)
		r = find_extra(c, l, dir, err);
	closedir(dir);
	return r;
}

/* Leave the innermost directory, of which the index has no more. */
static int leave(struct check *c, struct rel_err *err)
{
	struct level *l = &c->levels.v[c->levels.n - 1];
	int r = count_entries(c, l, err);

	rel_closep(&l->fd);
	c->levels.n--;
	if (c->levels.n > 0) {
		c->path.len = c->levels.v[c->levels.n - 1].path_len;
		if (c->path.p)
			c->path.p[c->path.len] = '\0';
	}
	return r;
}

static bool is_in(const struct rel_entry *e, const struct check *c)
{
	size_t n = c->path.len;

	return n == 0 || (e->path_len > n && e->path[n] == '/' &&
				 !memcmp(e->path, c->path.p, n));
}

int rel_entry_content(int fd, const struct rel_entry *e,
	const struct rel_id *digest, struct rel_sha256 *hash,
	struct rel_buf *room, struct rel_err *err)
{
	char *block = rel_buf_room(room, 1u << 17);
	struct rel_id found;

	for (;;) {
		ssize_t n = read(fd, block, 1u << 17);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return rel_fail_os(err, "read '%s'", e->path);
		if (n == 0)
			break;
		rel_sha256_add(hash, block, (size_t)n);
	}
	found = rel_sha256_final(hash);
	if (!rel_id_equal(&found, digest))
		return entry_differs(e, "has another content", err);
	return 0;
}

int rel_entry_target(int dirfd, const char *name, const struct rel_entry *e,
	struct rel_buf *room, struct rel_err *err)
{
	char *target = rel_buf_room(room, REL_MAX_TARGET + 1);
	ssize_t n = readlinkat(dirfd, name, target, REL_MAX_TARGET + 1);

	if (n < 0)
		return rel_fail_os(err, "read link '%s'", e->path);
	if ((size_t)n != e->target_len || memcmp(target, e->target, (size_t)n))
		return entry_differs(e, "points to somewhere else", err);
	return 0;
}

static int check_file(struct check *c, int dir, const struct rel_entry *e,
	const struct rel_id *digest, struct rel_err *err)
{
	REL_AUTO(rel_closep) int fd = -1;
	int r = rel_open_read(dir, last_name(e), &fd, err);

	return r < 0 ? r
		     : rel_entry_content(fd, e, digest, c->hash, &c->data, err);
}

static int enter(struct check *c, int dir, const struct rel_entry *e,
	struct rel_err *err)
{
	struct level l = { .fd = -1, .path_len = e->path_len };
	int r = rel_open_dir(dir, last_name(e), 0, &l.fd, err);

	if (r < 0)
		return r;
	rel_vec_push(&c->levels, l);
	rel_buf_reset(&c->path);
	rel_buf_add(&c->path, e->path, e->path_len);
	return 0;
}

int rel_entry_stat(
	const struct rel_entry *e, const struct stat *st, struct rel_err *err)
{
	mode_t mode = st->st_mode & 07777;

	switch (e->type) {
	case REL_DIR:
		if (!S_ISDIR(st->st_mode))
			return entry_differs(e, "is not a directory", err);
		if (mode != 0555)
			return entry_differs(e, "has another mode", err);
		return 0;
	case REL_LINK:
		if (!S_ISLNK(st->st_mode))
			return entry_differs(e, "is not a link", err);
		if ((uint64_t)st->st_size != e->target_len)
			return entry_differs(
				e, "points to somewhere else", err);
		return 0;
	case REL_FILE:
		break;
	}
	if (!S_ISREG(st->st_mode))
		return entry_differs(e, "is not a file", err);
	if (mode != (e->executable ? 0555u : 0444u))
		return entry_differs(e, "has another mode", err);
	if ((uint64_t)st->st_size != e->size)
		return entry_differs(e, "has another size", err);
	return 0;
}

static int check_entry(struct check *c, const struct rel_entry *e,
	const struct rel_id *digest, struct rel_err *err)
{
	const char *name = last_name(e);
	struct level *in;
	struct stat st;
	int r = 0;

	while (r == 0 && !is_in(e, c))
		r = leave(c, err);
	if (r < 0)
		return r;
	in = &c->levels.v[c->levels.n - 1];
	if ((size_t)(name - e->path) != in->path_len + (in->path_len > 0))
		return entry_differs(e, "is out of order in the index", err);
	in->entries++;
	if (fstatat(in->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno == ENOENT)
			return entry_differs(e, "is missing", err);
		return rel_fail_os(err, "look at '%s' in the tree", e->path);
	}
	r = rel_entry_stat(e, &st, err);
	if (r < 0)
		return r;
	if (e->type == REL_DIR)
		return enter(c, in->fd, e, err);
	if (c->depth == REL_TREE_QUICK)
		return 0;
	return e->type == REL_LINK
		       ? rel_entry_target(in->fd, name, e, &c->data, err)
		       : check_file(c, in->fd, e, digest, err);
}

static int check_all(struct check *c, struct rel_index *ix, struct rel_err *err)
{
	struct rel_entry e;
	struct rel_id digest;
	bool more = true;
	int r;

	for (;;) {
		r = rel_index_next(ix, &e, &digest, &more, err);
		if (r < 0 || !more)
			break;
		r = check_entry(c, &e, &digest, err);
		if (r < 0)
			break;
	}
	while (r == 0 && c->levels.n > 0)
		r = leave(c, err);
	return r;
}

static int walk(int tree_fd, const char *index, size_t n,
	enum rel_tree_depth depth, struct rel_err *err)
{
	REL_AUTO(check_done)
	struct check c = { .index = index, .n = n, .depth = depth };
	struct level top = { .fd = -1 };
	struct rel_index ix;
	int r = rel_open_dir(tree_fd, ".", 0, &top.fd, err);

	if (r < 0)
		return r;
	rel_vec_push(&c.levels, top);
	c.hash = rel_sha256_new();
	r = rel_index_open(&ix, index, n, err);
	if (r == 0)
		r = check_all(&c, &ix, err);
	rel_index_done(&ix);
	return r;
}

int rel_tree_check(int tree_fd, const char *index, size_t n,
	enum rel_tree_depth depth, struct rel_err *err)
{
	bool untouched;

	/* Nearly always all is right, and that is found out faster than what
	 * is not. */
	if (rel_tree_glance(tree_fd, index, n, depth, &untouched)) {
		if (untouched && depth == REL_TREE_QUICK)
			return 0;
		depth = REL_TREE_QUICK; /* and contents are right already */
	}
	return walk(tree_fd, index, n, depth, err);
}
