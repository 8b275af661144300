/* SPDX-License-Identifier: Apache-2.0 */
#include "git_fixture.h"

static void test_every_form_of_repository_gives_the_same_tree(void **state)
{
	(void)state;
	make_shop();
	assert_reads_as("shop", "shop");
	sh("git -C shop repack -adq && git -C shop prune-packed");
	assert_reads_as("shop", "shop");
	sh("git clone -q --bare shop bare.git && git clone -q --shared shop "
	   "borrower && git clone -q --no-local --depth 1 shop thin 2>&1 && "
	   "git clone -q --sparse shop sparse");
	assert_reads_as("bare.git", "shop");
	assert_int_equal(
		strcmp(sh("ls borrower/.git/objects/info"), "alternates"), 0);
	assert_reads_as("borrower", "shop");
	assert_reads_as("thin", "shop");
	assert_int_not_equal(access("sparse/lib", F_OK), 0);
	assert_reads_as("sparse", "shop");
}

static void test_a_blob_is_the_bytes_that_were_committed(void **state)
{
	REL_AUTO(rel_buf_free) struct rel_buf got = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;

	(void)state;
	/* What a checkout or an archive would turn into something else. */
	sh("git init -q r && cd r && printf '* text eol=crlf ident "
	   "export-subst\\n' >.git/info/attributes && git config "
	   "core.autocrlf true");
	sh("cd r && printf 'a\\n$Id$\\r\\n\\0b$Format:%%%%H$' >f && : >empty "
	   "&& "
	   "git update-index --add --cacheinfo 100644,$(git hash-object -w "
	   "--no-filters f),f --cacheinfo 100644,$(git hash-object -w "
	   "empty),empty && git commit -qm x");
	REL_AUTO(rel_git_closep) struct rel_git *g = open_named("r");
	assert_int_equal(read_blob(g, "f", 100, &got, &err), 0);
	assert_int_equal(got.len, 21);
	assert_memory_equal(got.p, "a\n$Id$\r\n\0b$Format:%H$", 21);
	assert_int_equal(read_blob(g, "empty", 0, &got, &err), 0);
	assert_int_equal(got.len, 0);
}

static void test_a_blob_over_the_limit_is_not_read(void **state)
{
	REL_AUTO(rel_buf_free) struct rel_buf got = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;

	(void)state;
	make_shop();
	REL_AUTO(rel_git_closep) struct rel_git *g = open_named("shop");
	assert_int_equal(read_blob(g, "lib.c", 6, &got, &err), 0);
	assert_int_equal(read_blob(g, "lib.c", 5, &got, &err), -REL_EINVALID);
	assert_non_null(strstr(err.msg, "lib.c"));
	assert_int_equal(got.len, 0);
}

static char long_name[5001];
static const struct {
	const char *mode, *name;
	uint32_t delivered; /* 0: refused */
} evil[] = {
	{ "100644", "..", 0 },
	{ "100644", ".", 0 },
	{ "40000", "..", 0 },
	{ "40000", ".", 0 },
	{ "100644", "a/b", 0 },
	{ "100644", "../../x", 0 },
	{ "100644", "/etc/x", 0 },
	{ "100644", ".git", 0 },
	{ "40000", ".GIT", 0 },
	{ "120000", ".gIt", 0 },
	{ "100644", "", 0 },
	{ "100644", "a\nb", 0 },
	{ "100644", "a\033[31m", 0 },
	{ "100644", "a\177", 0 },
	{ "100644", long_name, 0 },
	{ "0100644", "a", 0 },
	{ "040000", "a", 0 },
	{ "0", "a", 0 },
	{ "", "a", 0 },
	{ "100648", "a", 0 },
	{ "-100644", "a", 0 },
	{ " 100644", "a", 0 },
	{ "1000644", "a", 0 },
	{ "37777777777", "a", 0 },
	{ "100644", "\377\376", 0100644 },
	{ "100644", " ", 0100644 },
	{ "100644", "..a", 0100644 },
	{ "100644", ".gitignore", 0100644 },
	{ "100644", "a\\b", 0100644 },
	{ "100664", "a", 0100664 },
	{ "100777", "a", 0100777 },
	{ "104755", "a", 0104755 },
	{ "10644", "a", 010644 },
	{ "40755", "a", 040755 },
	{ "60644", "a", 060644 },
	{ "777777", "a", 0777777 },
	{ "160000", "a", 0160000 },
	{ "120000", "a", 0120000 },
};

static void test_an_evil_entry_is_refused_or_told_as_it_is(void **state)
{
	char blob[41];

	(void)state;
	memset(long_name, 'n', 5000);
	sh("git init -q r");
	snprintf(blob, sizeof(blob), "%s",
		sh("echo x | git -C r hash-object -w --stdin"));
	for (size_t i = 0; i < sizeof(evil) / sizeof(*evil); i++) {
		REL_AUTO(rel_buf_free) struct rel_buf got = REL_BUF_INIT;
		REL_AUTO(rel_freep) char *tree = NULL;
		REL_AUTO(rel_git_closep) struct rel_git *g = open_named("r");
		struct rel_err err = REL_ERR_INIT;
		struct raw t = { .n = 0 };
		char want[128];
		int r;

		add_entry(&t, evil[i].mode, evil[i].name, blob);
		tree = rel_strdup(write_tree(t.p, t.n));
		r = list(g, tree, &got, &err);
		snprintf(want, sizeof(want), "%06o %s %s", evil[i].delivered,
			blob, evil[i].name);
		if (evil[i].delivered ? r != 0 || strcmp(got.p, want) != 0
				      : r != -REL_EINVALID || got.len != 0)
			fail_msg("%zu '%s' '%.20s': %d, %s, %s", i,
				evil[i].mode, evil[i].name, r,
				rel_buf_str(&got), err.msg);
	}
}

static void test_order_and_doubles_are_left_to_the_caller(void **state)
{
	REL_AUTO(rel_buf_free) struct rel_buf got = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;
	char blob[41], sub[41], want[512];
	struct raw t = { .n = 0 };

	(void)state;
	sh("git init -q r");
	snprintf(blob, sizeof(blob), "%s",
		sh("echo x | git -C r hash-object -w --stdin"));
	add_entry(&t, "100644", "x", blob);
	snprintf(sub, sizeof(sub), "%s", write_tree(t.p, t.n));
	t.n = 0;
	add_entry(&t, "120000", "z", blob);
	add_entry(&t, "40000", "z", sub);
	add_entry(&t, "100644", "a", blob);
	add_entry(&t, "100644", "a", blob);
	REL_AUTO(rel_freep) char *tree = rel_strdup(write_tree(t.p, t.n));
	REL_AUTO(rel_git_closep) struct rel_git *g = open_named("r");
	assert_int_equal(list(g, tree, &got, &err), 0);
	snprintf(want, sizeof(want),
		"120000 %s z\n040000 %s z\n100644 %s z/x\n100644 %s a\n100644 "
		"%s a",
		blob, sub, blob, blob, blob);
	assert_string_equal(rel_buf_str(&got), want);
}

static void test_a_tree_that_is_cut_off_is_refused(void **state)
{
	struct raw t = { .n = 0 };

	(void)state;
	sh("git init -q r");
	add_entry(
		&t, "100644", "ab", "0123456789012345678901234567890123456789");
	for (size_t n = 1; n <= t.n; n++) {
		REL_AUTO(rel_buf_free) struct rel_buf got = REL_BUF_INIT;
		REL_AUTO(rel_git_closep) struct rel_git *g = open_named("r");
		REL_AUTO(rel_freep) char *tree = rel_strdup(write_tree(t.p, n));
		struct rel_err err = REL_ERR_INIT;

		assert_int_equal(list(g, tree, &got, &err),
			n == t.n ? 0 : -REL_EINVALID);
		assert_int_equal(got.len > 0, n == t.n);
	}
}

/* One file beneath ${depth} - 1 directories with names of ${len} bytes. */
static int list_deep(int depth, int len, struct rel_err *err)
{
	REL_AUTO(rel_buf_free) struct rel_buf got = REL_BUF_INIT;
	REL_AUTO(rel_freep)
	char *tree = rel_strdup(sh(
		"rm -rf r && git init -q r && cd r && p=$(printf '%%0%dd' 0 "
		"| tr 0 n) && b=$(echo x | git hash-object -w --stdin) && "
		"printf \"100644 $b\\t%%s\" \"$(yes $p | head -%d | tr '\\n' "
		"/ | sed s,/$,,)\" | git update-index --index-info && git "
		"write-tree",
		len, depth));
	REL_AUTO(rel_git_closep) struct rel_git *g = open_named("r");

	return list(g, tree, &got, err);
}

static void test_depth_and_length_of_a_path_have_limits(void **state)
{
	struct rel_err err = REL_ERR_INIT;

	(void)state;
	assert_int_equal(list_deep(256, 1, &err), 0);
	assert_int_equal(list_deep(257, 1, &err), -REL_EINVALID);
	assert_non_null(strstr(err.msg, "256"));
	assert_int_equal(list_deep(300, 1, &err), -REL_EINVALID);
	/* 16 names of 255 bytes and 15 slashes are 4,095; one more is not. */
	assert_int_equal(list_deep(16, 255, &err), 0);
	assert_int_equal(list_deep(17, 240, &err), -REL_EINVALID);
	assert_non_null(strstr(err.msg, "4,095"));
}

static void test_the_empty_tree_needs_no_object(void **state)
{
	REL_AUTO(rel_buf_free) struct rel_buf got = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;

	(void)state;
	sh("git init -q r");
	REL_AUTO(rel_git_closep) struct rel_git *g = open_named("r");
	assert_int_equal(
		list(g, "4b825dc642cb6eb9a060e54bf8d69288fbee4904", &got, &err),
		0);
	assert_int_equal(got.len, 0);
	assert_int_equal(list(g, "4b825dc", &got, &err), -REL_EINVALID);
}

static void test_an_entry_must_lead_to_what_its_mode_says(void **state)
{
	REL_AUTO(rel_buf_free) struct rel_buf got = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;
	struct rel_git_entry e = { .path = "a", .path_len = 1 };
	char blob[41];
	struct raw t = { .n = 0 };

	(void)state;
	sh("git init -q r");
	snprintf(blob, sizeof(blob), "%s",
		sh("echo x | git -C r hash-object -w --stdin"));
	add_entry(&t, "40000", "d", blob);
	REL_AUTO(rel_freep) char *tree = rel_strdup(write_tree(t.p, t.n));
	REL_AUTO(rel_git_closep) struct rel_git *g = open_named("r");
	assert_int_equal(list(g, tree, &got, &err), -REL_EINVALID);
	assert_non_null(strstr(err.msg, "it is not a tree"));
	assert_true(rel_hex_parse(tree, 20, e.oid));
	assert_int_equal(rel_git_blob(g, &e, 100, &got, &err), -REL_EINVALID);
	assert_non_null(strstr(err.msg, "not a blob"));
}

static void test_an_lfs_object_must_match_its_pointer(void **state)
{
	/* SHA-256 of "hello\n" */
	static const char oid[] = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163"
				  "af34d08286a2e846f6be03";
	REL_AUTO(rel_buf_free) struct rel_buf got = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;

	(void)state;
	make_shop();
	sh("git -C shop worktree add -q --detach ../linked");
	REL_AUTO(rel_git_closep) struct rel_git *g = open_named("linked");
	assert_int_equal(
		rel_git_lfs_object(g, oid, 6, &got, &err), -REL_ENOTFOUND);
	assert_non_null(strstr(err.hint, "lfs fetch"));
	sh("mkdir -p shop/.git/lfs/objects/58/91 && echo hello "
	   ">shop/.git/lfs/objects/58/91/%s",
		oid);
	assert_int_equal(rel_git_lfs_object(g, oid, 6, &got, &err), 0);
	assert_string_equal(rel_buf_str(&got), "hello\n");
	assert_int_equal(
		rel_git_lfs_object(g, oid, 7, &got, &err), -REL_EINTEGRITY);
	assert_int_equal(rel_git_lfs_object(
				 g, "../../../../../etc/passwd", 6, &got, &err),
		-REL_EINVALID);
	sh("echo hullo >shop/.git/lfs/objects/58/91/%s", oid);
	assert_int_equal(
		rel_git_lfs_object(g, oid, 6, &got, &err), -REL_EINTEGRITY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		git_test(test_every_form_of_repository_gives_the_same_tree),
		git_test(test_a_blob_is_the_bytes_that_were_committed),
		git_test(test_a_blob_over_the_limit_is_not_read),
		git_test(test_an_evil_entry_is_refused_or_told_as_it_is),
		git_test(test_order_and_doubles_are_left_to_the_caller),
		git_test(test_a_tree_that_is_cut_off_is_refused),
		git_test(test_depth_and_length_of_a_path_have_limits),
		git_test(test_the_empty_tree_needs_no_object),
		git_test(test_an_entry_must_lead_to_what_its_mode_says),
		git_test(test_an_lfs_object_must_match_its_pointer),
	};

	return cmocka_run_group_tests_name("git_tree", tests, NULL, NULL);
}
