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

#include "sandbox/orphans.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
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

void rel_keeper_fail(
	const struct rel_keeper *k, enum rel_step_kind step, const char *text)
{
	struct rel_told told = {
		.kind = REL_TOLD_FAILED, .step = step, .os_errno = errno
	};

	snprintf(told.text, sizeof(told.text), "%s", text);
	tell(k, &told);
	_exit(1);
}

/* Until relctl has written the maps and filled the cgroups. */
static void await_go(const struct rel_keeper *k)
{
	struct rel_tell t;

	if (recv(k->link, &t, sizeof(t), 0) != sizeof(t) ||
		t.kind != REL_TELL_GO)
		_exit(1);
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
		rel_keeper_fail(
			k, REL_STEP_SETUP, "make a socket for notifications");
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

_Noreturn static void app_main(const struct rel_keeper *k, int pipe_fd)
{
	struct rel_told why = { .kind = REL_TOLD_PID };
	char digits[24];

	setpgid(0, 0);
	/* Nobody would watch over it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
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
	if (rel_fds_arrange(k->how, &pipe_fd) < 0) {
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
		rel_keeper_fail(k, REL_STEP_SETUP, "make a pipe");
	/* It has our memory until its execve, for which we would wait anyway.
	 */
	pid = vfork();
	if (pid < 0)
		rel_keeper_fail(k, REL_STEP_SETUP, "start a process");
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
	struct life l = { .k = k };
	sigset_t all, chld;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	if (rel_fds_close_others(k) < 0)
		rel_keeper_fail(
			k, REL_STEP_SETUP, "close inherited file descriptors");
	if (k->waits)
		await_go(k);
	rel_confine(k);
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	l.signals = signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK);
	if (l.signals < 0)
		rel_keeper_fail(k, REL_STEP_SETUP, "make a signal descriptor");
	l.notify = k->notify ? open_notify(k) : -1;
	l.main = start_app(k);
	keep(&l);
}
