/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger where files go wrong: foreign and stale ones, many writers, a
 * crash in the middle, a disk that is full or read-only.
 */
#include "ledger_fixture.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

static int give_number(void *arg, struct rel_ledger *l, struct json_t *body,
	struct rel_err *err)
{
	int64_t last;
	int r = rel_ledger_last_number(l, "shop", &last, err);

	(void)arg;
	if (r == 0)
		rel_json_set(body, "number", rel_json_number(last + 1));
	return r;
}

static int try_release(struct rel_ledger *l, struct rel_err *err)
{
	struct rel_append what = { .app = "shop",
		.kind = "release",
		.body = release_body(0, "x"),
		.check = give_number };

	return rel_ledger_append(l, &what, NULL, err);
}

static void fill(const char *path, int releases)
{
	struct rel_ledger *l = open_ledger(path, REL_LEDGER_CREATE);
	struct rel_err err = REL_ERR_INIT;

	for (int i = 0; i < releases; i++)
		assert_ok(try_release(l, &err), &err);
	append(l, "shop", "activate", activate_body(releases, 0));
	rel_ledger_closep(&l);
}

/* 0, or the code that opening gives. */
static int open_code(const char *path, enum rel_ledger_mode mode)
{
	struct rel_ledger *l = NULL;
	struct rel_err err = REL_ERR_INIT;
	int r = rel_ledger_open(path, mode, 100, NULL, NULL, &l, &err);

	rel_ledger_closep(&l);
	if (r < 0)
		assert_non_null(strstr(err.msg, path));
	return -r;
}

static void expect_all_modes(const char *path, enum rel_code code)
{
	assert_int_equal(open_code(path, REL_LEDGER_READ), code);
	assert_int_equal(open_code(path, REL_LEDGER_WRITE), code);
	assert_int_equal(open_code(path, REL_LEDGER_CREATE), code);
}

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void test_what_is_no_ledger_is_told_apart(void **state)
{
	struct dir *d = *state;
	REL_AUTO(rel_freep) char *below = rel_printf("%s/no/such", d->path);

	assert_int_equal(open_code(d->ledger, REL_LEDGER_READ), REL_ENOTFOUND);
	assert_int_equal(open_code(d->ledger, REL_LEDGER_WRITE), REL_ENOTFOUND);
	assert_int_equal(access(d->ledger, F_OK), -1); /* nor was it made */
	assert_int_equal(open_code(below, REL_LEDGER_CREATE), REL_EIO);

	put(d->ledger, "this is a text, and it is long enough to be read as "
		       "the header of a database, which has 100 bytes, if it "
		       "were one");
	expect_all_modes(d->ledger, REL_EINTEGRITY);
	unlink(d->ledger);
	raw(d->ledger, "CREATE TABLE address (name, street)");
	expect_all_modes(d->ledger, REL_EINTEGRITY);
	unlink(d->ledger);
	raw(d->ledger, "CREATE TABLE x (y); PRAGMA user_version = 1");
	expect_all_modes(d->ledger, REL_EINTEGRITY);

	/* An empty file is what a crash of the first command may leave. */
	put(d->ledger, "");
	assert_int_equal(open_code(d->ledger, REL_LEDGER_READ), REL_ENOTFOUND);
	assert_int_equal(open_code(d->ledger, REL_LEDGER_WRITE), REL_ENOTFOUND);
	fill(d->ledger, 1);
	assert_int_equal(open_code(d->ledger, REL_LEDGER_READ), 0);
	assert_int_equal(open_code(d->ledger, REL_LEDGER_CREATE), 0);

	raw(d->ledger, "PRAGMA user_version = 2");
	expect_all_modes(d->ledger, REL_EINVALID);
}

static int64_t last_number(const char *path, enum rel_ledger_mode mode)
{
	struct rel_ledger *l = open_ledger(path, mode);
	struct rel_err err = REL_ERR_INIT;
	int64_t n = 0, events = 0;

	assert_ok(rel_ledger_last_number(l, "shop", &n, &err), &err);
	assert_ok(rel_ledger_verify(l, NULL, &events, &err), &err);
	rel_ledger_closep(&l);
	return n;
}

static void read_all(const char *path, struct rel_buf *b)
{
	struct rel_err err = REL_ERR_INIT;

	assert_ok(rel_read_file(AT_FDCWD, path, 1 << 24, b, &err), &err);
}

static void test_a_stale_index_is_derived_anew(void **state)
{
	static const char *const ways[] = {
		"UPDATE derived SET version = 0; DELETE FROM release",
		("UPDATE derived SET version = 99; DROP TABLE release;"
		 "CREATE TABLE release (other); CREATE TABLE more (x)"),
		"UPDATE derived SET events = 3; DELETE FROM release",
		"DELETE FROM derived; DELETE FROM release; DELETE FROM app",
		"DROP TABLE derived; DROP TABLE app; DROP TABLE release",
	};
	struct dir *d = *state;

	fill(d->ledger, 5);
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		struct rel_buf was = REL_BUF_INIT, is = REL_BUF_INIT;

		copy_file(d->ledger, d->copy);
		raw(d->copy, ways[i]);
		/* Reading derives in memory, and leaves the file alone. */
		read_all(d->copy, &was);
		assert_int_equal(last_number(d->copy, REL_LEDGER_READ), 5);
		read_all(d->copy, &is);
		assert_int_equal(was.len, is.len);
		assert_memory_equal(was.p, is.p, is.len);
		assert_int_equal(last_number(d->copy, REL_LEDGER_WRITE), 5);
		rel_buf_reset(&is);
		read_all(d->copy, &is);
		assert_true(
			was.len != is.len || memcmp(was.p, is.p, is.len) != 0);
		rel_buf_free(&was);
		rel_buf_free(&is);
	}
}

static void test_an_index_that_got_stale_while_open_is_derived_anew(
	void **state)
{
	struct dir *d = *state;
	struct rel_ledger *l;
	struct rel_err err = REL_ERR_INIT;
	int64_t events;

	fill(d->ledger, 5);
	l = open_ledger(d->ledger, REL_LEDGER_WRITE);
	raw(d->ledger, "UPDATE derived SET events = 2; DELETE FROM release");
	assert_ok(try_release(l, &err), &err);
	assert_ok(rel_ledger_verify(l, NULL, &events, &err), &err);
	assert_int_equal(events, 7);
	rel_ledger_closep(&l);
	assert_int_equal(last_number(d->ledger, REL_LEDGER_READ), 6);
}

static void test_a_ledger_that_lost_its_tail_is_read_but_not_written(
	void **state)
{
	struct dir *d = *state;
	struct rel_ledger *l = NULL;
	struct rel_err err = REL_ERR_INIT;
	int64_t n;

	fill(d->ledger, 5);
	raw(d->ledger, "DROP TRIGGER event_is_never_deleted;"
		       "DELETE FROM event WHERE seq >= 5");
	assert_int_equal(rel_ledger_open(d->ledger, REL_LEDGER_WRITE, 0, NULL,
				 NULL, &l, &err),
		-(int)REL_EINTEGRITY);
	assert_non_null(strstr(err.msg, "event 5 is missing"));
	l = open_ledger(d->ledger, REL_LEDGER_READ);
	assert_ok(rel_ledger_last_number(l, "shop", &n, &err), &err);
	assert_int_equal(n, 4);
	rel_ledger_closep(&l);
}

static void test_a_reader_can_not_write(void **state)
{
	struct dir *d = *state;
	struct rel_ledger *l;
	struct rel_err err = REL_ERR_INIT;

	fill(d->ledger, 1);
	l = open_ledger(d->ledger, REL_LEDGER_READ);
	assert_int_equal(try_release(l, &err), -(int)REL_EIO);
	assert_int_equal(
		sqlite3_exec(l->db, "DELETE FROM release", NULL, NULL, NULL),
		SQLITE_READONLY);
	rel_ledger_closep(&l);
	assert_int_equal(last_number(d->ledger, REL_LEDGER_READ), 1);
}

static void test_a_busy_ledger_is_waited_for_and_then_told(void **state)
{
	struct dir *d = *state;
	struct rel_ledger *l = NULL;
	struct rel_err err = REL_ERR_INIT;
	sqlite3 *other;

	fill(d->ledger, 1);
	other = open_raw(d->ledger);
	assert_ok(rel_ledger_open(d->ledger, REL_LEDGER_WRITE, 30, NULL, NULL,
			  &l, &err),
		&err);
	raw_exec(other, "BEGIN IMMEDIATE");
	assert_int_equal(try_release(l, &err), -(int)REL_EBUSY);
	assert_string_equal(err.msg, "the ledger is busy");
	assert_true(*err.hint);
	raw_exec(other, "ROLLBACK");
	assert_ok(try_release(l, &err), &err);
	sqlite3_close(other);
	rel_ledger_closep(&l);
	assert_int_equal(last_number(d->ledger, REL_LEDGER_READ), 2);
}

/* Run ${fn} in a process of its own; what it returns is its exit status. */
static pid_t start(int (*fn)(const char *path), const char *path)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(fn(path));
	return pid;
}

static int finish(pid_t pid)
{
	int status = -1;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

#define WRITERS 8
#define EACH 25

/* No asserts here: cmocka can't leave the test from a child. */
static int write_many(const char *path)
{
	struct rel_ledger *l = NULL;
	struct rel_err err = REL_ERR_INIT;
	int r = rel_ledger_open(
		path, REL_LEDGER_CREATE, 30000, NULL, NULL, &l, &err);

	for (int i = 0; r == 0 && i < EACH; i++)
		r = try_release(l, &err);
	rel_ledger_closep(&l);
	if (r < 0)
		fprintf(stderr, "writer: %s\n", err.msg);
	return -r;
}

static int count_up(
	void *arg, const struct rel_release_row *r, struct rel_err *err)
{
	int64_t *next = arg;

	(void)err;
	assert_int_equal(r->number, (*next)--);
	return 0;
}

static void test_eight_writers_that_start_on_nothing_get_200_numbers(
	void **state)
{
	struct dir *d = *state;
	struct rel_ledger *l;
	struct rel_err err = REL_ERR_INIT;
	int64_t next = WRITERS * EACH;
	pid_t pids[WRITERS];

	for (int i = 0; i < WRITERS; i++)
		pids[i] = start(write_many, d->ledger);
	for (int i = 0; i < WRITERS; i++)
		assert_int_equal(finish(pids[i]), 0);
	assert_int_equal(
		last_number(d->ledger, REL_LEDGER_READ), WRITERS * EACH);
	l = open_ledger(d->ledger, REL_LEDGER_READ);
	assert_ok(
		rel_ledger_each_release(l, "shop", 0, 0, count_up, &next, &err),
		&err);
	assert_int_equal(next, 0);
	rel_ledger_closep(&l);
}

/* Die with the file half written and its journal there. */
static int die_in_the_middle(const char *path)
{
	sqlite3 *db = NULL;

	/* A cache of one page: changes reach the file before the commit. */
	if (sqlite3_open(path, &db) != SQLITE_OK ||
		sqlite3_exec(db,
			"PRAGMA journal_mode = TRUNCATE;"
			"PRAGMA cache_size = 1; BEGIN IMMEDIATE;"
			"DROP TRIGGER event_is_never_updated;"
			"UPDATE event SET body = body || body || body;"
			"UPDATE release SET number = number + 1000;",
			NULL, NULL, NULL) != SQLITE_OK)
		return 1;
	return 0;
}

static void make_half_written(struct dir *d)
{
	REL_AUTO(rel_freep) char *journal = rel_printf("%s-journal", d->ledger);
	struct rel_buf was = REL_BUF_INIT, is = REL_BUF_INIT;
	struct stat st;

	fill(d->ledger, 100);
	read_all(d->ledger, &was);
	assert_int_equal(finish(start(die_in_the_middle, d->ledger)), 0);
	assert_int_equal(stat(journal, &st), 0);
	assert_true(st.st_size > 4096);
	read_all(d->ledger, &is);
	assert_true(was.len != is.len || memcmp(was.p, is.p, is.len) != 0);
	rel_buf_free(&was);
	rel_buf_free(&is);
}

static void test_the_first_reader_after_a_crash_puts_it_right(void **state)
{
	struct dir *d = *state;

	make_half_written(d);
	assert_int_equal(last_number(d->ledger, REL_LEDGER_READ), 100);
}

static void test_the_first_writer_after_a_crash_puts_it_right(void **state)
{
	struct dir *d = *state;

	make_half_written(d);
	assert_int_equal(last_number(d->ledger, REL_LEDGER_WRITE), 100);
}

/* What follows wants a small disk of its own: in namespaces of the child. */
#define NO_DISK 99

/* Without root: a user namespace, in which the user keeps his own number. */
static int own_namespaces(void)
{
	uid_t uid = getuid();
	gid_t gid = getgid();
	struct {
		const char *file;
		char text[48];
	} maps[3] = { { "/proc/self/setgroups", "deny" },
		{ "/proc/self/uid_map", "" }, { "/proc/self/gid_map", "" } };

	if (unshare(CLONE_NEWNS) == 0)
		return 0;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return -1;
	snprintf(maps[1].text, sizeof(maps[1].text), "%u %u 1", uid, uid);
	snprintf(maps[2].text, sizeof(maps[2].text), "%u %u 1", gid, gid);
	for (int i = 0; i < 3; i++) {
		REL_AUTO(rel_closep)
		int fd = open(maps[i].file, O_WRONLY | O_CLOEXEC);

		if (fd < 0 || write(fd, maps[i].text, strlen(maps[i].text)) < 0)
			return -1;
	}
	return 0;
}

static int mount_disk(const char *where, const char *options)
{
	if (own_namespaces() < 0)
		return -1;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
	return mount("tmpfs", where, "tmpfs", 0, options);
}

static void finish_or_skip(pid_t pid)
{
	int status = finish(pid);

	if (status == NO_DISK) {
		skip_for("no right to mount a tmpfs");
	}
	assert_int_equal(status, 0);
}

/* In a child: say where it went wrong, and what was said. */
#define CHECK(cond)                                                            \
	do {                                                                   \
		if (!(cond)) {                                                 \
			fprintf(stderr, "line %d: %s (%s)\n", __LINE__, #cond, \
				err.msg);                                      \
			return 1;                                              \
		}                                                              \
	} while (0)

struct disk {
	char ledger[128], reserve[128], filler[128];
	int given;
};

/* Write until nothing fits. */
static int fill_up(const char *path)
{
	static const char block[4096] = "x";
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	size_t n = sizeof(block);

	if (fd < 0)
		return -1;
	while (n) {
		if (write(fd, block, n) < 0)
			n /= 2;
	}
	close(fd);
	return 0;
}

static bool give_reserve(void *arg)
{
	struct disk *k = arg;

	k->given++;
	return unlink(k->reserve) == 0;
}

/* With the reserve, without it, and with room again. */
static int append_to_the_end(const char *dir)
{
	struct disk k = { .given = 0 };
	struct rel_ledger *l = NULL, *reader = NULL;
	struct rel_err err = REL_ERR_INIT;
	int64_t before, after, events;
	int fd, r = 0;

	if (mount_disk(dir, "size=1m,mode=0700") < 0)
		return NO_DISK;
	snprintf(k.ledger, sizeof(k.ledger), "%s/ledger.db", dir);
	snprintf(k.reserve, sizeof(k.reserve), "%s/reserve", dir);
	snprintf(k.filler, sizeof(k.filler), "%s/filler", dir);
	CHECK(rel_ledger_open(k.ledger, REL_LEDGER_CREATE, 1000, give_reserve,
		      &k, &l, &err) == 0);
	CHECK(try_release(l, &err) == 0);
	fd = open(k.reserve, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	CHECK(fd >= 0 && posix_fallocate(fd, 0, 256 << 10) == 0);
	close(fd);
	CHECK(fill_up(k.filler) == 0);

	/* With the reserve: each one counts, and it is asked for once. */
	for (int i = 0; i < 60; i++)
		CHECK(try_release(l, &err) == 0);
	CHECK(k.given == 1);

	/* Without: refused in plain words, and nothing is half done. */
	CHECK(fill_up(k.filler) == 0);
	CHECK(rel_ledger_last_number(l, "shop", &before, &err) == 0);
	for (int i = 0; r == 0 && i < 50; i++)
		r = try_release(l, &err);
	CHECK(r == -(int)REL_EIO);
	CHECK(err.os_errno == ENOSPC && *err.hint);
	CHECK(!strcmp(err.msg, "the disk is full"));
	CHECK(k.given == 2); /* it had nothing to give any more */
	CHECK(rel_ledger_last_number(l, "shop", &after, &err) == 0);
	CHECK(after >= before);
	CHECK(rel_ledger_verify(l, NULL, &events, &err) == 0);
	CHECK(events == after);
	CHECK(rel_ledger_open(k.ledger, REL_LEDGER_READ, 0, NULL, NULL, &reader,
		      &err) == 0);
	CHECK(rel_ledger_verify(reader, NULL, &events, &err) == 0);

	/* And with room again it goes on. */
	CHECK(unlink(k.filler) == 0);
	CHECK(try_release(l, &err) == 0);
	rel_ledger_closep(&reader);
	rel_ledger_closep(&l);
	return 0;
}

static void test_a_full_disk_takes_the_reserve_and_then_refuses(void **state)
{
	struct dir *d = *state;

	finish_or_skip(start(append_to_the_end, d->path));
}

/* What verify derives does not fit: that is another disk than the store's. */
static int verify_without_room(const char *dir)
{
	REL_AUTO(rel_freep) char *path = rel_printf("%s/ledger.db", dir);
	REL_AUTO(rel_freep) char *other = rel_printf("%s/tmp", dir);
	static struct rel_append all[8000];
	struct rel_ledger *l = NULL;
	struct rel_err err = REL_ERR_INIT;
	char word[41];
	int64_t seq;
	int r;

	CHECK(mkdir(other, 0700) == 0);
	if (mount_disk(other, "size=64k,mode=0700") < 0)
		return NO_DISK;
	/* SQLite looks for it when it starts. */
	sqlite3_shutdown();
	setenv("TMPDIR", other, 1);
	CHECK(rel_ledger_open(path, REL_LEDGER_CREATE, 1000, NULL, NULL, &l,
		      &err) == 0);
	for (int i = 0; i < 8000; i++) {
		snprintf(word, sizeof(word), "%040x", i);
		all[i] = (struct rel_append){ .app = "",
			.kind = "build",
			.body = build_body(word, word) };
	}
	CHECK(rel_ledger_append_all(l, all, 8000, &seq, &err) == 0);
	r = rel_ledger_verify(l, NULL, &seq, &err);
	rel_ledger_closep(&l);
	CHECK(r == -(int)REL_EIO);
	CHECK(strstr(err.msg, "the disk for temporary files is full"));
	CHECK(strstr(err.hint, "TMPDIR"));
	return 0;
}

static void test_no_room_for_what_verify_derives_is_told(void **state)
{
	struct dir *d = *state;

	finish_or_skip(start(verify_without_room, d->path));
}

static int read_only(const char *dir)
{
	REL_AUTO(rel_freep) char *path = rel_printf("%s/ledger.db", dir);
	struct rel_ledger *l = NULL;
	struct rel_err err = REL_ERR_INIT;
	int64_t events, n;

	if (mount_disk(dir, "size=4m,mode=0700") < 0)
		return NO_DISK;
	CHECK(rel_ledger_open(path, REL_LEDGER_CREATE, 1000, NULL, NULL, &l,
		      &err) == 0);
	CHECK(try_release(l, &err) == 0);
	rel_ledger_closep(&l);
	CHECK(mount(NULL, dir, NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0);
	CHECK(rel_ledger_open(path, REL_LEDGER_READ, 0, NULL, NULL, &l, &err) ==
		0);
	CHECK(rel_ledger_verify(l, NULL, &events, &err) == 0 && events == 1);
	rel_ledger_closep(&l);
	CHECK(rel_ledger_open(path, REL_LEDGER_WRITE, 0, NULL, NULL, &l,
		      &err) == -(int)REL_EIO);
	CHECK(err.os_errno == EROFS);

	/* Also with an index of another version. */
	CHECK(mount(NULL, dir, NULL, MS_REMOUNT, NULL) == 0);
	raw(path, "UPDATE derived SET version = 0; DELETE FROM release");
	CHECK(mount(NULL, dir, NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0);
	CHECK(rel_ledger_open(path, REL_LEDGER_READ, 0, NULL, NULL, &l, &err) ==
		0);
	CHECK(rel_ledger_last_number(l, "shop", &n, &err) == 0 && n == 1);
	CHECK(rel_ledger_verify(l, NULL, &events, &err) == 0);
	rel_ledger_closep(&l);
	return 0;
}

static void test_a_read_only_disk_is_read(void **state)
{
	struct dir *d = *state;

	finish_or_skip(start(read_only, d->path));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_is_no_ledger_is_told_apart),
		TEST(test_a_stale_index_is_derived_anew),
		TEST(test_an_index_that_got_stale_while_open_is_derived_anew),
		TEST(test_a_ledger_that_lost_its_tail_is_read_but_not_written),
		TEST(test_a_reader_can_not_write),
		TEST(test_a_busy_ledger_is_waited_for_and_then_told),
		TEST(test_eight_writers_that_start_on_nothing_get_200_numbers),
		TEST(test_the_first_reader_after_a_crash_puts_it_right),
		TEST(test_the_first_writer_after_a_crash_puts_it_right),
		TEST(test_a_full_disk_takes_the_reserve_and_then_refuses),
		TEST(test_no_room_for_what_verify_derives_is_told),
		TEST(test_a_read_only_disk_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
