/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/run/loop.c - see loop.h. Watches are places in one vector; a place that
 * was forgotten keeps its number until the turn has ended, so that what poll
 * told of the old fd is never taken for news of a new one with its number.
 */
#include "run/loop.h"

#include "base/clock.h"
#include "base/vec.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <time.h>

struct watch {
	int fd; /* -1: forgotten */
	short events;
	rel_loop_fn *fn;
	void *arg;
};

struct rel_loop {
	REL_VEC(struct watch) watches;
	REL_VEC(struct pollfd) polled;
	struct rel_timer *timers; /* by time; of equal ones the older first */
	struct rel_timer *due;	  /* those that this turn still has to call */
	bool turning;
};

struct rel_loop *rel_loop_new(void)
{
	return rel_alloc(sizeof(struct rel_loop));
}

void rel_loop_freep(struct rel_loop **lp)
{
	struct rel_loop *l = *lp;

	if (!l)
		return;
	assert(!l->turning);
	rel_vec_free(&l->watches);
	rel_vec_free(&l->polled);
	free(l);
	*lp = NULL;
}

static struct watch *find_watch(const struct rel_loop *l, int fd)
{
	for (size_t i = 0; i < l->watches.n; i++)
		if (l->watches.v[i].fd == fd)
			return &l->watches.v[i];
	return NULL;
}

void rel_loop_watch(
	struct rel_loop *l, int fd, short events, rel_loop_fn *fn, void *arg)
{
	struct watch *w = find_watch(l, fd);

	assert(fd >= 0);
	if (!w) {
		rel_vec_more(&l->watches);
		w = &l->watches.v[l->watches.n - 1];
	}
	*w = (struct watch){ .fd = fd, .events = events, .fn = fn, .arg = arg };
}

void rel_loop_forget(struct rel_loop *l, int fd)
{
	struct watch *w = fd < 0 ? NULL : find_watch(l, fd);

	if (w)
		w->fd = -1;
}

static bool take_out(struct rel_timer **list, const struct rel_timer *t)
{
	for (; *list; list = &(*list)->next)
		if (*list == t) {
			*list = t->next;
			return true;
		}
	return false;
}

void rel_loop_disarm(struct rel_loop *l, struct rel_timer *t)
{
	if (!t->armed)
		return;
	if (!take_out(&l->timers, t))
		take_out(&l->due, t);
	t->armed = false;
	t->next = NULL;
}

void rel_loop_arm(struct rel_loop *l, struct rel_timer *t, int64_t at_ms,
	void (*fn)(void *arg), void *arg)
{
	struct rel_timer **place = &l->timers;

	rel_loop_disarm(l, t);
	while (*place && (*place)->at_ms <= at_ms)
		place = &(*place)->next;
	*t = (struct rel_timer){
		.at_ms = at_ms,
		.armed = true,
		.fn = fn,
		.arg = arg,
		.next = *place,
	};
	*place = t;
}

/* Let the places of the forgotten go; the order stays. */
static void prepare(struct rel_loop *l)
{
	size_t n = 0;

	l->polled.n = 0;
	for (size_t i = 0; i < l->watches.n; i++) {
		struct watch w = l->watches.v[i];

		if (w.fd < 0)
			continue;
		l->watches.v[n++] = w;
		/* poll passes over a negative fd, also over its POLLHUP. */
		rel_vec_push(&l->polled, ((struct pollfd){
						 .fd = w.events ? w.fd : -1,
						 .events = w.events,
					 }));
	}
	l->watches.n = n;
}

static void call_watches(struct rel_loop *l)
{
	const short always = POLLERR | POLLHUP | POLLNVAL;

	for (size_t i = 0; i < l->polled.n; i++) {
		struct watch w = l->watches.v[i];
		short revents = l->polled.v[i].revents;

		/* One that was called before may have changed this one. */
		revents &= (short)(w.events | always);
		if (w.fd >= 0 && w.events && revents)
			w.fn(w.arg, w.fd, revents);
	}
}

/* A timer that is armed by one of these is for the next turn, even at once. */
static void call_timers(struct rel_loop *l)
{
	int64_t now = rel_monotonic_ms();
	struct rel_timer **end = &l->timers, *rest;

	while (*end && (*end)->at_ms <= now)
		end = &(*end)->next;
	rest = *end;
	*end = NULL;
	l->due = l->timers;
	l->timers = rest;
	while (l->due) {
		struct rel_timer *t = l->due;

		rel_loop_disarm(l, t);
		t->fn(t->arg);
	}
}

int rel_loop_turn(struct rel_loop *l, struct rel_err *err)
{
	struct timespec wait = { 0 };
	int n;

	assert(!l->turning);
	prepare(l);
	if (l->timers) {
		int64_t ms = l->timers->at_ms - rel_monotonic_ms();

		if (ms > 0) {
			wait.tv_sec = (time_t)(ms / 1000);
			wait.tv_nsec = (long)(ms % 1000 * 1000000);
		}
	}
	n = ppoll(l->polled.v, l->polled.n, l->timers ? &wait : NULL, NULL);
	if (n < 0 && errno != EINTR)
		return rel_fail_os(err, "wait for events");
	l->turning = true;
	if (n > 0)
		call_watches(l);
	call_timers(l);
	l->turning = false;
	return 0;
}
