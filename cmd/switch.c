/* SPDX-License-Identifier: Apache-2.0 */
#include "switch.h"

#include "ask.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "box.h"
#include "config/command.h"
#include "launch.h"
#include "load.h"
#include "out.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BUSY_TRY_MS 100

static int fill_target(struct ctx *cx, const struct rel_plan *p,
	const struct rel_side *side, struct rel_target *t, struct rel_err *err)
{
	t->app = rel_strdup(p->app);
	t->release = side->number;
	t->commit = rel_strdup(side->commit ? side->commit : "");
	for (size_t i = 0; i < side->processes.n; i++) {
		struct rel_process copy = { rel_strdup(
						    side->processes.v[i].type),
			rel_strdup(side->processes.v[i].command) };

		rel_vec_push(&t->processes, copy);
	}
	if (rel_config_merge(&t->config, &side->config, err) < 0)
		return -(int)err->code;
	return target_complete(cx, &side->artifact, t, err);
}

bool switch_due(struct ctx *cx, const struct rel_plan *p, bool hook)
{
	REL_AUTO(rel_closep) int fd = -1;
	struct rel_err ignored;

	if (hook && rel_processes_command(&p->to.processes, "release"))
		return true;
	return ask_open(cx, p->app, &fd, &ignored) != -REL_ENOTFOUND;
}

/* ---- release: ---- */

/* What it prints is talk: stdout is for the result of this command. */
static int run_hook(struct ctx *cx, struct box *box,
	const struct rel_strings *argv, struct rel_process_facts *facts,
	struct rel_process_end *end, struct rel_err *err)
{
	REL_AUTO(rel_closep) int out = dup(STDOUT_FILENO);
	struct rel_err why;
	int r;

	fflush(stdout);
	/* SQLite must not be carried across a fork. */
	rel_ledger_closep(&cx->home->ledger);
	dup2(STDERR_FILENO, STDOUT_FILENO);
	r = launch_at_level(cx, box, argv, facts, end, err);
	dup2(out, STDOUT_FILENO);
	if (rel_home_reopen(cx->home, &why) < 0) {
		*err = why;
		return -(int)err->code;
	}
	return r;
}

int switch_hook(struct ctx *cx, struct rel_plan *p, const char *action,
	int tree_fd, struct rel_err *err)
{
	const char *command =
		rel_processes_command(&p->to.processes, "release");
	REL_AUTO(rel_target_done) struct rel_target t = { .tree_fd = -1 };
	REL_AUTO(rel_strings_done) struct rel_strings argv = { 0 };
	REL_AUTO(box_done) struct box box = { 0 };
	struct box_args args = { .pids = -1 };
	char from[32] = "", to[32];
	struct rel_process_facts facts = { .ps = "release.1",
		.app = p->app,
		.release = p->to.number,
		.commit = p->to.commit,
		.action = action,
		.from = from,
		.to = to,
		.config = &p->to.config,
		.processes = &p->to.processes };
	struct rel_process_end end = { 0 };
	int r;

	if (!command)
		return 0;
	if (p->from.known)
		snprintf(from, sizeof(from), "v%" PRId64, p->from.number);
	snprintf(to, sizeof(to), "v%" PRId64, p->to.number);
	r = box_make(cx, &args, &box, err);
	if (r == 0)
		r = fill_target(cx, p, &p->to, &t, err);
	if (r < 0)
		return r;
	facts.port_base = rel_target_port(&t);
	box.sandbox.tree = t.tree;
	box.sandbox.tree_fd = tree_fd;
	rel_command_words(command, &argv);
	say(cx, "%s: running the release command", to);
	r = run_hook(cx, &box, &argv, &facts, &end, err);
	if (r < 0 || (end.invoked && end.status == 0))
		return r;
	if (!end.invoked)
		return rel_wrap(err, "the release command");
	return rel_fail(err, REL_ECOMMAND,
		"the release command of %s ended with status %d", to,
		end.status);
}

/* ---- what runs ---- */

/* From when the new one serves until that is recorded, come what may. */
static void hold_signals(bool hold)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

struct progress {
	struct ctx *cx;
	int64_t number;
};

static void on_event(void *arg, const char *name)
{
	const struct progress *p = arg;

	if (strcmp(name, "moved") != 0)
		return;
	hold_signals(true);
	say(p->cx,
		"v%" PRId64 " serves; what is left of the former one finishes",
		p->number);
}

static int switch_once(struct ctx *cx, const struct rel_plan *p,
	const struct rel_side *side, int tree_fd, struct rel_err *err)
{
	REL_AUTO(rel_target_done) struct rel_target t = { .tree_fd = -1 };
	REL_AUTO(rel_json_freep) struct json_t *answer = NULL;
	REL_AUTO(rel_closep) int fd = -1;
	struct progress to = { cx, side->number };
	struct json_t *q;
	int r = ask_open(cx, p->app, &fd, err);

	if (r == -REL_ENOTFOUND)
		return 0;
	if (r == 0)
		r = fill_target(cx, p, side, &t, err);
	if (r < 0)
		return r;
	q = ask_new("switch");
	rel_json_set(q, "target", rel_target_to_json(&t));
	r = ask_send(fd, q, tree_fd, err);
	if (r < 0)
		return r;
	r = ask_end(fd, -1, on_event, &to, &answer, err);
	if (r == -REL_EUNHEALTHY)
		return rel_wrap(
			err, "v%" PRId64 " did not get ready", side->number);
	if (r == 0 && rel_json_true(rel_json_get(answer, "pinned")))
		rel_notice(&cx->events,
			"what runs here was started with -r: it is not "
			"switched");
	return r;
}

/* It may be busy with what a command that was killed has begun, or stop. */
int switch_running(struct ctx *cx, struct rel_plan *p,
	const struct rel_side *side, int tree_fd, struct rel_err *err)
{
	int64_t until_ms = rel_monotonic_ms() + (int64_t)cx->home->opt.wait_ms;

	for (;;) {
		int r = switch_once(cx, p, side, tree_fd, err);

		if (r != -REL_EBUSY || rel_monotonic_ms() >= until_ms)
			return r;
		poll(NULL, 0, BUSY_TRY_MS);
		*err = (struct rel_err)REL_ERR_INIT;
	}
}

int switch_watch(
	struct ctx *cx, const char *app, int64_t seconds, struct rel_err *err)
{
	REL_AUTO(rel_json_freep) struct json_t *answer = NULL;
	REL_AUTO(rel_closep) int fd = -1;
	struct json_t *q;
	int r = ask_open(cx, app, &fd, err);

	hold_signals(false);
	if (r == -REL_ENOTFOUND) {
		rel_notice(
			&cx->events, "nothing runs here that could be watched");
		return 0;
	}
	if (r < 0)
		return r;
	q = ask_new("watch");
	rel_json_set(q, "seconds", rel_json_number(seconds));
	r = ask_send(fd, q, -1, err);
	if (r < 0)
		return r;
	say(cx, "watching it for %" PRId64 " s", seconds);
	return ask_end(fd, -1, NULL, NULL, &answer, err);
}
