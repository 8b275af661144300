/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/run_helper.h - start real children, with stdout caught.
 */
#ifndef RUN_HELPER_H
#define RUN_HELPER_H

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "run/process.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Strings from literals; the last argument is NULL. */
static inline struct rel_strings strings(const char *first, ...)
{
	struct rel_strings s = { 0 };
	va_list ap;

	va_start(ap, first);
	for (const char *p = first; p; p = va_arg(ap, const char *))
		rel_strings_push(&s, rel_strdup(p));
	va_end(ap);
	return s;
}

static inline int open_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

/*
 * Run ${argv} in ${dir}; ${out} (may be NULL: untouched) gets its stdout, and
 * stderr is dropped. The error is the caller's to look at.
 */
static inline struct rel_process_end run_in(const char *dir,
	const struct rel_strings *argv, const struct rel_strings *env,
	struct rel_buf *out, struct rel_err *err)
{
	REL_AUTO(rel_closep) int tree = open_dir(dir);
	const struct rel_sandbox box = {
		.level = REL_ISOLATION_NONE, .tree_fd = tree, .tree = dir
	};
	struct rel_process_end end;
	int file = -1, old_out = -1, old_err = -1, null;

	fflush(stdout);
	if (out) {
		file = memfd_create("stdout", MFD_CLOEXEC);
		null = open("/dev/null", O_RDWR | O_CLOEXEC);
		old_out = fcntl(1, F_DUPFD_CLOEXEC, 10);
		old_err = fcntl(2, F_DUPFD_CLOEXEC, 10);
		dup2(file, 1);
		dup2(null, 2);
		close(null);
	}
	if (rel_process_run(&box, argv, env, &end, err) < 0)
		end.status = -1;
	if (out) {
		dup2(old_out, 1);
		dup2(old_err, 2);
		close(old_out);
		close(old_err);
		lseek(file, 0, SEEK_SET);
		assert_int_equal(rel_read_fd(file, 1 << 20, out, err), 0);
		close(file);
	}
	return end;
}

#endif
