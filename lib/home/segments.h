/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/home/segments.h - an artifact, its segments side by side. Joins store and
 * pack: chunks in, files and index lines out.
 */
#ifndef REL_HOME_SEGMENTS_H
#define REL_HOME_SEGMENTS_H

#include "home/older.h"

/*
 * Unpack into ${dirfd}, an empty directory, or nowhere if it is -1, and add the
 * index to ${index}. Each segment is read, checked and unpacked by itself, in
 * threads that are gone when this returns; a segment that ${older} (may be
 * NULL) has is made out of its tree without being read. The rules that look at
 * the whole (order, parents, no name twice, limits) are checked here, in order.
 * Errors: those of the artifact; REL_EINTEGRITY; REL_EIO.
 */
int rel_segments_unpack(struct rel_home *h, const struct rel_artifact *a,
	int dirfd, int64_t mtime_s, struct rel_older *older,
	struct rel_buf *index, struct rel_err *err) REL_CHECK;

#endif
