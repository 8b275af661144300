/* SPDX-License-Identifier: Apache-2.0 */
#include "pack/press.h"

#include "base/mem.h"
#include "crypto/digest.h"
#include "pack/zst.h"

#include <assert.h>
#include <stdlib.h>

/* The row's length, for each worker: some pieces to choose from. More would
 * only take memory, which the kernel has to clear first. */
#define PIECES 4u

struct piece {
	struct rel_job job; /* first: a job is its piece */
	struct rel_press *press;
	struct piece *next;
	struct rel_buf plain, frame;
	struct rel_chunk_ref ref;
	bool keep; /* of an earlier artifact */
	int r;	   /* of the job */
	struct rel_err err;
};

struct worker {
	struct rel_zst *zst;
	struct rel_buf frame; /* that came from the store */
};

struct rel_press {
	struct rel_pool *pool;
	const struct rel_chunk_store *store;
	struct rel_sha256 *tar;
	struct worker *workers; /* as many as the pool is wide */
	struct piece *open;	/* is being filled */
	struct piece *first, **end;
	struct piece *spare; /* to be used again */
	unsigned in_row;
	size_t place; /* of the open piece */
	struct rel_packed packed;
};

void rel_press_begin(struct rel_pool *pool, const struct rel_chunk_store *store,
	struct rel_press **ret)
{
	struct rel_press *p = rel_alloc(sizeof(*p));

	p->pool = pool;
	p->store = store;
	p->tar = rel_sha256_new();
	p->workers = rel_alloc(rel_pool_width(pool) * sizeof(*p->workers));
	p->end = &p->first;
	*ret = p;
}

static void free_pieces(struct piece *piece)
{
	while (piece) {
		struct piece *next = piece->next;

		free(piece->ref.first);
		rel_buf_free(&piece->plain);
		rel_buf_free(&piece->frame);
		free(piece);
		piece = next;
	}
}

void rel_press_freep(struct rel_press **pp)
{
	struct rel_press *p = *pp;

	if (!p)
		return;
	for (struct piece *at = p->first; at; at = at->next)
		rel_pool_wait(p->pool, &at->job);
	free_pieces(p->first);
	free_pieces(p->open);
	free_pieces(p->spare);
	for (unsigned i = 0; i < rel_pool_width(p->pool); i++) {
		rel_zst_freep(&p->workers[i].zst);
		rel_buf_free(&p->workers[i].frame);
	}
	free(p->workers);
	rel_sha256_freep(&p->tar);
	rel_packed_done(&p->packed);
	free(p);
	*pp = NULL;
}

static struct piece *take_spare(struct rel_press *p)
{
	struct piece *piece = p->spare;

	if (!piece) {
		piece = rel_alloc(sizeof(*piece));
		piece->press = p;
		/* At once: a buffer that grows is copied, and leaves its
		 * former pages behind. */
		rel_buf_room(&piece->plain, REL_CHUNK_LIMIT);
		return piece;
	}
	p->spare = piece->next;
	piece->next = NULL;
	piece->keep = false;
	rel_buf_reset(&piece->plain);
	rel_buf_reset(&piece->frame);
	return piece;
}

struct rel_buf *rel_press_open(struct rel_press *p)
{
	if (!p->open)
		p->open = take_spare(p);
	return &p->open->plain;
}

size_t rel_press_place(const struct rel_press *p)
{
	return p->place;
}

static struct rel_zst *zst_of(struct rel_press *p, unsigned worker)
{
	struct worker *w = &p->workers[worker];

	if (!w->zst)
		w->zst = rel_zst_new();
	return w->zst;
}

/* A worker's: the plain bytes become a frame, which goes to the store. */
static void pack_piece(struct rel_job *job, unsigned worker)
{
	struct piece *piece = (struct piece *)job;
	const struct rel_chunk_store *store = piece->press->store;

	rel_zst_pack(zst_of(piece->press, worker), piece->plain.p,
		piece->plain.len, &piece->frame);
	piece->ref.name = rel_sha256(piece->frame.p, piece->frame.len);
	piece->ref.packed = (uint32_t)piece->frame.len;
	piece->r = 0;
	if (store->each)
		piece->r = store->each(
			store->arg, &piece->ref, piece->frame.p, &piece->err);
}

/* A worker's: the frame comes from the store, and is unpacked. */
static void fetch_piece(struct rel_job *job, unsigned worker)
{
	struct piece *piece = (struct piece *)job;
	const struct rel_chunk_store *store = piece->press->store;
	struct rel_buf *frame = &piece->press->workers[worker].frame;

	rel_buf_reset(frame);
	piece->r = store->get(store->arg, &piece->ref, frame, &piece->err);
	if (piece->r == 0)
		piece->r = rel_zst_unpack(zst_of(piece->press, worker),
			frame->p, frame->len, piece->ref.size, &piece->plain,
			&piece->err);
	if (piece->r == 0 && piece->plain.len != piece->ref.size)
		piece->r = rel_fail(&piece->err, REL_EINTEGRITY,
			"a chunk is not as long as its record says");
}

static void add_ref(struct rel_packed *packed, const struct rel_chunk_ref *ref)
{
	if (packed->n == packed->cap) {
		packed->cap = packed->cap ? packed->cap * 2 : 64;
		packed->chunks = rel_grow(
			packed->chunks, packed->cap, sizeof(*packed->chunks));
	}
	packed->chunks[packed->n++] = *ref;
	packed->size += ref->size;
}

/* Off the front of the row. */
static int take_first(struct rel_press *p, struct rel_err *err)
{
	struct piece *piece = p->first;
	const struct rel_chunk_store *store = p->store;
	int r;

	rel_pool_wait(p->pool, &piece->job);
	p->first = piece->next;
	if (!p->first)
		p->end = &p->first;
	p->in_row--;
	r = piece->r;
	if (r < 0)
		*err = piece->err;
	if (r == 0 && store->order && !piece->keep)
		r = store->order(store->arg, &piece->ref, piece->frame.p, err);
	if (r == 0) {
		rel_sha256_add(p->tar, piece->plain.p, piece->plain.len);
		add_ref(&p->packed, &piece->ref);
		piece->ref.first = NULL;
	}
	free(piece->ref.first);
	piece->ref = (struct rel_chunk_ref){ 0 };
	piece->next = p->spare;
	p->spare = piece;
	return r;
}

/* To the end of the row. One is taken off its front at most, so that the
 * workers find it full whenever they look. */
static int add_piece(
	struct rel_press *p, struct piece *piece, struct rel_err *err)
{
	piece->job.run = piece->keep ? fetch_piece : pack_piece;
	*p->end = piece;
	p->end = &piece->next;
	p->in_row++;
	p->place++;
	rel_pool_add(p->pool, &piece->job);
	return p->in_row > PIECES * rel_pool_width(p->pool) ? take_first(p, err)
							    : 0;
}

int rel_press_close(
	struct rel_press *p, struct rel_chunk_ref ref, struct rel_err *err)
{
	struct piece *piece = p->open;

	p->open = NULL;
	piece->ref = ref;
	piece->ref.size = (uint32_t)piece->plain.len;
	return add_piece(p, piece, err);
}

int rel_press_keep(struct rel_press *p, const struct rel_chunk_ref *ref,
	struct rel_err *err)
{
	struct piece *piece = take_spare(p);

	assert(!p->open || p->open->plain.len == 0);
	piece->ref = *ref;
	piece->ref.first = rel_strdup(ref->first);
	piece->keep = true;
	return add_piece(p, piece, err);
}

int rel_press_end(
	struct rel_press *p, struct rel_packed *ret, struct rel_err *err)
{
	int r = 0;

	while (r == 0 && p->first)
		r = take_first(p, err);
	if (r < 0)
		return r;
	p->packed.artifact = rel_sha256_final(p->tar);
	*ret = p->packed;
	p->packed = (struct rel_packed){ 0 };
	return 0;
}
