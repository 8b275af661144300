/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/db.h"

#include "base/mem.h"
#include "ledger/sql.h"

#include <errno.h>
#include <string.h>

#define ACTIVATION                                                             \
	"SELECT a.seq, e.time, a.number, a.beneath, a.content, a.other"        \
	" FROM activation a JOIN event e ON e.seq = a.seq "

#define BUILDS                                                                 \
	"SELECT e.seq, e.time, e.kind, e.body"                                 \
	" FROM build b JOIN event e ON e.seq = b.seq "

static const char *const own_sql[REL_Q_MAX_] = {
	[REL_Q_HEAD] = "SELECT seq, hash FROM event"
		       " WHERE seq = (SELECT max(seq) FROM event)",
	[REL_Q_KEY] = "SELECT body FROM event WHERE seq = 1 AND kind = 'key'",
	[REL_Q_RELEASE] = REL_SELECT_RELEASE "WHERE r.app = ? AND r.number = ?",
	[REL_Q_NEWEST] = REL_SELECT_RELEASE
	"WHERE r.app = ? ORDER BY r.number DESC LIMIT 1",
	[REL_Q_LAST_NUMBER] =
		"SELECT coalesce(max(number), 0) FROM release WHERE app = ?",
	[REL_Q_CURRENT] =
		ACTIVATION "WHERE a.app = ? ORDER BY a.seq DESC LIMIT 1",
	[REL_Q_ACTIVATION] = ACTIVATION "WHERE a.app = ? AND a.seq = ?",
	[REL_Q_DERIVED] =
		"SELECT coalesce(max(seq), 0),"
		" (SELECT events FROM derived WHERE version = ?) FROM event",
	[REL_Q_DIGEST] = "SELECT digest, artifact FROM release"
			 " WHERE app = ? AND number = ?",
	[REL_Q_BENEATH] =
		"SELECT a.other, r.artifact FROM activation a"
		" JOIN release r ON r.app = a.app AND r.number = a.number"
		" WHERE a.app = ? AND a.seq = ?",
	[REL_Q_FORMATION] = "SELECT e.seq, e.body FROM formation f"
			    " JOIN event e ON e.seq = f.seq WHERE f.app = ?",
	/* What comes next in order, so that each is found by one search. */
	[REL_Q_NEXT_ARTIFACT] = "SELECT artifact FROM build"
				" WHERE artifact >= ? AND artifact < ?"
				" ORDER BY artifact LIMIT 1",
	[REL_Q_NEXT_REVISION] = "SELECT revision FROM build"
				" WHERE revision >= ? AND revision < ?"
				" ORDER BY revision LIMIT 1",
	[REL_Q_OTHER_ARTIFACT] = "SELECT EXISTS (SELECT 1 FROM build"
				 " WHERE revision = ?1 AND artifact < ?2)"
				 " OR EXISTS (SELECT 1 FROM build"
				 " WHERE revision = ?1 AND artifact > ?2)",
	[REL_Q_BUILT_FROM] = "SELECT EXISTS (SELECT 1 FROM build"
			     " WHERE artifact = ? AND origin = ?)",
	[REL_Q_BUILDS_OF_ARTIFACT] =
		BUILDS "WHERE b.artifact = ? ORDER BY b.seq DESC",
	[REL_Q_BUILDS_OF_REVISION] =
		BUILDS "WHERE b.revision = ? ORDER BY b.seq DESC",
	[REL_Q_BUILDS_OF_TREE] = BUILDS "WHERE b.tree = ? ORDER BY b.seq DESC",
	[REL_Q_RELEASES_OF_APP] = REL_SELECT_RELEASE
	"WHERE r.app = ?3 AND r.number < ?1 ORDER BY r.number DESC LIMIT ?2",
	[REL_Q_ADD_EVENT] = "INSERT INTO event (" REL_EVENT_COLUMNS ")"
			    " VALUES (?, ?, ?, ?, ?, ?, ?)",
	[REL_Q_ADD_APP] = "INSERT OR IGNORE INTO app (name) VALUES (?)",
	[REL_Q_ADD_RELEASE] =
		"INSERT INTO release (seq, app, number, digest, artifact)"
		" VALUES (?, ?, ?, ?, ?)",
	[REL_Q_ADD_ACTIVATION] = "INSERT INTO activation"
				 " (seq, app, number, beneath, content, other)"
				 " VALUES (?, ?, ?, ?, ?, ?)",
	[REL_Q_ADD_BUILD] = "INSERT INTO build (seq, artifact, revision,"
			    " tree, origin) VALUES (?, ?, ?, ?, ?)",
	[REL_Q_SET_ACTIVE] = "UPDATE release SET ever_active = 1, failed = 0"
			     " WHERE app = ? AND number = ?",
	[REL_Q_SET_FAILED] = "UPDATE release SET failed = 1"
			     " WHERE app = ? AND number = ?",
	[REL_Q_SET_PINNED] = "UPDATE release SET pinned = ?3"
			     " WHERE app = ?1 AND number = ?2",
	[REL_Q_SET_FORMATION] = "INSERT OR REPLACE INTO formation (app, seq)"
				" VALUES (?, ?)",
	[REL_Q_SET_DERIVED] = "INSERT OR REPLACE INTO derived (version, events)"
			      " VALUES (?, ?)",
};

/* Why a file operation failed. SQLite does not keep it of a COMMIT: then it is
 * what the last call that failed has left. */
static int os_error(struct rel_ledger *l)
{
	int left = errno, os = sqlite3_system_errno(l->db);

	return os ? os : left;
}

bool rel_ledger_has_file(const struct rel_ledger *l)
{
	const char *path = sqlite3_db_filename(l->db, "main");

	return path && *path;
}

int rel_db_fail(
	struct rel_ledger *l, int rc, const char *doing, struct rel_err *err)
{
	int primary = rc & 0xff;
	int os = primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN
			 ? os_error(l)
			 : 0;

	/* Of a sync that fails nobody knows how far the commit has come. */
	l->no_room = primary == SQLITE_FULL ||
		     (primary == SQLITE_CANTOPEN && os == ENOSPC);
	if (primary == SQLITE_FULL || os == ENOSPC || os == EDQUOT) {
		bool elsewhere = !rel_ledger_has_file(l);

		rel_fail(err, REL_EIO, "%s is full",
			elsewhere ? "the disk for temporary files"
				  : "the disk");
		err->os_errno = ENOSPC;
		if (elsewhere)
			return rel_hint(err,
				"name a directory with more room in TMPDIR");
		return rel_hint(err,
			"make room on the disk that holds the store; 'relctl "
			"gc' removes what nothing needs");
	}
	switch (primary) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		rel_fail(err, REL_EBUSY, "the ledger is busy");
		return rel_hint(err, "another relctl writes to it; --wait "
				     "SECONDS waits longer");
	case SQLITE_NOTADB:
		return rel_fail(err, REL_EINTEGRITY, "not a ledger");
	case SQLITE_CORRUPT:
	case SQLITE_CONSTRAINT:
	case SQLITE_ERROR: /* the SQL is ours: so the tables are not */
		rel_fail(err, REL_EINTEGRITY, "the ledger is damaged: %s: %s",
			doing, sqlite3_errmsg(l->db));
		return rel_hint(err, "restore ledger.db from a backup");
	default:
		rel_fail(err, REL_EIO, "%s: %s%s%s", doing,
			sqlite3_errmsg(l->db), os ? ": " : "",
			os ? strerror(os) : "");
		err->os_errno = primary == SQLITE_READONLY ? EROFS : os;
		return -(int)REL_EIO;
	}
}

int rel_db_exec(struct rel_ledger *l, const char *sql, struct rel_err *err)
{
	int rc;

	errno = 0;
	rc = sqlite3_exec(l->db, sql, NULL, NULL, NULL);
	return rc == SQLITE_OK ? 0 : rel_db_fail(l, rc, "ledger", err);
}

int rel_db_prepare(struct rel_ledger *l, const char *sql, sqlite3_stmt **ret,
	struct rel_err *err)
{
	int rc = sqlite3_prepare_v2(l->db, sql, -1, ret, NULL);

	return rc == SQLITE_OK ? 0 : rel_db_fail(l, rc, "read the ledger", err);
}

const char *rel_db_sql(enum rel_query which)
{
	return own_sql[which];
}

int rel_db_own(struct rel_ledger *l, enum rel_query which, sqlite3_stmt **ret,
	struct rel_err *err)
{
	if (!l->own[which]) {
		int r = rel_db_prepare(l, own_sql[which], &l->own[which], err);

		if (r < 0)
			return r;
	}
	*ret = l->own[which];
	return 0;
}

void rel_db_donep(sqlite3_stmt **s)
{
	sqlite3_reset(*s);
	if (*s)
		sqlite3_clear_bindings(*s);
}

void rel_db_finalizep(sqlite3_stmt **s)
{
	sqlite3_finalize(*s);
}

int rel_db_step(struct rel_ledger *l, sqlite3_stmt *s, struct rel_err *err)
{
	int rc;

	errno = 0;
	rc = sqlite3_step(s);
	if (rc == SQLITE_ROW)
		return 1;
	if (rc == SQLITE_DONE)
		return 0;
	return rel_db_fail(l, rc,
		sqlite3_stmt_readonly(s) ? "read the ledger"
					 : "write the ledger",
		err);
}

void rel_db_bind_int(sqlite3_stmt *s, int i, int64_t n)
{
	sqlite3_bind_int64(s, i, n);
}

void rel_db_bind_text(sqlite3_stmt *s, int i, const char *text)
{
	sqlite3_bind_text(s, i, text, -1, SQLITE_STATIC);
}

/* Borrowed until the statement moves; NULL: not a text without NULs. */
static const char *column(sqlite3_stmt *s, int i)
{
	const void *p = sqlite3_column_text(s, i);
	const char *text = p;

	if (!text || strlen(text) != (size_t)sqlite3_column_bytes(s, i))
		return NULL;
	return text;
}

int rel_db_text(sqlite3_stmt *s, int i, char **ret, struct rel_err *err)
{
	const char *text = column(s, i);

	if (!text)
		return rel_fail(err, REL_EINTEGRITY, "its %s is no plain text",
			sqlite3_column_name(s, i));
	*ret = rel_strdup(text);
	return 0;
}

int rel_db_id(sqlite3_stmt *s, int i, struct rel_id *ret, struct rel_err *err)
{
	const char *text = column(s, i);

	if (!text || !rel_id_parse(text, ret))
		return rel_fail(err, REL_EINTEGRITY, "its %s is no digest",
			sqlite3_column_name(s, i));
	return 0;
}

int rel_db_number(struct rel_ledger *l, const char *sql, int64_t *ret,
	struct rel_err *err)
{
	REL_AUTO(rel_db_finalizep) sqlite3_stmt *s = NULL;
	int r = rel_db_prepare(l, sql, &s, err);

	if (r < 0)
		return r;
	r = rel_db_step(l, s, err);
	if (r < 0)
		return r;
	*ret = r ? sqlite3_column_int64(s, 0) : 0;
	return 0;
}

static int attempt(struct rel_ledger *l,
	int (*fn)(struct rel_ledger *l, void *arg, struct rel_err *err),
	void *arg, struct rel_err *err)
{
	int r = rel_db_exec(l, "BEGIN IMMEDIATE", err);

	if (r < 0)
		return r;
	r = fn(l, arg, err);
	if (r == 0)
		r = rel_db_exec(l, "COMMIT", err);
	/* Some errors have ended the transaction already. */
	if (r != 0 && !sqlite3_get_autocommit(l->db))
		sqlite3_exec(l->db, "ROLLBACK", NULL, NULL, NULL);
	return r;
}

int rel_db_transaction(struct rel_ledger *l,
	int (*fn)(struct rel_ledger *l, void *arg, struct rel_err *err),
	void *arg, struct rel_err *err)
{
	int r;

	l->no_room = false;
	r = attempt(l, fn, arg, err);
	if (r < 0 && l->no_room && l->give_reserve && l->give_reserve(l->arg))
		r = attempt(l, fn, arg, err);
	return r;
}

int rel_db_create_schema(struct rel_ledger *l, struct rel_err *err)
{
	return rel_db_exec(l, schema_sql, err);
}

int rel_db_create_index(struct rel_ledger *l, struct rel_err *err)
{
	int r = rel_db_exec(l, index_sql, err);

	return r < 0 ? r : rel_index_mark(l, 0, err);
}
