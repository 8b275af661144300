/* SPDX-License-Identifier: Apache-2.0 */
#include "cmds.h"
#include "launch.h"
#include "serve.h"

#define AT(field) offsetof(struct run_args, field)

static const struct opt opts[] = {
	{ "once", 0, OPT_FLAG, AT(once), NULL,
		"one process, no restart; relctl ends with its exit status" },
	{ "release", 'r', OPT_STR, AT(release), "RELEASE",
		"this release instead of the current one, and no switching" },
	{ "formation", 'm', OPT_STR, AT(formation), "TYPE=N,...",
		"how many of each type; 'all' is every type" },
	{ "port", 'p', OPT_INT, AT(port), "PORT",
		"where the ports begin (default: the config's PORT, else "
		"5000)" },
	{ "listen", 0, OPT_LIST, AT(listen), "TYPE=ADDR:PORT",
		"hold this socket and pass it to TYPE, as systemd does" },
	{ "front", 0, OPT_LIST, AT(front), "TYPE=ADDR:PORT",
		"spread connections over the instances of TYPE" },
	{ "grace", 0, OPT_LIST, AT(grace), "[TYPE=]SECONDS",
		"from the stop signal to SIGKILL (default 30)" },
	{ "stop-signal", 0, OPT_LIST, AT(stop_signal), "[TYPE=]SIGNAL",
		"how a process is told to stop (default TERM)" },
	{ "restart", 0, OPT_LIST, AT(restart), "[TYPE=]WHEN",
		"always, on-failure or never (default always)" },
	{ "start-timeout", 0, OPT_LIST, AT(start_timeout), "[TYPE=]SECONDS",
		"to get ready (default 30)" },
	{ "log", 0, OPT_STR, AT(log), "text|json|raw",
		"the form of the output (default: text on a terminal, else "
		"json)" },
	{ "log-overflow", 0, OPT_STR, AT(overflow), "block|drop",
		"when nobody reads it (default block: the app waits)" },
	BOX_OPTS(run_args, box),
	{ 0 },
};

static bool is_once(const void *o)
{
	return ((const struct run_args *)o)->once;
}

/* An option that has no meaning with --once, or NULL. */
static const char *surplus(const struct run_args *a)
{
	const struct {
		bool given;
		const char *name;
	} all[] = {
		{ a->formation, "formation" },
		{ a->port >= 0, "port" },
		{ a->listen.n > 0, "listen" },
		{ a->front.n > 0, "front" },
		{ a->grace.n > 0, "grace" },
		{ a->stop_signal.n > 0, "stop-signal" },
		{ a->restart.n > 0, "restart" },
		{ a->start_timeout.n > 0, "start-timeout" },
		{ a->log, "log" },
		{ a->overflow, "log-overflow" },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (all[i].given)
			return all[i].name;
	return NULL;
}

static int run(
	struct ctx *cx, void *o, int argc, char **argv, struct rel_err *err)
{
	const struct run_args *a = o;
	struct launch l = { .release = a->release, .box = &a->box };

	if (!a->once)
		return serve(cx, a, argc, argv, err);
	if (argc > 1)
		return rel_fail(
			err, REL_EUSAGE, "run --once takes one process type");
	if (surplus(a))
		return rel_fail(err, REL_EUSAGE,
			"run --once takes no --%s: it is for the supervisor",
			surplus(a));
	l.type = argc > 0 ? argv[0] : NULL;
	return launch_run(cx, &l, err);
}

const struct cmd cmd_run = {
	.name = "run",
	.args = "[TYPE...]",
	.summary = "run the processes of a release, until it is stopped",
	.group = "Work",
	.examples = "  relctl run\n"
		    "  relctl run -m web=2,worker=1 --front web=:8080\n"
		    "  relctl run --once worker -r v12\n",
	.opts = opts,
	.opts_size = sizeof(struct run_args),
	.need = NEED_RUN,
	.max_args = -1,
	.app_owns_stdout = true,
	.own_failures_125 = is_once,
	.run = run,
};
