/* SPDX-License-Identifier: Apache-2.0 */
#include "run/relay_child.h"

#include "base/clock.h"
#include "run/relay_conn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* At once; fewer where the hard limit of open files says so. */
#define MAX_CONNS ((rlim_t)10000)
/* What a connection can need (two sockets, two pipes), and the relay itself. */
#define CONN_FDS 6
#define OWN_FDS 8
#define BATCH 64

/* Keys of epoll. */
enum { KEY_LISTEN, KEY_LINK };

struct relay {
	int listen, link;
	bool stopping, paused;
	int64_t paused_until_ms;
	struct rel_conns conns;
};

static int watch(struct relay *r, int op, int fd, int mask, uint64_t key)
{
	struct epoll_event ev = { .events = (uint32_t)mask, .data.u64 = key };

	return epoll_ctl(r->conns.ep, op, fd, &ev);
}

static void pause_accept(struct relay *r, int64_t until_ms)
{
	r->paused = true;
	r->paused_until_ms = until_ms;
	watch(r, EPOLL_CTL_MOD, r->listen, 0, KEY_LISTEN);
}

static void on_listen(struct relay *r)
{
	for (int i = 0; i < BATCH; i++) {
		int fd;

		if (!rel_conns_has_room(&r->conns)) {
			pause_accept(r, 0);
			return;
		}
		fd = accept4(
			r->listen, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			rel_conns_add(&r->conns, fd);
		} else if (errno == EAGAIN) {
			return;
		} else if (errno != EINTR && errno != ECONNABORTED) {
			/* The system has no more files or memory. */
			pause_accept(r, r->conns.now_ms + REL_RELAY_RETRY_MS);
			return;
		}
	}
}

static void on_link(struct relay *r)
{
	struct rel_relay_order o;
	ssize_t n = recv(r->link, &o, sizeof(o), 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n != (ssize_t)sizeof(o))
		_exit(0);
	if (o.n != REL_RELAY_STOP) {
		rel_conns_set(&r->conns, o.ports, (size_t)o.n, o.number);
	} else if (!r->stopping) {
		watch(r, EPOLL_CTL_DEL, r->listen, 0, KEY_LISTEN);
		r->stopping = true;
		r->paused = false;
	}
}

/* Tell which backends are drained, and forget them. What the link does not
 * take now is told later. */
static void report(struct rel_conns *cs, int link)
{
	size_t kept = 0;

	cs->news = false;
	for (size_t i = 0; i < cs->backends.n; i++) {
		struct rel_backend *b = cs->backends.v[i];
		struct rel_relay_word w = { b->port, b->number };
		bool drained = !b->in && b->n == 0;

		if (drained && send(link, &w, sizeof(w), MSG_NOSIGNAL) > 0) {
			free(b);
			continue;
		}
		cs->news |= drained;
		cs->backends.v[kept++] = b;
	}
	cs->backends.n = kept;
}

static void finish_turn(struct relay *r)
{
	struct rel_conns *cs = &r->conns;

	rel_conns_recycle(cs);
	if (cs->news)
		report(cs, r->link);
	if (r->paused && rel_conns_has_room(cs) &&
		r->paused_until_ms <= cs->now_ms) {
		r->paused = false;
		watch(r, EPOLL_CTL_MOD, r->listen, EPOLLIN, KEY_LISTEN);
	}
	if (r->stopping && cs->live == 0)
		_exit(0);
}

static void on_event(struct relay *r, const struct epoll_event *ev)
{
	if (ev->data.u64 == KEY_LINK)
		on_link(r);
	else if (ev->data.u64 != KEY_LISTEN)
		rel_conns_event(&r->conns, ev->data.u64, ev->events);
	else if (!r->stopping)
		on_listen(r);
}

_Noreturn static void work(struct relay *r)
{
	struct rel_conns *cs = &r->conns;
	struct epoll_event events[BATCH];
	int64_t tick_ms = 0;

	for (;;) {
		bool idle = cs->waiting.next == &cs->waiting && !r->paused &&
			    !cs->news;
		int n = epoll_wait(
			cs->ep, events, BATCH, idle ? -1 : REL_RELAY_RETRY_MS);

		if (n < 0 && errno != EINTR)
			_exit(1);
		cs->now_ms = rel_monotonic_ms();
		for (int i = 0; i < n; i++)
			on_event(r, &events[i]);
		if (cs->now_ms >= tick_ms + REL_RELAY_RETRY_MS) {
			tick_ms = cs->now_ms;
			rel_conns_retry(cs);
		}
		finish_turn(r);
	}
}

/* Give up what is not needed; in their new places: listen_fd 3, link 4. */
static int confine(int listen_fd, int link, int parent)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };
	int a = fcntl(listen_fd, F_DUPFD, 5), b = fcntl(link, F_DUPFD, 5);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	/* Not closed: a socket there would get what is meant for stderr. */
	for (int fd = 0; fd < 3; fd++)
		if (dup2(null, fd) < 0)
			return -1;
	if (dup2(a, 3) < 0 || dup2(b, 4) < 0 ||
		syscall(SYS_close_range, 5u, ~0u, 0u) < 0 ||
		fcntl(3, F_SETFL, O_NONBLOCK) < 0 || chdir("/") < 0)
		return -1;
	prctl(PR_SET_NAME, "relctl-front", 0, 0, 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		syscall(SYS_capset, &head, none) < 0 ||
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return -1;
	return getppid() == (pid_t)parent ? 0 : -1;
}

static size_t raise_limit(void)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim) < 0)
		return 1;
	lim.rlim_cur = lim.rlim_max;
	setrlimit(RLIMIT_NOFILE, &lim);
	if (lim.rlim_cur >= MAX_CONNS * CONN_FDS + OWN_FDS)
		return MAX_CONNS;
	if (lim.rlim_cur < CONN_FDS + OWN_FDS)
		return 1;
	return (size_t)(lim.rlim_cur - OWN_FDS) / CONN_FDS;
}

_Noreturn void rel_relay_child(int listen_fd, int link, int parent)
{
	struct relay r = { .listen = 3, .link = 4 };
	size_t max = raise_limit();
	int ep;

	if (confine(listen_fd, link, parent) < 0)
		_exit(1);
	ep = epoll_create1(EPOLL_CLOEXEC);
	rel_conns_init(&r.conns, ep, max);
	if (ep < 0 ||
		watch(&r, EPOLL_CTL_ADD, r.listen, EPOLLIN, KEY_LISTEN) < 0 ||
		watch(&r, EPOLL_CTL_ADD, r.link, EPOLLIN, KEY_LINK) < 0)
		_exit(1);
	work(&r);
}
