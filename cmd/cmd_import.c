/* SPDX-License-Identifier: Apache-2.0 */
#include "cmds.h"
#include "helper.h"
#include "import_opts.h"

/* The command line was parsed, so what is wrong with it is told; relctl-import
 * reads it again and does the work. */
static int run(
	struct ctx *cx, void *opts, int argc, char **argv, struct rel_err *err)
{
	(void)opts;
	(void)argc;
	(void)argv;
	return helper_exec(cx, "relctl-import", err);
}

const struct cmd cmd_import = {
	.name = "import",
	.args = "FILE",
	.summary = "read an artifact that was exported elsewhere",
	.group = "Keep",
	.examples = "  relctl import app.tar.zst\n"
		    "  ssh ci cat app.tar.zst | relctl import -\n",
	.opts = import_opts,
	.opts_size = sizeof(struct import_args),
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
