/* SPDX-License-Identifier: Apache-2.0 */
#include "audit/gc.h"
#include "base/clock.h"
#include "cmds.h"
#include "out.h"

#include <stdio.h>

#define DAY_MS INT64_C(86400000)

struct args {
	int64_t keep;
	bool dry_run;
};

#define AT(field) offsetof(struct args, field)

static const struct opt opts[] = {
	{ "keep", 0, OPT_INT, AT(keep), "N",
		"keep the N topmost rollback targets of each app (10)" },
	{ "dry-run", 'n', OPT_FLAG, AT(dry_run), NULL,
		"print what would go and what stays, and do nothing" },
	{ 0 },
};

static struct json_t *item_json(const struct rel_gc_item *item)
{
	struct json_t *j = rel_json_object();

	rel_json_set(j, "artifact",
		rel_json_text(rel_artifact_format(&item->artifact).s));
	rel_json_set(j, "release",
		rel_json_text(*item->release ? item->release : NULL));
	rel_json_set(j, "kept", rel_json_bool(item->keep));
	rel_json_set(j, "why", rel_json_text(item->keep ? item->why : NULL));
	rel_json_set(
		j, "chunk_bytes", rel_json_number((int64_t)item->chunk_bytes));
	rel_json_set(
		j, "tree_bytes", rel_json_number((int64_t)item->tree_bytes));
	return j;
}

static void print_json(
	struct ctx *cx, const struct rel_gc_plan *p, bool dry_run)
{
	struct json_t *doc = rel_json_object(), *items = rel_json_array();

	for (size_t i = 0; i < p->n; i++)
		rel_json_push(items, item_json(&p->items[i]));
	rel_json_set(doc, "dry_run", rel_json_bool(dry_run));
	rel_json_set(doc, "artifacts", items);
	rel_json_set(
		doc, "shared_bytes", rel_json_number((int64_t)p->shared_bytes));
	rel_json_set(
		doc, "freed_bytes", rel_json_number((int64_t)p->freed_bytes));
	result_json(cx, "gc", doc);
}

static void print_table(
	struct ctx *cx, const struct rel_gc_plan *p, bool dry_run)
{
	static const char *const titles[] = { "ARTIFACT", "RELEASE", "TREE",
		"CHUNKS", "KEPT" };
	struct table *t = table_new(cx, titles, 5, 4);

	for (size_t i = 0; i < p->n; i++) {
		const struct rel_gc_item *item = &p->items[i];
		char id[24];

		snprintf(id, sizeof(id), "%.19s",
			rel_artifact_format(&item->artifact).s);
		table_row(t, (const char *[]){ id, item->release,
				     bytes_text(item->tree_bytes).s,
				     bytes_text(item->chunk_bytes).s,
				     item->keep ? item->why : "no" });
	}
	table_print(t);
	say(cx, "chunks that several artifacts share: %s",
		bytes_text(p->shared_bytes).s);
	result(cx, "%s %s", bytes_text(p->freed_bytes).s,
		dry_run ? "would be freed" : "freed");
}

static int run(
	struct ctx *cx, void *o, int argc, char **argv, struct rel_err *err)
{
	REL_AUTO(rel_gc_plan_done) struct rel_gc_plan plan = { 0 };
	const struct args *a = o;
	int64_t keep = a->keep < 0 ? 10 : a->keep,
		since = rel_now_ms() - DAY_MS;
	int r = a->dry_run ? 0 : rel_home_reopen(cx->home, err);

	if (r < 0)
		return r;
	r = a->dry_run ? rel_gc_plan(cx->home, keep, since, &plan, err)
		       : rel_gc(cx->home, keep, since, &plan, err);

	(void)argc;
	(void)argv;
	if (r < 0)
		return r;
	if (cx->json)
		print_json(cx, &plan, a->dry_run);
	else
		print_table(cx, &plan, a->dry_run);
	return 0;
}

const struct cmd cmd_gc = {
	.name = "gc",
	.summary = "remove the trees and artifacts that nothing needs",
	.group = "Keep",
	.opts = opts,
	.opts_size = sizeof(struct args),
	.need = NEED_READ,
	.run = run,
};
