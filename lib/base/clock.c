/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t rel_now_ms(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t rel_monotonic_ms(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

struct rel_time_text rel_time_format(int64_t ms)
{
	struct rel_time_text text = { "" };
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;

	if (gmtime_r(&seconds, &tm))
		strftime(text.s, sizeof(text.s), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return text;
}
