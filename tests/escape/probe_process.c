/* SPDX-License-Identifier: Apache-2.0 */
/* tests/escape/probe_process.c - other processes, and users. */
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* /proc/PID/FILE, with a byte out of it. */
static int proc_read(char **arg)
{
	char path[64], byte;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid_of(arg[0]), arg[1]);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? errno : tried(read(fd, &byte, 1));
}

/* What a link of /proc leads to. */
static int proc_follow(char **arg)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid_of(arg[0]), arg[1]);
	fd = open(path, O_PATH | O_CLOEXEC);
	return fd < 0 ? errno : tried(close(fd));
}

/* Whether it may be read is decided when it is opened. */
static int proc_memory(char **arg)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid_of(arg[0]));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? errno : tried(close(fd));
}

static int send_signal(char **arg)
{
	return tried(kill(pid_of(arg[0]), 0));
}

static int trace(char **arg)
{
	pid_t pid = pid_of(arg[0]);
	int status;

	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) < 0)
		return errno;
	if (ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) < 0 ||
		waitpid(pid, &status, __WALL) < 0 ||
		ptrace(PTRACE_DETACH, pid, NULL, NULL) < 0)
		broken("let it go again");
	return 0;
}

static int read_memory(char **arg)
{
	char byte;
	struct iovec here = { &byte, 1 };
	struct iovec there = { (void *)(uintptr_t)strtoull(arg[1], NULL, 10),
		1 };

	return tried(process_vm_readv(pid_of(arg[0]), &here, 1, &there, 1, 0));
}

static int take_fd(char **arg)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid_of(arg[0]), 0u);

	return pidfd < 0 ? errno
			 : tried(syscall(SYS_pidfd_getfd, pidfd, 0, 0u));
}

/* A limit of somebody else's, as it is. */
static int limit_other(char **arg)
{
	pid_t pid = pid_of(arg[0]);
	struct rlimit now;

	if (prlimit(pid, RLIMIT_NOFILE, NULL, &now) < 0)
		return errno;
	return tried(prlimit(pid, RLIMIT_NOFILE, &now, NULL));
}

static int shared_memory(char **arg)
{
	return shmat(atoi(arg[0]), NULL, SHM_RDONLY) == (void *)-1 ? errno : 0;
}

static int join_namespace(char **arg)
{
	int fd = open(arg[0], O_RDONLY | O_CLOEXEC);

	return fd < 0 ? errno : tried(setns(fd, 0));
}

static int new_namespace(char **arg)
{
	(void)arg;
	return tried(unshare(CLONE_NEWUSER));
}

static int cloned(pid_t pid)
{
	if (pid == 0)
		_exit(0);
	return pid < 0 ? errno : tried(waitpid(pid, NULL, 0));
}

static int clone_namespace(char **arg)
{
	(void)arg;
	return cloned((pid_t)syscall(
		SYS_clone, (long)(CLONE_NEWUSER | SIGCHLD), 0L, 0L, 0L, 0L));
}

static int clone3_namespace(char **arg)
{
	struct clone_args a = { .flags = CLONE_NEWUSER,
		.exit_signal = SIGCHLD };

	(void)arg;
	return cloned((pid_t)syscall(SYS_clone3, &a, sizeof(a)));
}

static int become(char **arg)
{
	uid_t uid = (uid_t)atoi(arg[0]);

	return tried(setresuid(uid, uid, uid));
}

static int join_group(char **arg)
{
	gid_t gid = (gid_t)atoi(arg[0]);

	return tried(setgroups(1, &gid));
}

/* A copy of this program that belongs to UID and has the setuid bit. */
static int setuid_program(char **arg)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		execl(arg[0], arg[0], "is-user", arg[1], (char *)NULL);
		_exit(126);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
		WEXITSTATUS(status) > 1)
		broken("the setuid program");
	return WEXITSTATUS(status) == 0 ? 0 : EPERM;
}

/* A grandchild in a session of its own holds on to stdout for 5 s. */
static void leave_one_behind(void)
{
	pid_t pid = fork();

	if (pid < 0)
		broken("fork");
	if (pid > 0) {
		waitpid(pid, NULL, 0);
		return;
	}
	setsid();
	for (int sig = 1; sig < SIGRTMAX; sig++)
		signal(sig, SIG_IGN);
	signal(SIGALRM, SIG_DFL);
	if (fork() != 0)
		_exit(0);
	alarm(5);
	for (;;)
		pause();
}

/* The caller sees whether its stdout stays open. */
static int outlive(char **arg)
{
	(void)arg;
	leave_one_behind();
	_exit(0);
}

/* First away with who would clear up. */
static int outlive_keeper(char **arg)
{
	(void)arg;
	leave_one_behind();
	kill(getppid(), SIGKILL);
	_exit(0);
}

const struct probe process_probes[] = {
	{ "proc-read", 2, proc_read },
	{ "proc-follow", 2, proc_follow },
	{ "proc-memory", 1, proc_memory },
	{ "signal", 1, send_signal },
	{ "trace", 1, trace },
	{ "read-memory", 2, read_memory },
	{ "take-fd", 1, take_fd },
	{ "limit-other", 1, limit_other },
	{ "shared-memory", 1, shared_memory },
	{ "join-namespace", 1, join_namespace },
	{ "new-namespace", 0, new_namespace },
	{ "clone-namespace", 0, clone_namespace },
	{ "clone3-namespace", 0, clone3_namespace },
	{ "become", 1, become },
	{ "join-group", 1, join_group },
	{ "setuid-program", 2, setuid_program },
	{ "outlive", 0, outlive },
	{ "outlive-keeper", 0, outlive_keeper },
	{ 0 },
};
