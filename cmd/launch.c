/* SPDX-License-Identifier: Apache-2.0 */
#include "launch.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "config/command.h"
#include "home/spool.h"
#include "load.h"
#include "opt.h"
#include "out.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHORT_LIFE_MS 3000 /* who dies earlier probably never started well */

/* `web`, else the only one; hooks are no choice. */
static int choose_type(const struct rel_processes *p, const char *wanted,
	const char **ret, struct rel_err *err)
{
	struct rel_buf names = REL_BUF_INIT;
	const char *only = NULL;
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++) {
		const char *type = p->v[i].type;

		if (wanted ? strcmp(type, wanted) == 0
			   : strcmp(type, "web") == 0) {
			*ret = type;
			rel_buf_free(&names);
			return 0;
		}
		if (rel_process_is_hook(type))
			continue;
		only = type;
		n++;
		rel_buf_addf(&names, "%s%s", names.len ? ", " : "", type);
	}
	if (!wanted && n == 1) {
		*ret = only;
		rel_buf_free(&names);
		return 0;
	}
	if (wanted)
		rel_fail(err, REL_ENOTFOUND,
			"the release has no process type '%.*s'",
			shown_len(wanted), wanted);
	else if (n == 0)
		rel_fail(
			err, REL_ENOTFOUND, "the release has no process types");
	else
		rel_fail(err, REL_EUSAGE, "which process type?");
	rel_hint(err, "%s%s",
		n ? "its process types: "
		  : "add a Procfile to the commit: "
		    "web: bin/web",
		rel_buf_str(&names));
	rel_buf_free(&names);
	return -(int)err->code;
}

/* The base name of a program. Of "TOKEN=… CMD", a slip, the value is cut off
 * before anything else: the ledger never forgets. */
static struct json_t *program_name(const char *argv0)
{
	struct rel_buf b = REL_BUF_INIT;
	const char *slash;
	struct json_t *j;

	rel_buf_add(&b, argv0, (size_t)shown_len(argv0));
	slash = strrchr(rel_buf_str(&b), '/');
	j = rel_json_text(slash ? slash + 1 : rel_buf_str(&b));
	rel_buf_free(&b);
	return j;
}

static struct json_t *describe(const struct loaded *l, const struct box *box,
	const char *argv0, size_t argc, int status)
{
	struct json_t *b = rel_json_object();

	rel_json_set(b, "number", rel_json_number(l->target.release));
	rel_json_set(b, "argv0", program_name(argv0));
	rel_json_set(b, "argc", rel_json_number((int64_t)argc));
	rel_json_set(b, "status", rel_json_number(status));
	box_record(box, b);
	return b;
}

/* Running needs no ledger: a full or read-only disk costs the record alone. A
 * line in the spool is enough; the ledger itself has a reserve on a full disk,
 * and takes in a spool that has become too long. ${behind}: its index has to be
 * derived, and is by who writes. */
static void record(struct ctx *cx, const struct loaded *l,
	const struct box *box, const struct rel_strings *argv, int status,
	bool behind)
{
	struct rel_home *h = cx->home;
	struct rel_err err;

	if (!behind && rel_spool_add(h, l->target.app,
			       describe(l, box, argv->v[0], argv->n, status),
			       &err) == 0)
		return;
	if (rel_home_reopen(h, &err) < 0 ||
		rel_home_append(h, l->target.app, "exec",
			describe(l, box, argv->v[0], argv->n, status), NULL,
			NULL, NULL, &err) < 0)
		rel_notice(
			&cx->events, "not recorded in the ledger: %s", err.msg);
}

static void hint_deps(const struct ctx *cx, const struct loaded *l,
	const struct rel_process_end *end)
{
	const char *file = rel_process_missing_deps(l->target.tree_fd);

	/* A signal ends who runs well too: Ctrl-C, a stop, a deadline. */
	if (!file || end->status == 0 || end->status > 128 ||
		end->lived_ms >= SHORT_LIFE_MS)
		return;
	say_hint(cx,
		"the tree has '%s' but no installed dependencies: a 'build:' "
		"line of the Procfile can install them, if the machine does "
		"not have them",
		file);
}

int launch_at_level(struct ctx *cx, struct box *box,
	const struct rel_strings *argv, struct rel_process_facts *facts,
	struct rel_process_end *end, struct rel_err *err)
{
	struct rel_sandbox *s = &box->sandbox;
	bool search = s->level == REL_ISOLATION_AUTO;
	int r;

	if (search)
		s->level = REL_ISOLATION_NS;
	for (;;) {
		REL_AUTO(rel_strings_done) struct rel_strings env = { 0 };
		enum rel_isolation below = rel_isolation_below(s->level);

		facts->home = rel_sandbox_home(s);
		rel_process_environ(facts, &env);
		r = rel_process_run(s, argv, &env, end, err);
		if (r == 0 || !search || !end->impossible ||
			below == REL_ISOLATION_AUTO)
			return r;
		rel_notice(&cx->events, "%s: '%s' instead", err->msg,
			rel_isolation_name(below));
		s->level = below;
	}
}

static int start(struct ctx *cx, struct loaded *l, struct box *box,
	const struct rel_strings *argv, const char *ps, bool with_port,
	struct rel_err *err)
{
	int base = rel_target_port(&l->target);
	char port[16];
	struct rel_process_facts facts = {
		.config = &l->target.config,
		.ps = ps,
		.app = l->target.app,
		.release = l->target.release,
		.commit = l->target.commit,
		/* The config's own stays as it is. */
		.port = with_port && !rel_config_get(&l->target.config, "PORT")
				? port
				: NULL,
		.processes = &l->target.processes,
		.port_base = base,
		.term = isatty(STDIN_FILENO) ? getenv("TERM") : NULL,
	};
	struct rel_ledger *ledger = cx->home->ledger;
	bool behind = ledger && !rel_ledger_has_file(ledger);
	struct rel_process_end end;
	int r;

	snprintf(port, sizeof(port), "%d", base);
	box->sandbox.tree = l->target.tree;
	box->sandbox.tree_fd = l->target.tree_fd;
	box_notices(cx, box);
	/* SQLite must not be carried across a fork. */
	rel_ledger_closep(&cx->home->ledger);
	/* What the process makes is its own matter, what relctl makes is not.
	 */
	umask(cx->umask);
	r = launch_at_level(cx, box, argv, &facts, &end, err);
	umask(077);
	rel_config_done(&l->target.config);
	if (r < 0)
		return r;
	hint_deps(cx, l, &end);
	record(cx, l, box, argv, end.status, behind);
	if (end.invoked)
		return end.status;
	cx->fail_status = end.status;
	if (end.status == 127 && strpbrk(argv->v[0], " \t\n"))
		return rel_hint(err,
			"CMD and its arguments are words of their own; a line "
			"for the shell: relctl exec sh -c '…'");
	return -(int)err->code;
}

int launch_run(struct ctx *cx, const struct launch *how, struct rel_err *err)
{
	REL_AUTO(loaded_done) struct loaded l = { .target.tree_fd = -1 };
	REL_AUTO(rel_strings_done) struct rel_strings argv = { 0 };
	REL_AUTO(box_done) struct box box = { 0 };
	const char *type = NULL;
	char ps[96];
	int r = box_make(cx, how->box, &box, err);

	if (r == 0)
		r = release_load(cx, how->release, &l, err);
	if (r == 0 && !how->argv)
		r = choose_type(&l.target.processes, how->type, &type, err);
	if (r < 0)
		return r;
	if (how->argv) {
		snprintf(ps, sizeof(ps), "exec.%d", (int)getpid());
		for (int i = 0; i < how->argc; i++)
			rel_strings_push(&argv, rel_strdup(how->argv[i]));
	} else {
		snprintf(ps, sizeof(ps), "%s.1", type);
		rel_command_words(
			rel_processes_command(&l.target.processes, type),
			&argv);
	}
	return start(cx, &l, &box, &argv, ps, !how->argv, err);
}
