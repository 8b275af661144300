/* SPDX-License-Identifier: Apache-2.0 */
#include "carry.h"
#include "cmds.h"
#include "ctx.h"
#include "home/home.h"
#include "ref.h"
#include "release/release.h"

#include <string.h>

struct args {
	const char *message;
	bool no_activate, force, dry_run;
	int64_t watch;
};

#define AT(field) offsetof(struct args, field)

static const struct opt opts[] = {
	{ "message", 'm', OPT_STR, AT(message), "TEXT",
		"a note for the ledger" },
	{ "no-activate", 0, OPT_FLAG, AT(no_activate), NULL,
		"make the release, but leave the current one" },
	{ "force", 0, OPT_FLAG, AT(force), NULL,
		"a new release whatever is the same, of any repository" },
	{ "dry-run", 'n', OPT_FLAG, AT(dry_run), NULL,
		"print what would change, and do nothing" },
	WATCH_OPT(args, watch),
	{ 0 },
};

static int no_config(
	const struct rel_release_row *from, const char *to, struct rel_err *err)
{
	rel_fail(err, REL_EREFUSED, "app '%s' has no config yet", to);
	return rel_hint(err,
		"give it one with its first release: relctl -a %s release "
		"%.19s -e FILE",
		to, rel_artifact_format(&from->artifact).s);
}

static int run(
	struct ctx *cx, void *o, int argc, char **argv, struct rel_err *err)
{
	REL_AUTO(rel_plan_done) struct rel_plan plan = { .lock_fd = -1 };
	REL_AUTO(rel_release_row_done) struct rel_release_row row = { 0 };
	const struct args *a = o;
	const char *to = argv[1];
	struct rel_err why;
	int r = release_find(cx, argv[0], &row, err);

	(void)argc;
	if (r < 0)
		return r;
	r = app_name_check(to, false, err);
	if (r < 0)
		return r;
	if (strcmp(row.app, to) == 0)
		return rel_fail(err, REL_EUSAGE,
			"'%s' cannot be promoted to itself", to);
	if (!app_exists(cx, to))
		return no_config(&row, to, err);
	r = rel_plan_begin(&plan, cx->home, to, &why, err);
	/* What was never activated is nobody's config. */
	if (r == 0 && !plan.from.known)
		return no_config(&row, to, err);
	if (r == 0) {
		struct rel_request q = {
			.artifact = &row.artifact,
			.commit = row.commit,
			.no_activate = a->no_activate,
			.force = a->force,
			.message = a->message,
			.reason = "promote",
			.of = row.number,
			.of_app = row.app,
		};

		r = rel_release_plan(&plan, &q, &why, err);
	}
	if (r < 0)
		return r;
	return plan_carry_out(cx, &plan,
		&(struct carry){ .noun = "promote",
			.action = "promote",
			.dry_run = a->dry_run,
			.undo = true,
			.watch_s = a->watch },
		err);
}

const struct cmd cmd_promote = {
	.name = "promote",
	.args = "FROM TO",
	.summary = "release the current artifact of one app to another",
	.group = "Work",
	.examples = "  relctl promote shop-staging shop\n",
	.opts = opts,
	.opts_size = sizeof(struct args),
	.need = NEED_WRITE,
	.min_args = 2,
	.max_args = 2,
	.run = run,
};
