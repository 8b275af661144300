/* SPDX-License-Identifier: Apache-2.0 */
/* pin and unpin: gc leaves a pinned release's artifact alone. */
#include "cmds.h"
#include "home/home.h"
#include "out.h"
#include "ref.h"

#include <inttypes.h>

static int set_pin(
	struct ctx *cx, const char *word, bool pinned, struct rel_err *err)
{
	REL_AUTO(rel_release_row_done) struct rel_release_row row = { 0 };
	struct json_t *body;
	/* Not while gc, which may have counted already, removes. */
	int r = rel_store_lock(
		cx->home->store, REL_LOCK_SHARED, cx->home->opt.wait_ms, err);

	if (r == 0)
		r = release_find(cx, word, &row, err);
	if (r < 0)
		return r;
	if (row.pinned == pinned) {
		say(cx, "%s v%" PRId64 " is %s", row.app, row.number,
			pinned ? "pinned already" : "not pinned");
	} else {
		body = rel_json_object();
		rel_json_set(body, "number", rel_json_number(row.number));
		rel_json_set(body, "pinned", rel_json_bool(pinned));
		r = rel_home_append(
			cx->home, row.app, "pin", body, NULL, NULL, NULL, err);
		if (r < 0)
			return r;
	}
	if (cx->json) {
		struct json_t *doc = rel_json_object();

		rel_json_set(doc, "app", rel_json_text(row.app));
		rel_json_set(doc, "release", rel_json_number(row.number));
		rel_json_set(doc, "pinned", rel_json_bool(pinned));
		result_json(cx, "pin", doc);
	}
	result(cx, "v%" PRId64, row.number);
	return 0;
}

static int run_pin(
	struct ctx *cx, void *o, int argc, char **argv, struct rel_err *err)
{
	(void)o;
	(void)argc;
	return set_pin(cx, argv[0], true, err);
}

static int run_unpin(
	struct ctx *cx, void *o, int argc, char **argv, struct rel_err *err)
{
	(void)o;
	(void)argc;
	return set_pin(cx, argv[0], false, err);
}

const struct cmd cmd_pin = {
	.name = "pin",
	.args = "RELEASE",
	.summary = "keep a release from gc",
	.group = "Keep",
	.need = NEED_WRITE,
	.min_args = 1,
	.max_args = 1,
	.run = run_pin,
};

const struct cmd cmd_unpin = {
	.name = "unpin",
	.args = "RELEASE",
	.summary = "let gc have a release again",
	.group = "Keep",
	.need = NEED_WRITE,
	.min_args = 1,
	.max_args = 1,
	.run = run_unpin,
};
