/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scale: a type that is named gets its new number, in what runs here and in
 * what the ledger has for the next run; all others stay what they are in each,
 * which differs after `run -m`.
 */
#include "ask.h"
#include "base/file.h"
#include "cmds.h"
#include "home/home.h"
#include "home/record.h"
#include "load.h"
#include "out.h"
#include "ref.h"

struct scaling {
	char app[41];
	int lock_fd;
	struct rel_target target;    /* the current release's types, app.json */
	struct rel_formation stored; /* by an earlier scale */
	struct rel_formation now;    /* complete: what runs, else what would */
	struct rel_formation named;  /* the types of the command line */
	bool runs, changes;
};

static void scaling_done(struct scaling *s)
{
	rel_closep(&s->lock_fd);
	rel_target_done(&s->target);
	rel_formation_done(&s->stored);
	rel_formation_done(&s->now);
	rel_formation_done(&s->named);
}

static int load_release(struct ctx *cx, struct scaling *s, struct rel_err *err)
{
	REL_AUTO(rel_release_row_done) struct rel_release_row row = { 0 };
	REL_AUTO(rel_record_done) struct rel_record rec = { 0 };
	int r = release_find(cx, s->app, &row, err);

	if (r == 0)
		r = rel_record_load(cx->home, &row.digest, &rec, err);
	if (r < 0)
		return r;
	s->target.processes = rec.processes;
	rec.processes = (struct rel_processes){ 0 };
	return target_complete(cx, &row.artifact, &s->target, err);
}

static int load_now(struct ctx *cx, struct scaling *s, struct rel_err *err)
{
	REL_AUTO(rel_json_freep) struct json_t *j = NULL;
	REL_AUTO(rel_json_freep) struct json_t *told = NULL;
	REL_AUTO(rel_formation_done) struct rel_formation running = { 0 };
	int r = rel_ledger_formation(cx->home->ledger, s->app, &j, err);

	if (r == 0 && j)
		r = rel_formation_from_json(j, &s->stored, err);
	if (r < 0)
		return r;
	r = ask(cx, s->app, ask_new("ps"), &told, err);
	if (r < 0 && r != -REL_ENOTFOUND)
		return r;
	s->runs = r == 0;
	r = s->runs ? rel_formation_from_json(
			      rel_json_get(told, "formation"), &running, err)
		    : 0;
	if (r == 0)
		rel_formation_complete(&s->target.processes,
			s->runs ? &running : NULL, &s->stored,
			&s->target.declared, &s->now);
	return r;
}

/* ${stored} becomes what is to be recorded. */
static int change(
	struct scaling *s, int words_n, char **words, struct rel_err *err)
{
	const struct rel_processes *p = &s->target.processes;
	int r = 0;

	for (int i = 0; r == 0 && i < words_n; i++) {
		r = rel_formation_change(&s->now, p, words[i], err);
		/* Only for the type: the count, from 0, is no greater. */
		if (r == 0)
			r = rel_formation_change(&s->named, p, words[i], err);
	}
	for (size_t i = 0; r == 0 && i < s->named.n; i++) {
		const char *type = s->named.v[i].type;
		int n = rel_formation_get(&s->now, type, 0);

		if (rel_formation_get(&s->stored, type, -1) != n)
			s->changes = true;
		rel_formation_set(&s->stored, type, n);
	}
	return r;
}

static int tell(struct ctx *cx, struct scaling *s, struct rel_err *err)
{
	REL_AUTO(rel_json_freep) struct json_t *answer = NULL;
	struct json_t *q = ask_new("scale");

	rel_json_set(q, "formation", rel_formation_to_json(&s->now));
	return ask(cx, s->app, q, &answer, err);
}

static int record(struct ctx *cx, struct scaling *s, struct rel_err *err)
{
	struct json_t *body = rel_json_object();
	int r;

	rel_json_set(body, "formation", rel_formation_to_json(&s->stored));
	r = rel_home_append(
		cx->home, s->app, "scale", body, NULL, NULL, NULL, err);
	if (r < 0 && s->runs)
		return rel_wrap(err, "it is scaled, but that is not recorded");
	return r;
}

static int carry_out(struct ctx *cx, struct scaling *s, int words_n,
	char **words, struct rel_err *err)
{
	int r = change(s, words_n, words, err);

	if (r == 0 && s->runs)
		r = tell(cx, s, err);
	if (r == 0 && s->changes)
		r = record(cx, s, err);
	if (r == 0 && !s->runs)
		say(cx, "%s does not run here: this is for its next run",
			s->app);
	return r;
}

static void print(struct ctx *cx, const struct scaling *s)
{
	REL_AUTO(rel_buf_free) struct rel_buf line = REL_BUF_INIT;
	struct json_t *doc;

	if (cx->json) {
		doc = rel_json_object();
		rel_json_set(doc, "app", rel_json_text(s->app));
		rel_json_set(doc, "formation", rel_formation_to_json(&s->now));
		rel_json_set(doc, "running", rel_json_bool(s->runs));
		result_json(cx, "scale", doc);
		return;
	}
	rel_formation_format(&s->now, &line);
	result(cx, "%s", rel_buf_str(&line));
}

static int run(
	struct ctx *cx, void *o, int argc, char **argv, struct rel_err *err)
{
	REL_AUTO(scaling_done)
	struct scaling s = { .lock_fd = -1, .target.tree_fd = -1 };
	int r = app_find(cx, s.app, err);

	(void)o;
	if (r == 0 && argc > 0)
		r = rel_store_lock_app(cx->home->store, s.app,
			cx->home->opt.wait_ms, &s.lock_fd, err);
	if (r == 0 && argc > 0)
		r = rel_home_reopen(cx->home, err);
	if (r == 0)
		r = load_release(cx, &s, err);
	if (r == 0)
		r = load_now(cx, &s, err);
	if (r == 0 && argc > 0)
		r = carry_out(cx, &s, argc, argv, err);
	if (r < 0)
		return r;
	print(cx, &s);
	return 0;
}

const struct cmd cmd_scale = {
	.name = "scale",
	.args = "[TYPE=N | TYPE+N | TYPE-N]...",
	.summary = "how many processes of each type there are",
	.group = "Work",
	.examples = "  relctl scale\n"
		    "  relctl scale web=3 worker+1\n",
	.need = NEED_READ,
	.max_args = -1,
	.run = run,
};
