/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/pack/pack.h - entries in, chunks and the artifact's digest out.
 * Mechanism. The cutting rule is that of docs/formats.md, section 2.
 *
 * Every entry passes the checker of base/entry.h here, so nothing that is not
 * profile 1 can become an artifact, wherever it comes from.
 *
 *	rel_pack_begin(pool, &sink, &p);
 *	for each entry: rel_pack_entry(p, &e, …); for a file rel_pack_data until
 *	its size is reached
 *	rel_pack_end(p, &packed, err);
 *
 * The pool's workers pack the chunks while the caller goes on; what is in
 * flight is bounded.
 */
#ifndef REL_PACK_PACK_H
#define REL_PACK_PACK_H

#include "base/buf.h"
#include "base/entry.h"
#include "base/err.h"
#include "base/id.h"
#include "base/json.h"
#include "base/pool.h"

#include <stdbool.h>
#include <stdint.h>

#define REL_CHUNK_MAX (512u << 10) /* plain bytes of a chunk, about */
#define REL_CHUNK_OWN                                                          \
	(64u << 10) /* larger contents get chunks of their own                 \
		     */
/* The largest plain chunk there can be: two pax headers may come on top. */
#define REL_CHUNK_LIMIT (REL_CHUNK_MAX + REL_CHUNK_OWN)

struct rel_chunk_ref {
	struct rel_id name;    /* SHA-256 of the frame */
	uint32_t size, packed; /* bytes: plain, and of the frame */
	bool data;	       /* a piece of a large content: no header in it */
	/* Where something can be taken over from it (not data): the name, as
	 * in the tar, of the first entry that begins in it ("": only the end
	 * of the tar does), and how many do. NULL: an older record, which does
	 * not say. Owned by the struct rel_packed. */
	char *first;
	uint32_t entries;
	bool notes; /* one of them is worth a word, whenever it is built */
};

struct rel_packed {		/* { 0 } before; rel_packed_done after */
	struct rel_id artifact; /* SHA-256 of the tar */
	uint64_t size;		/* of the tar, bytes */
	uint64_t entries;
	struct rel_chunk_ref *chunks;
	size_t n, cap;
};
void rel_packed_done(struct rel_packed *p); /* for REL_AUTO too */

/* {"artifact":…,"chunks":[[name,size,packed,first,entries],…],"entries":…,
 * "size":…}; a sixth element 1 for notes; [name,size,packed,1] is data,
 * [name,size,packed] of a record that does not know where it begins. And back:
 * sizes must add up; errors REL_EINTEGRITY. */
struct json_t *rel_packed_to_json(const struct rel_packed *p);
int rel_packed_from_json(const struct json_t *j, struct rel_packed *ret,
	struct rel_err *err) REL_CHECK;

/* Gets a chunk, the frame that ${ref} names; a failure ends the packing. */
typedef int rel_chunk_sink(void *arg, const struct rel_chunk_ref *ref,
	const void *frame, struct rel_err *err);

/* Where chunks go to, and come from: any may be NULL. */
struct rel_chunk_store {
	rel_chunk_sink *each;  /* from any worker, in any order, several at
				  once */
	rel_chunk_sink *order; /* one by one, in the tar's order; not those
				* that are taken over */
	/* The frame of a chunk that is taken over, into the empty ${out},
	 * checked against its name; as each. */
	int (*get)(void *arg, const struct rel_chunk_ref *ref,
		struct rel_buf *out, struct rel_err *err);
	void *arg;
};

struct rel_pack;

/* ${pool} and what ${store} points to are borrowed until rel_pack_freep. */
void rel_pack_begin(struct rel_pool *pool, const struct rel_chunk_store *store,
	struct rel_pack **ret);

/*
 * The next entry. ${allow_external}: links that leave the tree are kept and
 * *ret_external says so. Errors: REL_EINVALID, and the sink's.
 */
int rel_pack_entry(struct rel_pack *p, const struct rel_entry *e,
	bool allow_external, bool *ret_external, struct rel_err *err) REL_CHECK;
int rel_pack_data(struct rel_pack *p, const void *bytes, size_t n,
	struct rel_err *err) REL_CHECK;

/* Which chunk the last entry begins in: its place in rel_packed.chunks. */
size_t rel_pack_place(const struct rel_pack *p);

/*
 * A run of an earlier artifact's chunks: what is in them is the same at this
 * place of this tar. The first is no data, and what comes after the run begins
 * a chunk there too. Only where rel_pack_is_between says that one can be
 * begun. ${end}: the last of them has the end of the tar, and nothing comes
 * after. The order of the entries around is the caller's matter. Errors: get's;
 * REL_EINTEGRITY.
 */
bool rel_pack_is_between(const struct rel_pack *p);
int rel_pack_keep(struct rel_pack *p, const struct rel_chunk_ref *chunks,
	size_t n, bool end, struct rel_err *err) REL_CHECK;

int rel_pack_end(struct rel_pack *p, struct rel_packed *ret,
	struct rel_err *err) REL_CHECK;
void rel_pack_freep(struct rel_pack **p);

#endif
