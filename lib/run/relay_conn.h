/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/run/relay_conn.h - the connections of the relay, and the backends that
 * they are spread over. Stage run, in the relay alone.
 *
 * A connection is WAITING for a backend, CONNECTING to one, or OPEN; nothing
 * is read from the client before it is OPEN, so nothing is lost by trying.
 */
#ifndef REL_RUN_RELAY_CONN_H
#define REL_RUN_RELAY_CONN_H

#include "base/vec.h"
#include "run/relay_flow.h"

#include <stdbool.h>
#include <stdint.h>

/* A backend that refused is left alone for so long. */
#define REL_RELAY_RETRY_MS 20
/* Keys of epoll beneath it are not of connections. */
#define REL_CONN_KEYS 2u

struct rel_backend {
	int port;
	bool in;	       /* takes new connections */
	uint32_t number;       /* of the order that took it away */
	size_t n;	       /* connections, those being made included */
	int64_t not_before_ms; /* it refused */
};

enum rel_conn_state {
	REL_CONN_WAITING,
	REL_CONN_CONNECTING,
	REL_CONN_OPEN,
	REL_CONN_ENDED,
};

struct rel_conn {
	enum rel_conn_state state;
	int fd[2];		 /* the client's, the backend's */
	int mask[2];		 /* what epoll watches; -1: nothing */
	struct rel_flow flow[2]; /* from the client, from the backend */
	bool reset;
	struct rel_backend *to;
	int64_t until_ms;	      /* unless it is OPEN by then */
	struct rel_conn *prev, *next; /* in waiting; next: unused, ended */
};

struct rel_conns {
	int ep;
	int64_t now_ms;	    /* set by the caller */
	struct rel_conn *v; /* max of them; the first fresh were used before */
	size_t max, fresh, live;
	struct rel_conn *unused;
	struct rel_conn *ended;	 /* in this turn: events may still name them */
	struct rel_conn waiting; /* the ring's head; CONNECTING ones too */
	REL_VEC(struct rel_backend *) backends;
	size_t turn;
	bool news; /* a backend may be drained */
	struct rel_pipes pipes;
};

/* ${max} connections at once, watched by ${ep}. */
void rel_conns_init(struct rel_conns *cs, int ep, size_t max);

/* Is there room for one more? Those that ended in this turn hold their place
 * until rel_conns_recycle, at its end. */
bool rel_conns_has_room(const struct rel_conns *cs);
void rel_conns_recycle(struct rel_conns *cs);

/* Take a client's socket. */
void rel_conns_add(struct rel_conns *cs, int fd);

/* Pass on an event of epoll. */
void rel_conns_event(struct rel_conns *cs, uint64_t key, uint32_t events);

/* Look for backends for those that wait, and let go those that waited too
 * long. */
void rel_conns_retry(struct rel_conns *cs);

/* The backends from now on. */
void rel_conns_set(
	struct rel_conns *cs, const int32_t *ports, size_t n, uint32_t number);

#endif
