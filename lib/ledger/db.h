/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/ledger/db.h - what the files of this folder share: the handle, its
 * statements, transactions. Nobody else includes it (nor sqlite3.h).
 *
 * A statement in hand is REL_AUTO(rel_db_donep) for one of the handle's own,
 * which are kept, and REL_AUTO(rel_db_finalizep) for one that was prepared
 * for a walk: a walk calls back, and the callback may ask the ledger again.
 */
#ifndef REL_LEDGER_DB_H
#define REL_LEDGER_DB_H

#include "ledger/ledger.h"

#include <sqlite3.h>

#define REL_SCHEMA_VERSION 1	   /* PRAGMA user_version; schema.sql */
#define REL_INDEX_VERSION 3	   /* index.sql, and what index.c puts there */
#define REL_LEDGER_MARK 0x72656c31 /* PRAGMA application_id: "rel1" */

/* An event's body: larger ones are refused, and never read. */
#define REL_MAX_BODY (4 << 20)

/* The handle's own statements. Each is a search, none scans a table; a test
 * asks SQLite for the plan of each. */
enum rel_query {
	REL_Q_HEAD,
	REL_Q_KEY,
	REL_Q_RELEASE,
	REL_Q_NEWEST,
	REL_Q_LAST_NUMBER,
	REL_Q_CURRENT,
	REL_Q_ACTIVATION,
	REL_Q_DERIVED,
	REL_Q_DIGEST,
	REL_Q_BENEATH,
	REL_Q_FORMATION,
	REL_Q_NEXT_ARTIFACT,
	REL_Q_NEXT_REVISION,
	REL_Q_OTHER_ARTIFACT,
	REL_Q_BUILT_FROM,
	REL_Q_BUILDS_OF_ARTIFACT,
	REL_Q_BUILDS_OF_REVISION,
	REL_Q_BUILDS_OF_TREE,
	REL_Q_RELEASES_OF_APP,
	REL_Q_ADD_EVENT,
	REL_Q_ADD_APP,
	REL_Q_ADD_RELEASE,
	REL_Q_ADD_ACTIVATION,
	REL_Q_ADD_BUILD,
	REL_Q_SET_ACTIVE,
	REL_Q_SET_FAILED,
	REL_Q_SET_PINNED,
	REL_Q_SET_FORMATION,
	REL_Q_SET_DERIVED,
	REL_Q_MAX_
};

struct rel_ledger {
	sqlite3 *db;
	enum rel_ledger_mode mode;
	bool (*give_reserve)(void *arg);
	void *arg;
	bool no_room;	 /* why the last call failed; nothing was committed */
	int64_t indexed; /* what the index went up to when it was opened */
	sqlite3_stmt *own[REL_Q_MAX_];
};

/* Turn SQLite's error ${rc} into ours; ${doing} says what failed. */
int rel_db_fail(
	struct rel_ledger *l, int rc, const char *doing, struct rel_err *err);

/* Run SQL text that gives no rows. */
int rel_db_exec(
	struct rel_ledger *l, const char *sql, struct rel_err *err) REL_CHECK;

/* One of the handle's own statements, ready to be bound. */
int rel_db_own(struct rel_ledger *l, enum rel_query which, sqlite3_stmt **ret,
	struct rel_err *err) REL_CHECK;
void rel_db_donep(sqlite3_stmt **s);

int rel_db_prepare(struct rel_ledger *l, const char *sql, sqlite3_stmt **ret,
	struct rel_err *err) REL_CHECK;
/* The SQL of a statement of its own, for a walk. */
const char *rel_db_sql(enum rel_query which);
void rel_db_finalizep(sqlite3_stmt **s);

/* 1: there is a row, 0: there is none (or no more), else -code. */
int rel_db_step(
	struct rel_ledger *l, sqlite3_stmt *s, struct rel_err *err) REL_CHECK;

/* Parameters; ${text} must live until the statement is done. */
void rel_db_bind_int(sqlite3_stmt *s, int i, int64_t n);
void rel_db_bind_text(sqlite3_stmt *s, int i, const char *text);

/* Columns. A text is copied; one that holds a NUL is REL_EINTEGRITY, since
 * what comes after it would be in no hash. So is one that is no digest. */
int rel_db_text(
	sqlite3_stmt *s, int column, char **ret, struct rel_err *err) REL_CHECK;
int rel_db_id(sqlite3_stmt *s, int column, struct rel_id *ret,
	struct rel_err *err) REL_CHECK;

/* The body in column ${column}. */
int rel_db_body(sqlite3_stmt *s, int column, struct json_t **ret,
	struct rel_err *err) REL_CHECK;
/* What was just found is damage of event ${seq}; returns -REL_EINTEGRITY. */
int rel_db_damaged(int64_t seq, struct rel_err *err);

/* The number that a PRAGMA or a SELECT without parameters gives. */
int rel_db_number(struct rel_ledger *l, const char *sql, int64_t *ret,
	struct rel_err *err) REL_CHECK;

/*
 * Run ${fn} between BEGIN IMMEDIATE and COMMIT. A write on a full disk rolls
 * back, asks for the reserve, and runs it all once more.
 */
int rel_db_transaction(struct rel_ledger *l,
	int (*fn)(struct rel_ledger *l, void *arg, struct rel_err *err),
	void *arg, struct rel_err *err) REL_CHECK;

/* A ledger for as long as the handle lives, with the schema and an empty index.
 * It grows on the disk, not in memory. */
int rel_db_scratch(struct rel_ledger **ret, struct rel_err *err) REL_CHECK;

/* Make the event table, and the index's. Inside a transaction. */
int rel_db_create_schema(struct rel_ledger *l, struct rel_err *err) REL_CHECK;
int rel_db_create_index(struct rel_ledger *l, struct rel_err *err) REL_CHECK;

/* A release as query.c reads it: the index's row, and its event. */
#define REL_SELECT_RELEASE                                                     \
	"SELECT e.seq, e.time, e.app, e.body, r.ever_active, r.failed,"        \
	" r.pinned FROM release r JOIN event e ON e.seq = r.seq "

/* The columns of a row of event, in the order that rel_event_read wants. */
#define REL_EVENT_COLUMNS "seq, time, app, kind, body, prev, hash"
int rel_event_read(sqlite3_stmt *s, struct rel_event_row *ret,
	struct rel_err *err) REL_CHECK;

/* Enter ${e} into the index, without a look at the event table. Errors:
 * REL_EINVALID (the body does not fit its kind, or the events before it). */
int rel_index_apply(struct rel_ledger *l, const struct rel_event_row *e,
	struct rel_err *err) REL_CHECK;

/*
 * A walk along the chain from its beginning, by rel_ledger_each_event: each
 * event must follow the one before, and is entered into the index of ${into}.
 * Errors: REL_EINTEGRITY.
 */
struct rel_chain {
	struct rel_ledger *into;
	const struct rel_id *expect; /* a hash to look out for, or NULL */
	bool seen;		     /* it came */
	int64_t seq;
	struct rel_id last;
};
int rel_index_follow(void *arg, const struct rel_event_row *e,
	struct rel_err *err) REL_CHECK;

/* Note that the index goes up to ${seq}. */
int rel_index_mark(
	struct rel_ledger *l, int64_t seq, struct rel_err *err) REL_CHECK;

/* How far the index goes (-1: not of this version), and the last event. */
int rel_index_state(struct rel_ledger *l, int64_t *ret_indexed,
	int64_t *ret_head, struct rel_err *err) REL_CHECK;

/* Derive the index anew where it is behind. Inside a transaction. Errors:
 * REL_EINTEGRITY (it is ahead: events were cut off). */
int rel_index_refresh(struct rel_ledger *l, struct rel_err *err) REL_CHECK;

/*
 * Bodies (body.c): read what the index and the rows need out of ${j}; texts
 * are owned by the row. seq, time and app are not touched, nor what later
 * events decide. Errors: REL_EINVALID.
 */
int rel_body_release(const struct json_t *j, struct rel_release_row *ret,
	struct rel_err *err) REL_CHECK;
int rel_body_build(const struct json_t *j, bool import,
	struct rel_build_row *ret, struct rel_err *err) REL_CHECK;
int rel_body_key(const struct json_t *j, char ret_key_id[17],
	struct rel_id *ret_fingerprint, struct rel_err *err) REL_CHECK;
int rel_body_number(
	const struct json_t *j, int64_t *ret, struct rel_err *err) REL_CHECK;
int rel_body_activate(const struct json_t *j, int64_t *ret_number,
	int64_t *ret_on, struct rel_err *err) REL_CHECK;
/* {TYPE: count}, borrowed from ${j}. */
int rel_body_formation(const struct json_t *j, const struct json_t **ret,
	struct rel_err *err) REL_CHECK;
int rel_body_pin(const struct json_t *j, int64_t *ret_number, bool *ret_pinned,
	struct rel_err *err) REL_CHECK;

#endif
