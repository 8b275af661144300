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

struct job {
	const struct rel_unpack *how;
	struct rel_reader *reader;
	int top;
	int dir; /* the directory of the entry, or -1 */
	struct rel_buf dir_path;
	struct rel_buf held;
	REL_VEC(char *) dirs; /* to be closed to writing, in order */
	struct rel_sha256 *sha;
};

static int open_beneath(int dirfd, const char *path)
{
	struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
			   RESOLVE_NO_MAGICLINKS,
	};

	return (int)syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
}

/* The last component; job->dir is then the directory that it belongs in. */
static int enter(struct job *j, const struct rel_entry *e, const char **ret,
	struct rel_err *err)
{
	const char *slash = strrchr(e->path, '/');
	size_t n = slash ? (size_t)(slash - e->path) : 0;

	*ret = slash ? slash + 1 : e->path;
	if (j->dir >= 0 && j->dir_path.len == n &&
		(n == 0 || memcmp(j->dir_path.p, e->path, n) == 0))
		return 0;
	rel_closep(&j->dir);
	rel_buf_reset(&j->dir_path);
	rel_buf_add(&j->dir_path, e->path, n);
	j->dir = open_beneath(j->top, n ? j->dir_path.p : ".");
	if (j->dir < 0)
		return rel_fail_os(err, "open a directory of the tree");
	return 0;
}

static void set_times(const struct job *j, struct timespec t[2])
{
	t[0] = t[1] = (struct timespec){ .tv_sec = (time_t)j->how->mtime_s };
}

static int copy(struct job *j, const struct rel_entry *e, int fd,
	struct rel_id *ret, struct rel_err *err)
{
	const void *p;
	size_t n;
	int r;

	for (;;) {
		r = rel_reader_data(j->reader, &p, &n, err);
		if (r < 0)
			return r;
		if (n == 0)
			break;
		rel_sha256_add(j->sha, p, n);
		if (fd >= 0)
			r = rel_write_fd(fd, p, n, err);
		else
			rel_buf_add(&j->held, p, n);
		if (r < 0)
			return rel_wrap(err, "'%.200s'", e->path);
	}
	*ret = rel_sha256_final(j->sha);
	return 0;
}

/* Link the file from where it is already; false: it has to be written. */
static bool link_shared(struct job *j, const struct rel_entry *e,
	const struct rel_id *digest, const char *name)
{
	const char *from;
	int dirfd;

	if (!j->how->share ||
		!j->how->share(j->how->arg, e, digest, &dirfd, &from))
		return false;
	return linkat(dirfd, from, j->dir, name, 0) == 0;
}

static int finish_file(
	struct job *j, const struct rel_entry *e, int fd, struct rel_err *err)
{
	mode_t write = j->how->writable ? 0200 : 0;
	struct timespec t[2];

	set_times(j, t);
	if (fchmod(fd, (e->executable ? 0555 : 0444) | write) < 0 ||
		futimens(fd, t) < 0)
		return rel_fail_os(err, "finish '%.200s'", e->path);
	return 0;
}

static int create(struct job *j, const struct rel_entry *e, const char *name,
	int *ret, struct rel_err *err)
{
	*ret = openat(j->dir, name,
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (*ret < 0)
		return rel_fail_os(err, "create '%.200s'", e->path);
	return 0;
}

/* A small content is held back until it is known whether it is shared. */
static int unpack_held(struct job *j, const struct rel_entry *e,
	const char *name, struct rel_id *digest, struct rel_err *err)
{
	REL_AUTO(rel_closep) int fd = -1;
	int r;

	rel_buf_reset(&j->held);
	r = copy(j, e, -1, digest, err);
	if (r < 0 || link_shared(j, e, digest, name))
		return r;
	r = create(j, e, name, &fd, err);
	if (r == 0)
		r = rel_write_fd(fd, rel_buf_str(&j->held), j->held.len, err);
	if (r < 0)
		return rel_wrap(err, "'%.200s'", e->path);
	return finish_file(j, e, fd, err);
}

/* A large one is written without a name, and dropped if it is shared. Where
 * the file system has no O_TMPFILE it gets its name at once. */
static int unpack_large(struct job *j, const struct rel_entry *e,
	const char *name, struct rel_id *digest, struct rel_err *err)
{
	REL_AUTO(rel_closep) int fd = -1;
	bool named = false;
	char self[32];
	int r = 0;

	fd = openat(j->dir, ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600);
	if (fd < 0) {
		named = true;
		r = create(j, e, name, &fd, err);
	}
	if (r == 0)
		r = copy(j, e, fd, digest, err);
	if (r < 0 || (!named && link_shared(j, e, digest, name)))
		return r;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	if (!named &&
		linkat(AT_FDCWD, self, j->dir, name, AT_SYMLINK_FOLLOW) < 0)
		return rel_fail_os(err, "name '%.200s'", e->path);
	return finish_file(j, e, fd, err);
}

static int unpack_link(struct job *j, const struct rel_entry *e,
	const char *name, struct rel_err *err)
{
	struct timespec t[2];

	set_times(j, t);
	if (symlinkat(e->target, j->dir, name) < 0 ||
		utimensat(j->dir, name, t, AT_SYMLINK_NOFOLLOW) < 0)
		return rel_fail_os(err, "make the link '%.200s'", e->path);
	return 0;
}

static int unpack_entry(struct job *j, const struct rel_entry *e,
	struct rel_id *digest, struct rel_err *err)
{
	const char *name;
	int r = enter(j, e, &name, err);

	if (r < 0)
		return r;
	if (e->type == REL_FILE)
		return e->size <= HOLD ? unpack_held(j, e, name, digest, err)
				       : unpack_large(j, e, name, digest, err);
	if (e->type == REL_LINK)
		return unpack_link(j, e, name, err);
	if (mkdirat(j->dir, name, 0700) < 0)
		return rel_fail_os(err, "create directory '%.200s'", e->path);
	rel_vec_push(&j->dirs, rel_strndup(e->path, e->path_len));
	return 0;
}

/* From the deepest up: what is in a directory touches its mtime. */
static int close_dirs(struct job *j, struct rel_err *err)
{
	mode_t mode = j->how->writable ? 0755 : 0555;
	struct timespec t[2];

	set_times(j, t);
	for (size_t i = j->dirs.n; i-- > 0;) {
		REL_AUTO(rel_closep)
		int fd = open_beneath(j->top, j->dirs.v[i]);

		if (fd < 0 || fchmod(fd, mode) < 0 || futimens(fd, t) < 0)
			return rel_fail_os(
				err, "finish directory '%.200s'", j->dirs.v[i]);
	}
	if (futimens(j->top, t) < 0)
		return rel_fail_os(err, "finish the tree");
	return 0;
}

int rel_unpack(struct rel_reader *reader, int dirfd,
	const struct rel_unpack *how, struct rel_err *err)
{
	struct job j = {
		.how = how, .reader = reader, .top = dirfd, .dir = -1
	};
	struct rel_entry e;
	struct rel_id digest;
	uint64_t offset;
	bool more = true;
	int r = 0;

	j.sha = rel_sha256_new();
	while (r == 0) {
		r = rel_reader_next(reader, &e, &offset, &more, err);
		if (r < 0 || !more)
			break;
		r = unpack_entry(&j, &e, &digest, err);
		if (r == 0 && how->done)
			r = how->done(how->arg, &e, &digest, offset, err);
	}
	if (r == 0)
		r = close_dirs(&j, err);
	rel_closep(&j.dir);
	for (size_t i = 0; i < j.dirs.n; i++)
		free(j.dirs.v[i]);
	rel_vec_free(&j.dirs);
	rel_buf_free(&j.dir_path);
	rel_buf_free(&j.held);
	rel_sha256_freep(&j.sha);
	return r;
}
