/* SPDX-License-Identifier: Apache-2.0 */
#include "git_fixture.h"

static int resolve(struct rel_git *g, const char *rev, struct rel_err *err)
{
	struct rel_git_commit c;

	return rel_git_commit(g, rev, &c, err);
}

static void test_a_name_stands_for_the_commit_that_git_says(void **state)
{
	static const char *const revs[] = { "HEAD", "main", "refs/heads/main",
		"side", "light", "heavy", "heavier", "HEAD~2", "HEAD^",
		"main~1^0", "HEAD@{0}", "HEAD^{/second}", "@" };
	struct rel_err err = REL_ERR_INIT;
	struct rel_git_commit c;

	(void)state;
	make_shop();
	sh("cd shop && git branch side HEAD~1 && git tag light HEAD~1 && git "
	   "tag -m x heavy HEAD~2 && git -c "
	   "advice.nestedTag=false tag -m y heavier heavy");
	REL_AUTO(rel_git_closep) struct rel_git *g = open_named("shop");
	for (size_t i = 0; i < sizeof(revs) / sizeof(*revs); i++) {
		assert_int_equal(rel_git_commit(g, revs[i], &c, &err), 0);
		assert_string_equal(c.id,
			sh("git -C shop rev-parse '%s^{commit}'", revs[i]));
		assert_string_equal(c.tree,
			sh("git -C shop rev-parse '%s^{tree}'", revs[i]));
	}
	assert_int_equal(c.time_s, 1212911993);
	assert_string_equal(c.subject, "third");
	assert_int_equal(
		rel_git_commit(g, sh("git -C shop rev-parse --short=7 HEAD~1"),
			&c, &err),
		0);
	assert_string_equal(c.subject, "second");
}

static void test_a_long_subject_is_cut_at_a_character(void **state)
{
	struct rel_err err = REL_ERR_INIT;
	struct rel_git_commit c;
	char want[121];

	(void)state;
	/* The two bytes of é would be the 120th and the 121st. */
	memset(want, 'a', 119);
	want[119] = '\0';
	sh("git init -q s && git -C s commit -q --allow-empty -m "
	   "'%s\303\251\303\251' -m body",
		want);
	REL_AUTO(rel_git_closep) struct rel_git *g = open_named("s");
	assert_int_equal(rel_git_commit(g, "HEAD", &c, &err), 0);
	assert_string_equal(c.subject, want);
}

static void test_what_is_no_commit_is_refused(void **state)
{
	static const struct {
		const char *rev;
		enum rel_code code;
		const char *says;
	} table[] = {
		{ "nosuch", REL_ENOTFOUND, "no commit 'nosuch'" },
		{ "", REL_EINVALID, "" },
		{ "HEAD~3", REL_ENOTFOUND, "HEAD~3" },
		{ "0123456789012345678901234567890123456789", REL_ENOTFOUND,
			"no commit" },
		{ "0000000000000000000000000000000000000000", REL_ENOTFOUND,
			"no commit" },
		{ "HEAD:a", REL_EINVALID, "is a blob, not a commit" },
		{ "HEAD:lib", REL_EINVALID, "is a tree, not a commit" },
		{ "HEAD^{tree}", REL_EINVALID, "is a tree, not a commit" },
		{ "blobtag", REL_EINVALID, "is a tag, not a commit" },
		{ "HEAD^{", REL_EINVALID, "is not the name of a commit" },
		{ "--all", REL_ENOTFOUND, "--all" },
	};

	(void)state;
	make_shop();
	sh("cd shop && git tag -m x blobtag HEAD:a");
	REL_AUTO(rel_git_closep) struct rel_git *g = open_named("shop");
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct rel_err err = REL_ERR_INIT;

		if (resolve(g, table[i].rev, &err) != -(int)table[i].code ||
			!strstr(err.msg, table[i].says))
			fail_msg("'%s': code %d, %s", table[i].rev, err.code,
				err.msg);
	}
}

static void test_a_branch_without_a_commit_says_so(void **state)
{
	struct rel_err err = REL_ERR_INIT;

	(void)state;
	sh("git init -q new");
	REL_AUTO(rel_git_closep) struct rel_git *g = open_named("new");
	assert_int_equal(resolve(g, "HEAD", &err), -REL_ENOTFOUND);
	assert_non_null(strstr(err.msg, "has no commit yet"));
}

static void test_a_prefix_of_two_objects_is_ambiguous(void **state)
{
	struct rel_err err = REL_ERR_INIT;
	char prefix[5];

	(void)state;
	sh("git init -q many && cd many && seq 1000 | split -l1 -a3 - x && ls "
	   "x* | git hash-object -w --stdin-paths >ids");
	snprintf(prefix, sizeof(prefix), "%s",
		sh("cut -c1-4 many/ids | sort | uniq -d | head -1"));
	assert_int_equal(strlen(prefix), 4);
	REL_AUTO(rel_git_closep) struct rel_git *g = open_named("many");
	assert_int_equal(resolve(g, prefix, &err), -REL_EINVALID);
	assert_non_null(strstr(err.hint, "digits"));
}

static void test_an_origin_carries_no_secret(void **state)
{
	static const char *const table[][2] = {
		{ "https://h.example/a/b.git", "https://h.example/a/b.git" },
		{ "https://user:pw@h.example/a.git",
			"https://h.example/a.git" },
		{ "https://token@h.example/a", "https://h.example/a" },
		{ "https://:pw@h.example:8443/a", "https://h.example:8443/a" },
		{ "https://u:p@ss@h.example/a", "https://h.example/a" },
		{ "https://u:pa/ss@h.example/a", "https://h.example/a" },
		{ "https://u:pa?ss#x@h.example/a", "https://h.example/a" },
		{ "https://h.example/@scope/a", "https://h.example/@scope/a" },
		{ "https://h.example:443/x@y", "https://h.example:443/x@y" },
		{ "https://[::1]:8080/a@b", "https://[::1]:8080/a@b" },
		{ "https://u:p@[::1]:8080/a", "https://[::1]:8080/a" },
		{ "https://h.example/a?private_token=x#f",
			"https://h.example/a" },
		{ "HTTPS://u:p@h.example/a", "HTTPS://h.example/a" },
		{ "ftp://u:p@h.example/a", "ftp://h.example/a" },
		{ "git://u:p@h.example/a", "git://h.example/a" },
		{ "ssh://git@h.example:22/a.git",
			"ssh://git@h.example:22/a.git" },
		{ "ssh://me:pw@h.example/a", "ssh://me@h.example/a" },
		{ "git+ssh://me:pw@h.example/a?x", "git+ssh://me@h.example/a" },
		{ "hg::https://u:p@h.example/a", "hg::https://h.example/a" },
		{ "git@h.example:a/b.git", "git@h.example:a/b.git" },
		{ "h.example:a/b@c.git", "h.example:a/b@c.git" },
		{ "me:pw@h.example:a.git", "me@h.example:a.git" },
		{ "file:///srv/a.git", "file:///srv/a.git" },
		{ "/nowhere/a.git", "/nowhere/a.git" },
		{ "/nowhere/a:b#c.git", "/nowhere/a:b#c.git" },
	};

	(void)state;
	sh("git init -q r");
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		REL_AUTO(rel_buf_free) struct rel_buf got = REL_BUF_INIT;

		sh("git -C r config remote.origin.url '%s'", table[i][0]);
		REL_AUTO(rel_git_closep) struct rel_git *g = open_named("r");
		rel_git_origin(g, &got);
		assert_string_equal(rel_buf_str(&got), table[i][1]);
	}
}

static void test_a_repository_without_a_url_is_its_own_origin(void **state)
{
	static const char *const paths[] = { "shop", "linked", "clone" };
	const char *want[] = { "shop/.git", "shop/.git", "shop" };
	char full[4096];

	make_shop();
	sh("git -C shop worktree add -q --detach ../linked && git clone -q "
	   "shop clone && git -C clone config remote.origin.url ../shop");
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		REL_AUTO(rel_buf_free) struct rel_buf got = REL_BUF_INIT;
		REL_AUTO(rel_git_closep)
		struct rel_git *g = open_named(paths[i]);

		rel_git_origin(g, &got);
		snprintf(full, sizeof(full), "%s/%s", (char *)*state, want[i]);
		assert_string_equal(rel_buf_str(&got), full);
	}
}

static int add_line(
	void *arg, const struct rel_git_commit *c, struct rel_err *err)
{
	(void)err;
	rel_buf_addf(arg, "%s\n", c->subject);
	return 0;
}

static int stop(void *arg, const struct rel_git_commit *c, struct rel_err *err)
{
	(void)arg;
	(void)c;
	return rel_fail(err, REL_EREFUSED, "enough");
}

static void test_the_log_has_what_one_side_has_not(void **state)
{
	REL_AUTO(rel_buf_free) struct rel_buf got = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;

	(void)state;
	make_shop();
	REL_AUTO(rel_git_closep) struct rel_git *g = open_named("shop");
	assert_int_equal(
		rel_git_log(g, "HEAD~2", "HEAD", 9, add_line, &got, &err), 0);
	assert_string_equal(rel_buf_str(&got), "third\nsecond\n");
	rel_buf_reset(&got);
	assert_int_equal(
		rel_git_log(g, "HEAD~2", "HEAD", 1, add_line, &got, &err), 0);
	assert_string_equal(rel_buf_str(&got), "third\n");
	rel_buf_reset(&got);
	assert_int_equal(
		rel_git_log(g, "HEAD", "HEAD~2", 9, add_line, &got, &err), 0);
	assert_string_equal(rel_buf_str(&got), "");
	assert_int_equal(rel_git_log(g, "HEAD~2", "HEAD", 9, stop, NULL, &err),
		-REL_EREFUSED);
	assert_int_equal(rel_git_log(g, "x", "HEAD", 9, add_line, &got, &err),
		-REL_ENOTFOUND);
}

static void test_a_shallow_clone_says_how_to_get_the_rest(void **state)
{
	struct rel_err err = REL_ERR_INIT;

	(void)state;
	make_shop();
	sh("git clone -q --depth 1 file://$PWD/shop thin && git -C thin "
	   "worktree add -q --detach ../linked");
	assert_reads_as("thin", "shop");
	{
		REL_AUTO(rel_git_closep)
		struct rel_git *g = open_named("linked");
		assert_int_equal(resolve(g, "HEAD~1", &err), -REL_ENOTFOUND);
	}
	sh("%s 2>&1", command_of(&err));
	REL_AUTO(rel_git_closep) struct rel_git *g = open_named("thin");
	assert_int_equal(resolve(g, "HEAD~1", &err), 0);
}

static void test_replaced_and_grafted_commits_are_the_originals(void **state)
{
	struct rel_err err = REL_ERR_INIT;
	struct rel_git_commit before, after;

	(void)state;
	make_shop();
	{
		REL_AUTO(rel_git_closep) struct rel_git *g = open_named("shop");
		assert_int_equal(rel_git_commit(g, "HEAD~1", &before, &err), 0);
	}
	sh("cd shop && git replace HEAD~1 HEAD~2 && git rev-parse HEAD "
	   ">.git/info/grafts");
	assert_string_not_equal(before.tree,
		sh("git -C shop rev-parse %s^{tree} 2>/dev/null", before.id));
	REL_AUTO(rel_git_closep) struct rel_git *g = open_named("shop");
	assert_int_equal(rel_git_commit(g, "HEAD~1", &after, &err), 0);
	assert_string_equal(after.id, before.id);
	assert_string_equal(after.tree, before.tree);
	assert_string_equal(after.subject, "second");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		git_test(test_a_name_stands_for_the_commit_that_git_says),
		git_test(test_a_long_subject_is_cut_at_a_character),
		git_test(test_what_is_no_commit_is_refused),
		git_test(test_a_branch_without_a_commit_says_so),
		git_test(test_a_prefix_of_two_objects_is_ambiguous),
		git_test(test_an_origin_carries_no_secret),
		git_test(test_a_repository_without_a_url_is_its_own_origin),
		git_test(test_the_log_has_what_one_side_has_not),
		git_test(test_a_shallow_clone_says_how_to_get_the_rest),
		git_test(test_replaced_and_grafted_commits_are_the_originals),
	};

	return cmocka_run_group_tests_name("git", tests, NULL, NULL);
}
