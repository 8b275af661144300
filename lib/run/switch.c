/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/run/switch.c - one set in the place of another, while it is used.
 *
 * 1. BESIDE: what can run beside its predecessor is started, and gets ready.
 * 2. AWAY, PLACE: a type whose port the old instances hold, and that has
 *    neither --front nor --listen, has to go first: here alone is a gap.
 * 3. MOVED: the traffic goes to the new set; the old one drains and stops.
 * Until 3 every failure leads back to how it was.
 */
#include "run/set.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum phase {
	PHASE_BESIDE,
	PHASE_AWAY,  /* old instances in the way are stopping */
	PHASE_PLACE, /* new ones in their place get ready */
	PHASE_MOVED, /* the old set ends */
	PHASE_BACK,  /* it failed: the new set ends, the old one is whole */
};

struct exchange {
	enum phase phase;
	struct rel_client *client; /* NULL: it went away after the move */
	struct set *from, *to;
	struct rel_formation formation; /* of the new set */
	bool *in_place; /* by the types of ${from}: it is in the way */
	bool *takes;	/* by the types of ${to}: it has to wait for that */
	struct instance *culprit;
	char why[300];
};

/*
 * Would a new one find its port taken? One that is not up may take it at any
 * moment, and whatever it is that it does, there is little to lose.
 */
static bool is_in_the_way(const struct instance *i)
{
	const struct supervisor *s = i->set->sup;

	if (!i->port || traffic_front(s, instance_type(i)) ||
		traffic_listens(s, instance_type(i)))
		return false;
	if (i->state == REL_STATE_UP)
		return rel_port_accepts(i->port);
	return i->state == REL_STATE_WAITING || rel_state_runs(i->state);
}

static void find_in_place(struct exchange *x)
{
	x->in_place = rel_alloc(x->from->target.processes.n + 1);
	for (size_t k = 0; k < x->from->instances.n; k++)
		if (is_in_the_way(x->from->instances.v[k]))
			x->in_place[x->from->instances.v[k]->type] = true;
}

/* Is ${i} of the type, or does it get the port, of one that is in the way? */
static bool takes_place(const struct exchange *x, const struct instance *i)
{
	for (size_t k = 0; k < x->from->instances.n; k++) {
		const struct instance *old = x->from->instances.v[k];

		if (x->in_place[old->type] &&
			(old->port == i->port ||
				!strcmp(instance_type(old), instance_type(i))))
			return true;
	}
	return false;
}

/* Once for all: an old one may be gone when it is asked for. */
static void find_takers(struct exchange *x)
{
	x->takes = rel_alloc(x->to->target.processes.n + 1);
	for (size_t k = 0; k < x->to->instances.n; k++)
		if (takes_place(x, x->to->instances.v[k]))
			x->takes[x->to->instances.v[k]->type] = true;
}

static void progress(struct exchange *x, const char *event)
{
	struct json_t *j = rel_json_object();

	if (x->client)
		rel_control_answer(x->client,
			rel_json_set(j, "event", rel_json_text(event)));
	else
		rel_json_free(j);
}

static void done(struct supervisor *s)
{
	struct exchange *x = s->exchange;

	rel_formation_done(&x->formation);
	free(x->in_place);
	free(x->takes);
	free(x);
	s->exchange = NULL;
}

/* A job that is done is as good as up. */
static bool is_well(const struct instance *i)
{
	return i->state == REL_STATE_UP ||
	       (i->state == REL_STATE_ENDED && i->status == 0 && !i->gave_up);
}

static bool all_up(const struct exchange *x, bool place)
{
	for (size_t k = 0; k < x->to->instances.n; k++)
		if (x->takes[x->to->instances.v[k]->type] == place &&
			!is_well(x->to->instances.v[k]))
			return false;
	return true;
}

/* One of the new set that will not get ready, or NULL. */
static struct instance *find_failed(const struct exchange *x)
{
	for (size_t k = 0; k < x->to->instances.n; k++) {
		struct instance *i = x->to->instances.v[k];

		if (i->state == REL_STATE_WAITING ||
			i->state == REL_STATE_RECYCLING ||
			(i->state == REL_STATE_ENDED && !is_well(i)))
			return i;
	}
	return NULL;
}

static void call_away(const struct exchange *x)
{
	for (size_t k = 0; k < x->from->instances.n; k++) {
		struct instance *i = x->from->instances.v[k];

		i->called_away =
			x->in_place[i->type] && i->state != REL_STATE_ENDED;
		if (i->called_away)
			instance_input(i, REL_INPUT_STOP);
	}
}

/* Those that were, and no others. */
static void call_back(const struct exchange *x)
{
	for (size_t k = 0; k < x->from->instances.n; k++) {
		struct instance *i = x->from->instances.v[k];

		if (i->called_away)
			instance_input(i, REL_INPUT_START);
		i->called_away = false;
	}
}

static void take_places(const struct exchange *x)
{
	for (size_t k = 0; k < x->to->instances.n; k++)
		if (x->takes[x->to->instances.v[k]->type])
			instance_input(x->to->instances.v[k], REL_INPUT_START);
}

static bool is_away(const struct exchange *x)
{
	for (size_t k = 0; k < x->from->instances.n; k++) {
		struct instance *i = x->from->instances.v[k];

		if (x->in_place[i->type] && i->state != REL_STATE_ENDED)
			return false;
	}
	return true;
}

/* The last lines of who failed, and how it ended. */
static struct json_t *culprit_json(const struct exchange *x)
{
	struct json_t *j = rel_json_object();
	struct json_t *lines = rel_json_array();
	const struct instance *i = x->culprit;
	size_t from = i->tail_n > TAIL_LINES ? i->tail_n - TAIL_LINES : 0;

	for (size_t k = from; k < i->tail_n; k++)
		rel_json_push(lines, rel_json_text(i->tail[k % TAIL_LINES]));
	rel_json_set(j, "name", rel_json_text(i->name));
	rel_json_set(j, "status", rel_json_number(i->status));
	return rel_json_set(j, "lines", lines);
}

static void answer_failure(struct exchange *x)
{
	struct json_t *j = rel_json_object();

	if (!x->client) {
		rel_json_free(j);
		return;
	}
	rel_json_set(j, "done", rel_json_bool(true));
	rel_json_set(j, "exit", rel_json_number(8));
	rel_json_set(j, "message", rel_json_text(x->why));
	if (x->culprit)
		rel_json_set(j, "instance", culprit_json(x));
	rel_control_answer(x->client, j);
	x->client = NULL;
}

static void go_back(struct supervisor *s, const char *why)
{
	struct exchange *x = s->exchange;

	snprintf(x->why, sizeof(x->why), "%s", why);
	x->phase = PHASE_BACK;
	say_event(s, NULL, "error", "switch-failed", -1,
		"v%" PRId64 " does not get ready: %s; v%" PRId64 " stays",
		x->to->target.release, why, x->from->target.release);
	set_input(x->to, REL_INPUT_STOP);
}

static void failed(struct supervisor *s, struct instance *i)
{
	char why[300];

	s->exchange->culprit = i;
	if (i->sick[0])
		snprintf(why, sizeof(why), "%s: %s", i->name, i->sick);
	else if (i->state == REL_STATE_RECYCLING)
		snprintf(why, sizeof(why), "%s was not ready in time", i->name);
	else
		snprintf(why, sizeof(why), "%s ended with status %d", i->name,
			i->status);
	go_back(s, why);
}

static void move(struct supervisor *s)
{
	struct exchange *x = s->exchange;
	struct set *from = x->from;

	x->phase = PHASE_MOVED;
	/* The new set first: it is the one that runs from here on. */
	from->next = x->to->next;
	x->to->next = from;
	s->sets = x->to;
	x->to->live = true;
	x->to->temporary = false;
	from->live = false;
	/* What the new release has no type for is kept for one that has. */
	for (size_t k = 0; k < x->formation.n; k++)
		rel_formation_set(&s->formation, x->formation.v[k].type,
			x->formation.v[k].n);
	progress(x, "moved");
	/* First the relays learn of both, then the old ones drain. */
	traffic_update(s);
	for (size_t k = 0; k < from->instances.n; k++)
		traffic_drain(from->instances.v[k], REL_INPUT_STOP);
}

static void finish_move(struct supervisor *s)
{
	struct exchange *x = s->exchange;
	struct json_t *j = rel_json_object();

	say_event(s, NULL, "info", "release-switched", -1,
		"v%" PRId64 " has taken over", x->to->target.release);
	rel_json_set(j, "done", rel_json_bool(true));
	rel_json_set(j, "exit", rel_json_number(0));
	if (x->client)
		rel_control_answer(x->client, j);
	else
		rel_json_free(j);
	done(s);
}

static void finish_back(struct supervisor *s)
{
	struct exchange *x = s->exchange;

	if (!s->stopping)
		call_back(x);
	answer_failure(x);
	x->to->temporary = false;
	done(s);
}

/* One phase on, if its condition holds. */
static bool advance(struct supervisor *s)
{
	struct exchange *x = s->exchange;

	switch (x->phase) {
	case PHASE_BESIDE:
		if (!all_up(x, false))
			return false;
		progress(x, "ready");
		x->phase = PHASE_AWAY;
		call_away(x);
		return true;
	case PHASE_AWAY:
		if (!is_away(x))
			return false;
		x->phase = PHASE_PLACE;
		take_places(x);
		return true;
	case PHASE_PLACE:
		if (!all_up(x, true))
			return false;
		move(s);
		return true;
	case PHASE_MOVED:
		if (!set_runs(x->from))
			finish_move(s);
		return false;
	case PHASE_BACK:
		if (!set_runs(x->to))
			finish_back(s);
		return false;
	}
	return false;
}

void switch_turn(struct supervisor *s)
{
	struct instance *i;

	if (!s->exchange)
		return;
	i = s->exchange->phase < PHASE_MOVED ? find_failed(s->exchange) : NULL;
	if (i)
		failed(s, i);
	while (s->exchange && advance(s))
		;
}

/* The counts of the app, for the types that the new release has. */
static void form(struct supervisor *s, struct exchange *x)
{
	rel_formation_complete(&x->to->target.processes, NULL, &s->formation,
		&x->to->target.declared, &x->formation);
	for (size_t t = 0; t < x->to->target.processes.n; t++)
		set_fill(x->to, t,
			rel_formation_get(&x->formation,
				x->to->target.processes.v[t].type, 0));
}

static bool has_instances(const struct set *set, const char *type)
{
	for (size_t k = 0; k < set->instances.n; k++)
		if (!strcmp(instance_type(set->instances.v[k]), type))
			return true;
	return false;
}

/* What somebody else holds would look as if the new one accepted there. Of a
 * type that is there already and is not in the way its port is nobody's. */
static bool ports_are_free(
	struct supervisor *s, const struct exchange *x, struct rel_err *err)
{
	for (size_t k = 0; k < x->to->instances.n; k++) {
		const struct instance *i = x->to->instances.v[k];

		if (traffic_listens(s, instance_type(i)) || x->takes[i->type] ||
			(i->port && has_instances(x->from, instance_type(i))))
			continue;
		if (i->port == 0)
			rel_fail(err, REL_EUSAGE, "no port is left for %s",
				i->name);
		else if (rel_port_check(i->port, err) == 0)
			continue;
		else
			rel_wrap(err, "%s", i->name);
		return false;
	}
	return true;
}

void switch_begin(
	struct supervisor *s, struct rel_client *c, struct rel_target *t)
{
	struct exchange *x = rel_alloc(sizeof(*x));
	struct rel_err err = REL_ERR_INIT;

	x->client = c;
	x->from = s->sets;
	x->to = set_new(s, t);
	x->to->temporary = true;
	s->exchange = x;
	/* Behind the current one, so that nobody takes it for that. */
	x->to->next = x->from->next;
	x->from->next = x->to;
	find_in_place(x);
	form(s, x);
	find_takers(x);
	say_event(s, NULL, "info", "switch-begun", -1,
		"v%" PRId64 " is started beside v%" PRId64,
		x->to->target.release, x->from->target.release);
	if (!ports_are_free(s, x, &err)) {
		go_back(s, err.msg);
		return;
	}
	for (size_t k = 0; k < x->to->instances.n; k++)
		if (!x->takes[x->to->instances.v[k]->type])
			instance_input(x->to->instances.v[k], REL_INPUT_START);
}

bool switch_join(struct supervisor *s, struct rel_client *c, int64_t release)
{
	struct exchange *x = s->exchange;

	if (!x || x->phase != PHASE_MOVED || x->client ||
		x->to->target.release != release)
		return false;
	x->client = c;
	progress(x, "moved");
	return true;
}

void switch_abort(struct supervisor *s, const char *why)
{
	struct exchange *x = s->exchange;

	if (x && x->phase < PHASE_MOVED)
		go_back(s, why);
}

void switch_gone(struct supervisor *s, struct rel_client *c)
{
	struct exchange *x = s->exchange;

	if (!x || x->client != c)
		return;
	x->client = NULL;
	switch_abort(s, "the command that asked for it is gone");
}
