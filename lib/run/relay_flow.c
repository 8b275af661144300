/* SPDX-License-Identifier: Apache-2.0 */
#include "run/relay_flow.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK ((size_t)1 << 20)
/* Less than this in one step: the sender has no more for the moment. */
#define MORE ((ssize_t)8192)
/* Then it is another connection's turn. */
#define STEPS 8

static int take_pipe(struct rel_pipes *pipes, int ret[2])
{
	if (pipes->n == 0)
		return pipe2(ret, O_CLOEXEC | O_NONBLOCK);
	memcpy(ret, pipes->v[--pipes->n], sizeof(pipes->v[0]));
	return 0;
}

static void give_pipe(struct rel_pipes *pipes, const int p[2])
{
	if (pipes->n < sizeof(pipes->v) / sizeof(*pipes->v)) {
		memcpy(pipes->v[pipes->n++], p, sizeof(pipes->v[0]));
		return;
	}
	close(p[0]);
	close(p[1]);
}

static ssize_t move(int from, int to, size_t n)
{
	ssize_t r;

	do
		r = splice(from, NULL, to, NULL, n,
			SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	while (r < 0 && errno == EINTR);
	return r;
}

/* Into an empty pipe. Returns the bytes, 0 at the end, -1 with errno. */
static ssize_t fill(struct rel_flow *f, int from, struct rel_pipes *pipes)
{
	ssize_t n;

	if (take_pipe(pipes, f->pipe) < 0)
		return -1;
	n = move(from, f->pipe[1], CHUNK);
	if (n > 0) {
		f->held = (size_t)n;
	} else {
		int e = errno;

		give_pipe(pipes, f->pipe);
		errno = e;
	}
	return n;
}

enum rel_flow_end rel_flow_move(
	struct rel_flow *f, int from, int to, struct rel_pipes *pipes)
{
	for (int step = 0; step < STEPS && !f->done; step++) {
		ssize_t taken = MORE, n;

		if (f->held == 0)
			taken = fill(f, from, pipes);
		if (taken < 0)
			return errno == EAGAIN ? REL_FLOW_ON : REL_FLOW_LOST;
		if (taken == 0) {
			shutdown(to, SHUT_WR);
			f->done = true;
			break;
		}
		n = move(f->pipe[0], to, f->held);
		if (n <= 0)
			return n < 0 && errno == EAGAIN ? REL_FLOW_ON
							: REL_FLOW_SHUT;
		f->held -= (size_t)n;
		if (f->held == 0)
			give_pipe(pipes, f->pipe);
		else
			break;
		if (taken < MORE)
			break;
	}
	return REL_FLOW_ON;
}

void rel_flow_drop(struct rel_flow *f)
{
	/* What is in the pipe belongs to nobody else, so it is not reused. */
	if (f->held > 0) {
		close(f->pipe[0]);
		close(f->pipe[1]);
	}
	f->held = 0;
	f->done = true;
}
