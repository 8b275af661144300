/* SPDX-License-Identifier: Apache-2.0 */
/* lib/store/store.c - opening and making the store. Mechanism. */
#include "base/file.h"
#include "store/layout.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const rel_store_dir_names[REL_DIR_COUNT] = {
	[REL_DIR_CHUNKS] = "chunks",
	[REL_DIR_ARTIFACTS] = "artifacts",
	[REL_DIR_RELEASES] = "releases",
	[REL_DIR_CONFIGS] = "configs",
	[REL_DIR_TREES] = "trees",
	[REL_DIR_TMP] = "tmp",
	[REL_DIR_APPS] = "apps",
};

/* What else a store that is not finished may hold. `run` is made by the first
 * supervisor; a file system of its own brings lost+found. */
static const char *const file_names[] = {
	"lock",
	"reserve",
	"ledger.db",
	"ledger.db-journal",
	"ledger.spool",
	"run",
	"lost+found",
};

static const char format[] = "relctl store 1\n";

/* What a look into the directory tells, before anything in it is opened. */
struct survey {
	bool format, other, foreign;
};

static bool is_own_name(const char *name)
{
	for (size_t i = 0; i < REL_DIR_COUNT; i++)
		if (!strcmp(name, rel_store_dir_names[i]))
			return true;
	for (size_t i = 0; i < sizeof(file_names) / sizeof(*file_names); i++)
		if (!strcmp(name, file_names[i]))
			return true;
	return rel_is_leftover(name);
}

/* Nobody but its owner, and that is us or root, may write this. */
static int check_owner(const struct stat *st, const char *path, const char *sub,
	struct rel_err *err)
{
	const char *slash = *sub ? "/" : "";

	if (st->st_uid != geteuid() && st->st_uid != 0)
		return rel_fail(err, REL_EDENIED,
			"'%s%s%s' belongs to user %u, not to you", path, slash,
			sub, st->st_uid);
	if (!S_ISLNK(st->st_mode) && st->st_mode & (S_IWGRP | S_IWOTH)) {
		rel_fail(err, REL_EDENIED,
			"'%s%s%s' may be written by others (mode %04o)", path,
			slash, sub, st->st_mode & 07777);
		return rel_hint(err, "chmod go-w '%s%s%s'", path, slash, sub);
	}
	return 0;
}

/* Whoever can rename the store can put another one in its place. */
static int check_parent(const struct rel_store *s, struct rel_err *err)
{
	struct stat st;

	if (fstatat(s->fd, "..", &st, 0) < 0)
		return rel_fail_os(err, "look at the parent of '%s'", s->path);
	if (!(st.st_mode & S_IWOTH) || st.st_mode & S_ISVTX)
		return 0;
	rel_fail(err, REL_EDENIED,
		"the directory that '%s' is in may be written by everybody",
		s->path);
	return rel_hint(err, "chmod o-w '%s/..'", s->path);
}

/*
 * List the directory. Whatever in it others may write goes to ${denied}: it
 * counts only once it is clear that this is a store.
 */
static int survey(const struct rel_store *s, struct survey *ret,
	struct rel_err *denied, struct rel_err *err)
{
	int fd = openat(s->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;
	struct stat st;

	if (!dir)
		return rel_fail_os(err, "list '%s'", s->path);
	while ((de = readdir(dir)) != NULL) {
		const char *name = de->d_name;

		if (!strcmp(name, ".") || !strcmp(name, ".."))
			continue;
		if (!strcmp(name, "format"))
			ret->format = true;
		else if (is_own_name(name))
			ret->other = true;
		else
			ret->foreign = true;
		/* A journal may be gone again by now. */
		if (denied->code != REL_OK ||
			fstatat(s->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		(void)check_owner(&st, s->path, name, denied);
	}
	closedir(dir);
	return 0;
}

/* "relctl store N", as a newer relctl may write it. */
static bool is_other_format(const char *s)
{
	static const char start[] = "relctl store ";
	size_t n = sizeof(start) - 1, digits;

	if (strncmp(s, start, n) != 0)
		return false;
	digits = strspn(s + n, "0123456789");
	return digits > 0 && strcmp(s + n + digits, "\n") == 0;
}

static int check_format(const struct rel_store *s, struct rel_err *err)
{
	REL_AUTO(rel_buf_free) struct rel_buf b = REL_BUF_INIT;
	int r = rel_read_file(s->fd, "format", 4096, &b, err);

	if (r < 0)
		return rel_wrap(err, "'%s'", s->path);
	if (b.len == sizeof(format) - 1 && !memcmp(b.p, format, b.len))
		return 0;
	if (strlen(rel_buf_str(&b)) == b.len &&
		is_other_format(rel_buf_str(&b)))
		return rel_fail(err, REL_EINVALID,
			"'%s/format' is of a kind that this relctl does not "
			"know",
			s->path);
	return rel_fail(err, REL_EINTEGRITY,
		"'%s/format' is damaged: it is not 'relctl store 1'", s->path);
}

static int open_top(
	struct rel_store *s, const char *dir, bool create, struct rel_err *err)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

	/* The name that was given may be a link; beneath it none is followed.
	 */
	s->fd = open(dir, flags);
	if (s->fd < 0 && errno == ENOENT && create) {
		int r = rel_make_dirs(dir, true, err);

		if (r < 0)
			return r;
		s->fd = open(dir, flags);
	}
	if (s->fd < 0 && errno == ENOENT)
		return rel_fail(err, REL_ENOTFOUND, "no store at '%s'", dir);
	if (s->fd < 0 && errno == ENOTDIR)
		return rel_fail(
			err, REL_EINVALID, "'%s' is not a directory", dir);
	if (s->fd < 0)
		return rel_fail_os(err, "open store '%s'", dir);
	s->path = realpath(dir, NULL);
	if (!s->path)
		return rel_fail_os(err, "open store '%s'", dir);
	return 0;
}

static int open_parts(struct rel_store *s, bool fresh, struct rel_err *err)
{
	for (int i = 0; i < REL_DIR_COUNT; i++) {
		int r = rel_open_dir(s->fd, rel_store_dir_names[i],
			fresh ? 0700 : 0, &s->dirs[i], err);

		if (r == -REL_ENOTFOUND)
			r = rel_fail(err, REL_EINTEGRITY,
				"the store '%s' lacks its directory '%s'",
				s->path, rel_store_dir_names[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Is it a store, may it be trusted, and was it finished? */
static int look(
	struct rel_store *s, bool create, bool *ret_fresh, struct rel_err *err)
{
	struct rel_err denied = REL_ERR_INIT;
	struct survey found = { 0 };
	struct stat st;
	int r = survey(s, &found, &denied, err);

	if (r < 0)
		return r;
	if (!found.format && found.foreign)
		return rel_fail(err, REL_EINVALID,
			"'%s' holds other things and is not a store", s->path);
	if (!found.format && !create)
		return rel_fail(err, REL_ENOTFOUND, "no store at '%s'%s",
			s->path, found.other ? " (it was not finished)" : "");
	r = check_parent(s, err);
	if (r < 0)
		return r;
	if (fstat(s->fd, &st) < 0)
		return rel_fail_os(err, "look at '%s'", s->path);
	if (!found.format && !found.other && st.st_uid == geteuid()) {
		if (fchmod(s->fd, 0700) < 0)
			return rel_fail_os(
				err, "set the mode of '%s'", s->path);
		st.st_mode = S_IFDIR | 0700;
	}
	r = check_owner(&st, s->path, "", err);
	if (r < 0)
		return r;
	if (denied.code != REL_OK) {
		*err = denied;
		return -(int)err->code;
	}
	*ret_fresh = !found.format;
	return found.format ? check_format(s, err) : 0;
}

int rel_store_open(const char *dir, bool create, struct rel_store **ret,
	bool *ret_fresh, struct rel_err *err)
{
	REL_AUTO(rel_store_closep) struct rel_store *s = rel_alloc(sizeof(*s));
	bool fresh;
	int r;

	s->fd = s->lock_fd = -1;
	for (int i = 0; i < REL_DIR_COUNT; i++)
		s->dirs[i] = -1;
	if ((r = open_top(s, dir, create, err)) < 0 ||
		(r = look(s, create, &fresh, err)) < 0 ||
		(r = open_parts(s, fresh, err)) < 0)
		return r;
	if (ret_fresh)
		*ret_fresh = fresh;
	*ret = s;
	s = NULL;
	return 0;
}

bool rel_store_is_fresh(const struct rel_store *s)
{
	return faccessat(s->fd, "format", F_OK, AT_SYMLINK_NOFOLLOW) < 0;
}

int rel_store_finish(struct rel_store *s, struct rel_err *err)
{
	/* The directories, also those above it, are there before the word that
	 * they are. */
	if (syncfs(s->fd) < 0)
		return rel_fail_os(err, "sync '%s'", s->path);
	return rel_publish(
		s->fd, "format", 0444, format, sizeof(format) - 1, NULL, err);
}

void rel_store_closep(struct rel_store **sp)
{
	struct rel_store *s = *sp;

	if (!s)
		return;
	for (int i = 0; i < REL_DIR_COUNT; i++)
		rel_closep(&s->dirs[i]);
	rel_closep(&s->lock_fd);
	rel_closep(&s->fd);
	free(s->path);
	free(s);
	*sp = NULL;
}

const char *rel_store_path(const struct rel_store *s)
{
	return s->path;
}

int rel_store_fd(const struct rel_store *s)
{
	return s->fd;
}
