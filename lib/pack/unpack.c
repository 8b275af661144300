/* SPDX-License-Identifier: Apache-2.0 */
#include "pack/unpack.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/vec.h"
#include "crypto/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A content up to this is held back until it is known whether it is shared. */
#define HOLD (1u << 20)

/* Directories that stay open: the one that files go into, and those above it
 * that the next ones are made in. */
#define OPEN_DIRS 6

struct open_dir {
	int fd; /* -1: none */
	struct rel_buf path;
	uint64_t used; /* when, for the least recently used */
};

struct rel_unpacker {
	const struct rel_unpack *how;
	int top;
	struct open_dir dirs[OPEN_DIRS];
	uint64_t clock;
	int dir; /* the directory of the entry, one of dirs or top */
	struct rel_buf held;
	struct rel_sha256 *sha;
	struct timespec times[2];
	/* Files get the mode that open was given: neither a umask nor a default
	 * ACL takes bits off. By executable. */
	bool seen_mode[2], exact_mode[2];
};

struct rel_unpacker *rel_unpacker_new(int dirfd, const struct rel_unpack *how)
{
	struct rel_unpacker *u = rel_alloc(sizeof(*u));

	u->how = how;
	u->top = dirfd;
	u->sha = rel_sha256_new();
	u->times[0] = u->times[1] =
		(struct timespec){ .tv_sec = (time_t)how->mtime_s };
	for (size_t i = 0; i < OPEN_DIRS; i++)
		u->dirs[i].fd = -1;
	return u;
}

void rel_unpacker_freep(struct rel_unpacker **up)
{
	struct rel_unpacker *u = *up;

	if (!u)
		return;
	for (size_t i = 0; i < OPEN_DIRS; i++) {
		rel_closep(&u->dirs[i].fd);
		rel_buf_free(&u->dirs[i].path);
	}
	rel_buf_free(&u->held);
	rel_sha256_freep(&u->sha);
	free(u);
	*up = NULL;
}

static int open_beneath(int dirfd, const char *path, int flags)
{
	struct open_how how = {
		.flags = (unsigned)flags | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
			   RESOLVE_NO_MAGICLINKS,
	};

	return (int)syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
}

/* A name that could not be made. Among unpackers of one tar, in a directory
 * that was empty, what is there already is the tar's fault. */
static int fail_name(const struct rel_unpacker *u, const struct rel_entry *e,
	const char *what, struct rel_err *err)
{
	if (errno == EEXIST && u->how->shared_work)
		return rel_fail(err, REL_EINTEGRITY,
			"not an artifact of relctl: '%.200s' is there twice",
			e->path);
	return rel_fail_os(err, "%s '%.200s'", what, e->path);
}

/* Make a directory whose entry comes later, or is another's, and those above
 * it: from the top down, each beneath the one before. */
static int make_missing(struct rel_unpacker *u, const char *path)
{
	REL_AUTO(rel_freep) char *part = rel_strdup(path);
	REL_AUTO(rel_closep) int at = -1;

	for (char *name = part, *end; name; name = end) {
		int in = at >= 0 ? at : u->top, fd;

		end = strchr(name, '/');
		if (end)
			*end++ = '\0';
		if (mkdirat(in, name, 0700) < 0 && errno != EEXIST)
			return -1;
		fd = open_beneath(in, name, O_PATH);
		if (fd < 0)
			return -1;
		rel_closep(&at);
		at = fd;
	}
	return 0;
}

static struct open_dir *find_dir(
	struct rel_unpacker *u, const char *path, size_t n, bool *ret_open)
{
	struct open_dir *oldest = &u->dirs[0];

	for (size_t i = 0; i < OPEN_DIRS; i++) {
		struct open_dir *d = &u->dirs[i];

		*ret_open = d->fd >= 0 && d->path.len == n &&
			    memcmp(d->path.p, path, n) == 0;
		if (*ret_open)
			return d;
		if (d->used < oldest->used)
			oldest = d;
	}
	return oldest;
}

/* The last component; u->dir is then the directory that it belongs in. */
static int enter(struct rel_unpacker *u, const struct rel_entry *e,
	const char **ret, struct rel_err *err)
{
	const char *slash = memrchr(e->path, '/', e->path_len);
	size_t n = slash ? (size_t)(slash - e->path) : 0;
	struct open_dir *d;
	bool open;

	*ret = slash ? slash + 1 : e->path;
	u->dir = u->top;
	if (n == 0)
		return 0;
	d = find_dir(u, e->path, n, &open);
	d->used = ++u->clock;
	if (!open) {
		rel_closep(&d->fd);
		rel_buf_reset(&d->path);
		rel_buf_add(&d->path, e->path, n);
		d->fd = open_beneath(u->top, d->path.p, O_PATH);
		if (d->fd < 0 && errno == ENOENT && u->how->shared_work &&
			make_missing(u, d->path.p) == 0)
			d->fd = open_beneath(u->top, d->path.p, O_PATH);
	}
	if (d->fd < 0)
		return rel_fail_os(err, "open a directory of the tree");
	u->dir = d->fd;
	return 0;
}

/* The content's digest, and its bytes: where the reader has them, if it has
 * all of them at once, else in u->held. */
static int hold(struct rel_unpacker *u, struct rel_reader *reader,
	const struct rel_entry *e, const void **ret_p, struct rel_id *ret,
	struct rel_err *err)
{
	const void *p = "";
	size_t n = 0;
	int r = rel_reader_data(reader, &p, &n, err);

	*ret_p = p;
	rel_buf_reset(&u->held);
	if (r == 0 && n > 0)
		rel_sha256_add(u->sha, p, n);
	while (r == 0 && n > 0 && n < e->size) {
		rel_buf_add(&u->held, p, n);
		*ret_p = u->held.p;
		r = rel_reader_data(reader, &p, &n, err);
		if (r == 0)
			rel_sha256_add(u->sha, p, n);
	}
	*ret = rel_sha256_final(u->sha);
	return r;
}

static int copy(struct rel_unpacker *u, struct rel_reader *reader,
	const struct rel_entry *e, int fd, struct rel_id *ret,
	struct rel_err *err)
{
	const void *p;
	size_t n;
	int r;

	while ((r = rel_reader_data(reader, &p, &n, err)) == 0 && n > 0) {
		rel_sha256_add(u->sha, p, n);
		r = rel_write_fd(fd, p, n, err);
		if (r < 0)
			return rel_wrap(err, "'%.200s'", e->path);
	}
	*ret = rel_sha256_final(u->sha);
	return r;
}

/* Link the file from where it is already; false: it has to be written. */
static bool link_shared(struct rel_unpacker *u, const struct rel_entry *e,
	const struct rel_id *digest, const char *name)
{
	const char *from;
	int dirfd;

	if (!u->how->share ||
		!u->how->share(u->how->arg, e, digest, &dirfd, &from))
		return false;
	return linkat(dirfd, from, u->dir, name, 0) == 0;
}

static mode_t file_mode(const struct rel_unpacker *u, const struct rel_entry *e)
{
	return (e->executable ? 0555 : 0444) | (u->how->writable ? 0200 : 0);
}

/* What open made of the mode is looked at once: one umask and one default ACL
 * hold for the whole tree. */
static int finish_file(struct rel_unpacker *u, const struct rel_entry *e,
	int fd, struct rel_err *err)
{
	mode_t mode = file_mode(u, e);
	bool x = e->executable;
	struct stat st;

	if (!u->seen_mode[x]) {
		if (fstat(fd, &st) < 0)
			return rel_fail_os(err, "look at '%.200s'", e->path);
		u->seen_mode[x] = true;
		u->exact_mode[x] = (st.st_mode & 07777) == mode;
	}
	if ((!u->exact_mode[x] && fchmod(fd, mode) < 0) ||
		futimens(fd, u->times) < 0)
		return rel_fail_os(err, "finish '%.200s'", e->path);
	return 0;
}

static int create(struct rel_unpacker *u, const struct rel_entry *e,
	const char *name, int *ret, struct rel_err *err)
{
	*ret = openat(u->dir, name,
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		file_mode(u, e));
	if (*ret < 0)
		return fail_name(u, e, "create", err);
	return 0;
}

/* A small content is held back until it is known whether it is shared. */
static int unpack_held(struct rel_unpacker *u, struct rel_reader *reader,
	const struct rel_entry *e, const char *name, struct rel_id *digest,
	struct rel_err *err)
{
	REL_AUTO(rel_closep) int fd = -1;
	const void *content;
	int r = hold(u, reader, e, &content, digest, err);

	if (r < 0 || link_shared(u, e, digest, name))
		return r;
	r = create(u, e, name, &fd, err);
	if (r < 0)
		return r;
	r = rel_write_fd(fd, content, (size_t)e->size, err);
	if (r < 0)
		return rel_wrap(err, "'%.200s'", e->path);
	return finish_file(u, e, fd, err);
}

/* A large one is written without a name, and dropped if it is shared. Where
 * the file system has no O_TMPFILE it gets its name at once. */
static int unpack_large(struct rel_unpacker *u, struct rel_reader *reader,
	const struct rel_entry *e, const char *name, struct rel_id *digest,
	struct rel_err *err)
{
	REL_AUTO(rel_closep) int fd = -1;
	bool named = false;
	char self[32];
	int r = 0;

	fd = openat(
		u->dir, ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, file_mode(u, e));
	if (fd < 0) {
		named = true;
		r = create(u, e, name, &fd, err);
	}
	if (r == 0)
		r = copy(u, reader, e, fd, digest, err);
	if (r < 0 || (!named && link_shared(u, e, digest, name)))
		return r;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	if (!named &&
		linkat(AT_FDCWD, self, u->dir, name, AT_SYMLINK_FOLLOW) < 0)
		return fail_name(u, e, "name", err);
	return finish_file(u, e, fd, err);
}

static int make_link(struct rel_unpacker *u, const struct rel_entry *e,
	const char *name, struct rel_err *err)
{
	if (symlinkat(e->target, u->dir, name) < 0 ||
		utimensat(u->dir, name, u->times, AT_SYMLINK_NOFOLLOW) < 0)
		return fail_name(u, e, "make the link", err);
	return 0;
}

/* Is it a directory that another unpacker has made? */
static bool is_made(struct rel_unpacker *u, const char *name)
{
	struct stat st;

	return u->how->shared_work &&
	       fstatat(u->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISDIR(st.st_mode);
}

static int make_dir(struct rel_unpacker *u, const struct rel_entry *e,
	const char *name, struct rel_err *err)
{
	int fault = mkdirat(u->dir, name, 0700) < 0 ? errno : 0;

	if (fault == 0 || (fault == EEXIST && is_made(u, name)))
		return 0;
	errno = fault;
	return fail_name(u, e, "create directory", err);
}

/* What is no file. */
static int make_other(struct rel_unpacker *u, const struct rel_entry *e,
	const char *name, struct rel_err *err)
{
	return e->type == REL_LINK ? make_link(u, e, name, err)
				   : make_dir(u, e, name, err);
}

int rel_unpacker_add(struct rel_unpacker *u, struct rel_reader *reader,
	const struct rel_entry *e, struct rel_id *digest, struct rel_err *err)
{
	const char *name;
	int r = enter(u, e, &name, err);

	if (r < 0)
		return r;
	if (e->type != REL_FILE)
		return make_other(u, e, name, err);
	return e->size <= HOLD ? unpack_held(u, reader, e, name, digest, err)
			       : unpack_large(u, reader, e, name, digest, err);
}

int rel_unpacker_link(struct rel_unpacker *u, const struct rel_entry *e,
	int from, struct rel_err *err)
{
	const char *name;
	int r = enter(u, e, &name, err);

	if (r < 0)
		return r;
	if (e->type != REL_FILE)
		return make_other(u, e, name, err);
	if (linkat(from, e->path, u->dir, name, 0) < 0)
		return rel_fail_os(err, "link '%.200s'", e->path);
	return 0;
}

int rel_unpacker_undo(
	struct rel_unpacker *u, const struct rel_entry *e, struct rel_err *err)
{
	const char *name;
	int r = enter(u, e, &name, err);

	/* A directory may have something in it by now, and can stay. */
	if (r < 0 || e->type == REL_DIR)
		return r;
	if (unlinkat(u->dir, name, 0) < 0 && errno != ENOENT)
		return rel_fail_os(err, "remove '%.200s'", e->path);
	return 0;
}

int rel_unpacker_finish(
	struct rel_unpacker *u, const char *path, struct rel_err *err)
{
	REL_AUTO(rel_closep) int fd = -1;

	if (!path) {
		if (futimens(u->top, u->times) < 0)
			return rel_fail_os(err, "finish the tree");
		return 0;
	}
	fd = open_beneath(u->top, path, O_RDONLY);
	if (fd < 0 || fchmod(fd, u->how->writable ? 0755 : 0555) < 0 ||
		futimens(fd, u->times) < 0)
		return rel_fail_os(err, "finish directory '%.200s'", path);
	return 0;
}

int rel_unpack(struct rel_reader *reader, int dirfd,
	const struct rel_unpack *how, struct rel_err *err)
{
	struct rel_unpacker *u = rel_unpacker_new(dirfd, how);
	REL_VEC(char *) dirs = { 0 };
	struct rel_entry e;
	struct rel_id digest;
	uint64_t offset;
	bool more = true;
	int r = 0;

	while (r == 0) {
		r = rel_reader_next(reader, &e, &offset, &more, err);
		if (r < 0 || !more)
			break;
		r = rel_unpacker_add(u, reader, &e, &digest, err);
		if (r == 0 && e.type == REL_DIR)
			rel_vec_push(&dirs, rel_strndup(e.path, e.path_len));
		if (r == 0 && how->done)
			r = how->done(how->arg, &e, &digest, offset, err);
	}
	for (size_t i = dirs.n; i-- > 0; free(dirs.v[i]))
		if (r == 0)
			r = rel_unpacker_finish(u, dirs.v[i], err);
	rel_vec_free(&dirs);
	if (r == 0)
		r = rel_unpacker_finish(u, NULL, err);
	rel_unpacker_freep(&u);
	return r;
}
