/* SPDX-License-Identifier: Apache-2.0 */
#include "rel_test.h"

#include "store_fixture.h"

#include <sched.h>
#include <sys/mount.h>

static char *path_of(void **state, const char *name)
{
	return rel_printf("%s/%s", (const char *)*state, name);
}

static void make_dir(void **state, const char *name, mode_t mode)
{
	REL_AUTO(rel_freep) char *path = path_of(state, name);

	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void make_file(void **state, const char *name, const char *text)
{
	REL_AUTO(rel_freep) char *path = path_of(state, name);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	fclose(f);
	assert_int_equal(chmod(path, 0644), 0);
}

/* Open and close; the result, and the error in ${err}. */
static int try_open(void **state, const char *name, bool create, bool *fresh,
	struct rel_err *err)
{
	REL_AUTO(rel_freep) char *path = path_of(state, name);
	REL_AUTO(rel_store_closep) struct rel_store *s = NULL;

	return rel_store_open(path, create, &s, fresh, err);
}

static void test_where_nothing_is_nothing_is_opened(void **state)
{
	struct rel_err err = REL_ERR_INIT;
	bool fresh;

	make_dir(state, "empty", 0700);
	assert_int_equal(
		try_open(state, "none", false, &fresh, &err), -REL_ENOTFOUND);
	assert_int_equal(
		try_open(state, "empty", false, &fresh, &err), -REL_ENOTFOUND);
	make_file(state, "file", "x");
	assert_int_equal(
		try_open(state, "file", true, &fresh, &err), -REL_EINVALID);
}

static void test_a_new_store_is_fresh_until_it_is_finished(void **state)
{
	REL_AUTO(rel_freep) char *path = path_of(state, "a/b/store");
	REL_AUTO(rel_store_closep) struct rel_store *s = NULL;
	struct rel_err err = REL_ERR_INIT;
	bool fresh = false;

	assert_int_equal(rel_store_open(path, true, &s, &fresh, &err), 0);
	assert_true(fresh);
	assert_true(rel_store_is_fresh(s));
	assert_int_equal(mode_of(s, "."), 0700);
	assert_int_equal(mode_of(s, ".."), 0700);
	/* Cut short here: readers see none, the next writer goes on. */
	assert_int_equal(try_open(state, "a/b/store", false, &fresh, &err),
		-REL_ENOTFOUND);
	assert_int_equal(try_open(state, "a/b/store", true, &fresh, &err), 0);
	assert_true(fresh);
	assert_int_equal(rel_store_finish(s, &err), 0);
	assert_false(rel_store_is_fresh(s));
	assert_int_equal(try_open(state, "a/b/store", true, &fresh, &err), 0);
	assert_false(fresh);
	assert_int_equal(try_open(state, "a/b/store", false, NULL, &err), 0);
	assert_int_equal(mode_of(s, "format"), 0444);
	assert_string_equal(rel_store_path(s), path);
}

static void test_an_unfinished_store_may_hold_what_a_store_holds(void **state)
{
	struct rel_err err = REL_ERR_INIT;
	bool fresh = false;

	make_dir(state, "s", 0700);
	make_dir(state, "s/chunks", 0700);
	make_file(state, "s/ledger.db", "");
	make_file(state, "s/ledger.db-journal", "");
	make_file(state, "s/reserve", "");
	make_file(state, "s/lock", "");
	make_dir(state, "s/run", 0700);
	make_file(state, "s/.tmp-0123456789abcdef", "");
	assert_int_equal(try_open(state, "s", true, &fresh, &err), 0);
	assert_true(fresh);
}

static void test_a_directory_of_other_things_is_no_store(void **state)
{
	REL_AUTO(rel_freep) char *dir = path_of(state, "home");
	struct rel_err err = REL_ERR_INIT;
	struct stat st;
	bool fresh;

	make_dir(state, "home", 0755);
	make_file(state, "home/notes.txt", "x");
	make_dir(state, "home/tmp", 0700);
	assert_int_equal(
		try_open(state, "home", true, &fresh, &err), -REL_EINVALID);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
}

static void test_a_store_of_another_format_is_refused(void **state)
{
	static const struct {
		const char *text;
		int error;
	} bad[] = {
		{ "relctl store 2\n", -REL_EINVALID },
		{ "relctl store 10\n", -REL_EINVALID },
		{ "relctl store 1", -REL_EINTEGRITY },
		{ "relctl store 1\n\n", -REL_EINTEGRITY },
		{ "relctl store \n", -REL_EINTEGRITY },
		{ "selctl store 1\n", -REL_EINTEGRITY },
		{ "", -REL_EINTEGRITY },
	};
	REL_AUTO(rel_store_closep) struct rel_store *s = store_at(state, "s");
	struct rel_err err = REL_ERR_INIT;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		spoil(s, "format", bad[i].text);
		assert_int_equal(
			try_open(state, "s", false, NULL, &err), bad[i].error);
		assert_int_equal(
			try_open(state, "s", true, NULL, &err), bad[i].error);
	}
}

static void test_a_store_without_one_of_its_directories_is_damaged(void **state)
{
	REL_AUTO(rel_store_closep) struct rel_store *s = store_at(state, "s");
	struct rel_err err = REL_ERR_INIT;

	assert_int_equal(
		unlinkat(rel_store_fd(s), "releases", AT_REMOVEDIR), 0);
	assert_int_equal(
		try_open(state, "s", false, NULL, &err), -REL_EINTEGRITY);
	assert_non_null(strstr(err.msg, "'releases'"));
	assert_int_equal(symlinkat("configs", rel_store_fd(s), "releases"), 0);
	assert_true(try_open(state, "s", false, NULL, &err) < 0);
}

static void test_an_empty_directory_is_taken_and_closed_to_others(void **state)
{
	REL_AUTO(rel_store_closep) struct rel_store *s = NULL;

	make_dir(state, "s", 0777);
	s = store_at(state, "s");
	assert_int_equal(mode_of(s, "."), 0700);
}

static void test_what_others_may_write_is_refused_with_the_cure(void **state)
{
	REL_AUTO(rel_freep) char *dir = path_of(state, "s");
	REL_AUTO(rel_store_closep) struct rel_store *s = store_at(state, "s");
	const char *inside[] = { "chunks", "configs", "tmp", "format" };
	const mode_t bad[] = { 0770, 0702, 0722 };
	struct rel_err err = REL_ERR_INIT;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(chmod(dir, bad[i]), 0);
		assert_int_equal(
			try_open(state, "s", i == 1, NULL, &err), -REL_EDENIED);
		assert_non_null(strstr(err.hint, "chmod go-w '/"));
		/* The hint is enough. */
		assert_int_equal(chmod(dir, bad[i] & ~022u), 0);
		assert_int_equal(try_open(state, "s", false, NULL, &err), 0);
	}
	for (size_t i = 0; i < sizeof(inside) / sizeof(*inside); i++) {
		REL_AUTO(rel_freep)
		char *hint = rel_printf(
			"chmod go-w '%s/%s'", rel_store_path(s), inside[i]);
		mode_t was = mode_of(s, inside[i]);

		set_mode(s, inside[i], was | 0020);
		assert_int_equal(
			try_open(state, "s", false, NULL, &err), -REL_EDENIED);
		assert_string_equal(err.hint, hint);
		set_mode(s, inside[i], was);
	}
	assert_int_equal(try_open(state, "s", false, NULL, &err), 0);
}

static void test_a_parent_open_to_all_needs_the_sticky_bit(void **state)
{
	REL_AUTO(rel_freep) char *parent = path_of(state, "p");
	struct rel_err err = REL_ERR_INIT;

	make_dir(state, "p", 0755);
	rel_store_closep(&(struct rel_store *){ store_at(state, "p/s") });
	assert_int_equal(chmod(parent, 0777), 0);
	assert_int_equal(
		try_open(state, "p/s", false, NULL, &err), -REL_EDENIED);
	assert_non_null(strstr(err.hint, "chmod o-w"));
	assert_int_equal(chmod(parent, 01777), 0);
	assert_int_equal(try_open(state, "p/s", false, NULL, &err), 0);
}

static void give(struct rel_store *s, const char *name, uid_t uid)
{
	assert_int_equal(fchownat(rel_store_fd(s), name, uid, uid, 0), 0);
}

static void test_what_belongs_to_somebody_else_is_refused(void **state)
{
	REL_AUTO(rel_store_closep) struct rel_store *s = NULL;
	struct rel_err err = REL_ERR_INIT;

	if (geteuid() != 0)
		skip_for("only root can give files to others, and mount");
	s = store_at(state, "s");
	give(s, "configs", 12345);
	assert_int_equal(try_open(state, "s", false, NULL, &err), -REL_EDENIED);
	assert_non_null(strstr(err.msg, "12345"));
	give(s, "configs", 0);
	give(s, ".", 12345);
	assert_int_equal(try_open(state, "s", false, NULL, &err), -REL_EDENIED);
}

/* In a process of its own, as root: a store that can't be written. */
static int read_read_only(const char *dir)
{
	struct rel_err err = REL_ERR_INIT;
	struct rel_store *s;
	const unsigned long ro = MS_BIND | MS_REMOUNT | MS_RDONLY;

	if (unshare(CLONE_NEWNS) < 0 ||
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount(dir, dir, NULL, MS_BIND, NULL) < 0 ||
		mount(NULL, dir, NULL, ro, NULL) < 0)
		return 77;
	for (int create = 0; create < 2; create++) {
		if (rel_store_open(dir, create, &s, &(bool){ false }, &err) < 0)
			return 1;
		if (rel_store_lock(s, REL_LOCK_SHARED, 0, &err) < 0)
			return 2;
		rel_store_closep(&s);
	}
	return 0;
}

static void test_a_store_that_cannot_be_written_can_be_read(void **state)
{
	REL_AUTO(rel_freep) char *dir = NULL;
	struct rel_store *s;
	struct rel_err err = REL_ERR_INIT;
	int status;

	if (geteuid() != 0)
		skip_for("only root can give files to others, and mount");
	dir = path_of(state, "s");
	s = store_at(state, "s");
	assert_int_equal(rel_store_lock(s, REL_LOCK_SHARED, 0, &err), 0);
	rel_store_closep(&s);
	if (fork() == 0)
		_exit(read_read_only(dir));
	assert_true(wait(&status) > 0);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip_for("no right to mount a file system");
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_a_reader_writes_nothing(void **state)
{
	REL_AUTO(rel_store_closep) struct rel_store *s = store_at(state, "s");
	int names = count_names(s, ".");
	struct rel_err err = REL_ERR_INIT;

	assert_int_equal(try_open(state, "s", false, NULL, &err), 0);
	assert_int_equal(count_names(s, "."), names);
	assert_int_equal(faccessat(rel_store_fd(s), "lock", F_OK, 0), -1);
}

static int truncate_in(struct rel_store *s, const char *name, off_t size)
{
	REL_AUTO(rel_closep)
	int fd = openat(rel_store_fd(s), name, O_WRONLY | O_CLOEXEC);

	return ftruncate(fd, size);
}

static void test_the_reserve_is_room_that_is_really_there(void **state)
{
	REL_AUTO(rel_store_closep) struct rel_store *s = store_at(state, "s");
	struct rel_err err = REL_ERR_INIT;
	struct stat st;

	assert_int_equal(rel_store_reserve_check(s, &err), -REL_ENOTFOUND);
	assert_false(rel_store_reserve_free(s));
	rel_store_reserve_make(s);
	assert_int_equal(rel_store_reserve_check(s, &err), 0);
	assert_int_equal(fstatat(rel_store_fd(s), "reserve", &st, 0), 0);
	assert_int_equal(st.st_size, 262144);
	assert_true(st.st_blocks >= 512);
	assert_true(rel_store_reserve_free(s));
	assert_false(rel_store_reserve_free(s));
	/* What was cut short is made whole. */
	spoil(s, "reserve", "xyz");
	assert_int_equal(rel_store_reserve_check(s, &err), -REL_EINTEGRITY);
	rel_store_reserve_make(s);
	assert_int_equal(rel_store_reserve_check(s, &err), 0);
	/* A copy may have the size and not the room. */
	assert_int_equal(truncate_in(s, "reserve", 0), 0);
	assert_int_equal(truncate_in(s, "reserve", 262144), 0);
	rel_store_reserve_make(s);
	assert_int_equal(fstatat(rel_store_fd(s), "reserve", &st, 0), 0);
	assert_true(st.st_blocks >= 512);
	/* Empty space of another size was not tampered with. */
	spoil(s, "reserve", "");
	assert_int_equal(rel_store_reserve_check(s, &err), -REL_ENOTFOUND);
	rel_store_reserve_make(s);
	assert_int_equal(rel_store_reserve_check(s, &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(test_where_nothing_is_nothing_is_opened),
		scratch_test(test_a_new_store_is_fresh_until_it_is_finished),
		scratch_test(
			test_an_unfinished_store_may_hold_what_a_store_holds),
		scratch_test(test_a_directory_of_other_things_is_no_store),
		scratch_test(test_a_store_of_another_format_is_refused),
		scratch_test(
			test_a_store_without_one_of_its_directories_is_damaged),
		scratch_test(
			test_an_empty_directory_is_taken_and_closed_to_others),
		scratch_test(
			test_what_others_may_write_is_refused_with_the_cure),
		scratch_test(test_a_parent_open_to_all_needs_the_sticky_bit),
		scratch_test(test_what_belongs_to_somebody_else_is_refused),
		scratch_test(test_a_store_that_cannot_be_written_can_be_read),
		scratch_test(test_a_reader_writes_nothing),
		scratch_test(test_the_reserve_is_room_that_is_really_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
