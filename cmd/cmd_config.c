/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "carry.h"
#include "cmds.h"
#include "home/record.h"
#include "inputs.h"
#include "out.h"
#include "ref.h"
#include "release/release.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct args {
	struct opt_list env;
	const char *message;
	bool no_activate, dry_run;
	int64_t watch;
};

#define AT(field) offsetof(struct args, field)

static const struct opt opts[] = {
	{ "env", 'e', OPT_LIST, AT(env), "FILE",
		"set: merge the variables of this env file, - is stdin" },
	{ "message", 'm', OPT_STR, AT(message), "TEXT",
		"a note for the ledger" },
	{ "no-activate", 0, OPT_FLAG, AT(no_activate), NULL,
		"make the release, but leave the current one" },
	{ "dry-run", 'n', OPT_FLAG, AT(dry_run), NULL,
		"print what would change, and do nothing" },
	WATCH_OPT(args, watch),
	{ 0 },
};

static int list(struct ctx *cx, const char *word, struct rel_err *err)
{
	REL_AUTO(rel_release_row_done) struct rel_release_row row = { 0 };
	REL_AUTO(rel_record_done) struct rel_record rec = { 0 };
	int r = ctx_open(cx, NEED_READ, err);

	if (r == 0)
		r = release_find(cx, word, &row, err);
	if (r == 0)
		r = rel_record_load(cx->home, &row.digest, &rec, err);
	if (r < 0)
		return r;
	if (cx->json) {
		struct json_t *doc = rel_json_object();
		struct json_t *names = rel_json_array();

		for (size_t i = 0; i < rec.names_n; i++)
			rel_json_push(names, rel_json_text(rec.names[i]));
		rel_json_set(doc, "app", rel_json_text(row.app));
		rel_json_set(doc, "release", rel_json_number(row.number));
		rel_json_set(doc, "names", names);
		rel_json_set(doc, "fingerprint",
			rel_json_text(rel_id_hex(&rec.fingerprint).s));
		result_json(cx, "config", doc);
	}
	for (size_t i = 0; i < rec.names_n; i++)
		result(cx, "%s", rec.names[i]);
	return 0;
}

/* A change of config is a release of the artifact that is current. */
static int change(struct ctx *cx, const struct args *a,
	const struct rel_config *set, char **unset, size_t unset_n,
	struct rel_err *err)
{
	REL_AUTO(rel_plan_done) struct rel_plan plan = { .lock_fd = -1 };
	struct rel_request q = {
		.set = set,
		.unset = (const char *const *)unset,
		.unset_n = unset_n,
		.no_activate = a->no_activate,
		.message = a->message,
		.reason = "config",
	};
	struct rel_err why;
	char app[41];
	int r = ctx_open(cx, NEED_WRITE, err);

	if (r == 0)
		r = app_find(cx, app, err);
	if (r == -REL_ENOTFOUND && cx->home && !cx->app)
		return rel_hint(err, "relctl release --set NAME=VALUE");
	if (r == 0)
		r = rel_plan_begin(&plan, cx->home, app, &why, err);
	if (r == 0 && !plan.from.known) {
		rel_fail(err, REL_ENOTFOUND,
			"app '%s' has no current release to change", app);
		return rel_hint(
			err, "relctl -a %s release --set NAME=VALUE", app);
	}
	if (r == 0)
		r = rel_release_plan(&plan, &q, &why, err);
	if (r < 0)
		return r;
	return plan_carry_out(cx, &plan,
		&(struct carry){ .noun = "config-change",
			.action = "config",
			.dry_run = a->dry_run,
			.undo = true,
			.watch_s = a->watch },
		err);
}

static int set(struct ctx *cx, const struct args *a, int argc, char **argv,
	struct rel_err *err)
{
	REL_AUTO(rel_config_done)
	struct rel_config values = { 0 }, more = { 0 };
	struct opt_list words = { .n = (size_t)argc };
	int r;

	if (argc == 0 && a->env.n == 0)
		return rel_fail(err, REL_EUSAGE,
			"config set needs NAME=VALUE or -e FILE");
	words.v = rel_alloc((size_t)argc * sizeof(*words.v));
	for (int i = 0; i < argc; i++)
		words.v[i] = argv[i];
	r = inputs_env(&a->env, &values, err);
	if (r == 0)
		r = inputs_set(&words, &more, err);
	if (r == 0)
		r = rel_config_merge(&values, &more, err);
	free(words.v);
	return r < 0 ? r : change(cx, a, &values, NULL, 0, err);
}

static int run(
	struct ctx *cx, void *o, int argc, char **argv, struct rel_err *err)
{
	const struct args *a = o;

	if (argc > 0 && strcmp(argv[0], "set") == 0)
		return set(cx, a, argc - 1, argv + 1, err);
	if (a->env.n > 0)
		return rel_fail(err, REL_EUSAGE, "-e goes with 'config set'");
	if (argc > 0 && strcmp(argv[0], "unset") == 0) {
		if (argc == 1)
			return rel_fail(
				err, REL_EUSAGE, "config unset needs a NAME");
		return change(cx, a, NULL, argv + 1, (size_t)argc - 1, err);
	}
	if (argc > 1)
		return rel_fail(err, REL_EUSAGE,
			"config takes one RELEASE, or 'set' or 'unset' first");
	return list(cx, argc > 0 ? argv[0] : NULL, err);
}

const struct cmd cmd_config = {
	.name = "config",
	.args = "[RELEASE] | set NAME[=VALUE]... | unset NAME...",
	.summary = "list the names of the config, or change it",
	.group = "Look",
	.examples = "  relctl config\n"
		    "  relctl config set LOG_LEVEL=debug\n"
		    "  relctl config set API_TOKEN < token.txt\n"
		    "  relctl config unset LOG_LEVEL\n",
	.opts = opts,
	.opts_size = sizeof(struct args),
	.max_args = -1,
	.run = run,
};
