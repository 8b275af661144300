/* SPDX-License-Identifier: Apache-2.0 */
#include "build/grow.h"

#include "base/mem.h"

#include <string.h>

/* Newest builds that are looked at: a store may be of many repositories. */
#define LOOK_BACK 50

void rel_soil_done(struct rel_soil *s)
{
	rel_artifact_done(&s->artifact);
	*s = (struct rel_soil){ 0 };
}

struct search {
	struct rel_home *home;
	struct rel_git *git;
	const char *options;
	struct rel_soil *soil;
	unsigned looked;
};

/* Does it say where each of its chunks begins? */
static bool is_fertile(const struct rel_packed *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (!p->chunks[i].data && !p->chunks[i].first)
			return false;
	return p->n > 0 && p->chunks[0].first;
}

static int look_at_build(
	void *arg, const struct rel_build_row *b, struct rel_err *err)
{
	struct search *s = arg;
	struct rel_err ignored;
	struct rel_id record;

	(void)err;
	if (++s->looked > LOOK_BACK)
		return 1;
	if (strcmp(b->options, s->options) != 0 || strlen(b->tree) != 40 ||
		!rel_git_has_tree(s->git, b->tree) ||
		rel_artifact_load(s->home, &b->artifact, &s->soil->artifact,
			&record, &ignored) < 0)
		return 0;
	if (!rel_id_equal(&record, &b->record) ||
		!is_fertile(&s->soil->artifact.packed)) {
		rel_soil_done(s->soil);
		return 0;
	}
	memcpy(s->soil->tree, b->tree, sizeof(s->soil->tree));
	return 1;
}

int rel_soil_find(struct rel_home *h, struct rel_git *g, const char *options,
	struct rel_soil *ret, bool *ret_found, struct rel_err *err)
{
	struct search s = {
		.home = h, .git = g, .options = options, .soil = ret
	};
	int r = rel_ledger_each_build(
		h->ledger, NULL, NULL, look_at_build, &s, err);

	*ret_found = ret->tree[0] != '\0';
	return r < 0 ? r : 0;
}

struct segment {
	const char *first; /* the name of its first entry; "": the end alone */
	size_t chunk, n;   /* its chunks in the record */
	bool changed;
};

struct growth {
	struct rel_entries *entries;
	const struct rel_packed *old;
	REL_VEC(struct segment) segments;
};

static void growth_done(struct growth *g)
{
	rel_vec_free(&g->segments);
}

static void find_segments(struct growth *g)
{
	for (size_t i = 0; i < g->old->n; i++) {
		const struct rel_chunk_ref *c = &g->old->chunks[i];

		if (!c->data)
			rel_vec_push(&g->segments,
				((struct segment){ .first = c->first,
					.chunk = i,
					.changed = c->notes }));
		g->segments.v[g->segments.n - 1].n++;
	}
}

static bool begins_with(const char *name, const char *prefix)
{
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

/* The segment that has, or would have, an entry of this name. */
static size_t segment_of(const struct growth *g, const char *name)
{
	size_t low = 0, high = g->segments.n;

	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;
		const char *first = g->segments.v[mid].first;

		if (*first && strcmp(first, name) <= 0)
			low = mid;
		else
			high = mid;
	}
	return low;
}

static int see_change(
	void *arg, const struct rel_git_change *c, struct rel_err *err)
{
	struct growth *g = arg;
	struct segment *v = g->segments.v;
	size_t at = segment_of(g, c->name);

	(void)err;
	/* The first member of a segment has a say in where the one before it
	 * ends: its size may be another now. */
	if (at > 0 &&
		(!strcmp(v[at].first, c->name) ||
			(c->subtree && begins_with(v[at].first, c->name))))
		v[at - 1].changed = true;
	v[at].changed = true;
	if (!c->subtree)
		return 0;
	for (at++; at < g->segments.n && begins_with(v[at].first, c->name);
		at++)
		v[at].changed = true;
	return 0;
}

static int find_changes(struct growth *g, const struct rel_soil *soil,
	const char *tree, struct rel_err *err)
{
	/* What is in them is wanted in any case. */
	static const struct rel_git_change always[] = {
		{ .name = "Procfile", .len = 8 },
		{ .name = "app.json", .len = 8 },
	};
	int r = rel_git_descend(
		g->entries->git, soil->tree, tree, see_change, g, err);

	for (size_t i = 0; r == 0 && i < 2; i++)
		r = see_change(g, &always[i], err);
	return r;
}

/* Where the segment after ${at} begins; NULL: nowhere, and the end of the tar
 * alone is no place for an entry either. */
static const char *next_first(const struct growth *g, size_t at)
{
	if (at + 1 == g->segments.n || !*g->segments.v[at + 1].first)
		return NULL;
	return g->segments.v[at + 1].first;
}

/* Segments in a row from ${at} on that changed, or that did not. */
static size_t count(const struct growth *g, size_t at, bool changed)
{
	size_t n = 0;

	while (at + n < g->segments.n &&
		g->segments.v[at + n].changed == changed)
		n++;
	return n;
}

static int keep(struct growth *g, struct rel_pack *pack, size_t at, size_t n,
	struct rel_err *err)
{
	const struct segment *from = &g->segments.v[at];
	const struct segment *last = &g->segments.v[at + n - 1];
	size_t end = last->chunk + last->n;

	return rel_pack_keep(pack, &g->old->chunks[from->chunk],
		end - from->chunk, end == g->old->n, err);
}

static int grow(struct growth *g, const char *tree, struct rel_err *err)
{
	struct rel_pack *pack = rel_maker_pack(g->entries->maker);
	size_t at = 0, n;
	int r = 0;

	while (r == 0 && at < g->segments.n) {
		/* They can be taken over from where a chunk begins. */
		n = rel_pack_is_between(pack) ? count(g, at, false) : 0;
		if (n > 0) {
			r = keep(g, pack, at, n, err);
			at += n;
			continue;
		}
		/* After the last entry there is only what rel_pack_end adds. */
		if (at > 0 && !*g->segments.v[at].first)
			break;
		n = 1 + count(g, at + 1, true);
		r = rel_entries_range(g->entries, tree,
			at ? g->segments.v[at].first : NULL,
			next_first(g, at + n - 1), err);
		at += n;
	}
	return r;
}

int rel_grow_from(struct rel_entries *s, const struct rel_soil *soil,
	const char *tree, struct rel_err *err)
{
	REL_AUTO(growth_done)
	struct growth g = { .entries = s, .old = &soil->artifact.packed };
	int r;

	find_segments(&g);
	r = find_changes(&g, soil, tree, err);
	return r < 0 ? r : grow(&g, tree, err);
}
