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

/*
 * Send ${q}, which is taken; the answer comes by *ret_fd, which the caller
 * closes. Errors: REL_ENOTFOUND (the app does not run here), REL_EDENIED,
 * REL_EIO.
 */
int ask_begin(struct ctx *cx, const char *app, struct json_t *q, int *ret_fd,
	struct rel_err *err) REL_CHECK;

/*
 * Wait for the last answer (events on the way are passed over), ${timeout_ms}
 * from one message to the next, -1: for ever. *ret is the caller's; untouched
 * when the supervisor refused: its status, message and hint are the error then.
 * Errors also: REL_EBUSY (not in time: it may be called again), REL_EIO (the
 * supervisor is gone).
 */
int ask_end(int fd, int64_t timeout_ms, struct json_t **ret,
	struct rel_err *err) REL_CHECK;

/* Both, for what is answered at once. */
int ask(struct ctx *cx, const char *app, struct json_t *q, struct json_t **ret,
	struct rel_err *err) REL_CHECK;

/* A pidfd of the supervisor at the other end; -1: it cannot be seen from here,
 * or it has ended. */
int ask_pidfd(int fd);

#endif
