/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/sandbox/child.c - relctl's end of the link: start, listen, tell.
 */
#include "sandbox/child.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "sandbox/keeper.h"
#include "sandbox/landlock.h"
#include "sandbox/private.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Not in the headers of every C library that has the rest. */
#ifndef P_PIDFD
#define P_PIDFD 3
#endif

/* Fork, into the namespaces of the level. Returns as fork. */
static pid_t start_keeper(const struct rel_sandbox *box, int *ret_pidfd)
{
	struct clone_args a = {
		.flags = CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)ret_pidfd,
		.exit_signal = SIGCHLD,
	};

	if (box->level == REL_ISOLATION_NS)
		a.flags |= CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID |
			   CLONE_NEWIPC | CLONE_NEWUTS;
	/* With landlock a filter does it, which needs no right. */
	if (box->no_network && box->level != REL_ISOLATION_LANDLOCK)
		a.flags |= CLONE_NEWNET;
	return (pid_t)syscall(SYS_clone3, &a, sizeof(a));
}

static int write_map(pid_t pid, const char *file, unsigned id)
{
	char path[64], text[32];
	int fd, r;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	snprintf(text, sizeof(text), "%u %u 1", id, id);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	r = write(fd, text, strlen(text)) < 0 ? -1 : 0;
	close(fd);
	return r;
}

/* What only relctl may do for a keeper that waits for it. */
static int help_keeper(
	struct rel_child *c, const struct rel_sandbox *box, struct rel_err *err)
{
	struct rel_tell go = { .kind = REL_TELL_GO };
	int r = rel_bounds_enter(&c->bounds, c->keeper, err);

	if (r == 0 && box->user.given && box->level == REL_ISOLATION_NS &&
		(write_map(c->keeper, "gid_map", box->user.gid) < 0 ||
			write_map(c->keeper, "uid_map", box->user.uid) < 0))
		r = rel_fail_os(err, "map the user");
	if (r == 0 && send(c->link, &go, sizeof(go), MSG_NOSIGNAL) < 0)
		r = rel_fail_os(err, "start a process");
	return r;
}

/* One message; its sender's number in *ret_pid. Returns 0 at the end. */
static ssize_t receive(const struct rel_child *c, struct rel_told *ret,
	pid_t *ret_pid, int flags)
{
	char control[CMSG_SPACE(sizeof(struct ucred))];
	struct iovec io = { .iov_base = ret, .iov_len = sizeof(*ret) };
	struct msghdr m = { .msg_iov = &io,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control) };
	struct cmsghdr *cm;
	struct ucred cred;
	ssize_t n;

	do
		n = recvmsg(c->link, &m, MSG_CMSG_CLOEXEC | flags);
	while (n < 0 && errno == EINTR);
	cm = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
	if (cm && cm->cmsg_type == SCM_CREDENTIALS && ret_pid) {
		memcpy(&cred, CMSG_DATA(cm), sizeof(cred));
		*ret_pid = cred.pid;
	}
	return n;
}

/* The keeper is dead, or will be at once: nothing of the child is left. */
static void forget(struct rel_child *c)
{
	siginfo_t si;

	while (waitid(P_PIDFD, (id_t)c->pidfd, &si, WEXITED) < 0 &&
		errno == EINTR)
		;
	rel_closep(&c->pidfd);
	rel_closep(&c->link);
	rel_bounds_done(&c->bounds);
	rel_private_done(&c->tmp);
}

/* Tell a command that is not there from one that does not start. */
static int exec_status(
	const struct rel_told *why, const char *name, struct rel_err *err)
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

static int failed(struct rel_child *c, const struct rel_told *why,
	const struct rel_spawn *how, struct rel_err *err)
{
	REL_AUTO(rel_freep) char *shown = NULL;
	const char *name = how->argv->v[0];

	errno = why->os_errno;
	if (why->step == REL_STEP_EXEC) {
		/* Of "TOKEN=… CMD", a slip, the value is not for a message. */
		shown = rel_strndup(name, strcspn(name, "="));
		c->status = exec_status(why, shown, err);
		return 0;
	}
	rel_fail_os(err, "%s", why->text);
	if (why->step != REL_STEP_LEVEL)
		return -(int)err->code;
	err->code = REL_EREFUSED;
	c->impossible = true;
	return rel_wrap(err, "isolation '%s' cannot be had here",
		rel_isolation_name(how->box->level));
}

/* Until execve, or the reason why not. Returns 1 when it runs. */
static int await_start(
	struct rel_child *c, const struct rel_spawn *how, struct rel_err *err)
{
	struct rel_told told;
	ssize_t n;
	pid_t from = 0;

	for (;;) {
		n = receive(c, &told, &from, 0);
		if (n != (ssize_t)sizeof(told))
			return rel_fail(err, REL_EIO,
				"the process ended before it began");
		switch (told.kind) {
		case REL_TOLD_PID:
			c->pid = from;
			break;
		case REL_TOLD_STARTED:
			return 1;
		case REL_TOLD_FAILED:
			return failed(c, &told, how, err);
		default:
			break;
		}
	}
}

static int level_fails(
	struct rel_child *c, enum rel_isolation level, struct rel_err *err)
{
	c->impossible = true;
	err->code = REL_EREFUSED;
	return rel_wrap(err, "isolation '%s' cannot be had here",
		rel_isolation_name(level));
}

/* What can be known before anything is started. */
static int check(const struct rel_sandbox *box, struct rel_err *err)
{
	if (box->user.given && geteuid() != 0)
		return rel_fail(
			err, REL_EREFUSED, "only root can run as another user");
	if (box->user.given && box->level != REL_ISOLATION_NS)
		return rel_fail(err, REL_EREFUSED,
			"to run as another user needs isolation 'ns': the "
			"store is closed to other users");
	for (size_t i = 0; i < box->binds_n; i++)
		if (access(box->binds[i].path, F_OK) < 0)
			return rel_fail(err, REL_EREFUSED,
				"'%s', which is to be seen, is not there",
				box->binds[i].path);
	return 0;
}

/* What the keeper takes along; *ret_landlock and *ret_tmp are the caller's to
 * close. */
static int prepare(const struct rel_sandbox *box, struct rel_child *c,
	int *ret_landlock, int *ret_tmp, struct rel_err *err)
{
	uid_t uid = box->user.given ? box->user.uid : geteuid();
	bool own = box->level == REL_ISOLATION_NS;
	int r = check(box, err);

	if (r == 0)
		r = rel_bounds_make(&box->limits, uid, own, &c->bounds, err);
	if (r < 0 || box->level == REL_ISOLATION_NONE)
		return r;
	if (own)
		return rel_landlock_scope(ret_landlock, err);
	if (rel_landlock_abi() == 0) {
		errno = ENOSYS;
		rel_fail_os(err, "Landlock");
		return level_fails(c, box->level, err);
	}
	r = rel_private_make(&c->tmp, ret_tmp, err);
	if (r == 0)
		r = rel_landlock_view(box, c->tmp, ret_landlock, err);
	return r;
}

static int open_link(int ret[2], struct rel_err *err)
{
	int on = 1;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret) < 0 ||
		setsockopt(ret[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) <
			0)
		return rel_fail_os(err, "make a socket");
	return 0;
}

/* Start the keeper and see the process through its execve; 1 when it runs. */
static int launch(
	struct rel_keeper *k, struct rel_child *c, struct rel_err *err)
{
	const struct rel_sandbox *box = k->how->box;
	REL_AUTO(rel_closep) int inner = -1;
	int pair[2] = { -1, -1 };
	int r = open_link(pair, err);

	c->link = pair[0];
	inner = k->link = pair[1];
	if (r < 0)
		return r;
	k->waits = c->bounds.dirs_n > 0 || box->user.given;
	k->uid = geteuid();
	k->gid = getegid();
	c->keeper = start_keeper(box, &c->pidfd);
	if (c->keeper == 0)
		rel_keeper_main(k);
	if (c->keeper < 0) {
		rel_fail_os(err, "start a process%s",
			box->no_network ? " without a network" : "");
		return box->level == REL_ISOLATION_NS
			       ? level_fails(c, box->level, err)
			       : -(int)err->code;
	}
	rel_closep(&inner);
	if (k->waits)
		r = help_keeper(c, box, err);
	if (r == 0)
		r = await_start(c, k->how, err);
	return r;
}

int rel_child_spawn(
	const struct rel_spawn *how, struct rel_child *ret, struct rel_err *err)
{
	REL_AUTO(rel_variables_done) struct rel_variables env = { 0 };
	REL_AUTO(rel_freep) char **script = NULL;
	REL_AUTO(rel_closep) int landlock = -1;
	REL_AUTO(rel_closep) int tmp = -1;
	struct rel_keeper k = { .how = how, .bounds = &ret->bounds };
	char shell[] = "/bin/sh";
	int r;

	*ret = (struct rel_child)REL_CHILD_NONE;
	r = prepare(how->box, ret, &landlock, &tmp, err);
	if (r == 0) {
		/* script[1] is the path of the file, the rest its arguments. */
		script = rel_alloc((how->argv->n + 2) * sizeof(*script));
		script[0] = shell;
		memcpy(script + 2, how->argv->v + 1,
			how->argv->n * sizeof(*script));
		k.script = script;
		k.landlock = landlock;
		k.tmp = tmp;
		rel_variables_make(how, ret->tmp, &k, &env);
		r = launch(&k, ret, err);
	}
	if (r <= 0) {
		rel_child_kill(ret);
		forget(ret);
	}
	ret->started_ms = rel_monotonic_ms();
	return r < 0 ? r : 0;
}

enum rel_news rel_child_news(struct rel_child *c, int *ret_left)
{
	struct rel_told told;
	ssize_t n;

	if (c->pidfd < 0)
		return REL_NEWS_NONE;
	n = receive(c, &told, NULL, MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		return REL_NEWS_NONE;
	if (n == (ssize_t)sizeof(told) && told.kind == REL_TOLD_READY)
		return REL_NEWS_READY;
	if (n == (ssize_t)sizeof(told) && told.kind == REL_TOLD_STOPPED)
		return REL_NEWS_STOPPED;
	/* ENDED, or the keeper was killed. */
	c->status = n == (ssize_t)sizeof(told) ? told.status : 128 + SIGKILL;
	c->signal = n == (ssize_t)sizeof(told) ? told.signal : SIGKILL;
	if (ret_left)
		*ret_left = n == (ssize_t)sizeof(told) ? told.left : 0;
	forget(c);
	return REL_NEWS_ENDED;
}

void rel_child_signal(const struct rel_child *c, int sig, bool main_only)
{
	struct rel_tell t = { REL_TELL_SIGNAL, sig, main_only };

	if (c->pidfd >= 0 && send(c->link, &t, sizeof(t), MSG_NOSIGNAL) < 0) {
		/* it is ending, and the news are on their way */
	}
}

void rel_child_stop(const struct rel_child *c, int sig)
{
	struct rel_tell t = { .kind = REL_TELL_STOP, .sig = sig };

	if (c->pidfd >= 0 && send(c->link, &t, sizeof(t), MSG_NOSIGNAL) < 0) {
		/* as above */
	}
}

void rel_child_kill(const struct rel_child *c)
{
	struct rel_tell t = { .kind = REL_TELL_KILL };

	if (c->pidfd >= 0 && send(c->link, &t, sizeof(t), MSG_NOSIGNAL) < 0) {
		/* as above */
	}
}

void rel_child_await(struct rel_child *c)
{
	struct pollfd p = { .fd = c->link, .events = POLLIN };

	while (c->pidfd >= 0) {
		if (poll(&p, 1, -1) < 0 && errno != EINTR)
			return;
		if (rel_child_news(c, NULL) == REL_NEWS_ENDED)
			return;
	}
}

bool rel_child_drops(const struct rel_sandbox *box)
{
	/* Either makes execve give all that the bounding set has. */
	return !box->user.given && (geteuid() == 0 || getuid() == 0);
}
