/* SPDX-License-Identifier: Apache-2.0 */
#include "build/folder.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/vec.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct item {
	char *name;
	mode_t mode;
	uint64_t size;
};

/* A directory on the way down. */
struct level {
	int fd;
	REL_VEC(struct item) items;
	size_t at;	/* the next one */
	size_t dir_len; /* its path is the first dir_len bytes of ours */
};

struct rel_folder {
	REL_VEC(struct level) levels;
	struct rel_buf path;
	const struct item *last;
	char target[REL_MAX_TARGET + 2];
};

static int by_name(const void *x, const void *y)
{
	const struct item *a = x, *b = y;

	return rel_name_order(
		(struct rel_name){ a->name, strlen(a->name), S_ISDIR(a->mode) },
		(struct rel_name){
			b->name, strlen(b->name), S_ISDIR(b->mode) });
}

int rel_folder_order(const struct rel_entry *a, const struct rel_entry *b)
{
	if (a->path_len == b->path_len &&
		memcmp(a->path, b->path, a->path_len) == 0)
		return 0;
	return rel_name_order(
		(struct rel_name){ a->path, a->path_len, a->type == REL_DIR },
		(struct rel_name){ b->path, b->path_len, b->type == REL_DIR });
}

/* ${what} is wrong with ${name} in the directory that the path stands for. */
static int bad(const struct rel_folder *f, size_t dir_len, const char *name,
	const char *what, struct rel_err *err)
{
	REL_AUTO(rel_buf_free) struct rel_buf shown = REL_BUF_INIT;

	rel_buf_add_escaped(&shown, rel_buf_str(&f->path), dir_len);
	if (dir_len)
		rel_buf_addc(&shown, '/');
	rel_buf_add_escaped(&shown, name, strlen(name));
	return rel_fail(err, REL_EINVALID, "path '%.300s': %s",
		rel_buf_str(&shown), what);
}

static int check_kind(const struct rel_folder *f, size_t dir_len,
	const char *name, mode_t mode, struct rel_err *err)
{
	const char *what = NULL;

	switch (mode & S_IFMT) {
	case S_IFREG:
	case S_IFDIR:
		if (mode & (S_ISUID | S_ISGID | S_ISVTX)) {
			bad(f, dir_len, name,
				"a setuid, setgid or sticky bit, which an "
				"artifact cannot have",
				err);
			return rel_hint(err,
				"let the build command end with: chmod "
				"a-s,-t on it");
		}
		return 0;
	case S_IFLNK:
		return 0;
	case S_IFIFO:
		what = "a FIFO, which an artifact cannot have";
		break;
	case S_IFSOCK:
		what = "a socket, which an artifact cannot have";
		break;
	default:
		what = "a device, which an artifact cannot have";
	}
	bad(f, dir_len, name, what, err);
	return rel_hint(err, "let the build command remove it");
}

static int add_item(struct rel_folder *f, struct level *l, const char *name,
	struct rel_err *err)
{
	struct stat st;
	int r;

	if (fstatat(l->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return rel_fail_os(err, "look at '%.200s'", name);
	r = check_kind(f, l->dir_len, name, st.st_mode, err);
	if (r < 0)
		return r;
	if (l->items.n == REL_MAX_ENTRIES)
		return rel_fail(err, REL_EINVALID,
			"more than %u entries in the tree", REL_MAX_ENTRIES);
	rel_vec_more(&l->items);
	l->items.v[l->items.n - 1] = (struct item){ rel_strdup(name),
		st.st_mode, (uint64_t)st.st_size };
	return 0;
}

static int list(struct rel_folder *f, struct level *l, struct rel_err *err)
{
	int fd = openat(l->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *de;
	int r = 0;

	if (!dir) {
		rel_fail_os(err, "list a directory of the tree");
		rel_closep(&fd);
		return -(int)err->code;
	}
	while (r == 0 && (errno = 0, de = readdir(dir)) != NULL) {
		if (strcmp(de->d_name, ".") != 0 &&
			strcmp(de->d_name, "..") != 0)
			r = add_item(f, l, de->d_name, err);
	}
	if (r == 0 && errno)
		r = rel_fail_os(err, "list a directory of the tree");
	closedir(dir);
	if (r == 0 && l->items.n)
		qsort(l->items.v, l->items.n, sizeof(*l->items.v), by_name);
	return r;
}

/* ${fd} is taken; the directory's path is the one that stands in f->path. */
static int push(struct rel_folder *f, int fd, struct rel_err *err)
{
	struct level *l;

	rel_vec_more(&f->levels);
	l = &f->levels.v[f->levels.n - 1];
	*l = (struct level){ .fd = fd, .dir_len = f->path.len };
	return list(f, l, err);
}

static void pop(struct rel_folder *f)
{
	struct level *l = &f->levels.v[--f->levels.n];

	for (size_t i = 0; i < l->items.n; i++)
		free(l->items.v[i].name);
	rel_vec_free(&l->items);
	rel_closep(&l->fd);
}

int rel_folder_open(int dirfd, struct rel_folder **ret, struct rel_err *err)
{
	REL_AUTO(rel_folder_closep) struct rel_folder *f = NULL;
	int fd, r;

	/* Its owner may have been shut out of it. */
	if (fchmod(dirfd, 0755) < 0)
		return rel_fail_os(err, "open the tree");
	fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return rel_fail_os(err, "open the tree");
	f = rel_alloc(sizeof(*f));
	r = push(f, fd, err);
	if (r < 0)
		return r;
	*ret = f;
	f = NULL;
	return 0;
}

/* Open what ${i} is; its owner gets the bits ${wanted} first. It was looked at
 * and is no link, and nobody is there to change that. */
static int open_item(
	const struct level *l, const struct item *i, int flags, mode_t wanted)
{
	if ((i->mode & wanted) != wanted &&
		fchmodat(l->fd, i->name, (i->mode & 0777) | wanted, 0) < 0)
		return -1;
	return openat(
		l->fd, i->name, flags | O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
}

/* Go into the directory that the last entry was. */
static int enter(struct rel_folder *f, struct rel_err *err)
{
	const struct level *l = &f->levels.v[f->levels.n - 1];
	int fd = open_item(l, f->last, O_DIRECTORY, 0500);

	if (fd < 0)
		return rel_fail_os(
			err, "open directory '%.200s'", rel_buf_str(&f->path));
	f->last = NULL;
	return push(f, fd, err);
}

static int read_target(
	struct rel_folder *f, struct rel_entry *e, struct rel_err *err)
{
	const struct level *l = &f->levels.v[f->levels.n - 1];
	ssize_t n = readlinkat(
		l->fd, f->last->name, f->target, sizeof(f->target) - 1);

	if (n < 0)
		return rel_fail_os(err, "read the link '%.200s'", e->path);
	f->target[n] = '\0';
	e->target = f->target;
	e->target_len = (size_t)n;
	return 0;
}

int rel_folder_next(struct rel_folder *f, struct rel_entry *ret, bool *ret_more,
	struct rel_err *err)
{
	struct level *l;
	int r = 0;

	if (f->last && S_ISDIR(f->last->mode))
		r = enter(f, err);
	if (r < 0)
		return r;
	while (f->levels.n > 0 && f->levels.v[f->levels.n - 1].at ==
					  f->levels.v[f->levels.n - 1].items.n)
		pop(f);
	f->last = NULL;
	*ret_more = f->levels.n > 0;
	if (!*ret_more)
		return 0;
	l = &f->levels.v[f->levels.n - 1];
	f->last = &l->items.v[l->at++];
	f->path.len = l->dir_len;
	if (l->dir_len)
		rel_buf_addc(&f->path, '/');
	rel_buf_adds(&f->path, f->last->name);
	*ret = (struct rel_entry){
		.type = S_ISDIR(f->last->mode)	 ? REL_DIR
			: S_ISLNK(f->last->mode) ? REL_LINK
						 : REL_FILE,
		.path = f->path.p,
		.path_len = f->path.len,
		.target = "",
	};
	if (ret->type == REL_LINK)
		return read_target(f, ret, err);
	if (ret->type == REL_FILE) {
		ret->executable = f->last->mode & S_IXUSR;
		ret->size = f->last->size;
	}
	return 0;
}

int rel_folder_file(struct rel_folder *f, int *ret_fd, struct rel_err *err)
{
	const struct level *l = &f->levels.v[f->levels.n - 1];
	int fd = open_item(l, f->last, O_NONBLOCK, 0400);

	if (fd < 0)
		return rel_fail_os(err, "open '%.200s'", rel_buf_str(&f->path));
	*ret_fd = fd;
	return 0;
}

void rel_folder_closep(struct rel_folder **fp)
{
	struct rel_folder *f = *fp;

	if (!f)
		return;
	while (f->levels.n > 0)
		pop(f);
	rel_vec_free(&f->levels);
	rel_buf_free(&f->path);
	free(f);
	*fp = NULL;
}
