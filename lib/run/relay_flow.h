/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/run/relay_flow.h - the bytes of one direction of a relayed connection,
 * by splice(2): they never enter this process. Stage run, in the relay alone.
 */
#ifndef REL_RUN_RELAY_FLOW_H
#define REL_RUN_RELAY_FLOW_H

#include <stdbool.h>
#include <stddef.h>

/* Pipes that wait for the next flow that has something to carry. */
struct rel_pipes {
	int v[64][2];
	size_t n;
};

/*
 * A pipe is held from the first byte that is taken to the last that is given
 * on, so an idle connection has none. As long as it holds something nothing
 * more is taken: a slow reader fills one pipe, and slows its own sender down.
 */
struct rel_flow {
	int pipe[2];
	size_t held; /* bytes in the pipe; 0: there is no pipe */
	bool done;   /* nothing more will pass */
};

enum rel_flow_end {
	REL_FLOW_ON,   /* goes on when a socket is ready again, or is done */
	REL_FLOW_LOST, /* ${from} was reset (or there are no pipes) */
	REL_FLOW_SHUT, /* ${to} takes nothing any more */
};

/* Move what can be moved without waiting, in a bounded number of steps. The
 * end of ${from} is passed on to ${to}. */
enum rel_flow_end rel_flow_move(
	struct rel_flow *f, int from, int to, struct rel_pipes *pipes);

/* Forget what is held. The flow is done. */
void rel_flow_drop(struct rel_flow *f);

#endif
