/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/build/folder.h - a directory on disk as entries, in the order of a git
 * tree. Stage build. Nothing is followed. Nobody else may be at work in it.
 *
 * It holds the names of the directories on the way down, and a descriptor for
 * each; whoever takes the entries checks them against the limits of profile 1,
 * before the next one is asked for.
 */
#ifndef REL_BUILD_FOLDER_H
#define REL_BUILD_FOLDER_H

#include "base/entry.h"

struct rel_folder;

/* ${dirfd} is borrowed. Errors: REL_EIO. */
int rel_folder_open(
	int dirfd, struct rel_folder **ret, struct rel_err *err) REL_CHECK;

/*
 * The next entry, valid until the next call; *ret_more is false at the end. A
 * file is executable where its owner may execute it; what he may not read is
 * made readable. Errors: REL_EINVALID (something that is no file, directory or
 * link; a setuid, setgid or sticky bit; too many names: all name the path),
 * REL_EIO.
 */
int rel_folder_next(struct rel_folder *f, struct rel_entry *ret, bool *ret_more,
	struct rel_err *err) REL_CHECK;

/* Open the file that the last entry is. */
int rel_folder_file(
	struct rel_folder *f, int *ret_fd, struct rel_err *err) REL_CHECK;

/* <0, 0, >0: a comes before b, has the same path, comes after. */
int rel_folder_order(const struct rel_entry *a, const struct rel_entry *b);

void rel_folder_closep(struct rel_folder **f);

#endif
