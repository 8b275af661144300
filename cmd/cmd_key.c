/* SPDX-License-Identifier: Apache-2.0 */
#include "cmds.h"
#include "home/home.h"
#include "out.h"

static int run(
	struct ctx *cx, void *o, int argc, char **argv, struct rel_err *err)
{
	struct rel_id fingerprint;
	struct rel_err why;
	char want[17];
	bool ok;
	int r = rel_ledger_key(cx->home->ledger, want, &fingerprint, err);

	(void)o;
	(void)argc;
	(void)argv;
	if (r < 0)
		return r;
	ok = rel_home_load_key(cx->home, &why) == 0;
	if (cx->json) {
		struct json_t *doc = rel_json_object();

		rel_json_set(doc, "path", rel_json_text(cx->key));
		rel_json_set(doc, "id", rel_json_text(want));
		rel_json_set(doc, "usable", rel_json_bool(ok));
		result_json(cx, "key", doc);
		/* One document: that the key is not usable is said in it. */
		return ok ? 0 : exit_status(why.code);
	}
	result(cx, "%s  %s", want, cx->key);
	if (ok) {
		say(cx, "keep a copy elsewhere: without it no release of this "
			"store runs");
		return 0;
	}
	*err = why;
	return -(int)why.code;
}

const struct cmd cmd_key = {
	.name = "key",
	.summary = "where the key of the store is, and its ID",
	.group = "Keep",
	.need = NEED_READ,
	.run = run,
};
