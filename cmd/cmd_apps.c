/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "cmds.h"
#include "home/home.h"
#include "out.h"

#include <inttypes.h>
#include <stdio.h>

struct listing {
	struct ctx *cx;
	struct table *table;
	struct json_t *rows;
};

static int see(void *arg, const char *app, struct rel_err *err)
{
	struct listing *l = arg;
	REL_AUTO(rel_release_row_done) struct rel_release_row row = { 0 };
	struct rel_activation current = { 0 };
	struct rel_ledger *ledger = l->cx->home->ledger;
	struct text32 since = { "" };
	char rel[24] = "none", commit[8];
	int r = rel_ledger_current(ledger, app, &current, err);

	if (r == 0)
		r = rel_ledger_release(ledger, app, current.number, &row, err);
	if (r < 0 && r != -REL_ENOTFOUND)
		return r;
	if (current.seq) {
		snprintf(rel, sizeof(rel), "v%" PRId64, current.number);
		since = ago(current.time_ms);
	}
	if (l->cx->json) {
		struct json_t *j = rel_json_object();

		rel_json_set(j, "app", rel_json_text(app));
		rel_json_set(j, "current",
			current.seq ? rel_json_number(current.number)
				    : rel_json_text(NULL));
		rel_json_set(j, "since",
			current.seq
				? rel_json_text(
					  rel_time_format(current.time_ms).s)
				: rel_json_text(NULL));
		rel_json_push(l->rows, j);
		return 0;
	}
	snprintf(commit, sizeof(commit), "%.7s", row.commit ? row.commit : "");
	table_row(l->table, (const char *[]){ app, rel, since.s, commit });
	return 0;
}

static int run(
	struct ctx *cx, void *o, int argc, char **argv, struct rel_err *err)
{
	static const char *const titles[] = { "APP", "CURRENT", "SINCE",
		"COMMIT" };
	struct listing l = { .cx = cx };
	int r;

	(void)o;
	(void)argc;
	(void)argv;
	l.table = table_new(cx, titles, 4, 3);
	l.rows = rel_json_array();
	r = rel_ledger_each_app(cx->home->ledger, see, &l, err);
	if (r == 0 && cx->json) {
		struct json_t *doc = rel_json_object();

		rel_json_set(doc, "apps", l.rows);
		result_json(cx, "apps", doc);
		l.rows = NULL;
	}
	table_print(l.table);
	rel_json_free(l.rows);
	return r;
}

const struct cmd cmd_apps = {
	.name = "apps",
	.summary = "list the apps of the store",
	.group = "Look",
	.need = NEED_READ,
	.run = run,
};
