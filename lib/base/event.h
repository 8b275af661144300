/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/base/event.h - how the silent library speaks: through its caller.
 * Floor 0. A NULL struct rel_events is silence.
 */
#ifndef REL_BASE_EVENT_H
#define REL_BASE_EVENT_H

#include "base/err.h"

#include <stdint.h>

struct rel_events {
	/* Something the user should know; one line, no full stop. */
	void (*notice)(void *arg, const char *text);
	/* ${done} of ${total} (0: not known) bytes of ${what}. */
	void (*progress)(
		void *arg, const char *what, uint64_t done, uint64_t total);
	void *arg;
};

void rel_notice(const struct rel_events *ev, const char *fmt, ...)
	REL_PRINTF(2, 3);
void rel_progress(const struct rel_events *ev, const char *what, uint64_t done,
	uint64_t total);

#endif
