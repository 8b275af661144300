/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "ledger/db.h"

#include <inttypes.h>
#include <string.h>

/* SQLite's own check: pages, records, and indexes against their tables. */
static int check_file(struct rel_ledger *l, struct rel_err *err)
{
	REL_AUTO(rel_db_finalizep) sqlite3_stmt *s = NULL;
	REL_AUTO(rel_freep) char *said = NULL;
	int r = rel_db_prepare(l, "PRAGMA integrity_check(1)", &s, err);

	if (r == 0)
		r = rel_db_step(l, s, err);
	if (r > 0)
		r = rel_db_text(s, 0, &said, err);
	if (r < 0)
		return r;
	if (!said || strcmp(said, "ok") != 0)
		return rel_fail(err, REL_EINTEGRITY,
			"the ledger's file is damaged: %s", said ? said : "");
	return 0;
}

static int same_column(sqlite3_stmt *a, sqlite3_stmt *b, int i)
{
	int n = sqlite3_column_bytes(a, i);

	return sqlite3_column_type(a, i) == sqlite3_column_type(b, i) &&
	       n == sqlite3_column_bytes(b, i) &&
	       (n == 0 || memcmp(sqlite3_column_blob(a, i),
				  sqlite3_column_blob(b, i), (size_t)n) == 0);
}

/* Of two rows that differ, the one with the smaller key: the other side does
 * not have it, or has it otherwise. */
static sqlite3_stmt *smaller(sqlite3_stmt *a, sqlite3_stmt *b)
{
	if (sqlite3_column_type(a, 0) == SQLITE_INTEGER)
		return sqlite3_column_int64(a, 0) < sqlite3_column_int64(b, 0)
			       ? a
			       : b;
	return strcmp((const char *)sqlite3_column_text(a, 0),
		       (const char *)sqlite3_column_text(b, 0)) < 0
		       ? a
		       : b;
}

/*
 * Walk the same query in both ledgers. *ret_at: the first column, a unique
 * key, of the first row that differs (the caller frees); NULL: none does.
 */
static int compare(struct rel_ledger *l, struct rel_ledger *fresh,
	const char *sql, char **ret_at, struct rel_err *err)
{
	REL_AUTO(rel_db_finalizep) sqlite3_stmt *a = NULL;
	REL_AUTO(rel_db_finalizep) sqlite3_stmt *b = NULL;
	sqlite3_stmt *at;
	int in_a, in_b;
	bool same = true;

	if (rel_db_prepare(l, sql, &a, err) < 0 ||
		rel_db_prepare(fresh, sql, &b, err) < 0)
		return -(int)err->code;
	do {
		in_a = rel_db_step(l, a, err);
		if (in_a < 0)
			return in_a;
		in_b = rel_db_step(fresh, b, err);
		if (in_b < 0)
			return in_b;
		same = in_a == in_b &&
		       sqlite3_column_count(a) == sqlite3_column_count(b);
		for (int i = 0; same && in_a && i < sqlite3_column_count(a);
			i++)
			same = same_column(a, b, i);
	} while (same && in_a);
	if (same)
		return 0;
	at = in_a ? a : b;
	if (in_a && in_b)
		at = smaller(a, b);
	return rel_db_text(at, 0, ret_at, err);
}

static int check_schema(
	struct rel_ledger *l, struct rel_ledger *fresh, struct rel_err *err)
{
	REL_AUTO(rel_freep) char *at = NULL;
	int r = compare(l, fresh,
		"SELECT type || ' ' || name, type, name, tbl_name, sql"
		" FROM sqlite_schema ORDER BY 1",
		&at, err);

	if (r < 0)
		return r;
	if (at)
		return rel_fail(err, REL_EINTEGRITY,
			"the ledger's schema is not as it was made: %s", at);
	return 0;
}

static int check_events(
	struct rel_ledger *l, struct rel_chain *c, struct rel_err *err)
{
	int r = rel_ledger_each_event(l, INT64_MIN, rel_index_follow, c, err);

	if (r < 0)
		return r;
	if (l->indexed > c->seq)
		return rel_fail(err, REL_EINTEGRITY,
			"event %" PRId64 " is missing: the ledger was cut off",
			c->seq + 1);
	if (c->expect && !c->seen)
		return rel_fail(err, REL_EINTEGRITY,
			"no event has the hash '%s': the ledger was cut off, "
			"or it is another one",
			rel_id_hex(c->expect).s);
	return rel_index_mark(c->into, c->seq, err);
}

static int check_index(
	struct rel_ledger *l, struct rel_ledger *fresh, struct rel_err *err)
{
	static const char *const tables[] = { "activation", "app", "build",
		"derived", "formation", "release" };

	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
		REL_AUTO(rel_freep) char *at = NULL;
		REL_AUTO(rel_freep)
		char *sql =
			rel_printf("SELECT * FROM %s ORDER BY 1", tables[i]);
		int r = compare(l, fresh, sql, &at, err);

		if (r < 0)
			return r;
		if (at)
			return rel_fail(err, REL_EINTEGRITY,
				"the index '%s' is not what the events say: "
				"row '%s'",
				tables[i], at);
	}
	return 0;
}

int rel_ledger_verify(struct rel_ledger *l, const struct rel_id *expect_head,
	int64_t *ret_events, struct rel_err *err)
{
	REL_AUTO(rel_ledger_closep) struct rel_ledger *fresh = NULL;
	struct rel_chain c = { .expect = expect_head };
	int r = rel_db_scratch(&fresh, err);

	/* One transaction: what others append meanwhile is not seen. */
	if (r == 0)
		r = rel_db_exec(l, "BEGIN", err);
	if (r < 0)
		return r;
	c.into = fresh;
	r = rel_db_exec(fresh, "BEGIN", err);
	if (r == 0)
		r = check_file(l, err);
	if (r == 0)
		r = check_schema(l, fresh, err);
	if (r == 0)
		r = check_events(l, &c, err);
	if (r == 0)
		r = check_index(l, fresh, err);
	sqlite3_exec(l->db, "ROLLBACK", NULL, NULL, NULL);
	if (r < 0)
		return r;
	if (ret_events)
		*ret_events = c.seq;
	return 0;
}
