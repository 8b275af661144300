/* SPDX-License-Identifier: Apache-2.0 */
#include "base/id.h"
#include "git_fixture.h"

static size_t dirty(const char *path, const char *commit)
{
	REL_AUTO(rel_git_closep) struct rel_git *g = open_named(path);
	struct rel_err err = REL_ERR_INIT;
	size_t n = 99;

	if (rel_git_dirty(g, commit, &n, &err) < 0)
		fail_msg("%s", err.msg);
	return n;
}

static void test_each_kind_of_change_is_counted_once(void **state)
{
	/* Done one after the other; each adds this many. */
	static const struct {
		const char *change;
		size_t more;
	} table[] = {
		{ ":", 0 },
		{ "touch a lib.c", 0 },
		{ "echo new >untracked", 0 },
		{ "echo ONE! >a", 1 },
		{ "git add a", 0 },
		{ "echo again >a", 0 },
		{ "echo new >added && git add added", 1 },
		{ "git add -N untracked", 1 },
		{ "rm lib/run", 1 },
		{ "git rm -q --cached lib/x/b", 1 },
		{ "ln -sfn lib link", 1 },
		{ "chmod 755 lib.c", 1 },
		{ "git config core.filemode false", (size_t)-1 },
		{ "rm lib.c && mkdir lib.c", 1 },
	};
	size_t want = 0;

	(void)state;
	make_shop();
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		size_t got;

		sh("cd shop && %s", table[i].change);
		want += table[i].more;
		got = dirty("shop", "HEAD");
		if (got != want)
			fail_msg(
				"%s: %zu, not %zu", table[i].change, got, want);
	}
}

static void test_another_commit_counts_from_its_own_tree(void **state)
{
	(void)state;
	make_shop();
	assert_int_equal(dirty("shop", "HEAD"), 0);
	assert_int_equal(dirty("shop", "HEAD~1"), 1);
	assert_int_equal(dirty("shop", "HEAD~2"), 2);
}

/* Make the index name ${blob} for the file that has ${old}, its stat kept. */
static void falsify_index(const char *old, const char *blob)
{
	struct rel_err err = REL_ERR_INIT;
	REL_AUTO(rel_buf_free) struct rel_buf index = REL_BUF_INIT;
	uint8_t from[20], to[20], sum[20];
	FILE *f;
	char *at;

	assert_true(rel_hex_parse(old, 20, from));
	assert_true(rel_hex_parse(blob, 20, to));
	assert_int_equal(rel_read_file(AT_FDCWD, "shop/.git/index", 1 << 20,
				 &index, &err),
		0);
	at = memmem(index.p, index.len, from, 20);
	assert_non_null(at);
	memcpy(at, to, 20);
	f = fopen("shop/.git/index", "w");
	fwrite(index.p, 1, index.len - 20, f);
	fflush(f);
	assert_true(rel_hex_parse(
		sh("sha1sum <shop/.git/index | cut -c1-40"), 20, sum));
	fwrite(sum, 1, 20, f);
	fclose(f);
}

static void test_only_an_index_younger_than_the_file_is_believed(void **state)
{
	char old[41], blob[41];

	(void)state;
	make_shop();
	snprintf(old, sizeof(old), "%s", sh("git -C shop rev-parse HEAD:a"));
	snprintf(blob, sizeof(blob), "%s",
		sh("git -C shop rev-parse HEAD:lib.c"));
	falsify_index(old, blob);
	sh("cd shop && t=$(git ls-tree HEAD | sed s/%s/%s/ | git mktree) && "
	   "git update-ref HEAD $(git commit-tree -m x $t)",
		old, blob);
	/* The stat says that nothing happened, and there is time between. */
	sh("touch -d '+1 hour' shop/.git/index");
	assert_int_equal(dirty("shop", "HEAD"), 0);
	/* A file as young as the index may have changed since it was read. */
	sh("touch -r shop/a shop/.git/index");
	assert_int_equal(dirty("shop", "HEAD"), 1);
}

static void test_what_was_never_checked_out_is_not_dirty(void **state)
{
	(void)state;
	make_shop();
	sh("git clone -q --bare shop bare.git && git clone -q --sparse shop "
	   "sparse && git clone -q --no-checkout shop none && git -C shop "
	   "worktree add -q --detach ../linked && echo x >>shop/a");
	assert_int_equal(dirty("bare.git", "HEAD"), 0);
	assert_int_equal(dirty("sparse", "HEAD"), 0);
	assert_int_equal(dirty("none", "HEAD"), 0);
	assert_int_equal(dirty("linked", "HEAD"), 0);
	sh("rm linked/a");
	assert_int_equal(dirty("linked", "HEAD"), 1);
}

static void test_a_converted_file_is_clean_while_git_says_so(void **state)
{
	(void)state;
	make_shop();
	sh("cd shop && git config core.autocrlf true && rm a && git checkout "
	   "-q a && sleep 0.02 && touch .git/index && grep -q \"$(printf "
	   "'\\r')\" a");
	assert_int_equal(dirty("shop", "HEAD"), 0);
}

static void test_nothing_of_a_repository_is_executed(void **state)
{
	REL_AUTO(rel_git_closep) struct rel_git *g = NULL;
	REL_AUTO(rel_buf_free) struct rel_buf got = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;
	struct rel_git_commit c;
	size_t n;

	(void)state;
	make_shop();
	sh("cd shop && printf '#!/bin/sh\\ntouch %s/pwned\\ncat\\n' >evil && "
	   "chmod 755 evil && echo '* filter=evil diff=evil' "
	   ">.git/info/attributes && for k in filter.evil.clean "
	   "filter.evil.smudge filter.evil.process diff.evil.textconv "
	   "diff.evil.command core.fsmonitor core.sshCommand core.pager "
	   "core.editor credential.helper core.alternateRefsCommand; do git "
	   "config $k $PWD/evil; done && git config filter.evil.required true "
	   "&& for h in post-checkout post-index-change fsmonitor-watchman; do "
	   "cp evil .git/hooks/$h; done && echo x >>lib.c",
		(char *)*state);
	assert_int_equal(access("pwned", F_OK), -1);
	g = open_named("shop");
	assert_int_equal(rel_git_commit(g, "HEAD", &c, &err), 0);
	assert_int_equal(list(g, c.tree, &got, &err), 0);
	assert_int_equal(rel_git_dirty(g, "HEAD", &n, &err), 0);
	assert_int_equal(n, 1);
	assert_int_equal(access("pwned", F_OK), -1);
	/* The trap is one: git itself runs into it. */
	sh("git -C shop status >status 2>&1 || true");
	assert_int_equal(access("pwned", F_OK), 0);
}

static void test_an_index_that_cannot_be_read_is_an_error(void **state)
{
	struct rel_err err = REL_ERR_INIT;
	size_t n;

	(void)state;
	make_shop();
	sh("echo nonsense >shop/.git/index");
	REL_AUTO(rel_git_closep) struct rel_git *g = open_named("shop");
	assert_int_equal(rel_git_dirty(g, "HEAD", &n, &err), -REL_EIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		git_test(test_each_kind_of_change_is_counted_once),
		git_test(test_another_commit_counts_from_its_own_tree),
		git_test(test_only_an_index_younger_than_the_file_is_believed),
		git_test(test_what_was_never_checked_out_is_not_dirty),
		git_test(test_a_converted_file_is_clean_while_git_says_so),
		git_test(test_nothing_of_a_repository_is_executed),
		git_test(test_an_index_that_cannot_be_read_is_an_error),
	};

	return cmocka_run_group_tests_name("git_dirty", tests, NULL, NULL);
}
