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

struct listing {
	struct ctx *cx;
	struct table *table;
	struct json_t *rows;
};

static void add_json(struct listing *l, const struct rel_build_row *b,
	const struct rel_artifact *a, bool stored, bool tree)
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
	rel_json_set(j, "stored", rel_json_bool(stored));
	rel_json_set(j, "unpacked", rel_json_bool(tree));
	if (stored) {
		rel_json_set(
			j, "size", rel_json_number((int64_t)a->packed.size));
		rel_json_set(j, "entries",
			rel_json_number((int64_t)a->packed.entries));
	}
	rel_json_push(l->rows, j);
}

static int see(void *arg, const struct rel_build_row *b, struct rel_err *err)
{
	struct listing *l = arg;
	REL_AUTO(rel_artifact_done) struct rel_artifact a = { 0 };
	struct rel_home *h = l->cx->home;
	struct text32 when = ago(b->time_ms), size = { "" };
	bool stored, tree;
	char id[24], commit[10];

	stored = rel_artifact_load(h, &b->artifact, &a, NULL, err) == 0;
	tree = rel_tree_exists(h->store, &b->artifact);
	if (l->cx->json) {
		add_json(l, b, &a, stored, tree);
		return 0;
	}
	if (stored)
		size = bytes_text(a.packed.size);
	snprintf(id, sizeof(id), "%.19s", rel_artifact_format(&b->artifact).s);
	snprintf(commit, sizeof(commit), "%.7s", b->commit);
	table_row(l->table, (const char *[]){ id, commit, size.s, when.s,
				    !stored ? "gone"
				    : tree  ? "local"
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
	return r;
}

const struct cmd cmd_artifacts = {
	.name = "artifacts",
	.summary = "list what was built and imported, newest first",
	.group = "Look",
	.need = NEED_READ,
	.run = run,
};
