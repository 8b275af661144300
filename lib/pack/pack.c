/* SPDX-License-Identifier: Apache-2.0 */
#include "pack/pack.h"

#include "base/mem.h"
#include "crypto/digest.h"
#include "pack/press.h"
#include "pack/tar.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define CUT_FLOOR (32u << 10) /* no chunk is closed by hash below this */
#define CUT_MEAN 98304u	      /* … and above it after so many bytes more */

struct rel_pack {
	struct rel_order order;
	struct rel_press *press;
	/* Of the chunk that is being filled: the name of its first entry (NULL:
	 * none begins in it yet), and how many begin in it. */
	char *first;
	uint32_t entries;
	size_t place;  /* of the chunk that the last entry begins in */
	uint64_t left; /* content bytes that the entry still gets */
	uint64_t size; /* content bytes of the entry */
	bool own;      /* … which has chunks of its own */
	bool cut;      /* close the chunk when the entry is whole */
	bool ended;    /* the end of the tar was kept */
};

void rel_packed_done(struct rel_packed *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->chunks[i].first);
	free(p->chunks);
	*p = (struct rel_packed){ 0 };
}

void rel_pack_begin(struct rel_pool *pool, const struct rel_chunk_store *store,
	struct rel_pack **ret)
{
	struct rel_pack *p = rel_alloc(sizeof(*p));

	rel_press_begin(pool, store, &p->press);
	*ret = p;
}

void rel_pack_freep(struct rel_pack **pp)
{
	struct rel_pack *p = *pp;

	if (!p)
		return;
	rel_order_done(&p->order);
	rel_press_freep(&p->press);
	free(p->first);
	free(p);
	*pp = NULL;
}

static int close_chunk(struct rel_pack *p, bool data, struct rel_err *err)
{
	struct rel_chunk_ref ref = {
		.data = data, .first = p->first, .entries = p->entries
	};

	if (rel_press_open(p->press)->len == 0)
		return 0;
	p->first = NULL;
	p->entries = 0;
	return rel_press_close(p->press, ref, err);
}

/*
 * Does the chunk end after this member? Only its path and its size decide, so
 * that a change of a file almost never moves a cut elsewhere.
 */
static bool cut_after(const struct rel_buf *name, uint64_t member_size)
{
	struct rel_id h = rel_sha256(name->p, name->len);
	uint64_t first = (uint64_t)h.b[0] << 24 | (uint64_t)h.b[1] << 16 |
			 (uint64_t)h.b[2] << 8 | h.b[3];

	return first * CUT_MEAN < member_size << 32;
}

/* The entry is whole: pad it, and close what it closes. */
static int end_member(struct rel_pack *p, struct rel_err *err)
{
	static const char zeros[REL_TAR_BLOCK];

	struct rel_buf *open = rel_press_open(p->press);

	rel_buf_add(open, zeros, rel_tar_padding(p->size));
	if (p->own)
		return close_chunk(p, true, err);
	if (p->cut && open->len >= CUT_FLOOR)
		return close_chunk(p, false, err);
	return 0;
}

/* The header goes to the chunk that is being filled. */
static int add_header(struct rel_pack *p, const struct rel_entry *e,
	const struct rel_buf *name, struct rel_err *err)
{
	REL_AUTO(rel_buf_free) struct rel_buf header = REL_BUF_INIT;
	uint64_t member;
	int r = 0;

	rel_tar_header(e, &header);
	member = header.len + p->size + rel_tar_padding(p->size);
	if (!p->own && rel_press_open(p->press)->len + member > REL_CHUNK_MAX)
		r = close_chunk(p, false, err);
	if (!p->first)
		p->first = rel_strndup(name->p, name->len);
	p->entries++;
	p->place = rel_press_place(p->press);
	rel_buf_add(rel_press_open(p->press), header.p, header.len);
	p->cut = !p->own && cut_after(name, member);
	return r;
}

int rel_pack_entry(struct rel_pack *p, const struct rel_entry *e,
	bool allow_external, bool *ret_external, struct rel_err *err)
{
	REL_AUTO(rel_buf_free) struct rel_buf name = REL_BUF_INIT;
	int r = rel_order_next(&p->order, e, err);

	assert(p->left == 0);
	*ret_external = false;
	if (r == 0 && e->type == REL_LINK)
		r = rel_target_check(e, allow_external, ret_external, err);
	if (r < 0)
		return r;
	p->size = p->left = e->type == REL_FILE ? e->size : 0;
	p->own = p->size > REL_CHUNK_OWN;
	rel_tar_path(e, &name);
	r = add_header(p, e, &name, err);
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
		struct rel_buf *open = rel_press_open(p->press);
		size_t take = n;

		if (p->own && open->len + take > REL_CHUNK_MAX)
			take = REL_CHUNK_MAX - open->len;
		rel_buf_add(open, c, take);
		c += take;
		n -= take;
		p->left -= take;
		if (p->left == 0)
			return end_member(p, err);
		if (p->own && open->len == REL_CHUNK_MAX)
			r = close_chunk(p, true, err);
	}
	return r;
}

size_t rel_pack_place(const struct rel_pack *p)
{
	return p->place;
}

bool rel_pack_is_between(const struct rel_pack *p)
{
	return p->left == 0 && rel_press_open(p->press)->len == 0;
}

int rel_pack_keep(struct rel_pack *p, const struct rel_chunk_ref *chunks,
	size_t n, bool end, struct rel_err *err)
{
	uint64_t entries = 0, size = 0;
	int r;

	assert(rel_pack_is_between(p));
	p->ended = end;
	for (size_t i = 0; i < n; i++) {
		entries += chunks[i].entries;
		size += chunks[i].size;
	}
	r = rel_order_pass(&p->order, entries, size, err);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = rel_press_keep(p->press, &chunks[i], err);
	return r;
}

int rel_pack_end(
	struct rel_pack *p, struct rel_packed *ret, struct rel_err *err)
{
	static const char zeros[2 * REL_TAR_BLOCK];
	int r = 0;

	assert(p->left == 0);
	if (!p->ended) {
		rel_buf_add(rel_press_open(p->press), zeros, sizeof(zeros));
		if (!p->first)
			p->first = rel_strdup("");
		r = close_chunk(p, false, err);
	}
	if (r == 0)
		r = rel_press_end(p->press, ret, err);
	if (r == 0)
		ret->entries = p->order.entries;
	return r;
}
