/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the filter refuses, call by call, and that the rest goes on working.
 * The arguments are such that the kernel itself has another complaint, so a
 * call that is not filtered is seen (by root: others lack the right anyway).
 */
#include "rel_test.h"

#include "base/file.h"
#include "base/mem.h"
#include "sandbox/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define BAD -1L /* no descriptor, no id, no flags */

struct call {
	const char *name;
	long nr, args[6];
	int wanted;
};
#define CALL(name, ...)                                                        \
	{                                                                      \
#name, SYS_##name, { __VA_ARGS__ }, EPERM                      \
	}

static const struct call calls[] = {
	CALL(mount, 0, 0, 0, 0, 0),
	CALL(umount2, 0, BAD),
	CALL(pivot_root, 0, 0),
	CALL(chroot, 0),
	CALL(open_tree, BAD, 0, BAD),
	CALL(move_mount, BAD, 0, BAD, 0, BAD),
	CALL(fsopen, 0, BAD),
	CALL(fsconfig, BAD, BAD),
	CALL(fsmount, BAD, BAD),
	CALL(fspick, BAD, 0, BAD),
	CALL(mount_setattr, BAD, 0, BAD),
	CALL(setns, BAD, 0),
	CALL(unshare, 0x10000000),
	CALL(unshare, 0),
	/* CLONE_NEWUSER, NEWNS, NEWPID, NEWNET, each with a wrong CLONE_VM */
	CALL(clone, 0x10000000 | 0x800),
	CALL(clone, 0x00020000 | 0x800),
	CALL(clone, 0x20000000 | 0x800),
	CALL(clone, 0x40000000 | 0x800),
	CALL(clone, 0x02000000 | 0x800),
	CALL(clone, 0x04000000 | 0x800),
	CALL(clone, 0x08000000 | 0x800),
	CALL(ptrace, 1, 0, 0, 0),
	CALL(process_vm_readv, 0, 0, 0, 0, 0, BAD),
	CALL(process_vm_writev, 0, 0, 0, 0, 0, BAD),
	CALL(pidfd_getfd, BAD, BAD, 0),
	CALL(kcmp, 0, 0, BAD, 0, 0),
	CALL(init_module, 0, 0, 0),
	CALL(finit_module, BAD, 0, BAD),
	CALL(delete_module, 0, 0),
	CALL(bpf, BAD, 0, 0),
	CALL(perf_event_open, 0, 0, 0, BAD, BAD),
	CALL(userfaultfd, BAD),
	CALL(add_key, 0, 0, 0, 0, 0),
	CALL(request_key, 0, 0, 0, 0),
	CALL(keyctl, BAD),
	CALL(open_by_handle_at, BAD, 0, 0),
	CALL(mknodat, BAD, 0, S_IFCHR | 0600, 0),
	CALL(mknodat, BAD, 0, S_IFBLK | 0600, 0),
	CALL(settimeofday, BAD, BAD),
	CALL(clock_settime, BAD, 0),
	CALL(adjtimex, 0),
	CALL(clock_adjtime, BAD, 0),
	CALL(sethostname, 0, BAD),
	CALL(setdomainname, 0, BAD),
	CALL(swapon, 0, 0),
	CALL(swapoff, 0),
	CALL(reboot, 0, 0, 0, 0),
	CALL(kexec_load, 0, 0, 0, BAD),
	CALL(kexec_file_load, BAD, BAD, 0, 0, BAD),
	CALL(acct, BAD),
	CALL(quotactl, BAD, 0, 0, 0),
	CALL(syslog, BAD, 0, 0),
	CALL(ioctl, BAD, TIOCSTI, 0),
	CALL(ioctl, BAD, TIOCLINUX, 0),
	/* the kernel looks at the lower half alone */
	CALL(ioctl, BAD, (long)(UINT64_C(1) << 32 | TIOCSTI), 0),
#ifdef SYS_mknod
	CALL(mknod, 0, S_IFCHR | 0600, 0),
#endif
#ifdef SYS_iopl
	CALL(iopl, 9),
	CALL(ioperm, BAD, BAD, BAD),
#endif
	{ "clone3", SYS_clone3, { 0, 0 }, ENOSYS },
	{ "io_uring_setup", SYS_io_uring_setup, { 0, 0 }, ENOSYS },
	{ "io_uring_enter", SYS_io_uring_enter, { BAD }, ENOSYS },
	{ "io_uring_register", SYS_io_uring_register, { BAD }, ENOSYS },
};
#define CALLS_N (sizeof(calls) / sizeof(*calls))

/* Enter it and call ${fn}; its return, below 100, is the result. */
static int in_filter(int (*fn)(const void *arg), const void *arg)
{
	int status;
	pid_t pid;

	if (!rel_seccomp_there())
		skip_for("this kernel has no seccomp filters");
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
			rel_seccomp_enter() < 0)
			_exit(100);
		_exit(fn(arg));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status)
				 : 1000 + WTERMSIG(status);
}

static int errno_of(const void *arg)
{
	const struct call *c = arg;
	const long *a = c->args;

	errno = 0;
	return syscall(c->nr, a[0], a[1], a[2], a[3], a[4], a[5]) < 0 ? errno
								      : 0;
}

static void test_what_no_app_needs_is_refused(void **state)
{
	int wrong = 0;

	(void)state;
	for (size_t i = 0; i < CALLS_N; i++) {
		int got = in_filter(errno_of, &calls[i]);

		if (got == calls[i].wanted)
			continue;
		print_message("# %s: %d instead of %d\n", calls[i].name, got,
			calls[i].wanted);
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

#ifdef __x86_64__
static int x32_call(const void *arg)
{
	(void)arg;
	errno = 0;
	return syscall(0x40000000L | SYS_getpid) < 0 ? errno : 0;
}

static int i386_getpid(const void *arg)
{
	long r = 20;

	(void)arg;
	__asm__ volatile("int $0x80"
			 : "+a"(r)
			 :
			 : "memory", "r8", "r9", "r10", "r11");
	/* The kernel of a machine without them ends the process. */
	return r < 0 ? (int)-r : 0;
}

static void test_calls_of_other_architectures_are_refused(void **state)
{
	int got;

	(void)state;
	assert_int_equal(in_filter(x32_call, NULL), EPERM);
	got = in_filter(i386_getpid, NULL);
	if (got != 1000 + SIGSEGV)
		assert_int_equal(got, EPERM);
}
#endif

static int enter_without_no_new_privs(void)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
			_exit(100);
		_exit(rel_seccomp_enter() < 0 ? errno : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status);
}

static void test_a_filter_that_cannot_be_is_an_error(void **state)
{
	(void)state;
	if (!rel_seccomp_there())
		skip_for("this kernel has no seccomp filters");
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		skip_for("no_new_privs is set for the whole test");
	assert_int_equal(enter_without_no_new_privs(), EACCES);
}

static void *count_up(void *arg)
{
	++*(int *)arg;
	return NULL;
}

static int start_a_thread(const void *arg)
{
	pthread_t thread;
	int n = 0;

	(void)arg;
	return pthread_create(&thread, NULL, count_up, &n) ||
	       pthread_join(thread, NULL) || n != 1;
}

static int start_a_process(const void *arg)
{
	int status;
	pid_t pid = fork();

	(void)arg;
	if (pid == 0)
		_exit(7);
	return waitpid(pid, &status, 0) != pid || WEXITSTATUS(status) != 7;
}

/* Over the loopback, with epoll to wait for it. */
static int serve_oneself(const void *arg)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct epoll_event ev = { .events = EPOLLIN };
	socklen_t len = sizeof(at);
	int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int poll = epoll_create1(EPOLL_CLOEXEC);

	(void)arg;
	if (bind(server, (struct sockaddr *)&at, len) < 0 ||
		listen(server, 1) < 0 ||
		getsockname(server, (struct sockaddr *)&at, &len) < 0 ||
		epoll_ctl(poll, EPOLL_CTL_ADD, server, &ev) < 0 ||
		connect(client, (struct sockaddr *)&at, len) < 0)
		return 1;
	return epoll_wait(poll, &ev, 1, 5000) != 1 ||
	       accept4(server, NULL, NULL, SOCK_CLOEXEC) < 0;
}

static int make_a_fifo(const void *arg)
{
	char dir[] = "/tmp/relctl-test-XXXXXX";
	char path[64];
	int r;

	(void)arg;
	if (!mkdtemp(dir))
		return 1;
	snprintf(path, sizeof(path), "%s/fifo", dir);
	r = mkfifo(path, 0600);
	unlink(path);
	rmdir(dir);
	return r != 0;
}

static int ask_the_terminal(const void *arg)
{
	struct winsize size;

	(void)arg;
	/* No terminal, but a call that got through. */
	return ioctl(BAD, TIOCGWINSZ, &size) == 0 || errno != EBADF;
}

static void test_ordinary_calls_work(void **state)
{
	(void)state;
	assert_int_equal(in_filter(start_a_thread, NULL), 0);
	assert_int_equal(in_filter(start_a_process, NULL), 0);
	assert_int_equal(in_filter(serve_oneself, NULL), 0);
	assert_int_equal(in_filter(make_a_fifo, NULL), 0);
	assert_int_equal(in_filter(ask_the_terminal, NULL), 0);
}

/* ${arg}: a line for the shell. */
static int shell(const void *arg)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
		return 99;
	execl("/bin/sh", "sh", "-c", (const char *)arg, (char *)NULL);
	return 98;
}

static bool is_installed(const char *program)
{
	REL_AUTO(rel_freep)
	char *line = rel_printf("%s --version >/dev/null 2>&1", program);

	return system(line) == 0;
}

/* 0: as it must be, else which of the calls is not. */
static int sockets(const void *arg)
{
	static const int refused[] = { AF_INET, AF_INET6, AF_PACKET, AF_VSOCK };
	int pair[2];

	(void)arg;
	if (rel_seccomp_no_network() < 0)
		return 50;
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		errno = 0;
		if (socket(refused[i], SOCK_DGRAM, 0) >= 0 ||
			errno != EAFNOSUPPORT)
			return 1 + (int)i;
	}
	if (socketpair(AF_INET, SOCK_STREAM, 0, pair) >= 0 ||
		errno != EAFNOSUPPORT)
		return 10;
	if (socket(AF_UNIX, SOCK_STREAM, 0) < 0 ||
		socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		return 11;
	if (socket(AF_NETLINK, SOCK_RAW, 0) < 0)
		return 12;
	/* The other filter is still there. */
	errno = 0;
	return syscall(SYS_unshare, 0) < 0 && errno == EPERM ? 0 : 13;
}

static void test_without_a_network_there_are_local_sockets_alone(void **state)
{
	(void)state;
	assert_int_equal(in_filter(sockets, NULL), 0);
}

static void test_a_shell_and_what_it_starts_work(void **state)
{
	(void)state;
	assert_int_equal(in_filter(shell, "test \"$(echo a | cat)\" = a"), 0);
	assert_int_equal(in_filter(shell, "sleep 60 & kill $!; wait $!;"
					  "test $? -eq 143"),
		0);
	/* The filter is the children's too; as root it is what refuses. */
	assert_int_not_equal(in_filter(shell, "unshare -U true"), 0);
}

static void test_python_works(void **state)
{
	(void)state;
	if (!is_installed("python3"))
		skip_for("no python3");
	assert_int_equal(
		in_filter(shell,
			"exec python3 -c '"
			"import threading, subprocess, asyncio, socket\n"
			"t = threading.Thread(target=print)\n"
			"t.start(); t.join()\n"
			"subprocess.run([\"true\"], check=True)\n"
			"asyncio.run(asyncio.sleep(0))\n"
			"a, b = socket.socketpair()'"),
		0);
}

static void test_node_works(void **state)
{
	(void)state;
	if (!is_installed("node"))
		skip_for("no node");
	assert_int_equal(
		in_filter(shell,
			"exec node -e '"
			"require(\"child_process\").execSync(\"true\");"
			"new (require(\"worker_threads\").Worker)"
			"(\"\", { eval: true });"
			"const s = require(\"net\").createServer();"
			"s.listen(0, () => s.close());'"),
		0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_no_app_needs_is_refused),
#ifdef __x86_64__
		cmocka_unit_test(test_calls_of_other_architectures_are_refused),
#endif
		cmocka_unit_test(test_a_filter_that_cannot_be_is_an_error),
		cmocka_unit_test(test_ordinary_calls_work),
		cmocka_unit_test(
			test_without_a_network_there_are_local_sockets_alone),
		cmocka_unit_test(test_a_shell_and_what_it_starts_work),
		cmocka_unit_test(test_python_works),
		cmocka_unit_test(test_node_works),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
