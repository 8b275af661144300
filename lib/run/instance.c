/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/run/instance.c - one process of the formation: the acts that the table
 * of state.h asks for.
 */
#include "base/clock.h"
#include "base/file.h"
#include "config/command.h"
#include "run/process.h"
#include "run/set.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *instance_type(const struct instance *i)
{
	return i->set->target.processes.v[i->type].type;
}

const struct rel_policy *instance_policy(const struct instance *i)
{
	return &i->set->target.policies[i->type];
}

struct instance *instance_new(struct set *set, size_t type, int n, int port)
{
	struct instance *i = rel_alloc(sizeof(*i));

	i->set = set;
	i->type = type;
	i->n = n;
	i->port = port;
	i->child = (struct rel_child)REL_CHILD_NONE;
	i->check_child = (struct rel_child)REL_CHILD_NONE;
	i->probe = (struct rel_probe)REL_PROBE_INIT;
	i->since_ms = rel_now_ms();
	snprintf(i->name, sizeof(i->name), "%s.%d", instance_type(i), n);
	return i;
}

void instance_free(struct instance *i)
{
	struct rel_loop *loop = i->set->sup->loop;

	ready_end(i);
	rel_loop_disarm(loop, &i->timer);
	rel_loop_disarm(loop, &i->drain_timer);
	streams_leave(i);
	for (size_t t = 0; t < TAIL_LINES; t++)
		free(i->tail[t]);
	free(i);
}

void instance_environ(
	const struct instance *i, const char *home, struct rel_strings *ret)
{
	const struct rel_target *t = &i->set->target;
	char port[16];
	struct rel_process_facts facts = {
		.config = &t->config,
		.home = home,
		.ps = i->name,
		.app = t->app,
		.release = t->release,
		.commit = t->commit,
		.port = i->port ? port : NULL,
		.processes = &t->processes,
		.port_base = i->set->port,
	};

	snprintf(port, sizeof(port), "%d", i->port);
	rel_process_environ(&facts, ret);
}

static void on_timer(void *arg)
{
	instance_input(arg, REL_INPUT_TIMER);
}

static void arm(struct instance *i, int64_t ms)
{
	rel_loop_arm(i->set->sup->loop, &i->timer, rel_monotonic_ms() + ms,
		on_timer, i);
}

/* It ended, or never began. */
static void ended(struct instance *i, int status, int64_t lived_ms)
{
	struct supervisor *s = i->set->sup;
	enum rel_input in = REL_INPUT_EXIT_AGAIN;

	i->status = status;
	if (i->asked)
		i->delay_ms = 0;
	else
		in = rel_backoff_ended(&i->backoff, instance_policy(i)->restart,
			status == 0 && i->faulty ? 1 : status, lived_ms,
			rel_monotonic_ms(), &i->delay_ms);
	i->faulty = false;
	i->gave_up = in == REL_INPUT_EXIT_FINAL &&
		     instance_policy(i)->restart != REL_RESTART_NEVER &&
		     i->backoff.n >= REL_BACKOFF_ENDS;
	if (in == REL_INPUT_EXIT_FINAL && status != 0 && s->status == 0 &&
		i->state != REL_STATE_STOPPING)
		s->status = status;
	instance_input(i, in);
}

static void say_end(struct instance *i, int left)
{
	struct supervisor *s = i->set->sup;
	int status = i->child.status;

	if (i->child.signal)
		say_event(s, i, "info", "process-exited", status,
			"terminated by SIG%s",
			rel_signal_name(i->child.signal).s);
	else
		say_event(s, i, status ? "error" : "info", "process-exited",
			status, "exited with code %d", status);
	if (left > 0)
		say_event(s, i, "warn", "processes-left", -1,
			"%d process%s it had left behind %s killed with it",
			left, left == 1 ? "" : "es",
			left == 1 ? "was" : "were");
}

static void on_news(void *arg, int fd, short revents)
{
	struct instance *i = arg;
	struct supervisor *s = i->set->sup;
	int64_t started = i->child.started_ms;
	int left = 0;

	(void)revents;
	switch (rel_child_news(&i->child, &left)) {
	case REL_NEWS_READY:
		ready_told(i);
		break;
	case REL_NEWS_ENDED:
		rel_loop_forget(s->loop, fd);
		streams_catch_up(i);
		/* What was not there yet says less than how it ended. */
		if (i->state == REL_STATE_STARTING)
			i->sick[0] = '\0';
		say_end(i, left);
		ended(i, i->child.status, rel_monotonic_ms() - started);
		break;
	case REL_NEWS_STOPPED:
	case REL_NEWS_NONE:
		break;
	}
}

static int spawn(struct instance *i, struct rel_err *err)
{
	struct supervisor *s = i->set->sup;
	struct rel_target *t = &i->set->target;
	REL_AUTO(rel_strings_done) struct rel_strings argv = { 0 };
	REL_AUTO(rel_strings_done) struct rel_strings env = { 0 };
	REL_AUTO(rel_closep) int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	REL_AUTO(rel_closep) int out = -1;
	REL_AUTO(rel_closep) int errors = -1;
	struct rel_sandbox box = *s->how->box;
	REL_AUTO(rel_freep)
	int *listen = rel_alloc((s->how->listen_n + 1) * sizeof(*listen));
	struct rel_spawn how = {
		.box = &box, .argv = &argv, .env = &env, .listen = listen
	};
	REL_AUTO(rel_buf_free) struct rel_buf names = REL_BUF_INIT;
	int r = streams_open(i, &out, &errors, err);

	if (r < 0)
		return r;
	box.tree = t->tree;
	box.tree_fd = t->tree_fd;
	how.in = in;
	how.out = out;
	how.err = errors;
	for (size_t k = 0; k < s->how->listen_n; k++) {
		if (strcmp(s->how->listen[k].type, instance_type(i)) != 0)
			continue;
		rel_buf_addf(&names, "%s%s", how.listen_n ? ":" : "",
			s->how->listen[k].type);
		listen[how.listen_n++] = s->how->listen[k].fd;
	}
	how.listen_names = rel_buf_str(&names);
	rel_command_words(t->processes.v[i->type].command, &argv);
	instance_environ(i, rel_sandbox_home(&box), &env);
	return rel_child_spawn(&how, &i->child, err);
}

static void start(struct instance *i)
{
	struct supervisor *s = i->set->sup;
	struct rel_err err = REL_ERR_INIT;
	int r = spawn(i, &err);

	i->asked = false;
	if (r == 0 && i->child.pidfd >= 0) {
		s->started = true;
		streams_named(i);
		rel_loop_watch(s->loop, i->child.link, POLLIN, on_news, i);
		say_event(s, i, "info", "process-started", -1,
			"started with pid %d", (int)i->child.pid);
		ready_begin(i);
		return;
	}
	if (r == -REL_EREFUSED && !s->started)
		s->refused = err;
	say_event(s, i, "error", "process-failed", -1, "%s", err.msg);
	snprintf(i->sick, sizeof(i->sick), "%.190s", err.msg);
	ended(i, r < 0 ? 1 : i->child.status, 0);
}

static void late(struct instance *i)
{
	say_event(i->set->sup, i, "error", "start-timeout", -1,
		"not ready after %g s%s%s",
		(double)instance_policy(i)->start_timeout_ms / 1000,
		i->sick[0] ? ": " : "", i->sick);
}

static void stop(struct instance *i)
{
	const struct rel_policy *p = instance_policy(i);

	say_event(i->set->sup, i, "info", "process-stopping", -1,
		"sending SIG%s", rel_signal_name(p->stop_signal).s);
	rel_child_stop(&i->child, p->stop_signal);
}

static void put_down(struct instance *i)
{
	struct supervisor *s = i->set->sup;

	if (i->state != REL_STATE_UP)
		ready_end(i);
	traffic_update(s);
}

static void put_up(struct instance *i)
{
	ready_end(i);
	ready_up(i);
	traffic_update(i->set->sup);
}

/* In this order: an act that fails at once may lead to the next input. */
static void act(struct instance *i, unsigned acts)
{
	struct supervisor *s = i->set->sup;

	if (acts & REL_ACT_DISARM)
		rel_loop_disarm(s->loop, &i->timer);
	if (acts & REL_ACT_LATE)
		late(i);
	if (!rel_state_runs(i->state))
		ready_end(i);
	if (acts & REL_ACT_DOWN)
		put_down(i);
	if (acts & REL_ACT_SIGNAL)
		stop(i);
	if (acts & REL_ACT_KILL) {
		say_event(s, i, "warn", "process-killed", -1,
			"sending SIGKILL to all its processes");
		rel_child_kill(&i->child);
	}
	if (acts & REL_ACT_ARM_START)
		arm(i, instance_policy(i)->start_timeout_ms);
	if (acts & REL_ACT_ARM_GRACE)
		arm(i, instance_policy(i)->grace_ms);
	if (acts & REL_ACT_ARM_BACKOFF) {
		if (i->delay_ms > 0)
			say_event(s, i, "info", "process-waiting", -1,
				"starting again in %lld s",
				(long long)(i->delay_ms / 1000));
		arm(i, i->delay_ms);
	}
	if (acts & REL_ACT_UP)
		put_up(i);
	if ((acts & REL_ACT_ENDED) && i->gave_up)
		say_event(s, i, "error", "process-given-up", i->status,
			"given up: it ended %d times within %d minutes",
			REL_BACKOFF_ENDS, REL_BACKOFF_WINDOW_MS / 60000);
	if (acts & REL_ACT_SPAWN)
		start(i);
}

void instance_input(struct instance *i, enum rel_input in)
{
	struct rel_step step = rel_state_step(i->state, in);
	enum rel_state was = i->state;

	if (in == REL_INPUT_START || in == REL_INPUT_RESTART) {
		i->asked = true;
		i->gave_up = false;
		i->backoff = (struct rel_backoff){ 0 };
	} else if (in == REL_INPUT_STOP || in == REL_INPUT_KILL) {
		i->asked = false;
	}
	i->faulty =
		i->faulty || in == REL_INPUT_SICK || (step.acts & REL_ACT_LATE);
	i->state = step.next;
	if (was != step.next)
		i->since_ms = rel_now_ms();
	if (step.acts & REL_ACT_SPAWN && was != REL_STATE_IDLE)
		i->restarts++;
	act(i, step.acts);
	if (was == i->state)
		return;
	/* That one ends which was told to is no news. */
	answer_news(i, in == REL_INPUT_SICK ||
			       (was != REL_STATE_STOPPING &&
				       (in == REL_INPUT_EXIT_AGAIN ||
					       in == REL_INPUT_EXIT_FINAL)));
}
