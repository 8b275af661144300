/* SPDX-License-Identifier: Apache-2.0 */
#include "serve.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/strings.h"
#include "load.h"
#include "out.h"
#include "overrides.h"
#include "ref.h"
#include "run/supervisor.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct serving {
	struct ctx *cx;
	struct loaded l; /* its target goes to the supervisor */
	int lock_fd;	 /* of the app */
	struct box box;
	struct rel_formation formation;
	struct overrides overrides;
	REL_VEC(struct rel_endpoint) listen, front;
	struct rel_strings plan;
};

static void serving_done(struct serving *s)
{
	loaded_done(&s->l);
	rel_closep(&s->lock_fd);
	box_done(&s->box);
	rel_formation_done(&s->formation);
	overrides_done(&s->overrides);
	rel_vec_free(&s->listen);
	rel_vec_free(&s->front);
	rel_strings_done(&s->plan);
}

/* Elsewhere `run` is followed by a command: `relctl run bash`. */
static int word_check(
	const struct rel_processes *p, const char *word, struct rel_err *err)
{
	char types[sizeof(err->hint)];
	int r = type_check(p, word, err);

	if (r == 0)
		return 0;
	memcpy(types, err->hint, sizeof(types));
	rel_hint(err, "%s; a command is for 'relctl exec'", types);
	return r;
}

static int add_endpoints(struct serving *s, const struct opt_list *texts,
	bool front, struct rel_err *err)
{
	for (size_t i = 0; i < texts->n; i++) {
		struct rel_endpoint e;
		int r = rel_endpoint_parse(texts->v[i], &e, err);

		if (r < 0)
			return r;
		r = type_check(&s->l.target.processes, e.type, err);
		if (r < 0)
			return r;
		if (front)
			rel_vec_push(&s->front, e);
		else
			rel_vec_push(&s->listen, e);
	}
	for (size_t i = 0; i < s->front.n; i++)
		for (size_t k = 0; k < s->listen.n; k++)
			if (!strcmp(s->front.v[i].type, s->listen.v[k].type))
				return rel_fail(err, REL_EUSAGE,
					"'%s' has --front and --listen: one of "
					"them takes its connections",
					s->front.v[i].type);
	return 0;
}

/* -m, else what scale stored, else app.json; of the types that are named. */
static int find_formation(struct ctx *cx, struct serving *s,
	const struct run_args *a, int types_n, char **types,
	struct rel_err *err)
{
	const struct rel_processes *p = &s->l.target.processes;
	REL_AUTO(rel_formation_done) struct rel_formation given = { 0 };
	REL_AUTO(rel_formation_done) struct rel_formation stored = { 0 };
	REL_AUTO(rel_json_freep) struct json_t *j = NULL;
	int r = 0;

	if (a->formation)
		r = rel_formation_parse(&given, p, a->formation, err);
	if (r == 0)
		r = rel_ledger_formation(
			cx->home->ledger, s->l.target.app, &j, err);
	if (r == 0 && j)
		r = rel_formation_from_json(j, &stored, err);
	if (r < 0)
		return r;
	rel_formation_complete(p, a->formation ? &given : NULL, &stored,
		&s->l.target.declared, &s->formation);
	for (int i = 0; r == 0 && i < types_n; i++)
		r = word_check(p, types[i], err);
	if (r < 0)
		return r;
	for (size_t k = 0; types_n > 0 && k < s->formation.n; k++) {
		bool named = false;

		for (int i = 0; i < types_n; i++)
			named = named ||
				!strcmp(types[i], s->formation.v[k].type);
		if (!named)
			s->formation.v[k].n = 0;
		else if (s->formation.v[k].n == 0 && !a->formation)
			s->formation.v[k].n = 1;
	}
	if (s->formation.n == 0) {
		rel_fail(
			err, REL_ENOTFOUND, "the release has no process types");
		return rel_hint(
			err, "add a Procfile to the commit: web: bin/web");
	}
	return 0;
}

static const struct rel_endpoint *endpoint_of(
	const struct serving *s, const char *type)
{
	for (size_t i = 0; i < s->front.n; i++)
		if (!strcmp(s->front.v[i].type, type))
			return &s->front.v[i];
	for (size_t i = 0; i < s->listen.n; i++)
		if (!strcmp(s->listen.v[i].type, type))
			return &s->listen.v[i];
	return NULL;
}

/* What is going to run, and where it can be reached: lines to be said. */
static void write_plan(struct serving *s, int base)
{
	const struct rel_target *t = &s->l.target;
	int width = 10;

	for (size_t i = 0; i < s->formation.n; i++)
		if ((int)strlen(s->formation.v[i].type) > width)
			width = (int)strlen(s->formation.v[i].type);
	rel_strings_push(&s->plan,
		rel_printf("%s: v%" PRId64 "%s%.7s, isolation '%s'", t->app,
			t->release, *t->commit ? ", " : "", t->commit,
			rel_isolation_name(s->box.sandbox.level)));
	for (size_t i = 0; i < s->formation.n; i++) {
		const char *type = s->formation.v[i].type;
		const struct rel_endpoint *e = endpoint_of(s, type);
		int n = s->formation.v[i].n;
		int first = rel_port_of(&t->processes, base, type, 1);
		char at[96];

		if (n == 0)
			continue;
		if (e)
			snprintf(at, sizeof(at), "%s:%d", e->host, e->port);
		else if (n == 1)
			snprintf(at, sizeof(at), "port %d", first);
		else
			snprintf(at, sizeof(at), "ports %d to %d", first,
				first + n - 1);
		rel_strings_push(&s->plan,
			rel_printf("  %-*s ×%-3d %s", width, type, n, at));
	}
}

/* The level is found out before anything starts, so that it can be said. */
static void settle_level(struct ctx *cx, struct rel_sandbox *box)
{
	struct rel_sandbox_support can;

	if (box->level != REL_ISOLATION_AUTO)
		return;
	signal(SIGCHLD, SIG_DFL);
	rel_sandbox_probe(&can);
	box->level = can.ns	    ? REL_ISOLATION_NS
		     : can.landlock ? REL_ISOLATION_LANDLOCK
				    : REL_ISOLATION_NONE;
	if (box->level == REL_ISOLATION_NS)
		return;
	rel_notice(&cx->events, "%s: '%s' instead ('relctl doctor' says more)",
		can.ns_why, rel_isolation_name(box->level));
}

/* Running needs no ledger: a full or read-only disk costs the record alone. */
static void record(struct ctx *cx, const struct serving *s)
{
	struct json_t *b = rel_json_object();
	struct rel_err err;
	int r = rel_home_reopen(cx->home, &err);

	rel_json_set(b, "number", rel_json_number(s->l.row.number));
	rel_json_set(b, "formation", rel_formation_to_json(&s->formation));
	box_record(&s->box, b);
	if (r == 0)
		r = rel_home_append(cx->home, s->l.row.app, "run", b, NULL,
			NULL, NULL, &err);
	else
		rel_json_free(b);
	if (r < 0)
		rel_notice(
			&cx->events, "not recorded in the ledger: %s", err.msg);
	/* SQLite must not be carried across a fork. */
	rel_ledger_closep(&cx->home->ledger);
}

/* The supervisor has every port: what is refused before is no run. */
static void on_begun(void *arg)
{
	struct serving *s = arg;
	mode_t theirs = umask(077);

	for (size_t i = 0; i < s->plan.n; i++)
		say(s->cx, "%s", s->plan.v[i]);
	box_notices(s->cx, &s->box);
	record(s->cx, s);
	umask(theirs);
}

static int supervise(struct ctx *cx, struct serving *s,
	const struct run_args *a, struct rel_err *err)
{
	bool tty = isatty(STDOUT_FILENO);
	struct rel_supervise how = {
		.target = &s->l.target,
		.formation = &s->formation,
		.box = &s->box.sandbox,
		.overrides = s->overrides.all.v,
		.overrides_n = s->overrides.all.n,
		.port = a->port > 0 ? (int)a->port
				    : rel_target_port(&s->l.target),
		.port_given = a->port > 0,
		.pinned = a->release != NULL,
		.listen = s->listen.v,
		.listen_n = s->listen.n,
		.front = s->front.v,
		.front_n = s->front.n,
		.format = tty ? REL_LOG_TEXT : REL_LOG_JSON,
		.color = cx->color_out,
		.drop = a->overflow && !strcmp(a->overflow, "drop"),
		.store_fd = rel_store_fd(cx->home->store),
		.lock_fd = &s->lock_fd,
		.notify_socket = getenv("NOTIFY_SOCKET"),
		.events = &cx->events,
		.begun = on_begun,
		.begun_arg = s,
	};
	int status = 0, r;

	if (a->log)
		how.format = !strcmp(a->log, "text")   ? REL_LOG_TEXT
			     : !strcmp(a->log, "json") ? REL_LOG_JSON
						       : REL_LOG_RAW;
	rel_ledger_closep(&cx->home->ledger);
	settle_level(cx, how.box);
	write_plan(s, how.port);
	umask(cx->umask);
	r = rel_supervise(&how, &status, err);
	umask(077);
	return r < 0 ? r : status;
}

/*
 * Load it while nobody changes which release is current: a command that does
 * so later finds the supervisor. What was asked for is worth more than that: a
 * release that takes its time, or a read-only disk, is not waited for for ever.
 */
static int load(struct ctx *cx, const char *word, struct serving *s,
	struct rel_err *err)
{
	REL_AUTO(rel_release_row_done) struct rel_release_row row = { 0 };
	struct rel_err busy;
	/* A supervisor's formation is the ledger's, and its start is noted
	 * there. */
	int r = rel_home_ledger(cx->home, err);

	if (r == 0)
		r = release_find(cx, word, &row, err);
	if (r < 0)
		return r;
	if (rel_store_lock_app(cx->home->store, row.app, cx->home->opt.wait_ms,
		    &s->lock_fd, &busy) == -REL_EBUSY)
		rel_notice(&cx->events,
			"another command changes the app's release: 'relctl "
			"-a %s status' tells whether this one is current",
			row.app);
	r = release_load(cx, word, &s->l, err);
	if (r < 0)
		return r;
	return target_complete(cx, &s->l.row.artifact, &s->l.target, err);
}

int serve(struct ctx *cx, const struct run_args *a, int types_n, char **types,
	struct rel_err *err)
{
	REL_AUTO(serving_done)
	struct serving s = {
		.cx = cx, .l = { .target.tree_fd = -1 }, .lock_fd = -1
	};
	int r = box_make(cx, &a->box, &s.box, err);

	if (a->port == 0 || a->port > 65535)
		return rel_fail(err, REL_EUSAGE,
			"--port takes a number from 1 to 65535");
	if (r == 0)
		r = load(cx, a->release, &s, err);
	if (r == 0)
		r = find_formation(cx, &s, a, types_n, types, err);
	if (r == 0)
		r = overrides_add(&s.overrides, OVERRIDE_GRACE, &a->grace,
			&s.l.target.processes, err);
	if (r == 0)
		r = overrides_add(&s.overrides, OVERRIDE_STOP_SIGNAL,
			&a->stop_signal, &s.l.target.processes, err);
	if (r == 0)
		r = overrides_add(&s.overrides, OVERRIDE_RESTART, &a->restart,
			&s.l.target.processes, err);
	if (r == 0)
		r = overrides_add(&s.overrides, OVERRIDE_START_TIMEOUT,
			&a->start_timeout, &s.l.target.processes, err);
	if (r == 0)
		r = add_endpoints(&s, &a->listen, false, err);
	if (r == 0)
		r = add_endpoints(&s, &a->front, true, err);
	return r < 0 ? r : supervise(cx, &s, a, err);
}
