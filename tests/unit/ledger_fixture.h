/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/ledger_fixture.h - a directory of its own for each test, ledgers
 * in it, and events with few words.
 */
#ifndef LEDGER_FIXTURE_H
#define LEDGER_FIXTURE_H

#include "rel_test.h"

#include "base/file.h"
#include "base/mem.h"
#include "crypto/digest.h"
#include "ledger/db.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define UNUSED __attribute__((unused))

struct dir {
	char path[64], ledger[96], copy[96];
};

static UNUSED int make_dir(void **state)
{
	struct dir *d = rel_alloc(sizeof(*d));

	strcpy(d->path, "/tmp/relctl-ledger-XXXXXX");
	assert_non_null(mkdtemp(d->path));
	snprintf(d->ledger, sizeof(d->ledger), "%s/ledger.db", d->path);
	snprintf(d->copy, sizeof(d->copy), "%s/copy.db", d->path);
	*state = d;
	return 0;
}

static UNUSED int remove_dir(void **state)
{
	struct dir *d = *state;
	struct rel_err err = REL_ERR_INIT;
	int r = rel_remove_tree(AT_FDCWD, d->path, &err);

	free(d);
	return r;
}

#define assert_ok(call, err)                                                   \
	do {                                                                   \
		if ((call) != 0)                                               \
			fail_msg("%s: %s", #call, (err)->msg);                 \
	} while (0)

static UNUSED struct rel_ledger *open_ledger(
	const char *path, enum rel_ledger_mode mode)
{
	struct rel_ledger *l = NULL;
	struct rel_err err = REL_ERR_INIT;

	assert_ok(
		rel_ledger_open(path, mode, 5000, NULL, NULL, &l, &err), &err);
	return l;
}

/* A body from its text; free with the append. */
static UNUSED struct json_t *json(const char *text)
{
	struct json_t *j = NULL;
	struct rel_err err = REL_ERR_INIT;

	assert_ok(rel_json_parse(text, strlen(text), &j, &err), &err);
	return j;
}

static UNUSED int try_append(struct rel_ledger *l, const char *app,
	const char *kind, struct json_t *body, int64_t *seq,
	struct rel_err *err)
{
	struct rel_append what = { .app = app, .kind = kind, .body = body };

	return rel_ledger_append(l, &what, seq, err);
}

static UNUSED int64_t append(struct rel_ledger *l, const char *app,
	const char *kind, struct json_t *body)
{
	struct rel_err err = REL_ERR_INIT;
	int64_t seq = -1;

	assert_ok(try_append(l, app, kind, body, &seq, &err), &err);
	return seq;
}

/* A digest for a word, as 64 digits. */
static UNUSED struct rel_hex digest(const char *word)
{
	struct rel_id id = rel_sha256(word, strlen(word));

	return rel_id_hex(&id);
}

static UNUSED struct json_t *key_body(void)
{
	return rel_json_set(rel_json_set(rel_json_object(), "fingerprint",
				    rel_json_text(digest("fp").s)),
		"key", rel_json_text("0123456789abcdef"));
}

static UNUSED struct json_t *build_body(
	const char *artifact, const char *commit)
{
	struct json_t *j = rel_json_object();
	REL_AUTO(rel_freep)
	char *id = rel_printf("sha256:%s", digest(artifact).s);

	rel_json_set(j, "artifact", rel_json_text(id));
	rel_json_set(j, "record", rel_json_text(digest("record").s));
	rel_json_set(j, "commit", rel_json_text(commit));
	return rel_json_set(j, "by", rel_json_text("tester"));
}

static UNUSED struct json_t *release_body(int64_t number, const char *content)
{
	struct json_t *j = rel_json_object();
	REL_AUTO(rel_freep)
	char *id = rel_printf("sha256:%s", digest("artifact").s);

	rel_json_set(j, "artifact", rel_json_text(id));
	rel_json_set(j, "digest", rel_json_text(digest(content).s));
	rel_json_set(j, "sealed", rel_json_text(digest("sealed").s));
	rel_json_set(j, "reason", rel_json_text("release"));
	rel_json_set(j, "by", rel_json_text("tester"));
	return rel_json_set(j, "number", rel_json_number(number));
}

static UNUSED struct json_t *activate_body(int64_t number, int64_t on)
{
	struct json_t *j = rel_json_object();

	rel_json_set(j, "by", rel_json_text("tester"));
	rel_json_set(j, "on", rel_json_number(on));
	return rel_json_set(j, "number", rel_json_number(number));
}

static UNUSED struct json_t *number_body(int64_t number)
{
	return rel_json_set(
		rel_json_object(), "number", rel_json_number(number));
}

static UNUSED struct json_t *pin_body(int64_t number, bool pinned)
{
	return rel_json_set(
		number_body(number), "pinned", rel_json_bool(pinned));
}

/* SQL past relctl, as one with the sqlite3 shell could. */
static UNUSED sqlite3 *open_raw(const char *path)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db,
				 "PRAGMA synchronous = OFF;"
				 "PRAGMA journal_mode = MEMORY",
				 NULL, NULL, NULL),
		SQLITE_OK);
	return db;
}

static UNUSED void raw_exec(sqlite3 *db, const char *sql)
{
	char *said = NULL;

	if (sqlite3_exec(db, sql, NULL, NULL, &said) != SQLITE_OK)
		fail_msg("%s: %s", sql, said);
}

static UNUSED void raw(const char *path, const char *sql)
{
	sqlite3 *db = open_raw(path);

	raw_exec(db, sql);
	sqlite3_close(db);
}

static UNUSED void copy_file(const char *from, const char *to)
{
	struct rel_buf b = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;
	int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_ok(rel_read_file(AT_FDCWD, from, 64 << 20, &b, &err), &err);
	assert_ok(rel_write_fd(fd, b.p, b.len, &err), &err);
	close(fd);
	rel_buf_free(&b);
}

#endif
