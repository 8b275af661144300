/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "cmds.h"
#include "home/home.h"
#include "out.h"
#include "ref.h"
#include "release_out.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct args {
	int64_t limit;
	bool all;
};

#define AT(field) offsetof(struct args, field)

static const struct opt opts[] = {
	{ "limit", 0, OPT_INT, AT(limit), "N", "at most N releases (15)" },
	{ "all", 0, OPT_FLAG, AT(all), NULL, "all of them" },
	{ 0 },
};

struct listing {
	struct ctx *cx;
	struct table *table;
	struct json_t *rows;
	int64_t current;
	uint64_t n;
};

static int see(
	void *arg, const struct rel_release_row *row, struct rel_err *err)
{
	struct listing *l = arg;
	REL_AUTO(rel_buf_free) struct rel_buf change = REL_BUF_INIT;
	struct text32 when = ago(row->time_ms);
	char rel[24];

	(void)err;
	l->n++;
	if (l->cx->json) {
		rel_json_push(l->rows,
			release_json(l->cx, row, row->number == l->current));
		return 0;
	}
	snprintf(rel, sizeof(rel), "v%" PRId64, row->number);
	release_change(l->cx, row, &change);
	table_row(l->table,
		(const char *[]){ rel, rel_buf_str(&change), row->by, when.s,
			release_state(row, row->number == l->current),
			release_restore(l->cx, row) });
	return 0;
}

static int run(
	struct ctx *cx, void *o, int argc, char **argv, struct rel_err *err)
{
	static const char *const titles[] = { "REL", "CHANGE", "BY", "WHEN",
		"STATE", "RESTORE" };
	const struct args *a = o;
	struct listing l = { .cx = cx };
	struct rel_activation current;
	int64_t limit = a->all ? 0 : a->limit < 0 ? 15 : a->limit, last = 0;
	char app[41];
	int r = app_find(cx, app, err);

	(void)argc;
	(void)argv;
	if (r < 0)
		return r;
	if (a->limit == 0)
		return rel_fail(err, REL_EUSAGE, "--limit takes 1 or more");
	r = rel_ledger_current(cx->home->ledger, app, &current, err);
	if (r == 0)
		l.current = current.number;
	else if (r != -REL_ENOTFOUND)
		return r;
	l.rows = rel_json_array();
	l.table = table_new(cx, titles, 6, 1);
	r = rel_ledger_each_release(
		cx->home->ledger, app, 0, limit, see, &l, err);
	if (r == 0)
		r = rel_ledger_last_number(cx->home->ledger, app, &last, err);
	if (r == 0 && cx->json) {
		struct json_t *doc = rel_json_object();

		rel_json_set(doc, "app", rel_json_text(app));
		rel_json_set(doc, "current",
			l.current ? rel_json_number(l.current)
				  : rel_json_text(NULL));
		rel_json_set(doc, "releases", l.rows);
		result_json(cx, "releases", doc);
		l.rows = NULL;
	}
	table_print(l.table);
	rel_json_free(l.rows);
	if (r == 0 && (uint64_t)last > l.n)
		say(cx,
			"%" PRIu64 " of %" PRId64
			" releases; --all shows the rest",
			l.n, last);
	return r;
}

const struct cmd cmd_releases = {
	.name = "releases",
	.summary = "list the releases of an app, newest first",
	.group = "Look",
	.opts = opts,
	.opts_size = sizeof(struct args),
	.need = NEED_READ,
	.run = run,
};
