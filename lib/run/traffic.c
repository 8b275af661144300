/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/run/traffic.c - who gets the connections: the sockets of --listen, which
 * the instances share, and the relays of --front.
 */
#include "base/clock.h"
#include "run/set.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

/* The processes of a supervisor that was killed are gone after that. */
#define PORT_WAIT_MS 1000
#define PORT_TRY_MS 20

#define LAST_BYTES_MS 1000

struct front *traffic_front(const struct supervisor *s, const char *type)
{
	for (size_t i = 0; i < s->how->front_n; i++)
		if (!strcmp(s->how->front[i].type, type))
			return &s->fronts[i];
	return NULL;
}

bool traffic_listens(const struct supervisor *s, const char *type)
{
	for (size_t i = 0; i < s->how->listen_n; i++)
		if (!strcmp(s->how->listen[i].type, type))
			return true;
	return false;
}

static void drained(struct instance *i)
{
	rel_loop_disarm(i->set->sup->loop, &i->drain_timer);
	i->draining = false;
	instance_input(i, i->after_drain);
}

static void drained_port(struct supervisor *s, const char *type, int port)
{
	for (struct set *set = s->sets; set; set = set->next)
		for (size_t k = 0; k < set->instances.n; k++) {
			struct instance *i = set->instances.v[k];

			if (i->draining && i->port == port &&
				!strcmp(instance_type(i), type)) {
				drained(i);
				return;
			}
		}
}

static void on_relay(void *arg, int fd, short revents)
{
	struct front *f = arg;
	struct supervisor *s = f->sup;
	struct rel_err err = REL_ERR_INIT;
	int port;

	(void)revents;
	while ((port = rel_relay_drained(&f->relay)) > 0)
		drained_port(s, f->at->type, port);
	if (port == 0)
		return;
	/* It can only have crashed. Its listening socket is here too. */
	rel_loop_forget(s->loop, fd);
	rel_relay_stop(&f->relay, 0);
	say_event(s, NULL, "error", "relay-restarted", -1,
		"the relay for '%s' has ended: it is started again",
		f->at->type);
	if (rel_relay_start(f->at->fd, &f->relay, &err) == 0)
		rel_loop_watch(s->loop, f->relay.link, POLLIN, on_relay, f);
	else
		say_event(s, NULL, "error", "relay-failed", -1, "%s", err.msg);
	traffic_update(s);
}

/* Wait a moment when ${r} says that a port is taken, until ${until_ms}. */
static bool is_soon_free(int r, int64_t until_ms)
{
	if (r != -REL_EBUSY || rel_monotonic_ms() >= until_ms)
		return false;
	poll(NULL, 0, PORT_TRY_MS);
	return true;
}

int traffic_check(const struct supervisor *s, struct rel_err *err)
{
	const struct set *set = s->sets;
	int64_t until_ms = rel_monotonic_ms() + PORT_WAIT_MS;
	int r = 0;

	for (size_t k = 0; r == 0 && k < set->instances.n; k++) {
		const struct instance *i = set->instances.v[k];

		if (i->port == 0)
			return rel_fail(err, REL_EUSAGE,
				"no port is left for %s: base %d is too high",
				i->name, set->port);
		if (traffic_listens(s, instance_type(i)))
			continue;
		do
			r = rel_port_check(i->port, err);
		while (is_soon_free(r, until_ms));
		if (r < 0)
			return rel_wrap(err, "%s", i->name);
	}
	return r;
}

static int listen_at(struct rel_endpoint *all, size_t n, int64_t until_ms,
	struct rel_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		do
			r = rel_endpoint_listen(&all[i], err);
		while (is_soon_free(r, until_ms));
	return r;
}

int traffic_open(struct supervisor *s, struct rel_err *err)
{
	int64_t until_ms = rel_monotonic_ms() + PORT_WAIT_MS;
	int r;

	s->fronts = rel_alloc((s->how->front_n + 1) * sizeof(*s->fronts));
	for (size_t i = 0; i < s->how->front_n; i++)
		s->fronts[i] = (struct front){ .at = &s->how->front[i],
			.relay = REL_RELAY_NONE,
			.sup = s };
	r = listen_at(s->how->listen, s->how->listen_n, until_ms, err);
	/* As systemd does without NonBlocking=: not every program asks. */
	for (size_t i = 0; r == 0 && i < s->how->listen_n; i++)
		fcntl(s->how->listen[i].fd, F_SETFL, 0);
	if (r == 0)
		r = listen_at(s->how->front, s->how->front_n, until_ms, err);
	for (size_t i = 0; r == 0 && i < s->how->front_n; i++) {
		struct front *f = &s->fronts[i];

		r = rel_relay_start(f->at->fd, &f->relay, err);
		if (r == 0)
			rel_loop_watch(
				s->loop, f->relay.link, POLLIN, on_relay, f);
	}
	return r;
}

void traffic_close(struct supervisor *s)
{
	for (size_t i = 0; s->fronts && i < s->how->front_n; i++)
		if (s->fronts[i].relay.pidfd >= 0) {
			rel_loop_forget(s->loop, s->fronts[i].relay.link);
			/* What the instances said last may be on its way. */
			rel_relay_stop(&s->fronts[i].relay, LAST_BYTES_MS);
		}
	free(s->fronts);
	s->fronts = NULL;
}

void traffic_update(struct supervisor *s)
{
	for (size_t f = 0; f < s->how->front_n; f++) {
		int ports[REL_MOST_INSTANCES];
		size_t n = 0;
		struct rel_err err;

		for (struct set *set = s->sets; set; set = set->next)
			for (size_t k = 0; k < set->instances.n; k++) {
				struct instance *i = set->instances.v[k];

				if (set->live && i->state == REL_STATE_UP &&
					!i->draining && i->port &&
					n < REL_MOST_INSTANCES &&
					!strcmp(instance_type(i),
						s->how->front[f].type))
					ports[n++] = i->port;
			}
		/* A relay that is gone says so by itself. */
		if (s->fronts[f].relay.pidfd >= 0 &&
			rel_relay_set(&s->fronts[f].relay, ports, n, &err) < 0)
			continue;
	}
}

static void drain_timeout(void *arg)
{
	drained(arg);
}

void traffic_drain(struct instance *i, enum rel_input in)
{
	struct supervisor *s = i->set->sup;

	if (i->state != REL_STATE_UP || !traffic_front(s, instance_type(i))) {
		instance_input(i, in);
		return;
	}
	if (i->draining) {
		/* Who leaves the formation is not called back by a restart. */
		if (in != REL_INPUT_RESTART)
			i->after_drain = in;
		return;
	}
	i->draining = true;
	i->after_drain = in;
	rel_loop_arm(s->loop, &i->drain_timer,
		rel_monotonic_ms() + instance_policy(i)->grace_ms,
		drain_timeout, i);
	traffic_update(s);
}

void traffic_keep(struct instance *i)
{
	if (i->draining) {
		rel_loop_disarm(i->set->sup->loop, &i->drain_timer);
		i->draining = false;
	} else {
		instance_input(i, REL_INPUT_START);
	}
}
