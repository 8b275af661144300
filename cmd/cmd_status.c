/* SPDX-License-Identifier: Apache-2.0 */
/* status: is all as it should be? What ps shows, compared with the ledger. */
#include "ask.h"
#include "cmds.h"
#include "home/home.h"
#include "out.h"
#include "ref.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

REL_PRINTF(2, 3)
static void add(struct json_t *problems, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	va_end(ap);
	rel_json_push(problems, rel_json_text(text));
	free(text);
}

static void check_release(const struct json_t *told, int64_t runs,
	int64_t current, struct json_t *problems)
{
	const char *pinned = rel_json_true(rel_json_get(told, "pinned"))
				     ? ", started with -r"
				     : "";

	if (rel_json_true(rel_json_get(told, "stopping")))
		add(problems, "it is stopping");
	if (rel_json_true(rel_json_get(told, "switching")))
		add(problems, "it is being switched to another release");
	if (current == 0)
		add(problems, "v%" PRId64 " runs%s, and no release is current",
			runs, pinned);
	else if (runs != current)
		add(problems,
			"v%" PRId64 " runs%s, but v%" PRId64 " is current",
			runs, pinned, current);
}

static void check_instance(const struct json_t *i, int64_t runs, bool stopping,
	struct json_t *problems)
{
	const char *state = rel_json_get_str(i, "state");
	const char *sick = rel_json_get_str(i, "sick");
	int64_t status = rel_json_get_int(i, "status", -1);
	int64_t release = rel_json_get_int(i, "release", runs);
	char of[32] = "", ended[48] = "";

	if (!state)
		state = "in no state";
	/* A job that is done is as good as up; when all are to end, all are. */
	if (strcmp(state, "ended") == 0 && (status == 0 || stopping))
		return;
	if (strcmp(state, "up") == 0 && release == runs && !sick)
		return;
	if (release != runs)
		snprintf(of, sizeof(of), " of v%" PRId64, release);
	if (status >= 0)
		snprintf(ended, sizeof(ended), " (status %" PRId64 ")", status);
	add(problems, "%s%s is %s%s%s%s", rel_json_get_str(i, "name"), of,
		strcmp(state, "given-up") == 0 ? "given up" : state, ended,
		sick ? ": " : "", sick ? sick : "");
}

static struct json_t *check(
	const struct json_t *told, int64_t runs, int64_t current)
{
	const struct json_t *all = rel_json_get(told, "instances");
	struct json_t *problems = rel_json_array();

	check_release(told, runs, current, problems);
	for (size_t i = 0; i < rel_json_len(all); i++)
		check_instance(rel_json_at(all, i), runs,
			rel_json_true(rel_json_get(told, "stopping")),
			problems);
	return problems;
}

static int print(struct ctx *cx, const char *app, int64_t runs, int64_t current,
	struct json_t *problems)
{
	struct json_t *doc;
	size_t n = rel_json_len(problems);

	if (n == 0)
		result(cx, "ok");
	for (size_t i = 0; i < n; i++)
		result(cx, "%s", rel_json_str(rel_json_at(problems, i)));
	if (!cx->json) {
		rel_json_free(problems);
	} else {
		doc = rel_json_object();
		rel_json_set(doc, "app", rel_json_text(app));
		rel_json_set(doc, "ok", rel_json_bool(n == 0));
		rel_json_set(doc, "release", rel_json_number(runs));
		rel_json_set(doc, "current",
			current ? rel_json_number(current)
				: rel_json_text(NULL));
		result_json(
			cx, "status", rel_json_set(doc, "problems", problems));
	}
	return n == 0 ? 0 : exit_status(REL_EUNHEALTHY);
}

static int run(
	struct ctx *cx, void *o, int argc, char **argv, struct rel_err *err)
{
	REL_AUTO(rel_json_freep) struct json_t *told = NULL;
	struct rel_activation current = { 0 };
	int64_t runs;
	char app[41];
	int r = app_find(cx, app, err);

	(void)o;
	(void)argc;
	(void)argv;
	if (r == 0)
		r = ask(cx, app, ask_new("ps"), &told, err);
	if (r < 0)
		return r;
	r = rel_ledger_current(cx->home->ledger, app, &current, err);
	if (r < 0 && r != -REL_ENOTFOUND)
		return r;
	runs = rel_json_get_int(told, "release", 0);
	return print(cx, app, runs, current.number,
		check(told, runs, current.number));
}

const struct cmd cmd_status = {
	.name = "status",
	.summary = "is all up, and is it the current release?",
	.group = "Look",
	.examples = "  relctl status\n"
		    "  until relctl -q status; do sleep 1; done\n",
	.need = NEED_READ,
	.run = run,
};
