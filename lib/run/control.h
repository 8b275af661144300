/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/run/control.h - how commands talk to the supervisor of an app: a unix
 * socket STORE/run/APP.sock, next to STORE/run/APP.lock. Stage run.
 *
 * The lock is a kernel lock (F_SETLK of fcntl(2), which no child inherits) that
 * the supervisor holds for its life, so one that died leaves nothing that could
 * be in the way: who gets the lock may replace the socket. The socket is 0600
 * and the peer must have our uid or be root. A message is a 4-byte big-endian
 * length and that many bytes of JSON; a file descriptor may come with its first
 * byte. A request has "op"; answers have "event" while it goes on, and the last
 * one has "done": true with "exit" (a status as of relctl(1)) and, when that is
 * not 0, "message" and "hint".
 */
#ifndef REL_RUN_CONTROL_H
#define REL_RUN_CONTROL_H

#include "base/json.h"
#include "run/loop.h"

#define REL_CONTROL_LIMIT (8u << 20) /* bytes of a message */

struct rel_control; /* the supervisor's side */
struct rel_client;  /* one connection to it */

struct rel_control_fns {
	/* A request came in: an object with "op". ${fd} (-1: none) is the
	 * callee's. Answered by rel_control_answer, now or later. A client may
	 * send another one before "done". */
	void (*request)(void *arg, struct rel_client *c, const struct json_t *j,
		int fd);
	/* The client is gone; not called for one that sent no request, after
	 * "done", or by rel_control_closep. */
	void (*gone)(void *arg, struct rel_client *c);
	void *arg;
};

/*
 * Take the lock and listen. ${store_fd}: the store's directory, in which run/
 * is made if it is missing. Errors: REL_EBUSY (another supervisor runs; the
 * message has its pid), REL_EIO (nothing can be made there: a read-only store).
 */
int rel_control_open(int store_fd, const char *app, struct rel_loop *loop,
	const struct rel_control_fns *fns, struct rel_control **ret,
	struct rel_err *err) REL_CHECK;
/* Answers that are pending get until 1 s; the socket's name is removed. Not to
 * be called by one of the functions, and before the loop is freed. */
void rel_control_closep(struct rel_control **c);

/* Send ${j}, which is taken. With "done" in it the connection ends, and ${c} is
 * not to be used any more. A client that does not read is dropped when 1 MiB
 * waits for it: `gone` is called, but never from within this. */
void rel_control_answer(struct rel_client *c, struct json_t *j);

/* The commands' side. Errors of connect: REL_ENOTFOUND (no supervisor runs for
 * this app), REL_EDENIED, REL_EIO. */
int rel_control_connect(int store_fd, const char *app, int *ret_fd,
	struct rel_err *err) REL_CHECK;
/* ${pass_fd} -1: none. Errors: REL_EIO. */
int rel_control_send(int fd, const struct json_t *j, int pass_fd,
	struct rel_err *err) REL_CHECK;
/* Wait for the next message to begin, ${timeout_ms} -1: for ever. Errors:
 * REL_EBUSY (it did not in time; it may be asked again), REL_EIO (the
 * supervisor is gone). */
int rel_control_receive(int fd, int64_t timeout_ms, struct json_t **ret,
	struct rel_err *err) REL_CHECK;

#endif
