/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/sandbox/keeper.c - pid 1 of an instance's namespace, or its subreaper.
 *
 * It outlives the app's process by just as long as it takes to clear away what
 * that left behind, and relctl by not a moment: the link's end of file is the
 * order to kill everything. That is why it holds no descriptor of relctl's but
 * what it needs, the tree's lock among them.
 */
#include "sandbox/keeper.h"

#include "base/mem.h"
#include "sandbox/caps.h"
#include "sandbox/landlock.h"
#include "sandbox/orphans.h"
#include "sandbox/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

struct life {
	struct rel_keeper *k;
	int signals, notify;
	pid_t main;	/* the app's process */
	bool stopping;	/* told to; then its group is waited for, too */
	bool main_gone; /* reaped */
	bool ended;
	int status, signal, left;
};

static void tell(const struct rel_keeper *k, const struct rel_told *told)
{
	if (send(k->link, told, sizeof(*told), MSG_NOSIGNAL) < 0) {
		/* relctl is gone; the link's end of file says it again */
	}
}

_Noreturn static void fail(
	const struct rel_keeper *k, enum rel_step_kind step, const char *text)
{
	struct rel_told told = {
		.kind = REL_TOLD_FAILED, .step = step, .os_errno = errno
	};

	snprintf(told.text, sizeof(told.text), "%s", text);
	tell(k, &told);
	_exit(1);
}

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Whatever relctl has open is not the app's: locks, sockets, log pipes. */
static int close_all_but(int *keep, size_t n)
{
	unsigned from = 3;

	qsort(keep, n, sizeof(*keep), by_number);
	for (size_t i = 0; i < n; i++) {
		unsigned fd = (unsigned)keep[i];

		if (keep[i] < (int)from)
			continue;
		if (fd > from && syscall(SYS_close_range, from, fd - 1, 0u) < 0)
			return -1;
		from = fd + 1;
	}
	return (int)syscall(SYS_close_range, from, ~0u, 0u);
}

static int close_others(const struct rel_keeper *k)
{
	const struct rel_spawn *how = k->how;
	int *keep = rel_alloc((how->listen_n + 6) * sizeof(*keep));
	size_t n = 0;
	int r;

	keep[n++] = k->link;
	keep[n++] = how->box->tree_fd;
	keep[n++] = k->landlock;
	keep[n++] = how->in;
	keep[n++] = how->out;
	keep[n++] = how->err;
	for (size_t i = 0; i < how->listen_n; i++)
		keep[n++] = how->listen[i];
	r = close_all_but(keep, n);
	free(keep);
	return r;
}

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	close(fd);
	return n < 0 ? -1 : 0;
}

/* Everybody is who they were, and nobody else is there. */
static int map_self(uid_t uid, gid_t gid)
{
	char text[32];

	if (write_text("/proc/self/setgroups", "deny") < 0)
		return -1;
	snprintf(text, sizeof(text), "%u %u 1", gid, gid);
	if (write_text("/proc/self/gid_map", text) < 0)
		return -1;
	snprintf(text, sizeof(text), "%u %u 1", uid, uid);
	return write_text("/proc/self/uid_map", text);
}

static int loopback_up(void)
{
	struct ifreq req = { .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int r;

	if (fd < 0)
		return -1;
	memcpy(req.ifr_name, "lo", sizeof("lo"));
	r = ioctl(fd, SIOCSIFFLAGS, &req);
	close(fd);
	return r;
}

static int become(const struct rel_user *u)
{
	if (setgroups(0, NULL) < 0 || setresgid(u->gid, u->gid, u->gid) < 0)
		return -1;
	return setresuid(u->uid, u->uid, u->uid);
}

/* Until relctl has written the maps and filled the cgroups. */
static void await_go(const struct rel_keeper *k)
{
	struct rel_tell t;

	if (recv(k->link, &t, sizeof(t), 0) != sizeof(t) ||
		t.kind != REL_TELL_GO)
		_exit(1);
}

static void enter_level(const struct rel_keeper *k)
{
	const struct rel_sandbox *box = k->how->box;
	const char *what = "";

	if (box->level == REL_ISOLATION_NS) {
		if (!box->user.given && map_self(k->uid, k->gid) < 0)
			fail(k, REL_STEP_LEVEL, "map the user");
		if (rel_view_enter(box, &what) < 0)
			fail(k, REL_STEP_LEVEL, what);
	} else {
		if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
			fail(k, REL_STEP_SETUP, "become a subreaper");
		if (fchdir(box->tree_fd) < 0)
			fail(k, REL_STEP_SETUP,
				"change to the tree's directory");
	}
	/* With landlock there is no network of its own. */
	if (box->no_network && box->level != REL_ISOLATION_LANDLOCK &&
		loopback_up() < 0)
		fail(k, REL_STEP_LEVEL, "bring up a loopback");
	if (box->user.given && become(&box->user) < 0)
		fail(k, REL_STEP_SETUP, "become the user of --user");
	/* Also when it could not read the link: the kernel ends all of it. */
	if (box->level == REL_ISOLATION_NS)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static int limit_files(int64_t files)
{
	struct rlimit l;

	if (files == 0)
		return 0;
	if (getrlimit(RLIMIT_NOFILE, &l) < 0)
		return -1;
	l.rlim_cur = (rlim_t)files;
	return setrlimit(RLIMIT_NOFILE, &l);
}

/* The parts that every process of the app inherits from its keeper. */
static void give_up_power(const struct rel_keeper *k)
{
	enum rel_isolation level = k->how->box->level;
	int r = 0;

	if (rel_bounds_self(k->bounds) < 0 ||
		limit_files(k->how->box->files) < 0)
		fail(k, REL_STEP_SETUP, "set the limits");
	if (level == REL_ISOLATION_NONE) {
		if (geteuid() == 0 || getuid() == 0)
			r = rel_caps_drop();
		if (r < 0)
			fail(k, REL_STEP_SETUP,
				"drop root's power over other users' files");
		return;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		rel_caps_drop_all() < 0)
		fail(k, REL_STEP_SETUP, "drop capabilities");
	if (k->landlock >= 0 && rel_landlock_enter(k->landlock) < 0)
		fail(k, REL_STEP_LEVEL, "enter Landlock");
	if (rel_seccomp_enter() < 0)
		fail(k, REL_STEP_LEVEL, "filter system calls");
	if (level == REL_ISOLATION_LANDLOCK && k->how->box->no_network &&
		rel_seccomp_no_network() < 0)
		fail(k, REL_STEP_LEVEL, "take the network away");
}

/* An abstract socket with a name from the kernel; within a Landlock scope it
 * is ours because it is made after entering it. */
static int open_notify(const struct rel_keeper *k)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	socklen_t n = sizeof(a);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 ||
		bind(fd, (struct sockaddr *)&a, sizeof(a.sun_family)) < 0 ||
		getsockname(fd, (struct sockaddr *)&a, &n) < 0)
		fail(k, REL_STEP_SETUP, "make a socket for notifications");
	memcpy(k->notify + 1, a.sun_path + 1, 5);
	return fd;
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

/* 0, 1, 2 and the sockets from 3 on; ${pipe_fd} goes behind them. */
static int arrange_fds(const struct rel_spawn *how, int *pipe_fd)
{
	int base = 64 + (int)how->listen_n, n = 0;
	int from[3] = { how->in, how->out, how->err };

	/* Out of the way first, so that none is overwritten. */
	*pipe_fd = fcntl(*pipe_fd, F_DUPFD_CLOEXEC, base);
	for (int i = 0; i < 3; i++)
		from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, base);
	for (size_t i = 0; i < how->listen_n; i++, n++) {
		int fd = fcntl(how->listen[i], F_DUPFD_CLOEXEC, base);

		if (fd < 0 || dup2(fd, base - 1 - (int)how->listen_n + n) < 0)
			return -1;
	}
	for (int i = 0; i < 3; i++)
		if (from[i] < 0 || dup2(from[i], i) < 0)
			return -1;
	for (n = 0; n < (int)how->listen_n; n++)
		if (dup2(base - 1 - (int)how->listen_n + n, 3 + n) < 0)
			return -1;
	if (*pipe_fd < 0 || dup3(*pipe_fd, 3 + n, O_CLOEXEC) < 0)
		return -1;
	*pipe_fd = 3 + n;
	return (int)syscall(SYS_close_range, (unsigned)*pipe_fd + 1, ~0u, 0u);
}

_Noreturn static void app_main(const struct rel_keeper *k, int pipe_fd)
{
	struct rel_told why = { .kind = REL_TOLD_PID };
	char digits[24];

	setpgid(0, 0);
	/* The kernel says which number this is where relctl stands. */
	tell(k, &why);
	why.kind = REL_TOLD_FAILED;
	/* SIGTTOU is blocked here, else this would stop the new group. */
	if (k->how->foreground)
		tcsetpgrp(STDIN_FILENO, getpid());
	if (k->listen_pid) {
		snprintf(digits, sizeof(digits), "%d", (int)getpid());
		memcpy(k->listen_pid, digits, strlen(digits) + 1);
	}
	if (arrange_fds(k->how, &pipe_fd) < 0) {
		why.step = REL_STEP_SETUP;
		why.os_errno = errno;
		snprintf(
			why.text, sizeof(why.text), "arrange file descriptors");
	} else {
		reset_signals();
		rel_exec(k, &why);
	}
	if (write(pipe_fd, &why, sizeof(why)) < 0) {
		/* nobody is left to tell */
	}
	_exit(127);
}

/* Start it and wait for its execve. */
static pid_t start_app(const struct rel_keeper *k)
{
	struct rel_told told = { .kind = REL_TOLD_STARTED };
	int fds[2];
	ssize_t n;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		fail(k, REL_STEP_SETUP, "make a pipe");
	pid = fork();
	if (pid < 0)
		fail(k, REL_STEP_SETUP, "start a process");
	if (pid == 0)
		app_main(k, fds[1]);
	close(fds[1]);
	do
		n = read(fds[0], &told, sizeof(told));
	while (n < 0 && errno == EINTR);
	close(fds[0]);
	tell(k, &told);
	if (told.kind == REL_TOLD_FAILED)
		_exit(1);
	return pid;
}

/* Everything but the keeper; then there is nothing left to wait for. */
static void clear_away(struct life *l)
{
	bool own = l->k->how->box->level == REL_ISOLATION_NS;
	int status;
	pid_t pid;

	for (;;) {
		pid = waitpid(-1, NULL, WNOHANG);
		if (pid > 0)
			continue;
		if (pid < 0 && errno == ECHILD)
			return;
		if (own)
			kill(-1, SIGKILL);
		else
			rel_orphans_kill(getpid());
		/* Whoever ends is waited for; a new one is seen next time. */
		if (waitpid(-1, &status, 0) > 0 && WIFSIGNALED(status) &&
			WTERMSIG(status) == SIGKILL)
			l->left++;
	}
}

static void main_ended(struct life *l, int status)
{
	l->main_gone = true;
	l->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	l->status = l->signal ? 128 + l->signal : WEXITSTATUS(status);
}

static void reap(struct life *l)
{
	struct rel_told stopped = { .kind = REL_TOLD_STOPPED };
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0) {
		if (pid != l->main)
			continue;
		if (WIFSTOPPED(status)) {
			tell(l->k, &stopped);
			continue;
		}
		main_ended(l, status);
		if (!l->stopping)
			break; /* the rest is left behind */
	}
	/* As long as somebody is in the group its number is nobody else's. */
	l->ended = l->main_gone && (!l->stopping || kill(-l->main, 0) < 0);
}

static void notified(struct life *l)
{
	struct rel_told ready = { .kind = REL_TOLD_READY };
	char text[4096];
	ssize_t n;

	while ((n = recv(l->notify, text, sizeof(text) - 1, 0)) >= 0) {
		text[n] = '\0';
		for (char *line = text, *rest = NULL;
			(line = strtok_r(line, "\n", &rest)); line = NULL)
			if (!strcmp(line, "READY=1"))
				tell(l->k, &ready);
	}
}

static void obey(struct life *l)
{
	struct rel_tell t;
	ssize_t n = recv(l->k->link, &t, sizeof(t), MSG_DONTWAIT);
	int status = 0;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n != (ssize_t)sizeof(t) || t.kind == REL_TELL_KILL) {
		/* KILL, or relctl is gone. */
		l->ended = true;
		if (l->main_gone)
			return;
		kill(l->main, SIGKILL);
		while (waitpid(l->main, &status, 0) < 0 && errno == EINTR)
			;
		main_ended(l, status);
		return;
	}
	/* Not reaped yet, so the number is still its own. */
	if (!t.main_only || !l->main_gone)
		kill(t.main_only ? l->main : -l->main, t.sig);
	if (t.kind == REL_TELL_STOP) {
		kill(-l->main, SIGCONT);
		l->stopping = true;
	}
}

_Noreturn static void keep(struct life *l)
{
	struct rel_told ended = { .kind = REL_TOLD_ENDED };

	while (!l->ended) {
		struct pollfd fds[] = {
			{ .fd = l->k->link, .events = POLLIN },
			{ .fd = l->signals, .events = POLLIN },
			{ .fd = l->notify, .events = POLLIN },
		};
		struct signalfd_siginfo si;

		if (poll(fds, 3, -1) < 0)
			continue;
		if (fds[2].revents)
			notified(l);
		/* First: others in its group may still be there to get them. */
		if (fds[0].revents)
			obey(l);
		if (fds[1].revents && !l->ended) {
			while (read(l->signals, &si, sizeof(si)) > 0)
				;
			reap(l);
		}
	}
	clear_away(l);
	ended.status = l->status;
	ended.signal = l->signal;
	ended.left = l->left;
	tell(l->k, &ended);
	_exit(0);
}

void rel_keeper_main(struct rel_keeper *k)
{
	const struct rel_sandbox *box = k->how->box;
	struct life l = { .k = k };
	sigset_t all, chld;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	if (close_others(k) < 0)
		fail(k, REL_STEP_SETUP, "close inherited file descriptors");
	if (k->waits)
		await_go(k);
	enter_level(k);
	give_up_power(k);
	if (box->level != REL_ISOLATION_NONE)
		prctl(PR_SET_DUMPABLE, 0);
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	l.signals = signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK);
	if (l.signals < 0)
		fail(k, REL_STEP_SETUP, "make a signal descriptor");
	l.notify = k->notify ? open_notify(k) : -1;
	l.main = start_app(k);
	keep(&l);
}
