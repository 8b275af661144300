/* SPDX-License-Identifier: Apache-2.0 */
#include "git_fixture.h"

/* The loose file of HEAD:${path}. */
static const char *loose(const char *path)
{
	return sh("git -C shop rev-parse HEAD:%s | sed "
		  "'s,^..,shop/.git/objects/&/,'",
		path);
}

static void test_an_absent_object_is_named_with_its_path(void **state)
{
	REL_AUTO(rel_buf_free) struct rel_buf got = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;
	char id[41];

	(void)state;
	make_shop();
	snprintf(
		id, sizeof(id), "%s", sh("git -C shop rev-parse HEAD:lib/x/b"));
	assert_int_equal(unlink(loose("lib/x/b")), 0);
	{
		REL_AUTO(rel_git_closep) struct rel_git *g = open_named("shop");
		assert_int_equal(
			read_blob(g, "lib/x/b", 9, &got, &err), -REL_ENOTFOUND);
		assert_non_null(strstr(err.msg, "(lib/x/b)"));
		assert_non_null(strstr(err.msg, id));
		assert_non_null(strstr(err.hint, "fsck"));
	}
	assert_int_equal(unlink(loose("lib/x")), 0);
	REL_AUTO(rel_freep)
	char *tree = rel_strdup(sh("git -C shop rev-parse HEAD^{tree}"));
	REL_AUTO(rel_git_closep) struct rel_git *g = open_named("shop");
	assert_int_equal(list(g, tree, &got, &err), -REL_ENOTFOUND);
	assert_non_null(strstr(err.msg, "(lib/x)"));
}

static void test_a_partial_clone_says_how_to_get_the_rest(void **state)
{
	static const char *const filters[] = { "blob:none", "tree:0" };

	(void)state;
	make_shop();
	sh("git -C shop config uploadpack.allowFilter true");
	for (size_t i = 0; i < sizeof(filters) / sizeof(*filters); i++) {
		REL_AUTO(rel_buf_free) struct rel_buf got = REL_BUF_INIT;
		struct rel_err err = REL_ERR_INIT;

		sh("rm -rf part && git clone -q --no-checkout --filter=%s "
		   "file://$PWD/shop part",
			filters[i]);
		{
			REL_AUTO(rel_freep)
			char *tree = rel_strdup(
				sh("git -C shop rev-parse HEAD^{tree}"));
			REL_AUTO(rel_git_closep)
			struct rel_git *g = open_named("part");
			int r = list(g, tree, &got, &err);

			if (i == 0)
				r = read_blob(g, "a", 9, &got, &err);
			assert_int_equal(r, -REL_ENOTFOUND);
			assert_non_null(strstr(err.hint, "partial clone"));
		}
		sh("%s 2>&1", command_of(&err));
		assert_reads_as("part", "shop");
		REL_AUTO(rel_git_closep) struct rel_git *g = open_named("part");
		rel_buf_reset(&got);
		assert_int_equal(read_blob(g, "a", 9, &got, &err), 0);
		assert_string_equal(rel_buf_str(&got), "four\n");
	}
}

static void test_a_damaged_object_is_never_delivered(void **state)
{
	/* Another object's bytes, garbage, half of the file, an empty file. */
	static const char *const harm[] = { "cat $other >$f", "echo x >$f",
		"truncate -s 9 $f", ": >$f" };

	(void)state;
	for (size_t i = 0; i < sizeof(harm) / sizeof(*harm); i++) {
		REL_AUTO(rel_buf_free) struct rel_buf got = REL_BUF_INIT;
		struct rel_err err = REL_ERR_INIT;

		sh("rm -rf shop");
		make_shop();
		REL_AUTO(rel_freep) char *other = rel_strdup(loose("lib.c"));
		sh("other=%s f=%s && chmod 644 $f && %s", other, loose("a"),
			harm[i]);
		REL_AUTO(rel_git_closep) struct rel_git *g = open_named("shop");
		int r = read_blob(g, "a", 99, &got, &err);

		if (r != -REL_EINTEGRITY || got.len != 0)
			fail_msg("%s: %d, %s", harm[i], r, err.msg);
	}
}

static void test_a_damaged_tree_stops_the_walk(void **state)
{
	REL_AUTO(rel_buf_free) struct rel_buf got = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;

	(void)state;
	make_shop();
	REL_AUTO(rel_freep)
	char *tree = rel_strdup(sh("git -C shop rev-parse HEAD^{tree}"));
	REL_AUTO(rel_freep) char *good = rel_strdup(loose("lib/x"));
	sh("f=%s && chmod 644 $f && cat %s >$f", loose("lib"), good);
	REL_AUTO(rel_git_closep) struct rel_git *g = open_named("shop");
	assert_int_equal(list(g, tree, &got, &err), -REL_EINTEGRITY);
	assert_non_null(strstr(err.msg, "(lib)"));
}

static void test_a_commit_that_is_another_is_never_taken(void **state)
{
	static const char *const revs[] = { "HEAD", "HEAD~1", "HEAD^{tree}" };
	struct rel_err err = REL_ERR_INIT;
	struct rel_git_commit c;

	(void)state;
	make_shop();
	/* HEAD's object is another commit, which has a parent, too. */
	REL_AUTO(rel_freep)
	char *other = rel_strdup(sh(
		"cd shop && echo x >y && git add y && git commit -qm x && git "
		"rev-parse HEAD | sed 's,^..,shop/.git/objects/&/,' && git "
		"reset -q --hard HEAD~1"));
	sh("f=$(git -C shop rev-parse HEAD | sed "
	   "'s,^..,shop/.git/objects/&/,') && chmod 644 $f && cat %s >$f",
		other);
	REL_AUTO(rel_git_closep) struct rel_git *g = open_named("shop");
	for (size_t i = 0; i < sizeof(revs) / sizeof(*revs); i++) {
		if (rel_git_commit(g, revs[i], &c, &err) != -REL_EINTEGRITY)
			fail_msg("%s: %s", revs[i], err.msg);
	}
}

static void test_an_object_of_other_bytes_is_told_by_both_names(void **state)
{
	REL_AUTO(rel_buf_free) struct rel_buf got = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;

	(void)state;
	make_shop();
	REL_AUTO(rel_freep) char *other = rel_strdup(loose("lib.c"));
	sh("f=%s && chmod 644 $f && cat %s >$f", loose("lib/x/b"), other);
	REL_AUTO(rel_git_closep) struct rel_git *g = open_named("shop");
	assert_int_equal(
		read_blob(g, "lib/x/b", 99, &got, &err), -REL_EINTEGRITY);
	assert_non_null(strstr(err.msg, "(lib/x/b)"));
	assert_non_null(
		strstr(err.msg, sh("git -C shop rev-parse HEAD:lib/x/b")));
	assert_non_null(
		strstr(err.msg, sh("git -C shop rev-parse HEAD:lib.c")));
}

/* HEAD's entries and the bytes of its files into ${out}. */
static int read_all(const char *path, struct rel_buf *out, struct rel_err *err)
{
	REL_AUTO(rel_git_closep) struct rel_git *g = open_named(path);
	REL_AUTO(rel_git_walk_endp) struct rel_git_walk *w = NULL;
	REL_AUTO(rel_buf_free) struct rel_buf blob = REL_BUF_INIT;
	struct rel_git_commit c;
	struct rel_git_entry e;
	bool more = true;
	int r = rel_git_commit(g, "HEAD", &c, err);

	if (r == 0)
		r = rel_git_walk_begin(g, c.tree, &w, err);
	while (r == 0) {
		r = rel_git_walk_next(w, &e, &more, err);
		if (r < 0 || !more)
			break;
		if (e.mode != 040000)
			r = rel_git_blob(g, &e, 1000, &blob, err);
		rel_buf_addf(out, "%o %s %s\n", e.mode, e.path,
			e.mode == 040000 ? "" : rel_buf_str(&blob));
	}
	return r;
}

static void flip(const char *file, size_t offset)
{
	FILE *f = fopen(file, "r+");
	int byte;

	assert_non_null(f);
	fseek(f, (long)offset, SEEK_SET);
	byte = fgetc(f);
	fseek(f, (long)offset, SEEK_SET);
	fputc(byte ^ 0x10, f);
	fclose(f);
}

static void test_a_damaged_pack_fails_or_does_no_harm(void **state)
{
	REL_AUTO(rel_buf_free) struct rel_buf good = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;
	size_t size, failed = 0;

	(void)state;
	make_shop();
	sh("git -C shop repack -adq");
	REL_AUTO(rel_freep)
	char *pack = rel_strdup(sh("ls shop/.git/objects/pack/*.pack"));
	size = strtoul(
		sh("chmod 644 %s && stat -c %%s %s", pack, pack), NULL, 10);
	assert_int_equal(read_all("shop", &good, &err), 0);
	for (size_t i = 12; i < size - 20; i += 5) {
		REL_AUTO(rel_buf_free) struct rel_buf got = REL_BUF_INIT;

		flip(pack, i);
		if (read_all("shop", &got, &err) < 0) {
			assert_true(err.code == REL_EINTEGRITY ||
				    err.code == REL_ENOTFOUND);
			failed++;
		} else {
			assert_string_equal(
				rel_buf_str(&got), rel_buf_str(&good));
		}
		flip(pack, i);
	}
	assert_true(failed > 20);
}

static void test_a_pack_that_is_cut_off_is_an_error(void **state)
{
	REL_AUTO(rel_buf_free) struct rel_buf got = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;

	(void)state;
	make_shop();
	sh("git -C shop repack -adq && chmod -R u+w shop && truncate -s -40 "
	   "shop/.git/objects/pack/*.pack");
	assert_int_equal(read_all("shop", &got, &err), -REL_ENOTFOUND);
	assert_non_null(strstr(err.msg, "is not in this repository"));
	assert_non_null(strstr(err.hint, "fsck"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		git_test(test_an_absent_object_is_named_with_its_path),
		git_test(test_a_partial_clone_says_how_to_get_the_rest),
		git_test(test_a_damaged_object_is_never_delivered),
		git_test(test_a_damaged_tree_stops_the_walk),
		git_test(test_a_commit_that_is_another_is_never_taken),
		git_test(test_an_object_of_other_bytes_is_told_by_both_names),
		git_test(test_a_damaged_pack_fails_or_does_no_harm),
		git_test(test_a_pack_that_is_cut_off_is_an_error),
	};

	return cmocka_run_group_tests_name("git_damage", tests, NULL, NULL);
}
