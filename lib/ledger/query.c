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

int rel_db_body(
	sqlite3_stmt *s, int i, struct json_t **ret, struct rel_err *err)
{
	REL_AUTO(rel_freep) char *text = NULL;
	int r = rel_db_text(s, i, &text, err);

	return r < 0 ? r : rel_json_parse(text, strlen(text), ret, err);
}

int rel_db_damaged(int64_t seq, struct rel_err *err)
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

	if (rel_db_body(s, 3, &body, err) < 0 ||
		rel_body_release(body, &b, err) < 0 ||
		rel_db_text(s, 2, &b.app, err) < 0)
		return rel_db_damaged(seq, err);
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
		app ? rel_db_sql(REL_Q_RELEASES_OF_APP)
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

/* seq, time, number, beneath, content, other */
static int read_activation(
	sqlite3_stmt *s, struct rel_activation *ret, struct rel_err *err)
{
	struct rel_activation a = {
		.seq = sqlite3_column_int64(s, 0),
		.time_ms = sqlite3_column_int64(s, 1),
		.number = sqlite3_column_int64(s, 2),
		.on = sqlite3_column_int64(s, 3),
		.other = sqlite3_column_int64(s, 5),
	};

	if (rel_db_id(s, 4, &a.content, err) < 0)
		return rel_db_damaged(a.seq, err);
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
	if (r > 0 && (rel_db_body(s, 1, &body, err) < 0 ||
			     rel_body_formation(body, &formation, err) < 0))
		return rel_db_damaged(sqlite3_column_int64(s, 0), err);
	*ret = formation ? rel_json_copy(formation) : NULL;
	return 0;
}

static int each_app(struct rel_ledger *l, const char *sql, const char *origin,
	int (*fn)(void *arg, const char *app, struct rel_err *err), void *arg,
	struct rel_err *err)
{
	REL_AUTO(rel_db_finalizep) sqlite3_stmt *s = NULL;
	int r = rel_db_prepare(l, sql, &s, err);

	if (r < 0)
		return r;
	if (origin)
		rel_db_bind_text(s, 1, origin);
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

int rel_ledger_each_app(struct rel_ledger *l,
	int (*fn)(void *arg, const char *app, struct rel_err *err), void *arg,
	struct rel_err *err)
{
	return each_app(
		l, "SELECT name FROM app ORDER BY name", NULL, fn, arg, err);
}

int rel_ledger_each_app_from(struct rel_ledger *l, const char *origin,
	int (*fn)(void *arg, const char *app, struct rel_err *err), void *arg,
	struct rel_err *err)
{
	return each_app(l,
		"SELECT name FROM app WHERE EXISTS (SELECT 1 FROM build"
		" WHERE origin = ?1 AND artifact = (SELECT artifact"
		" FROM release WHERE app = name ORDER BY number DESC LIMIT 1))"
		" ORDER BY name",
		origin, fn, arg, err);
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
	if (rel_db_body(s, 0, &body, err) < 0 ||
		rel_body_key(body, ret_key_id, ret_fingerprint, err) < 0)
		return rel_db_damaged(1, err);
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
