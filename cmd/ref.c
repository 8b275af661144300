/* SPDX-License-Identifier: Apache-2.0 */
#include "ref.h"

#include "base/mem.h"
#include "ctx.h"
#include "helper.h"
#include "home/home.h"
#include "opt.h"
#include "out.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "v12" → 12; 0: not of that form. */
static int64_t version_number(const char *s)
{
	int64_t n = 0;

	if (*s++ != 'v' || *s < '1' || *s > '9')
		return 0;
	for (; *s; s++) {
		if (!isdigit((unsigned char)*s) || n > INT64_MAX / 10 - 1)
			return 0;
		n = n * 10 + (*s - '0');
	}
	return n;
}

/* Splits a word into app ("" : the default one) and number (0: current). */
static bool release_form(
	struct ctx *cx, const char *word, char *app, int64_t *number)
{
	const char *at = strrchr(word, '@');
	size_t n = at ? (size_t)(at - word) : 0;

	*app = '\0';
	*number = version_number(at ? at + 1 : word);
	if (at && n > 0 && n <= 40 && *number > 0) {
		memcpy(app, word, n);
		app[n] = '\0';
		return app_name_valid(app);
	}
	if (at)
		return false;
	if (*number > 0 || strcmp(word, "current") == 0)
		return true;
	if (!app_exists(cx, word))
		return false;
	snprintf(app, 41, "%s", word);
	return true;
}

struct nearest {
	int64_t wanted, below, above;
};

static int see_number(
	void *arg, const struct rel_release_row *r, struct rel_err *err)
{
	struct nearest *n = arg;

	(void)err;
	if (r->number > n->wanted)
		n->above = r->number;
	else if (n->below == 0)
		n->below = r->number;
	return n->below ? 1 : 0;
}

static int unknown_release(
	struct ctx *cx, const char *app, int64_t number, struct rel_err *err)
{
	struct nearest n = { .wanted = number };
	struct rel_err ignored;
	char text[96] = "";

	if (rel_ledger_each_release(
		    cx->home->ledger, app, 0, 0, see_number, &n, &ignored) < 0)
		n = (struct nearest){ 0 };
	if (n.below && n.above)
		snprintf(text, sizeof(text),
			"the nearest are v%" PRId64 " and v%" PRId64, n.below,
			n.above);
	else if (n.below || n.above)
		snprintf(text, sizeof(text), "the %s is v%" PRId64,
			n.below ? "newest" : "oldest",
			n.below ? n.below : n.above);
	rel_fail(err, REL_ENOTFOUND, "app '%s' has no release v%" PRId64, app,
		number);
	return rel_hint(err, "%s%srelctl -a %s releases --all", text,
		*text ? "; " : "", app);
}

static int load_release(struct ctx *cx, const char *app, int64_t number,
	struct rel_release_row *ret, struct rel_err *err)
{
	struct rel_activation current;
	int r;

	if (number > 0) {
		r = rel_ledger_release(cx->home->ledger, app, number, ret, err);
		return r == -REL_ENOTFOUND
			       ? unknown_release(cx, app, number, err)
			       : r;
	}
	r = rel_ledger_current(cx->home->ledger, app, &current, err);
	if (r == -REL_ENOTFOUND) {
		rel_fail(err, REL_EREFUSED,
			"app '%s' has no current release: none was activated",
			app);
		return rel_hint(err, "relctl -a %s releases", app);
	}
	if (r < 0)
		return r;
	return rel_ledger_release(
		cx->home->ledger, app, current.number, ret, err);
}

int release_find(struct ctx *cx, const char *word, struct rel_release_row *ret,
	struct rel_err *err)
{
	char app[41] = "";
	int64_t number = 0;
	int r;

	if (word && !release_form(cx, word, app, &number)) {
		rel_fail(err, REL_ENOTFOUND, "no release '%.*s'",
			shown_len(word), word);
		return rel_hint(err,
			"a release is v12, APP@v12, APP (its current one) or "
			"current");
	}
	if (*app && !app_exists(cx, app))
		return rel_fail(err, REL_ENOTFOUND,
			"no app '%s' in the store '%s'", app, cx->store);
	if (!*app) {
		r = app_find(cx, app, err);
		if (r < 0)
			return r;
	}
	return load_release(cx, app, number, ret, err);
}

/* By a commit's hex digits, 4 or more. */
static int by_commit(struct ctx *cx, const char *hex, struct artifact_ref *ret,
	bool *ret_found, struct rel_err *err)
{
	bool others = false;
	int r = rel_ledger_commit(
		cx->home->ledger, hex, ret->commit, &ret->id, &others, err);

	*ret_found = r == 0;
	if (r == -REL_ENOTFOUND)
		return 0;
	if (r == 0 && others)
		rel_notice(&cx->events,
			"commit %.7s has other builds too; this is the newest, "
			"%.19s",
			ret->commit, rel_artifact_format(&ret->id).s);
	return r;
}

int artifact_of_commit(struct ctx *cx, const char *commit,
	struct artifact_ref *ret, bool *ret_found, struct rel_err *err)
{
	return by_commit(cx, commit, ret, ret_found, err);
}

struct prefix_search {
	struct rel_id id;
	size_t n;
};

static int see_artifact(void *arg, const struct rel_id *id, struct rel_err *err)
{
	struct prefix_search *s = arg;

	(void)err;
	s->id = *id;
	return ++s->n > 1 ? 1 : 0;
}

static int see_newest(
	void *arg, const struct rel_build_row *b, struct rel_err *err)
{
	struct artifact_ref *ret = arg;

	(void)err;
	snprintf(ret->commit, sizeof(ret->commit), "%s", b->commit);
	return 1;
}

static int by_digest(struct ctx *cx, const char *word, struct artifact_ref *ret,
	struct rel_err *err)
{
	const char *hex = word + strlen("sha256:");
	struct prefix_search s = { 0 };
	size_t n = strlen(hex);
	int r;

	if (n < 7 || n > 64 || strspn(hex, "0123456789abcdef") != n)
		return rel_fail(err, REL_EUSAGE,
			"'%s' is not sha256: and 7 to 64 hex digits", word);
	r = rel_ledger_each_artifact(
		cx->home->ledger, hex, see_artifact, &s, err);
	if (r < 0)
		return r;
	if (s.n == 0)
		return rel_fail(err, REL_ENOTFOUND, "no artifact '%s'", word);
	if (s.n > 1)
		return rel_fail(err, REL_EUSAGE,
			"'%s' fits several artifacts: give more digits", word);
	/* Its newest build says which commit it is, where there is one. */
	r = rel_ledger_each_build(
		cx->home->ledger, &s.id, NULL, see_newest, ret, err);
	ret->id = s.id;
	return r < 0 ? r : 0;
}

/* A commit name by git; false when there is no repository or no such name, or
 * that can't be told: ${why}. */
static bool git_commit_of(
	struct ctx *cx, const char *word, char *ret, struct rel_err *why)
{
	REL_AUTO(rel_json_freep) struct json_t *doc = NULL;
	const char *commit;

	/* To the helper A..B is a range, which is no name of one commit. */
	if (strstr(word, ".."))
		return false;
	if (helper_resolve(cx, word, &doc, why) < 0)
		return false;
	commit = rel_json_get_str(doc, "commit");
	snprintf(ret, 41, "%s", commit ? commit : "");
	return commit != NULL;
}

static int as_commit(struct ctx *cx, const char *word, struct artifact_ref *ret,
	bool *ret_named, bool *ret_built, struct rel_err *why,
	struct rel_err *err)
{
	size_t n = strlen(word);
	char commit[41];
	int r = 0;

	*ret_named = *ret_built = false;
	if (git_commit_of(cx, word, commit, why)) {
		*ret_named = true;
		return by_commit(cx, commit, ret, ret_built, err);
	}
	/* Without the repository the ledger knows the commits it has. */
	if (n >= 4 && n <= 40 && strspn(word, "0123456789abcdef") == n)
		r = by_commit(cx, word, ret, ret_built, err);
	*ret_named = *ret_built;
	return r;
}

int artifact_find(struct ctx *cx, const char *word, struct artifact_ref *ret,
	struct rel_err *err)
{
	REL_AUTO(rel_release_row_done) struct rel_release_row row = { 0 };
	struct artifact_ref by_git = { 0 };
	struct rel_err why = REL_ERR_INIT;
	bool named, built, is_release;
	char app[41];
	int64_t number;
	int r;

	*ret = (struct artifact_ref){ 0 };
	if (strncmp(word, "sha256:", 7) == 0)
		return by_digest(cx, word, ret, err);
	is_release = release_form(cx, word, app, &number);
	r = as_commit(cx, word, &by_git, &named, &built, &why, err);
	if (r < 0)
		return r;
	if (is_release) {
		r = release_find(cx, word, &row, err);
		if (r == -REL_ENOTFOUND && named)
			is_release = false;
		else if (r < 0)
			return r;
	}
	if (is_release) {
		ret->id = row.artifact;
		snprintf(ret->commit, sizeof(ret->commit), "%s", row.commit);
		if (named && (!built || !rel_id_equal(&by_git.id, &ret->id))) {
			rel_fail(err, REL_EUSAGE,
				"'%s' is a release and a commit", word);
			return rel_hint(err,
				"write %s@v%" PRId64 " for the release, or the "
				"commit's digits",
				row.app, row.number);
		}
		return 0;
	}
	if (built) {
		*ret = by_git;
		return 0;
	}
	if (named) {
		rel_fail(err, REL_ENOTFOUND, "commit '%s' was not built here",
			word);
		return rel_hint(err, "relctl build %s", word);
	}
	if (why.code == REL_EDENIED) {
		*err = why; /* of the repository */
		return -(int)err->code;
	}
	rel_fail(err, REL_ENOTFOUND, "no artifact '%.*s'", shown_len(word),
		word);
	return rel_hint(err, "an artifact is sha256:…, a release or a commit; "
			     "'relctl artifacts' lists them");
}
