/* SPDX-License-Identifier: Apache-2.0 */
/* What root may and may not do in a child; skipped by anybody else. */
#include "rel_test.h"

#include "run_helper.h"
#include "sandbox/caps.h"
#include "scratch.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define OTHER 12345
/* CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER */
#define GONE UINT64_C(0xf)

static void need_root(void)
{
	if (geteuid() != 0 || prctl(PR_CAPBSET_READ, CAP_DAC_OVERRIDE) != 1)
		skip_for("only root has capabilities to lose");
}

static int script(const char *dir, const char *text, struct rel_buf *out)
{
	REL_AUTO(rel_strings_done)
	struct rel_strings argv = strings("/bin/sh", "-c", text, NULL);
	REL_AUTO(rel_strings_done)
	struct rel_strings env = strings("PATH=/usr/bin:/bin", NULL);
	struct rel_err err = REL_ERR_INIT;

	return run_in(dir, &argv, &env, out, &err).status;
}

static uint64_t caps_of(const char *status, const char *which)
{
	const char *line = strstr(status, which);

	assert_non_null(line);
	return strtoull(line + strlen(which) + 2, NULL, 16);
}

/* As file capabilities or a service manager would have left them. */
static void raise_inheritable(int cap)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct data[2];

	assert_int_equal(syscall(SYS_capget, &head, data), 0);
	data[0].inheritable |= 1u << cap;
	assert_int_equal(syscall(SYS_capset, &head, data), 0);
	assert_int_equal(
		prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0), 0);
}

static void test_they_are_gone_from_every_set_and_no_other_is(void **state)
{
	static const char *const sets[] = { "CapInh", "CapPrm", "CapEff",
		"CapBnd", "CapAmb" };
	REL_AUTO(rel_buf_free) struct rel_buf ours = REL_BUF_INIT;
	REL_AUTO(rel_buf_free) struct rel_buf theirs = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;

	(void)state;
	need_root();
	assert_true(rel_child_drops(&(struct rel_sandbox){ 0 }));
	raise_inheritable(CAP_FOWNER);
	assert_int_equal(rel_read_file(AT_FDCWD, "/proc/self/status", 1 << 16,
				 &ours, &err),
		0);
	assert_int_equal(script("/", "exec cat /proc/self/status", &theirs), 0);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(caps_of(theirs.p, sets[i]) & GONE, 0);
	for (size_t i = 1; i < 4; i++)
		assert_int_equal(caps_of(theirs.p, sets[i]),
			caps_of(ours.p, sets[i]) & ~GONE);
}

static void make(const char *dir, const char *name, mode_t mode)
{
	REL_AUTO(rel_freep) char *path = rel_printf("%s/%s", dir, name);
	REL_AUTO(rel_closep)
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_int_equal(write(fd, "theirs\n", 7), 7);
	assert_int_equal(fchown(fd, OTHER, OTHER), 0);
	assert_int_equal(fchmod(fd, mode), 0);
}

static void test_root_has_no_power_over_the_files_of_others(void **state)
{
	REL_AUTO(rel_buf_free) struct rel_buf out = REL_BUF_INIT;

	need_root();
	make(*state, "readonly", 0444);
	make(*state, "secret", 0600);
	script(*state,
		"(echo x >>readonly) || echo no-write;"
		"cat secret || echo no-read;"
		"chmod 666 readonly || echo no-chmod;"
		"chown 0 readonly || echo no-chown;"
		"cat readonly",
		&out);
	assert_string_equal(rel_buf_str(&out),
		"no-write\nno-read\nno-chmod\nno-chown\ntheirs\n");
}

static int in_dir(const char *dir, const char *text)
{
	REL_AUTO(rel_freep)
	char *line = rel_printf("cd %s && { %s; } >/dev/null 2>&1", dir, text);

	return system(line);
}

static void test_a_setuid_program_does_not_give_them_back(void **state)
{
	REL_AUTO(rel_buf_free) struct rel_buf out = REL_BUF_INIT;
	/* As somebody else, the setuid cat is root again. */
	static const char text[] =
		"setpriv --reuid 65534 --regid 65534 --clear-groups "
		"./cat /proc/self/status secret";

	need_root();
	make(*state, "secret", 0600);
	assert_int_equal(chmod(*state, 0711), 0);
	assert_int_equal(
		in_dir(*state, "cp /bin/cat cat && chmod 4755 cat"), 0);
	if (in_dir(*state, text) != 0)
		skip_for("no setpriv, or a file system without setuid");
	assert_int_not_equal(script(*state, text, &out), 0);
	assert_non_null(strstr(rel_buf_str(&out), "\nUid:\t65534\t0\t"));
	assert_null(strstr(rel_buf_str(&out), "theirs"));
}

static void test_another_user_keeps_what_he_has(void **state)
{
	pid_t pid;
	int status;

	(void)state;
	need_root();
	pid = fork();
	if (pid == 0) {
		REL_AUTO(rel_buf_free) struct rel_buf out = REL_BUF_INIT;

		if (setresgid(OTHER, OTHER, OTHER) < 0 ||
			setresuid(OTHER, OTHER, OTHER) < 0 ||
			rel_child_drops(&(struct rel_sandbox){ 0 }))
			_exit(1);
		if (script("/", "exec cat /proc/self/status", &out) != 0)
			_exit(2);
		_exit((caps_of(out.p, "CapBnd") & GONE) == GONE ? 0 : 3);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_root_who_cannot_drop_them_does_not_start(void **state)
{
	pid_t pid;
	int status;

	(void)state;
	need_root();
	pid = fork();
	if (pid == 0) {
		struct __user_cap_header_struct head = {
			.version = _LINUX_CAPABILITY_VERSION_3
		};
		struct __user_cap_data_struct data[2];

		syscall(SYS_capget, &head, data);
		data[0].effective &= ~(1u << CAP_SETPCAP);
		syscall(SYS_capset, &head, data);
		_exit(script("/", "exit 0", NULL) == -1 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* 0: nothing is left in any set of this process. */
static int none_left(void)
{
	static const char *const sets[] = { "CapInh", "CapPrm", "CapEff",
		"CapBnd", "CapAmb" };
	REL_AUTO(rel_buf_free) struct rel_buf status = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;

	if (rel_read_file(
		    AT_FDCWD, "/proc/self/status", 1 << 16, &status, &err) < 0)
		return 1;
	for (size_t i = 0; i < 5; i++)
		if (caps_of(status.p, sets[i]) != 0)
			return 2;
	return 0;
}

static void test_root_can_be_left_without_any(void **state)
{
	pid_t pid;
	int status;

	(void)state;
	need_root();
	pid = fork();
	if (pid == 0) {
		raise_inheritable(CAP_KILL);
		_exit(rel_caps_drop_all() < 0 ? 3 : none_left());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_what_bounds_stays_only_where_nothing_gives_it(void **state)
{
	pid_t pid;
	int status;

	(void)state;
	need_root();
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		skip_for("no_new_privs is set for the whole test");
	pid = fork();
	if (pid == 0) {
		if (setresuid(OTHER, OTHER, OTHER) < 0)
			_exit(1);
		if (rel_caps_drop_all() == 0 || errno != EPERM)
			_exit(2);
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
			_exit(3);
		_exit(rel_caps_drop_all() < 0 ? 4 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_they_are_gone_from_every_set_and_no_other_is),
		scratch_test(test_root_has_no_power_over_the_files_of_others),
		scratch_test(test_a_setuid_program_does_not_give_them_back),
		cmocka_unit_test(test_another_user_keeps_what_he_has),
		cmocka_unit_test(test_root_who_cannot_drop_them_does_not_start),
		cmocka_unit_test(test_root_can_be_left_without_any),
		cmocka_unit_test(
			test_what_bounds_stays_only_where_nothing_gives_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
