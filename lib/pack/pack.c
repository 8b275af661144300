/* SPDX-License-Identifier: Apache-2.0 */
#include "pack/pack.h"

#include "base/vec.h"
#include "crypto/digest.h"
#include "pack/tar.h"
#include "pack/zst.h"

#include <assert.h>
#include <string.h>

#define CUT_FLOOR (32u << 10) /* no chunk is closed by hash below this */
#define CUT_MEAN 98304u	      /* … and above it after so many bytes more */

struct rel_pack {
	rel_chunk_sink *sink;
	void *arg;
	struct rel_order order;
	struct rel_sha256 *tar;
	struct rel_zst *zst;
	struct rel_buf open; /* the plain bytes of the chunk being filled */
	struct rel_buf frame;
	struct rel_packed packed;
	uint64_t left; /* content bytes that the entry still gets */
	uint64_t size; /* content bytes of the entry */
	bool own;      /* … which has chunks of its own */
	bool cut;      /* close the chunk when the entry is whole */
};

void rel_packed_done(struct rel_packed *p)
{
	free(p->chunks);
	*p = (struct rel_packed){ 0 };
}

void rel_pack_begin(rel_chunk_sink *sink, void *arg, struct rel_pack **ret)
{
	struct rel_pack *p = rel_alloc(sizeof(*p));

	p->sink = sink;
	p->arg = arg;
	p->tar = rel_sha256_new();
	p->zst = rel_zst_new();
	*ret = p;
}

void rel_pack_freep(struct rel_pack **pp)
{
	struct rel_pack *p = *pp;

	if (!p)
		return;
	rel_order_done(&p->order);
	rel_sha256_freep(&p->tar);
	rel_zst_freep(&p->zst);
	rel_buf_free(&p->open);
	rel_buf_free(&p->frame);
	rel_packed_done(&p->packed);
	free(p);
	*pp = NULL;
}

static int close_chunk(struct rel_pack *p, bool data, struct rel_err *err)
{
	struct rel_chunk_ref ref = { .data = data };

	if (p->open.len == 0)
		return 0;
	rel_sha256_add(p->tar, p->open.p, p->open.len);
	rel_buf_reset(&p->frame);
	rel_zst_pack(p->zst, p->open.p, p->open.len, &p->frame);
	ref.name = rel_sha256(p->frame.p, p->frame.len);
	ref.size = (uint32_t)p->open.len;
	ref.packed = (uint32_t)p->frame.len;
	p->packed.size += p->open.len;
	rel_buf_reset(&p->open);
	if (p->packed.n == p->packed.cap) {
		p->packed.cap = p->packed.cap ? p->packed.cap * 2 : 64;
		p->packed.chunks = rel_grow(p->packed.chunks, p->packed.cap,
			sizeof(*p->packed.chunks));
	}
	p->packed.chunks[p->packed.n++] = ref;
	return p->sink(p->arg, &ref, p->frame.p, err);
}

/*
 * Does the chunk end after this member? Only its path and its size decide, so
 * that a change of a file almost never moves a cut elsewhere.
 */
static bool cut_after(const struct rel_entry *e, uint64_t member_size)
{
	struct rel_buf path = REL_BUF_INIT;
	struct rel_id h;
	uint64_t first;

	rel_tar_path(e, &path);
	h = rel_sha256(path.p, path.len);
	rel_buf_free(&path);
	first = (uint64_t)h.b[0] << 24 | (uint64_t)h.b[1] << 16 |
		(uint64_t)h.b[2] << 8 | h.b[3];
	return first * CUT_MEAN < member_size << 32;
}

/* The entry is whole: pad it, and close what it closes. */
static int end_member(struct rel_pack *p, struct rel_err *err)
{
	static const char zeros[REL_TAR_BLOCK];

	rel_buf_add(&p->open, zeros, rel_tar_padding(p->size));
	if (p->own)
		return close_chunk(p, true, err);
	if (p->cut && p->open.len >= CUT_FLOOR)
		return close_chunk(p, false, err);
	return 0;
}

int rel_pack_entry(struct rel_pack *p, const struct rel_entry *e,
	bool allow_external, bool *ret_external, struct rel_err *err)
{
	struct rel_buf header = REL_BUF_INIT;
	uint64_t member;
	int r = rel_order_next(&p->order, e, err);

	assert(p->left == 0);
	*ret_external = false;
	if (r == 0 && e->type == REL_LINK)
		r = rel_target_check(e, allow_external, ret_external, err);
	if (r < 0)
		return r;
	p->size = p->left = e->type == REL_FILE ? e->size : 0;
	p->own = p->size > REL_CHUNK_OWN;
	rel_tar_header(e, &header);
	member = header.len + p->size + rel_tar_padding(p->size);
	if (!p->own && p->open.len + member > REL_CHUNK_MAX)
		r = close_chunk(p, false, err);
	rel_buf_add(&p->open, header.p, header.len);
	rel_buf_free(&header);
	p->cut = !p->own && cut_after(e, member);
	if (r == 0 && p->own)
		r = close_chunk(p, false, err);
	if (r == 0 && p->left == 0)
		r = end_member(p, err);
	return r;
}

int rel_pack_data(
	struct rel_pack *p, const void *bytes, size_t n, struct rel_err *err)
{
	const char *c = bytes;
	int r = 0;

	assert(n <= p->left);
	while (r == 0 && n > 0) {
		size_t take = n;

		if (p->own && p->open.len + take > REL_CHUNK_MAX)
			take = REL_CHUNK_MAX - p->open.len;
		rel_buf_add(&p->open, c, take);
		c += take;
		n -= take;
		p->left -= take;
		if (p->left == 0)
			return end_member(p, err);
		if (p->own && p->open.len == REL_CHUNK_MAX)
			r = close_chunk(p, true, err);
	}
	return r;
}

int rel_pack_end(
	struct rel_pack *p, struct rel_packed *ret, struct rel_err *err)
{
	static const char zeros[2 * REL_TAR_BLOCK];
	int r;

	assert(p->left == 0);
	rel_buf_add(&p->open, zeros, sizeof(zeros));
	r = close_chunk(p, false, err);
	if (r < 0)
		return r;
	p->packed.artifact = rel_sha256_final(p->tar);
	p->packed.entries = p->order.entries;
	*ret = p->packed;
	p->packed = (struct rel_packed){ 0 };
	return 0;
}
