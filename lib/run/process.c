/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/run/process.c - one child, in the place of this process: what arrives
 * here goes there, and what becomes of it is what becomes of us.
 */
#include "run/process.h"

#include "base/clock.h"
#include "base/file.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

static const int passed_on[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1,
	SIGUSR2, SIGWINCH, SIGCONT, SIGTSTP };

/* The terminal at stdin, and whether it is ours to give. */
struct terminal {
	bool present; /* it is the controlling terminal */
	pid_t group;  /* our own */
	bool given;   /* the child's group is in its foreground */
};

struct watch {
	struct rel_child child;
	struct terminal tty;
	int signals; /* signalfd */
	sigset_t old_mask;
	struct sigaction old_chld;
};

static bool is_ignored(int sig)
{
	struct sigaction now;

	return sigaction(sig, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

/*
 * From here on signals wait in a signalfd: one that arrives before the child
 * is there reaches it when it is.
 */
static int catch_signals(struct watch *w, struct rel_err *err)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	sigset_t set, blocked;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(passed_on) / sizeof(*passed_on); i++)
		if (!is_ignored(passed_on[i]))
			sigaddset(&set, passed_on[i]);
	w->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (w->signals < 0)
		return rel_fail_os(err, "make a signal descriptor");
	blocked = set;
	sigaddset(&blocked, SIGTTOU);
	sigprocmask(SIG_BLOCK, &blocked, &w->old_mask);
	/* Ignored, it would have the kernel reap the child before we can. */
	sigaction(SIGCHLD, &dfl, &w->old_chld);
	return 0;
}

/* What still waits was meant for the process that has ended: it goes too. */
static void release_signals(struct watch *w)
{
	struct signalfd_siginfo si;

	if (w->signals < 0)
		return;
	while (read(w->signals, &si, sizeof(si)) > 0)
		;
	rel_closep(&w->signals);
	sigaction(SIGCHLD, &w->old_chld, NULL);
	sigprocmask(SIG_SETMASK, &w->old_mask, NULL);
}

static void take_terminal(struct watch *w)
{
	if (w->tty.given)
		tcsetpgrp(STDIN_FILENO, w->tty.group);
	w->tty.given = false;
}

/* Go on, in the foreground if a shell has put us there. */
static void resume(struct watch *w)
{
	pid_t front = w->tty.present ? tcgetpgrp(STDIN_FILENO) : -1;

	if (front == w->tty.group)
		tcsetpgrp(STDIN_FILENO, w->child.pid);
	w->tty.given = front == w->tty.group || front == w->child.pid;
	rel_child_signal(&w->child, SIGCONT, false);
}

/*
 * Stop as Ctrl-Z would have stopped us, with all that is in our group: a shell
 * that waits for it has to see it. SIGTSTP and not SIGSTOP, because the kernel
 * ignores it where there is no shell that could continue us.
 */
static void stop_self(struct watch *w)
{
	sigset_t tstp;

	take_terminal(w);
	sigemptyset(&tstp);
	sigaddset(&tstp, SIGTSTP);
	kill(w->tty.present ? 0 : getpid(), SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &tstp, NULL);
	/* Stopped here until SIGCONT, or not at all. */
	sigprocmask(SIG_BLOCK, &tstp, NULL);
	resume(w);
}

static void handle_signal(struct watch *w, int sig)
{
	switch (sig) {
	case SIGTSTP:
		rel_child_signal(&w->child, SIGTSTP, false);
		stop_self(w);
		break;
	case SIGCONT:
		resume(w);
		break;
	default:
		rel_child_signal(&w->child, sig, false);
	}
}

static int watch_child(struct watch *w, struct rel_err *err)
{
	for (;;) {
		struct pollfd fds[] = {
			{ .fd = w->child.link, .events = POLLIN },
			{ .fd = w->signals, .events = POLLIN },
		};
		struct signalfd_siginfo si;
		enum rel_news news;

		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return rel_fail_os(err, "wait for the process");
		/* First: others in its group may still be there to get them. */
		while (read(w->signals, &si, sizeof(si)) == sizeof(si))
			handle_signal(w, (int)si.ssi_signo);
		while ((news = rel_child_news(&w->child, NULL))) {
			if (news == REL_NEWS_ENDED)
				return 0;
			if (news == REL_NEWS_STOPPED && w->tty.present)
				stop_self(w);
		}
	}
}

int rel_process_run(const struct rel_sandbox *box,
	const struct rel_strings *argv, const struct rel_strings *env,
	struct rel_process_end *ret, struct rel_err *err)
{
	struct watch w = { .signals = -1, .tty = { .group = getpgrp() } };
	struct rel_spawn how = { .box = box,
		.argv = argv,
		.env = env,
		.in = 0,
		.out = 1,
		.err = 2 };
	pid_t front = tcgetpgrp(STDIN_FILENO);
	int r;

	*ret = (struct rel_process_end){ 0 };
	w.tty.present = front >= 0;
	w.tty.given = how.foreground = front == w.tty.group;
	r = catch_signals(&w, err);
	if (r < 0)
		return r;
	r = rel_child_spawn(&how, &w.child, err);
	ret->impossible = w.child.impossible;
	if (r == 0) {
		ret->invoked = w.child.pidfd >= 0;
		if (ret->invoked)
			r = watch_child(&w, err);
		ret->status = w.child.status;
		ret->lived_ms = rel_monotonic_ms() - w.child.started_ms;
	}
	take_terminal(&w);
	release_signals(&w);
	return r;
}
