/* SPDX-License-Identifier: Apache-2.0 */
#include "ask.h"
#include "base/clock.h"
#include "cmds.h"
#include "out.h"
#include "ref.h"

#include <inttypes.h>
#include <stdio.h>

static void copy(const struct json_t *from, const char *key, struct json_t *to)
{
	const struct json_t *value = rel_json_get(from, key);

	rel_json_set(
		to, key, value ? rel_json_copy(value) : rel_json_text(NULL));
}

static struct json_t *instance_json(const struct json_t *i)
{
	static const char *const keys[] = { "name", "type", "release", "pid",
		"port", "state", "status", "restarts", "memory", "sick" };
	struct json_t *j = rel_json_object();

	for (size_t k = 0; k < sizeof(keys) / sizeof(*keys); k++)
		copy(i, keys[k], j);
	return rel_json_set(j, "since",
		rel_json_text(
			rel_time_format(rel_json_get_int(i, "since_ms", 0)).s));
}

static void print_json(
	struct ctx *cx, const char *app, const struct json_t *told)
{
	static const char *const keys[] = { "release", "pid", "pinned",
		"stopping", "switching", "isolation", "formation" };
	const struct json_t *all = rel_json_get(told, "instances");
	struct json_t *doc = rel_json_object(), *rows = rel_json_array();

	for (size_t i = 0; i < rel_json_len(all); i++)
		rel_json_push(rows, instance_json(rel_json_at(all, i)));
	for (size_t k = 0; k < sizeof(keys) / sizeof(*keys); k++)
		copy(told, keys[k], doc);
	rel_json_set(doc, "app", rel_json_text(app));
	result_json(cx, "ps", rel_json_set(doc, "instances", rows));
}

/* A number in a cell; "" where there is none. */
static struct text32 number(
	const struct json_t *i, const char *key, const char *prefix)
{
	struct text32 t = { "" };
	int64_t n;

	if (rel_json_int(rel_json_get(i, key), &n))
		snprintf(t.s, sizeof(t.s), "%s%" PRId64, prefix, n);
	return t;
}

static void add_row(struct table *t, const struct json_t *i)
{
	struct text32 pid = number(i, "pid", "");
	struct text32 release = number(i, "release", "v");
	struct text32 since = ago(rel_json_get_int(i, "since_ms", 0));
	struct text32 restarts = number(i, "restarts", "");
	struct text32 port = number(i, "port", "");
	struct text32 status = number(i, "status", "");
	struct text32 memory = { "" };
	const char *word = rel_json_get_str(i, "state");
	char state[64];
	int64_t n;

	if (rel_json_int(rel_json_get(i, "memory"), &n) && n > 0)
		memory = bytes_text((uint64_t)n);
	snprintf(state, sizeof(state), *status.s ? "%s (%s)" : "%s",
		word ? word : "", status.s);
	table_row(t,
		(const char *[]){ rel_json_get_str(i, "name"), pid.s, release.s,
			since.s, state, restarts.s, memory.s, port.s });
}

static void print_table(
	struct ctx *cx, const char *app, const struct json_t *told)
{
	static const char *const titles[] = { "NAME", "PID", "RELEASE", "SINCE",
		"STATE", "RESTARTS", "MEMORY", "PORT" };
	const struct json_t *all = rel_json_get(told, "instances");
	/* Not NAME: it is what is typed next. */
	struct table *t = table_new(cx, titles, 8, 3);

	if (rel_json_true(rel_json_get(told, "stopping")))
		say(cx, "%s is stopping", app);
	else if (rel_json_true(rel_json_get(told, "switching")))
		say(cx, "%s is being switched to another release", app);
	else if (rel_json_len(all) == 0)
		say(cx, "%s runs, scaled to nothing", app);
	for (size_t i = 0; i < rel_json_len(all); i++)
		add_row(t, rel_json_at(all, i));
	table_print(t);
}

static int run(
	struct ctx *cx, void *o, int argc, char **argv, struct rel_err *err)
{
	REL_AUTO(rel_json_freep) struct json_t *told = NULL;
	char app[41];
	int r = app_find(cx, app, err);

	(void)o;
	(void)argc;
	(void)argv;
	if (r == 0)
		r = ask(cx, app, ask_new("ps"), &told, err);
	if (r < 0)
		return r;
	if (cx->json)
		print_json(cx, app, told);
	else
		print_table(cx, app, told);
	return 0;
}

const struct cmd cmd_ps = {
	.name = "ps",
	.summary = "list the processes that run",
	.group = "Look",
	.need = NEED_READ,
	.run = run,
};
