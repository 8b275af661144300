/* SPDX-License-Identifier: Apache-2.0 */
#include "build/build.h"

#include "base/clock.h"
#include "base/mem.h"
#include "build/entries.h"
#include "build/grow.h"
#include "build/maker.h"
#include "build/product.h"
#include "build/survey.h"

#include <stdlib.h>
#include <string.h>

/* gc keeps what was built within a day: an event that is older than this is
 * not enough for who builds the commit again. */
#define RENEW_MS INT64_C(3600000)

/* What the whole of a build knows. */
struct job {
	const struct rel_build_options *opt;
	struct rel_home *home;
	struct rel_git *git;
	struct rel_maker *maker;
	struct rel_survey survey;
	char *line; /* of the build command, or NULL */
};

/* ${level}: what the build command had; AUTO: there is no command. */
static struct json_t *options_json(
	const struct rel_build_options *opt, enum rel_isolation level)
{
	struct json_t *j = rel_json_object();
	struct json_t *build;

	if (opt->allow_external)
		rel_json_set(j, "allow-external-symlinks", rel_json_bool(true));
	if (opt->submodules == REL_SUBMODULES_EMPTY)
		rel_json_set(j, "submodules", rel_json_text("empty"));
	if (opt->lfs == REL_LFS_POINTER)
		rel_json_set(j, "lfs", rel_json_text("pointer"));
	if (opt->lfs == REL_LFS_LOCAL)
		rel_json_set(j, "lfs", rel_json_text("local"));
	if (level != REL_ISOLATION_AUTO) {
		build = rel_json_object();
		rel_json_set(build, "isolation",
			rel_json_text(rel_isolation_name(level)));
		rel_json_set(build, "network", rel_json_bool(opt->network));
		rel_json_set(j, "build", build);
	}
	return j;
}

static struct json_t *event_body(struct rel_git *g,
	const struct rel_git_commit *c, struct json_t *options,
	const struct json_t *exceptions)
{
	struct json_t *b = rel_json_object();
	struct rel_buf origin = REL_BUF_INIT;

	rel_git_origin(g, &origin);
	rel_json_set(b, "commit", rel_json_text(c->id));
	rel_json_set(b, "committed", rel_json_number(c->time_s));
	rel_json_set(b, "tree", rel_json_text(c->tree));
	rel_json_set(b, "subject", rel_json_text(c->subject));
	rel_json_set(b, "origin", rel_json_text(rel_buf_str(&origin)));
	rel_json_set(b, "options", options);
	rel_json_set(b, "exceptions",
		exceptions ? rel_json_copy(exceptions) : rel_json_array());
	rel_buf_free(&origin);
	return b;
}

#define LEVELS 2 /* that AUTO may have come to */

/* What an earlier build says about this tree with these options. */
struct earlier {
	const struct rel_git_commit *commit;
	bool command; /* then only the same commit will do */
	/* Any of them; options in canonical JSON. */
	enum rel_isolation levels[LEVELS];
	struct rel_buf options[LEVELS];
	size_t options_n;
	enum rel_isolation level; /* of the one found */
	bool found, same_commit;
	int64_t time_ms; /* of the event */
	struct rel_id artifact, record;
	char *exceptions;
};

static int look_at_build(
	void *arg, const struct rel_build_row *b, struct rel_err *err)
{
	struct earlier *want = arg;
	bool same = strcmp(b->commit, want->commit->id) == 0;
	size_t i = 0;

	(void)err;
	while (i < want->options_n &&
		strcmp(b->options, rel_buf_str(&want->options[i])) != 0)
		i++;
	if (i == want->options_n || (want->command && !same))
		return 0;
	if (want->found &&
		(!same || !rel_id_equal(&want->artifact, &b->artifact)))
		return 0;
	if (!want->found)
		want->exceptions = rel_strdup(b->exceptions);
	want->found = true;
	want->level = want->levels[i];
	want->artifact = b->artifact;
	want->record = b->record;
	want->time_ms = b->time_ms;
	want->same_commit = same;
	return same ? 1 : 0;
}

static int find_earlier(
	const struct job *j, struct earlier *want, struct rel_err *err)
{
	enum rel_isolation asked = j->opt->isolation;
	int r;

	want->command = j->line != NULL;
	want->options_n = 1;
	if (want->command && asked == REL_ISOLATION_AUTO) {
		want->levels[0] = REL_ISOLATION_NS;
		want->levels[1] = REL_ISOLATION_LANDLOCK;
		want->options_n = LEVELS;
	} else if (want->command) {
		want->levels[0] = asked;
	}
	for (size_t i = 0; i < want->options_n; i++) {
		struct json_t *options = options_json(j->opt, want->levels[i]);

		rel_json_format(options, &want->options[i]);
		rel_json_free(options);
	}
	r = rel_ledger_each_build_of_tree(
		j->home->ledger, want->commit->tree, look_at_build, want, err);
	return r < 0 ? r : 0;
}

/*
 * The tree is known: a commit that is new to the ledger is recorded, and one
 * that is not when that was long ago, since gc goes by it. Under the lock, so
 * that gc takes nothing between the look and the record.
 */
static int reuse(const struct job *j, const struct earlier *e,
	struct rel_build_result *ret, struct rel_err *err)
{
	struct rel_home *h = j->home;
	REL_AUTO(rel_artifact_done) struct rel_artifact a = { 0 };
	struct json_t *body, *exceptions = NULL;
	struct rel_err ignored;
	struct rel_id file;
	int r = rel_store_lock(h->store, REL_LOCK_SHARED, h->opt.wait_ms, err);

	if (r < 0)
		return r;
	/* Another tree, or an import, may have come to the same artifact: then
	 * its record does not note what is to be said about this one. */
	if (rel_artifact_load(h, &e->artifact, &a, &file, &ignored) < 0 ||
		!rel_id_equal(&file, &e->record) || !rel_artifact_whole(h, &a))
		return 0;
	ret->known = true;
	ret->other_commit = !e->same_commit;
	ret->isolation = e->level;
	ret->artifact = e->artifact;
	ret->entries = a.packed.entries;
	ret->size = a.packed.size;
	if (e->same_commit && rel_now_ms() - e->time_ms < RENEW_MS)
		return 0;
	if (rel_json_parse(
		    e->exceptions, strlen(e->exceptions), &exceptions, err) < 0)
		exceptions = NULL;
	body = event_body(
		j->git, e->commit, options_json(j->opt, e->level), exceptions);
	rel_json_free(exceptions);
	rel_json_set(body, "artifact",
		rel_json_text(rel_artifact_format(&e->artifact).s));
	rel_json_set(body, "record", rel_json_text(rel_id_hex(&file).s));
	rel_json_set(body, "tool", rel_json_text(RELCTL_VERSION));
	return rel_home_append(h, "", "build", body, NULL, NULL, NULL, err);
}

static int compare(const struct earlier *e, const struct rel_artifact *a,
	struct rel_err *err)
{
	/* What a command makes was compared with what it made again. */
	if (!e->found && e->command)
		return 0;
	if (!e->found)
		return rel_fail(err, REL_ENOTFOUND,
			"commit %.12s was not built here before: there is "
			"nothing to compare with",
			e->commit->id);
	if (rel_id_equal(&e->artifact, &a->packed.artifact))
		return 0;
	return rel_fail(err, REL_EDIFFERENT,
		"built again from nothing, commit %.12s gives %.19s, not %.19s",
		e->commit->id, rel_artifact_format(&a->packed.artifact).s,
		rel_artifact_format(&e->artifact).s);
}

static int find_soil(struct job *j, struct rel_soil *ret, bool *ret_found,
	struct rel_err *err)
{
	REL_AUTO(rel_buf_free) struct rel_buf options = REL_BUF_INIT;
	struct json_t *json = options_json(j->opt, REL_ISOLATION_AUTO);

	rel_json_format(json, &options);
	rel_json_free(json);
	return rel_soil_find(
		j->home, j->git, rel_buf_str(&options), ret, ret_found, err);
}

/* What something is said about is looked at again by the next build. */
static void mark_notes(const struct rel_survey *s, struct rel_packed *packed)
{
	for (size_t i = 0; i < s->places.n; i++)
		packed->chunks[s->places.v[i]].notes = true;
}

/* ${soil}: grow from it; NULL: from nothing. */
static int fill(struct job *j, const struct rel_soil *soil, const char *tree,
	struct rel_err *err)
{
	REL_AUTO(rel_entries_done)
	struct rel_entries entries = {
		.opt = j->opt,
		.events = j->home->opt.events,
		.git = j->git,
		.survey = &j->survey,
		.maker = j->maker,
		.pool = rel_maker_pool(j->maker),
	};
	int r = soil ? rel_grow_from(&entries, soil, tree, err)
		     : rel_entries_range(&entries, tree, NULL, NULL, err);

	return r < 0 ? r : rel_entries_end(&entries, err);
}

static int make_from(struct job *j, const struct rel_soil *soil,
	const char *tree, struct rel_artifact *ret, struct rel_err *err)
{
	int r = rel_maker_begin(j->home, !j->opt->check, &j->maker, err);

	if (r == 0)
		r = fill(j, soil, tree, err);
	if (r == 0)
		r = rel_maker_end(j->maker, ret, err);
	if (r == 0)
		mark_notes(&j->survey, &ret->packed);
	return r;
}

/* The commit's tree as it is. What is wrong with the earlier artifact, or with
 * its tree, has nothing to do with this one: then it is built from nothing. A
 * disk that fails is told. */
static int make_plain(struct job *j, const struct rel_git_commit *c,
	struct rel_artifact *ret, struct rel_err *err)
{
	REL_AUTO(rel_soil_done) struct rel_soil soil = { 0 };
	bool found = false;
	int r = j->opt->check ? 0 : find_soil(j, &soil, &found, err);

	if (r < 0)
		return r;
	if (found)
		r = make_from(j, &soil, c->tree, ret, err);
	if (found && r != -REL_EINTEGRITY && r != -REL_ENOTFOUND &&
		r != -REL_EINVALID)
		return r;
	rel_maker_abortp(&j->maker);
	rel_survey_done(&j->survey);
	return make_from(j, NULL, c->tree, ret, err);
}

/* … as its build command leaves it. */
static int make_product(struct job *j, struct rel_build_result *to,
	struct rel_artifact *ret, struct rel_err *err)
{
	struct rel_product p = {
		.home = j->home,
		.git = j->git,
		.commit = &to->commit,
		.opt = j->opt,
		.line = j->line,
		.survey = &j->survey,
	};
	int r = rel_product_make(&p, &j->maker, ret, err);

	to->isolation = p.isolation;
	to->signal = p.signal;
	return r;
}

static int build_anew(struct job *j, const struct earlier *e,
	struct rel_build_result *ret, struct rel_err *err)
{
	REL_AUTO(rel_artifact_done) struct rel_artifact a = { 0 };
	struct json_t *body;
	int r = j->line ? make_product(j, ret, &a, err)
			: make_plain(j, &ret->commit, &a, err);

	if (r < 0)
		return r;
	ret->artifact = a.packed.artifact;
	ret->entries = a.packed.entries;
	ret->size = a.packed.size;
	if (j->opt->check)
		return compare(e, &a, err);
	rel_survey_report(&j->survey, j->home->opt.events);
	body = event_body(j->git, &ret->commit,
		options_json(j->opt, ret->isolation), j->survey.exceptions);
	return rel_maker_publish(
		&j->maker, &a, "build", body, &ret->new_bytes, err);
}

static void earlier_done(struct earlier *e)
{
	for (size_t i = 0; i < LEVELS; i++)
		rel_buf_free(&e->options[i]);
	free(e->exceptions);
}

int rel_build(struct rel_home *h, struct rel_git *g, const char *rev,
	const struct rel_build_options *opt, struct rel_build_result *ret,
	struct rel_err *err)
{
	REL_AUTO(earlier_done) struct earlier e = { .commit = &ret->commit };
	struct job j = { .opt = opt, .home = h, .git = g };
	int r;

	*ret = (struct rel_build_result){ 0 };
	r = rel_git_commit(g, rev, &ret->commit, err);
	if (r == 0)
		r = rel_product_line(g, &ret->commit, &j.line, err);
	ret->command = j.line != NULL;
	if (r == 0)
		r = find_earlier(&j, &e, err);
	if (r == 0 && e.found && !opt->check) {
		r = reuse(&j, &e, ret, err);
		rel_store_unlock(h->store);
	}
	if (r == 0 && !ret->known)
		r = build_anew(&j, &e, ret, err);
	rel_maker_abortp(&j.maker);
	rel_store_unlock(h->store);
	rel_survey_done(&j.survey);
	free(j.line);
	return r;
}
