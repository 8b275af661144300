/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/store_fixture.h - what the tests of the store's parts share: a
 * finished store in the scratch directory, and hands to spoil it with.
 */
#ifndef STORE_FIXTURE_H
#define STORE_FIXTURE_H

#include "scratch.h"
#include "store/store.h"

#include <dirent.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* A new, finished store at NAME in the scratch directory, or the one there. */
static inline struct rel_store *store_at(void **state, const char *name)
{
	REL_AUTO(rel_freep)
	char *dir = rel_printf("%s/%s", (const char *)*state, name);
	struct rel_err err = REL_ERR_INIT;
	struct rel_store *s;
	bool fresh;

	if (rel_store_open(dir, true, &s, &fresh, &err) < 0 ||
		(fresh && rel_store_finish(s, &err) < 0))
		fail_msg("%s", err.msg);
	return s;
}

/* Overwrite a file beneath the store, whatever its mode. */
static inline void spoil(
	struct rel_store *s, const char *name, const char *text)
{
	REL_AUTO(rel_closep) int fd = -1;
	struct rel_err err = REL_ERR_INIT;

	unlinkat(rel_store_fd(s), name, 0);
	fd = openat(
		rel_store_fd(s), name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(rel_write_fd(fd, text, strlen(text), &err), 0);
}

/* How many names are in a directory beneath the store. */
static inline int count_names(struct rel_store *s, const char *name)
{
	REL_AUTO(rel_closep) int fd = -1;
	struct rel_err err = REL_ERR_INIT;
	DIR *dir;
	int n = 0;

	assert_int_equal(rel_open_dir(rel_store_fd(s), name, 0, &fd, &err), 0);
	dir = fdopendir(dup(fd));
	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n - 2;
}

static inline mode_t mode_of(struct rel_store *s, const char *name)
{
	struct stat st;

	if (fstatat(rel_store_fd(s), name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		fail_msg("'%s' is missing", name);
	return st.st_mode & 07777;
}

static inline void set_mode(struct rel_store *s, const char *name, mode_t mode)
{
	assert_int_equal(fchmodat(rel_store_fd(s), name, mode, 0), 0);
}

/* Run ${body} in a process of its own, which kills itself after it. */
static inline void run_and_die(void (*body)(void *arg), void *arg)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		body(arg);
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

#endif
