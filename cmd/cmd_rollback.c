/* SPDX-License-Identifier: Apache-2.0 */
#include "carry.h"
#include "cmds.h"
#include "home/home.h"
#include "out.h"
#include "ref.h"
#include "release/rollback.h"

#include <stdio.h>
#include <string.h>

struct args {
	struct opt_list keep;
	bool code, dry_run, run_hook;
	int64_t watch;
	const char *message;
};

#define AT(field) offsetof(struct args, field)

static const struct opt opts[] = {
	{ "keep", 0, OPT_LIST, AT(keep), "NAME",
		"keep the current value of this variable" },
	{ "code", 0, OPT_FLAG, AT(code), NULL,
		"go back with the code alone, keep the current config" },
	{ "message", 'm', OPT_STR, AT(message), "TEXT",
		"a note for the ledger" },
	{ "dry-run", 'n', OPT_FLAG, AT(dry_run), NULL,
		"print what would change, and do nothing" },
	{ "run-release-hook", 0, OPT_FLAG, AT(run_hook), NULL,
		"run the release command, too" },
	WATCH_OPT(args, watch),
	{ 0 },
};

static int run(
	struct ctx *cx, void *o, int argc, char **argv, struct rel_err *err)
{
	REL_AUTO(rel_plan_done) struct rel_plan plan = { .lock_fd = -1 };
	REL_AUTO(rel_release_row_done) struct rel_release_row row = { 0 };
	const struct args *a = o;
	struct rel_back q = {
		.keep = a->keep.v,
		.keep_n = a->keep.n,
		.code = a->code,
		.message = a->message,
	};
	struct rel_err why;
	char app[41];
	int r;

	if (argc > 0) {
		r = release_find(cx, argv[0], &row, err);
		if (r == 0) {
			snprintf(app, sizeof(app), "%s", row.app);
			q.target = row.number;
		}
	} else {
		r = app_find(cx, app, err);
	}
	if (r == 0)
		r = rel_plan_begin(&plan, cx->home, app, &why, err);
	if (r == 0)
		r = rel_rollback_plan(&plan, &q, &why, err);
	if (r < 0)
		return r;
	return plan_carry_out(cx, &plan,
		&(struct carry){ .noun = "rollback",
			.action = "rollback",
			.dry_run = a->dry_run,
			.undo = true,
			.no_hook = !a->run_hook,
			.watch_s = a->watch },
		err);
}

const struct cmd cmd_rollback = {
	.name = "rollback",
	.args = "[RELEASE]",
	.summary = "go back to an earlier release, without building",
	.group = "Work",
	.examples = "  relctl rollback\n"
		    "  relctl rollback v12 --keep DATABASE_URL\n"
		    "  relctl rollback -n\n",
	.opts = opts,
	.opts_size = sizeof(struct args),
	.need = NEED_WRITE,
	.max_args = 1,
	.run = run,
};
