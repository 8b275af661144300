/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/store/index.h - the text of trees/HEX.index: what a tree must hold.
 *
 *	relctl index 1
 *	c CHUNK              the entries after it begin in this chunk
 *	d PATH
 *	f SIZE SHA256 PATH   0444
 *	x SIZE SHA256 PATH   0555
 *	l TARGET PATH
 *	end COUNT            of entries
 *
 * In the tar's order; paths and targets in mtree's form (rel_buf_add_escaped).
 */
#ifndef REL_STORE_INDEX_H
#define REL_STORE_INDEX_H

#include "base/buf.h"
#include "base/entry.h"
#include "base/err.h"
#include "base/id.h"

#include <stdbool.h>

/* Writing: begin, then chunk and entry lines, then end. */
void rel_index_begin(struct rel_buf *out);
void rel_index_chunk(struct rel_buf *out, const struct rel_id *chunk);
void rel_index_entry(struct rel_buf *out, const struct rel_entry *e,
	const struct rel_id *digest); /* digest: files only */
void rel_index_end(struct rel_buf *out, uint64_t count);

/* Reading, one entry a call. path and target belong to the reader and are
 * valid until the next call. ret_digest may be NULL. *ret_more is false after
 * the end line, which must be there and right. Errors: REL_EINTEGRITY with the
 * line. */
struct rel_index {
	const char *p, *end; /* the text; borrowed */
	bool part;	     /* it is a part: without a first and a last line */
	uint64_t count;
	struct rel_id chunk; /* of the entry that was read last */
	struct rel_buf path, target;
	unsigned line;
};
int rel_index_open(struct rel_index *ix, const char *p, size_t n,
	struct rel_err *err) REL_CHECK;
int rel_index_next(struct rel_index *ix, struct rel_entry *ret,
	struct rel_id *ret_digest, bool *ret_more,
	struct rel_err *err) REL_CHECK;
void rel_index_done(struct rel_index *ix);

/* The same for whole lines out of the middle of an index: the text ends where
 * it ends. */
void rel_index_part(struct rel_index *ix, const char *p, size_t n);

/*
 * The lines between the first and the last, run by run: a run begins with its
 * 'c' line (or where the index begins) and ends before the next one. *at is
 * where to look, first the reader's p after rel_index_open. False at the last
 * line, which *at is left at.
 */
struct rel_index_run {
	const char *p; /* borrowed */
	size_t n;
	bool named; /* it has a 'c' line that can be read */
	struct rel_id chunk;
};
bool rel_index_run(const char **at, const char *end, struct rel_index_run *ret);

#endif
