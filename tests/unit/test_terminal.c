/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Job control on a real terminal. Three processes: the test types at the
 * master side; a shell of sorts leads the session; the subject, which is where
 * relctl would be, runs a script of /bin/sh.
 */
#include "rel_test.h"

#include "run_helper.h"

#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

/* Is the group of the script in the foreground? */
#define FRONT                                                                  \
	"front() { read -r pid comm st pp pgrp sid tty tpgid rest"             \
	" </proc/$$/stat; [ $pgrp = $tpgid ]; };"

static int run_script(const char *text)
{
	REL_AUTO(rel_strings_done)
	struct rel_strings argv = strings("/bin/sh", "-c", text, NULL);
	REL_AUTO(rel_strings_done)
	struct rel_strings env = strings("PATH=/usr/bin:/bin", NULL);
	struct rel_err err = REL_ERR_INIT;

	return run_in("/", &argv, &env, NULL, &err).status;
}

static void own_terminal(int slave)
{
	alarm(20);
	setsid();
	ioctl(slave, TIOCSCTTY, 0);
	for (int fd = 0; fd < 3; fd++)
		dup2(slave, fd);
}

/* The subject: the script's status, 99 if it did not get the terminal back. */
_Noreturn static void subject(const char *text)
{
	int status = run_script(text);

	_exit(tcgetpgrp(0) == getpgrp() ? status : 99);
}

static void to_front(pid_t group)
{
	sigset_t ttou, old;

	sigemptyset(&ttou);
	sigaddset(&ttou, SIGTTOU);
	sigprocmask(SIG_BLOCK, &ttou, &old);
	tcsetpgrp(0, group);
	sigprocmask(SIG_SETMASK, &old, NULL);
}

/*
 * The shell: a job in the foreground, or in the background at first; when it
 * stops, it says so and puts it into the foreground.
 */
_Noreturn static void shell(const char *text, bool background)
{
	pid_t job = fork();
	int status;

	if (job == 0) {
		alarm(20);
		setpgid(0, 0);
		if (!background)
			to_front(getpid());
		subject(text);
	}
	setpgid(job, job);
	if (waitpid(job, &status, WUNTRACED) != job || !WIFSTOPPED(status))
		_exit(90);
	if (WSTOPSIG(status) != SIGTSTP)
		_exit(91);
	/* The stopped job has given the terminal back to itself. */
	if (tcgetpgrp(0) != (background ? getpgrp() : job))
		_exit(92);
	to_front(getpgrp());
	if (write(1, "stopped\n", 8) != 8)
		_exit(93);
	to_front(job);
	kill(-job, SIGCONT);
	if (waitpid(job, &status, 0) != job || !WIFEXITED(status))
		_exit(94);
	_exit(WEXITSTATUS(status));
}

struct session {
	pid_t pid;
	int master;
};

enum kind {
	FOREGROUND,
	BACKGROUND,
	NO_SHELL, /* the subject leads the session itself */
};

static struct session start(const char *text, enum kind kind)
{
	struct session s;
	int slave;

	assert_int_equal(openpty(&s.master, &slave, NULL, NULL, NULL), 0);
	s.pid = fork();
	if (s.pid == 0) {
		own_terminal(slave);
		if (kind == NO_SHELL)
			subject(text);
		shell(text, kind == BACKGROUND);
	}
	close(slave);
	return s;
}

static void await(const struct session *s, const char *word)
{
	REL_AUTO(rel_buf_free) struct rel_buf seen = REL_BUF_INIT;
	char c;

	while (!strstr(rel_buf_str(&seen), word)) {
		assert_int_equal(read(s->master, &c, 1), 1);
		rel_buf_addc(&seen, c);
	}
}

static void type(const struct session *s, const char *keys)
{
	assert_int_equal(write(s->master, keys, strlen(keys)), strlen(keys));
}

static int finish(struct session *s)
{
	int status;

	assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
	close(s->master);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void test_the_child_has_the_terminal_and_it_comes_back(void **state)
{
	struct session s =
		start(FRONT "front || exit 98; echo ready; read x; exit $x",
			NO_SHELL);

	(void)state;
	await(&s, "ready");
	type(&s, "3\n");
	assert_int_equal(finish(&s), 3);
}

static void test_ctrl_c_is_for_the_child_alone(void **state)
{
	struct session s = start("echo ready; exec sleep 15", NO_SHELL);

	(void)state;
	await(&s, "ready");
	type(&s, "\x03");
	assert_int_equal(finish(&s), 128 + SIGINT);
}

static void test_the_terminal_comes_back_from_what_was_not_there(void **state)
{
	struct session s = start("exec /no/such/command", NO_SHELL);

	(void)state;
	assert_int_equal(finish(&s), 127);
}

static void test_ctrl_z_stops_the_job_and_the_shell_goes_on_with_it(
	void **state)
{
	struct session s = start(FRONT
		"front || exit 98; echo ready; read x; front || exit 97;"
		"exit $x",
		FOREGROUND);

	(void)state;
	await(&s, "ready");
	type(&s, "\x1a");
	await(&s, "stopped");
	type(&s, "7\n");
	assert_int_equal(finish(&s), 7);
}

static void test_in_the_background_it_does_not_take_the_terminal(void **state)
{
	/* Reading stops it there, until the shell puts it in front. */
	struct session s = start(FRONT
		"front && exit 98; read x; front || exit 97; exit $x",
		BACKGROUND);

	(void)state;
	await(&s, "stopped");
	type(&s, "8\n");
	assert_int_equal(finish(&s), 8);
}

static void test_ctrl_z_without_a_shell_does_not_hang(void **state)
{
	struct session s = start("echo ready; read x; exit $x", NO_SHELL);

	(void)state;
	await(&s, "ready");
	type(&s, "\x1a");
	type(&s, "5\n");
	assert_int_equal(finish(&s), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_the_child_has_the_terminal_and_it_comes_back),
		cmocka_unit_test(test_ctrl_c_is_for_the_child_alone),
		cmocka_unit_test(
			test_the_terminal_comes_back_from_what_was_not_there),
		cmocka_unit_test(
			test_ctrl_z_stops_the_job_and_the_shell_goes_on_with_it),
		cmocka_unit_test(
			test_in_the_background_it_does_not_take_the_terminal),
		cmocka_unit_test(test_ctrl_z_without_a_shell_does_not_hang),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
