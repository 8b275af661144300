/* SPDX-License-Identifier: Apache-2.0 */
/* Entries into a directory: what is there afterwards, and what never is. */
#include "pack/unpack.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/id.h"
#include "crypto/digest.h"
#include "pack/tar.h"
#include "rel_test.h"
#include "scratch.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MTIME 1234567890
#define LARGE ((size_t)(1u << 20) + 4321) /* is not held in memory */

static int give(
	void *arg, const void **ret_p, size_t *ret_n, struct rel_err *err)
{
	struct rel_buf *b = arg;

	(void)err;
	*ret_p = b->p;
	*ret_n = b->len;
	b->len = 0;
	return 0;
}

static void put(struct rel_buf *tar, enum rel_entry_type type, const char *path,
	const char *target, const char *content, size_t size)
{
	static const char zeros[REL_TAR_BLOCK];
	struct rel_entry e = {
		.type = type,
		.executable = strstr(path, "run") != NULL,
		.path = path,
		.path_len = strlen(path),
		.target = target,
		.target_len = strlen(target),
		.size = size,
	};

	rel_tar_header(&e, tar);
	rel_buf_add(tar, content, size);
	rel_buf_add(tar, zeros, rel_tar_padding(size));
}

static const char *large(void)
{
	static char p[LARGE];

	for (size_t i = 0; i < LARGE; i++)
		p[i] = (char)(i * 7 + i / 1000);
	return p;
}

static void make(struct rel_buf *tar)
{
	static const char zeros[2 * REL_TAR_BLOCK];

	put(tar, REL_FILE, "a", "", "hello\n", 6);
	put(tar, REL_DIR, "bin", "", "", 0);
	put(tar, REL_FILE, "bin/run", "", "#!\n", 3);
	put(tar, REL_DIR, "bin/sub", "", "", 0);
	put(tar, REL_FILE, "bin/sub/nothing", "", "", 0);
	put(tar, REL_LINK, "bin/up", "../a", "", 0);
	put(tar, REL_DIR, "empty", "", "", 0);
	put(tar, REL_FILE, "large", "", large(), LARGE);
	put(tar, REL_FILE, "largerun", "", large(), LARGE);
	put(tar, REL_LINK, "out", "/nonexistent/x", "", 0);
	rel_buf_add(tar, zeros, sizeof(zeros));
}

static int open_top(const char *dir, const char *name)
{
	REL_AUTO(rel_freep) char *path = rel_printf("%s/%s", dir, name);
	int fd;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		fail_msg("mkdir %s: %s", path, strerror(errno));
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static int unpack_tar(struct rel_buf *tar, int top,
	const struct rel_unpack *how, struct rel_err *err)
{
	REL_AUTO(rel_reader_closep) struct rel_reader *r = NULL;
	int rc = rel_reader_open(give, tar, REL_EINTEGRITY, &r, err);

	return rc < 0 ? rc : rel_unpack(r, top, how, err);
}

static int unpack_all(
	int top, const struct rel_unpack *how, struct rel_err *err)
{
	REL_AUTO(rel_buf_free) struct rel_buf tar = REL_BUF_INIT;

	make(&tar);
	return unpack_tar(&tar, top, how, err);
}

static void assert_is(int top, const char *path, mode_t mode, time_t mtime)
{
	struct stat st;

	if (fstatat(top, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		fail_msg("%s: %s", path, strerror(errno));
	if (st.st_mode != mode)
		fail_msg("%s: mode %o, not %o", path, st.st_mode, mode);
	if (st.st_mtim.tv_sec != mtime || st.st_mtim.tv_nsec != 0)
		fail_msg("%s: time %lld", path, (long long)st.st_mtim.tv_sec);
}

static void assert_content(
	int top, const char *path, const char *want, size_t size)
{
	REL_AUTO(rel_buf_free) struct rel_buf b = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;

	if (rel_read_file(top, path, LARGE * 2, &b, &err) < 0)
		fail_msg("%s: %s", path, err.msg);
	assert_int_equal(b.len, size);
	assert_memory_equal(rel_buf_str(&b), want, size);
}

static void assert_whole(int top)
{
	char target[100] = "";

	assert_is(top, "a", S_IFREG | 0444, MTIME);
	assert_is(top, "bin", S_IFDIR | 0555, MTIME);
	assert_is(top, "bin/run", S_IFREG | 0555, MTIME);
	assert_is(top, "bin/sub", S_IFDIR | 0555, MTIME);
	assert_is(top, "bin/sub/nothing", S_IFREG | 0444, MTIME);
	assert_is(top, "bin/up", S_IFLNK | 0777, MTIME);
	assert_is(top, "empty", S_IFDIR | 0555, MTIME);
	assert_is(top, "large", S_IFREG | 0444, MTIME);
	assert_is(top, "largerun", S_IFREG | 0555, MTIME);
	assert_is(top, "out", S_IFLNK | 0777, MTIME);
	/* The top is the caller's, but for its time. */
	assert_is(top, ".", S_IFDIR | 0700, MTIME);
	assert_content(top, "a", "hello\n", 6);
	assert_content(top, "bin/run", "#!\n", 3);
	assert_content(top, "bin/sub/nothing", "", 0);
	assert_content(top, "large", large(), LARGE);
	assert_content(top, "largerun", large(), LARGE);
	assert_int_equal(readlinkat(top, "bin/up", target, sizeof(target)), 4);
	assert_string_equal(target, "../a");
	memset(target, 0, sizeof(target));
	assert_int_equal(readlinkat(top, "out", target, sizeof(target)), 14);
	assert_string_equal(target, "/nonexistent/x");
}

static void test_modes_times_and_contents(void **state)
{
	static const mode_t masks[] = { 0, 022, 077, 0277 };
	static const char *const names[] = { "0", "1", "2", "3" };

	for (size_t i = 0; i < 4; i++) {
		REL_AUTO(rel_closep) int top = open_top(*state, names[i]);
		struct rel_unpack how = { .mtime_s = MTIME };
		struct rel_err err = REL_ERR_INIT;
		mode_t before = umask(masks[i]);
		int rc = unpack_all(top, &how, &err);

		umask(before);
		if (rc < 0 && masks[i] == 0277 && geteuid() != 0)
			continue; /* it may not write in its own directories */
		if (rc < 0)
			fail_msg("umask %o: %s", masks[i], err.msg);
		assert_whole(top);
	}
}

static void test_a_copy_to_work_on_is_writable(void **state)
{
	REL_AUTO(rel_closep) int top = open_top(*state, "work");
	struct rel_unpack how = { .mtime_s = MTIME, .writable = true };
	struct rel_err err = REL_ERR_INIT;

	if (unpack_all(top, &how, &err) < 0)
		fail_msg("%s", err.msg);
	assert_is(top, "a", S_IFREG | 0644, MTIME);
	assert_is(top, "bin", S_IFDIR | 0755, MTIME);
	assert_is(top, "bin/run", S_IFREG | 0755, MTIME);
	assert_is(top, "large", S_IFREG | 0644, MTIME);
	assert_is(top, "bin/up", S_IFLNK | 0777, MTIME);
}

/* ---- sharing ---- */

struct older {
	int fd;
	int asked, linked;
	const char *only; /* share this path alone, NULL: all */
	const char *name; /* … under this name, NULL: its own */
};

static bool share(void *arg, const struct rel_entry *e,
	const struct rel_id *digest, int *ret_dirfd, const char **ret_path)
{
	struct older *o = arg;
	struct rel_id want = rel_sha256(large(), LARGE);

	o->asked++;
	assert_int_equal(e->type, REL_FILE);
	if (e->size == LARGE)
		assert_true(rel_id_equal(digest, &want));
	if (o->only && strcmp(o->only, e->path) != 0)
		return false;
	o->linked++;
	*ret_dirfd = o->fd;
	*ret_path = o->name ? o->name : e->path;
	return true;
}

static ino_t inode(int top, const char *path, nlink_t *links, time_t *mtime)
{
	struct stat st;

	assert_int_equal(fstatat(top, path, &st, AT_SYMLINK_NOFOLLOW), 0);
	*links = st.st_nlink;
	*mtime = st.st_mtime;
	return st.st_ino;
}

static void test_what_an_older_tree_has_is_linked(void **state)
{
	static const char *const files[] = { "a", "bin/run", "bin/sub/nothing",
		"large", "largerun" };
	REL_AUTO(rel_closep) int first = open_top(*state, "first");
	REL_AUTO(rel_closep) int second = open_top(*state, "second");
	REL_AUTO(rel_closep) int third = open_top(*state, "third");
	struct older o = { .fd = first };
	struct rel_unpack how = { .mtime_s = MTIME };
	struct rel_err err = REL_ERR_INIT;
	nlink_t links;
	time_t mtime;

	assert_int_equal(unpack_all(first, &how, &err), 0);
	how = (struct rel_unpack){ .mtime_s = 99, .share = share, .arg = &o };
	assert_int_equal(unpack_all(second, &how, &err), 0);
	assert_int_equal(o.asked, 5);
	assert_int_equal(o.linked, 5);
	for (size_t i = 0; i < 5; i++) {
		ino_t a = inode(first, files[i], &links, &mtime);

		assert_int_equal(links, 2);
		/* A file that is shared keeps its time. */
		assert_int_equal(mtime, MTIME);
		assert_int_equal(a, inode(second, files[i], &links, &mtime));
	}
	/* Links and directories are new, and have the new time. */
	assert_is(second, "bin/up", S_IFLNK | 0777, 99);
	assert_is(second, "bin/sub", S_IFDIR | 0555, 99);
	assert_is(second, ".", S_IFDIR | 0700, 99);

	o.only = "large";
	assert_int_equal(unpack_all(third, &how, &err), 0);
	assert_is(third, "a", S_IFREG | 0444, 99);
	assert_is(third, "large", S_IFREG | 0444, MTIME);
	inode(third, "large", &links, &mtime);
	assert_int_equal(links, 3);
	inode(third, "a", &links, &mtime);
	assert_int_equal(links, 1);
}

static void test_what_cannot_be_linked_is_written(void **state)
{
	REL_AUTO(rel_closep) int empty = open_top(*state, "empty");
	REL_AUTO(rel_closep) int top = open_top(*state, "top");
	struct older o = { .fd = empty };
	struct rel_unpack how = { .mtime_s = MTIME, .share = share, .arg = &o };
	struct rel_err err = REL_ERR_INIT;

	assert_int_equal(unpack_all(top, &how, &err), 0);
	assert_int_equal(o.linked, 5);
	assert_whole(top);
}

/* ---- what is in the way ---- */

static void write_at(int top, const char *path, const char *text)
{
	struct rel_err err = REL_ERR_INIT;
	REL_AUTO(rel_closep)
	int fd = openat(top, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(rel_write_fd(fd, text, strlen(text), &err), 0);
}

static void test_nothing_is_replaced_and_nothing_followed(void **state)
{
	static const struct {
		const char *path, *target;
	} in_the_way[] = {
		{ "a", "../outside/file" },
		{ "a", "../outside/new" },
		{ "bin", "../outside" },
		{ "bin", "." },
		{ "large", "../outside/file" },
		{ "out", "../outside/file" },
		{ "empty", "../outside" },
	};

	for (size_t i = 0; i < sizeof(in_the_way) / sizeof(*in_the_way); i++) {
		REL_AUTO(rel_closep) int outside = open_top(*state, "outside");
		REL_AUTO(rel_freep) char *name = rel_printf("top%zu", i);
		REL_AUTO(rel_closep) int top = open_top(*state, name);
		struct rel_unpack how = { .mtime_s = MTIME };
		struct rel_err err = REL_ERR_INIT;
		struct stat st;

		write_at(outside, "file", "mine");
		assert_int_equal(symlinkat(in_the_way[i].target, top,
					 in_the_way[i].path),
			0);
		assert_int_equal(unpack_all(top, &how, &err), -REL_EIO);
		assert_int_equal(err.os_errno, EEXIST);
		if (!strstr(err.msg, in_the_way[i].path))
			fail_msg("%zu: %s", i, err.msg);
		assert_content(outside, "file", "mine", 4);
		assert_int_equal(
			fstatat(outside, "new", &st, AT_SYMLINK_NOFOLLOW), -1);
		assert_int_equal(
			fstatat(outside, "run", &st, AT_SYMLINK_NOFOLLOW), -1);
		assert_int_equal(fstatat(top, in_the_way[i].path, &st,
					 AT_SYMLINK_NOFOLLOW),
			0);
		assert_true(S_ISLNK(st.st_mode));
	}
}

static void test_a_file_or_directory_in_the_way(void **state)
{
	REL_AUTO(rel_closep) int one = open_top(*state, "one");
	REL_AUTO(rel_closep) int two = open_top(*state, "two");
	struct rel_unpack how = { .mtime_s = MTIME };
	struct rel_err err = REL_ERR_INIT;

	write_at(one, "a", "mine");
	assert_int_equal(unpack_all(one, &how, &err), -REL_EIO);
	assert_int_equal(err.os_errno, EEXIST);
	assert_content(one, "a", "mine", 4);
	assert_int_equal(mkdirat(two, "bin", 0700), 0);
	assert_int_equal(unpack_all(two, &how, &err), -REL_EIO);
	assert_int_equal(err.os_errno, EEXIST);
}

/* A directory that becomes a link between two of its entries. */
struct swap {
	int top;
	const char *path, *outside;
};

static int swap_bin(void *arg, const struct rel_entry *e,
	const struct rel_id *digest, uint64_t offset, struct rel_err *err)
{
	struct swap *s = arg;

	(void)digest;
	(void)offset;
	(void)err;
	if (strcmp(e->path, "bin/sub") == 0) {
		assert_int_equal(renameat(s->top, s->path, s->top, "moved"), 0);
		assert_int_equal(symlinkat(s->outside, s->top, s->path), 0);
	}
	return 0;
}

static void test_a_directory_that_becomes_a_link(void **state)
{
	static const char *const swaps[][2] = {
		{ "bin/sub", "../../outside/sub" },
		{ "bin", "../outside" },
		{ "bin/sub", "../empty" },
		{ "bin", "moved" },
	};

	for (size_t i = 0; i < sizeof(swaps) / sizeof(*swaps); i++) {
		REL_AUTO(rel_closep) int outside = open_top(*state, "outside");
		REL_AUTO(rel_closep) int sub = open_top(*state, "outside/sub");
		REL_AUTO(rel_freep) char *name = rel_printf("top%zu", i);
		REL_AUTO(rel_closep) int top = open_top(*state, name);
		struct swap s = { top, swaps[i][0], swaps[i][1] };
		struct rel_unpack how = {
			.mtime_s = MTIME, .done = swap_bin, .arg = &s
		};
		struct rel_err err = REL_ERR_INIT;
		struct stat st;

		assert_int_equal(unpack_all(top, &how, &err), -REL_EIO);
		assert_true(err.os_errno == ELOOP || err.os_errno == ENOTDIR);
		assert_int_equal(fstatat(outside, "nothing", &st, 0), -1);
		assert_int_equal(fstatat(sub, "nothing", &st, 0), -1);
	}
}

/* ---- what the caller hears ---- */

static int tell(void *arg, const struct rel_entry *e,
	const struct rel_id *digest, uint64_t offset, struct rel_err *err)
{
	struct rel_buf *b = arg;

	(void)err;
	rel_buf_addf(b, "%d %s", (int)offset, e->path);
	if (e->type == REL_FILE)
		rel_buf_addf(b, " %.8s", rel_id_hex(digest).s);
	rel_buf_addc(b, '\n');
	return 0;
}

static void test_each_entry_is_told_when_it_is_there(void **state)
{
	REL_AUTO(rel_closep) int top = open_top(*state, "top");
	REL_AUTO(rel_buf_free) struct rel_buf b = REL_BUF_INIT;
	struct rel_unpack how = { .done = tell, .arg = &b };
	struct rel_err err = REL_ERR_INIT;
	struct rel_id id = rel_sha256(large(), LARGE);
	REL_AUTO(rel_freep)
	char *want = rel_printf("0 a 5891b5b5\n"
				"1024 bin\n"
				"1536 bin/run 26a66825\n"
				"2560 bin/sub\n"
				"3072 bin/sub/nothing e3b0c442\n"
				"3584 bin/up\n"
				"4096 empty\n"
				"4608 large %.8s\n"
				"1058304 largerun %.8s\n"
				"2112000 out\n",
		rel_id_hex(&id).s, rel_id_hex(&id).s);

	assert_int_equal(unpack_all(top, &how, &err), 0);
	assert_string_equal(b.p, want);
}

static int refuse(void *arg, const struct rel_entry *e,
	const struct rel_id *digest, uint64_t offset, struct rel_err *err)
{
	int *left = arg;

	(void)e;
	(void)digest;
	(void)offset;
	return --*left ? 0 : rel_fail(err, REL_EREFUSED, "no more");
}

static void test_the_callback_can_end_it(void **state)
{
	for (int i = 1; i <= 10; i++) {
		REL_AUTO(rel_freep) char *name = rel_printf("%d", i);
		REL_AUTO(rel_closep) int top = open_top(*state, name);
		int left = i;
		struct rel_unpack how = { .done = refuse, .arg = &left };
		struct rel_err err = REL_ERR_INIT;

		assert_int_equal(unpack_all(top, &how, &err), -REL_EREFUSED);
		assert_string_equal(err.msg, "no more");
		assert_int_equal(left, 0);
	}
}

static void test_a_tar_that_breaks_off(void **state)
{
	static const size_t cuts[] = { 600, 2700, 5000, 4608 + LARGE / 2,
		1058304 + 100 };

	for (size_t i = 0; i < sizeof(cuts) / sizeof(*cuts); i++) {
		REL_AUTO(rel_buf_free) struct rel_buf tar = REL_BUF_INIT;
		REL_AUTO(rel_freep) char *name = rel_printf("%zu", i);
		REL_AUTO(rel_closep) int top = open_top(*state, name);
		struct rel_unpack how = { .mtime_s = MTIME };
		struct rel_err err = REL_ERR_INIT;
		struct stat st;

		make(&tar);
		tar.len = cuts[i];
		assert_int_equal(
			unpack_tar(&tar, top, &how, &err), -REL_EINTEGRITY);
		/* No file is there in half. */
		if (fstatat(top, "large", &st, 0) == 0)
			assert_int_equal(st.st_size, LARGE);
		assert_int_equal(fstatat(top, "largerun", &st, 0), -1);
	}
}

static void test_long_and_deep_names(void **state)
{
	static const char zeros[2 * REL_TAR_BLOCK];
	REL_AUTO(rel_buf_free) struct rel_buf tar = REL_BUF_INIT;
	REL_AUTO(rel_buf_free) struct rel_buf path = REL_BUF_INIT;
	REL_AUTO(rel_closep) int top = open_top(*state, "top");
	struct rel_unpack how = { .mtime_s = MTIME };
	struct rel_err err = REL_ERR_INIT;

	/* 15 x 255 and a name of 254: 4,095 bytes with the slashes. */
	for (int i = 0; i < 15; i++) {
		for (int k = 0; k < 255; k++)
			rel_buf_addc(&path, 'd');
		put(&tar, REL_DIR, path.p, "", "", 0);
		rel_buf_addc(&path, '/');
	}
	while (path.len < 4095)
		rel_buf_addc(&path, 'f');
	put(&tar, REL_FILE, path.p, "", "deep", 4);
	rel_buf_add(&tar, zeros, sizeof(zeros));
	if (unpack_tar(&tar, top, &how, &err) < 0)
		fail_msg("%s", err.msg);
	assert_is(top, path.p, S_IFREG | 0444, MTIME);
	assert_content(top, path.p, "deep", 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(test_modes_times_and_contents),
		scratch_test(test_a_copy_to_work_on_is_writable),
		scratch_test(test_what_an_older_tree_has_is_linked),
		scratch_test(test_what_cannot_be_linked_is_written),
		scratch_test(test_nothing_is_replaced_and_nothing_followed),
		scratch_test(test_a_file_or_directory_in_the_way),
		scratch_test(test_a_directory_that_becomes_a_link),
		scratch_test(test_each_entry_is_told_when_it_is_there),
		scratch_test(test_the_callback_can_end_it),
		scratch_test(test_a_tar_that_breaks_off),
		scratch_test(test_long_and_deep_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
