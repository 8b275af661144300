/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/home/older.h - an unpacked tree that a new one takes over from.
 *
 *	rel_older_load(h, id, &o);
 *	for each segment of the new artifact: rel_older_find(o, …)
 *	rel_older_list(o);
 *	rel_older_share(…) from any thread
 */
#ifndef REL_HOME_OLDER_H
#define REL_HOME_OLDER_H

#include "home/artifact.h"
#include "store/index.h"

/* A segment of it, with its lines of the index. */
struct rel_older_run {
	struct rel_index_run lines;
	const struct rel_chunk_ref *chunks; /* borrowed */
	size_t n;
	bool last; /* it has the end of the tar */
	bool taken;
};

struct rel_older;

/* Whatever is wrong with it, *ret is NULL and nothing is taken over: it is
 * there, right as far as a quick look can tell, and has its record. */
void rel_older_load(
	struct rel_home *h, const struct rel_id *id, struct rel_older **ret);
void rel_older_freep(struct rel_older **o);

int rel_older_fd(const struct rel_older *o);

/* The segment that has these very chunks: its entries are those of the new
 * artifact's one. NULL: there is none. */
const struct rel_older_run *rel_older_find(
	struct rel_older *o, const struct rel_chunk_ref *chunks, size_t n);

/* Make the list of the files in what was not found. */
void rel_older_list(struct rel_older *o);

/* struct rel_unpack's share, for those files; ${arg} is the struct rel_older.
 */
bool rel_older_share(void *arg, const struct rel_entry *e,
	const struct rel_id *digest, int *ret_dirfd, const char **ret_path);

/* The chunks of the segment that begins with the first of ${n}. */
size_t rel_segment_length(const struct rel_chunk_ref *chunks, size_t n);

#endif
