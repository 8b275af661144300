/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/sandbox/fds.c - which descriptors a keeper and its process have. Whatever
 * else relctl has open is not theirs: locks, sockets, log pipes.
 */
#include "base/mem.h"
#include "sandbox/keeper.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static int close_all_but(int *keep, size_t n)
{
	unsigned from = 3;

	qsort(keep, n, sizeof(*keep), by_number);
	for (size_t i = 0; i < n; i++) {
		unsigned fd = (unsigned)keep[i];

		if (keep[i] < (int)from)
			continue;
		if (fd > from && syscall(SYS_close_range, from, fd - 1, 0u) < 0)
			return -1;
		from = fd + 1;
	}
	return (int)syscall(SYS_close_range, from, ~0u, 0u);
}

int rel_fds_close_others(const struct rel_keeper *k)
{
	const struct rel_spawn *how = k->how;
	int *keep = rel_alloc((how->listen_n + 7) * sizeof(*keep));
	size_t n = 0;
	int r;

	keep[n++] = k->link;
	keep[n++] = how->box->tree_fd;
	keep[n++] = k->landlock;
	keep[n++] = k->tmp;
	keep[n++] = how->in;
	keep[n++] = how->out;
	keep[n++] = how->err;
	for (size_t i = 0; i < how->listen_n; i++)
		keep[n++] = how->listen[i];
	r = close_all_but(keep, n);
	free(keep);
	return r;
}

int rel_fds_arrange(const struct rel_spawn *how, int *pipe_fd)
{
	int base = 64 + (int)how->listen_n, n = 0;
	int from[3] = { how->in, how->out, how->err };

	/* Out of the way first, so that none is overwritten. */
	*pipe_fd = fcntl(*pipe_fd, F_DUPFD_CLOEXEC, base);
	for (int i = 0; i < 3; i++)
		from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, base);
	for (size_t i = 0; i < how->listen_n; i++, n++) {
		int fd = fcntl(how->listen[i], F_DUPFD_CLOEXEC, base);

		if (fd < 0 || dup2(fd, base - 1 - (int)how->listen_n + n) < 0)
			return -1;
	}
	for (int i = 0; i < 3; i++)
		if (from[i] < 0 || dup2(from[i], i) < 0)
			return -1;
	for (n = 0; n < (int)how->listen_n; n++)
		if (dup2(base - 1 - (int)how->listen_n + n, 3 + n) < 0)
			return -1;
	if (*pipe_fd < 0 || dup3(*pipe_fd, 3 + n, O_CLOEXEC) < 0)
		return -1;
	*pipe_fd = 3 + n;
	return (int)syscall(SYS_close_range, (unsigned)*pipe_fd + 1, ~0u, 0u);
}
