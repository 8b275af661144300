/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/run/state.h - the life of one instance: a table of states and inputs.
 * Pure: makes no call, knows no clock and no process. Stage run.
 */
#ifndef REL_RUN_STATE_H
#define REL_RUN_STATE_H

#include "config/policy.h"

#include <stdbool.h>
#include <stdint.h>

enum rel_state {
	REL_STATE_IDLE,	     /* never started */
	REL_STATE_STARTING,  /* runs, not ready yet */
	REL_STATE_UP,	     /* ready */
	REL_STATE_STOPPING,  /* told to stop, for good */
	REL_STATE_RECYCLING, /* told to stop, to be started again */
	REL_STATE_WAITING,   /* for the back-off to pass */
	REL_STATE_ENDED,     /* will not be started by itself */
	REL_STATE_N,
};
const char *rel_state_name(enum rel_state s); /* "starting" */

enum rel_input {
	REL_INPUT_START,
	REL_INPUT_READY,
	REL_INPUT_SICK,	      /* liveness failed */
	REL_INPUT_EXIT_AGAIN, /* it ended, and is to be started again */
	REL_INPUT_EXIT_FINAL, /* it ended, and its policy says no, or gives up
			       */
	REL_INPUT_TIMER, /* the one that is armed: start, grace or back-off */
	REL_INPUT_STOP,
	REL_INPUT_RESTART, /* somebody asked for it */
	REL_INPUT_KILL,	   /* stop, without grace */
	REL_INPUT_N,
};

/* What the supervisor does, in the order of the bits. */
enum rel_act {
	REL_ACT_DISARM = 1 << 0,
	REL_ACT_DOWN = 1 << 1, /* take it out of traffic */
	REL_ACT_SIGNAL = 1 << 2,
	REL_ACT_KILL = 1 << 3, /* its whole tree */
	REL_ACT_SPAWN = 1 << 4,
	REL_ACT_ARM_START = 1 << 5,
	REL_ACT_ARM_GRACE = 1 << 6,
	REL_ACT_ARM_BACKOFF = 1 << 7,
	REL_ACT_UP = 1 << 8,   /* put it into traffic */
	REL_ACT_LATE = 1 << 9, /* say that it did not get ready in time */
	REL_ACT_ENDED = 1 << 10,
};

struct rel_step {
	enum rel_state next;
	unsigned acts;
};
/* An input that comes of an act (nothing could be spawned) is for after all
 * acts of the step. */
struct rel_step rel_state_step(enum rel_state s, enum rel_input in);

/* True while there is a process (starting, up, stopping, recycling). */
bool rel_state_runs(enum rel_state s);

/*
 * When to start again: 1 s, doubled each time to 60 s, from the beginning
 * after 60 s up; given up at the 10th end within 10 minutes. { 0 } before, and
 * again when somebody asks for a start.
 */
#define REL_BACKOFF_FIRST_MS 1000
#define REL_BACKOFF_MOST_MS 60000
#define REL_BACKOFF_RESET_MS 60000
#define REL_BACKOFF_ENDS 10
#define REL_BACKOFF_WINDOW_MS 600000
struct rel_backoff {
	int64_t ends_ms[REL_BACKOFF_ENDS]; /* the latest, a ring */
	size_t n;			   /* how many in all */
	int64_t delay_ms;		   /* the last one */
};
/*
 * It ended at ${now_ms} (monotonic) with ${status} after ${lived_ms}: the
 * input for the table, and in *ret_delay_ms how long to wait (0 with
 * REL_INPUT_EXIT_FINAL). An end that was asked for by RESTART, or by START in
 * stopping, is none of these: it is REL_INPUT_EXIT_AGAIN without delay. After
 * SICK or LATE it is a failure, whatever its status.
 */
enum rel_input rel_backoff_ended(struct rel_backoff *b,
	enum rel_restart restart, int status, int64_t lived_ms, int64_t now_ms,
	int64_t *ret_delay_ms);

#endif
