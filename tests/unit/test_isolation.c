/* SPDX-License-Identifier: Apache-2.0 */
/* The levels, what each leaves open, and trying them. */
#include "rel_test.h"

#include "sandbox/landlock.h"
#include "sandbox/sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/wait.h>

static bool leaves_open(enum rel_isolation level, int abi, const char *name)
{
	const struct rel_gap *g;

	for (size_t i = 0; (g = rel_sandbox_gap(level, abi, i)); i++)
		if (!strcmp(g->name, name))
			return true;
	return false;
}

static size_t gaps(enum rel_isolation level, int abi)
{
	size_t n = 0;

	while (rel_sandbox_gap(level, abi, n))
		n++;
	return n;
}

static void test_a_name_is_a_level_and_back(void **state)
{
	static const enum rel_isolation all[] = { REL_ISOLATION_AUTO,
		REL_ISOLATION_NONE, REL_ISOLATION_LANDLOCK, REL_ISOLATION_NS };
	enum rel_isolation level;

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		assert_true(rel_isolation_parse(
			rel_isolation_name(all[i]), &level));
		assert_int_equal(level, all[i]);
	}
	assert_false(rel_isolation_parse("docker", &level));
	assert_false(rel_isolation_parse("", &level));
}

static void test_the_ladder_goes_down_to_none_and_ends(void **state)
{
	enum rel_isolation level = REL_ISOLATION_NS;

	(void)state;
	level = rel_isolation_below(level);
	assert_int_equal(level, REL_ISOLATION_LANDLOCK);
	level = rel_isolation_below(level);
	assert_int_equal(level, REL_ISOLATION_NONE);
	assert_int_equal(rel_isolation_below(level), REL_ISOLATION_AUTO);
}

static void test_a_newer_kernel_leaves_less_open(void **state)
{
	(void)state;
	assert_int_equal(gaps(REL_ISOLATION_NS, 6), 0);
	assert_int_equal(gaps(REL_ISOLATION_NS, 0), 1);
	assert_true(leaves_open(REL_ISOLATION_NS, 5, "abstract-socket"));
	assert_true(leaves_open(REL_ISOLATION_LANDLOCK, 5, "signal"));
	assert_false(leaves_open(REL_ISOLATION_LANDLOCK, 6, "signal"));
	assert_false(leaves_open(REL_ISOLATION_NS, 0, "signal"));
	assert_true(leaves_open(REL_ISOLATION_LANDLOCK, 2, "truncate-file"));
	assert_false(leaves_open(REL_ISOLATION_LANDLOCK, 3, "truncate-file"));
	assert_true(leaves_open(REL_ISOLATION_LANDLOCK, 99, "path-socket"));
	for (int abi = 1; abi < 8; abi++)
		assert_true(gaps(REL_ISOLATION_LANDLOCK, abi) <=
			    gaps(REL_ISOLATION_LANDLOCK, abi - 1));
}

static size_t open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void test_trying_leaves_nothing_behind(void **state)
{
	struct rel_sandbox_support s;
	size_t before = open_fds();

	(void)state;
	rel_sandbox_probe(&s);
	assert_int_equal(open_fds(), before);
	assert_int_equal(waitpid(-1, NULL, 0), -1);
	assert_int_equal(errno, ECHILD);
	/* A reason where it does not work, and only there. */
	assert_true(s.ns == (s.ns_why[0] == '\0'));
	assert_true(s.landlock == (s.landlock_why[0] == '\0'));
	assert_true(!s.ns || s.ns_fix[0] == '\0');
	assert_int_equal(s.landlock_abi, rel_landlock_abi());
	assert_true(s.landlock_abi > 0 || !s.landlock);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_name_is_a_level_and_back),
		cmocka_unit_test(test_the_ladder_goes_down_to_none_and_ends),
		cmocka_unit_test(test_a_newer_kernel_leaves_less_open),
		cmocka_unit_test(test_trying_leaves_nothing_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
