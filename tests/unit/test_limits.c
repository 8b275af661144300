/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits that hold: children that want more than they may have. Where this
 * machine gives no cgroup to the user of the test, rlimits are what is left.
 */
#include "rel_test.h"

#include "base/file.h"
#include "base/mem.h"
#include "sandbox/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB (INT64_C(1) << 20)
#define OTHER 65534

#ifdef __has_feature
#define ADDRESS_SANITIZER __has_feature(address_sanitizer)
#elif defined(__SANITIZE_ADDRESS__)
#define ADDRESS_SANITIZER 1
#else
#define ADDRESS_SANITIZER 0
#endif

static struct rel_bounds bounds_of(struct rel_limits limits)
{
	struct rel_bounds b = { .dirs_n = 0 };
	struct rel_err err = REL_ERR_INIT;

	if (rel_bounds_make(&limits, geteuid(), false, &b, &err) < 0)
		fail_msg("%s", err.msg);
	return b;
}

static struct rel_bounds_support support(void)
{
	struct rel_bounds_support s;

	rel_bounds_probe(&s);
	return s;
}

static bool is_cgroup(const char *how)
{
	return how && !strncmp(how, "cgroup", 6);
}

/*
 * What ${fn} returns, or 1000 and the signal, in a child that is bound by
 * ${b}; ends ${b} and sees that nothing of it is left.
 */
static int bound(struct rel_bounds *b, int (*fn)(void))
{
	REL_AUTO(rel_freep)
	char *dir = b->dirs_n ? rel_strdup(b->dirs[0]) : NULL;
	struct rel_err err = REL_ERR_INIT;
	int go[2], status;
	char c = 0;
	pid_t pid;

	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (read(go[0], &c, 1) != 1 || rel_bounds_self(b) < 0)
			_exit(100);
		_exit(fn());
	}
	if (rel_bounds_enter(b, pid, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(write(go[1], &c, 1), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(go[0]);
	close(go[1]);
	rel_bounds_done(b);
	assert_int_equal(b->dirs_n, 0);
	if (dir)
		assert_int_equal(access(dir, F_OK), -1);
	return WIFEXITED(status) ? WEXITSTATUS(status)
				 : 1000 + WTERMSIG(status);
}

/* 0: it was there, and used. */
static int use_memory(size_t n)
{
	char *p = mmap(NULL, n, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return 1;
	memset(p, 1, n);
	return munmap(p, n) != 0;
}

static int use_16_mib(void)
{
	return use_memory(16 << 20);
}

static int use_256_mib(void)
{
	return use_memory(256 << 20);
}

static void test_memory_over_the_limit_is_not_there(void **state)
{
	struct rel_limits limits = { .memory = 96 * MIB };
	struct rel_bounds b;
	int got;

	(void)state;
	if (ADDRESS_SANITIZER && !is_cgroup(support().memory))
		skip_for("a sanitizer needs the address space");
	b = bounds_of(limits);
	assert_int_equal(bound(&b, use_16_mib), 0);
	b = bounds_of(limits);
	got = bound(&b, use_256_mib);
	/* the kernel ends it in a cgroup; mmap fails by RLIMIT_AS */
	if (got != 1)
		assert_int_equal(got, 1000 + SIGKILL);
}

/* How many children can live at once; 30 are enough. */
static int count_children(void)
{
	pid_t pids[30];
	int n = 0;

	while (n < 30 && (pids[n] = fork()) >= 0) {
		if (pids[n] == 0)
			for (;;)
				pause();
		n++;
	}
	for (int i = 0; i < n; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
	return n;
}

static void test_processes_over_the_limit_do_not_start(void **state)
{
	struct rel_bounds b;

	(void)state;
	if (!is_cgroup(support().pids))
		skip_for("no cgroup to count processes in");
	/* It is counted itself; the keeper, for whom there is room, is not. */
	b = bounds_of((struct rel_limits){ .pids = 8 });
	assert_int_equal(bound(&b, count_children), 8);
}

static void test_limits_hold_together(void **state)
{
	struct rel_bounds b;

	(void)state;
	if (!is_cgroup(support().pids) || !is_cgroup(support().memory))
		skip_for("no cgroup to limit both in");
	b = bounds_of((struct rel_limits){ .memory = 96 * MIB, .pids = 5 });
	assert_int_equal(bound(&b, count_children), 5);
	b = bounds_of((struct rel_limits){ .memory = 96 * MIB, .pids = 5 });
	assert_int_equal(bound(&b, use_256_mib), 1000 + SIGKILL);
}

/* Of version 2 "QUOTA PERIOD", of version 1 a file for each. */
static double cpus_of(const char *dir)
{
	static const char *const files[] = { "cpu.max", "cpu.cfs_quota_us",
		"cpu.cfs_period_us" };
	double n[3] = { 0 };
	size_t at = 0;

	for (size_t i = 0; i < 3; i++) {
		REL_AUTO(rel_freep)
		char *path = rel_printf("%s/%s", dir, files[i]);
		FILE *f = fopen(path, "r");

		if (!f)
			continue;
		while (at < 3 && fscanf(f, "%lf", &n[at]) == 1)
			at++;
		fclose(f);
	}
	return at == 2 ? n[0] / n[1] : -1;
}

static void test_half_a_cpu_is_half_a_cpu(void **state)
{
	struct rel_bounds b;
	double cpus;

	(void)state;
	if (!is_cgroup(support().cpus))
		skip_for("no cgroup to share the CPU in");
	b = bounds_of((struct rel_limits){ .cpu_milli = 500 });
	assert_int_equal(b.dirs_n, 1);
	cpus = cpus_of(b.dirs[0]);
	assert_int_equal(bound(&b, use_16_mib), 0);
	assert_true(cpus > 0.499 && cpus < 0.501);
	/* so little that the kernel takes it only rounded up */
	b = bounds_of((struct rel_limits){ .cpu_milli = 1 });
	rel_bounds_done(&b);
}

static int cores_are_off(void)
{
	struct rlimit r;

	return getrlimit(RLIMIT_CORE, &r) < 0 || r.rlim_cur != 0 ||
	       r.rlim_max != 0;
}

static void test_no_limits_make_nothing_but_forbid_core_dumps(void **state)
{
	struct rel_bounds b = bounds_of((struct rel_limits){ .memory = 0 });

	(void)state;
	assert_int_equal(b.dirs_n, 0);
	assert_int_equal(b.as_bytes, 0);
	assert_int_equal(b.nproc, 0);
	assert_int_equal(bound(&b, cores_are_off), 0);
}

/* Be somebody to whom no cgroup is delegated, and call ${fn}. */
static int as_other(int (*fn)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (geteuid() == 0 &&
			(setresgid(OTHER, OTHER, OTHER) < 0 ||
				setresuid(OTHER, OTHER, OTHER) < 0))
			_exit(100);
		_exit(fn());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000;
}

static void need_nothing_delegated(void)
{
	if (geteuid() != 0 && is_cgroup(support().memory))
		skip_for("cgroups are delegated to the user of the test");
}

static bool refuses(struct rel_limits limits, uid_t uid, const char *option,
	const char *controller)
{
	struct rel_bounds b = { .as_bytes = -1 };
	struct rel_err err = REL_ERR_INIT;

	/* The output is not touched, and the limit is named. */
	return rel_bounds_make(&limits, uid, false, &b, &err) ==
		       -REL_EREFUSED &&
	       b.as_bytes == -1 && strstr(err.msg, option) &&
	       strstr(err.msg, controller);
}

static int cannot_be_had(void)
{
	if (!refuses((struct rel_limits){ .cpu_milli = 500, .memory = MIB },
		    geteuid(), "--cpus", "'cpu'"))
		return 1;
	if (!refuses((struct rel_limits){ .pids = 5 }, geteuid(), "--pids",
		    "'pids'"))
		return 2;
	return refuses((struct rel_limits){ .pids = 5 }, 0, "--pids", "'pids'")
		       ? 0
		       : 3;
}

static void test_a_limit_that_cannot_be_had_is_refused_by_name(void **state)
{
	(void)state;
	need_nothing_delegated();
	assert_int_equal(as_other(cannot_be_had), 0);
}

/* In a user namespace of its own, as an instance would be. */
static int few_in_a_namespace(void)
{
	struct rel_limits limits = { .pids = 6 };
	struct rel_bounds b = { .dirs_n = 0 };
	struct rel_err err = REL_ERR_INIT;
	int status;
	pid_t keeper;

	if (rel_bounds_make(&limits, geteuid(), true, &b, &err) < 0)
		return 101;
	if (unshare(CLONE_NEWUSER) < 0)
		return 102;
	keeper = fork();
	if (keeper == 0) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(rel_bounds_self(&b) < 0 ? 103 : count_children());
		waitpid(pid, &status, 0);
		_exit(WEXITSTATUS(status));
	}
	waitpid(keeper, &status, 0);
	return WEXITSTATUS(status);
}

static void test_without_a_cgroup_a_namespace_counts_processes(void **state)
{
	int got;

	(void)state;
	need_nothing_delegated();
	got = as_other(few_in_a_namespace);
	if (got == 102)
		skip_for("no user namespaces here");
	/* The one that unshared is in there besides the keeper. */
	assert_int_equal(got, 4);
}

static int little_address_space(void)
{
	struct rel_limits limits = { .memory = 96 * MIB };
	struct rel_bounds b = { .dirs_n = 0 };
	struct rel_err err = REL_ERR_INIT;

	if (rel_bounds_make(&limits, geteuid(), true, &b, &err) < 0 ||
		b.dirs_n != 0 || rel_bounds_self(&b) < 0)
		return 101;
	return use_16_mib() == 0 && use_256_mib() == 1 ? 0 : 1;
}

static void test_without_a_cgroup_memory_is_address_space(void **state)
{
	(void)state;
	need_nothing_delegated();
	if (ADDRESS_SANITIZER)
		skip_for("a sanitizer needs the address space");
	assert_int_equal(as_other(little_address_space), 0);
}

/* As if relctl had been killed: nobody ends these. Their name to ${fd}. */
static int leave_one(int fd)
{
	struct rel_bounds b = bounds_of((struct rel_limits){ .pids = 5 });
	size_t n = strlen(b.dirs[0]) + 1;

	return write(fd, b.dirs[0], n) == (ssize_t)n ? 0 : 1;
}

static void test_what_a_killed_relctl_left_is_removed(void **state)
{
	struct rel_bounds mine, next;
	char left[4096];
	int fds[2];
	pid_t pid;

	(void)state;
	if (!is_cgroup(support().pids))
		skip_for("no cgroup to count processes in");
	mine = bounds_of((struct rel_limits){ .pids = 5 });
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0)
		_exit(leave_one(fds[1]));
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_true(read(fds[0], left, sizeof(left)) > 0);
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(access(left, F_OK), 0);
	next = bounds_of((struct rel_limits){ .pids = 5 });
	assert_int_equal(access(left, F_OK), -1);
	/* This one is as empty, but whose it is lives. */
	assert_int_equal(access(mine.dirs[0], F_OK), 0);
	rel_bounds_done(&next);
	rel_bounds_done(&mine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory_over_the_limit_is_not_there),
		cmocka_unit_test(test_processes_over_the_limit_do_not_start),
		cmocka_unit_test(test_limits_hold_together),
		cmocka_unit_test(test_half_a_cpu_is_half_a_cpu),
		cmocka_unit_test(
			test_no_limits_make_nothing_but_forbid_core_dumps),
		cmocka_unit_test(
			test_a_limit_that_cannot_be_had_is_refused_by_name),
		cmocka_unit_test(
			test_without_a_cgroup_a_namespace_counts_processes),
		cmocka_unit_test(test_without_a_cgroup_memory_is_address_space),
		cmocka_unit_test(test_what_a_killed_relctl_left_is_removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
