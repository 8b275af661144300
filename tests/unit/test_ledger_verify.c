/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What verify finds: a ledger of 60 events is copied, one copy is changed past
 * relctl, with the triggers out of the way and put back afterwards.
 */
#include "ledger_fixture.h"

#include <inttypes.h>

#define ROWS 60
#define C1 "1111111111111111111111111111111111111111"

/* 10 rounds of build, release, activate, exec or scale, fail or pin, gc. */
static void fill(const char *path)
{
	struct rel_ledger *l = open_ledger(path, REL_LEDGER_CREATE);
	int64_t on[2] = { 0, 0 };

	for (int i = 0; i < ROWS / 6; i++) {
		const char *app = i % 2 ? "shop" : "blog";
		int64_t number = 1 + i / 2;
		char word[16];

		snprintf(word, sizeof(word), "content %d", i);
		if (i == 0)
			append(l, "", "key", key_body());
		else
			append(l, "", i % 3 ? "build" : "import",
				build_body(word, C1));
		append(l, app, "release", release_body(number, word));
		on[i % 2] = append(
			l, app, "activate", activate_body(number, on[i % 2]));
		if (i == 2 || i == 3)
			append(l, app, "scale",
				json("{\"formation\":{\"web\":2}}"));
		else
			append(l, app, "exec", json("{\"argv0\":\"rake\"}"));
		if (i % 4 == 3)
			append(l, app, "fail", number_body(number));
		else
			append(l, app, "pin", pin_body(number, true));
		append(l, "", "gc", json("{\"bytes\":7}"));
	}
	rel_ledger_closep(&l);
}

static int make_ledger(void **state)
{
	int r = make_dir(state);

	fill(((struct dir *)*state)->ledger);
	return r;
}

/* The SQL of all triggers, to put them back byte for byte. */
static char *triggers(sqlite3 *db)
{
	sqlite3_stmt *s = NULL;
	struct rel_buf b = REL_BUF_INIT;

	sqlite3_prepare_v2(db,
		"SELECT sql FROM sqlite_schema WHERE type = 'trigger'", -1, &s,
		NULL);
	while (sqlite3_step(s) == SQLITE_ROW)
		rel_buf_addf(
			&b, "%s;", (const char *)sqlite3_column_text(s, 0));
	sqlite3_finalize(s);
	return rel_buf_take(&b);
}

#define DROP                                                                   \
	"DROP TRIGGER event_is_never_updated;"                                 \
	"DROP TRIGGER event_is_never_deleted;"                                 \
	"DROP TRIGGER event_is_only_appended;"

/* A fresh copy, changed by ${sql}, in which %d stands for ${n}. */
static void tamper(struct dir *d, const char *sql, int n)
{
	REL_AUTO(rel_freep) char *put_back = NULL;
	struct rel_buf b = REL_BUF_INIT;
	sqlite3 *db;

	for (; *sql; sql++) {
		if (sql[0] == '%' && sql[1] == 'd') {
			rel_buf_addf(&b, "%d", n);
			sql++;
		} else {
			rel_buf_addc(&b, *sql);
		}
	}
	copy_file(d->ledger, d->copy);
	db = open_raw(d->copy);
	put_back = triggers(db);
	raw_exec(db, DROP);
	raw_exec(db, rel_buf_str(&b));
	raw_exec(db, put_back);
	sqlite3_close(db);
	rel_buf_free(&b);
}

/* Open and verify the copy; what was said, "" if nothing was found. */
static const char *verify(
	struct dir *d, const struct rel_id *expect, struct rel_err *err)
{
	struct rel_ledger *l = NULL;
	int64_t events = 0;
	int r = rel_ledger_open(
		d->copy, REL_LEDGER_READ, 5000, NULL, NULL, &l, err);

	if (r == 0)
		r = rel_ledger_verify(l, expect, &events, err);
	rel_ledger_closep(&l);
	if (r == 0)
		return "";
	if (r != -(int)REL_EINTEGRITY)
		fail_msg("not an integrity error: %s", err->msg);
	return err->msg;
}

static void expect_event(struct dir *d, int n, const char *what)
{
	struct rel_err err = REL_ERR_INIT;
	char word[32];
	size_t len;
	const char *said = verify(d, NULL, &err), *found;

	snprintf(word, sizeof(word), "event %d", n);
	len = strlen(word);
	found = strstr(said, word);
	if (!found || (found[len] >= '0' && found[len] <= '9'))
		fail_msg("%s, event %d: '%s'", what, n, said);
}

static void test_a_whole_ledger_passes(void **state)
{
	struct dir *d = *state;
	struct rel_err err = REL_ERR_INIT;
	struct rel_ledger *l;
	int64_t events = 0;

	tamper(d, "SELECT %d", 1); /* the way of changing it changes nothing */
	assert_string_equal(verify(d, NULL, &err), "");
	l = open_ledger(d->ledger, REL_LEDGER_WRITE);
	assert_ok(rel_ledger_verify(l, NULL, &events, &err), &err);
	assert_int_equal(events, ROWS);
	rel_ledger_closep(&l);
	l = open_ledger(d->copy, REL_LEDGER_READ);
	assert_ok(rel_ledger_verify(l, NULL, &events, &err), &err);
	rel_ledger_closep(&l);
}

static void test_every_edit_of_every_event_is_found(void **state)
{
	static const char *const edits[] = {
		"UPDATE event SET time = time + 1 WHERE seq = %d",
		"UPDATE event SET app = app || 'x' WHERE seq = %d",
		"UPDATE event SET kind = 'note' WHERE seq = %d",
		"UPDATE event SET body = '{}' WHERE seq = %d",
		"UPDATE event SET body = ' ' || body WHERE seq = %d",
		"UPDATE event SET prev = substr(prev, 2) || '0' WHERE seq = %d",
		"UPDATE event SET hash = substr(hash, 2) || '0' WHERE seq = %d",
		"UPDATE event SET hash = upper(hash) || 'z' WHERE seq = %d",
		/* the same text to strlen, but not the same bytes */
		"UPDATE event SET body = body || char(0) || 'x' WHERE seq = %d",
	};
	const int n = sizeof(edits) / sizeof(*edits);

	for (int row = 1; row <= ROWS; row++) {
		/* Three of the edits a row; each edit meets 20 rows. */
		for (int i = row % 3; i < n; i += 3) {
			tamper(*state, edits[i], row);
			expect_event(*state, row, edits[i]);
		}
	}
}

/* Give event ${row} of the copy a hash that fits what it says now. */
static struct rel_id hash_again(struct dir *d, int row)
{
	REL_AUTO(rel_freep) char *put_back = NULL;
	REL_AUTO(rel_freep) char *sql = NULL;
	sqlite3_stmt *s = NULL;
	struct rel_event_row e = { 0 };
	struct rel_err err = REL_ERR_INIT;
	sqlite3 *db = open_raw(d->copy);

	put_back = triggers(db);
	sqlite3_prepare_v2(db,
		"SELECT " REL_EVENT_COLUMNS " FROM event WHERE seq = ?", -1, &s,
		NULL);
	sqlite3_bind_int(s, 1, row);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	assert_ok(rel_event_read(s, &e, &err), &err);
	sqlite3_finalize(s);
	e.hash = rel_event_hash(&e);
	sql = rel_printf("UPDATE event SET hash = '%s' WHERE seq = %d",
		rel_id_hex(&e.hash).s, row);
	raw_exec(db, DROP);
	raw_exec(db, sql);
	raw_exec(db, put_back);
	sqlite3_close(db);
	rel_event_row_done(&e);
	return e.hash;
}

static struct rel_id head_of(const char *path)
{
	struct rel_ledger *l = open_ledger(path, REL_LEDGER_READ);
	struct rel_err err = REL_ERR_INIT;
	struct rel_id head;
	int64_t seq;

	assert_ok(rel_ledger_head(l, &seq, &head, &err), &err);
	rel_ledger_closep(&l);
	return head;
}

static void test_an_edit_with_a_hash_that_fits_breaks_the_chain(void **state)
{
	struct dir *d = *state;
	struct rel_err err = REL_ERR_INIT;
	struct rel_id head = head_of(d->ledger);

	for (int row = 1; row <= ROWS; row++) {
		tamper(d, "UPDATE event SET time = time + 1 WHERE seq = %d",
			row);
		hash_again(d, row);
		if (row < ROWS)
			expect_event(d, row + 1, "edit with a hash");
	}
	/* The last one only shows to somebody who knows the head. */
	assert_string_equal(verify(d, NULL, &err), "");
	assert_non_null(
		strstr(verify(d, &head, &err), "no event has the hash"));
	tamper(d, "SELECT %d", 1);
	assert_string_equal(verify(d, &head, &err), "");
}

static void test_every_deletion_is_found(void **state)
{
	for (int row = 1; row <= ROWS; row++) {
		tamper(*state, "DELETE FROM event WHERE seq = %d", row);
		expect_event(*state, row, "deletion");
		/* and the rest moved up, so that no gap is left */
		tamper(*state,
			"DELETE FROM event WHERE seq = %d;"
			"UPDATE event SET seq = -seq WHERE seq > %d;"
			"UPDATE event SET seq = -seq - 1 WHERE seq < 0",
			row);
		expect_event(*state, row, "deletion without a gap");
	}
}

static void test_every_duplicate_and_every_insertion_is_found(void **state)
{
	for (int row = 1; row <= ROWS; row++) {
		tamper(*state,
			"UPDATE event SET seq = -seq WHERE seq > %d;"
			"UPDATE event SET seq = -seq + 1 WHERE seq < 0;"
			"INSERT INTO event SELECT seq + 1, time, app, kind,"
			" body, prev, hash FROM event WHERE seq = %d;",
			row);
		expect_event(*state, row + 1, "duplicate");
		tamper(*state,
			"UPDATE event SET seq = -seq WHERE seq >= %d;"
			"UPDATE event SET seq = -seq + 1 WHERE seq < 0;"
			"INSERT INTO event SELECT %d, time, '', 'note', '{}',"
			" prev, prev FROM event WHERE seq = %d + 1;",
			row);
		hash_again(*state, row);
		expect_event(*state, row + 1, "insertion");
	}
}

static void test_every_swap_is_found(void **state)
{
	for (int row = 1; row < ROWS; row++) {
		tamper(*state,
			"UPDATE event SET seq = -1 WHERE seq = %d;"
			"UPDATE event SET seq = %d WHERE seq = %d + 1;"
			"UPDATE event SET seq = %d + 1 WHERE seq = -1",
			row);
		expect_event(*state, row, "swap");
	}
}

static void test_events_below_one_are_found(void **state)
{
	tamper(*state,
		"INSERT INTO event SELECT 0, time, app, kind, body, prev,"
		" hash FROM event WHERE seq = %d",
		1);
	expect_event(*state, 0, "event 0");
}

static void test_a_schema_that_was_changed_is_found(void **state)
{
	static const struct {
		const char *sql, *says;
	} cases[] = {
		{ "DROP TRIGGER event_is_never_updated",
			"trigger event_is_never_updated" },
		{ "DROP TRIGGER event_is_never_deleted",
			"trigger event_is_never_deleted" },
		{ "DROP TRIGGER event_is_only_appended",
			"trigger event_is_only_appended" },
		{ "DROP TRIGGER event_is_never_updated;"
		  "CREATE TRIGGER event_is_never_updated BEFORE UPDATE ON event"
		  " BEGIN SELECT 1; END",
			"trigger event_is_never_updated" },
		{ "CREATE TRIGGER also AFTER INSERT ON event"
		  " BEGIN DELETE FROM app; END",
			"trigger also" },
		{ "DROP INDEX activation_by_app", "index activation_by_app" },
		{ "ALTER TABLE event ADD COLUMN note TEXT", "table event" },
		{ "CREATE TABLE aside (x)", "table aside" },
		{ "CREATE VIEW zzz AS SELECT 1", "view zzz" },
	};
	struct dir *d = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct rel_err err = REL_ERR_INIT;
		const char *said;

		copy_file(d->ledger, d->copy);
		raw(d->copy, cases[i].sql);
		said = verify(d, NULL, &err);
		if (!strstr(said, cases[i].says))
			fail_msg("%s: '%s'", cases[i].sql, said);
	}
}

static void test_every_change_of_the_index_is_found(void **state)
{
	static const struct {
		const char *sql, *table, *row;
	} cases[] = {
		{ "UPDATE release SET pinned = 1 - pinned WHERE seq = 8",
			"'release'", "'8'" },
		{ "UPDATE release SET failed = 1 WHERE seq = 8", "'release'",
			"'8'" },
		{ "UPDATE release SET ever_active = 0 WHERE seq = 56",
			"'release'", "'56'" },
		{ "UPDATE release SET number = 100 WHERE seq = 56", "'release'",
			"'56'" },
		{ "UPDATE release SET app = 'other' WHERE seq = 2", "'release'",
			"'2'" },
		{ "UPDATE release SET digest = lower(hex(zeroblob(32)))"
		  " WHERE seq = 14",
			"'release'", "'14'" },
		{ "DELETE FROM release WHERE seq = 56", "'release'", "'56'" },
		{ "INSERT INTO release VALUES (5, 'blog', 99, 'x',"
		  " 'x', 0, 0, 0)",
			"'release'", "'5'" },
		{ "UPDATE activation SET beneath = 0 WHERE seq = 57",
			"'activation'", "'57'" },
		{ "UPDATE activation SET content = 'x' WHERE seq = 3",
			"'activation'", "'3'" },
		{ "UPDATE activation SET number = 2 WHERE seq = 3",
			"'activation'", "'3'" },
		{ "UPDATE activation SET other = 3 WHERE seq = 57",
			"'activation'", "'57'" },
		{ "UPDATE release SET artifact = 'x' WHERE seq = 2",
			"'release'", "'2'" },
		{ "UPDATE build SET origin = 'x' WHERE seq = 7", "'build'",
			"'7'" },
		{ "DELETE FROM activation WHERE seq = 57", "'activation'",
			"'57'" },
		{ "INSERT INTO activation VALUES (60, 'blog', 1, 0, 'x', 0)",
			"'activation'", "'60'" },
		{ "UPDATE build SET revision = '' WHERE seq = 7", "'build'",
			"'7'" },
		{ "DELETE FROM build WHERE seq = 7", "'build'", "'7'" },
		{ "UPDATE formation SET seq = 15 WHERE app = 'shop'",
			"'formation'", "'shop'" },
		{ "DELETE FROM formation WHERE app = 'blog'", "'formation'",
			"'blog'" },
		{ "INSERT INTO formation VALUES ('ghost', 15)", "'formation'",
			"'ghost'" },
		{ "INSERT INTO app VALUES ('ghost')", "'app'", "'ghost'" },
		{ "DELETE FROM app WHERE name = 'shop'", "'app'", "'shop'" },
		{ "INSERT INTO derived VALUES (99, 60)", "'derived'", "'99'" },
	};
	struct dir *d = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct rel_err err = REL_ERR_INIT;
		const char *said;

		copy_file(d->ledger, d->copy);
		raw(d->copy, cases[i].sql);
		said = verify(d, NULL, &err);
		if (!strstr(said, cases[i].table) ||
			!strstr(said, cases[i].row))
			fail_msg("%s: '%s'", cases[i].sql, said);
	}
}

static void test_a_page_that_was_overwritten_is_found(void **state)
{
	struct dir *d = *state;
	struct rel_err err = REL_ERR_INIT;
	struct rel_buf b = REL_BUF_INIT;
	size_t pages;

	assert_ok(rel_read_file(AT_FDCWD, d->ledger, 1 << 24, &b, &err), &err);
	pages = b.len / 4096;
	assert_true(pages >= 10);
	for (size_t i = 0; i < pages; i++) {
		int fd;

		copy_file(d->ledger, d->copy);
		fd = open(d->copy, O_WRONLY | O_CLOEXEC);
		/* behind the file header of page 1, else the page's own */
		assert_int_equal(pwrite(fd, "\xff\xff\xff\xff\xff\xff\xff\xff",
					 8, (off_t)i * 4096 + (i ? 0 : 100)),
			8);
		close(fd);
		if (!*verify(d, NULL, &err))
			fail_msg("page %zu", i + 1);
	}
	rel_buf_free(&b);
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, make_ledger, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_whole_ledger_passes),
		TEST(test_every_edit_of_every_event_is_found),
		TEST(test_an_edit_with_a_hash_that_fits_breaks_the_chain),
		TEST(test_every_deletion_is_found),
		TEST(test_every_duplicate_and_every_insertion_is_found),
		TEST(test_every_swap_is_found),
		TEST(test_events_below_one_are_found),
		TEST(test_a_schema_that_was_changed_is_found),
		TEST(test_every_change_of_the_index_is_found),
		TEST(test_a_page_that_was_overwritten_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
