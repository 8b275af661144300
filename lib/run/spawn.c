/* SPDX-License-Identifier: Apache-2.0 */
#include "run/spawn.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "run/caps.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Not in the headers of every C library that has the rest. */
#ifndef P_PIDFD
#define P_PIDFD 3
#endif

#define SHELL "/bin/sh"

/* Where the child stopped on its way; comes through a close-on-exec pipe. */
enum step {
	STEP_CWD,
	STEP_FDS,
	STEP_CAPS,
	STEP_EXEC,
};
struct report {
	enum step step;
	int os_errno;
	bool seen; /* a file of that name is there */
};

/* Everything the child needs: after fork it makes system calls only. */
struct plan {
	int tree_fd;
	char **argv, **env;
	char **script; /* SHELL, room for the path, the rest of argv */
	const char *path;
	bool foreground;
};

/* Text has no NUL near its beginning; a program for another machine has. */
static bool is_text(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char head[128];
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, head, sizeof(head));
	close(fd);
	return n >= 0 && !memchr(head, '\0', (size_t)n);
}

/* Returns only if it failed; a script without #! is the shell's, as POSIX
 * wants it of a shell too. */
static void try_exec(const struct plan *p, char *path, struct report *why)
{
	execve(path, p->argv, p->env);
	if (errno == ENOEXEC && is_text(path)) {
		p->script[1] = path;
		execve(SHELL, p->script, p->env);
	}
	if (errno == ENOENT)
		why->seen |= faccessat(AT_FDCWD, path, F_OK, 0) == 0;
	else if (errno != ENOTDIR && errno != ENAMETOOLONG)
		why->os_errno = errno;
}

static bool is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Along the PATH of the new environment; an empty element is the cwd. */
static void search_exec(const struct plan *p, struct report *why)
{
	const char *name = p->argv[0], *from = p->path;
	size_t name_len = strlen(name);

	while (*name && from) {
		const char *end = strchrnul(from, ':');
		const char *dir = end > from ? from : ".";
		size_t n = end > from ? (size_t)(end - from) : 1;
		char path[PATH_MAX];

		if (n + name_len + 2 <= sizeof(path)) {
			memcpy(path, dir, n);
			path[n] = '/';
			memcpy(path + n + 1, name, name_len + 1);
			/* As in a shell, a directory is no command. */
			if (!is_dir(path))
				try_exec(p, path, why);
			if (why->os_errno != ENOENT && why->os_errno != EACCES)
				return;
		}
		from = *end ? end + 1 : NULL;
	}
}

/* Default dispositions, then an empty mask: in this order nothing is lost. */
static void reset_signals(void)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int sig = 1; sig <= SIGRTMAX; sig++)
		sigaction(sig, &dfl, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Leave stdin, stdout, stderr and the pipe, which becomes fd 3. */
static int close_others(int *pipe_fd)
{
	if (*pipe_fd != 3) {
		if (dup3(*pipe_fd, 3, O_CLOEXEC) < 0)
			return -1;
		*pipe_fd = 3;
	}
	return (int)syscall(SYS_close_range, 4u, ~0u, 0u);
}

_Noreturn static void child(const struct plan *p, int pipe_fd)
{
	struct report why = { .os_errno = 0 };

	setpgid(0, 0);
	/* SIGTTOU is blocked here, else this would stop the new group. */
	if (p->foreground)
		tcsetpgrp(STDIN_FILENO, getpid());
	if (fchdir(p->tree_fd) < 0) {
		why.step = STEP_CWD;
		why.os_errno = errno;
	} else if (close_others(&pipe_fd) < 0) {
		why.step = STEP_FDS;
		why.os_errno = errno;
	} else if (rel_process_drops() && rel_caps_drop() < 0) {
		why.step = STEP_CAPS;
		why.os_errno = errno;
	} else {
		why.step = STEP_EXEC;
		why.os_errno = ENOENT;
		reset_signals();
		if (strchr(p->argv[0], '/'))
			try_exec(p, p->argv[0], &why);
		else
			search_exec(p, &why);
	}
	if (write(pipe_fd, &why, sizeof(why)) < 0) {
		/* nobody is left to tell */
	}
	_exit(127);
}

/* The value of PATH in ${env}; an environment always has one. */
static const char *path_of(const struct rel_strings *env)
{
	for (size_t i = 0; i < env->n; i++)
		if (!strncmp(env->v[i], "PATH=", 5))
			return env->v[i] + 5;
	return NULL;
}

static int fail_before_exec(const struct report *why, struct rel_err *err)
{
	errno = why->os_errno;
	if (why->step == STEP_CWD)
		return rel_fail_os(err, "change to the tree's directory");
	if (why->step == STEP_FDS)
		return rel_fail_os(err, "close inherited file descriptors");
	rel_fail_os(err, "drop root's power over other users' files");
	return rel_hint(err, "run as another user, or with CAP_SETPCAP");
}

/* Tell a command that is not there from one that does not start. */
static int exec_status(
	const struct report *why, const char *name, struct rel_err *err)
{
	if (why->os_errno != ENOENT) {
		errno = why->os_errno;
		rel_fail_os(err, "cannot invoke '%s'", name);
		return 126;
	}
	if (why->seen)
		rel_fail(err, REL_ENOTFOUND,
			"command '%s' is there, but its interpreter is not",
			name);
	else
		rel_fail(err, REL_ENOTFOUND, "command '%s' not found", name);
	return 127;
}

/* Wait for execve or a report. Returns 1 when the child runs. */
static int await_exec(
	int pipe_fd, struct rel_child *c, const char *name, struct rel_err *err)
{
	REL_AUTO(rel_freep) char *shown = NULL;
	struct report why;
	ssize_t n;

	do
		n = read(pipe_fd, &why, sizeof(why));
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(why))
		return 1;
	waitpid(c->pid, NULL, 0);
	if (why.step != STEP_EXEC)
		return fail_before_exec(&why, err);
	/* Of "TOKEN=… CMD", a slip, the value is not for a message. */
	shown = rel_strndup(name, strcspn(name, "="));
	c->status = exec_status(&why, shown, err);
	return 0;
}

int rel_child_spawn(int tree_fd, const struct rel_strings *argv,
	const struct rel_strings *env, bool foreground, struct rel_child *ret,
	struct rel_err *err)
{
	REL_AUTO(rel_freep)
	char **script = rel_alloc((argv->n + 2) * sizeof(*script));
	REL_AUTO(rel_closep) int out = -1;
	REL_AUTO(rel_closep) int in = -1;
	struct plan p = { tree_fd, argv->v, env->v, script, path_of(env),
		foreground };
	char shell[] = SHELL;
	int fds[2], r;

	ret->pidfd = -1;
	/* script[1] is the path of the file, the rest its arguments. */
	script[0] = shell;
	memcpy(script + 2, argv->v + 1, argv->n * sizeof(*script));
	if (pipe2(fds, O_CLOEXEC) < 0)
		return rel_fail_os(err, "make a pipe");
	out = fds[0];
	in = fds[1];
	ret->pid = fork();
	if (ret->pid < 0)
		return rel_fail_os(err, "start a process");
	if (ret->pid == 0)
		child(&p, in);
	/* Nobody else waits for this child: its number is its own till then. */
	ret->pidfd = (int)syscall(SYS_pidfd_open, ret->pid, 0);
	if (ret->pidfd < 0) {
		rel_fail_os(err, "watch the process");
		kill(ret->pid, SIGKILL);
		waitpid(ret->pid, NULL, 0);
		return -(int)err->code;
	}
	rel_closep(&in);
	r = await_exec(out, ret, argv->v[0], err);
	if (r <= 0)
		rel_closep(&ret->pidfd);
	ret->started_ms = rel_monotonic_ms();
	return r < 0 ? r : 0;
}

int rel_child_reap(struct rel_child *c, struct rel_err *err)
{
	siginfo_t si = { .si_pid = 0 };
	int r;

	do
		r = waitid(P_PIDFD, (id_t)c->pidfd, &si, WEXITED);
	while (r < 0 && errno == EINTR);
	rel_closep(&c->pidfd);
	if (r < 0)
		return rel_fail_os(err, "wait for the process");
	c->status =
		si.si_code == CLD_EXITED ? si.si_status : 128 + si.si_status;
	return 0;
}

bool rel_child_stopped(const struct rel_child *c)
{
	siginfo_t si = { .si_pid = 0 };

	return waitid(P_PIDFD, (id_t)c->pidfd, &si, WSTOPPED | WNOHANG) == 0 &&
	       si.si_pid != 0;
}

void rel_child_signal(const struct rel_child *c, int sig)
{
	/* The leader is not reaped, so the group's number is still its own. */
	kill(-c->pid, sig);
}
