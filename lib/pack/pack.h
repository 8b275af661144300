/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/pack/pack.h - entries in, chunks and the artifact's digest out.
 * Mechanism. The cutting rule is that of docs/formats.md, section 2.
 *
 * Every entry passes the checker of base/entry.h here, so nothing that is not
 * profile 1 can become an artifact, wherever it comes from.
 *
 *	rel_pack_begin(sink, arg, &p);
 *	for each entry: rel_pack_entry(p, &e, …); for a file rel_pack_data until
 *	its size is reached
 *	rel_pack_end(p, &packed, err);
 */
#ifndef REL_PACK_PACK_H
#define REL_PACK_PACK_H

#include "base/entry.h"
#include "base/err.h"
#include "base/id.h"
#include "base/json.h"

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
};

struct rel_packed {		/* { 0 } before; rel_packed_done after */
	struct rel_id artifact; /* SHA-256 of the tar */
	uint64_t size;		/* of the tar, bytes */
	uint64_t entries;
	struct rel_chunk_ref *chunks;
	size_t n, cap;
};
void rel_packed_done(struct rel_packed *p); /* for REL_AUTO too */

/* {"artifact":…,"chunks":[[name,size,packed],[name,size,packed,1]…],
 *  "entries":…,"size":…}; the fourth element 1 marks data. And back: sizes must
 * add up; errors REL_EINTEGRITY. */
struct json_t *rel_packed_to_json(const struct rel_packed *p);
int rel_packed_from_json(const struct json_t *j, struct rel_packed *ret,
	struct rel_err *err) REL_CHECK;

/* Gets each chunk (a frame), in order; a failure ends the packing. */
typedef int rel_chunk_sink(void *arg, const struct rel_chunk_ref *ref,
	const void *frame, struct rel_err *err);

struct rel_pack;
void rel_pack_begin(rel_chunk_sink *sink, void *arg, struct rel_pack **ret);

/*
 * The next entry. ${allow_external}: links that leave the tree are kept and
 * *ret_external says so. Errors: REL_EINVALID, and the sink's.
 */
int rel_pack_entry(struct rel_pack *p, const struct rel_entry *e,
	bool allow_external, bool *ret_external, struct rel_err *err) REL_CHECK;
int rel_pack_data(struct rel_pack *p, const void *bytes, size_t n,
	struct rel_err *err) REL_CHECK;
int rel_pack_end(struct rel_pack *p, struct rel_packed *ret,
	struct rel_err *err) REL_CHECK;
void rel_pack_freep(struct rel_pack **p);

#endif
