/* SPDX-License-Identifier: Apache-2.0 */
#include "rel_test.h"

#include "run_helper.h"
#include "scratch.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static struct rel_strings plain_env(void)
{
	return strings("PATH=/usr/bin:/bin", "LANG=C", NULL);
}

/* The status of a script of /bin/sh; ${out} may be NULL. */
static int script(const char *text, struct rel_buf *out)
{
	REL_AUTO(rel_strings_done)
	struct rel_strings argv = strings("/bin/sh", "-c", text, NULL);
	REL_AUTO(rel_strings_done) struct rel_strings env = plain_env();
	struct rel_err err = REL_ERR_INIT;

	return run_in("/", &argv, &env, out, &err).status;
}

static int open_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void test_every_exit_status_is_told(void **state)
{
	int fds = open_fds();

	(void)state;
	for (int n = 0; n < 256; n++) {
		REL_AUTO(rel_freep) char *text = rel_printf("exit %d", n);

		assert_int_equal(script(text, NULL), n);
	}
	assert_int_equal(open_fds(), fds);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void test_every_deadly_signal_is_128_and_its_number(void **state)
{
	const struct rlimit no_core = { 0 };

	(void)state;
	setrlimit(RLIMIT_CORE, &no_core);
	for (int sig = 1; sig <= 64; sig++) {
		REL_AUTO(rel_freep) char *text = rel_printf("kill -%d $$", sig);

		if (sig == SIGCHLD || sig == SIGCONT || sig == SIGURG ||
			sig == SIGWINCH || (sig >= SIGSTOP && sig <= SIGTTOU))
			continue;
		assert_int_equal(script(text, NULL), 128 + sig);
	}
}

/* A process that is where relctl would be, with its stdin and stdout. */
struct subject {
	pid_t pid;
	int in, out;
};

/* ${before} runs in it first. Its exit status is the child's. */
static struct subject start(const char *text, void (*before)(void))
{
	struct subject s;
	int in[2], out[2];

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	s.pid = fork();
	if (s.pid == 0) {
		alarm(20);
		/* A group of its own, as a shell gives it. */
		setpgid(0, 0);
		dup2(in[0], 0);
		dup2(out[1], 1);
		dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), 2);
		if (before)
			before();
		_exit(script(text, NULL));
	}
	assert_true(s.pid > 0);
	close(in[0]);
	close(out[1]);
	s.in = in[1];
	s.out = out[0];
	return s;
}

static void await_line(const struct subject *s, struct rel_buf *line)
{
	char c = 0;

	rel_buf_reset(line);
	while (c != '\n' && read(s->out, &c, 1) == 1)
		rel_buf_addc(line, c);
	assert_int_equal(c, '\n');
}

/* The status that it ends with; the rest of its output goes to ${rest}. */
static int finish(struct subject *s, struct rel_buf *rest)
{
	struct rel_err err = REL_ERR_INIT;
	int status;

	rel_buf_reset(rest);
	assert_int_equal(rel_read_fd(s->out, 1 << 16, rest, &err), 0);
	assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
	close(s->in);
	close(s->out);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void test_signals_reach_the_whole_group(void **state)
{
	static const char *const names[] = { "TERM", "INT", "HUP", "QUIT",
		"USR1", "USR2" };
	static const int sigs[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1,
		SIGUSR2 };

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		REL_AUTO(rel_buf_free) struct rel_buf text = REL_BUF_INIT;
		REL_AUTO(rel_freep)
		char *sh = rel_printf(
			"trap 'exit 42' %s;"
			"sh -c 'trap \"echo inner; exit 0\" %s; echo ready;"
			" while :; do sleep 0.05; done'",
			names[i], names[i]);
		struct subject s = start(sh, NULL);

		await_line(&s, &text);
		kill(s.pid, sigs[i]);
		assert_int_equal(finish(&s, &text), 42);
		assert_string_equal(rel_buf_str(&text), "inner\n");
	}
}

static void pend_term(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGTERM);
}

static void test_a_signal_that_is_early_is_not_lost(void **state)
{
	REL_AUTO(rel_buf_free) struct rel_buf text = REL_BUF_INIT;
	struct subject s = start("exec sleep 15", pend_term);

	(void)state;
	assert_int_equal(finish(&s, &text), 128 + SIGTERM);
}

static void ignore_hup(void)
{
	signal(SIGHUP, SIG_IGN);
}

static void test_an_ignored_signal_is_not_passed_on(void **state)
{
	REL_AUTO(rel_buf_free) struct rel_buf text = REL_BUF_INIT;
	struct subject s = start("echo ready; read x; exit $x", ignore_hup);

	(void)state;
	await_line(&s, &text);
	kill(s.pid, SIGHUP);
	assert_int_equal(write(s.in, "5\n", 2), 2);
	assert_int_equal(finish(&s, &text), 5);
}

static char state_of(const char *pid)
{
	REL_AUTO(rel_freep) char *path = rel_printf("/proc/%s/stat", pid);
	REL_AUTO(rel_buf_free) struct rel_buf stat = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;

	assert_int_equal(rel_read_file(AT_FDCWD, path, 4096, &stat, &err), 0);
	return strrchr(stat.p, ')')[2];
}

static void test_tstp_stops_both_and_cont_both_go_on(void **state)
{
	REL_AUTO(rel_buf_free) struct rel_buf pid = REL_BUF_INIT;
	REL_AUTO(rel_buf_free) struct rel_buf text = REL_BUF_INIT;
	struct subject s = start("echo $$; read x; exit $x", NULL);
	int status;

	(void)state;
	await_line(&s, &pid);
	pid.p[pid.len - 1] = '\0';
	kill(s.pid, SIGTSTP);
	assert_int_equal(waitpid(s.pid, &status, WUNTRACED), s.pid);
	assert_true(WIFSTOPPED(status));
	for (int i = 0; i < 1000 && state_of(pid.p) != 'T'; i++)
		usleep(1000);
	assert_int_equal(state_of(pid.p), 'T');
	kill(s.pid, SIGCONT);
	assert_int_equal(write(s.in, "6\n", 2), 2);
	assert_int_equal(finish(&s, &text), 6);
}

static void test_the_caller_gets_its_signals_back(void **state)
{
	sigset_t before, after;
	struct sigaction chld;

	(void)state;
	signal(SIGCHLD, SIG_IGN);
	sigemptyset(&before);
	sigaddset(&before, SIGUSR2);
	sigprocmask(SIG_SETMASK, &before, NULL);
	assert_int_equal(script("exit 7", NULL), 7);
	sigprocmask(SIG_SETMASK, NULL, &after);
	sigaction(SIGCHLD, NULL, &chld);
	signal(SIGCHLD, SIG_DFL);
	assert_true(chld.sa_handler == SIG_IGN);
	for (int sig = 1; sig < 32; sig++)
		assert_int_equal(
			sigismember(&before, sig), sigismember(&after, sig));
}

static void make_dirty(void)
{
	sigset_t set;

	sigfillset(&set);
	sigdelset(&set, SIGALRM);
	sigprocmask(SIG_SETMASK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGTTOU, SIG_IGN);
	/* Both numbers that the way to the child itself may need. */
	dup2(2, 3);
	dup2(2, 4);
	dup2(2, 77);
}

static void test_the_child_inherits_three_fds_and_no_signal_state(void **state)
{
	REL_AUTO(rel_buf_free) struct rel_buf text = REL_BUF_INIT;
	struct subject s =
		start("read -r pid comm st ppid pgrp rest </proc/self/stat;"
		      "[ $pgrp = $$ ] && pwd;"
		      "grep -E '^Sig(Blk|Ign)' /proc/self/status | cut -f2;"
		      "exec ls /proc/self/fd",
			make_dirty);

	(void)state;
	assert_int_equal(finish(&s, &text), 0);
	/* fd 3 is the directory that ls itself reads. */
	assert_string_equal(rel_buf_str(&text),
		"/\n0000000000000000\n0000000000000000\n"
		"0\n1\n2\n3\n");
}

static void put(
	const char *dir, const char *name, const char *p, size_t n, mode_t mode)
{
	REL_AUTO(rel_closep) int fd = open_dir(dir);
	struct rel_err err = REL_ERR_INIT;

	assert_int_equal(rel_publish(fd, name, mode, p, n, NULL, &err), 0);
}

static struct rel_process_end invoke(const char *dir, const char *name,
	const char *path, struct rel_buf *out, struct rel_err *err)
{
	REL_AUTO(rel_strings_done)
	struct rel_strings argv = strings(name, "arg", NULL);
	REL_AUTO(rel_strings_done) struct rel_strings env = strings(path, NULL);

	rel_buf_reset(out);
	return run_in(dir, &argv, &env, out, err);
}

static void test_what_is_not_a_command_is_126_or_127(void **state)
{
	static const struct {
		const char *name;
		int status;
		const char *msg;
	} cases[] = {
		{ "missing", 127, "command 'missing' not found" },
		{ "./missing", 127, "command './missing' not found" },
		{ "", 127, "command '' not found" },
		{ "plain", 126, "cannot invoke 'plain': Permission denied" },
		{ "./plain", 126,
			"cannot invoke './plain': Permission denied" },
		{ "/", 126, "cannot invoke '/': Permission denied" },
		{ "sub", 127, "command 'sub' not found" },
		{ "bad", 127,
			"command 'bad' is there, but its interpreter is not" },
		{ "./bad", 127,
			"command './bad' is there, but its interpreter is "
			"not" },
		{ "foreign", 126,
			"cannot invoke 'foreign': Exec format error" },
	};
	const char *dir = *state;
	REL_AUTO(rel_freep) char *sub = rel_printf("%s/sub", dir);
	REL_AUTO(rel_freep) char *path = rel_printf("PATH=/nowhere:%s", dir);
	REL_AUTO(rel_buf_free) struct rel_buf out = REL_BUF_INIT;

	assert_int_equal(mkdir(sub, 0755), 0);
	put(dir, "plain", "#!/bin/sh\n", 10, 0644);
	put(dir, "bad", "#!/no/such\n", 11, 0755);
	put(dir, "foreign", "\177ELF\0\0\0", 7, 0755);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct rel_err err = REL_ERR_INIT;
		struct rel_process_end end =
			invoke(dir, cases[i].name, path, &out, &err);

		assert_string_equal(err.msg, cases[i].msg);
		assert_int_equal(end.status, cases[i].status);
		assert_false(end.invoked);
	}
}

static void test_commands_are_looked_up_in_the_new_path(void **state)
{
	const char *dir = *state;
	REL_AUTO(rel_freep) char *no = rel_printf("%s/no", dir);
	REL_AUTO(rel_freep) char *yes = rel_printf("%s/yes", dir);
	REL_AUTO(rel_freep)
	char *path = rel_printf("PATH=%s:/dev/null:%s", no, yes);
	REL_AUTO(rel_buf_free) struct rel_buf out = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;
	struct rel_process_end end;

	assert_int_equal(mkdir(no, 0755), 0);
	assert_int_equal(mkdir(yes, 0755), 0);
	/* Not executable in the first place, so the second counts. */
	put(no, "it", "#!/bin/sh\necho no\n", 18, 0644);
	put(yes, "it", "#!/bin/sh\necho yes $1\n", 22, 0755);
	/* No #! line: the shell's. */
	put(yes, "script", "echo script $1\n", 15, 0755);
	put(dir, "here", "#!/bin/sh\necho here\n", 20, 0755);
	end = invoke(dir, "it", path, &out, &err);
	assert_string_equal(rel_buf_str(&out), "yes arg\n");
	assert_true(end.invoked);
	invoke(dir, "script", path, &out, &err);
	assert_string_equal(rel_buf_str(&out), "script arg\n");
	invoke(dir, "yes/it", path, &out, &err);
	assert_string_equal(rel_buf_str(&out), "yes arg\n");
	/* The current directory only when PATH names it. */
	assert_int_equal(invoke(dir, "here", path, &out, &err).status, 127);
	invoke(dir, "here", "PATH=/nowhere:", &out, &err);
	assert_string_equal(rel_buf_str(&out), "here\n");
}

static void test_too_long_a_value_is_126_and_not_shown(void **state)
{
	REL_AUTO(rel_freep) char *big = rel_alloc(140001);
	REL_AUTO(rel_strings_done) struct rel_strings env = plain_env();
	REL_AUTO(rel_strings_done)
	struct rel_strings argv = strings("ls", NULL);
	REL_AUTO(rel_buf_free) struct rel_buf out = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;

	(void)state;
	memset(big, 'x', 140000);
	memcpy(big, "A=secret", 8);
	rel_strings_push(&env, rel_strdup(big));
	assert_int_equal(run_in("/", &argv, &env, &out, &err).status, 126);
	assert_string_equal(
		err.msg, "cannot invoke 'ls': Argument list too long");
}

static void test_no_directory_is_an_error_of_our_own(void **state)
{
	REL_AUTO(rel_strings_done) struct rel_strings env = plain_env();
	REL_AUTO(rel_strings_done)
	struct rel_strings argv = strings("ls", NULL);
	REL_AUTO(rel_closep) int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	const struct rel_sandbox box = {
		.level = REL_ISOLATION_NONE, .tree_fd = fd, .tree = "/"
	};
	struct rel_process_end end;
	struct rel_err err = REL_ERR_INIT;

	(void)state;
	assert_int_equal(
		rel_process_run(&box, &argv, &env, &end, &err), -(int)REL_EIO);
	assert_string_equal(
		err.msg, "change to the tree's directory: Not a directory");
}

static void test_how_long_it_lived_is_told(void **state)
{
	REL_AUTO(rel_strings_done) struct rel_strings env = plain_env();
	REL_AUTO(rel_strings_done)
	struct rel_strings argv = strings("sleep", "0.06", NULL);
	struct rel_err err = REL_ERR_INIT;
	struct rel_process_end end = run_in("/", &argv, &env, NULL, &err);

	(void)state;
	assert_in_range(end.lived_ms, 50, 5000);
}

static void make_dir(const char *dir, const char *name)
{
	REL_AUTO(rel_freep) char *path = rel_printf("%s/%s", dir, name);

	assert_int_equal(mkdir(path, 0755), 0);
}

static void test_dependencies_that_are_not_in_the_tree_are_named(void **state)
{
	const char *dir = *state;
	REL_AUTO(rel_closep) int fd = open_dir(dir);

	assert_null(rel_process_missing_deps(fd));
	put(dir, "requirements.txt", "x\n", 2, 0444);
	make_dir(dir, "lib");
	make_dir(dir, "lib/python3");
	assert_string_equal(rel_process_missing_deps(fd), "requirements.txt");
	make_dir(dir, "lib/python3/site-packages");
	assert_null(rel_process_missing_deps(fd));
	put(dir, "Gemfile", "x\n", 2, 0444);
	make_dir(dir, "vendor");
	assert_string_equal(rel_process_missing_deps(fd), "Gemfile");
	make_dir(dir, "vendor/bundle");
	assert_null(rel_process_missing_deps(fd));
	put(dir, "package.json", "{}", 2, 0444);
	assert_string_equal(rel_process_missing_deps(fd), "package.json");
	make_dir(dir, "node_modules");
	assert_null(rel_process_missing_deps(fd));
}

static void test_a_virtual_environment_counts_as_installed(void **state)
{
	const char *dir = *state;
	REL_AUTO(rel_closep) int fd = open_dir(dir);

	put(dir, "requirements.txt", "x\n", 2, 0444);
	make_dir(dir, "a");
	make_dir(dir, "a/b");
	make_dir(dir, "a/b/c");
	make_dir(dir, "a/b/c/site-packages"); /* deeper than is looked */
	assert_string_equal(rel_process_missing_deps(fd), "requirements.txt");
	make_dir(dir, ".venv");
	assert_null(rel_process_missing_deps(fd));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_exit_status_is_told),
		cmocka_unit_test(
			test_every_deadly_signal_is_128_and_its_number),
		cmocka_unit_test(test_signals_reach_the_whole_group),
		cmocka_unit_test(test_a_signal_that_is_early_is_not_lost),
		cmocka_unit_test(test_an_ignored_signal_is_not_passed_on),
		cmocka_unit_test(test_tstp_stops_both_and_cont_both_go_on),
		cmocka_unit_test(test_the_caller_gets_its_signals_back),
		cmocka_unit_test(
			test_the_child_inherits_three_fds_and_no_signal_state),
		scratch_test(test_what_is_not_a_command_is_126_or_127),
		scratch_test(test_commands_are_looked_up_in_the_new_path),
		cmocka_unit_test(test_too_long_a_value_is_126_and_not_shown),
		cmocka_unit_test(test_no_directory_is_an_error_of_our_own),
		cmocka_unit_test(test_how_long_it_lived_is_told),
		scratch_test(
			test_dependencies_that_are_not_in_the_tree_are_named),
		scratch_test(test_a_virtual_environment_counts_as_installed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
