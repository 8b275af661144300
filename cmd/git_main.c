/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relctl-git: the only program that links libgit2. relctl starts it for `build`
 * (same command line) and to resolve a commit name.
 */
#include "base/mem.h"
#include "build/build.h"
#include "build_opts.h"
#include "cmd.h"
#include "out.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int open_git(struct ctx *cx, struct rel_git **ret, struct rel_err *err)
{
	const char *text = getenv("SUDO_UID");
	uid_t sudo_uid = (uid_t)-1;

	if (text && *text)
		sudo_uid = (uid_t)strtoul(text, NULL, 10);
	return rel_git_open(cx->repo ? cx->repo : ".",
		cx->repo_given ? REL_GIT_NAMED : REL_GIT_AROUND, geteuid(),
		sudo_uid, ret, err);
}

static void note_dirty(
	struct ctx *cx, struct rel_git *g, const struct build_args *a)
{
	struct rel_err ignored;
	size_t n = 0;

	/* Only for somebody who sits before it: CI has no work to lose. */
	if (a->given_commit || !isatty(STDERR_FILENO) || cx->quiet)
		return;
	if (rel_git_dirty(g, "HEAD", &n, &ignored) == 0 && n > 0)
		say(cx, "%zu uncommitted file%s not in this artifact", n,
			n == 1 ? " is" : "s are");
}

static struct json_t *command_json(
	const struct rel_build_result *r, bool network)
{
	struct json_t *j;

	if (!r->command)
		return rel_json_text(NULL);
	j = rel_json_object();
	rel_json_set(j, "isolation",
		rel_json_text(rel_isolation_name(r->isolation)));
	rel_json_set(j, "network", rel_json_bool(network));
	return j;
}

static void report_build(struct ctx *cx, const struct build_args *a,
	const struct rel_build_result *r)
{
	bool network = a->network;
	struct rel_artifact_text id = rel_artifact_format(&r->artifact);

	if (a->check)
		say(cx,
			"commit %.7s built again from nothing: the same "
			"artifact",
			r->commit.id);
	else if (r->known && r->command)
		say(cx,
			"commit %.7s was built before: its build command is "
			"not run again",
			r->commit.id);
	else if (r->known && r->other_commit)
		say(cx, "commit %.7s has a tree that was built before",
			r->commit.id);
	else if (r->known)
		say(cx, "commit %.7s was built before", r->commit.id);
	else
		say(cx, "commit %.7s: %llu %s, %s of tar, %s new in the store",
			r->commit.id, (unsigned long long)r->entries,
			r->entries == 1 ? "entry" : "entries",
			bytes_text(r->size).s, bytes_text(r->new_bytes).s);
	if (r->command && !r->known)
		say(cx, "its build command ran in isolation '%s', %s network",
			rel_isolation_name(r->isolation),
			network ? "with the" : "without a");
	if (cx->json) {
		struct json_t *doc = rel_json_object();

		rel_json_set(doc, "artifact", rel_json_text(id.s));
		rel_json_set(doc, "commit", rel_json_text(r->commit.id));
		rel_json_set(doc, "tree", rel_json_text(r->commit.tree));
		rel_json_set(doc, "known", rel_json_bool(r->known));
		rel_json_set(
			doc, "entries", rel_json_number((int64_t)r->entries));
		rel_json_set(doc, "size", rel_json_number((int64_t)r->size));
		rel_json_set(doc, "new_bytes",
			rel_json_number((int64_t)r->new_bytes));
		rel_json_set(doc, "build", command_json(r, network));
		result_json(cx, "build", doc);
	}
	result(cx, "%s", id.s);
}

/* The build command is dead and its files are gone: whoever waits for relctl is
 * to see what it died of. */
static void die_of(struct ctx *cx, int sig)
{
	ctx_close(cx);
	signal(sig, SIG_DFL);
	raise(sig);
}

static int run_build(
	struct ctx *cx, void *opts, int argc, char **argv, struct rel_err *err)
{
	REL_AUTO(rel_git_closep) struct rel_git *g = NULL;
	struct build_args *a = opts;
	struct rel_build_options o;
	struct rel_build_result result_of;
	struct rel_git_commit commit;
	int r = build_options(a, &o, err);

	a->given_commit = argc > 0;
	if (r == 0)
		r = open_git(cx, &g, err);
	/* The commit first: a mistyped directory or name makes no store. */
	if (r == 0)
		r = rel_git_commit(
			g, argc > 0 ? argv[0] : "HEAD", &commit, err);
	if (r == 0)
		r = ctx_open(cx, NEED_MAKE, err);
	if (r < 0)
		return r;
	note_dirty(cx, g, a);
	r = rel_build(cx->home, g, commit.id, &o, &result_of, err);
	if (r < 0 && result_of.signal)
		die_of(cx, result_of.signal);
	if (r < 0)
		return r;
	report_build(cx, a, &result_of);
	return 0;
}

static struct json_t *commit_json(const struct rel_git_commit *c)
{
	struct json_t *j = rel_json_object();

	rel_json_set(j, "commit", rel_json_text(c->id));
	rel_json_set(j, "tree", rel_json_text(c->tree));
	rel_json_set(j, "committed", rel_json_number(c->time_s));
	rel_json_set(j, "subject", rel_json_text(c->subject));
	return j;
}

static int add_commit(
	void *arg, const struct rel_git_commit *c, struct rel_err *err)
{
	(void)err;
	rel_json_push(arg, commit_json(c));
	return 0;
}

/* REV, or A..B: then also the commits that B has and A has not. */
static int run_resolve(
	struct ctx *cx, void *opts, int argc, char **argv, struct rel_err *err)
{
	REL_AUTO(rel_git_closep) struct rel_git *g = NULL;
	struct rel_buf origin = REL_BUF_INIT;
	struct json_t *doc, *commits = NULL;
	struct rel_git_commit c;
	char *range = strstr(argv[0], "..");
	int r = open_git(cx, &g, err);

	(void)opts;
	(void)argc;
	if (r < 0)
		return r;
	if (range) {
		*range = '\0';
		commits = rel_json_array();
		r = rel_git_log(
			g, argv[0], range + 2, 1000, add_commit, commits, err);
	}
	if (r == 0)
		r = rel_git_commit(g, range ? range + 2 : argv[0], &c, err);
	if (r < 0) {
		rel_json_free(commits);
		return r;
	}
	doc = commit_json(&c);
	rel_git_origin(g, &origin);
	rel_json_set(doc, "origin", rel_json_text(rel_buf_str(&origin)));
	rel_json_set(doc, "top", rel_json_text(rel_git_top(g)));
	if (commits)
		rel_json_set(doc, "commits", commits);
	rel_buf_free(&origin);
	result_json(cx, "resolve", doc);
	return 0;
}

static const struct cmd git_build = {
	.name = "build",
	.args = "[COMMIT]",
	.summary = "make an artifact from a commit",
	.group = "Work",
	.opts = build_opts,
	.opts_size = sizeof(struct build_args),
	.max_args = 1,
	.run = run_build,
};

static const struct cmd git_resolve = {
	.name = "resolve",
	.args = "REV",
	.summary = "say which commit a name stands for",
	.group = "Look",
	.min_args = 1,
	.max_args = 1,
	.run = run_resolve,
};

static const struct cmd *const commands[] = { &git_build, &git_resolve, NULL };

int main(int argc, char **argv)
{
	return cmd_main(commands, argc, argv);
}
