/* SPDX-License-Identifier: Apache-2.0 */
#include "config/policy.h"

#include "base/mem.h"
#include "config/check.h"
#include "config/text.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SECONDS 86400

static const char known[] = "stop_signal, grace_s, restart, start_timeout_s";

static const struct {
	const char *name;
	int sig;
} signals[] = {
	{ "ABRT", SIGABRT },
	{ "ALRM", SIGALRM },
	{ "BUS", SIGBUS },
	{ "CHLD", SIGCHLD },
	{ "CONT", SIGCONT },
	{ "FPE", SIGFPE },
	{ "HUP", SIGHUP },
	{ "ILL", SIGILL },
	{ "INT", SIGINT },
	{ "IO", SIGIO },
	{ "PIPE", SIGPIPE },
	{ "PROF", SIGPROF },
	{ "PWR", SIGPWR },
	{ "QUIT", SIGQUIT },
	{ "SEGV", SIGSEGV },
	{ "STKFLT", SIGSTKFLT },
	{ "SYS", SIGSYS },
	{ "TERM", SIGTERM },
	{ "TRAP", SIGTRAP },
	{ "TSTP", SIGTSTP },
	{ "TTIN", SIGTTIN },
	{ "TTOU", SIGTTOU },
	{ "URG", SIGURG },
	{ "USR1", SIGUSR1 },
	{ "USR2", SIGUSR2 },
	{ "VTALRM", SIGVTALRM },
	{ "WINCH", SIGWINCH },
	{ "XCPU", SIGXCPU },
	{ "XFSZ", SIGXFSZ },
	/* no process catches these, but one can end by the first */
	{ "KILL", SIGKILL },
	{ "STOP", SIGSTOP },
};
#define SIGNALS (sizeof(signals) / sizeof(*signals))

static bool is_catchable(int sig)
{
	if (sig == SIGKILL || sig == SIGSTOP)
		return false;
	for (size_t i = 0; i < SIGNALS; i++)
		if (signals[i].sig == sig)
			return true;
	return sig >= SIGRTMIN && sig <= SIGRTMAX;
}

/* "1" to "99", as it would be printed; -1: it is no such text. */
static int small_number(const char *text)
{
	size_t n = strspn(text, "0123456789");

	if (n == 0 || n > 2 || text[n] || *text == '0')
		return -1;
	return atoi(text);
}

int rel_signal_parse(const char *name)
{
	int sig = small_number(name);

	if (strncmp(name, "SIG", 3) == 0)
		name += 3;
	for (size_t i = 0; i < SIGNALS; i++)
		if (strcmp(signals[i].name, name) == 0)
			sig = signals[i].sig;
	return is_catchable(sig) ? sig : -1;
}

struct rel_signal_text rel_signal_name(int sig)
{
	struct rel_signal_text text;

	for (size_t i = 0; i < SIGNALS; i++) {
		if (signals[i].sig == sig) {
			snprintf(text.s, sizeof(text.s), "%s", signals[i].name);
			return text;
		}
	}
	snprintf(text.s, sizeof(text.s), "%d", sig);
	return text;
}

void rel_policy_init(struct rel_policy *p)
{
	*p = (struct rel_policy){
		.stop_signal = SIGTERM,
		.grace_ms = 30000,
		.restart = REL_RESTART_ALWAYS,
		.start_timeout_ms = 30000,
	};
}

void rel_policy_done(struct rel_policy *p)
{
	rel_checks_done(p);
	*p = (struct rel_policy){ 0 };
}

/* What the callback of rel_json_each needs; after a failure it does no more. */
struct reader {
	struct rel_policy *into;
	struct rel_text_key at;
	struct rel_err *err;
	int r;
};

static int wrong(struct reader *rd, const char *must)
{
	return rel_text_fail_key(rd->err, &rd->at, "must be %s", must);
}

static int read_seconds(struct reader *rd, const struct json_t *j,
	int64_t least, int64_t *ret_ms)
{
	int64_t n;

	if (!rel_json_int(j, &n) || n < least || n > MAX_SECONDS)
		return rel_text_fail_key(rd->err, &rd->at,
			"must be a whole number from %d to %d", (int)least,
			MAX_SECONDS);
	*ret_ms = n * 1000;
	return 0;
}

static int read_signal(struct reader *rd, const struct json_t *j)
{
	const char *name = rel_json_str(j);
	int sig = name ? rel_signal_parse(name) : -1;

	if (sig < 0)
		return wrong(rd, "a signal that can be caught, such as "
				 "\"INT\" or \"QUIT\"");
	rd->into->stop_signal = sig;
	return 0;
}

static int read_restart(struct reader *rd, const struct json_t *j)
{
	const char *word = rel_json_str(j);

	if (word && strcmp(word, "always") == 0)
		rd->into->restart = REL_RESTART_ALWAYS;
	else if (word && strcmp(word, "on-failure") == 0)
		rd->into->restart = REL_RESTART_ON_FAILURE;
	else if (word && strcmp(word, "never") == 0)
		rd->into->restart = REL_RESTART_NEVER;
	else
		return wrong(rd, "always, on-failure or never");
	return 0;
}

static void read_member(void *arg, const char *key, const struct json_t *j)
{
	struct reader *rd = arg;

	if (rd->r < 0)
		return;
	rd->at.key = key;
	if (strcmp(key, "stop_signal") == 0) {
		rd->r = read_signal(rd, j);
	} else if (strcmp(key, "grace_s") == 0) {
		rd->r = read_seconds(rd, j, 0, &rd->into->grace_ms);
	} else if (strcmp(key, "restart") == 0) {
		rd->r = read_restart(rd, j);
	} else if (strcmp(key, "start_timeout_s") == 0) {
		rd->r = read_seconds(rd, j, 1, &rd->into->start_timeout_ms);
	} else {
		rel_text_fail_key(
			rd->err, &rd->at, "is not a key that is known");
		rd->r = rel_hint(rd->err, "the keys there are %s", known);
	}
}

int rel_policy_read(const struct json_t *relctl,
	const struct json_t *healthchecks, const char *type,
	struct rel_policy *ret, struct rel_err *err)
{
	const struct json_t *own = rel_json_get(relctl, type);
	const struct json_t *checks = rel_json_get(healthchecks, type);
	REL_AUTO(rel_policy_done) struct rel_policy found;
	struct reader rd = { .into = &found,
		.at = { .section = "relctl", .name = type },
		.err = err };

	rel_policy_init(&found);
	if (own && !rel_json_is_object(own))
		return wrong(&rd, "an object");
	rel_json_each(own, read_member, &rd);
	if (rd.r == 0 && checks)
		rd.r = rel_checks_read(checks, type, &found, err);
	if (rd.r < 0)
		return rd.r;
	*ret = found;
	found = (struct rel_policy){ 0 };
	return 0;
}
