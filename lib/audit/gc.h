/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/audit/gc.h - what nothing needs any more goes: trees, then artifacts,
 * then chunks. Ledger rows, records and configs never go. Stage audit.
 */
#ifndef REL_AUDIT_GC_H
#define REL_AUDIT_GC_H

#include "home/artifact.h"

struct rel_gc_item { /* one artifact */
	struct rel_id artifact;
	char release[64]; /* newest release that has it, "shop@v12", or "" */
	bool keep;
	char why[80]; /* why it is kept, "" otherwise */
	bool has_tree;
	uint64_t chunk_bytes; /* on disk, of chunks that only it needs */
	uint64_t tree_bytes;  /* on disk, of files that only this tree has */
};

struct rel_gc_plan {		   /* { 0 } before; rel_gc_plan_done after */
	struct rel_gc_item *items; /* in no order */
	size_t n, cap;
	uint64_t shared_bytes; /* chunks that several artifacts need */
	uint64_t orphan_bytes; /* chunks that no artifact needs */
	uint64_t freed_bytes;  /* what the plan frees, or freed */
};
void rel_gc_plan_done(struct rel_gc_plan *p); /* for REL_AUTO too */

/*
 * Keeps, of each app, the ${keep} topmost entries of its undo stack counted by
 * different artifacts, the current release, pinned ones, what runs, and what
 * was built or imported after ${since_ms}.
 */
int rel_gc_plan(struct rel_home *h, int64_t keep, int64_t since_ms,
	struct rel_gc_plan *ret, struct rel_err *err) REL_CHECK;

/* Under the exclusive lock: plan, gc event, removal, in that order, so that a
 * crash leaves more than is needed, never less. Also empties tmp/. */
int rel_gc(struct rel_home *h, int64_t keep, int64_t since_ms,
	struct rel_gc_plan *ret, struct rel_err *err) REL_CHECK;

#endif
