/* SPDX-License-Identifier: Apache-2.0 */
/* lib/ledger/build.c - what was built and imported: by artifact, by commit, by
 * tree, by repository. */
#include "base/mem.h"
#include "ledger/db.h"

#include <stdlib.h>
#include <string.h>

void rel_build_row_done(struct rel_build_row *b)
{
	free(b->commit);
	free(b->tree);
	free(b->origin);
	free(b->subject);
	free(b->by);
	free(b->options);
	free(b->exceptions);
	*b = (struct rel_build_row){ 0 };
}

/* seq, time, kind, body */
static int read_build(
	sqlite3_stmt *s, struct rel_build_row *ret, struct rel_err *err)
{
	REL_AUTO(rel_build_row_done) struct rel_build_row b = { 0 };
	REL_AUTO(rel_json_freep) struct json_t *body = NULL;
	REL_AUTO(rel_freep) char *kind = NULL;
	int64_t seq = sqlite3_column_int64(s, 0);

	if (rel_db_text(s, 2, &kind, err) < 0 ||
		rel_db_body(s, 3, &body, err) < 0 ||
		rel_body_build(body, !strcmp(kind, "import"), &b, err) < 0)
		return rel_db_damaged(seq, err);
	b.seq = seq;
	b.time_ms = sqlite3_column_int64(s, 1);
	*ret = b;
	b = (struct rel_build_row){ 0 };
	return 0;
}

static int each_row(struct rel_ledger *l, sqlite3_stmt *s, rel_build_fn *fn,
	void *arg, struct rel_err *err)
{
	int r;

	while ((r = rel_db_step(l, s, err)) > 0) {
		REL_AUTO(rel_build_row_done) struct rel_build_row b = { 0 };

		r = read_build(s, &b, err);
		if (r == 0)
			r = fn(arg, &b, err);
		if (r != 0)
			return r;
	}
	return r;
}

/* What follows all that begin with ${prefix}: 'g' is the first letter that is
 * no hex digit. */
static char *end_of(const char *prefix)
{
	return rel_printf("%sg", prefix);
}

/* Most are of one artifact or of one whole commit. */
static const char *builds_sql(bool artifact, const char *prefix)
{
	if (artifact && !*prefix)
		return rel_db_sql(REL_Q_BUILDS_OF_ARTIFACT);
	if (!artifact && strlen(prefix) == 40)
		return rel_db_sql(REL_Q_BUILDS_OF_REVISION);
#define COLUMNS                                                                \
	"SELECT e.seq, e.time, e.kind, e.body FROM build b"                    \
	" JOIN event e ON e.seq = b.seq "
	if (!*prefix)
		return COLUMNS "ORDER BY b.seq DESC";
	return artifact ? COLUMNS "WHERE b.artifact = ?1 AND b.revision >= ?2"
				  " AND b.revision < ?3 ORDER BY b.seq DESC"
			: COLUMNS "WHERE b.revision >= ?1 AND b.revision < ?2"
				  " ORDER BY b.seq DESC";
#undef COLUMNS
}

int rel_ledger_each_build(struct rel_ledger *l, const struct rel_id *artifact,
	const char *commit_prefix, rel_build_fn *fn, void *arg,
	struct rel_err *err)
{
	const char *prefix = commit_prefix ? commit_prefix : "";
	REL_AUTO(rel_freep) char *end = end_of(prefix);
	REL_AUTO(rel_db_finalizep) sqlite3_stmt *s = NULL;
	struct rel_hex hex;
	int i = 1, r = rel_db_prepare(l, builds_sql(artifact, prefix), &s, err);

	if (r < 0)
		return r;
	if (artifact) {
		hex = rel_id_hex(artifact);
		rel_db_bind_text(s, i++, hex.s);
	}
	if (*prefix) {
		rel_db_bind_text(s, i++, prefix);
		rel_db_bind_text(s, i, end); /* no matter where it is not there
					      */
	}
	return each_row(l, s, fn, arg, err);
}

int rel_ledger_each_build_of_tree(struct rel_ledger *l, const char *tree,
	rel_build_fn *fn, void *arg, struct rel_err *err)
{
	REL_AUTO(rel_db_finalizep) sqlite3_stmt *s = NULL;
	int r = rel_db_prepare(l, rel_db_sql(REL_Q_BUILDS_OF_TREE), &s, err);

	if (r < 0)
		return r;
	rel_db_bind_text(s, 1, tree);
	return each_row(l, s, fn, arg, err);
}

/* What ${which} finds first from ${low} on and below ${end}; "" if nothing. */
static int next_digits(struct rel_ledger *l, enum rel_query which,
	const char *low, const char *end, char **ret, struct rel_err *err)
{
	REL_AUTO(rel_db_donep) sqlite3_stmt *s = NULL;
	int r = rel_db_own(l, which, &s, err);

	if (r < 0)
		return r;
	rel_db_bind_text(s, 1, low);
	rel_db_bind_text(s, 2, end);
	r = rel_db_step(l, s, err);
	if (r > 0)
		return rel_db_text(s, 0, ret, err);
	if (r == 0)
		*ret = rel_strdup("");
	return r;
}

/* Call ${fn} with each different value in order: one search for each. */
static int each_digits(struct rel_ledger *l, enum rel_query which,
	const char *prefix,
	int (*fn)(void *arg, const char *digits, struct rel_err *err),
	void *arg, struct rel_err *err)
{
	REL_AUTO(rel_freep) char *end = end_of(prefix);
	REL_AUTO(rel_freep) char *low = rel_strdup(prefix);
	int r;

	do {
		REL_AUTO(rel_freep) char *found = NULL;

		r = next_digits(l, which, low, end, &found, err);
		if (r < 0 || !*found)
			return r;
		/* All are of one length: the next one is past this, too. */
		free(low);
		low = rel_printf("%s0", found);
		r = fn(arg, found, err);
	} while (r == 0);
	return r;
}

struct revisions {
	char first[41];
	size_t n;
};

static int see_revision(void *arg, const char *digits, struct rel_err *err)
{
	struct revisions *v = arg;

	(void)err;
	if (v->n++ == 0)
		memcpy(v->first, digits, strnlen(digits, sizeof(v->first) - 1));
	return v->n > 1;
}

/* A question that is answered by 0 or 1. */
static int ask(struct rel_ledger *l, enum rel_query which, const char *a,
	const char *b, bool *ret, struct rel_err *err)
{
	REL_AUTO(rel_db_donep) sqlite3_stmt *s = NULL;
	int r = rel_db_own(l, which, &s, err);

	if (r < 0)
		return r;
	rel_db_bind_text(s, 1, a);
	rel_db_bind_text(s, 2, b);
	r = rel_db_step(l, s, err);
	if (r < 0)
		return r;
	*ret = sqlite3_column_int(s, 0);
	return 0;
}

static int see_artifact(
	void *arg, const struct rel_build_row *b, struct rel_err *err)
{
	(void)err;
	*(struct rel_id *)arg = b->artifact;
	return 1;
}

int rel_ledger_commit(struct rel_ledger *l, const char *prefix, char ret[41],
	struct rel_id *ret_artifact, bool *ret_others, struct rel_err *err)
{
	struct revisions v = { .n = 0 };
	struct rel_id artifact;
	struct rel_hex hex;
	bool others;
	int r = each_digits(
		l, REL_Q_NEXT_REVISION, prefix, see_revision, &v, err);

	if (r < 0)
		return r;
	if (v.n == 0)
		return rel_fail(err, REL_ENOTFOUND,
			"no commit '%s' in the ledger", prefix);
	if (v.n > 1)
		return rel_fail(err, REL_EUSAGE,
			"'%s' fits several commits: give more digits", prefix);
	r = rel_ledger_each_build(
		l, NULL, v.first, see_artifact, &artifact, err);
	if (r < 0)
		return r;
	hex = rel_id_hex(&artifact);
	r = ask(l, REL_Q_OTHER_ARTIFACT, v.first, hex.s, &others, err);
	if (r < 0)
		return r;
	memcpy(ret, v.first, sizeof(v.first));
	*ret_artifact = artifact;
	*ret_others = others;
	return 0;
}

int rel_ledger_built_from(struct rel_ledger *l, const struct rel_id *artifact,
	const char *origin, bool *ret, struct rel_err *err)
{
	struct rel_hex hex = rel_id_hex(artifact);

	return ask(l, REL_Q_BUILT_FROM, hex.s, origin, ret, err);
}

struct artifacts {
	int (*fn)(void *arg, const struct rel_id *id, struct rel_err *err);
	void *arg;
};

static int pass_artifact(void *arg, const char *digits, struct rel_err *err)
{
	struct artifacts *a = arg;
	struct rel_id id;

	if (!rel_id_parse(digits, &id))
		return rel_fail(err, REL_EINTEGRITY,
			"the index has an artifact that is no digest");
	return a->fn(a->arg, &id, err);
}

int rel_ledger_each_artifact(struct rel_ledger *l, const char *prefix,
	int (*fn)(
		void *arg, const struct rel_id *artifact, struct rel_err *err),
	void *arg, struct rel_err *err)
{
	struct artifacts a = { fn, arg };

	return each_digits(
		l, REL_Q_NEXT_ARTIFACT, prefix, pass_artifact, &a, err);
}
