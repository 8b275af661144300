/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/pack/unpack.h - entries from a reader into a directory. Mechanism.
 *
 * Everything happens beneath one directory fd, with openat2(RESOLVE_BENEATH |
 * RESOLVE_NO_SYMLINKS) and O_EXCL: nothing is followed, nothing is replaced.
 * Files are 0444 or 0555, directories 0555 in the end unless told otherwise
 * (the top one is the caller's), and everything new gets one mtime.
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
	/*
	 * May name a file that has this entry's path, mode and digest already,
	 * to be hard-linked instead of written: a directory fd and a path
	 * beneath it, borrowed. NULL, or returning false: write it.
	 */
	bool (*share)(void *arg, const struct rel_entry *e,
		const struct rel_id *digest, int *ret_dirfd,
		const char **ret_path);
	/* Told each entry when it is there; ${digest} for files; ${offset} as
	 * in rel_reader_next. May fail. */
	int (*done)(void *arg, const struct rel_entry *e,
		const struct rel_id *digest, uint64_t offset,
		struct rel_err *err);
	void *arg;
};

/* Errors: the reader's and the callback's; REL_EIO. */
int rel_unpack(struct rel_reader *r, int dirfd, const struct rel_unpack *how,
	struct rel_err *err) REL_CHECK;

#endif
