/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "ledger/db.h"
#include "ledger/undo.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void rel_release_row_done(struct rel_release_row *r)
{
	free(r->app);
	free(r->commit);
	free(r->reason);
	free(r->of_app);
	free(r->by);
	free(r->message);
	free(r->changes);
	*r = (struct rel_release_row){ 0 };
}

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

/* The body in column ${i}; one that can't be read is damage. */
static int read_body(
	sqlite3_stmt *s, int i, struct json_t **ret, struct rel_err *err)
{
	REL_AUTO(rel_freep) char *text = NULL;
	int r = rel_db_text(s, i, &text, err);

	return r < 0 ? r : rel_json_parse(text, strlen(text), ret, err);
}

static int damaged(int64_t seq, struct rel_err *err)
{
	rel_wrap(err, "event %" PRId64, seq);
	err->code = REL_EINTEGRITY;
	return -(int)REL_EINTEGRITY;
}

/* seq, time, app, body, ever_active, failed, pinned */
static int read_release(
	sqlite3_stmt *s, struct rel_release_row *ret, struct rel_err *err)
{
	REL_AUTO(rel_release_row_done) struct rel_release_row b = { 0 };
	REL_AUTO(rel_json_freep) struct json_t *body = NULL;
	int64_t seq = sqlite3_column_int64(s, 0);

	if (read_body(s, 3, &body, err) < 0 ||
		rel_body_release(body, &b, err) < 0 ||
		rel_db_text(s, 2, &b.app, err) < 0)
		return damaged(seq, err);
	b.seq = seq;
	b.time_ms = sqlite3_column_int64(s, 1);
	b.ever_active = sqlite3_column_int(s, 4);
	b.failed = sqlite3_column_int(s, 5);
	b.pinned = sqlite3_column_int(s, 6);
	*ret = b;
	b = (struct rel_release_row){ 0 };
	return 0;
}

int rel_ledger_release(struct rel_ledger *l, const char *app, int64_t number,
	struct rel_release_row *ret, struct rel_err *err)
{
	REL_AUTO(rel_db_donep) sqlite3_stmt *s = NULL;
	int r = rel_db_own(l, REL_Q_RELEASE, &s, err);

	if (r < 0)
		return r;
	rel_db_bind_text(s, 1, app);
	rel_db_bind_int(s, 2, number);
	r = rel_db_step(l, s, err);
	if (r == 0)
		return rel_fail(err, REL_ENOTFOUND,
			"'%s' has no release v%" PRId64, app, number);
	return r < 0 ? r : read_release(s, ret, err);
}

int rel_ledger_newest(struct rel_ledger *l, const char *app,
	struct rel_release_row *ret, struct rel_err *err)
{
	REL_AUTO(rel_db_donep) sqlite3_stmt *s = NULL;
	int r = rel_db_own(l, REL_Q_NEWEST, &s, err);

	if (r < 0)
		return r;
	rel_db_bind_text(s, 1, app);
	r = rel_db_step(l, s, err);
	if (r == 0)
		return rel_fail(
			err, REL_ENOTFOUND, "'%s' has no releases", app);
	return r < 0 ? r : read_release(s, ret, err);
}

int rel_ledger_last_number(struct rel_ledger *l, const char *app, int64_t *ret,
	struct rel_err *err)
{
	REL_AUTO(rel_db_donep) sqlite3_stmt *s = NULL;
	int r = rel_db_own(l, REL_Q_LAST_NUMBER, &s, err);

	if (r < 0)
		return r;
	rel_db_bind_text(s, 1, app);
	r = rel_db_step(l, s, err);
	if (r < 0)
		return r;
	*ret = r ? sqlite3_column_int64(s, 0) : 0;
	return 0;
}

int rel_ledger_each_release(struct rel_ledger *l, const char *app,
	int64_t before, int64_t limit, rel_release_fn *fn, void *arg,
	struct rel_err *err)
{
	REL_AUTO(rel_db_finalizep) sqlite3_stmt *s = NULL;
	int r = rel_db_prepare(l,
		app ? REL_SELECT_RELEASE "WHERE r.app = ?3 AND r.number < ?1"
					 " ORDER BY r.number DESC LIMIT ?2"
		    : REL_SELECT_RELEASE "WHERE r.seq < ?1"
					 " ORDER BY r.seq DESC LIMIT ?2",
		&s, err);

	if (r < 0)
		return r;
	rel_db_bind_int(s, 1, before ? before : INT64_MAX);
	rel_db_bind_int(s, 2, limit ? limit : -1);
	if (app)
		rel_db_bind_text(s, 3, app);
	while ((r = rel_db_step(l, s, err)) > 0) {
		REL_AUTO(rel_release_row_done) struct rel_release_row b = { 0 };

		r = read_release(s, &b, err);
		if (r == 0)
			r = fn(arg, &b, err);
		if (r != 0)
			return r;
	}
	return r;
}

/* seq, time, number, beneath, content */
static int read_activation(
	sqlite3_stmt *s, struct rel_activation *ret, struct rel_err *err)
{
	struct rel_activation a = {
		.seq = sqlite3_column_int64(s, 0),
		.time_ms = sqlite3_column_int64(s, 1),
		.number = sqlite3_column_int64(s, 2),
		.on = sqlite3_column_int64(s, 3),
	};

	if (rel_db_id(s, 4, &a.content, err) < 0)
		return damaged(a.seq, err);
	*ret = a;
	return 0;
}

int rel_ledger_current(struct rel_ledger *l, const char *app,
	struct rel_activation *ret, struct rel_err *err)
{
	REL_AUTO(rel_db_donep) sqlite3_stmt *s = NULL;
	int r = rel_db_own(l, REL_Q_CURRENT, &s, err);

	if (r < 0)
		return r;
	rel_db_bind_text(s, 1, app);
	r = rel_db_step(l, s, err);
	if (r == 0)
		return rel_fail(err, REL_ENOTFOUND,
			"no release of '%s' is active", app);
	return r < 0 ? r : read_activation(s, ret, err);
}

int rel_ledger_activation(struct rel_ledger *l, const char *app, int64_t seq,
	struct rel_activation *ret, struct rel_err *err)
{
	REL_AUTO(rel_db_donep) sqlite3_stmt *s = NULL;
	int r = rel_db_own(l, REL_Q_ACTIVATION, &s, err);

	if (r < 0)
		return r;
	rel_db_bind_text(s, 1, app);
	rel_db_bind_int(s, 2, seq);
	r = rel_db_step(l, s, err);
	if (r == 0)
		return rel_fail(err, REL_ENOTFOUND,
			"'%s' has no activation %" PRId64, app, seq);
	return r < 0 ? r : read_activation(s, ret, err);
}

int rel_ledger_formation(struct rel_ledger *l, const char *app,
	struct json_t **ret, struct rel_err *err)
{
	REL_AUTO(rel_db_donep) sqlite3_stmt *s = NULL;
	REL_AUTO(rel_json_freep) struct json_t *body = NULL;
	const struct json_t *formation = NULL;
	int r = rel_db_own(l, REL_Q_FORMATION, &s, err);

	if (r < 0)
		return r;
	rel_db_bind_text(s, 1, app);
	r = rel_db_step(l, s, err);
	if (r < 0)
		return r;
	if (r > 0 && (read_body(s, 1, &body, err) < 0 ||
			     rel_body_formation(body, &formation, err) < 0))
		return damaged(sqlite3_column_int64(s, 0), err);
	*ret = formation ? rel_json_copy(formation) : NULL;
	return 0;
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
		read_body(s, 3, &body, err) < 0 ||
		rel_body_build(body, !strcmp(kind, "import"), &b, err) < 0)
		return damaged(seq, err);
	b.seq = seq;
	b.time_ms = sqlite3_column_int64(s, 1);
	*ret = b;
	b = (struct rel_build_row){ 0 };
	return 0;
}

/* Bind ${prefix} at ${i} and what follows all that begin with it at ${i} + 1:
 * 'g' is the first letter that is no hex digit. */
static char *bind_prefix(sqlite3_stmt *s, int i, const char *prefix)
{
	char *end = rel_printf("%sg", prefix);

	rel_db_bind_text(s, i, prefix);
	rel_db_bind_text(s, i + 1, end);
	return end;
}

#define BUILD_COLUMNS                                                          \
	"SELECT e.seq, e.time, e.kind, e.body"                                 \
	" FROM build b JOIN event e ON e.seq = b.seq "

static int each_build_row(struct rel_ledger *l, sqlite3_stmt *s,
	rel_build_fn *fn, void *arg, struct rel_err *err)
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

int rel_ledger_each_build(struct rel_ledger *l, const struct rel_id *artifact,
	const char *commit_prefix, rel_build_fn *fn, void *arg,
	struct rel_err *err)
{
#define COLUMNS BUILD_COLUMNS "WHERE b.revision >= ?1 AND b.revision < ?2 "
	REL_AUTO(rel_db_finalizep) sqlite3_stmt *s = NULL;
	REL_AUTO(rel_freep) char *end = NULL;
	struct rel_hex hex;
	int r = rel_db_prepare(l,
		artifact ? COLUMNS "AND b.artifact = ?3 ORDER BY b.seq DESC"
			 : COLUMNS "ORDER BY b.seq DESC",
		&s, err);
#undef COLUMNS

	if (r < 0)
		return r;
	end = bind_prefix(s, 1, commit_prefix ? commit_prefix : "");
	if (artifact) {
		hex = rel_id_hex(artifact);
		rel_db_bind_text(s, 3, hex.s);
	}
	return each_build_row(l, s, fn, arg, err);
}

int rel_ledger_each_build_of_tree(struct rel_ledger *l, const char *tree,
	rel_build_fn *fn, void *arg, struct rel_err *err)
{
	REL_AUTO(rel_db_finalizep) sqlite3_stmt *s = NULL;
	int r = rel_db_prepare(l,
		BUILD_COLUMNS "WHERE b.tree = ?1 ORDER BY b.seq DESC", &s, err);

	if (r < 0)
		return r;
	rel_db_bind_text(s, 1, tree);
	return each_build_row(l, s, fn, arg, err);
}

int rel_ledger_each_artifact(struct rel_ledger *l, const char *prefix,
	int (*fn)(
		void *arg, const struct rel_id *artifact, struct rel_err *err),
	void *arg, struct rel_err *err)
{
	REL_AUTO(rel_db_finalizep) sqlite3_stmt *s = NULL;
	REL_AUTO(rel_freep) char *end = NULL;
	int r = rel_db_prepare(l,
		"SELECT DISTINCT artifact FROM build"
		" WHERE artifact >= ? AND artifact < ? ORDER BY artifact",
		&s, err);

	if (r < 0)
		return r;
	end = bind_prefix(s, 1, prefix);
	while ((r = rel_db_step(l, s, err)) > 0) {
		struct rel_id id;

		r = rel_db_id(s, 0, &id, err);
		if (r == 0)
			r = fn(arg, &id, err);
		if (r != 0)
			return r;
	}
	return r;
}

int rel_ledger_each_app(struct rel_ledger *l,
	int (*fn)(void *arg, const char *app, struct rel_err *err), void *arg,
	struct rel_err *err)
{
	REL_AUTO(rel_db_finalizep) sqlite3_stmt *s = NULL;
	int r = rel_db_prepare(
		l, "SELECT name FROM app ORDER BY name", &s, err);

	if (r < 0)
		return r;
	while ((r = rel_db_step(l, s, err)) > 0) {
		REL_AUTO(rel_freep) char *app = NULL;

		r = rel_db_text(s, 0, &app, err);
		if (r == 0)
			r = fn(arg, app, err);
		if (r != 0)
			return r;
	}
	return r;
}

int rel_ledger_key(struct rel_ledger *l, char ret_key_id[17],
	struct rel_id *ret_fingerprint, struct rel_err *err)
{
	REL_AUTO(rel_db_donep) sqlite3_stmt *s = NULL;
	REL_AUTO(rel_json_freep) struct json_t *body = NULL;
	int r = rel_db_own(l, REL_Q_KEY, &s, err);

	if (r == 0)
		r = rel_db_step(l, s, err);
	if (r == 0)
		return rel_fail(err, REL_EINTEGRITY,
			"the ledger does not begin with the key's event");
	if (r < 0)
		return r;
	if (read_body(s, 0, &body, err) < 0 ||
		rel_body_key(body, ret_key_id, ret_fingerprint, err) < 0)
		return damaged(1, err);
	return 0;
}

static int activation_at(
	void *arg, int64_t seq, struct rel_activation *ret, struct rel_err *err)
{
	struct rel_app_history *h = arg;

	return rel_ledger_activation(h->ledger, h->app, seq, ret, err);
}

struct rel_history rel_history_of(struct rel_app_history *h)
{
	return (struct rel_history){ .at = activation_at, .arg = h };
}
