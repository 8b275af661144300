/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/run/answer.c - what commands ask of the supervisor, and what it answers.
 */
#include "base/clock.h"
#include "base/file.h"
#include "run/set.h"
#include "sandbox/orphans.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WATCH_BAD 2 /* ends within the watch: more than bad luck */
#define WATCH_MOST_S (366 * 86400)

/* Somebody who wants to know whether all stays well for a while. */
struct watcher {
	struct supervisor *sup;
	struct rel_client *client;
	struct rel_timer timer;
	int bad;
};

void answer_done(
	struct rel_client *c, int exit, const char *message, const char *hint)
{
	struct json_t *j = rel_json_object();

	rel_json_set(j, "done", rel_json_bool(true));
	rel_json_set(j, "exit", rel_json_number(exit));
	if (message)
		rel_json_set(j, "message", rel_json_text(message));
	if (hint)
		rel_json_set(j, "hint", rel_json_text(hint));
	rel_control_answer(c, j);
}

static const char *state_of(const struct instance *i)
{
	if (i->draining)
		return "draining";
	return i->gave_up ? "given-up" : rel_state_name(i->state);
}

static struct json_t *instance_json(const struct instance *i)
{
	struct json_t *j = rel_json_object();
	bool runs = rel_state_runs(i->state);

	rel_json_set(j, "name", rel_json_text(i->name));
	rel_json_set(j, "type", rel_json_text(instance_type(i)));
	rel_json_set(j, "release", rel_json_number(i->set->target.release));
	rel_json_set(j, "state", rel_json_text(state_of(i)));
	rel_json_set(j, "since_ms", rel_json_number(i->since_ms));
	rel_json_set(j, "restarts", rel_json_number(i->restarts));
	rel_json_set(j, "pid",
		runs ? rel_json_number(i->child.pid) : rel_json_text(NULL));
	rel_json_set(j, "port",
		i->port ? rel_json_number(i->port) : rel_json_text(NULL));
	rel_json_set(j, "memory",
		runs ? rel_json_number(rel_orphans_memory(i->child.keeper))
		     : rel_json_text(NULL));
	rel_json_set(j, "status",
		runs || i->state == REL_STATE_IDLE
			? rel_json_text(NULL)
			: rel_json_number(i->status));
	if (i->sick[0])
		rel_json_set(j, "sick", rel_json_text(i->sick));
	return j;
}

static void tell_ps(struct supervisor *s, struct rel_client *c)
{
	struct json_t *j = rel_json_object();
	struct json_t *all = rel_json_array();
	struct rel_formation formation = { 0 };

	for (const struct set *set = s->sets; set; set = set->next)
		for (size_t i = 0; i < set->instances.n; i++)
			rel_json_push(all, instance_json(set->instances.v[i]));
	rel_json_set(j, "done", rel_json_bool(true));
	rel_json_set(j, "exit", rel_json_number(0));
	rel_json_set(j, "pid", rel_json_number(getpid()));
	rel_json_set(j, "release", rel_json_number(s->sets->target.release));
	rel_json_set(j, "pinned", rel_json_bool(s->how->pinned));
	rel_json_set(j, "stopping", rel_json_bool(s->stopping));
	rel_json_set(j, "switching", rel_json_bool(s->exchange != NULL));
	rel_json_set(j, "isolation",
		rel_json_text(rel_isolation_name(s->how->box->level)));
	rel_formation_complete(&s->sets->target.processes, NULL, &s->formation,
		NULL, &formation);
	rel_json_set(j, "formation", rel_formation_to_json(&formation));
	rel_formation_done(&formation);
	rel_control_answer(c, rel_json_set(j, "instances", all));
}

static void do_scale(
	struct supervisor *s, struct rel_client *c, const struct json_t *j)
{
	struct rel_formation f = { 0 };
	struct rel_err err = REL_ERR_INIT;

	if (rel_formation_from_json(rel_json_get(j, "formation"), &f, &err) <
		0) {
		answer_done(c, 2, err.msg, NULL);
	} else {
		scale_to(s, &f);
		answer_done(c, 0, NULL, NULL);
	}
	rel_formation_done(&f);
}

/* It goes for good: a restart does not call it back. */
static bool is_leaving(const struct instance *i)
{
	return i->state == REL_STATE_STOPPING ||
	       (i->draining && i->after_drain == REL_INPUT_STOP);
}

static void do_restart(
	struct supervisor *s, struct rel_client *c, const struct json_t *j)
{
	const char *what = rel_json_get_str(j, "what");
	struct json_t *names = rel_json_array(), *answer;
	struct set *set = s->sets;
	char message[128];

	for (size_t k = 0; k < set->instances.n; k++) {
		struct instance *i = set->instances.v[k];

		if (what && strcmp(what, i->name) != 0 &&
			strcmp(what, instance_type(i)) != 0)
			continue;
		if (is_leaving(i))
			continue;
		rel_json_push(names, rel_json_text(i->name));
		traffic_drain(i, REL_INPUT_RESTART);
	}
	if (rel_json_len(names) == 0) {
		rel_json_free(names);
		if (what)
			snprintf(message, sizeof(message),
				"no type or instance '%.80s' runs", what);
		answer_done(c, 5, what ? message : "nothing runs",
			"relctl ps lists what runs");
		return;
	}
	answer = rel_json_object();
	rel_json_set(answer, "done", rel_json_bool(true));
	rel_json_set(answer, "exit", rel_json_number(0));
	rel_control_answer(c, rel_json_set(answer, "instances", names));
}

static void do_switch(struct supervisor *s, struct rel_client *c,
	const struct json_t *j, int fd)
{
	REL_AUTO(rel_target_done) struct rel_target t = { .tree_fd = -1 };
	struct rel_err err = REL_ERR_INIT;

	if (s->how->pinned) {
		close(fd);
		rel_control_answer(
			c, rel_json_set(
				   rel_json_set(
					   rel_json_set(rel_json_object(),
						   "done", rel_json_bool(true)),
					   "exit", rel_json_number(0)),
				   "pinned", rel_json_bool(true)));
		return;
	}
	if (rel_target_from_json(rel_json_get(j, "target"), &t, &err) < 0 ||
		rel_target_policies(&t, &err) < 0) {
		close(fd);
		answer_done(c, 2, err.msg, NULL);
		return;
	}
	t.tree_fd = fd;
	if (t.release == s->sets->target.release) {
		/* A command that was cut off comes again. */
		answer_done(c, 0, NULL, NULL);
		return;
	}
	switch_begin(s, c, &t);
}

static void forget_watcher(struct watcher *w)
{
	struct supervisor *s = w->sup;

	rel_loop_disarm(s->loop, &w->timer);
	for (size_t i = 0; i < s->watchers.n; i++) {
		if (s->watchers.v[i] != w)
			continue;
		s->watchers.v[i] = s->watchers.v[--s->watchers.n];
		break;
	}
	free(w);
}

static void watch_passed(void *arg)
{
	struct watcher *w = arg;
	struct rel_client *c = w->client;

	forget_watcher(w);
	answer_done(c, 0, NULL, NULL);
}

/* It failed and stays away; that a job is done is no failure. */
static bool is_lost(const struct instance *i)
{
	return i->state == REL_STATE_ENDED && (i->status != 0 || i->gave_up);
}

static void tell_bad(struct rel_client *c, const struct instance *i)
{
	char why[300];

	if (i->sick[0])
		snprintf(why, sizeof(why), "%s: %s", i->name, i->sick);
	else if (is_lost(i) && !i->gave_up)
		snprintf(why, sizeof(why), "%s ended with status %d", i->name,
			i->status);
	else
		snprintf(why, sizeof(why), "%s ends again and again", i->name);
	answer_done(c, 8, why, NULL);
}

static void do_watch(
	struct supervisor *s, struct rel_client *c, const struct json_t *j)
{
	int64_t seconds = rel_json_get_int(j, "seconds", 0);
	struct watcher *w;

	/* Since the switch: nothing more would be heard of that one. */
	for (size_t k = 0; k < s->sets->instances.n; k++)
		if (is_lost(s->sets->instances.v[k])) {
			tell_bad(c, s->sets->instances.v[k]);
			return;
		}
	if (seconds > WATCH_MOST_S)
		seconds = WATCH_MOST_S;
	w = rel_alloc(sizeof(*w));
	w->sup = s;
	w->client = c;
	rel_vec_push(&s->watchers, w);
	rel_loop_arm(s->loop, &w->timer, rel_monotonic_ms() + seconds * 1000,
		watch_passed, w);
}

void answer_news(struct instance *i, bool bad)
{
	struct supervisor *s = i->set->sup;

	/* Nor is that a job is done. */
	if (!bad || i->asked || i->set != s->sets || s->stopping ||
		(i->state == REL_STATE_ENDED && !is_lost(i)))
		return;
	for (size_t k = s->watchers.n; k-- > 0;) {
		struct watcher *w = s->watchers.v[k];
		struct rel_client *c = w->client;

		if (++w->bad < WATCH_BAD && !i->sick[0] && !is_lost(i))
			continue;
		forget_watcher(w);
		tell_bad(c, i);
	}
}

void answer_request(
	void *arg, struct rel_client *c, const struct json_t *j, int fd)
{
	struct supervisor *s = arg;
	const char *op = rel_json_get_str(j, "op");
	bool changes;

	if (!op)
		op = "";
	changes = strcmp(op, "ps") != 0 && strcmp(op, "watch") != 0 &&
		  strcmp(op, "stop") != 0;
	if (!strcmp(op, "switch") &&
		switch_join(s, c,
			rel_json_get_int(
				rel_json_get(j, "target"), "release", 0))) {
		rel_closep(&fd);
		return;
	}
	if (changes && (s->exchange || s->stopping)) {
		rel_closep(&fd);
		answer_done(c, 7,
			s->stopping ? "the app is stopping"
				    : "another release is being switched to",
			"relctl ps shows how far it is");
	} else if (!strcmp(op, "switch") && fd >= 0) {
		do_switch(s, c, j, fd);
		return;
	} else if (!strcmp(op, "ps")) {
		tell_ps(s, c);
	} else if (!strcmp(op, "scale")) {
		do_scale(s, c, j);
	} else if (!strcmp(op, "restart")) {
		do_restart(s, c, j);
	} else if (!strcmp(op, "watch")) {
		do_watch(s, c, j);
	} else if (!strcmp(op, "stop")) {
		rel_vec_push(&s->stoppers, c);
		supervisor_stop(s, "stop was asked for");
	} else {
		answer_done(c, 2, "the supervisor does not know this request",
			"it may be of another version of relctl");
	}
	rel_closep(&fd);
}

void answer_gone(void *arg, struct rel_client *c)
{
	struct supervisor *s = arg;

	for (size_t k = s->stoppers.n; k-- > 0;)
		if (s->stoppers.v[k] == c)
			s->stoppers.v[k] = s->stoppers.v[--s->stoppers.n];
	for (size_t k = s->watchers.n; k-- > 0;)
		if (s->watchers.v[k]->client == c)
			forget_watcher(s->watchers.v[k]);
	switch_gone(s, c);
}

void answer_stopped(struct supervisor *s)
{
	while (s->watchers.n > 0) {
		struct rel_client *c = s->watchers.v[0]->client;

		forget_watcher(s->watchers.v[0]);
		/* Asked for, that says nothing about the release. */
		answer_done(c, s->stopping ? 1 : 8,
			s->stopping ? "the app was stopped while it was watched"
				    : "the app has stopped",
			NULL);
	}
	rel_vec_free(&s->watchers);
	for (size_t k = 0; k < s->stoppers.n; k++)
		answer_done(s->stoppers.v[k], 0, NULL, NULL);
	rel_vec_free(&s->stoppers);
}
