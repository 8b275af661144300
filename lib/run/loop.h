/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/run/loop.h - the one ppoll loop of the supervisor. Stage run.
 */
#ifndef REL_RUN_LOOP_H
#define REL_RUN_LOOP_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct rel_loop;

/* ${revents} as of poll(2). A function may watch and forget whatever it
 * likes, itself included. */
typedef void rel_loop_fn(void *arg, int fd, short revents);

struct rel_loop *rel_loop_new(void);
void rel_loop_freep(struct rel_loop **l);

/* Call ${fn} when ${fd} has one of ${events}. Watching a fd again changes its
 * events; events 0 keep the place, without POLLHUP and POLLERR. */
void rel_loop_watch(
	struct rel_loop *l, int fd, short events, rel_loop_fn *fn, void *arg);
/* Before the fd is closed. One that is not watched is fine. */
void rel_loop_forget(struct rel_loop *l, int fd);

/* A timer lives in its owner; { 0 } before. */
struct rel_timer {
	int64_t at_ms; /* monotonic */
	bool armed;
	void (*fn)(void *arg);
	void *arg;
	struct rel_timer *next;
};
/* Once, at ${at_ms}; arming it again moves it. */
void rel_loop_arm(struct rel_loop *l, struct rel_timer *t, int64_t at_ms,
	void (*fn)(void *arg), void *arg);
/* Before its owner goes. One that is not armed is fine. */
void rel_loop_disarm(struct rel_loop *l, struct rel_timer *t);

/* Wait once, at most until the next timer, and call what is due. Errors:
 * REL_EIO. */
int rel_loop_turn(struct rel_loop *l, struct rel_err *err) REL_CHECK;

#endif
