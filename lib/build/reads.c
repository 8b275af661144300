/* SPDX-License-Identifier: Apache-2.0 */
#include "build/reads.h"

#include "base/entry.h"
#include "base/mem.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 16u	      /* entries that are read together */
#define HANDS 2u	      /* jobs of a batch, which share its entries */
#define BATCHES_AHEAD 4u      /* for each worker */
#define AHEAD_MAX (4u << 20)  /* a larger content waits for its turn, bytes */
#define IN_FLIGHT (24u << 20) /* contents that were read ahead, bytes */

struct item {
	struct rel_git_entry entry;
	char *path; /* of the entry */
	struct rel_git_content content;
	bool read; /* ahead, and well */
};

/* Two workers share what comes next: some large contents in a row would else
 * keep one, and the other would soon have nothing to do. */
struct hand {
	struct rel_job job; /* first: a job is its hand */
	struct batch *batch;
};

struct batch {
	struct hand hands[HANDS];
	struct rel_reads *reads;
	struct batch *next;
	struct item items[BATCH];
	atomic_size_t claimed; /* by the hands, from the first item on */
	size_t n, at;	       /* items; the next one to be given */
};

struct rel_reads {
	struct rel_pool *pool;
	struct rel_git *git;
	struct rel_git_walk *walk;
	const char *until;
	struct rel_git **handles; /* one for each worker but the owner */
	atomic_size_t in_flight;
	struct batch *first, **end, *spare;
	size_t ahead; /* batches from first on */
	bool walked;  /* to its end, or to an error */
	int walk_r;
	struct rel_err walk_err;
};

void rel_reads_begin(struct rel_pool *pool, struct rel_git *git,
	struct rel_git_walk *walk, const char *until, struct rel_reads **ret)
{
	struct rel_reads *r = rel_alloc(sizeof(*r));

	r->pool = pool;
	r->git = git;
	r->walk = walk;
	r->until = until;
	r->handles = rel_alloc(rel_pool_width(pool) * sizeof(*r->handles));
	r->end = &r->first;
	*ret = r;
}

static void wait_for(struct batch *b)
{
	for (size_t i = 0; i < HANDS; i++)
		rel_pool_wait(b->reads->pool, &b->hands[i].job);
}

static void free_batches(struct batch *b)
{
	while (b) {
		struct batch *next = b->next;

		for (size_t i = 0; i < BATCH; i++) {
			free(b->items[i].path);
			rel_git_content_done(&b->items[i].content);
		}
		free(b);
		b = next;
	}
}

void rel_reads_endp(struct rel_reads **rp)
{
	struct rel_reads *r = *rp;

	if (!r)
		return;
	for (struct batch *b = r->first; b; b = b->next)
		wait_for(b);
	free_batches(r->first);
	free_batches(r->spare);
	for (unsigned i = 0; i < rel_pool_width(r->pool); i++)
		rel_git_closep(&r->handles[i]);
	free(r->handles);
	free(r);
	*rp = NULL;
}

static bool is_blob(const struct rel_git_entry *e)
{
	return (e->mode & 0170000) == 0100000 || e->mode == 0120000;
}

/* A worker's: what no other hand has taken. What fails here is read again when
 * its turn has come, and says then what is wrong. */
static void read_items(struct rel_job *job, unsigned worker)
{
	struct batch *b = ((struct hand *)job)->batch;
	struct rel_reads *r = b->reads;
	struct rel_git *git = r->git;
	struct rel_err ignored;
	size_t i;

	if (worker > 0) {
		if (!r->handles[worker] &&
			rel_git_again(r->git, &r->handles[worker], &ignored) <
				0)
			return;
		git = r->handles[worker];
	}
	while ((i = atomic_fetch_add(&b->claimed, 1)) < b->n) {
		struct item *item = &b->items[i];

		if (!is_blob(&item->entry))
			continue;
		if (atomic_load(&r->in_flight) > IN_FLIGHT)
			return;
		item->read = rel_git_content(git, &item->entry, AHEAD_MAX,
				     &item->content, &ignored) == 0;
		if (item->read)
			atomic_fetch_add(&r->in_flight, item->content.n);
	}
}

/* Is the entry one that comes before the end of the range? */
static bool is_before(const struct rel_git_entry *e, const char *until)
{
	bool dir = e->mode == 040000 || e->mode == 0160000;

	return rel_name_order((struct rel_name){ e->path, e->path_len, dir },
		       (struct rel_name){ until, strlen(until), false }) < 0;
}

static struct batch *take_spare(struct rel_reads *r)
{
	struct batch *b = r->spare;

	if (!b) {
		b = rel_alloc(sizeof(*b));
		b->reads = r;
		for (size_t i = 0; i < HANDS; i++) {
			b->hands[i].batch = b;
			b->hands[i].job.run = read_items;
		}
		return b;
	}
	r->spare = b->next;
	b->next = NULL;
	b->n = b->at = 0;
	atomic_store(&b->claimed, 0);
	return b;
}

static void add_item(struct batch *b, const struct rel_git_entry *e)
{
	struct item *item = &b->items[b->n++];

	free(item->path);
	item->path = rel_strndup(e->path, e->path_len);
	item->entry = *e;
	item->entry.path = item->path;
	item->read = false;
}

/* One batch more for the workers, if there is so much left of the walk. */
static void fill_batch(struct rel_reads *r)
{
	struct batch *b = take_spare(r);
	struct rel_git_entry e;
	bool more = true;

	while (b->n < BATCH && !r->walked) {
		r->walk_r = rel_git_walk_next(r->walk, &e, &more, &r->walk_err);
		r->walked = r->walk_r < 0 || !more ||
			    (r->until && !is_before(&e, r->until));
		if (!r->walked)
			add_item(b, &e);
	}
	if (b->n == 0) {
		b->next = r->spare;
		r->spare = b;
		return;
	}
	*r->end = b;
	r->end = &b->next;
	r->ahead++;
	for (size_t i = 0; i < HANDS; i++)
		rel_pool_add(r->pool, &b->hands[i].job);
}

static void read_ahead(struct rel_reads *r)
{
	size_t most = (size_t)BATCHES_AHEAD * rel_pool_width(r->pool);

	while (!r->walked &&
		(!r->first || (r->ahead < most &&
				      atomic_load(&r->in_flight) < IN_FLIGHT)))
		fill_batch(r);
}

/* The batch was given to the last of its items. */
static void drop_first(struct rel_reads *r)
{
	struct batch *b = r->first;

	r->first = b->next;
	if (!r->first)
		r->end = &r->first;
	r->ahead--;
	b->next = r->spare;
	r->spare = b;
}

/* The content that was given before is not needed any more. */
static void drop_content(struct rel_reads *r, struct item *item)
{
	if (item->read)
		atomic_fetch_sub(&r->in_flight, item->content.n);
	item->read = false;
	rel_git_content_done(&item->content);
}

int rel_reads_next(struct rel_reads *r, const struct rel_git_entry **ret,
	const struct rel_git_content **ret_content, bool *ret_more,
	struct rel_err *err)
{
	struct item *item;
	int rc = 0;

	if (r->first && r->first->at > 0)
		drop_content(r, &r->first->items[r->first->at - 1]);
	if (r->first && r->first->at == r->first->n)
		drop_first(r);
	read_ahead(r);
	*ret_more = r->first != NULL;
	if (!r->first) {
		if (r->walk_r < 0)
			*err = r->walk_err;
		return r->walk_r;
	}
	wait_for(r->first);
	item = &r->first->items[r->first->at++];
	if (is_blob(&item->entry) && !item->read)
		rc = rel_git_content(r->git, &item->entry, REL_MAX_FILE,
			&item->content, err);
	*ret = &item->entry;
	*ret_content = is_blob(&item->entry) ? &item->content : NULL;
	return rc;
}
