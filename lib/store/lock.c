/* SPDX-License-Identifier: Apache-2.0 */
/* lib/store/lock.c - kernel locks: they die with their holder. Mechanism. */
#include "base/clock.h"
#include "base/file.h"
#include "store/layout.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#define POLL_MS 20

int rel_flock(int fd, int operation, unsigned wait_ms, const char *what,
	struct rel_err *err)
{
	const struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };
	int64_t end = rel_monotonic_ms() + wait_ms;

	while (flock(fd, operation | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return rel_fail_os(err, "lock %s", what);
		if (rel_monotonic_ms() >= end)
			return rel_fail(err, REL_EBUSY,
				"%s is in use by another command", what);
		nanosleep(&pause, NULL);
	}
	return 0;
}

/* A lock needs no write, so a file system that allows none will do. */
static int open_lock(
	int dirfd, const char *name, int *ret_fd, struct rel_err *err)
{
	const int flags = O_CLOEXEC | O_NOFOLLOW;
	int fd = openat(dirfd, name, O_RDWR | O_CREAT | flags, 0600);

	if (fd < 0 && (errno == EROFS || errno == EACCES))
		fd = openat(dirfd, name, O_RDONLY | flags);
	if (fd < 0)
		return rel_fail_os(err, "open lock '%s'", name);
	*ret_fd = fd;
	return 0;
}

int rel_store_lock(struct rel_store *s, enum rel_lock kind, unsigned wait_ms,
	struct rel_err *err)
{
	int r = 0;

	if (s->locked && s->lock == kind)
		return 0;
	if (s->lock_fd < 0)
		r = open_lock(s->fd, "lock", &s->lock_fd, err);
	if (r < 0)
		return r;
	/* The kernel lets go of the one before it grants the other. */
	s->locked = false;
	r = rel_flock(s->lock_fd,
		kind == REL_LOCK_EXCLUSIVE ? LOCK_EX : LOCK_SH, wait_ms,
		"the store", err);
	if (r < 0)
		return r;
	s->locked = true;
	s->lock = kind;
	return 0;
}

void rel_store_unlock(struct rel_store *s)
{
	if (s->lock_fd >= 0)
		flock(s->lock_fd, LOCK_UN);
	s->locked = false;
}

int rel_store_lock_app(struct rel_store *s, const char *app, unsigned wait_ms,
	int *ret_fd, struct rel_err *err)
{
	REL_AUTO(rel_buf_free) struct rel_buf name = REL_BUF_INIT;
	REL_AUTO(rel_buf_free) struct rel_buf what = REL_BUF_INIT;
	REL_AUTO(rel_closep) int fd = -1;
	int r;

	if (strchr(app, '/'))
		return rel_fail(err, REL_EINVALID, "'%s' names no app", app);
	rel_buf_addf(&name, "%s.lock", app);
	rel_buf_addf(&what, "app '%s'", app);
	r = open_lock(s->dirs[REL_DIR_APPS], name.p, &fd, err);
	if (r < 0)
		return r;
	r = rel_flock(fd, LOCK_EX, wait_ms, what.p, err);
	if (r < 0)
		return r;
	*ret_fd = fd;
	fd = -1;
	return 0;
}

int rel_store_spool(struct rel_store *s, bool make, unsigned wait_ms,
	int *ret_fd, struct rel_err *err)
{
	static const char name[] = "ledger.spool";
	const int flags =
		O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	REL_AUTO(rel_closep) int fd = openat(s->fd, name, flags);
	struct stat st;
	int r = 0;

	if (fd < 0 && errno == ENOENT && !make) {
		*ret_fd = -1;
		return 0;
	}
	if (fd < 0 && errno == ENOENT) {
		fd = openat(s->fd, name, flags | O_CREAT, 0600);
		if (fd >= 0)
			r = rel_sync(s->fd, "the store", err);
	}
	if (fd < 0 || fstat(fd, &st) < 0)
		return rel_fail_os(err, "open '%s'", name);
	if (r == 0 && !S_ISREG(st.st_mode))
		r = rel_fail(err, REL_EINTEGRITY, "'%s' is no file", name);
	if (r == 0)
		r = rel_flock(fd, LOCK_EX, wait_ms, "'ledger.spool'", err);
	if (r < 0)
		return r;
	*ret_fd = fd;
	fd = -1;
	return 0;
}

bool rel_is_leftover(const char *name)
{
	return strncmp(name, ".tmp-", 5) == 0;
}

static int sweep_dir(int dirfd, bool leftovers_only, struct rel_err *err)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;
	int r = 0;

	if (!dir)
		return rel_fail_os(err, "list a directory of the store");
	while (r == 0 && (de = readdir(dir)) != NULL) {
		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, ".."))
			continue;
		if (!leftovers_only || rel_is_leftover(de->d_name))
			r = rel_remove_tree(dirfd, de->d_name, err);
	}
	closedir(dir);
	return r;
}

int rel_store_sweep(struct rel_store *s, struct rel_err *err)
{
	/* A lock of its own: a shared one that is held must not be lost, and
	 * is a reason not to sweep. */
	REL_AUTO(rel_closep) int fd = -1;
	bool exclusive = s->locked && s->lock == REL_LOCK_EXCLUSIVE;
	int r = 0;

	if (!exclusive) {
		r = open_lock(s->fd, "lock", &fd, err);
		if (r < 0)
			return r;
		r = rel_flock(fd, LOCK_EX, 0, "the store", err);
		if (r == -REL_EBUSY)
			return 0;
	}
	for (int i = 0; i < REL_DIR_COUNT && r == 0; i++)
		if (i != REL_DIR_CHUNKS && i != REL_DIR_APPS)
			r = sweep_dir(s->dirs[i], i != REL_DIR_TMP, err);
	return r;
}
