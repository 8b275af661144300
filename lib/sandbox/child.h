/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/sandbox/child.h - start a process of the app and hold on to it.
 * Mechanism.
 *
 * Between relctl and the process stands its keeper: pid 1 of the namespace, or
 * else a subreaper. It reaps, passes signals on, listens on NOTIFY_SOCKET, and
 * takes everything that the process left behind with it when the process ends,
 * when it is told to, and when relctl is gone.
 *
 * Before it starts a child the caller sees to it that SIGCHLD is not ignored,
 * and blocks SIGTTOU and the signals that it wants to pass on: then none is
 * lost. The process gets an empty mask, default dispositions and no fd above 2
 * but those of LISTEN_FDS.
 */
#ifndef REL_SANDBOX_CHILD_H
#define REL_SANDBOX_CHILD_H

#include "base/strings.h"
#include "sandbox/limits.h"
#include "sandbox/sandbox.h"

struct rel_child {
	pid_t keeper;
	pid_t pid;	    /* of the process, as seen from here */
	int pidfd;	    /* the keeper's; -1: there is no child */
	int link;	    /* to the keeper: readable when it has news */
	int status;	    /* once it has ended, or could not be invoked */
	int signal;	    /* that ended it: status is 128 more; 0: none */
	int64_t started_ms; /* rel_monotonic_ms */
	bool impossible;    /* not started: the level cannot be had here */
	char *tmp;	    /* landlock: the private directory, or NULL */
	struct rel_bounds bounds;
};
#define REL_CHILD_NONE                                                         \
	{                                                                      \
		.pidfd = -1, .link = -1                                        \
	}

struct rel_spawn { /* all borrowed */
	const struct rel_sandbox *box;
	const struct rel_strings *argv;
	/* NOTIFY_SOCKET, LISTEN_* and, with landlock, TMPDIR are set besides.
	 */
	const struct rel_strings *env;
	int in, out, err; /* 0, 1, 2: relctl's own */
	/* No NOTIFY_SOCKET: its name is another one each time. */
	bool no_notify;
	/* Put its group in the foreground of the terminal at stdin. */
	bool foreground;
	const int *listen; /* become fds 3… */
	size_t listen_n;
	const char *listen_names; /* "web:admin", or NULL */
};

/*
 * Start it with exactly the level of ${how}->box, as a process group of its
 * own. Returns after execve. When that failed there is no child (pidfd -1),
 * status is 126 or 127, err->msg says why, and the return is still 0.
 * Errors: REL_EREFUSED (the level, a limit, a user or a bind that this machine
 * cannot give: the message names what is missing; ret->impossible tells that
 * it is the level), REL_EIO for what else fails before execve.
 */
int rel_child_spawn(const struct rel_spawn *how, struct rel_child *ret,
	struct rel_err *err) REL_CHECK;

/* What the keeper tells. */
enum rel_news {
	REL_NEWS_NONE,	  /* nothing (more) to read */
	REL_NEWS_READY,	  /* READY=1 came in */
	REL_NEWS_STOPPED, /* the process was stopped, not ended */
	REL_NEWS_ENDED,	  /* it and all it left are gone; status is set */
};
/*
 * Read one message, without waiting. After REL_NEWS_ENDED the child is reaped,
 * its descriptors are closed and its private directory and cgroup are gone.
 * *ret_left (may be NULL): how many processes it had left behind.
 * A keeper that was killed is ENDED with status 137.
 */
enum rel_news rel_child_news(struct rel_child *c, int *ret_left);

/* Send a signal to the process group; with ${main_only} to the process. */
void rel_child_signal(const struct rel_child *c, int sig, bool main_only);

/*
 * Ask it to stop: the signal to the process group, which is also continued.
 * What is in the group when the process ends may go on until it is killed: it
 * was asked as well (a server in a pipeline, the child of a wrapper).
 */
void rel_child_stop(const struct rel_child *c, int sig);

/* Kill it and everything that it started, at once. News follow. */
void rel_child_kill(const struct rel_child *c);

/* Wait until it has ended; for one that was killed. */
void rel_child_await(struct rel_child *c);

/* True when the process will be root: it has less power than relctl then. */
bool rel_child_drops(const struct rel_sandbox *box);

#endif
