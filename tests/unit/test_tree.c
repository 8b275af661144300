/* SPDX-License-Identifier: Apache-2.0 */
#include "rel_test.h"

#include "crypto/digest.h"
#include "store/index.h"
#include "store/tree.h"
#include "store_fixture.h"

/* The tree of all the tests. ${text}: a file's content or a link's target. */
static const struct {
	enum rel_entry_type type;
	bool executable;
	const char *path, *text;
} parts[] = {
	{ REL_DIR, false, "bin", NULL },
	{ REL_FILE, true, "bin/run", "#!/bin/sh\n" },
	{ REL_DIR, false, "empty", NULL },
	{ REL_DIR, false, "etc", NULL },
	{ REL_FILE, false, "etc/a b\xff", "one\n" },
	{ REL_DIR, false, "etc/deep", NULL },
	{ REL_FILE, false, "etc/deep/file", "" },
	{ REL_FILE, false, "etc/deeper", "two\n" },
	{ REL_LINK, false, "link", "etc/deeper" },
	{ REL_FILE, false, "z", "three\n" },
};
#define N_PARTS (sizeof(parts) / sizeof(*parts))

static const struct rel_id artifact = { { 0xaa, 0xbb } };
#define TREE                                                                   \
	"trees/aabb0000000000000000000000000000"                               \
	"00000000000000000000000000000000"

static void write_file(int dir, const char *path, const char *text, mode_t mode)
{
	REL_AUTO(rel_closep) int fd = -1;
	struct rel_err err = REL_ERR_INIT;

	fd = openat(dir, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(rel_write_fd(fd, text, strlen(text), &err), 0);
	assert_int_equal(fchmod(fd, mode), 0);
}

/* The one time of all directories. */
static const struct timespec stamp[2] = { { .tv_sec = 1234567890 },
	{ .tv_sec = 1234567890 } };

/* Fill a new tree and say in ${index} what is in it. */
static void fill(struct rel_tree *t, struct rel_buf *index)
{
	int fd = rel_tree_dirfd(t);

	rel_index_begin(index);
	for (size_t i = 0; i < N_PARTS; i++) {
		const char *text = parts[i].text ? parts[i].text : "";
		struct rel_id digest = rel_sha256(text, strlen(text));
		struct rel_entry e = { .type = parts[i].type,
			.executable = parts[i].executable,
			.path = parts[i].path,
			.path_len = strlen(parts[i].path),
			.target = text,
			.target_len = strlen(text),
			.size = strlen(text) };

		if (e.type == REL_DIR)
			assert_int_equal(mkdirat(fd, e.path, 0755), 0);
		else if (e.type == REL_LINK)
			assert_int_equal(symlinkat(text, fd, e.path), 0);
		else
			write_file(
				fd, e.path, text, e.executable ? 0555 : 0444);
		rel_index_entry(index, &e, &digest);
	}
	rel_index_end(index, N_PARTS);
	for (size_t i = 0; i < N_PARTS; i++) {
		if (parts[i].type != REL_DIR)
			continue;
		assert_int_equal(fchmodat(fd, parts[i].path, 0555, 0), 0);
		assert_int_equal(utimensat(fd, parts[i].path, stamp, 0), 0);
	}
	assert_int_equal(futimens(fd, stamp), 0);
}

static struct rel_tree *begin(struct rel_store *s)
{
	struct rel_err err = REL_ERR_INIT;
	struct rel_tree *t;

	assert_int_equal(rel_tree_begin(s, &t, &err), 0);
	return t;
}

/* Unpack it, all the way. */
static void make(struct rel_store *s)
{
	REL_AUTO(rel_buf_free) struct rel_buf index = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;
	REL_AUTO(rel_closep) int fd = -1;
	struct rel_tree *t = begin(s);

	fill(t, &index);
	if (rel_tree_commit(&t, &artifact, index.p, index.len, &fd, &err) < 0)
		fail_msg("%s", err.msg);
	assert_null(t);
	assert_true(fd >= 0);
}

static int check(
	struct rel_store *s, enum rel_tree_depth depth, struct rel_err *err)
{
	REL_AUTO(rel_buf_free) struct rel_buf index = REL_BUF_INIT;
	REL_AUTO(rel_closep) int fd = -1;

	assert_int_equal(rel_tree_open(s, &artifact, &fd, err), 0);
	assert_int_equal(rel_tree_index(s, &artifact, &index, err), 0);
	return rel_tree_check(fd, index.p, index.len, depth, err);
}

static void test_a_tree_is_there_whole_or_not_at_all(void **state)
{
	REL_AUTO(rel_store_closep) struct rel_store *s = store_at(state, "s");
	REL_AUTO(rel_buf_free) struct rel_buf index = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;
	struct rel_tree *t = begin(s);
	int fd;

	fill(t, &index);
	assert_int_equal(count_names(s, "trees"), 0);
	assert_false(rel_tree_exists(s, &artifact));
	assert_int_equal(
		rel_tree_open(s, &artifact, &fd, &err), -REL_ENOTFOUND);
	assert_int_equal(
		rel_tree_index(s, &artifact, &index, &err), -REL_ENOTFOUND);
	rel_tree_abortp(&t);
	assert_null(t);
	assert_int_equal(count_names(s, "tmp"), 0);
	make(s);
	assert_true(rel_tree_exists(s, &artifact));
	assert_int_equal(count_names(s, "trees"), 3);
	assert_int_equal(count_names(s, "tmp"), 0);
	assert_int_equal(mode_of(s, TREE), 0555);
	assert_int_equal(mode_of(s, TREE ".index"), 0444);
	assert_int_equal(check(s, REL_TREE_QUICK, &err), 0);
	assert_int_equal(check(s, REL_TREE_FULL, &err), 0);
}

static void test_the_path_of_a_tree_is_absolute(void **state)
{
	REL_AUTO(rel_store_closep) struct rel_store *s = store_at(state, "s");
	REL_AUTO(rel_buf_free) struct rel_buf path = REL_BUF_INIT;
	struct stat st;

	make(s);
	rel_tree_path(s, &artifact, &path);
	assert_int_equal(path.p[0], '/');
	assert_int_equal(stat(path.p, &st), 0);
}

static void test_of_two_that_unpack_the_first_wins(void **state)
{
	REL_AUTO(rel_store_closep) struct rel_store *s = store_at(state, "s");
	REL_AUTO(rel_buf_free) struct rel_buf index = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;
	struct rel_tree *second = begin(s);
	struct stat before, after;
	int fd = 0;

	fill(second, &index);
	make(s);
	assert_int_equal(fstatat(rel_store_fd(s), TREE, &before, 0), 0);
	assert_int_equal(rel_tree_commit(&second, &artifact, index.p, index.len,
				 &fd, &err),
		0);
	assert_int_equal(fd, -1);
	assert_int_equal(fstatat(rel_store_fd(s), TREE, &after, 0), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(count_names(s, "tmp"), 0);
	assert_int_equal(check(s, REL_TREE_FULL, &err), 0);
}

static void test_what_was_cut_short_is_finished(void **state)
{
	REL_AUTO(rel_store_closep) struct rel_store *s = store_at(state, "s");
	struct rel_err err = REL_ERR_INIT;
	int fd = -1;

	/* A commit that got as far as its index, of whatever content. */
	spoil(s, TREE ".index", "relctl index 1\nend 0\n");
	assert_false(rel_tree_exists(s, &artifact));
	make(s);
	assert_int_equal(check(s, REL_TREE_FULL, &err), 0);
	/* A commit that did not get to the last mode. */
	set_mode(s, TREE, 0755);
	assert_int_equal(check(s, REL_TREE_QUICK, &err), 0);
	assert_int_equal(mode_of(s, TREE), 0555);
	/* A removal that got as far as the index. */
	set_mode(s, TREE "/bin", 0755);
	unlinkat(rel_store_fd(s), TREE "/bin/run", 0);
	unlinkat(rel_store_fd(s), TREE ".index", 0);
	assert_false(rel_tree_exists(s, &artifact));
	assert_int_equal(
		rel_tree_open(s, &artifact, &fd, &err), -REL_ENOTFOUND);
	make(s);
	assert_int_equal(check(s, REL_TREE_FULL, &err), 0);
	assert_int_equal(count_names(s, "tmp"), 0);
}

/* What can happen to a tree; ${path} is what the message must name. */
static void put_file(int fd, const char *path, const char *text, mode_t mode)
{
	unlinkat(fd, path, 0);
	write_file(fd, path, text, mode);
}

static void other_content(int fd)
{
	put_file(fd, "etc/deeper", "TWO\n", 0444);
}

static void other_target(int fd)
{
	unlinkat(fd, "link", 0);
	assert_int_equal(symlinkat("etc/deepen", fd, "link"), 0);
}

static void longer(int fd)
{
	put_file(fd, "etc/deeper", "two\n\n", 0444);
}

static void not_empty(int fd)
{
	put_file(fd, "etc/deep/file", "x", 0444);
}

static void longer_target(int fd)
{
	unlinkat(fd, "link", 0);
	assert_int_equal(symlinkat("etc/deeper/", fd, "link"), 0);
}

static void writable(int fd)
{
	assert_int_equal(fchmodat(fd, "z", 0644, 0), 0);
}

static void executable(int fd)
{
	assert_int_equal(fchmodat(fd, "etc/a b\xff", 0555, 0), 0);
}

static void not_executable(int fd)
{
	assert_int_equal(fchmodat(fd, "bin/run", 0444, 0), 0);
}

static void set_user_id(int fd)
{
	assert_int_equal(fchmodat(fd, "bin/run", 04555, 0), 0);
}

static void missing(int fd)
{
	assert_int_equal(unlinkat(fd, "bin/run", 0), 0);
}

static void missing_dir(int fd)
{
	assert_int_equal(unlinkat(fd, "empty", AT_REMOVEDIR), 0);
}

static void extra(int fd)
{
	write_file(fd, "etc/deep/.hidden", "x", 0444);
}

static void extra_last(int fd)
{
	write_file(fd, "zz", "x", 0444);
}

static void extra_in_empty(int fd)
{
	assert_int_equal(mkdirat(fd, "empty/new", 0555), 0);
}

static void renamed(int fd)
{
	assert_int_equal(renameat(fd, "z", fd, "y"), 0);
}

static void file_to_link(int fd)
{
	unlinkat(fd, "z", 0);
	assert_int_equal(symlinkat("three\n", fd, "z"), 0);
}

static void file_to_dir(int fd)
{
	unlinkat(fd, "z", 0);
	assert_int_equal(mkdirat(fd, "z", 0555), 0);
}

static void file_to_fifo(int fd)
{
	unlinkat(fd, "etc/deep/file", 0);
	assert_int_equal(mkfifoat(fd, "etc/deep/file", 0444), 0);
}

static void link_to_file(int fd)
{
	put_file(fd, "link", "etc/deeper", 0444);
}

static void dir_to_link(int fd)
{
	assert_int_equal(renameat(fd, "etc/deep", fd, "bin/deep"), 0);
	assert_int_equal(symlinkat("../bin/deep", fd, "etc/deep"), 0);
}

static void dir_to_file(int fd)
{
	assert_int_equal(unlinkat(fd, "empty", AT_REMOVEDIR), 0);
	write_file(fd, "empty", "", 0555);
}

static const struct {
	void (*change)(int fd);
	const char *path;
	bool only_full;
} changes[] = {
	{ other_content, "etc/deeper", true },
	{ other_target, "link", true },
	{ longer, "etc/deeper", false },
	{ not_empty, "etc/deep/file", false },
	{ longer_target, "link", false },
	{ writable, "z", false },
	{ executable, "etc/a\\040b\\377", false },
	{ not_executable, "bin/run", false },
	{ set_user_id, "bin/run", false },
	{ missing, "bin/run", false },
	{ missing_dir, "empty", false },
	{ extra, "etc/deep/.hidden", false },
	{ extra_last, "zz", false },
	{ extra_in_empty, "empty/new", false },
	{ renamed, "z", false },
	{ file_to_link, "z", false },
	{ file_to_dir, "z", false },
	{ file_to_fifo, "etc/deep/file", false },
	{ link_to_file, "link", false },
	{ dir_to_link, "bin/deep", false },
	{ dir_to_file, "empty", false },
};

static void set_dir_modes(struct rel_store *s, mode_t mode)
{
	set_mode(s, TREE, mode);
	for (size_t i = 0; i < N_PARTS; i++) {
		REL_AUTO(rel_freep)
		char *path = rel_printf(TREE "/%s", parts[i].path);
		struct stat st;

		if (parts[i].type == REL_DIR &&
			fstatat(rel_store_fd(s), path, &st,
				AT_SYMLINK_NOFOLLOW) == 0 &&
			S_ISDIR(st.st_mode))
			set_mode(s, path, mode);
	}
}

static void test_each_kind_of_change_is_found_and_named(void **state)
{
	REL_AUTO(rel_store_closep) struct rel_store *s = store_at(state, "s");
	struct rel_err err = REL_ERR_INIT;

	for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
		REL_AUTO(rel_freep)
		char *name = rel_printf("'%s'", changes[i].path);
		REL_AUTO(rel_closep) int fd = -1;
		int quick;

		make(s);
		assert_int_equal(rel_tree_open(s, &artifact, &fd, &err), 0);
		set_dir_modes(s, 0755);
		changes[i].change(fd);
		set_dir_modes(s, 0555);
		quick = check(s, REL_TREE_QUICK, &err);
		if (quick != (changes[i].only_full ? 0 : -REL_EINTEGRITY))
			fail_msg("change %zu, quick: %d", i, quick);
		if (quick < 0 && !strstr(err.msg, name))
			fail_msg("change %zu: %s", i, err.msg);
		if (check(s, REL_TREE_FULL, &err) != -REL_EINTEGRITY)
			fail_msg("change %zu, full", i);
		if (!strstr(err.msg, name))
			fail_msg("change %zu: %s", i, err.msg);
		rel_closep(&fd);
		assert_int_equal(rel_tree_drop(s, &artifact, NULL, &err), 0);
	}
}

static void test_an_index_that_does_not_fit_is_no_index(void **state)
{
	const char *bad[] = {
		/* an entry before its directory, or twice, or of none */
		"relctl index 1\nd bin/x\nend 1\n",
		"relctl index 1\nd empty\nd empty\nend 2\n",
		"relctl index 1\nd empty\nd other/x\nend 2\n",
		"relctl index 1\nend 0\n",
		"",
	};
	REL_AUTO(rel_store_closep) struct rel_store *s = store_at(state, "s");
	REL_AUTO(rel_closep) int fd = -1;
	struct rel_err err = REL_ERR_INIT;

	make(s);
	assert_int_equal(rel_tree_open(s, &artifact, &fd, &err), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(rel_tree_check(fd, bad[i], strlen(bad[i]),
					 REL_TREE_FULL, &err),
			-REL_EINTEGRITY);
}

static void test_a_tree_that_is_open_is_not_dropped(void **state)
{
	REL_AUTO(rel_store_closep) struct rel_store *s = store_at(state, "s");
	REL_AUTO(rel_closep) int fd = -1;
	struct rel_err err = REL_ERR_INIT;
	uint64_t bytes = 0;

	make(s);
	assert_int_equal(rel_tree_open(s, &artifact, &fd, &err), 0);
	assert_int_equal(rel_tree_drop(s, &artifact, &bytes, &err), -REL_EBUSY);
	assert_true(rel_tree_exists(s, &artifact));
	assert_int_equal(check(s, REL_TREE_FULL, &err), 0);
	rel_closep(&fd);
	assert_int_equal(rel_tree_drop(s, &artifact, &bytes, &err), 0);
	assert_false(rel_tree_exists(s, &artifact));
	assert_int_equal(count_names(s, "trees"), 0);
	assert_int_equal(count_names(s, "tmp"), 0);
	assert_int_equal(rel_tree_drop(s, &artifact, &bytes, &err), 0);
	assert_int_equal(bytes, 0);
}

static void test_bytes_that_another_tree_shares_are_not_freed(void **state)
{
	REL_AUTO(rel_store_closep) struct rel_store *s = store_at(state, "s");
	REL_AUTO(rel_freep) char *block = rel_alloc(100001);
	struct rel_err err = REL_ERR_INIT;
	struct rel_tree *t;
	int fd = -1;
	uint64_t shared, alone;
	const char index[] = "relctl index 1\nend 0\n";

	memset(block, 'x', 100000);
	for (int twice = 0; twice < 2; twice++) {
		t = begin(s);
		write_file(rel_tree_dirfd(t), "big", block, 0444);
		if (twice == 0)
			assert_int_equal(linkat(rel_tree_dirfd(t), "big",
						 rel_store_fd(s), "kept", 0),
				0);
		assert_int_equal(rel_tree_commit(&t, &artifact, index,
					 strlen(index), &fd, &err),
			0);
		rel_closep(&fd);
		assert_int_equal(rel_tree_drop(s, &artifact,
					 twice ? &alone : &shared, &err),
			0);
	}
	assert_true(alone >= shared + 100000);
	assert_true(shared < 100000);
}

/* ---- for which boot it is known to be whole ---- */

static void assert_mark(struct rel_store *s, const char *want)
{
	REL_AUTO(rel_buf_free) struct rel_buf b = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;

	if (rel_read_file(rel_store_fd(s), TREE ".mark", 100, &b, &err) < 0)
		fail_msg("%s", err.msg);
	assert_string_equal(b.p, want);
}

static void read_boot(struct rel_buf *b)
{
	struct rel_err err = REL_ERR_INIT;

	assert_int_equal(
		rel_read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 100,
			b, &err),
		0);
	assert_int_equal(b->len, 37);
}

static void test_a_tree_is_known_in_the_boot_that_made_it(void **state)
{
	REL_AUTO(rel_store_closep) struct rel_store *s = store_at(state, "s");
	REL_AUTO(rel_buf_free) struct rel_buf boot = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;

	read_boot(&boot);
	assert_false(rel_tree_known(s, &artifact));
	make(s);
	assert_mark(s, boot.p);
	assert_int_equal(mode_of(s, TREE ".mark"), 0444);
	assert_true(rel_tree_known(s, &artifact));
	assert_int_equal(rel_tree_drop(s, &artifact, NULL, &err), 0);
	assert_false(rel_tree_known(s, &artifact));
	/* Of another tree that had this place. */
	spoil(s, TREE ".mark", "synced\n");
	make(s);
	assert_mark(s, boot.p);
}

static void test_any_other_mark_says_nothing(void **state)
{
	static const char *const marks[] = { "", "\n", "synced", "synced\n\n",
		"Synced\n", "00000000-0000-4000-8000-000000000000\n" };
	REL_AUTO(rel_store_closep) struct rel_store *s = store_at(state, "s");
	REL_AUTO(rel_buf_free) struct rel_buf boot = REL_BUF_INIT;

	make(s);
	for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++) {
		spoil(s, TREE ".mark", marks[i]);
		assert_false(rel_tree_known(s, &artifact));
	}
	read_boot(&boot);
	boot.p[36] = '\0';
	spoil(s, TREE ".mark", boot.p);
	assert_false(rel_tree_known(s, &artifact));
	unlinkat(rel_store_fd(s), TREE ".mark", 0);
	assert_false(rel_tree_known(s, &artifact));
}

static void test_a_settled_tree_is_known_in_every_boot(void **state)
{
	REL_AUTO(rel_store_closep) struct rel_store *s = store_at(state, "s");
	REL_AUTO(rel_closep) int fd = -1;
	struct rel_err err = REL_ERR_INIT;

	make(s);
	assert_int_equal(rel_tree_open(s, &artifact, &fd, &err), 0);
	spoil(s, TREE ".mark", "other\n");
	assert_int_equal(rel_tree_settle(s, &artifact, fd, &err), 0);
	assert_mark(s, "synced\n");
	assert_true(rel_tree_known(s, &artifact));
	assert_int_equal(count_names(s, "tmp"), 0);
}

static void test_only_trees_of_this_boot_are_settled_unseen(void **state)
{
	REL_AUTO(rel_store_closep) struct rel_store *s = store_at(state, "s");
	REL_AUTO(rel_freep) char *half = NULL;
	struct rel_err err = REL_ERR_INIT;
	struct rel_id other = { { 0x11 } };

	make(s);
	assert_int_equal(rel_tree_settle_all(s, &err), 0);
	assert_mark(s, "synced\n");
	spoil(s, TREE ".mark", "00000000-0000-4000-8000-000000000000\n");
	assert_int_equal(rel_tree_settle_all(s, &err), 0);
	assert_mark(s, "00000000-0000-4000-8000-000000000000\n");
	unlinkat(rel_store_fd(s), TREE ".mark", 0);
	half = rel_printf("trees/%s.index", rel_id_hex(&other).s);
	spoil(s, half, "");
	assert_int_equal(rel_tree_settle_all(s, &err), 0);
	assert_int_equal(count_names(s, "trees"), 3);
}

static int add_name(void *arg, const struct rel_id *id, struct rel_err *err)
{
	(void)err;
	rel_buf_addf(arg, "%.4s ", rel_id_hex(id).s);
	return 0;
}

static void test_trees_are_listed_also_half_ones(void **state)
{
	REL_AUTO(rel_store_closep) struct rel_store *s = store_at(state, "s");
	REL_AUTO(rel_buf_free) struct rel_buf b = REL_BUF_INIT;
	REL_AUTO(rel_freep) char *index = NULL;
	struct rel_err err = REL_ERR_INIT;
	struct rel_id other = { { 0x11 } };

	index = rel_printf("trees/%s.index", rel_id_hex(&other).s);
	make(s);
	spoil(s, index, "x");
	assert_int_equal(rel_tree_each(s, add_name, &b, &err), 0);
	assert_string_equal(b.p, "1100 aabb ");
	assert_int_equal(rel_tree_drop(s, &other, NULL, &err), 0);
	rel_buf_reset(&b);
	assert_int_equal(rel_tree_each(s, add_name, &b, &err), 0);
	assert_string_equal(b.p, "aabb ");
	spoil(s, "trees/README", "x");
	assert_int_equal(rel_tree_each(s, add_name, &b, &err), -REL_EINTEGRITY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(test_a_tree_is_there_whole_or_not_at_all),
		scratch_test(test_the_path_of_a_tree_is_absolute),
		scratch_test(test_of_two_that_unpack_the_first_wins),
		scratch_test(test_what_was_cut_short_is_finished),
		scratch_test(test_each_kind_of_change_is_found_and_named),
		scratch_test(test_an_index_that_does_not_fit_is_no_index),
		scratch_test(test_a_tree_that_is_open_is_not_dropped),
		scratch_test(test_bytes_that_another_tree_shares_are_not_freed),
		scratch_test(test_a_tree_is_known_in_the_boot_that_made_it),
		scratch_test(test_any_other_mark_says_nothing),
		scratch_test(test_a_settled_tree_is_known_in_every_boot),
		scratch_test(test_only_trees_of_this_boot_are_settled_unseen),
		scratch_test(test_trees_are_listed_also_half_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
