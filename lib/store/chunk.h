/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/store/chunk.h - chunks/ab/abcd….zst, named by the SHA-256 of their bytes.
 *
 * Many at once, all or nothing: begin, add any number, commit.
 *	REL_AUTO(rel_chunks_abortp) struct rel_chunks *w = NULL;
 *	if ((r = rel_chunks_begin(s, &w, err)) < 0) return r;
 *	... rel_chunks_add(w, &id, p, n, err) ...
 *	return rel_chunks_commit(&w, err);
 * Until commit they are in tmp/. commit: all data, one syncfs, all names, one
 * syncfs. The caller holds the shared lock until its ledger commit.
 */
#ifndef REL_STORE_CHUNK_H
#define REL_STORE_CHUNK_H

#include "store/store.h"

#include <time.h>

struct rel_chunks;

int rel_chunks_begin(struct rel_store *s, struct rel_chunks **ret,
	struct rel_err *err) REL_CHECK;

/* ${id} is the SHA-256 of the bytes. One that the store has (read and checked;
 * damaged ones are replaced) or that was added before costs nothing. Several
 * threads may add to one set, and get chunks, at the same time. */
int rel_chunks_add(struct rel_chunks *w, const struct rel_id *id, const void *p,
	size_t n, struct rel_err *err) REL_CHECK;

/* Takes *w and sets it NULL, whether it succeeds or fails. */
int rel_chunks_commit(struct rel_chunks **w, struct rel_err *err) REL_CHECK;
void rel_chunks_abortp(struct rel_chunks **w);

/* Bytes of new chunks so far (for the summary line). */
uint64_t rel_chunks_new_bytes(const struct rel_chunks *w);

/* A chunk's bytes into ${out} (emptied first), checked against its name.
 * Errors: REL_ENOTFOUND, REL_EINTEGRITY (names the file), REL_EIO. */
int rel_chunk_get(struct rel_store *s, const struct rel_id *id,
	struct rel_buf *out, struct rel_err *err) REL_CHECK;

/* Size on disk in bytes; -1 when it is not there. */
int64_t rel_chunk_size(struct rel_store *s, const struct rel_id *id);

/*
 * Is it there with ${size} bytes, and was nothing written to it since ${when}?
 * Then it is what it was, as far as a look at it can tell. Whoever finds a
 * chunk damaged, or cannot read it, sets its time to 0, so that it shows from
 * then on, whatever did the damage and whatever the clock says.
 */
bool rel_chunk_is_as_of(struct rel_store *s, const struct rel_id *id,
	int64_t size, const struct timespec *when);

int rel_chunk_each(struct rel_store *s,
	int (*fn)(void *arg, const struct rel_id *id, struct rel_err *err),
	void *arg, struct rel_err *err) REL_CHECK;
int rel_chunk_drop(struct rel_store *s, const struct rel_id *id,
	struct rel_err *err) REL_CHECK; /* gc, under the exclusive lock */

#endif
