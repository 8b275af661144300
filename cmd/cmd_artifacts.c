/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/vec.h"
#include "cmds.h"
#include "home/artifact.h"
#include "out.h"
#include "store/tree.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What the store has of an artifact, of which there may be many builds. */
struct known {
	struct rel_id id;
	bool stored, tree;
	uint64_t size, entries;
};

struct listing {
	struct ctx *cx;
	struct table *table;
	struct json_t *rows;
	REL_VEC(struct known) known; /* sorted by id */
};

static const struct known *look_up(struct listing *l, const struct rel_id *id)
{
	REL_AUTO(rel_artifact_done) struct rel_artifact a = { 0 };
	struct rel_home *h = l->cx->home;
	struct rel_err ignored;
	size_t at = 0, hi = l->known.n;
	struct known *k;

	while (at < hi) {
		size_t mid = (at + hi) / 2;
		int c = memcmp(&l->known.v[mid].id, id, sizeof(*id));

		if (c == 0)
			return &l->known.v[mid];
		if (c < 0)
			at = mid + 1;
		else
			hi = mid;
	}
	rel_vec_more(&l->known);
	k = &l->known.v[at];
	memmove(k + 1, k, (l->known.n - 1 - at) * sizeof(*k));
	*k = (struct known){ .id = *id };
	k->stored = rel_artifact_load(h, id, &a, NULL, &ignored) == 0;
	k->tree = rel_tree_exists(h->store, id);
	k->size = a.packed.size;
	k->entries = a.packed.entries;
	return k;
}

static void add_json(
	struct listing *l, const struct rel_build_row *b, const struct known *k)
{
	struct json_t *j = rel_json_object();

	rel_json_set(j, "artifact",
		rel_json_text(rel_artifact_format(&b->artifact).s));
	rel_json_set(j, "commit", rel_json_text(*b->commit ? b->commit : NULL));
	rel_json_set(
		j, "subject", rel_json_text(*b->subject ? b->subject : NULL));
	rel_json_set(j, "origin", rel_json_text(*b->origin ? b->origin : NULL));
	rel_json_set(j, "time", rel_json_text(rel_time_format(b->time_ms).s));
	rel_json_set(j, "by", rel_json_text(b->by));
	rel_json_set(j, "stored", rel_json_bool(k->stored));
	rel_json_set(j, "unpacked", rel_json_bool(k->tree));
	if (k->stored) {
		rel_json_set(j, "size", rel_json_number((int64_t)k->size));
		rel_json_set(
			j, "entries", rel_json_number((int64_t)k->entries));
	}
	rel_json_push(l->rows, j);
}

static int see(void *arg, const struct rel_build_row *b, struct rel_err *err)
{
	struct listing *l = arg;
	const struct known *k = look_up(l, &b->artifact);
	struct text32 when = ago(b->time_ms), size = { "" };
	char id[24], commit[10];

	(void)err;
	if (l->cx->json) {
		add_json(l, b, k);
		return 0;
	}
	if (k->stored)
		size = bytes_text(k->size);
	snprintf(id, sizeof(id), "%.19s", rel_artifact_format(&b->artifact).s);
	snprintf(commit, sizeof(commit), "%.7s", b->commit);
	table_row(l->table, (const char *[]){ id, commit, size.s, when.s,
				    !k->stored ? "gone"
				    : k->tree  ? "local"
					       : "store",
				    b->subject });
	return 0;
}

static int run(
	struct ctx *cx, void *o, int argc, char **argv, struct rel_err *err)
{
	static const char *const titles[] = { "ARTIFACT", "COMMIT", "SIZE",
		"BUILT", "RESTORE", "SUBJECT" };
	struct listing l = { .cx = cx };
	int r;

	(void)o;
	(void)argc;
	(void)argv;
	l.table = table_new(cx, titles, 6, 5);
	l.rows = rel_json_array();
	r = rel_ledger_each_build(cx->home->ledger, NULL, NULL, see, &l, err);
	if (r == 0 && cx->json) {
		struct json_t *doc = rel_json_object();

		rel_json_set(doc, "artifacts", l.rows);
		result_json(cx, "artifacts", doc);
		l.rows = NULL;
	}
	table_print(l.table);
	rel_json_free(l.rows);
	rel_vec_free(&l.known);
	return r;
}

const struct cmd cmd_artifacts = {
	.name = "artifacts",
	.summary = "list what was built and imported, newest first",
	.group = "Look",
	.need = NEED_READ,
	.run = run,
};
