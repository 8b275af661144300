/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/ledger/state.c - is the ledger as it was? Told without reading it.
 */
#include "base/file.h"
#include "ledger/db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* "The Database Header" of SQLite's file format: the file change counter. */
#define COUNTER_AT 24
#define HEADER 28

static void from_stat(const struct stat *st, struct rel_ledger_state *ret)
{
	ret->dev = (int64_t)st->st_dev;
	ret->ino = (int64_t)st->st_ino;
	ret->size = st->st_size;
	ret->mtime_ns =
		st->st_mtim.tv_sec * INT64_C(1000000000) + st->st_mtim.tv_nsec;
	ret->ctime_ns =
		st->st_ctim.tv_sec * INT64_C(1000000000) + st->st_ctim.tv_nsec;
}

static int64_t read_counter(const uint8_t *p)
{
	return (int64_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

/* A journal that is not empty is a transaction that goes on, or was cut off. */
static bool is_settled(int dirfd, const char *name)
{
	char journal[64];
	struct stat st;
	int n = snprintf(journal, sizeof(journal), "%s-journal", name);

	if (n < 0 || (size_t)n >= sizeof(journal))
		return false;
	return fstatat(dirfd, journal, &st, AT_SYMLINK_NOFOLLOW) < 0
		       ? errno == ENOENT
		       : S_ISREG(st.st_mode) && st.st_size == 0;
}

bool rel_ledger_peek(int dirfd, const char *name, struct rel_ledger_state *ret)
{
	REL_AUTO(rel_closep)
	int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	uint8_t head[HEADER];
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 ||
		pread(fd, head, sizeof(head), 0) != (ssize_t)sizeof(head) ||
		memcmp(head, "SQLite format 3", 16) != 0)
		return false;
	from_stat(&st, ret);
	ret->counter = read_counter(head + COUNTER_AT);
	/* Last: what was read while a transaction wrote is not committed
	 * unless its journal is empty by now. */
	return is_settled(dirfd, name);
}

/* Through SQLite's own descriptor: closing another would drop the locks. */
static int state_of(
	struct rel_ledger *l, struct rel_ledger_state *ret, struct rel_err *err)
{
	const char *path = sqlite3_db_filename(l->db, "main");
	sqlite3_file *f = NULL;
	uint8_t counter[4];
	struct stat st;

	if (!rel_ledger_has_file(l))
		return rel_fail(err, REL_EREFUSED, "a copy has no state");
	if (sqlite3_file_control(l->db, "main", SQLITE_FCNTL_FILE_POINTER,
		    &f) != SQLITE_OK ||
		!f || !f->pMethods ||
		f->pMethods->xRead(f, counter, sizeof(counter), COUNTER_AT) !=
			SQLITE_OK ||
		stat(path, &st) < 0)
		return rel_fail(err, REL_EIO, "look at the ledger's file");
	from_stat(&st, ret);
	ret->counter = read_counter(counter);
	return 0;
}

int rel_ledger_hold(struct rel_ledger *l,
	int (*fn)(void *arg, const struct rel_ledger_state *now,
		struct rel_err *err),
	void *arg, struct rel_err *err)
{
	struct rel_ledger_state now;
	struct rel_id head;
	int64_t seq;
	int r = rel_db_exec(l, "BEGIN", err);

	if (r < 0)
		return r;
	/* The first read takes the lock; with it nobody can commit. */
	r = rel_ledger_head(l, &seq, &head, err);
	if (r == 0)
		r = state_of(l, &now, err);
	if (r == 0)
		r = fn(arg, &now, err);
	if (!sqlite3_get_autocommit(l->db))
		sqlite3_exec(l->db, "ROLLBACK", NULL, NULL, NULL);
	return r;
}
