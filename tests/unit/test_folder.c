/* SPDX-License-Identifier: Apache-2.0 */
/* A directory on disk as entries: their order, what is refused, what is made
 * readable; and that whatever was made there can be taken away. */
#include "build/folder.h"

#include "base/buf.h"
#include "rel_test.h"
#include "scratch.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_scratch(void **state)
{
	int fd = open(*state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void make_file(int top, const char *path, mode_t mode)
{
	int fd = openat(top, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, path, strlen(path)), strlen(path));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

/* "f path size" and the like, a line each. */
static int list(int top, struct rel_buf *out, struct rel_err *err)
{
	REL_AUTO(rel_folder_closep) struct rel_folder *f = NULL;
	struct rel_order order = { 0 };
	struct rel_entry e;
	bool more = true;
	int r = rel_folder_open(top, &f, err);

	while (r == 0) {
		r = rel_folder_next(f, &e, &more, err);
		if (r < 0 || !more)
			break;
		r = rel_order_next(&order, &e, err);
		if (e.type == REL_LINK)
			rel_buf_addf(out, "l %s %s\n", e.path, e.target);
		else if (e.type == REL_DIR)
			rel_buf_addf(out, "d %s\n", e.path);
		else
			rel_buf_addf(out, "%c %s %d\n",
				e.executable ? 'x' : 'f', e.path, (int)e.size);
	}
	rel_order_done(&order);
	return r;
}

static void assert_list(int top, const char *want)
{
	REL_AUTO(rel_buf_free) struct rel_buf out = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;

	if (list(top, &out, &err) < 0)
		fail_msg("%s", err.msg);
	assert_string_equal(rel_buf_str(&out), want);
}

static void test_the_order_is_that_of_a_git_tree(void **state)
{
	static const char *const dirs[] = { "a", "a/a", "a-x", "b", "empty" };
	static const char *const files[] = { "a/z", "a.c", "a0", "a-x/f",
		"a/a/f", "a/a-", "a/a0", "b/f", "B", "\xc3\xa4" };
	REL_AUTO(rel_closep) int top = open_scratch(state);

	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++)
		assert_int_equal(mkdirat(top, dirs[i], 0755), 0);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		make_file(top, files[i], 0644);
	/* A directory counts as if its name ended in '/'. */
	assert_list(top, "f B 1\nd a-x\nf a-x/f 5\nf a.c 3\nd a\nf a/a- 4\n"
			 "d a/a\nf a/a/f 5\nf a/a0 4\nf a/z 3\nf a0 2\nd b\n"
			 "f b/f 3\nd empty\nf \xc3\xa4 2\n");
}

static void test_kinds_and_the_bit_that_counts(void **state)
{
	REL_AUTO(rel_closep) int top = open_scratch(state);

	make_file(top, "group", 0654);
	make_file(top, "own", 0700);
	assert_int_equal(linkat(top, "own", top, "same", 0), 0);
	assert_int_equal(symlinkat("/nowhere/at all", top, "link"), 0);
	assert_int_equal(symlinkat(".", top, "loop"), 0);
	assert_list(top, "f group 5\nl link /nowhere/at all\nl loop .\n"
			 "x own 3\nx same 3\n");
}

static void test_what_its_owner_may_not_read_is_read(void **state)
{
	REL_AUTO(rel_folder_closep) struct rel_folder *f = NULL;
	REL_AUTO(rel_closep) int top = open_scratch(state);
	REL_AUTO(rel_closep) int fd = -1;
	struct rel_err err = REL_ERR_INIT;
	struct rel_entry e;
	char text[8] = "";
	bool more;

	assert_int_equal(mkdirat(top, "shut", 0755), 0);
	make_file(top, "shut/f", 0);
	assert_int_equal(fchmodat(top, "shut", 0, 0), 0);
	assert_int_equal(fchmod(top, 0), 0);
	assert_int_equal(rel_folder_open(top, &f, &err), 0);
	assert_int_equal(rel_folder_next(f, &e, &more, &err), 0);
	assert_string_equal(e.path, "shut");
	if (rel_folder_next(f, &e, &more, &err) < 0)
		fail_msg("%s", err.msg);
	assert_string_equal(e.path, "shut/f");
	assert_false(e.executable);
	assert_int_equal(rel_folder_file(f, &fd, &err), 0);
	assert_int_equal(read(fd, text, sizeof(text)), 6);
	assert_memory_equal(text, "shut/f", 6);
}

static void assert_refused(int top, const char *what)
{
	REL_AUTO(rel_buf_free) struct rel_buf out = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;

	assert_int_equal(list(top, &out, &err), -REL_EINVALID);
	assert_string_equal(err.msg, what);
}

static void test_what_no_artifact_can_have(void **state)
{
	static const mode_t bits[] = { S_ISUID, S_ISGID, S_ISVTX };
	REL_AUTO(rel_closep) int top = open_scratch(state);

	assert_int_equal(mkdirat(top, "d", 0755), 0);
	assert_int_equal(mkfifoat(top, "d/pi\tpe", 0600), 0);
	assert_refused(top, "path 'd/pi\\011pe': a FIFO, which an artifact "
			    "cannot have");
	assert_int_equal(unlinkat(top, "d/pi\tpe", 0), 0);
	make_file(top, "d/f", 0644);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(fchmodat(top, "d", 0755 | bits[i], 0), 0);
		assert_refused(top, "path 'd': a setuid, setgid or sticky bit, "
				    "which an artifact cannot have");
		assert_int_equal(fchmodat(top, "d", 0755, 0), 0);
		assert_int_equal(fchmodat(top, "d/f", 0755 | bits[i], 0), 0);
		assert_refused(top, "path 'd/f': a setuid, setgid or sticky "
				    "bit, which an artifact cannot have");
		assert_int_equal(fchmodat(top, "d/f", 0644, 0), 0);
	}
	assert_list(top, "d d\nf d/f 3\n");
}

static void test_a_tree_deeper_than_descriptors_is_removed(void **state)
{
	REL_AUTO(rel_closep) int top = open_scratch(state);
	struct rel_err err = REL_ERR_INIT;
	int at = dup(top);

	for (int i = 0; i < 3000; i++) {
		int below;

		assert_int_equal(mkdirat(at, "d", 0700), 0);
		make_file(at, "f", 0400);
		below = openat(at, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(below >= 0);
		assert_int_equal(fchmod(at, i ? 0500 : 0700), 0);
		close(at);
		at = below;
	}
	close(at);
	if (rel_remove_tree(top, "d", &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(faccessat(top, "d", F_OK, 0), -1);
	assert_int_equal(errno, ENOENT);
	assert_list(top, "f f 1\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(test_the_order_is_that_of_a_git_tree),
		scratch_test(test_kinds_and_the_bit_that_counts),
		scratch_test(test_what_its_owner_may_not_read_is_read),
		scratch_test(test_what_no_artifact_can_have),
		scratch_test(test_a_tree_deeper_than_descriptors_is_removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
