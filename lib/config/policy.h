/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/config/policy.h - what app.json says about how one process type is run:
 * relctl.TYPE, and healthchecks.TYPE in Dokku's schema. Mechanism.
 */
#ifndef REL_CONFIG_POLICY_H
#define REL_CONFIG_POLICY_H

#include "base/err.h"
#include "base/json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rel_restart {
	REL_RESTART_ALWAYS, /* the default */
	REL_RESTART_ON_FAILURE,
	REL_RESTART_NEVER,
};

/*
 * One check of Dokku's schema (relctl-app.json(5)): `type` startup,
 * readiness or liveness (not given: startup); exactly one of `path` (an HTTP
 * GET to the instance's port, or to `port`; a status of 200 to 399 is healthy;
 * with `scheme` http only), `command` (array of words, run as `exec` would),
 * `uptime` (seconds) or `listening` (true: the port accepts). Times are
 * seconds in the file.
 */
enum rel_check_kind {
	REL_CHECK_STARTUP,
	REL_CHECK_READINESS,
	REL_CHECK_LIVENESS,
};
struct rel_check {
	enum rel_check_kind kind;
	char *name;	/* as given, or "" */
	char *path;	/* "/up", or NULL */
	char **command; /* NULL-terminated, or NULL */
	bool listening;
	int64_t uptime_ms;	  /* 0: not of this kind */
	int port;		  /* 0: the instance's own */
	int attempts;		  /* default 3 */
	int64_t timeout_ms;	  /* of one attempt; default 5 s */
	int64_t wait_ms;	  /* between two; default 5 s */
	int64_t initial_delay_ms; /* before the first; default 0 */
	char *content;		  /* must be in the body, or NULL */
};

struct rel_policy {
	int stop_signal;  /* SIGTERM */
	int64_t grace_ms; /* 30,000 */
	enum rel_restart restart;
	int64_t start_timeout_ms; /* 30,000 */
	struct rel_check *checks;
	size_t checks_n, checks_cap;
};
/* The defaults in the comments above; rel_policy_done after. */
void rel_policy_init(struct rel_policy *p);
void rel_policy_done(struct rel_policy *p); /* for REL_AUTO too */

/*
 * Read the policy of ${type} out of app.json's `relctl` and `healthchecks`
 * objects (NULL: not there). A key that is not known in relctl.TYPE, a value
 * of a wrong kind or out of its range is REL_EINVALID, and the message has the
 * key's path ('relctl.web.grace_s' must be …). Keys that are not known in a
 * health check are left alone, as other readers of this schema do.
 */
int rel_policy_read(const struct json_t *relctl,
	const struct json_t *healthchecks, const char *type,
	struct rel_policy *ret, struct rel_err *err) REL_CHECK;

/* "TERM", "SIGTERM" or "15"; -1 if it is none of the catchable ones. */
int rel_signal_parse(const char *name);
/* "TERM"; "17" for one without a name. By value. */
struct rel_signal_text {
	char s[16];
};
struct rel_signal_text rel_signal_name(int sig);

#endif
