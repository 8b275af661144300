/* SPDX-License-Identifier: Apache-2.0 */
#include "home/segments.h"

#include "base/pool.h"
#include "base/vec.h"
#include "pack/unpack.h"

#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

/* What one worker works with, made when it gets its first segment. */
struct hands {
	bool there;
	struct rel_unpacker *unpacker; /* NULL: nothing is unpacked */
	struct rel_artifact_stream stream;
	size_t end; /* of the stream: the chunk behind the segment */
	struct rel_err err;
};

struct work {
	struct rel_home *home;
	const struct rel_artifact *artifact;
	int dirfd;
	struct rel_older *older;
	struct rel_unpack how;
	struct rel_pool *pool;
	struct hands *hands; /* by worker */
	atomic_bool failed;  /* nobody needs to go on */
	atomic_bool no_links;
	struct rel_order order;
	struct rel_buf dirs; /* paths, each with its NUL */
	REL_VEC(size_t) dir_at;
};

/* An entry that was seen, for the rules that look at all of them. */
struct seen {
	enum rel_entry_type type;
	size_t path, path_len; /* in segment.paths */
	uint64_t size;
};

struct segment {
	struct rel_job job;
	struct work *w;
	size_t first, n;		   /* chunks */
	const struct rel_older_run *again; /* or NULL */
	struct rel_buf lines;		   /* of the index; none if again */
	struct rel_buf paths;
	REL_VEC(struct seen) entries;
	bool ended;	 /* the end of the tar was in it */
	unsigned worker; /* that failed */
	int r;
};

/* Directories to be closed to writing. */
struct closing {
	struct rel_job job;
	struct work *w;
	size_t first, n; /* in work.dir_at */
	unsigned worker;
	int r;
};

static struct hands *hands_of(struct work *w, unsigned worker)
{
	struct hands *h = &w->hands[worker];

	if (h->there)
		return h;
	h->there = true;
	rel_artifact_stream_open(&h->stream, w->home, w->artifact);
	if (w->dirfd >= 0)
		h->unpacker = rel_unpacker_new(w->dirfd, &w->how);
	return h;
}

/* A rel_tar_source: the chunks of one segment. */
static int next_bytes(
	void *arg, const void **ret_p, size_t *ret_n, struct rel_err *err)
{
	struct hands *h = arg;

	*ret_n = 0;
	if (h->stream.next == h->end)
		return 0;
	return rel_artifact_stream_next(&h->stream, ret_p, ret_n, err);
}

static void note(struct segment *s, const struct rel_entry *e)
{
	struct seen seen = { e->type, s->paths.len, e->path_len, e->size };

	rel_vec_push(&s->entries, seen);
	rel_buf_add(&s->paths, e->path, e->path_len + 1);
}

static int read_entries(struct segment *s, struct hands *h,
	struct rel_reader *reader, struct rel_err *err)
{
	const struct rel_chunk_ref *chunk =
		&s->w->artifact->packed.chunks[s->first];
	struct rel_entry e;
	struct rel_id digest;
	bool more = true;
	int r;

	for (;;) {
		r = rel_reader_next(reader, &e, NULL, &more, err);
		if (r < 0 || !more)
			break;
		if (h->unpacker)
			r = rel_unpacker_add(
				h->unpacker, reader, &e, &digest, err);
		else
			r = rel_reader_digest(reader, &e, &digest, err);
		if (r < 0)
			break;
		if (s->entries.n == 0)
			rel_index_chunk(&s->lines, &chunk->name);
		rel_index_entry(&s->lines, &e, &digest);
		note(s, &e);
	}
	s->ended = rel_reader_ended(reader);
	return r;
}

static int read_segment(struct segment *s, struct hands *h, struct rel_err *err)
{
	REL_AUTO(rel_reader_closep) struct rel_reader *reader = NULL;
	int r;

	h->stream.next = s->first;
	h->end = s->first + s->n;
	r = rel_reader_open(next_bytes, h, REL_EINTEGRITY, &reader, err);
	if (r < 0)
		return r;
	rel_reader_fragment(reader);
	return read_entries(s, h, reader, err);
}

/* What rel_unpacker_link has made of the segment, up to an entry at which it
 * failed, and that one. */
static int undo(struct segment *s, struct hands *h, struct rel_err *err)
{
	struct rel_index ix;
	struct rel_entry e;
	bool more = true;
	int r = 0;

	rel_index_part(&ix, s->again->lines.p, s->again->lines.n);
	for (size_t left = s->entries.n + 1; r == 0 && left > 0; left--) {
		r = rel_index_next(&ix, &e, NULL, &more, err);
		if (r < 0 || !more)
			break;
		r = rel_unpacker_undo(h->unpacker, &e, err);
	}
	rel_index_done(&ix);
	return r;
}

/* The segment out of the older tree: no chunk is read. */
static int link_segment(struct segment *s, struct hands *h, struct rel_err *err)
{
	int from = rel_older_fd(s->w->older);
	struct rel_index ix;
	struct rel_entry e;
	bool more = true;
	int r;

	rel_index_part(&ix, s->again->lines.p, s->again->lines.n);
	while ((r = rel_index_next(&ix, &e, NULL, &more, err)) == 0 && more) {
		r = rel_unpacker_link(h->unpacker, &e, from, err);
		if (r < 0)
			break;
		note(s, &e);
	}
	s->ended = s->again->last;
	rel_index_done(&ix);
	return r;
}

/* Where files can't be linked (EMLINK, EXDEV, EPERM) they are written. */
static int do_segment(struct segment *s, struct hands *h, struct rel_err *err)
{
	int r;

	if (s->again && !atomic_load(&s->w->no_links)) {
		if (link_segment(s, h, err) == 0)
			return 0;
		atomic_store(&s->w->no_links, true);
		r = undo(s, h, err);
		if (r < 0)
			return r;
	}
	s->again = NULL;
	s->entries.n = 0;
	rel_buf_reset(&s->paths);
	return read_segment(s, h, err);
}

static void run_segment(struct rel_job *j, unsigned worker)
{
	struct segment *s = (struct segment *)j;
	struct hands *h = hands_of(s->w, worker);

	s->worker = worker;
	if (atomic_load(&s->w->failed))
		return;
	s->r = do_segment(s, h, &h->err);
	if (s->r < 0)
		atomic_store(&s->w->failed, true);
}

/* What can be said only when what comes before is known. */
static int check_order(struct segment *s, bool last, struct rel_err *err)
{
	struct work *w = s->w;

	for (size_t i = 0; i < s->entries.n; i++) {
		const struct seen *seen = &s->entries.v[i];
		struct rel_entry e = {
			.type = seen->type,
			.path = s->paths.p + seen->path,
			.path_len = seen->path_len,
			.size = seen->size,
		};

		if (rel_order_next(&w->order, &e, err) < 0) {
			err->code = REL_EINTEGRITY;
			return -REL_EINTEGRITY;
		}
		if (e.type == REL_DIR && w->dirfd >= 0) {
			rel_vec_push(&w->dir_at, w->dirs.len);
			rel_buf_add(&w->dirs, e.path, e.path_len + 1);
		}
	}
	if (s->ended != last)
		return rel_fail(err, REL_EINTEGRITY,
			"not an artifact of relctl: its end is not where its "
			"last chunk ends");
	return 0;
}

static void segment_done(struct segment *s)
{
	rel_buf_free(&s->lines);
	rel_buf_free(&s->paths);
	rel_vec_free(&s->entries);
}

static struct segment *cut(struct work *w, size_t *ret_n)
{
	const struct rel_packed *p = &w->artifact->packed;
	struct segment *v = rel_grow(NULL, p->n + 1, sizeof(*v));
	size_t n = 0;

	for (size_t i = 0; i < p->n; i += v[n++].n) {
		v[n] = (struct segment){ .w = w, .first = i };
		v[n].job.run = run_segment;
		v[n].n = rel_segment_length(&p->chunks[i], p->n - i);
		if (w->older && w->dirfd >= 0)
			v[n].again =
				rel_older_find(w->older, &p->chunks[i], v[n].n);
	}
	*ret_n = n;
	return v;
}

/* Wait for each, in order. The first one that failed, if any did. */
static int collect(struct work *w, struct segment *v, size_t n,
	struct rel_buf *index, struct rel_err *err)
{
	int r = 0;

	for (size_t i = 0; i < n; i++) {
		struct segment *s = &v[i];

		rel_pool_wait(w->pool, &s->job);
		if (r == 0 && s->r < 0) {
			*err = w->hands[s->worker].err;
			r = s->r;
		}
		if (r == 0 && !atomic_load(&w->failed)) {
			r = check_order(s, i + 1 == n, err);
			if (r < 0)
				atomic_store(&w->failed, true);
		}
		if (r == 0 && s->again)
			rel_buf_add(
				index, s->again->lines.p, s->again->lines.n);
		else if (r == 0)
			rel_buf_add(
				index, rel_buf_str(&s->lines), s->lines.len);
		segment_done(s);
	}
	return r;
}

static int do_segments(
	struct work *w, struct rel_buf *index, struct rel_err *err)
{
	size_t n;
	struct segment *v = cut(w, &n);
	int r;

	if (w->older)
		rel_older_list(w->older);
	for (size_t i = 0; i < n; i++)
		rel_pool_add(w->pool, &v[i].job);
	r = collect(w, v, n, index, err);
	free(v);
	if (r == 0 && n == 0)
		r = rel_fail(err, REL_EINTEGRITY, "an artifact of no chunks");
	return r;
}

static void run_closing(struct rel_job *j, unsigned worker)
{
	struct closing *c = (struct closing *)j;
	struct work *w = c->w;
	struct hands *h = hands_of(w, worker);

	c->worker = worker;
	for (size_t i = 0; i < c->n && !atomic_load(&w->failed); i++) {
		c->r = rel_unpacker_finish(h->unpacker,
			w->dirs.p + w->dir_at.v[c->first + i], &h->err);
		if (c->r < 0)
			atomic_store(&w->failed, true);
	}
}

/* Nothing is made in a directory any more, so their order does not matter. */
static int close_dirs(struct work *w, struct rel_err *err)
{
	const size_t each = 64, n = (w->dir_at.n + each - 1) / each;
	struct closing *v = rel_grow(NULL, n + 1, sizeof(*v));
	int r = 0;

	for (size_t i = 0; i < n; i++) {
		size_t left = w->dir_at.n - i * each;

		v[i] = (struct closing){ .w = w, .first = i * each };
		v[i].n = left < each ? left : each;
		v[i].job.run = run_closing;
		rel_pool_add(w->pool, &v[i].job);
	}
	for (size_t i = 0; i < n; i++) {
		rel_pool_wait(w->pool, &v[i].job);
		if (r == 0 && v[i].r < 0) {
			*err = w->hands[v[i].worker].err;
			r = v[i].r;
		}
	}
	free(v);
	return r < 0 ? r
		     : rel_unpacker_finish(hands_of(w, 0)->unpacker, NULL, err);
}

static void work_done(struct work *w)
{
	unsigned width = rel_pool_width(w->pool);

	rel_pool_endp(&w->pool);
	for (unsigned i = 0; i < width; i++) {
		rel_unpacker_freep(&w->hands[i].unpacker);
		if (w->hands[i].there)
			rel_artifact_stream_done(&w->hands[i].stream);
	}
	free(w->hands);
	rel_order_done(&w->order);
	rel_buf_free(&w->dirs);
	rel_vec_free(&w->dir_at);
}

int rel_segments_unpack(struct rel_home *h, const struct rel_artifact *a,
	int dirfd, int64_t mtime_s, struct rel_older *older,
	struct rel_buf *index, struct rel_err *err)
{
	struct work w = {
		.home = h,
		.artifact = a,
		.dirfd = dirfd,
		.older = older,
		.how = {
			.mtime_s = mtime_s,
			.shared_work = true,
			.share = older ? rel_older_share : NULL,
			.arg = older,
		},
	};
	/* So that files are born with their modes. Only the pool's threads see
	 * it, and they are gone before it is put back. */
	mode_t mask = umask(0);
	int r;

	rel_pool_begin(0, &w.pool);
	w.hands = rel_grow(NULL, rel_pool_width(w.pool), sizeof(*w.hands));
	memset(w.hands, 0, rel_pool_width(w.pool) * sizeof(*w.hands));
	rel_index_begin(index);
	r = do_segments(&w, index, err);
	if (r == 0)
		rel_index_end(index, w.order.entries);
	if (r == 0 && dirfd >= 0)
		r = close_dirs(&w, err);
	work_done(&w);
	umask(mask);
	return r;
}
