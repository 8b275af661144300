/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"
#include "base/mem.h"
#include "ledger/db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * The file is made here for its mode alone. O_EXCL: when it exists it may be
 * open in this process, and closing another fd on it would drop the locks.
 * SQLite syncs the directory with the first transaction.
 */
static int make_file(const char *path, struct rel_err *err)
{
	REL_AUTO(rel_closep)
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 && errno == EEXIST)
		return 0;
	if (fd < 0 || fchmod(fd, 0600) < 0)
		return rel_fail_os(err, "create '%s'", path);
	return 0;
}

/*
 * READWRITE also for reading: after a crash the first one to come must roll
 * back what was left half done, and that writes. Where the disk is read-only
 * SQLite falls back to reading by itself.
 */
static int connect_to(
	struct rel_ledger *l, const char *path, struct rel_err *err)
{
	int rc = sqlite3_open_v2(path, &l->db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
			SQLITE_OPEN_PRIVATECACHE,
		NULL);

	if (rc == SQLITE_OK)
		return 0;
	if (!l->db)
		return rel_fail(err, REL_EIO, "open '%s': out of memory", path);
	if (sqlite3_system_errno(l->db) == ENOENT)
		return rel_fail(err, REL_ENOTFOUND, "no ledger '%s'", path);
	rel_db_fail(l, rc, "open", err);
	return rel_wrap(err, "'%s'", path);
}

static int configure(
	struct rel_ledger *l, unsigned wait_ms, struct rel_err *err)
{
	sqlite3_db_config(l->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(l->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_limit(l->db, SQLITE_LIMIT_LENGTH, 2 * REL_MAX_BODY);
	sqlite3_busy_timeout(
		l->db, (int)(wait_ms > 86400000 ? 86400000 : wait_ms));
	/* SQLite's own default lost the last commit when power failed. */
	return rel_db_exec(l,
		"PRAGMA trusted_schema = OFF;"
		"PRAGMA cell_size_check = ON;"
		"PRAGMA mmap_size = 0;"
		"PRAGMA temp_store = MEMORY;"
		"PRAGMA foreign_keys = ON;"
		"PRAGMA synchronous = EXTRA;"
		"PRAGMA journal_mode = TRUNCATE;",
		err);
}

static int create(struct rel_ledger *l, void *arg, struct rel_err *err)
{
	int64_t version;
	int r = rel_db_number(l, "PRAGMA user_version", &version, err);

	(void)arg;
	/* Of two that start at once the second finds it made. */
	if (r < 0 || version != 0)
		return r;
	r = rel_db_create_schema(l, err);
	if (r == 0)
		r = rel_db_create_index(l, err);
	return r;
}

static int check_version(struct rel_ledger *l, struct rel_err *err)
{
	int64_t version, mark, pages;

	if (rel_db_number(l, "PRAGMA page_count", &pages, err) < 0 ||
		rel_db_number(l, "PRAGMA user_version", &version, err) < 0 ||
		rel_db_number(l, "PRAGMA application_id", &mark, err) < 0)
		return -(int)err->code;
	if (pages == 0 && l->mode == REL_LEDGER_CREATE)
		return rel_db_transaction(l, create, NULL, err);
	/* What a crash of the very first command leaves is as good as none. */
	if (pages == 0)
		return rel_fail(err, REL_ENOTFOUND, "the ledger is empty");
	if (mark != REL_LEDGER_MARK || version < 1)
		return rel_fail(err, REL_EINTEGRITY, "not a ledger");
	if (version > REL_SCHEMA_VERSION) {
		rel_fail(err, REL_EINVALID,
			"the ledger was made by a newer relctl");
		return rel_hint(err, "use that relctl, or a newer one");
	}
	return 0;
}

/* Go on with a copy in memory: reads work where nothing can be written. */
static int move_to_memory(struct rel_ledger *l, struct rel_err *err)
{
	sqlite3 *copy = NULL;
	sqlite3_backup *b = NULL;
	int r = 0, rc = sqlite3_open_v2(":memory:", &copy,
			   SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

	if (rc == SQLITE_OK)
		b = sqlite3_backup_init(copy, "main", l->db, "main");
	if (!b) {
		sqlite3_close(copy);
		return rel_fail(err, REL_EIO, "copy the ledger to memory");
	}
	rc = sqlite3_backup_step(b, -1);
	if (rc != SQLITE_DONE)
		r = rel_db_fail(l, rc, "copy the ledger to memory", err);
	sqlite3_backup_finish(b);
	if (r < 0) {
		sqlite3_close(copy);
		return r;
	}
	for (int i = 0; i < REL_Q_MAX_; i++) {
		sqlite3_finalize(l->own[i]);
		l->own[i] = NULL;
	}
	sqlite3_close(l->db);
	l->db = copy;
	return configure(l, 0, err);
}

static int refresh(struct rel_ledger *l, void *arg, struct rel_err *err)
{
	(void)arg;
	return rel_index_refresh(l, err);
}

static int check_index(struct rel_ledger *l, struct rel_err *err)
{
	int64_t head;
	int r = rel_index_state(l, &l->indexed, &head, err);

	if (r < 0 || l->indexed == head)
		return r;
	if (l->mode == REL_LEDGER_READ) {
		r = move_to_memory(l, err);
		if (r == 0)
			r = rel_db_exec(l, "DROP TABLE IF EXISTS derived", err);
		if (r < 0)
			return r;
	}
	return rel_db_transaction(l, refresh, NULL, err);
}

static int set_up(struct rel_ledger *l, const char *path, unsigned wait_ms,
	struct rel_err *err)
{
	int r = configure(l, wait_ms, err);

	if (r == 0)
		r = check_version(l, err);
	if (r < 0)
		return rel_wrap(err, "'%s'", path);
	if (l->mode != REL_LEDGER_READ && sqlite3_db_readonly(l->db, "main")) {
		errno = EROFS;
		return rel_fail_os(err, "write '%s'", path);
	}
	r = check_index(l, err);
	if (r == 0 && l->mode == REL_LEDGER_READ)
		r = rel_db_exec(l, "PRAGMA query_only = ON", err);
	return r;
}

int rel_ledger_open(const char *path, enum rel_ledger_mode mode,
	unsigned wait_ms, bool (*give_reserve)(void *arg), void *arg,
	struct rel_ledger **ret, struct rel_err *err)
{
	REL_AUTO(rel_ledger_closep)
	struct rel_ledger *l = rel_alloc(sizeof(*l));
	int r = 0;

	l->mode = mode;
	l->give_reserve = give_reserve;
	l->arg = arg;
	if (mode == REL_LEDGER_CREATE)
		r = make_file(path, err);
	if (r == 0)
		r = connect_to(l, path, err);
	if (r == 0)
		r = set_up(l, path, wait_ms, err);
	if (r < 0)
		return r;
	*ret = l;
	l = NULL;
	return 0;
}

int rel_db_scratch(struct rel_ledger **ret, struct rel_err *err)
{
	REL_AUTO(rel_ledger_closep)
	struct rel_ledger *l = rel_alloc(sizeof(*l));
	int r;

	l->mode = REL_LEDGER_CREATE;
	/* SQLite's name for a file that it makes when its cache is full, where
	 * temporary files go, and that is gone with the handle. */
	r = connect_to(l, "", err);
	if (r == 0)
		r = configure(l, 0, err);
	if (r == 0)
		r = create(l, NULL, err);
	if (r < 0)
		return r;
	*ret = l;
	l = NULL;
	return 0;
}

void rel_ledger_closep(struct rel_ledger **lp)
{
	struct rel_ledger *l = *lp;

	if (!l)
		return;
	for (int i = 0; i < REL_Q_MAX_; i++)
		sqlite3_finalize(l->own[i]);
	sqlite3_close_v2(l->db);
	free(l);
	*lp = NULL;
}
