/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/run/supervisor.h - `relctl run`: the instances of a formation, in the
 * foreground, until they are told to stop. Stage run.
 *
 * One ppoll loop. It opens no ledger and reads no store: what it has to know of
 * a release is its struct rel_target.
 */
#ifndef REL_RUN_SUPERVISOR_H
#define REL_RUN_SUPERVISOR_H

#include "base/event.h"
#include "run/endpoint.h"
#include "run/log.h"
#include "run/target.h"
#include "sandbox/sandbox.h"

/* --grace web=10 and the like: what the command line says wins over app.json;
 * type "" is for all. A value of -1 is not given. */
struct rel_override {
	const char *type;
	int stop_signal;
	int64_t grace_ms, start_timeout_ms;
	int restart; /* enum rel_restart */
};

struct rel_supervise { /* borrowed, but for the target, which is taken */
	struct rel_target *target;
	const struct rel_formation *formation; /* complete */
	/* The template, of a level that was found to work (not AUTO); tree and
	 * tree_fd are set for each release. */
	struct rel_sandbox *box;
	const struct rel_override *overrides;
	size_t overrides_n;
	int port; /* the base: --port, else the config's PORT, else 5000 */
	bool port_given;
	bool pinned;			     /* -r: it is not switched */
	struct rel_endpoint *listen, *front; /* opened and closed here */
	size_t listen_n, front_n;
	enum rel_log_format format;
	bool color, drop;
	int store_fd;
	/* Held by the caller so that no release comes between what was loaded
	 * and now: closed when commands can reach the supervisor. Or -1. */
	int *lock_fd;
	const char *notify_socket;	 /* systemd's, or NULL */
	const struct rel_events *events; /* notices that are no log lines */
	/* When nothing stands in the way any more, before the first start: to
	 * say it and to record it. Or NULL. */
	void (*begun)(void *arg);
	void *begun_arg;
};

/*
 * Run. *ret_status: 0 after a stop that was asked for; else, when every
 * instance has ended for good, the first status that was not 0.
 * Errors: REL_EBUSY (it runs already, a port is taken), REL_EREFUSED (the
 * isolation or limits), REL_EIO. SIGTERM, SIGINT and SIGHUP stop it, a second
 * one kills; USR1 and USR2 are passed on to the processes.
 */
int rel_supervise(struct rel_supervise *s, int *ret_status,
	struct rel_err *err) REL_CHECK;

#endif
