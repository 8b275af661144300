/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The index: what each kind of event means for the tables of index.sql. The
 * same code runs when an event is appended, when the index is derived anew,
 * and when verify derives one to compare with.
 */
#include "base/mem.h"
#include "ledger/db.h"

#include <inttypes.h>
#include <string.h>

/* Note something about one release, which must exist. */
static int change_release(struct rel_ledger *l, enum rel_query which,
	const char *app, int64_t number, bool value, struct rel_err *err)
{
	REL_AUTO(rel_db_donep) sqlite3_stmt *s = NULL;
	int r = rel_db_own(l, which, &s, err);

	if (r < 0)
		return r;
	rel_db_bind_text(s, 1, app);
	rel_db_bind_int(s, 2, number);
	if (which == REL_Q_SET_PINNED)
		rel_db_bind_int(s, 3, value);
	r = rel_db_step(l, s, err);
	if (r == 0 && sqlite3_changes(l->db) == 0)
		return rel_fail(err, REL_EINVALID,
			"'%s' has no release v%" PRId64, app, number);
	return r;
}

static int apply_build(struct rel_ledger *l, const struct rel_event_row *e,
	const struct json_t *body, bool import, struct rel_err *err)
{
	REL_AUTO(rel_build_row_done) struct rel_build_row b = { 0 };
	REL_AUTO(rel_db_donep) sqlite3_stmt *s = NULL;
	struct rel_hex artifact;
	int r = rel_body_build(body, import, &b, err);

	if (r == 0)
		r = rel_db_own(l, REL_Q_ADD_BUILD, &s, err);
	if (r < 0)
		return r;
	artifact = rel_id_hex(&b.artifact);
	rel_db_bind_int(s, 1, e->seq);
	rel_db_bind_text(s, 2, artifact.s);
	rel_db_bind_text(s, 3, b.commit);
	rel_db_bind_text(s, 4, b.tree);
	rel_db_bind_text(s, 5, b.origin);
	return rel_db_step(l, s, err);
}

static int add_app(struct rel_ledger *l, const char *app, struct rel_err *err)
{
	REL_AUTO(rel_db_donep) sqlite3_stmt *s = NULL;
	int r = rel_db_own(l, REL_Q_ADD_APP, &s, err);

	if (r < 0)
		return r;
	rel_db_bind_text(s, 1, app);
	return rel_db_step(l, s, err);
}

static int apply_release(struct rel_ledger *l, const struct rel_event_row *e,
	const struct json_t *body, struct rel_err *err)
{
	REL_AUTO(rel_release_row_done) struct rel_release_row b = { 0 };
	REL_AUTO(rel_db_donep) sqlite3_stmt *s = NULL;
	struct rel_hex digest, artifact;
	int64_t last;
	int r = rel_body_release(body, &b, err);

	if (r == 0)
		r = rel_ledger_last_number(l, e->app, &last, err);
	if (r == 0 && b.number <= last)
		r = rel_fail(err, REL_EINVALID,
			"release v%" PRId64 " comes after v%" PRId64, b.number,
			last);
	if (r == 0)
		r = add_app(l, e->app, err);
	if (r == 0)
		r = rel_db_own(l, REL_Q_ADD_RELEASE, &s, err);
	if (r < 0)
		return r;
	digest = rel_id_hex(&b.digest);
	rel_db_bind_int(s, 1, e->seq);
	rel_db_bind_text(s, 2, e->app);
	rel_db_bind_int(s, 3, b.number);
	rel_db_bind_text(s, 4, digest.s);
	artifact = rel_id_hex(&b.artifact);
	rel_db_bind_text(s, 5, artifact.s);
	return rel_db_step(l, s, err);
}

/* The content of a release that must exist, and its artifact. */
static int content_of(struct rel_ledger *l, const char *app, int64_t number,
	struct rel_id *ret, struct rel_id *ret_artifact, struct rel_err *err)
{
	REL_AUTO(rel_db_donep) sqlite3_stmt *s = NULL;
	int r = rel_db_own(l, REL_Q_DIGEST, &s, err);

	if (r < 0)
		return r;
	rel_db_bind_text(s, 1, app);
	rel_db_bind_int(s, 2, number);
	r = rel_db_step(l, s, err);
	if (r == 0)
		return rel_fail(err, REL_EINVALID,
			"'%s' has no release v%" PRId64, app, number);
	if (r > 0)
		r = rel_db_id(s, 0, ret, err);
	return r < 0 ? r : rel_db_id(s, 1, ret_artifact, err);
}

/* An activation must stand on one of the same app. *ret_other: the nearest one
 * from there on downwards with another artifact than ${artifact}. */
static int check_beneath(struct rel_ledger *l, const char *app, int64_t seq,
	const struct rel_id *artifact, int64_t *ret_other, struct rel_err *err)
{
	REL_AUTO(rel_db_donep) sqlite3_stmt *s = NULL;
	struct rel_id found;
	int r = rel_db_own(l, REL_Q_BENEATH, &s, err);

	if (r < 0)
		return r;
	rel_db_bind_text(s, 1, app);
	rel_db_bind_int(s, 2, seq);
	r = rel_db_step(l, s, err);
	if (r == 0)
		return rel_fail(err, REL_EINVALID,
			"'%s' has no activation %" PRId64, app, seq);
	if (r > 0)
		r = rel_db_id(s, 1, &found, err);
	if (r < 0)
		return r;
	*ret_other = rel_id_equal(&found, artifact) ? sqlite3_column_int64(s, 0)
						    : seq;
	return 0;
}

static int apply_activate(struct rel_ledger *l, const struct rel_event_row *e,
	const struct json_t *body, struct rel_err *err)
{
	REL_AUTO(rel_db_donep) sqlite3_stmt *s = NULL;
	struct rel_activation a = { .seq = e->seq };
	struct rel_id artifact;
	struct rel_hex content;
	int r = rel_body_activate(body, &a.number, &a.on, err);

	if (r == 0)
		r = content_of(l, e->app, a.number, &a.content, &artifact, err);
	if (r == 0 && a.on != 0)
		r = check_beneath(l, e->app, a.on, &artifact, &a.other, err);
	if (r == 0)
		r = change_release(
			l, REL_Q_SET_ACTIVE, e->app, a.number, true, err);
	if (r == 0)
		r = rel_db_own(l, REL_Q_ADD_ACTIVATION, &s, err);
	if (r < 0)
		return r;
	content = rel_id_hex(&a.content);
	rel_db_bind_int(s, 1, e->seq);
	rel_db_bind_text(s, 2, e->app);
	rel_db_bind_int(s, 3, a.number);
	rel_db_bind_int(s, 4, a.on);
	rel_db_bind_text(s, 5, content.s);
	rel_db_bind_int(s, 6, a.other);
	return rel_db_step(l, s, err);
}

static int apply_scale(struct rel_ledger *l, const struct rel_event_row *e,
	const struct json_t *body, struct rel_err *err)
{
	REL_AUTO(rel_db_donep) sqlite3_stmt *s = NULL;
	const struct json_t *formation;
	int r = rel_body_formation(body, &formation, err);

	if (r == 0)
		r = rel_db_own(l, REL_Q_SET_FORMATION, &s, err);
	if (r < 0)
		return r;
	rel_db_bind_text(s, 1, e->app);
	rel_db_bind_int(s, 2, e->seq);
	return rel_db_step(l, s, err);
}

static int apply_body(struct rel_ledger *l, const struct rel_event_row *e,
	const struct json_t *body, struct rel_err *err)
{
	char key_id[17];
	struct rel_id fingerprint;
	int64_t number;
	bool pinned = false;
	int r;

	if (!strcmp(e->kind, "key"))
		return rel_body_key(body, key_id, &fingerprint, err);
	if (!strcmp(e->kind, "build"))
		return apply_build(l, e, body, false, err);
	if (!strcmp(e->kind, "import"))
		return apply_build(l, e, body, true, err);
	if (!strcmp(e->kind, "release"))
		return apply_release(l, e, body, err);
	if (!strcmp(e->kind, "activate"))
		return apply_activate(l, e, body, err);
	if (!strcmp(e->kind, "scale"))
		return apply_scale(l, e, body, err);
	if (!strcmp(e->kind, "fail")) {
		r = rel_body_number(body, &number, err);
		return r < 0 ? r
			     : change_release(l, REL_Q_SET_FAILED, e->app,
				       number, true, err);
	}
	if (!strcmp(e->kind, "pin")) {
		r = rel_body_pin(body, &number, &pinned, err);
		return r < 0 ? r
			     : change_release(l, REL_Q_SET_PINNED, e->app,
				       number, pinned, err);
	}
	return 0; /* chained and shown, but of no meaning here */
}

int rel_index_apply(struct rel_ledger *l, const struct rel_event_row *e,
	struct rel_err *err)
{
	REL_AUTO(rel_json_freep) struct json_t *body = NULL;
	int r = rel_json_parse_canonical(e->body, strlen(e->body), &body, err);

	if (r == 0 && (!rel_json_is_object(body) || !*e->kind))
		r = rel_fail(err, REL_EINVALID, "its body is no object");
	if (r == 0)
		r = apply_body(l, e, body, err);
	return r < 0 ? rel_wrap(
			       err, "event %" PRId64 " ('%s')", e->seq, e->kind)
		     : 0;
}

int rel_index_mark(struct rel_ledger *l, int64_t seq, struct rel_err *err)
{
	REL_AUTO(rel_db_donep) sqlite3_stmt *s = NULL;
	int r = rel_db_own(l, REL_Q_SET_DERIVED, &s, err);

	if (r < 0)
		return r;
	rel_db_bind_int(s, 1, REL_INDEX_VERSION);
	rel_db_bind_int(s, 2, seq);
	return rel_db_step(l, s, err);
}

int rel_index_state(struct rel_ledger *l, int64_t *ret_indexed,
	int64_t *ret_head, struct rel_err *err)
{
	REL_AUTO(rel_db_donep) sqlite3_stmt *s = NULL;
	struct rel_id hash;
	int r;

	*ret_indexed = -1;
	/* No such table: then it is of another version, too. */
	if (rel_db_own(l, REL_Q_DERIVED, &s, err) < 0)
		return err->code == REL_EINTEGRITY
			       ? rel_ledger_head(l, ret_head, &hash, err)
			       : -(int)err->code;
	rel_db_bind_int(s, 1, REL_INDEX_VERSION);
	r = rel_db_step(l, s, err);
	if (r < 0)
		return r;
	/* One statement, so that nobody appends between the two. */
	*ret_head = sqlite3_column_int64(s, 0);
	if (sqlite3_column_type(s, 1) == SQLITE_INTEGER)
		*ret_indexed = sqlite3_column_int64(s, 1);
	return 0;
}

/* All tables but event, whatever an older or newer index had. */
static int drop_index(struct rel_ledger *l, struct rel_err *err)
{
	for (;;) {
		REL_AUTO(rel_db_finalizep) sqlite3_stmt *s = NULL;
		REL_AUTO(rel_freep) char *sql = NULL;
		int r = rel_db_prepare(l,
			"SELECT 'DROP TABLE \"' || name || '\"'"
			" FROM sqlite_schema WHERE type = 'table'"
			" AND name <> 'event' AND name NOT LIKE 'sqlite%'",
			&s, err);

		if (r == 0)
			r = rel_db_step(l, s, err);
		if (r > 0)
			r = rel_db_text(s, 0, &sql, err);
		if (r < 0 || !sql)
			return r;
		sqlite3_reset(s); /* a table can't go while it is read */
		r = rel_db_exec(l, sql, err);
		if (r < 0)
			return r;
	}
}

int rel_index_follow(
	void *arg, const struct rel_event_row *e, struct rel_err *err)
{
	struct rel_chain *c = arg;
	struct rel_id hash = rel_event_hash(e);
	int r;

	if (e->seq < 1)
		return rel_fail(err, REL_EINTEGRITY,
			"event %" PRId64 " is not from 1 up", e->seq);
	if (e->seq != c->seq + 1)
		return rel_fail(err, REL_EINTEGRITY,
			"event %" PRId64 " is missing", c->seq + 1);
	if (!rel_id_equal(&hash, &e->hash))
		return rel_fail(err, REL_EINTEGRITY,
			"event %" PRId64 " was changed: its hash is another",
			e->seq);
	if (!rel_id_equal(&e->prev, &c->last))
		return rel_fail(err, REL_EINTEGRITY,
			"event %" PRId64 " does not follow event %" PRId64
			": one of them was changed",
			e->seq, c->seq);
	r = rel_index_apply(c->into, e, err);
	/* A bug when it is appended, and damage when it is there. */
	if (r == -(int)REL_EINVALID)
		err->code = REL_EINTEGRITY;
	if (r < 0)
		return -(int)err->code;
	c->seen = c->seen || (c->expect && rel_id_equal(&hash, c->expect));
	c->seq = e->seq;
	c->last = hash;
	return 0;
}

int rel_index_refresh(struct rel_ledger *l, struct rel_err *err)
{
	struct rel_chain chain = { .into = l };
	int64_t indexed, head;
	int r = rel_index_state(l, &indexed, &head, err);

	if (r < 0 || indexed == head)
		return r;
	if (indexed > head) {
		rel_fail(err, REL_EINTEGRITY,
			"event %" PRId64 " is missing: the ledger was cut off",
			head + 1);
		return rel_hint(err, "restore ledger.db from a backup");
	}
	r = drop_index(l, err);
	if (r == 0)
		r = rel_db_create_index(l, err);
	if (r == 0)
		r = rel_ledger_each_event(
			l, INT64_MIN, rel_index_follow, &chain, err);
	if (r == 0)
		r = rel_index_mark(l, head, err);
	return r;
}
