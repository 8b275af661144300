/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/pack/unpack.h - entries from a reader into a directory. Mechanism.
 *
 * Everything happens beneath one directory fd, with openat2(RESOLVE_BENEATH |
 * RESOLVE_NO_SYMLINKS) and O_EXCL: nothing is followed, nothing is replaced.
 * Files are 0444 or 0555, directories 0555 in the end unless told otherwise
 * (the top one is the caller's), and everything new gets one mtime.
 *
 * A tar from its first byte to its last: rel_unpack. Several at once, each a
 * run of whole members of one tar: an unpacker for each thread, of which each
 * entry goes through one; when all are through, rel_unpacker_finish for each
 * directory and for the top.
 */
#ifndef REL_PACK_UNPACK_H
#define REL_PACK_UNPACK_H

#include "base/entry.h"
#include "base/err.h"
#include "base/id.h"
#include "pack/reader.h"

struct rel_unpack {
	int64_t mtime_s;
	bool writable; /* by its owner: 0644, 0755, directories 0755 */
	/* Several unpackers are at it. The directory was empty in the
	 * beginning: a directory that is there already was made by another
	 * one, and one that is missing is still to come. */
	bool shared_work;
	/*
	 * May name a file that has this entry's path, mode and digest already,
	 * to be hard-linked instead of written: a directory fd and a path
	 * beneath it, borrowed. NULL, or returning false: write it.
	 */
	bool (*share)(void *arg, const struct rel_entry *e,
		const struct rel_id *digest, int *ret_dirfd,
		const char **ret_path);
	/* rel_unpack alone: told each entry when it is there; ${digest} for
	 * files; ${offset} as in rel_reader_next. May fail. */
	int (*done)(void *arg, const struct rel_entry *e,
		const struct rel_id *digest, uint64_t offset,
		struct rel_err *err);
	void *arg;
};

/* Errors: the reader's and the callback's; REL_EIO. */
int rel_unpack(struct rel_reader *r, int dirfd, const struct rel_unpack *how,
	struct rel_err *err) REL_CHECK;

/* Of one thread. ${dirfd} and ${how} are borrowed. */
struct rel_unpacker;
struct rel_unpacker *rel_unpacker_new(int dirfd, const struct rel_unpack *how);
void rel_unpacker_freep(struct rel_unpacker **u);

/* The entry that the reader gave last, with its content. *ret_digest: of a
 * file. Errors: the reader's; REL_EIO. */
int rel_unpacker_add(struct rel_unpacker *u, struct rel_reader *r,
	const struct rel_entry *e, struct rel_id *ret_digest,
	struct rel_err *err) REL_CHECK;

/* The entry as it is beneath ${from}, under the same path: a file is
 * hard-linked, what else it is is made. Errors: REL_EIO. */
int rel_unpacker_link(struct rel_unpacker *u, const struct rel_entry *e,
	int from, struct rel_err *err) REL_CHECK;

/* Take a file or link away again that rel_unpacker_link has made. */
int rel_unpacker_undo(struct rel_unpacker *u, const struct rel_entry *e,
	struct rel_err *err) REL_CHECK;

/* Mode and time of a directory into which nothing is put any more; of the top
 * one (NULL) the time alone. Errors: REL_EIO. */
int rel_unpacker_finish(struct rel_unpacker *u, const char *path,
	struct rel_err *err) REL_CHECK;

#endif
