/* SPDX-License-Identifier: Apache-2.0 */
#include "cmds.h"
#include "launch.h"

struct args {
	const char *release;
	struct box_args box;
};

static const struct opt opts[] = {
	{ "release", 'r', OPT_STR, offsetof(struct args, release), "RELEASE",
		"in this release instead of the current one" },
	BOX_OPTS(args, box),
	{ 0 },
};

static bool always(const void *o)
{
	(void)o;
	return true;
}

static int run(
	struct ctx *cx, void *o, int argc, char **argv, struct rel_err *err)
{
	const struct args *a = o;
	struct launch l = {
		.release = a->release,
		.argv = argv,
		.argc = argc,
		.box = &a->box,
	};

	return launch_run(cx, &l, err);
}

const struct cmd cmd_exec = {
	.name = "exec",
	.args = "CMD [ARG...]",
	.summary = "run a command in the environment of a release",
	.group = "Work",
	.examples = "  relctl exec bin/migrate\n"
		    "  relctl exec -r v12 env\n",
	.opts = opts,
	.opts_size = sizeof(struct args),
	.need = NEED_RUN,
	.min_args = 1,
	.max_args = -1,
	.stop_at_word = true,
	.app_owns_stdout = true,
	.own_failures_125 = always,
	.run = run,
};
