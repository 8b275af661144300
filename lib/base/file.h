/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/base/file.h - whole files beneath a directory fd. Floor 0.
 *
 * All names are relative to a directory fd; nothing follows a symlink in the
 * last component; every fd is O_CLOEXEC.
 */
#ifndef REL_BASE_FILE_H
#define REL_BASE_FILE_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* For REL_AUTO on an int fd (start it at -1): closes it. */
void rel_closep(int *fd);

/* Open a regular file for reading. Errors: REL_ENOTFOUND, REL_EINTEGRITY (it is
 * something else, or a link), REL_EIO. */
int rel_open_read(int dirfd, const char *name, int *ret_fd,
	struct rel_err *err) REL_CHECK;

/* Open a directory (created with ${mode} first when mode is not 0). Errors as
 * above. */
int rel_open_dir(int dirfd, const char *name, mode_t mode, int *ret_fd,
	struct rel_err *err) REL_CHECK;

/* Add all that is left of ${fd}; more than ${limit} bytes is REL_EINVALID. */
int rel_read_fd(int fd, size_t limit, struct rel_buf *buf,
	struct rel_err *err) REL_CHECK;

/* Open, read, close. Errors: those of both. */
int rel_read_file(int dirfd, const char *name, size_t limit,
	struct rel_buf *buf, struct rel_err *err) REL_CHECK;

/* Write all of it; a short write goes on. Errors: REL_EIO. */
int rel_write_fd(
	int fd, const void *p, size_t n, struct rel_err *err) REL_CHECK;

/* fsync a file, or the directory that a fd stands for. */
int rel_sync(int fd, const char *what, struct rel_err *err) REL_CHECK;

/*
 * Publish ${n} bytes as ${name} in ${dirfd}: unnamed file, write, fsync, link,
 * fsync of the directory; a random name and RENAME_NOREPLACE where the file
 * system has no O_TMPFILE. *ret_existed (may be NULL) tells that the name was
 * taken: the file that has it is left alone, and the caller checks it.
 * Errors: REL_EIO.
 */
int rel_publish(int dirfd, const char *name, mode_t mode, const void *p,
	size_t n, bool *ret_existed, struct rel_err *err) REL_CHECK;

/* Make the directories of ${path} that are missing, 0700; the last component
 * too if ${whole}. Links in the path are followed. Errors: REL_EIO. */
int rel_make_dirs(const char *path, bool whole, struct rel_err *err) REL_CHECK;

/* Remove a file or a whole directory, also a read-only one; absent is fine. */
int rel_remove_tree(int dirfd, const char *name, struct rel_err *err) REL_CHECK;

/* 16 random hex digits for a temporary name. */
void rel_random_name(char out[17]);

#endif
