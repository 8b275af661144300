/* SPDX-License-Identifier: Apache-2.0 */
#include "build_opts.h"
#include "cmds.h"
#include "helper.h"

/* The command line was parsed, so what is wrong with it is told; relctl-git
 * reads it again and does the work. */
static int run(
	struct ctx *cx, void *opts, int argc, char **argv, struct rel_err *err)
{
	(void)opts;
	(void)argc;
	(void)argv;
	return helper_exec(cx, "relctl-git", err);
}

const struct cmd cmd_build = {
	.name = "build",
	.args = "[COMMIT]",
	.summary = "make an artifact from a commit",
	.group = "Work",
	.examples = "  relctl build\n"
		    "  relctl build v1.4.2\n"
		    "  relctl build --check\n",
	.opts = build_opts,
	.opts_size = sizeof(struct build_args),
	.max_args = 1,
	.run = run,
};
