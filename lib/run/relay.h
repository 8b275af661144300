/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/run/relay.h - --front: a TCP relay in a child process. It accepts on one
 * socket and passes each connection to the ready instance that has the fewest,
 * by splice(2). Stage run.
 *
 * A connection that no instance takes (refused, none ready) waits, up to 10 s,
 * for one that does: while a set is exchanged or an instance restarts, clients
 * see a delay and not an error. A backend that is taken away gets no new
 * connections; those it has go on until they end.
 */
#ifndef REL_RUN_RELAY_H
#define REL_RUN_RELAY_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct rel_relay {
	pid_t pid;
	int pidfd;	 /* -1: there is none */
	int link;	 /* readable when it has something to say */
	uint32_t number; /* of the last order */
	uint32_t *last;	 /* by port: the last order with it */
};
#define REL_RELAY_NONE                                                         \
	{                                                                      \
		.pidfd = -1, .link = -1                                        \
	}

/*
 * Start it for ${listen_fd} (kept open here too; it gets non-blocking). It ends
 * with relctl. It has no other fd of relctl's, and no privilege. At most 10,000
 * connections at once, fewer where the hard limit of open files is below 60,008
 * (a sixth of it); more stay in the socket's backlog until some have ended.
 */
int rel_relay_start(
	int listen_fd, struct rel_relay *ret, struct rel_err *err) REL_CHECK;

/* The ports (127.0.0.1) that take new connections from now on; at most 100 at
 * once. Does not wait. Errors: REL_EINVALID (more), REL_EIO (it is gone). */
int rel_relay_set(struct rel_relay *r, const int *ports, size_t n,
	struct rel_err *err) REL_CHECK;

/*
 * Read one message, without waiting: the port of a backend that was taken away
 * and has no connection any more, 0 when there is nothing to read, -1 when the
 * relay is gone.
 */
int rel_relay_drained(struct rel_relay *r);

/* Stop accepting; connections that are there get until ${grace_ms}, then it is
 * killed. Waits, and reaps it. None is fine. */
void rel_relay_stop(struct rel_relay *r, int64_t grace_ms);

#endif
