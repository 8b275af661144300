/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/run/set.c - the instances of one release, as many as the formation says.
 */
#include "run/set.h"

#include <stdlib.h>
#include <string.h>

struct set *set_new(struct supervisor *s, struct rel_target *t)
{
	struct set *set = rel_alloc(sizeof(*set));

	set->sup = s;
	set->target = *t;
	*t = (struct rel_target){ .tree_fd = -1 };
	set->port = s->how->port_given ? s->how->port
				       : rel_target_port(&set->target);
	for (size_t i = 0; i < s->how->overrides_n; i++) {
		const struct rel_override *o = &s->how->overrides[i];

		for (size_t k = 0; k < set->target.processes.n; k++) {
			struct rel_policy *p = &set->target.policies[k];

			if (*o->type &&
				strcmp(o->type,
					set->target.processes.v[k].type))
				continue;
			if (o->stop_signal >= 0)
				p->stop_signal = o->stop_signal;
			if (o->grace_ms >= 0)
				p->grace_ms = o->grace_ms;
			if (o->start_timeout_ms >= 0)
				p->start_timeout_ms = o->start_timeout_ms;
			if (o->restart >= 0)
				p->restart = (enum rel_restart)o->restart;
		}
	}
	return set;
}

static bool port_in_use(const struct supervisor *s, int port)
{
	struct rel_err ignored;

	for (const struct set *set = s->sets; set; set = set->next)
		for (size_t i = 0; i < set->instances.n; i++)
			if (set->instances.v[i]->port == port &&
				set->instances.v[i]->state != REL_STATE_ENDED)
				return true;
	return rel_port_check(port, &ignored) < 0;
}

/* By an instance behind --front, which is not stopped to make room. */
static bool port_is_fronted(const struct supervisor *s, int port)
{
	for (const struct set *set = s->sets; set; set = set->next)
		for (size_t i = 0; i < set->instances.n; i++) {
			const struct instance *inst = set->instances.v[i];

			if (inst->port == port &&
				inst->state != REL_STATE_ENDED &&
				traffic_front(s, instance_type(inst)))
				return true;
		}
	return false;
}

/*
 * Where the supervisor passes the socket it is that one's port. Otherwise the
 * one of the formula; the lowest of the type's hundred that is free, if that is
 * not, behind --front, where nobody else has to know it, and where a
 * predecessor of another type behind --front has it.
 */
int set_port(const struct set *set, size_t type, int n)
{
	struct supervisor *s = set->sup;
	const char *name = set->target.processes.v[type].type;
	int first = rel_port_of(&set->target.processes, set->port, name, 1);
	int port = rel_port_of(&set->target.processes, set->port, name, n);

	for (size_t i = 0; i < s->how->listen_n; i++)
		if (!strcmp(s->how->listen[i].type, name))
			return s->how->listen[i].port;
	if (!traffic_front(s, name) && !port_is_fronted(s, port))
		return port;
	if (!port_in_use(s, port))
		return port;
	for (int k = 0; k < REL_MOST_INSTANCES; k++)
		if (!port_in_use(s, first + k))
			return first + k;
	return 0;
}

static struct instance *find(const struct set *set, size_t type, int n)
{
	for (size_t i = 0; i < set->instances.n; i++)
		if (set->instances.v[i]->type == type &&
			set->instances.v[i]->n == n)
			return set->instances.v[i];
	return NULL;
}

/* In the order of the Procfile, then of their numbers. */
static void insert(struct set *set, struct instance *new)
{
	size_t at = set->instances.n;

	rel_vec_push(&set->instances, new);
	for (; at > 0; at--) {
		struct instance *before = set->instances.v[at - 1];

		if (before->type < new->type ||
			(before->type == new->type && before->n < new->n))
			break;
		set->instances.v[at] = before;
	}
	set->instances.v[at] = new;
}

void set_fill(struct set *set, size_t type, int n)
{
	for (int k = 1; k <= n; k++)
		if (!find(set, type, k))
			insert(set, instance_new(set, type, k,
					    set_port(set, type, k)));
}

void set_input(struct set *set, enum rel_input in)
{
	for (size_t i = 0; i < set->instances.n; i++)
		instance_input(set->instances.v[i], in);
}

bool set_runs(const struct set *set)
{
	for (size_t i = 0; i < set->instances.n; i++)
		if (set->instances.v[i]->state != REL_STATE_ENDED &&
			set->instances.v[i]->state != REL_STATE_IDLE)
			return true;
	return false;
}

void set_free(struct set *set)
{
	for (size_t i = 0; i < set->instances.n; i++)
		instance_free(set->instances.v[i]);
	rel_vec_free(&set->instances);
	rel_target_done(&set->target);
	free(set);
}

/* Ended, and more than the formation has. */
static bool is_surplus(const struct set *set, const struct instance *i)
{
	const char *type = set->target.processes.v[i->type].type;

	return i->state == REL_STATE_ENDED && !set->temporary &&
	       i->n > rel_formation_get(&set->sup->formation, type, 0);
}

void sets_tidy(struct supervisor *s)
{
	struct set **at = &s->sets;

	while (*at) {
		struct set *set = *at;
		size_t kept = 0;

		for (size_t i = 0; i < set->instances.n; i++) {
			struct instance *inst = set->instances.v[i];

			if (is_surplus(set, inst))
				instance_free(inst);
			else
				set->instances.v[kept++] = inst;
		}
		set->instances.n = kept;
		/* The first one is what runs, even if nothing of it does. */
		if (set != s->sets && !set->temporary && !set_runs(set)) {
			*at = set->next;
			set_free(set);
		} else {
			at = &set->next;
		}
	}
}

static void scale_type(struct set *set, size_t type, int was, int n)
{
	set_fill(set, type, n);
	for (size_t i = 0; i < set->instances.n; i++) {
		struct instance *inst = set->instances.v[i];

		if (inst->type != type)
			continue;
		if (inst->n > n)
			traffic_drain(inst, REL_INPUT_STOP);
		else if (inst->n > was)
			traffic_keep(inst);
	}
}

void scale_to(struct supervisor *s, const struct rel_formation *f)
{
	struct set *set = s->sets;

	for (size_t t = 0; t < set->target.processes.n; t++) {
		const char *type = set->target.processes.v[t].type;
		int was = rel_formation_get(&s->formation, type, 0);
		int n = rel_formation_get(f, type, was);

		if (n == was)
			continue;
		rel_formation_set(&s->formation, type, n);
		scale_type(set, t, was, n);
	}
	traffic_update(s);
}
