/* SPDX-License-Identifier: Apache-2.0 */
#include "audit/gc.h"

#include "base/mem.h"
#include "base/vec.h"
#include "ledger/undo.h"
#include "store/chunk.h"
#include "store/tree.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One chunk as one artifact needs it. */
struct need {
	struct rel_id chunk;
	size_t item;
	uint32_t packed;
};

struct job {
	struct rel_home *home;
	struct rel_gc_plan *plan;
	int64_t keep, since_ms;
	const char *app; /* the one that is looked at */
	struct rel_activation current;
	REL_VEC(struct rel_id)
	stack;			    /* different artifacts on its undo stack */
	REL_VEC(struct need) needs; /* sorted by chunk */
};

void rel_gc_plan_done(struct rel_gc_plan *p)
{
	free(p->items);
	*p = (struct rel_gc_plan){ 0 };
}

static int by_artifact(const void *a, const void *b)
{
	const struct rel_gc_item *x = a, *y = b;

	return memcmp(x->artifact.b, y->artifact.b, sizeof(x->artifact.b));
}

/* The store lists its artifacts sorted. */
static struct rel_gc_item *find_item(struct job *j, const struct rel_id *id)
{
	struct rel_gc_item key = { .artifact = *id };

	return j->plan->n ? bsearch(&key, j->plan->items, j->plan->n,
				    sizeof(key), by_artifact)
			  : NULL;
}

/* The first reason that is found is the one that is told. */
static void keep(struct rel_gc_item *item, const char *why)
{
	if (!item || item->keep)
		return;
	item->keep = true;
	snprintf(item->why, sizeof(item->why), "%s", why);
}

static int add_item(void *arg, const struct rel_id *id, struct rel_err *err)
{
	struct job *j = arg;
	struct rel_gc_plan *p = j->plan;

	(void)err;
	if (p->n == p->cap) {
		p->cap = p->cap ? 2 * p->cap : 32;
		p->items = rel_grow(p->items, p->cap, sizeof(*p->items));
	}
	p->n++;
	p->items[p->n - 1] = (struct rel_gc_item){
		.artifact = *id,
		.has_tree = rel_tree_exists(j->home->store, id),
	};
	return 0;
}

static int see_release(
	void *arg, const struct rel_release_row *row, struct rel_err *err)
{
	struct job *j = arg;
	struct rel_gc_item *item = find_item(j, &row->artifact);

	(void)err;
	if (!item)
		return 0;
	/* They come newest first. */
	if (!*item->release)
		snprintf(item->release, sizeof(item->release), "%s@v%" PRId64,
			row->app, row->number);
	if (row->pinned) {
		char why[80];

		snprintf(why, sizeof(why), "pinned: %s@v%" PRId64, row->app,
			row->number);
		keep(item, why);
	}
	return 0;
}

static int see_build(
	void *arg, const struct rel_build_row *b, struct rel_err *err)
{
	struct job *j = arg;

	(void)err;
	if (b->time_ms >= j->since_ms)
		keep(find_item(j, &b->artifact), "built less than a day ago");
	return 0;
}

static int see_stack(
	void *arg, const struct rel_activation *a, struct rel_err *err)
{
	struct job *j = arg;
	struct rel_release_row row = { 0 };
	char why[80];
	int r = rel_ledger_release(
		j->home->ledger, j->app, a->number, &row, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < j->stack.n; i++) {
		if (rel_id_equal(&j->stack.v[i], &row.artifact)) {
			rel_release_row_done(&row);
			return 0;
		}
	}
	/* The current one counts as the first of N, and is kept with N = 0. */
	if (a->seq == j->current.seq)
		snprintf(why, sizeof(why), "current of %s", j->app);
	else
		snprintf(why, sizeof(why), "rollback %zu of %s", j->stack.n,
			j->app);
	if (a->seq == j->current.seq || (int64_t)j->stack.n < j->keep)
		keep(find_item(j, &row.artifact), why);
	rel_vec_push(&j->stack, row.artifact);
	rel_release_row_done(&row);
	return (int64_t)j->stack.n >= j->keep ? 1 : 0;
}

static int see_app(void *arg, const char *app, struct rel_err *err)
{
	struct job *j = arg;
	struct rel_app_history at = { j->home->ledger, app };
	struct rel_history history = rel_history_of(&at);
	int r;

	j->app = app;
	j->stack.n = 0;
	r = rel_ledger_current(j->home->ledger, app, &j->current, err);
	if (r == -REL_ENOTFOUND)
		return 0;
	if (r == 0)
		r = rel_undo_each(&history, &j->current, see_stack, j, err);
	return r < 0 ? r : 0;
}

static int by_chunk(const void *a, const void *b)
{
	const struct need *x = a, *y = b;
	int r = memcmp(x->chunk.b, y->chunk.b, sizeof(x->chunk.b));

	return r ? r : (x->item > y->item) - (x->item < y->item);
}

static int load_needs(struct job *j, struct rel_err *err)
{
	for (size_t i = 0; i < j->plan->n; i++) {
		REL_AUTO(rel_artifact_done) struct rel_artifact a = { 0 };
		/* A record that cannot be read hides what it needs: stop. */
		int r = rel_artifact_load(
			j->home, &j->plan->items[i].artifact, &a, NULL, err);

		if (r < 0)
			return r;
		for (size_t k = 0; k < a.packed.n; k++) {
			struct need n = { a.packed.chunks[k].name, i,
				a.packed.chunks[k].packed };

			rel_vec_push(&j->needs, n);
		}
	}
	if (j->needs.n > 0)
		qsort(j->needs.v, j->needs.n, sizeof(*j->needs.v), by_chunk);
	return 0;
}

/* Whose are the bytes: of one artifact, of several, freed or not. */
static void count_chunks(struct job *j)
{
	for (size_t i = 0; i < j->needs.n;) {
		const struct need *first = &j->needs.v[i];
		bool several = false, needed = false;

		for (; i < j->needs.n; i++) {
			const struct need *n = &j->needs.v[i];

			if (!rel_id_equal(&n->chunk, &first->chunk))
				break;
			several = several || n->item != first->item;
			needed = needed || j->plan->items[n->item].keep;
		}
		if (several)
			j->plan->shared_bytes += first->packed;
		else
			j->plan->items[first->item].chunk_bytes +=
				first->packed;
		if (!needed)
			j->plan->freed_bytes += first->packed;
	}
}

static bool is_needed(struct job *j, const struct rel_id *chunk, bool kept_only)
{
	struct need key = { .chunk = *chunk, .item = 0 };
	size_t lo = 0, hi = j->needs.n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (by_chunk(&j->needs.v[mid], &key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < j->needs.n && rel_id_equal(&j->needs.v[lo].chunk, chunk);
		lo++) {
		if (!kept_only || j->plan->items[j->needs.v[lo].item].keep)
			return true;
	}
	return false;
}

static int see_chunk(void *arg, const struct rel_id *id, struct rel_err *err)
{
	struct job *j = arg;

	(void)err;
	if (!is_needed(j, id, false)) {
		int64_t size = rel_chunk_size(j->home->store, id);

		j->plan->orphan_bytes += size > 0 ? (uint64_t)size : 0;
	}
	return 0;
}

static int drop_chunk(void *arg, const struct rel_id *id, struct rel_err *err)
{
	struct job *j = arg;

	if (is_needed(j, id, true))
		return 0;
	return rel_chunk_drop(j->home->store, id, err);
}

static int fill(struct job *j, struct rel_err *err)
{
	struct rel_home *h = j->home;
	struct rel_gc_plan *p = j->plan;
	int r = rel_store_each_artifact(h->store, add_item, j, err);

	if (r == 0)
		r = rel_ledger_each_app(h->ledger, see_app, j, err);
	if (r == 0)
		r = rel_ledger_each_release(
			h->ledger, NULL, 0, 0, see_release, j, err);
	if (r == 0)
		r = rel_ledger_each_build(
			h->ledger, NULL, NULL, see_build, j, err);
	if (r == 0)
		r = load_needs(j, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < p->n; i++) {
		struct rel_gc_item *item = &p->items[i];

		if (!item->has_tree)
			continue;
		if (!item->keep && rel_tree_in_use(h->store, &item->artifact))
			keep(item, "in use");
		item->tree_bytes = rel_tree_bytes(h->store, &item->artifact);
		if (!item->keep)
			p->freed_bytes += item->tree_bytes;
	}
	count_chunks(j);
	r = rel_chunk_each(h->store, see_chunk, j, err);
	p->freed_bytes += p->orphan_bytes;
	return r;
}

static int record(struct job *j, struct rel_err *err)
{
	struct json_t *b = rel_json_object(), *gone = rel_json_array();

	for (size_t i = 0; i < j->plan->n; i++) {
		if (!j->plan->items[i].keep)
			rel_json_push(gone, rel_json_text(rel_artifact_format(
						    &j->plan->items[i].artifact)
								  .s));
	}
	rel_json_set(b, "artifacts", gone);
	rel_json_set(
		b, "bytes", rel_json_number((int64_t)j->plan->freed_bytes));
	return rel_home_append(j->home, "", "gc", b, NULL, NULL, NULL, err);
}

static int remove_items(struct job *j, struct rel_err *err)
{
	struct rel_store *s = j->home->store;
	uint64_t bytes;
	int r = 0;

	for (size_t i = 0; r == 0 && i < j->plan->n; i++) {
		struct rel_gc_item *item = &j->plan->items[i];

		if (item->keep)
			continue;
		r = rel_tree_drop(s, &item->artifact, &bytes, err);
		if (r == -REL_ENOTFOUND)
			r = 0;
		if (r == -REL_EBUSY) {
			/* A process started in it since the plan was made. */
			keep(item, "in use");
			r = 0;
			continue;
		}
		if (r == 0)
			r = rel_store_drop_artifact(s, &item->artifact, err);
	}
	return r;
}

static void job_done(struct job *j)
{
	rel_vec_free(&j->stack);
	rel_vec_free(&j->needs);
}

int rel_gc_plan(struct rel_home *h, int64_t keep_n, int64_t since_ms,
	struct rel_gc_plan *ret, struct rel_err *err)
{
	REL_AUTO(job_done)
	struct job j = {
		.home = h, .plan = ret, .keep = keep_n, .since_ms = since_ms
	};

	return fill(&j, err);
}

int rel_gc(struct rel_home *h, int64_t keep_n, int64_t since_ms,
	struct rel_gc_plan *ret, struct rel_err *err)
{
	REL_AUTO(job_done)
	struct job j = {
		.home = h, .plan = ret, .keep = keep_n, .since_ms = since_ms
	};
	int r = rel_store_lock(
		h->store, REL_LOCK_EXCLUSIVE, h->opt.wait_ms, err);

	if (r == 0)
		r = rel_store_sweep(h->store, err);
	if (r == 0)
		r = fill(&j, err);
	if (r == 0 && ret->freed_bytes > 0) {
		r = record(&j, err);
		if (r == 0)
			r = remove_items(&j, err);
		if (r == 0)
			r = rel_chunk_each(h->store, drop_chunk, &j, err);
	}
	/* Nobody waits: what is left need not be compared after a boot. */
	if (r == 0)
		r = rel_tree_settle_all(h->store, err);
	rel_store_unlock(h->store);
	return r;
}
