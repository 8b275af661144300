/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include "base/id.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

void rel_closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

int rel_open_read(int dirfd, const char *name, int *ret_fd, struct rel_err *err)
{
	/* Not to wait where somebody has put a FIFO. */
	REL_AUTO(rel_closep)
	int fd = openat(
		dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return rel_fail(err, REL_ENOTFOUND, "no file '%s'", name);
	if (fd < 0 && errno != ELOOP && errno != ENXIO)
		return rel_fail_os(err, "open '%s'", name);
	if (fd >= 0 && fstat(fd, &st) < 0)
		return rel_fail_os(err, "look at '%s'", name);
	if (fd < 0 || !S_ISREG(st.st_mode))
		return rel_fail(
			err, REL_EINTEGRITY, "'%s' is not a file", name);
	*ret_fd = fd;
	fd = -1;
	return 0;
}

int rel_open_dir(int dirfd, const char *name, mode_t mode, int *ret_fd,
	struct rel_err *err)
{
	int fd;

	if (mode && mkdirat(dirfd, name, mode) < 0 && errno != EEXIST)
		return rel_fail_os(err, "create directory '%s'", name);
	fd = openat(
		dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT)
		return rel_fail(err, REL_ENOTFOUND, "no directory '%s'", name);
	if (fd < 0 && errno == ENOTDIR)
		return rel_fail(
			err, REL_EINTEGRITY, "'%s' is not a directory", name);
	if (fd < 0)
		return rel_fail_os(err, "open directory '%s'", name);
	*ret_fd = fd;
	return 0;
}

int rel_read_fd(int fd, size_t limit, struct rel_buf *buf, struct rel_err *err)
{
	size_t start = buf->len, expected = start;
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 &&
		(uint64_t)st.st_size <= limit)
		expected += (size_t)st.st_size + 1;
	for (;;) {
		/* Most files are small, and some buffers have to be wiped. */
		size_t step = expected > buf->len ? expected - buf->len : 65536;
		char *to = rel_buf_room(buf, step);
		ssize_t n = read(fd, to, step);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return rel_fail_os(err, "read");
		if (n == 0)
			return 0;
		buf->len += (size_t)n;
		buf->p[buf->len] = '\0';
		if (buf->len - start > limit)
			return rel_fail(err, REL_EINVALID,
				"more than %zu bytes", limit);
	}
}

int rel_read_file(int dirfd, const char *name, size_t limit,
	struct rel_buf *buf, struct rel_err *err)
{
	REL_AUTO(rel_closep) int fd = -1;
	int r = rel_open_read(dirfd, name, &fd, err);

	if (r < 0)
		return r;
	r = rel_read_fd(fd, limit, buf, err);
	return r < 0 ? rel_wrap(err, "'%s'", name) : 0;
}

int rel_write_fd(int fd, const void *p, size_t n, struct rel_err *err)
{
	const char *c = p;

	while (n > 0) {
		ssize_t done = write(fd, c, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return rel_fail_os(err, "write");
		c += done;
		n -= (size_t)done;
	}
	return 0;
}

int rel_sync(int fd, const char *what, struct rel_err *err)
{
	return fsync(fd) < 0 ? rel_fail_os(err, "sync '%s'", what) : 0;
}

void rel_random_name(char out[17])
{
	uint8_t b[8];

	while (getrandom(b, sizeof(b), 0) != (ssize_t)sizeof(b))
		;
	rel_hex_format(b, sizeof(b), out);
}

static int fill(int fd, const char *name, mode_t mode, const void *p, size_t n,
	struct rel_err *err)
{
	int r = rel_write_fd(fd, p, n, err);

	if (r < 0)
		return rel_wrap(err, "'%s'", name);
	if (fchmod(fd, mode) < 0)
		return rel_fail_os(err, "set the mode of '%s'", name);
	return rel_sync(fd, name, err);
}

/* For file systems without O_TMPFILE: a random name, then no-replace rename. */
static int publish_by_rename(int dirfd, const char *name, mode_t mode,
	const void *p, size_t n, bool *existed, struct rel_err *err)
{
	char tmp[32] = ".tmp-";
	REL_AUTO(rel_closep) int fd = -1;
	int r;

	rel_random_name(tmp + 5);
	fd = openat(dirfd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return rel_fail_os(err, "create '%s'", name);
	r = fill(fd, name, mode, p, n, err);
	if (r == 0 && renameat2(dirfd, tmp, dirfd, name, RENAME_NOREPLACE) == 0)
		return 0;
	if (r == 0 && errno == EEXIST)
		*existed = true;
	else if (r == 0)
		r = rel_fail_os(err, "name '%s'", name);
	unlinkat(dirfd, tmp, 0);
	return r;
}

int rel_publish(int dirfd, const char *name, mode_t mode, const void *p,
	size_t n, bool *ret_existed, struct rel_err *err)
{
	REL_AUTO(rel_closep) int fd = -1;
	bool existed = false;
	char path[32];
	int r;

	fd = openat(dirfd, ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600);
	if (fd < 0 && errno != EOPNOTSUPP && errno != EISDIR)
		return rel_fail_os(err, "create '%s'", name);
	if (fd < 0) {
		r = publish_by_rename(dirfd, name, mode, p, n, &existed, err);
		if (r < 0)
			return r;
	} else {
		r = fill(fd, name, mode, p, n, err);
		if (r < 0)
			return r;
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		if (linkat(AT_FDCWD, path, dirfd, name, AT_SYMLINK_FOLLOW) <
			0) {
			if (errno != EEXIST)
				return rel_fail_os(err, "name '%s'", name);
			existed = true;
		}
	}
	if (ret_existed)
		*ret_existed = existed;
	/* Also when it existed: its maker may not have come this far. */
	return rel_sync(dirfd, name, err);
}

int rel_make_dirs(const char *path, bool whole, struct rel_err *err)
{
	REL_AUTO(rel_freep) char *part = rel_strdup(path);

	for (char *c = part; *c; c++) {
		if (*c != '/' || c == part)
			continue;
		*c = '\0';
		if (mkdir(part, 0700) < 0 && errno != EEXIST)
			return rel_fail_os(err, "create directory '%s'", part);
		*c = '/';
	}
	if (whole && mkdir(part, 0700) < 0 && errno != EEXIST)
		return rel_fail_os(err, "create directory '%s'", part);
	return 0;
}

/* A directory in the making of its removal: what is too deep for descriptors
 * is moved up to ${top}, which is emptied last. */
#define DEEP 64

struct removal {
	int top;
	unsigned depth;
};

static int remove_at(int dirfd, const char *name, const struct removal *in,
	struct rel_err *err);

static int remove_contents(
	int fd, const struct removal *in, struct rel_err *err)
{
	DIR *dir;
	struct dirent *de;
	int r = 0;

	/* A tree is read-only; its owner must be able to take it apart. */
	fchmod(fd, 0700);
	dir = fdopendir(dup(fd));
	if (!dir)
		return rel_fail_os(err, "list a directory");
	rewinddir(dir);
	while (r == 0 && (de = readdir(dir)) != NULL) {
		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, ".."))
			continue;
		r = remove_at(fd, de->d_name, in, err);
	}
	closedir(dir);
	return r;
}

static int open_to_remove(int dirfd, const char *name)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW;
	int fd = openat(dirfd, name, flags);

	if (fd < 0 && errno == EACCES && fchmodat(dirfd, name, 0700, 0) == 0)
		fd = openat(dirfd, name, flags);
	return fd;
}

static int move_up(int dirfd, const char *name, int fd,
	const struct removal *in, struct rel_err *err)
{
	char random[17];

	rel_random_name(random);
	/* To be moved, a directory must be one that its owner may write. */
	if (fchmod(fd, 0700) < 0 || renameat(dirfd, name, in->top, random) < 0)
		return rel_fail_os(err, "remove '%s'", name);
	return 0;
}

/* ${in}: NULL for the one that the caller wants removed. */
static int remove_at(int dirfd, const char *name, const struct removal *in,
	struct rel_err *err)
{
	REL_AUTO(rel_closep) int fd = -1;
	struct removal below;
	int r;

	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return rel_fail_os(err, "remove '%s'", name);
	fd = open_to_remove(dirfd, name);
	if (fd < 0)
		return rel_fail_os(err, "remove '%s'", name);
	if (in && in->depth == DEEP)
		return move_up(dirfd, name, fd, in, err);
	below = (struct removal){ in ? in->top : fd, in ? in->depth + 1 : 1 };
	do {
		r = remove_contents(fd, &below, err);
		if (r < 0)
			return r;
		if (unlinkat(dirfd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
			return 0;
		/* The top one got something from below meanwhile. */
	} while (!in && errno == ENOTEMPTY);
	return rel_fail_os(err, "remove '%s'", name);
}

int rel_remove_tree(int dirfd, const char *name, struct rel_err *err)
{
	return remove_at(dirfd, name, NULL, err);
}
