/* SPDX-License-Identifier: Apache-2.0 */
#include "git_fixture.h"

#include <sched.h>
#include <sys/mount.h>

static void test_the_repository_is_found_however_it_is_named(void **state)
{
	static const char *const paths[] = { "shop", "shop/.git", "bare.git",
		"linked", "linked/.git", "split", "split/.git" };

	(void)state;
	make_shop();
	sh("git clone -q --bare shop bare.git && git -C shop worktree add -q "
	   "--detach ../linked && git clone -q --separate-git-dir elsewhere "
	   "shop split 2>&1");
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		assert_reads_as(paths[i], "shop");
}

static void test_the_top_is_an_absolute_path_without_a_slash(void **state)
{
	static const char *const table[][2] = { { "shop", "shop" },
		{ "shop/.git", "shop" }, { "bare.git", "bare.git" },
		{ "linked", "linked" } };
	char want[4096];

	make_shop();
	sh("git clone -q --bare shop bare.git && git -C shop worktree add -q "
	   "--detach ../linked");
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		REL_AUTO(rel_git_closep)
		struct rel_git *g = open_named(table[i][0]);

		snprintf(want, sizeof(want), "%s/%s", (char *)*state,
			table[i][1]);
		assert_string_equal(rel_git_top(g), want);
	}
}

static void test_only_the_way_up_finds_it_from_below(void **state)
{
	REL_AUTO(rel_git_closep) struct rel_git *g = NULL;
	struct rel_err err = REL_ERR_INIT;

	(void)state;
	make_shop();
	sh("mkdir empty");
	assert_int_equal(
		try_open("shop/lib/x", REL_GIT_NAMED, &err), -REL_ENOTFOUND);
	assert_int_equal(rel_git_open("shop/lib/x", REL_GIT_AROUND, getuid(),
				 NOBODY, &g, &err),
		0);
	assert_non_null(strstr(rel_git_top(g), "/shop"));
	assert_int_equal(
		try_open("empty", REL_GIT_NAMED, &err), -REL_ENOTFOUND);
	assert_int_equal(
		try_open("empty", REL_GIT_AROUND, &err), -REL_ENOTFOUND);
	assert_non_null(strstr(err.hint, "-C"));
	assert_int_equal(
		try_open("absent", REL_GIT_NAMED, &err), -REL_ENOTFOUND);
}

static void test_the_way_up_stays_on_its_file_system(void **state)
{
	struct rel_err err = REL_ERR_INIT;

	(void)state;
	make_shop();
	sh("mkdir shop/mnt");
	/* In a mount namespace of this process alone: it leaves nothing. */
	if (unshare(CLONE_NEWNS) < 0 ||
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("none", "shop/mnt", "tmpfs", 0, NULL) < 0) {
		skip_for("no right to mount a file system");
	}
	int r = try_open("shop/mnt", REL_GIT_AROUND, &err);

	assert_int_equal(umount("shop/mnt"), 0);
	assert_int_equal(r, -REL_ENOTFOUND);
	assert_int_equal(try_open("shop/mnt", REL_GIT_AROUND, &err), 0);
}

static void test_environment_and_users_configuration_are_not_read(void **state)
{
	REL_AUTO(rel_buf_free) struct rel_buf origin = REL_BUF_INIT;

	make_shop();
	sh("git config -f .gitconfig remote.origin.url https://evil.example && "
	   "mkdir -p .config/git && cp .gitconfig .config/git/config");
	setenv("GIT_DIR", "/nonexistent", 1);
	setenv("GIT_OBJECT_DIRECTORY", "/nonexistent", 1);
	REL_AUTO(rel_git_closep) struct rel_git *g = open_named("shop");
	unsetenv("GIT_DIR");
	unsetenv("GIT_OBJECT_DIRECTORY");
	rel_git_origin(g, &origin);
	assert_memory_equal(rel_buf_str(&origin), *state, strlen(*state));
	assert_reads_as("shop", "shop");
}

static void test_formats_that_cannot_be_read_are_named(void **state)
{
	static const struct {
		const char *name, *value, *says; /* NULL: opens */
	} table[] = {
		{ "noop", "true", NULL },
		{ "partialClone", "origin", NULL },
		{ "worktreeConfig", "true", NULL },
		{ "preciousObjects", "true", NULL },
		{ "relativeWorktrees", "true", NULL },
		{ "objectFormat", "sha1", NULL },
		{ "refStorage", "files", NULL },
		{ "objectFormat", "sha256", "SHA-256" },
		{ "refStorage", "reftable", "refs" },
		{ "fromTheFuture", "1", "fromthefuture" },
	};
	struct rel_err err = REL_ERR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		sh("rm -rf r && git init -q r && git -C r config "
		   "core.repositoryformatversion 1 && git -C r config "
		   "extensions.%s %s",
			table[i].name, table[i].value);
		if (!table[i].says) {
			assert_int_equal(try_open("r", REL_GIT_NAMED, &err), 0);
			continue;
		}
		assert_int_equal(
			try_open("r", REL_GIT_NAMED, &err), -REL_EINVALID);
		assert_non_null(strstr(err.msg, table[i].says));
	}
	sh("git init -q --object-format=sha256 s256");
	assert_int_equal(try_open("s256", REL_GIT_NAMED, &err), -REL_EINVALID);
	assert_non_null(strstr(err.msg, "SHA-256"));
	sh("rm -rf r && git init -q r && git -C r config "
	   "core.repositoryformatversion 9");
	assert_int_equal(try_open("r", REL_GIT_NAMED, &err), -REL_EINVALID);
	sh("mkdir odd && echo nonsense >odd/.git");
	assert_int_equal(try_open("odd", REL_GIT_NAMED, &err), -REL_EINVALID);
}

/* Found by walking up from shop/lib as a user who does not own ${path}. */
static int open_of_other(const char *path, uid_t sudo_uid, struct rel_err *err)
{
	REL_AUTO(rel_git_closep) struct rel_git *g = NULL;

	sh("chown -h 65534 %s", path);
	int r = rel_git_open(
		"shop/lib", REL_GIT_AROUND, 1000, sudo_uid, &g, err);

	sh("chown -h 0 %s", path);
	return r;
}

static void test_another_users_repository_must_be_named(void **state)
{
	/* .git becomes a symlink, whose owner counts, to one whose does too. */
	static const char *const paths[] = { "shop", "shop/.git", "real" };
	struct rel_err err = REL_ERR_INIT;

	(void)state;
	if (getuid() != 0) {
		skip_for("only root can give files to others");
	}
	make_shop();
	sh("mv shop/.git real && ln -s ../real shop/.git");
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		assert_int_equal(
			open_of_other(paths[i], NOBODY, &err), -REL_EDENIED);
		assert_non_null(strstr(err.hint, "-C '"));
		assert_int_equal(
			open_of_other(paths[i], 65533, &err), -REL_EDENIED);
		assert_int_equal(open_of_other(paths[i], 65534, &err), 0);
	}
	sh("chown -R -h 65534 shop real");
	assert_int_equal(
		try_open("shop/lib", REL_GIT_AROUND, &err), -REL_EDENIED);
	assert_int_equal(try_open("shop", REL_GIT_NAMED, &err), 0);
}

static void test_a_linked_work_tree_is_judged_with_its_repository(void **state)
{
	static const char *const paths[] = { "linked", "linked/.git",
		"shop/.git", "shop/.git/worktrees/linked" };
	struct rel_err err = REL_ERR_INIT;

	(void)state;
	if (getuid() != 0) {
		skip_for("only root can give files to others");
	}
	make_shop();
	sh("git -C shop worktree add -q --detach ../linked");
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		assert_int_equal(
			try_open("linked/lib", REL_GIT_AROUND, &err), 0);
		sh("chown 65534 %s", paths[i]);
		assert_int_equal(try_open("linked/lib", REL_GIT_AROUND, &err),
			-REL_EDENIED);
		sh("chown 0 %s", paths[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		git_test(test_the_repository_is_found_however_it_is_named),
		git_test(test_the_top_is_an_absolute_path_without_a_slash),
		git_test(test_only_the_way_up_finds_it_from_below),
		git_test(test_the_way_up_stays_on_its_file_system),
		git_test(test_environment_and_users_configuration_are_not_read),
		git_test(test_formats_that_cannot_be_read_are_named),
		git_test(test_another_users_repository_must_be_named),
		git_test(test_a_linked_work_tree_is_judged_with_its_repository),
	};

	return cmocka_run_group_tests_name("git_open", tests, NULL, NULL);
}
