/* SPDX-License-Identifier: Apache-2.0 */
/* lib/store/tree.c - unpacked artifacts, and their indexes. Mechanism. */
#include "store/tree.h"
#include "base/file.h"
#include "store/layout.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* A million entries with long names. */
#define MAX_INDEX (1u << 30)

struct rel_tree {
	struct rel_store *s;
	char name[17]; /* in tmp/ */
	int fd;
};

static struct rel_object_name tree_name(const struct rel_id *artifact)
{
	return rel_object_name(artifact, "");
}

static struct rel_object_name index_name(const struct rel_id *artifact)
{
	return rel_object_name(artifact, ".index");
}

int rel_tree_begin(
	struct rel_store *s, struct rel_tree **ret, struct rel_err *err)
{
	REL_AUTO(rel_tree_abortp) struct rel_tree *t = rel_alloc(sizeof(*t));
	int r;

	t->s = s;
	t->fd = -1;
	rel_random_name(t->name);
	r = rel_open_dir(s->dirs[REL_DIR_TMP], t->name, 0700, &t->fd, err);
	if (r < 0)
		return r;
	/* To be moved, a directory must be one that its owner may write. */
	if (fchmod(t->fd, 0755) < 0)
		return rel_fail_os(err, "set the mode of a new tree");
	*ret = t;
	t = NULL;
	return 0;
}

int rel_tree_dirfd(const struct rel_tree *t)
{
	return t->fd;
}

void rel_tree_place(const struct rel_tree *t, struct rel_buf *out)
{
	rel_buf_addf(out, "%s/tmp/%s", t->s->path, t->name);
}

void rel_tree_abortp(struct rel_tree **tp)
{
	struct rel_tree *t = *tp;
	struct rel_err ignored = REL_ERR_INIT;

	if (!t)
		return;
	/* What can't be removed now is swept away later. */
	if (t->fd >= 0 &&
		rel_remove_tree(t->s->dirs[REL_DIR_TMP], t->name, &ignored) < 0)
		ignored.code = REL_OK;
	rel_closep(&t->fd);
	free(t);
	*tp = NULL;
}

static bool is_there(struct rel_store *s, struct rel_object_name name)
{
	return faccessat(s->dirs[REL_DIR_TREES], name.s, F_OK,
		       AT_SYMLINK_NOFOLLOW) == 0;
}

bool rel_tree_exists(struct rel_store *s, const struct rel_id *artifact)
{
	return is_there(s, tree_name(artifact)) &&
	       is_there(s, index_name(artifact));
}

/* Out of trees/ first, so that a part of it is never taken for the whole. */
static int remove_tree(
	struct rel_store *s, int fd, const char *name, struct rel_err *err)
{
	char random[17];

	rel_random_name(random);
	if (fchmod(fd, 0755) < 0 || renameat(s->dirs[REL_DIR_TREES], name,
					    s->dirs[REL_DIR_TMP], random) < 0)
		return rel_fail_os(err, "remove 'trees/%s'", name);
	return rel_remove_tree(s->dirs[REL_DIR_TMP], random, err);
}

/* Open the directory with a lock on it; it may have been moved away before the
 * lock was there. */
static int open_locked(struct rel_store *s, const struct rel_id *artifact,
	int operation, int *ret_fd, struct rel_err *err)
{
	struct rel_object_name name = tree_name(artifact);
	REL_AUTO(rel_closep) int fd = -1;
	struct stat mine, now;
	int r = rel_open_dir(s->dirs[REL_DIR_TREES], name.s, 0, &fd, err);

	if (r == -REL_ENOTFOUND)
		return rel_fail(
			err, REL_ENOTFOUND, "'%s' is not unpacked", name.s);
	if (r < 0)
		return r;
	if (flock(fd, operation | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK)
			return rel_fail(
				err, REL_EBUSY, "'trees/%s' is in use", name.s);
		return rel_fail_os(err, "lock 'trees/%s'", name.s);
	}
	if (fstat(fd, &mine) < 0)
		return rel_fail_os(err, "look at 'trees/%s'", name.s);
	if (fstatat(s->dirs[REL_DIR_TREES], name.s, &now, AT_SYMLINK_NOFOLLOW) <
			0 ||
		now.st_ino != mine.st_ino || now.st_dev != mine.st_dev)
		return rel_fail(err, REL_ENOTFOUND,
			"'%s' is not unpacked any more", name.s);
	*ret_fd = fd;
	fd = -1;
	return 0;
}

/* A tree without an index is what a removal left that did not get far. */
static int remove_orphan(
	struct rel_store *s, const struct rel_id *artifact, struct rel_err *err)
{
	REL_AUTO(rel_closep) int fd = -1;
	int r;

	/* In this order: whoever publishes names the index first. */
	if (!is_there(s, tree_name(artifact)) ||
		is_there(s, index_name(artifact)))
		return 0;
	r = open_locked(s, artifact, LOCK_EX, &fd, err);
	if (r == -REL_ENOTFOUND)
		return 0;
	return r < 0 ? r : remove_tree(s, fd, tree_name(artifact).s, err);
}

/* The index goes first: with a tree there is always an index. One that is there
 * without a tree is left over, or belongs to somebody who does this too; and so
 * may a mark, which must not be taken for this tree's. */
static int put_index(struct rel_store *s, const struct rel_id *artifact,
	const void *p, size_t n, struct rel_err *err)
{
	int r;

	if (is_there(s, tree_name(artifact)))
		return 0;
	r = rel_tree_unmark(s, artifact, err);
	if (r > 0)
		r = rel_sync(s->dirs[REL_DIR_TREES], "trees", err);
	if (r < 0)
		return r;
	return rel_derived_replace(
		s, REL_DIR_TREES, index_name(artifact).s, p, n, err);
}

int rel_tree_commit(struct rel_tree **tp, const struct rel_id *artifact,
	const void *index, size_t n, int *ret_fd, struct rel_err *err)
{
	REL_AUTO(rel_tree_abortp) struct rel_tree *t = *tp;
	struct rel_object_name name = tree_name(artifact);
	struct rel_store *s = t->s;
	int trees = s->dirs[REL_DIR_TREES], r;

	*tp = NULL;
	*ret_fd = -1;
	if ((r = remove_orphan(s, artifact, err)) < 0 ||
		(r = put_index(s, artifact, index, n, err)) < 0)
		return r;
	/* From its first moment on it is in use. */
	if (flock(t->fd, LOCK_SH | LOCK_NB) < 0)
		return rel_fail_os(err, "lock a new tree");
	if (renameat2(s->dirs[REL_DIR_TMP], t->name, trees, name.s,
		    RENAME_NOREPLACE) < 0) {
		/* Somebody else unpacked it meanwhile: theirs stays. */
		if (errno == EEXIST)
			return 0;
		return rel_fail_os(err, "name 'trees/%s'", name.s);
	}
	/* What abort would remove has another name now. */
	if (fchmod(t->fd, 0555) < 0)
		return rel_fail_os(err, "set the mode of 'trees/%s'", name.s);
	r = rel_tree_mark(s, artifact, err);
	if (r < 0)
		return r;
	*ret_fd = t->fd;
	t->fd = -1;
	return 0;
}

int rel_tree_open(struct rel_store *s, const struct rel_id *artifact,
	int *ret_fd, struct rel_err *err)
{
	REL_AUTO(rel_closep) int fd = -1;
	struct stat st;
	int r;

	if (!is_there(s, index_name(artifact)))
		return rel_fail(err, REL_ENOTFOUND, "'%s' is not unpacked",
			tree_name(artifact).s);
	r = open_locked(s, artifact, LOCK_SH, &fd, err);
	if (r == -REL_EBUSY)
		return rel_fail(err, REL_ENOTFOUND, "'%s' is being removed",
			tree_name(artifact).s);
	if (r < 0)
		return r;
	/* The last step of a commit, if that was cut short. Where nothing can
	 * be written it is not missed. */
	if (fstat(fd, &st) == 0 && (st.st_mode & 07777) != 0555 &&
		fchmod(fd, 0555) < 0 && errno != EROFS && errno != EPERM)
		return rel_fail_os(err, "set the mode of 'trees/%s'",
			tree_name(artifact).s);
	*ret_fd = fd;
	fd = -1;
	return 0;
}

int rel_tree_index(struct rel_store *s, const struct rel_id *artifact,
	struct rel_buf *out, struct rel_err *err)
{
	struct rel_object_name name = index_name(artifact);
	int r;

	rel_buf_reset(out);
	r = rel_read_file(s->dirs[REL_DIR_TREES], name.s, MAX_INDEX, out, err);
	if (r == -REL_ENOTFOUND)
		return rel_fail(err, REL_ENOTFOUND, "'%s' is not unpacked",
			tree_name(artifact).s);
	return r;
}

/* Bytes on disk that go when this directory goes. */
static uint64_t own_bytes(int at, const char *name)
{
	REL_AUTO(rel_closep) int fd = -1;
	struct rel_err ignored = REL_ERR_INIT;
	struct dirent *de;
	struct stat st;
	uint64_t sum = 0;
	DIR *dir;

	if (rel_open_dir(at, name, 0, &fd, &ignored) < 0)
		return 0;
	dir = fdopendir(fd);
	if (!dir)
		return 0;
	fd = -1; /* closedir closes it */
	while ((de = readdir(dir)) != NULL) {
		if (!strcmp(de->d_name, "..") ||
			fstatat(dirfd(dir), de->d_name, &st,
				AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISDIR(st.st_mode) && strcmp(de->d_name, ".") != 0)
			sum += own_bytes(dirfd(dir), de->d_name);
		else if (S_ISDIR(st.st_mode) || st.st_nlink == 1)
			sum += (uint64_t)st.st_blocks * 512;
	}
	closedir(dir);
	return sum;
}

bool rel_tree_in_use(struct rel_store *s, const struct rel_id *artifact)
{
	REL_AUTO(rel_closep) int fd = -1;
	struct rel_err ignored;

	return open_locked(s, artifact, LOCK_EX, &fd, &ignored) == -REL_EBUSY;
}

uint64_t rel_tree_bytes(struct rel_store *s, const struct rel_id *artifact)
{
	return own_bytes(s->dirs[REL_DIR_TREES], tree_name(artifact).s);
}

int rel_tree_drop(struct rel_store *s, const struct rel_id *artifact,
	uint64_t *ret_bytes, struct rel_err *err)
{
	struct rel_object_name name = tree_name(artifact);
	REL_AUTO(rel_closep) int fd = -1;
	int trees = s->dirs[REL_DIR_TREES];
	uint64_t bytes;
	int r = open_locked(s, artifact, LOCK_EX, &fd, err);

	/* Something else has been put in its place. */
	if (r == -REL_EINTEGRITY && unlinkat(trees, name.s, 0) < 0)
		return rel_fail_os(err, "remove 'trees/%s'", name.s);
	if (r < 0 && r != -REL_ENOTFOUND && r != -REL_EINTEGRITY)
		return r;
	bytes = fd >= 0 ? own_bytes(trees, name.s) : 0;
	if (unlinkat(trees, index_name(artifact).s, 0) < 0 && errno != ENOENT)
		return rel_fail_os(
			err, "remove 'trees/%s'", index_name(artifact).s);
	/* Nothing that is said of it may come back after the next one. */
	r = rel_tree_unmark(s, artifact, err);
	if (r >= 0)
		r = rel_sync(trees, "trees", err);
	if (r == 0 && fd >= 0)
		r = remove_tree(s, fd, name.s, err);
	if (r == 0 && ret_bytes)
		*ret_bytes = bytes;
	return r;
}

/* "HEX", and with what a tree has beside it. */
static bool parse_name(const char *name, struct rel_id *ret)
{
	char hex[65] = "";

	if (strlen(name) < 64)
		return false;
	memcpy(hex, name, 64);
	return rel_id_parse(hex, ret) &&
	       (!name[64] || !strcmp(name + 64, ".index") ||
		       !strcmp(name + 64, ".mark"));
}

static int compare_ids(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct rel_id));
}

static int list_trees(struct rel_store *s, rel_id_vec *ret, struct rel_err *err)
{
	int fd = openat(s->dirs[REL_DIR_TREES], ".",
		O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;
	struct rel_id id;
	int r = 0;

	if (!dir)
		return rel_fail_os(err, "list 'trees'");
	while (r == 0 && (de = readdir(dir)) != NULL) {
		const char *name = de->d_name;

		if (!strcmp(name, ".") || !strcmp(name, "..") ||
			rel_is_leftover(name))
			continue;
		if (parse_name(name, &id))
			rel_vec_push(ret, id);
		else
			r = rel_fail(err, REL_EINTEGRITY,
				"'trees/%s' does not belong there", name);
	}
	closedir(dir);
	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), compare_ids);
	return r;
}

int rel_tree_each(struct rel_store *s,
	int (*fn)(
		void *arg, const struct rel_id *artifact, struct rel_err *err),
	void *arg, struct rel_err *err)
{
	rel_id_vec ids = { 0 };
	int r = list_trees(s, &ids, err);

	for (size_t i = 0; r == 0 && i < ids.n; i++)
		if (i == 0 || !rel_id_equal(&ids.v[i], &ids.v[i - 1]))
			r = fn(arg, &ids.v[i], err);
	rel_vec_free(&ids);
	return r;
}

void rel_tree_path(
	struct rel_store *s, const struct rel_id *artifact, struct rel_buf *out)
{
	rel_buf_addf(out, "%s/trees/%s", s->path, tree_name(artifact).s);
}
