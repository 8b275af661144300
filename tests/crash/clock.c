/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/crash/clock.c - a clock that is RELCTL_CLOCK_BACK seconds slow, put
 * before a program with LD_PRELOAD: gc keeps what is younger than a day.
 */
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t id, struct timespec *t)
{
	const char *back = getenv("RELCTL_CLOCK_BACK");
	int r = (int)syscall(SYS_clock_gettime, id, t);

	if (r == 0 && id == CLOCK_REALTIME && back)
		t->tv_sec -= atol(back);
	return r;
}
