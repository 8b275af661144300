/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd/ask.h - what a command asks the supervisor of an app that runs here
 * (run/control.h), and its answer.
 */
#ifndef RELCTL_ASK_H
#define RELCTL_ASK_H

#include "base/json.h"
#include "cmd.h"

/* A request, {"op": ${op}}; the caller may add to it. */
struct json_t *ask_new(const char *op);

/* A connection to its supervisor, which the caller closes. Errors:
 * REL_ENOTFOUND (the app does not run here), REL_EDENIED, REL_EIO. */
int ask_open(struct ctx *cx, const char *app, int *ret_fd,
	struct rel_err *err) REL_CHECK;

/* Send ${q}, which is taken and wiped, and ${pass_fd} with it (-1: none).
 * Errors: REL_EIO. */
int ask_send(
	int fd, struct json_t *q, int pass_fd, struct rel_err *err) REL_CHECK;

/*
 * Wait for the last answer, ${timeout_ms} from one message to the next, -1: for
 * ever. ${event} (may be NULL) hears of what happens on the way. *ret is the
 * caller's; untouched when the supervisor refused: its status, message, hint
 * and the last lines of an instance that failed are the error then. Errors
 * also: REL_EBUSY (not in time: it may be called again), REL_EIO (the
 * supervisor is gone).
 */
int ask_end(int fd, int64_t timeout_ms,
	void (*event)(void *arg, const char *name), void *arg,
	struct json_t **ret, struct rel_err *err) REL_CHECK;

/* All of it, for what is answered at once. */
int ask(struct ctx *cx, const char *app, struct json_t *q, struct json_t **ret,
	struct rel_err *err) REL_CHECK;

/* A pidfd of the supervisor at the other end; -1: it cannot be seen from here,
 * or it has ended. */
int ask_pidfd(int fd);

#endif
