/* SPDX-License-Identifier: Apache-2.0 */
/*
 * haste.c - the monotonic clock runs RELCTL_HASTE times as fast, and ppoll
 * waits as much less. Put before the supervisor with LD_PRELOAD: a test does
 * not have the four minutes until it gives an instance up.
 */
/* It would make an inline function of the ppoll that is defined here. */
#undef _FORTIFY_SOURCE

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long long haste(void)
{
	const char *text = getenv("RELCTL_HASTE");
	long long n = text ? atoll(text) : 1;

	return n > 0 ? n : 1;
}

static struct timespec spec(long long ns)
{
	return (struct timespec){ .tv_sec = (time_t)(ns / 1000000000),
		.tv_nsec = (long)(ns % 1000000000) };
}

static long long nanoseconds(const struct timespec *t)
{
	return (long long)t->tv_sec * 1000000000 + t->tv_nsec;
}

int clock_gettime(clockid_t id, struct timespec *ret)
{
	static long long begin;
	int r = (int)syscall(SYS_clock_gettime, id, ret);

	if (r < 0 || id != CLOCK_MONOTONIC)
		return r;
	if (begin == 0)
		begin = nanoseconds(ret);
	*ret = spec(begin + (nanoseconds(ret) - begin) * haste());
	return 0;
}

int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *wait,
	const sigset_t *mask)
{
	struct timespec less;

	if (wait)
		less = spec(nanoseconds(wait) / haste());
	return (int)syscall(
		SYS_ppoll, fds, n, wait ? &less : NULL, mask, _NSIG / 8);
}
