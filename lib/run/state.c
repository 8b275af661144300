/* SPDX-License-Identifier: Apache-2.0 */
#include "run/state.h"

#include <assert.h>
#include <stddef.h>

#define BEGIN (REL_ACT_SPAWN | REL_ACT_ARM_START)
#define ASK (REL_ACT_SIGNAL | REL_ACT_ARM_GRACE)
#define END (REL_ACT_DISARM | REL_ACT_ENDED)

/*
 * Nothing becomes idle again. So a cell that is left out, which is all zero,
 * says: the state stays, and there is nothing to do.
 *
 * There is one timer. It runs in starting, waiting, and after SIGNAL until it
 * has passed; to arm it again replaces it. KILL takes it away: what it would
 * lead to has been done.
 */
static const struct rel_step table[REL_STATE_N][REL_INPUT_N] = {
	/* A restart is for what was started before: START alone begins. */
	[REL_STATE_IDLE] = {
		[REL_INPUT_START]      = { REL_STATE_STARTING, BEGIN },
		[REL_INPUT_STOP]       = { REL_STATE_ENDED, REL_ACT_ENDED },
		[REL_INPUT_KILL]       = { REL_STATE_ENDED, REL_ACT_ENDED },
	},
	[REL_STATE_STARTING] = {
		[REL_INPUT_READY]      = { REL_STATE_UP,
			REL_ACT_DISARM | REL_ACT_UP },
		[REL_INPUT_SICK]       = { REL_STATE_RECYCLING, ASK },
		[REL_INPUT_EXIT_AGAIN] = { REL_STATE_WAITING,
			REL_ACT_ARM_BACKOFF },
		[REL_INPUT_EXIT_FINAL] = { REL_STATE_ENDED, END },
		[REL_INPUT_TIMER]      = { REL_STATE_RECYCLING,
			REL_ACT_LATE | ASK },
		[REL_INPUT_STOP]       = { REL_STATE_STOPPING, ASK },
		[REL_INPUT_RESTART]    = { REL_STATE_RECYCLING, ASK },
		[REL_INPUT_KILL]       = { REL_STATE_STOPPING,
			REL_ACT_DISARM | REL_ACT_KILL },
	},
	/* No timer runs here. Whatever leads out takes it out of traffic. */
	[REL_STATE_UP] = {
		[REL_INPUT_SICK]       = { REL_STATE_RECYCLING,
			REL_ACT_DOWN | ASK },
		[REL_INPUT_EXIT_AGAIN] = { REL_STATE_WAITING,
			REL_ACT_DOWN | REL_ACT_ARM_BACKOFF },
		[REL_INPUT_EXIT_FINAL] = { REL_STATE_ENDED,
			REL_ACT_DOWN | REL_ACT_ENDED },
		[REL_INPUT_STOP]       = { REL_STATE_STOPPING,
			REL_ACT_DOWN | ASK },
		[REL_INPUT_RESTART]    = { REL_STATE_RECYCLING,
			REL_ACT_DOWN | ASK },
		[REL_INPUT_KILL]       = { REL_STATE_STOPPING,
			REL_ACT_DOWN | REL_ACT_KILL },
	},
	/*
	 * Wanted again before it is gone: it is started when it is, with the
	 * grace that it has left. RESTART does not do that: it goes to all
	 * instances of a type, and one that leaves the formation stays away.
	 */
	[REL_STATE_STOPPING] = {
		[REL_INPUT_START]      = { REL_STATE_RECYCLING, 0 },
		[REL_INPUT_EXIT_AGAIN] = { REL_STATE_ENDED, END },
		[REL_INPUT_EXIT_FINAL] = { REL_STATE_ENDED, END },
		[REL_INPUT_TIMER]      = { REL_STATE_STOPPING, REL_ACT_KILL },
		[REL_INPUT_KILL]       = { REL_STATE_STOPPING,
			REL_ACT_DISARM | REL_ACT_KILL },
	},
	/* STOP has nothing to do: the signal is sent, and the timer runs. */
	[REL_STATE_RECYCLING] = {
		[REL_INPUT_EXIT_AGAIN] = { REL_STATE_WAITING,
			REL_ACT_ARM_BACKOFF },
		[REL_INPUT_EXIT_FINAL] = { REL_STATE_ENDED, END },
		[REL_INPUT_TIMER]      = { REL_STATE_RECYCLING, REL_ACT_KILL },
		[REL_INPUT_STOP]       = { REL_STATE_STOPPING, 0 },
		[REL_INPUT_KILL]       = { REL_STATE_STOPPING,
			REL_ACT_DISARM | REL_ACT_KILL },
	},
	[REL_STATE_WAITING] = {
		[REL_INPUT_START]      = { REL_STATE_STARTING, BEGIN },
		[REL_INPUT_TIMER]      = { REL_STATE_STARTING, BEGIN },
		[REL_INPUT_STOP]       = { REL_STATE_ENDED, END },
		[REL_INPUT_RESTART]    = { REL_STATE_STARTING, BEGIN },
		[REL_INPUT_KILL]       = { REL_STATE_ENDED, END },
	},
	[REL_STATE_ENDED] = {
		[REL_INPUT_START]      = { REL_STATE_STARTING, BEGIN },
		[REL_INPUT_RESTART]    = { REL_STATE_STARTING, BEGIN },
	},
};

const char *rel_state_name(enum rel_state s)
{
	static const char *const names[REL_STATE_N] = {
		[REL_STATE_IDLE] = "idle",
		[REL_STATE_STARTING] = "starting",
		[REL_STATE_UP] = "up",
		[REL_STATE_STOPPING] = "stopping",
		[REL_STATE_RECYCLING] = "recycling",
		[REL_STATE_WAITING] = "waiting",
		[REL_STATE_ENDED] = "ended",
	};

	assert(s < REL_STATE_N);
	return names[s];
}

struct rel_step rel_state_step(enum rel_state s, enum rel_input in)
{
	struct rel_step step;

	assert(s < REL_STATE_N && in < REL_INPUT_N);
	step = table[s][in];
	if (step.next == REL_STATE_IDLE)
		step.next = s;
	return step;
}

bool rel_state_runs(enum rel_state s)
{
	return s == REL_STATE_STARTING || s == REL_STATE_UP ||
	       s == REL_STATE_STOPPING || s == REL_STATE_RECYCLING;
}

static int64_t next_delay(int64_t delay_ms, int64_t lived_ms)
{
	if (delay_ms == 0 || lived_ms >= REL_BACKOFF_RESET_MS)
		return REL_BACKOFF_FIRST_MS;
	if (delay_ms >= REL_BACKOFF_MOST_MS / 2)
		return REL_BACKOFF_MOST_MS;
	return 2 * delay_ms;
}

enum rel_input rel_backoff_ended(struct rel_backoff *b,
	enum rel_restart restart, int status, int64_t lived_ms, int64_t now_ms,
	int64_t *ret_delay_ms)
{
	int64_t first_ms;

	*ret_delay_ms = 0;
	if (restart == REL_RESTART_NEVER ||
		(restart == REL_RESTART_ON_FAILURE && status == 0))
		return REL_INPUT_EXIT_FINAL;

	b->ends_ms[b->n++ % REL_BACKOFF_ENDS] = now_ms;
	/* The place of the next end holds the oldest of the last ten. */
	first_ms = b->ends_ms[b->n % REL_BACKOFF_ENDS];
	if (b->n >= REL_BACKOFF_ENDS &&
		now_ms - first_ms <= REL_BACKOFF_WINDOW_MS)
		return REL_INPUT_EXIT_FINAL;

	b->delay_ms = next_delay(b->delay_ms, lived_ms);
	*ret_delay_ms = b->delay_ms;
	return REL_INPUT_EXIT_AGAIN;
}
