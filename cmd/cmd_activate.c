/* SPDX-License-Identifier: Apache-2.0 */
#include "carry.h"
#include "cmds.h"
#include "home/home.h"
#include "ref.h"
#include "release/release.h"

struct args {
	bool dry_run;
	int64_t watch;
};

static const struct opt opts[] = {
	{ "dry-run", 'n', OPT_FLAG, offsetof(struct args, dry_run), NULL,
		"print what would change, and do nothing" },
	WATCH_OPT(args, watch),
	{ 0 },
};

static int run(
	struct ctx *cx, void *o, int argc, char **argv, struct rel_err *err)
{
	REL_AUTO(rel_plan_done) struct rel_plan plan = { .lock_fd = -1 };
	REL_AUTO(rel_release_row_done) struct rel_release_row row = { 0 };
	const struct args *a = o;
	int r = release_find(cx, argv[0], &row, err);

	(void)argc;
	if (r == 0)
		r = rel_plan_begin(&plan, cx->home, row.app, NULL, err);
	if (r == 0)
		r = rel_activate_plan(&plan, &row, err);
	if (r < 0)
		return r;
	return plan_carry_out(cx, &plan,
		&(struct carry){ .noun = "activate",
			.action = "activate",
			.dry_run = a->dry_run,
			.undo = true,
			.watch_s = a->watch },
		err);
}

const struct cmd cmd_activate = {
	.name = "activate",
	.args = "RELEASE",
	.summary = "make a release that was never active the current one",
	.group = "Work",
	.opts = opts,
	.opts_size = sizeof(struct args),
	.need = NEED_WRITE,
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
