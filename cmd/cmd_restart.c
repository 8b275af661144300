/* SPDX-License-Identifier: Apache-2.0 */
#include "ask.h"
#include "cmds.h"
#include "out.h"
#include "ref.h"

static int run(
	struct ctx *cx, void *o, int argc, char **argv, struct rel_err *err)
{
	REL_AUTO(rel_json_freep) struct json_t *told = NULL;
	REL_AUTO(rel_buf_free) struct rel_buf list = REL_BUF_INIT;
	const struct json_t *names;
	struct json_t *q = ask_new("restart");
	char app[41];
	int r = app_find(cx, app, err);

	(void)o;
	if (argc > 0)
		rel_json_set(q, "what", rel_json_text(argv[0]));
	if (r < 0)
		rel_json_free(q);
	else
		r = ask(cx, app, q, &told, err);
	if (r < 0)
		return r;
	names = rel_json_get(told, "instances");
	if (cx->json) {
		struct json_t *doc = rel_json_object();

		rel_json_set(doc, "app", rel_json_text(app));
		rel_json_set(doc, "instances", rel_json_copy(names));
		result_json(cx, "restart", doc);
	}
	for (size_t i = 0; i < rel_json_len(names); i++)
		rel_buf_addf(&list, "%s%s", i > 0 ? ", " : "",
			rel_json_str(rel_json_at(names, i)));
	say(cx, "%s is restarting %s", app, rel_buf_str(&list));
	return 0;
}

const struct cmd cmd_restart = {
	.name = "restart",
	.args = "[TYPE|INSTANCE]",
	.summary = "end processes that run, and start them again",
	.group = "Work",
	.examples = "  relctl restart\n"
		    "  relctl restart worker\n"
		    "  relctl restart web.2\n",
	.need = NEED_READ,
	.max_args = 1,
	.run = run,
};
