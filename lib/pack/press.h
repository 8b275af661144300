/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/pack/press.h - plain chunks in, frames and the tar's digest out. Not for
 * other folders: the part of pack.h that uses several CPUs.
 *
 * The pieces stand in a row, in the tar's order. The workers pack them (or
 * fetch and unpack those that are taken over) in any order; the owner takes
 * them off the front of the row, hashes their plain bytes, and uses them again.
 */
#ifndef REL_PACK_PRESS_H
#define REL_PACK_PRESS_H

#include "pack/pack.h"

struct rel_press;
void rel_press_begin(struct rel_pool *pool, const struct rel_chunk_store *store,
	struct rel_press **ret);
void rel_press_freep(struct rel_press **p);

/* The bytes of the piece that is being filled. */
struct rel_buf *rel_press_open(struct rel_press *p);

/* Its place in the row, from 0. */
size_t rel_press_place(const struct rel_press *p);

/* It is whole. Of ${ref} the press fills in name, size and packed; first is
 * taken. Errors: the store's, of this or of an earlier piece. */
int rel_press_close(struct rel_press *p, struct rel_chunk_ref ref,
	struct rel_err *err) REL_CHECK;

/* One of an earlier artifact; nothing is open. Errors as above. */
int rel_press_keep(struct rel_press *p, const struct rel_chunk_ref *ref,
	struct rel_err *err) REL_CHECK;

/* Chunks, size and digest of them all. */
int rel_press_end(struct rel_press *p, struct rel_packed *ret,
	struct rel_err *err) REL_CHECK;

#endif
