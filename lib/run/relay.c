/* SPDX-License-Identifier: Apache-2.0 */
#include "run/relay.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "run/relay_child.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t fork_relay(int listen_fd, int link)
{
	sigset_t all, old;
	pid_t parent = getpid(), pid;

	/* A signal that comes now is the parent's, and none is the relay's: it
	 * goes on while a terminal's ^C or an init's TERM stops the rest. */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &old);
	pid = fork();
	if (pid == 0)
		rel_relay_child(listen_fd, link, (int)parent);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return pid;
}

int rel_relay_start(int listen_fd, struct rel_relay *ret, struct rel_err *err)
{
	REL_AUTO(rel_closep) int ours = -1;
	REL_AUTO(rel_closep) int its = -1;
	struct rel_relay r = REL_RELAY_NONE;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
		    0, fds) < 0)
		return rel_fail_os(err, "make the link to the relay");
	ours = fds[0];
	its = fds[1];
	r.pid = fork_relay(listen_fd, its);
	if (r.pid < 0)
		return rel_fail_os(err, "start the relay");
	r.pidfd = (int)syscall(SYS_pidfd_open, r.pid, 0);
	if (r.pidfd < 0) {
		rel_fail_os(err, "watch the relay");
		kill(r.pid, SIGKILL);
		waitpid(r.pid, NULL, 0);
		return -(int)err->code;
	}
	r.link = ours;
	ours = -1;
	r.last = rel_alloc(((size_t)UINT16_MAX + 1) * sizeof(*r.last));
	*ret = r;
	return 0;
}

int rel_relay_set(
	struct rel_relay *r, const int *ports, size_t n, struct rel_err *err)
{
	struct rel_relay_order o = { .n = (int32_t)n };

	if (n > REL_RELAY_PORTS)
		return rel_fail(err, REL_EINVALID,
			"%zu instances are too many for one relay, %d are the most",
			n, REL_RELAY_PORTS);
	o.number = ++r->number;
	for (size_t i = 0; i < n; i++) {
		o.ports[i] = ports[i];
		r->last[(uint16_t)ports[i]] = o.number;
	}
	if (send(r->link, &o, sizeof(o), MSG_NOSIGNAL) < 0)
		return rel_fail_os(err, "tell the relay its instances");
	return 0;
}

int rel_relay_drained(struct rel_relay *r)
{
	struct rel_relay_word w;
	ssize_t n;

	for (;;) {
		n = recv(r->link, &w, sizeof(w), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n != (ssize_t)sizeof(w))
			return -1;
		/* One that crossed with an order that gave the port back says
		 * nothing about the connections since. */
		if (r->last[(uint16_t)w.port] < w.number)
			return w.port;
	}
}

void rel_relay_stop(struct rel_relay *r, int64_t grace_ms)
{
	struct rel_relay_order o = { .n = REL_RELAY_STOP };
	int64_t end_ms = rel_monotonic_ms() + grace_ms;
	struct pollfd pfd = { .fd = r->pidfd, .events = POLLIN };
	int left = (int)(grace_ms < INT32_MAX ? grace_ms : INT32_MAX);

	if (r->pidfd < 0)
		return;
	if (grace_ms > 0 && send(r->link, &o, sizeof(o), MSG_NOSIGNAL) > 0)
		while (left > 0 && poll(&pfd, 1, left) < 0 && errno == EINTR)
			left = (int)(end_ms - rel_monotonic_ms());
	/* Not reaped yet: the number is still its own. */
	kill(r->pid, SIGKILL);
	while (waitpid(r->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	rel_closep(&r->pidfd);
	rel_closep(&r->link);
	free(r->last);
	r->last = NULL;
}
