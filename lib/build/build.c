/* SPDX-License-Identifier: Apache-2.0 */
#include "build/build.h"

#include "base/clock.h"
#include "base/mem.h"
#include "build/lfs.h"
#include "build/maker.h"
#include "build/survey.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* gc keeps what was built within a day: an event that is older than this is
 * not enough for who builds the commit again. */
#define RENEW_MS INT64_C(3600000)

struct job {
	const struct rel_build_options *opt;
	struct rel_home *home;
	struct rel_git *git;
	struct rel_maker *maker;
	struct rel_survey survey;
	struct rel_lfs_found lfs; /* pointers that nothing allows */
	struct rel_buf blob, object;
	uint64_t done; /* content bytes, for the progress */
};

static int bad_entry(
	const struct rel_git_entry *ge, const char *what, struct rel_err *err)
{
	struct rel_buf path = REL_BUF_INIT;

	rel_buf_add_escaped(&path, ge->path, ge->path_len);
	rel_fail(err, REL_EINVALID, "path '%.300s': %s", rel_buf_str(&path),
		what);
	rel_buf_free(&path);
	return -REL_EINVALID;
}

static int add_submodule(struct job *j, const struct rel_git_entry *ge,
	struct rel_entry *e, struct rel_err *err)
{
	char what[160];
	bool external;

	snprintf(what, sizeof(what), "submodule %s", ge->hex);
	if (j->opt->submodules != REL_SUBMODULES_EMPTY) {
		snprintf(what, sizeof(what),
			"a submodule (commit %s), which is not in this "
			"repository",
			ge->hex);
		bad_entry(ge, what, err);
		return rel_hint(err,
			"commit its files, or build with --submodules=empty "
			"for an empty directory");
	}
	e->type = REL_DIR;
	rel_survey_entry(&j->survey, e, NULL, 0);
	rel_survey_exception(&j->survey, e, what);
	return rel_maker_entry(j->maker, e, false, &external, err);
}

static int add_link(struct job *j, const struct rel_git_entry *ge,
	struct rel_entry *e, struct rel_err *err)
{
	bool external;
	/* One more than may be, so that the rule's own message is given. */
	int r = rel_git_blob(j->git, ge, REL_MAX_FILE, &j->blob, err);

	if (r < 0)
		return r;
	e->type = REL_LINK;
	e->target = rel_buf_str(&j->blob);
	e->target_len = j->blob.len;
	rel_survey_entry(&j->survey, e, NULL, 0);
	r = rel_maker_entry(
		j->maker, e, j->opt->allow_external, &external, err);
	if (r == 0 && external)
		rel_survey_exception(&j->survey, e, "external symlink");
	return r;
}

static int add_file(struct job *j, const struct rel_git_entry *ge,
	struct rel_entry *e, struct rel_err *err)
{
	struct rel_buf *content = &j->blob;
	struct rel_lfs_pointer pointer;
	bool external;
	int r = rel_git_blob(j->git, ge, REL_MAX_FILE, &j->blob, err);

	if (r < 0)
		return r;
	e->type = REL_FILE;
	e->executable = ge->mode == 0100755;
	if (ge->mode == 0100664)
		rel_survey_odd_mode(&j->survey, e);
	if (rel_lfs_is_pointer(j->blob.p, j->blob.len)) {
		if (j->opt->lfs == REL_LFS_ERROR)
			rel_lfs_note(&j->lfs, e);
		else
			rel_survey_exception(&j->survey, e,
				j->opt->lfs == REL_LFS_LOCAL ? "lfs object"
							     : "lfs pointer");
		if (j->opt->lfs == REL_LFS_LOCAL) {
			r = rel_lfs_parse(
				e, j->blob.p, j->blob.len, &pointer, err);
			if (r == 0)
				r = rel_git_lfs_object(j->git, pointer.oid,
					pointer.size, &j->object, err);
			if (r < 0)
				return r;
			content = &j->object;
		}
	}
	e->size = content->len;
	rel_survey_entry(&j->survey, e, rel_buf_str(content), content->len);
	r = rel_maker_entry(j->maker, e, false, &external, err);
	if (r == 0)
		r = rel_maker_data(
			j->maker, rel_buf_str(content), content->len, err);
	j->done += content->len;
	rel_progress(j->home->opt.events, "packing", j->done, 0);
	return r;
}

static int add_entry(
	struct job *j, const struct rel_git_entry *ge, struct rel_err *err)
{
	struct rel_entry e = {
		.path = ge->path,
		.path_len = ge->path_len,
		.target = "",
	};
	bool external;
	char what[64];

	switch (ge->mode) {
	case 040000:
		e.type = REL_DIR;
		rel_survey_entry(&j->survey, &e, NULL, 0);
		return rel_maker_entry(j->maker, &e, false, &external, err);
	case 0100644:
	case 0100664:
	case 0100755:
		return add_file(j, ge, &e, err);
	case 0120000:
		return add_link(j, ge, &e, err);
	case 0160000:
		return add_submodule(j, ge, &e, err);
	default:
		snprintf(what, sizeof(what),
			"mode %06o, which git does not make", ge->mode);
		return bad_entry(ge, what, err);
	}
}

static int walk(struct job *j, const char *tree, struct rel_err *err)
{
	REL_AUTO(rel_git_walk_endp) struct rel_git_walk *w = NULL;
	struct rel_git_entry ge;
	bool more = true;
	int r = rel_git_walk_begin(j->git, tree, &w, err);

	while (r == 0) {
		r = rel_git_walk_next(w, &ge, &more, err);
		if (r < 0 || !more)
			break;
		r = add_entry(j, &ge, err);
	}
	if (r == 0)
		r = rel_lfs_refuse(&j->lfs, err);
	return r;
}

static struct json_t *options_json(const struct rel_build_options *opt)
{
	struct json_t *j = rel_json_object();

	if (opt->allow_external)
		rel_json_set(j, "allow-external-symlinks", rel_json_bool(true));
	if (opt->submodules == REL_SUBMODULES_EMPTY)
		rel_json_set(j, "submodules", rel_json_text("empty"));
	if (opt->lfs == REL_LFS_POINTER)
		rel_json_set(j, "lfs", rel_json_text("pointer"));
	if (opt->lfs == REL_LFS_LOCAL)
		rel_json_set(j, "lfs", rel_json_text("local"));
	return j;
}

static struct json_t *event_body(struct rel_git *g,
	const struct rel_git_commit *c, const struct rel_build_options *opt,
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
	rel_json_set(b, "options", options_json(opt));
	rel_json_set(b, "exceptions",
		exceptions ? rel_json_copy(exceptions) : rel_json_array());
	rel_buf_free(&origin);
	return b;
}

/* What an earlier build says about this tree with these options. */
struct earlier {
	const struct rel_git_commit *commit;
	struct rel_buf options; /* canonical JSON */
	bool found, same_commit;
	int64_t time_ms; /* of the event */
	struct rel_id artifact;
	char *exceptions;
};

static int look_at_build(
	void *arg, const struct rel_build_row *b, struct rel_err *err)
{
	struct earlier *want = arg;
	bool same = strcmp(b->commit, want->commit->id) == 0;

	(void)err;
	if (strcmp(b->options, rel_buf_str(&want->options)) != 0)
		return 0;
	if (want->found &&
		(!same || !rel_id_equal(&want->artifact, &b->artifact)))
		return 0;
	if (!want->found)
		want->exceptions = rel_strdup(b->exceptions);
	want->found = true;
	want->artifact = b->artifact;
	want->time_ms = b->time_ms;
	want->same_commit = same;
	return same ? 1 : 0;
}

static int find_earlier(struct rel_home *h, const struct rel_build_options *opt,
	struct earlier *want, struct rel_err *err)
{
	struct json_t *options = options_json(opt);
	int r;

	rel_json_format(options, &want->options);
	rel_json_free(options);
	r = rel_ledger_each_build_of_tree(
		h->ledger, want->commit->tree, look_at_build, want, err);
	return r < 0 ? r : 0;
}

/*
 * The tree is known: a commit that is new to the ledger is recorded, and one
 * that is not when that was long ago, since gc goes by it. Under the lock, so
 * that gc takes nothing between the look and the record.
 */
static int reuse(struct rel_home *h, struct rel_git *g,
	const struct rel_build_options *opt, const struct earlier *e,
	struct rel_build_result *ret, struct rel_err *err)
{
	REL_AUTO(rel_artifact_done) struct rel_artifact a = { 0 };
	struct json_t *body, *exceptions = NULL;
	struct rel_err ignored;
	struct rel_id file;
	int r = rel_store_lock(h->store, REL_LOCK_SHARED, h->opt.wait_ms, err);

	if (r < 0)
		return r;
	if (rel_artifact_load(h, &e->artifact, &a, &file, &ignored) < 0 ||
		!rel_artifact_whole(h, &a))
		return 0;
	ret->known = true;
	ret->other_commit = !e->same_commit;
	ret->artifact = e->artifact;
	ret->entries = a.packed.entries;
	ret->size = a.packed.size;
	if (e->same_commit && rel_now_ms() - e->time_ms < RENEW_MS)
		return 0;
	if (rel_json_parse(
		    e->exceptions, strlen(e->exceptions), &exceptions, err) < 0)
		exceptions = NULL;
	body = event_body(g, e->commit, opt, exceptions);
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

static int build_anew(struct job *j, const struct earlier *e,
	struct rel_build_result *ret, struct rel_err *err)
{
	REL_AUTO(rel_artifact_done) struct rel_artifact a = { 0 };
	struct json_t *body;
	int r = rel_maker_begin(j->home, !j->opt->check, &j->maker, err);

	if (r == 0)
		r = walk(j, ret->commit.tree, err);
	if (r == 0)
		r = rel_maker_end(j->maker, &a, err);
	if (r < 0)
		return r;
	ret->artifact = a.packed.artifact;
	ret->entries = a.packed.entries;
	ret->size = a.packed.size;
	if (j->opt->check)
		return compare(e, &a, err);
	rel_survey_report(&j->survey, j->home->opt.events);
	body = event_body(j->git, &ret->commit, j->opt, j->survey.exceptions);
	return rel_maker_publish(
		&j->maker, &a, "build", body, &ret->new_bytes, err);
}

int rel_build(struct rel_home *h, struct rel_git *g, const char *rev,
	const struct rel_build_options *opt, struct rel_build_result *ret,
	struct rel_err *err)
{
	struct job j = { .opt = opt, .home = h, .git = g };
	struct earlier e = { .commit = &ret->commit };
	int r;

	*ret = (struct rel_build_result){ 0 };
	r = rel_git_commit(g, rev, &ret->commit, err);
	if (r == 0)
		r = find_earlier(h, opt, &e, err);
	if (r == 0 && e.found && !opt->check) {
		r = reuse(h, g, opt, &e, ret, err);
		rel_store_unlock(h->store);
	}
	if (r == 0 && !ret->known)
		r = build_anew(&j, &e, ret, err);
	rel_maker_abortp(&j.maker);
	rel_survey_done(&j.survey);
	rel_lfs_done(&j.lfs);
	rel_buf_free(&j.blob);
	rel_buf_free(&j.object);
	rel_buf_free(&e.options);
	free(e.exceptions);
	return r;
}
