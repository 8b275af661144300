/* SPDX-License-Identifier: Apache-2.0 */
#include "cmds.h"
#include "launch.h"

struct args {
	bool once;
	const char *release;
};

#define AT(field) offsetof(struct args, field)

static const struct opt opts[] = {
	{ "once", 0, OPT_FLAG, AT(once), NULL,
		"one process, no restart; relctl ends with its exit status" },
	{ "release", 'r', OPT_STR, AT(release), "RELEASE",
		"this release instead of the current one" },
	{ 0 },
};

static bool is_once(const void *o)
{
	return ((const struct args *)o)->once;
}

static int run(
	struct ctx *cx, void *o, int argc, char **argv, struct rel_err *err)
{
	const struct args *a = o;
	struct launch l = { .release = a->release };

	if (!a->once) {
		rel_fail(err, REL_EREFUSED,
			"run will be the supervisor of all process types, and "
			"is not there yet");
		return rel_hint(
			err, "relctl run --once TYPE starts one process");
	}
	if (argc > 1)
		return rel_fail(
			err, REL_EUSAGE, "run --once takes one process type");
	l.type = argc > 0 ? argv[0] : NULL;
	return launch_run(cx, &l, err);
}

const struct cmd cmd_run = {
	.name = "run",
	.args = "[TYPE...]",
	.summary = "start the processes of a release",
	.group = "Work",
	.examples = "  relctl run --once\n"
		    "  relctl run --once worker -r v12\n",
	.opts = opts,
	.opts_size = sizeof(struct args),
	.need = NEED_READ,
	.max_args = -1,
	.app_owns_stdout = true,
	.own_failures_125 = is_once,
	.run = run,
};
