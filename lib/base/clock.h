/* SPDX-License-Identifier: Apache-2.0 */
/* lib/base/clock.h - time of day. Floor 0. Order never depends on it. */
#ifndef REL_BASE_CLOCK_H
#define REL_BASE_CLOCK_H

#include <stdint.h>

/* Milliseconds since the epoch, and since some point that only grows. */
int64_t rel_now_ms(void);
int64_t rel_monotonic_ms(void);

/* "2026-11-23T05:10:02Z", by value. */
struct rel_time_text {
	char s[32];
};
struct rel_time_text rel_time_format(int64_t ms);

#endif
