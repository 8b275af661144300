/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/run/ready.c - is an instance ready, and is it still alive?
 *
 * Ready is, the first that applies: all startup and readiness checks of
 * app.json have passed once; READY=1 on its NOTIFY_SOCKET, and 1 s later it is
 * still there; behind --front, its port accepts; else its port accepts or it is
 * up for 3 s. Then the liveness checks go on for as long as it lives.
 */
#include "base/clock.h"
#include "base/file.h"
#include "run/process.h"
#include "run/set.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define SETTLE_MS 1000	 /* so long after it came READY=1 is believed */
#define PORT_EVERY_MS 50 /* while it starts nothing accepts, mostly */

/* Where nothing is configured: does the port accept? */
static const struct rel_check port_check = {
	.listening = true,
	.timeout_ms = 1000,
	.attempts = 1,
};

static void next_check(struct instance *i);
static void attempt(void *arg);

static bool is_up(const struct instance *i)
{
	return i->state == REL_STATE_UP;
}

/* The check that is due: of this instance's stage, at or behind ${from}. Once
 * it is up an uptime says nothing more. */
static const struct rel_check *check_at(const struct instance *i, size_t *from)
{
	const struct rel_policy *p = instance_policy(i);

	for (; *from < p->checks_n; ++*from) {
		const struct rel_check *c = &p->checks[*from];

		if ((c->kind == REL_CHECK_LIVENESS) == is_up(i) &&
			!(is_up(i) && c->uptime_ms > 0))
			return c;
	}
	return NULL;
}

static void later(struct instance *i, int64_t ms, void (*fn)(void *))
{
	rel_loop_arm(i->set->sup->loop, &i->check_timer,
		rel_monotonic_ms() + ms, fn, i);
}

static void passed(struct instance *i)
{
	const struct rel_check *c = check_at(i, &i->check);

	i->check_failed = 0;
	i->sick[0] = '\0';
	if (!c) {
		instance_input(i, REL_INPUT_READY);
		return;
	}
	i->check++;
	if (!is_up(i)) {
		next_check(i);
		return;
	}
	/* Liveness checks take turns, without end. */
	if (!check_at(i, &i->check))
		i->check = 0;
	c = check_at(i, &i->check);
	later(i, c->wait_ms, attempt);
}

static void failed(struct instance *i, const char *why)
{
	const struct rel_check *c = check_at(i, &i->check);

	snprintf(i->sick, sizeof(i->sick), "%s", why);
	/* Nothing accepts yet: that is no attempt, the start timeout counts. */
	if (!c || (!is_up(i) && !c->command && !i->probe.connected)) {
		later(i, PORT_EVERY_MS, attempt);
		return;
	}
	if (++i->check_failed < c->attempts) {
		later(i, c->wait_ms, attempt);
		return;
	}
	say_event(i->set->sup, i, "error", "check-failed", -1,
		"%s check failed %d times: %s",
		is_up(i) ? "liveness" : "startup", i->check_failed, why);
	instance_input(i, REL_INPUT_SICK);
}

static void probed(void *arg, int fd, short revents);

static void look_at_probe(struct instance *i)
{
	struct rel_loop *loop = i->set->sup->loop;

	switch (i->probe.state) {
	case REL_PROBE_RUNS:
		rel_loop_watch(loop, i->probe.fd, i->probe.events, probed, i);
		break;
	case REL_PROBE_PASSED:
		passed(i);
		break;
	case REL_PROBE_FAILED:
		failed(i, i->probe.why);
		break;
	}
}

static void step_probe(struct instance *i, short revents)
{
	struct rel_loop *loop = i->set->sup->loop;

	/* The descriptor may be another one afterwards. */
	rel_loop_forget(loop, i->probe.fd);
	rel_probe_step(&i->probe, revents, rel_monotonic_ms());
	if (i->probe.state != REL_PROBE_RUNS)
		rel_loop_disarm(loop, &i->check_timer);
	look_at_probe(i);
}

static void probed(void *arg, int fd, short revents)
{
	(void)fd;
	step_probe(arg, revents);
}

static void probe_timeout(void *arg)
{
	struct instance *i = arg;

	step_probe(i, 0);
	if (i->probe.fd >= 0)
		rel_loop_arm(i->set->sup->loop, &i->check_timer,
			i->probe.deadline_ms, probe_timeout, i);
}

static void command_news(void *arg, int fd, short revents)
{
	struct instance *i = arg;
	char why[80];

	(void)revents;
	if (rel_child_news(&i->check_child, NULL) != REL_NEWS_ENDED)
		return;
	rel_loop_forget(i->set->sup->loop, fd);
	rel_loop_disarm(i->set->sup->loop, &i->check_timer);
	snprintf(why, sizeof(why), "the command ended with status %d",
		i->check_child.status);
	if (i->check_child.status == 0)
		passed(i);
	else
		failed(i, why);
}

static void command_timeout(void *arg)
{
	struct instance *i = arg;

	rel_child_kill(&i->check_child); /* its end is the failure */
}

static void run_command(struct instance *i, const struct rel_check *c)
{
	struct supervisor *s = i->set->sup;
	REL_AUTO(rel_strings_done) struct rel_strings argv = { 0 };
	REL_AUTO(rel_strings_done) struct rel_strings env = { 0 };
	REL_AUTO(rel_closep) int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct rel_sandbox box = *s->how->box;
	struct rel_spawn how = { .box = &box,
		.argv = &argv,
		.env = &env,
		.in = null,
		.out = null,
		.err = null };
	struct rel_err err = REL_ERR_INIT;
	int r;

	box.tree = i->set->target.tree;
	box.tree_fd = i->set->target.tree_fd;
	instance_environ(i, rel_sandbox_home(&box), &env);
	for (char **word = c->command; *word; word++)
		rel_strings_push(&argv, rel_strdup(*word));
	r = rel_child_spawn(&how, &i->check_child, &err);
	if (r < 0 || i->check_child.pidfd < 0) {
		failed(i, err.msg);
		return;
	}
	rel_loop_watch(s->loop, i->check_child.link, POLLIN, command_news, i);
	later(i, c->timeout_ms, command_timeout);
}

static void attempt(void *arg)
{
	struct instance *i = arg;
	const struct rel_check *c = check_at(i, &i->check);

	if (!c)
		c = &port_check;
	if (c->command) {
		run_command(i, c);
		return;
	}
	rel_probe_begin(&i->probe, c, i->port, rel_monotonic_ms());
	rel_loop_arm(i->set->sup->loop, &i->check_timer, i->probe.deadline_ms,
		probe_timeout, i);
	if (i->probe.state != REL_PROBE_RUNS)
		rel_loop_disarm(i->set->sup->loop, &i->check_timer);
	look_at_probe(i);
}

static void uptime_passed(void *arg)
{
	passed(arg);
}

/* Begin with the check at i->check; behind the last one it is ready. */
static void next_check(struct instance *i)
{
	const struct rel_check *c = check_at(i, &i->check);

	if (!c)
		instance_input(i, REL_INPUT_READY);
	else if (c->uptime_ms > 0)
		later(i, c->uptime_ms, uptime_passed);
	else
		later(i, c->initial_delay_ms, attempt);
}

static void up_long_enough(void *arg)
{
	instance_input(arg, REL_INPUT_READY);
}

void ready_begin(struct instance *i)
{
	struct supervisor *s = i->set->sup;

	i->check = 0;
	i->check_failed = 0;
	i->sick[0] = '\0';
	if (check_at(i, &i->check)) {
		next_check(i);
		return;
	}
	/* Nothing is configured. A socket that is passed accepts from the
	 * beginning and says nothing; else the port tells. */
	if (!traffic_listens(s, instance_type(i)) && i->port)
		later(i, PORT_EVERY_MS, attempt);
	if (!traffic_front(s, instance_type(i)))
		rel_loop_arm(s->loop, &i->up_timer,
			rel_monotonic_ms() + UPTIME_MS, up_long_enough, i);
}

/* gunicorn says so before its workers have loaded the app, and ends when they
 * cannot: it has to be true for a moment. Where app.json has checks they are
 * not left out. */
void ready_told(struct instance *i)
{
	int64_t at_ms = rel_monotonic_ms() + SETTLE_MS;
	size_t first = 0;

	if (i->state != REL_STATE_STARTING || check_at(i, &first))
		return;
	if (!i->up_timer.armed || i->up_timer.at_ms > at_ms)
		rel_loop_arm(i->set->sup->loop, &i->up_timer, at_ms,
			up_long_enough, i);
}

void ready_up(struct instance *i)
{
	const struct rel_check *c;

	i->check = 0;
	i->check_failed = 0;
	/* What was wrong at its start is over, also if nothing found it well.
	 */
	i->sick[0] = '\0';
	c = check_at(i, &i->check);
	if (c)
		later(i,
			c->initial_delay_ms > c->wait_ms ? c->initial_delay_ms
							 : c->wait_ms,
			attempt);
}

void ready_end(struct instance *i)
{
	struct rel_loop *loop = i->set->sup->loop;

	rel_loop_disarm(loop, &i->check_timer);
	rel_loop_disarm(loop, &i->up_timer);
	if (i->probe.fd >= 0) {
		rel_loop_forget(loop, i->probe.fd);
		rel_probe_cancel(&i->probe);
	}
	if (i->check_child.pidfd < 0)
		return;
	rel_loop_forget(loop, i->check_child.link);
	rel_child_kill(&i->check_child);
	rel_child_await(&i->check_child);
}
