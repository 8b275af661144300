/* SPDX-License-Identifier: Apache-2.0 */
#include "launch.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "home/record.h"
#include "home/sealed.h"
#include "home/tree.h"
#include "opt.h"
#include "out.h"
#include "ref.h"
#include "release/release.h"
#include "store/tree.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHORT_LIFE_MS 3000 /* who dies earlier probably never started well */

struct loaded {
	struct rel_release_row row;
	struct rel_record record;
	struct rel_config config;
	struct rel_buf tree; /* path */
	int tree_fd;
};

static void loaded_done(struct loaded *l)
{
	rel_release_row_done(&l->row);
	rel_record_done(&l->record);
	rel_config_done(&l->config);
	rel_buf_free(&l->tree);
	rel_closep(&l->tree_fd);
}

/* The current release's tree is there since its activation; another one may
 * have to be unpacked first. */
static int open_tree(struct ctx *cx, struct loaded *l, struct rel_err *err)
{
	struct rel_store *s = cx->home->store;
	int64_t mtime;
	int r = rel_tree_open(s, &l->row.artifact, &l->tree_fd, err);

	if (r == -REL_ENOTFOUND) {
		r = rel_store_lock(
			s, REL_LOCK_SHARED, cx->home->opt.wait_ms, err);
		if (r == 0)
			r = rel_build_time(cx->home, &l->row.artifact,
				l->row.commit, &mtime, err);
		if (r == 0)
			r = rel_home_tree(cx->home, &l->row.artifact, mtime,
				NULL, &l->tree_fd, err);
		rel_store_unlock(s);
	}
	if (r == 0)
		rel_tree_path(s, &l->row.artifact, &l->tree);
	return r;
}

static int load(
	struct ctx *cx, const char *word, struct loaded *l, struct rel_err *err)
{
	int r = release_find(cx, word, &l->row, err);

	if (r == 0)
		r = rel_record_load(cx->home, &l->row.digest, &l->record, err);
	if (r == 0)
		r = rel_sealed_load(cx->home, &l->row.sealed,
			&l->record.fingerprint, &l->config, err);
	if (r == 0)
		r = open_tree(cx, l, err);
	return r;
}

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
		rel_fail(err, REL_ENOTFOUND, "no process type '%.*s'",
			shown_len(wanted), wanted);
	else if (n == 0)
		rel_fail(
			err, REL_ENOTFOUND, "the release has no process types");
	else
		rel_fail(err, REL_EUSAGE, "which process type?");
	rel_hint(err, "%s%s",
		n ? "it has "
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

/* Running needs no ledger: a full or read-only disk costs the record alone. */
static void record(struct ctx *cx, const struct loaded *l, const char *argv0,
	size_t argc, int status)
{
	struct json_t *b = rel_json_object();
	struct rel_err err;

	rel_json_set(b, "number", rel_json_number(l->row.number));
	rel_json_set(b, "argv0", program_name(argv0));
	rel_json_set(b, "argc", rel_json_number((int64_t)argc));
	rel_json_set(b, "status", rel_json_number(status));
	if (rel_home_append(cx->home, l->row.app, "exec", b, NULL, NULL, NULL,
		    &err) < 0)
		rel_notice(
			&cx->events, "not recorded in the ledger: %s", err.msg);
}

static void hint_deps(const struct ctx *cx, const struct loaded *l,
	const struct rel_process_end *end)
{
	const char *file = rel_process_missing_deps(l->tree_fd);

	/* A signal ends who runs well too: Ctrl-C, a stop, a deadline. */
	if (!file || end->status == 0 || end->status > 128 ||
		end->lived_ms >= SHORT_LIFE_MS)
		return;
	say_hint(cx,
		"the tree has '%s' but no installed dependencies, and relctl "
		"does not install them yet: commit them, or have them on the "
		"machine",
		file);
}

static int start(struct ctx *cx, struct loaded *l,
	const struct rel_strings *argv, const char *ps, bool with_port,
	struct rel_err *err)
{
	REL_AUTO(rel_strings_done) struct rel_strings env = { 0 };
	struct rel_process_facts facts = {
		.config = &l->config,
		.tree = rel_buf_str(&l->tree),
		.ps = ps,
		.app = l->row.app,
		.release = l->row.number,
		.commit = l->row.commit,
		.port = with_port ? "5000" : NULL,
		.term = isatty(STDIN_FILENO) ? getenv("TERM") : NULL,
	};
	struct rel_process_end end;
	struct rel_err why;
	int r;

	if (rel_process_drops())
		rel_notice(&cx->events,
			"root: the process runs without CAP_DAC_*, CAP_FOWNER "
			"and CAP_CHOWN");
	rel_process_environ(&facts, &env);
	rel_config_done(&l->config);
	/* SQLite must not be carried across a fork. */
	rel_ledger_closep(&cx->home->ledger);
	/* What the process makes is its own matter, what relctl makes is not.
	 */
	umask(cx->umask);
	r = rel_process_run(l->tree_fd, argv, &env, &end, err);
	umask(077);
	if (r < 0)
		return r;
	hint_deps(cx, l, &end);
	if (rel_home_reopen(cx->home, &why) == 0)
		record(cx, l, argv->v[0], argv->n, end.status);
	else
		rel_notice(
			&cx->events, "not recorded in the ledger: %s", why.msg);
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
	REL_AUTO(loaded_done) struct loaded l = { .tree_fd = -1 };
	REL_AUTO(rel_strings_done) struct rel_strings argv = { 0 };
	const char *type = NULL;
	char ps[96];
	int r = load(cx, how->release, &l, err);

	if (r == 0 && !how->argv)
		r = choose_type(&l.record.processes, how->type, &type, err);
	if (r < 0)
		return r;
	if (how->argv) {
		snprintf(ps, sizeof(ps), "exec.%d", (int)getpid());
		for (int i = 0; i < how->argc; i++)
			rel_strings_push(&argv, rel_strdup(how->argv[i]));
	} else {
		snprintf(ps, sizeof(ps), "%s.1", type);
		rel_command_words(
			rel_processes_command(&l.record.processes, type),
			&argv);
	}
	return start(cx, &l, &argv, ps, !how->argv, err);
}
