/* SPDX-License-Identifier: Apache-2.0 */
#include "run/relay_conn.h"

#include "base/mem.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAIT_MS 10000

enum { CLIENT, BACKEND };

void rel_conns_init(struct rel_conns *cs, int ep, size_t max)
{
	*cs = (struct rel_conns){ .ep = ep, .max = max };
	cs->v = rel_alloc(max * sizeof(*cs->v));
	cs->waiting.next = cs->waiting.prev = &cs->waiting;
}

bool rel_conns_has_room(const struct rel_conns *cs)
{
	return cs->unused || cs->fresh < cs->max;
}

void rel_conns_recycle(struct rel_conns *cs)
{
	while (cs->ended) {
		struct rel_conn *c = cs->ended;

		cs->ended = c->next;
		c->next = cs->unused;
		cs->unused = c;
	}
}

static int watch(struct rel_conns *cs, struct rel_conn *c, int side, int mask)
{
	struct epoll_event ev = { .events = (uint32_t)mask,
		.data.u64 = REL_CONN_KEYS + 2 * (uint64_t)(c - cs->v) +
			    (uint64_t)side };
	int op = mask < 0	     ? EPOLL_CTL_DEL
		 : c->mask[side] < 0 ? EPOLL_CTL_ADD
				     : EPOLL_CTL_MOD;

	if (mask == c->mask[side] || (mask == 0 && c->mask[side] < 0))
		return 0;
	c->mask[side] = mask;
	return epoll_ctl(cs->ep, op, c->fd[side], &ev);
}

static void enlist(struct rel_conns *cs, struct rel_conn *c)
{
	c->next = &cs->waiting;
	c->prev = cs->waiting.prev;
	c->prev->next = c->next->prev = c;
}

static void delist(struct rel_conn *c)
{
	c->prev->next = c->next;
	c->next->prev = c->prev;
}

static void leave_backend(struct rel_conns *cs, struct rel_conn *c)
{
	if (!c->to)
		return;
	c->to->n--;
	cs->news |= !c->to->in;
	c->to = NULL;
}

/* Pass a reset on, but not ahead of bytes that are still on their way. */
static void close_socket(int fd, bool reset)
{
	struct linger now = { .l_onoff = 1 };
	int unsent = 0;

	if (fd < 0)
		return;
	if (reset && ioctl(fd, SIOCOUTQNSD, &unsent) == 0 && unsent == 0)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

static void end(struct rel_conns *cs, struct rel_conn *c)
{
	if (c->state != REL_CONN_OPEN)
		delist(c);
	for (int side = 0; side < 2; side++) {
		rel_flow_drop(&c->flow[side]);
		close_socket(c->fd[side], c->reset);
	}
	leave_backend(cs, c);
	c->state = REL_CONN_ENDED;
	c->next = cs->ended;
	cs->ended = c;
	cs->live--;
}

/* What epoll shall tell of this side. */
static int wanted(const struct rel_conn *c, int side)
{
	const struct rel_flow *from = &c->flow[side];
	const struct rel_flow *into = &c->flow[!side];

	return (!from->done && from->held == 0 ? (int)EPOLLIN : 0) |
	       (!into->done && into->held > 0 ? (int)EPOLLOUT : 0);
}

static void settle(struct rel_conns *cs, struct rel_conn *c)
{
	if (c->flow[CLIENT].done && c->flow[BACKEND].done) {
		end(cs, c);
		return;
	}
	if (watch(cs, c, CLIENT, wanted(c, CLIENT)) < 0 ||
		watch(cs, c, BACKEND, wanted(c, BACKEND)) < 0) {
		c->reset = true;
		end(cs, c);
	}
}

static void carry(struct rel_conns *cs, struct rel_conn *c, int from)
{
	enum rel_flow_end e = rel_flow_move(
		&c->flow[from], c->fd[from], c->fd[!from], &cs->pipes);

	if (e == REL_FLOW_ON)
		return;
	/* What a side sent before it stopped to listen is still delivered. */
	c->reset = true;
	rel_flow_drop(&c->flow[from]);
	if (e == REL_FLOW_LOST)
		rel_flow_drop(&c->flow[!from]);
}

static void on_open(
	struct rel_conns *cs, struct rel_conn *c, int side, uint32_t events)
{
	bool over = events & (EPOLLERR | EPOLLHUP);

	if (events & EPOLLERR) {
		c->reset = true;
		rel_flow_drop(&c->flow[!side]);
	}
	if (over || (events & EPOLLIN))
		carry(cs, c, side);
	if (over || (events & EPOLLOUT))
		carry(cs, c, !side);
	settle(cs, c);
	/* It would be told again and again while the other side is slow. */
	if (over && c->state == REL_CONN_OPEN && c->mask[side] == 0)
		(void)watch(cs, c, side, -1);
}

/* Back among those that look for a backend; nothing was sent to this one. */
static void disconnect(struct rel_conns *cs, struct rel_conn *c)
{
	close(c->fd[BACKEND]);
	c->fd[BACKEND] = c->mask[BACKEND] = -1;
	leave_backend(cs, c);
	c->state = REL_CONN_WAITING;
}

static void opened(struct rel_conns *cs, struct rel_conn *c)
{
	delist(c);
	c->state = REL_CONN_OPEN;
	settle(cs, c);
}

/* Start, or go on, or learn the result. -1: it is not to be had. */
static int try_connect(struct rel_conns *cs, struct rel_conn *c)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)c->to->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const struct sockaddr *to = (const struct sockaddr *)&sa;

	c->state = REL_CONN_CONNECTING;
	/* The second call has the result, which on loopback is there by now. */
	for (int i = 0; i < 2; i++) {
		if (connect(c->fd[BACKEND], to, sizeof(sa)) == 0) {
			opened(cs, c);
			return 0;
		}
		if (errno != EINPROGRESS)
			break;
	}
	if (errno != EINPROGRESS && errno != EALREADY)
		return -1;
	return watch(cs, c, BACKEND, EPOLLOUT);
}

/* The one with the fewest; of equals the next in turn. */
static struct rel_backend *choose(struct rel_conns *cs)
{
	struct rel_backend *best = NULL;
	size_t n = cs->backends.n, at = 0;

	for (size_t i = 0; i < n; i++) {
		struct rel_backend *b = cs->backends.v[(cs->turn + i) % n];

		if (!b->in || b->not_before_ms > cs->now_ms ||
			(best && best->n <= b->n))
			continue;
		best = b;
		at = cs->turn + i;
	}
	if (best)
		cs->turn = (at + 1) % n;
	return best;
}

/* A backend that fails is left alone for REL_RELAY_RETRY_MS, so this comes to
 * an end. */
static void look_for_backend(struct rel_conns *cs, struct rel_conn *c)
{
	const int one = 1;
	struct rel_backend *b;

	while ((b = choose(cs))) {
		int fd = socket(
			AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

		b->not_before_ms = cs->now_ms + REL_RELAY_RETRY_MS;
		if (fd < 0)
			continue;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		c->fd[BACKEND] = fd;
		c->to = b;
		b->n++;
		if (try_connect(cs, c) == 0) {
			b->not_before_ms = 0;
			return;
		}
		disconnect(cs, c);
	}
}

void rel_conns_event(struct rel_conns *cs, uint64_t key, uint32_t events)
{
	struct rel_conn *c = &cs->v[(key - REL_CONN_KEYS) / 2];
	int side = (int)(key % 2);

	if (c->state == REL_CONN_OPEN) {
		on_open(cs, c, side, events);
	} else if (c->state == REL_CONN_CONNECTING && try_connect(cs, c) < 0) {
		c->to->not_before_ms = cs->now_ms + REL_RELAY_RETRY_MS;
		disconnect(cs, c);
		look_for_backend(cs, c);
	}
}

void rel_conns_add(struct rel_conns *cs, int fd)
{
	const int one = 1;
	struct rel_conn *c = cs->unused;

	if (c)
		cs->unused = c->next;
	else
		c = &cs->v[cs->fresh++];
	*c = (struct rel_conn){ .state = REL_CONN_WAITING,
		.fd = { fd, -1 },
		.mask = { -1, -1 },
		.until_ms = cs->now_ms + WAIT_MS };
	cs->live++;
	enlist(cs, c);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	look_for_backend(cs, c);
}

void rel_conns_retry(struct rel_conns *cs)
{
	struct rel_conn *c, *next;

	for (c = cs->waiting.next; c != &cs->waiting; c = next) {
		next = c->next;
		if (c->until_ms <= cs->now_ms)
			end(cs, c);
		else if (c->state == REL_CONN_WAITING)
			look_for_backend(cs, c);
	}
}

static struct rel_backend *backend_at(struct rel_conns *cs, int port)
{
	struct rel_backend *b;

	for (size_t i = 0; i < cs->backends.n; i++)
		if (cs->backends.v[i]->port == port)
			return cs->backends.v[i];
	b = rel_alloc(sizeof(*b));
	b->port = port;
	rel_vec_push(&cs->backends, b);
	return b;
}

void rel_conns_set(
	struct rel_conns *cs, const int32_t *ports, size_t n, uint32_t number)
{
	struct rel_backend *b;
	struct rel_conn *c;

	for (size_t i = 0; i < cs->backends.n; i++) {
		b = cs->backends.v[i];
		if (b->in)
			b->number = number;
		b->in = false;
	}
	for (size_t i = 0; i < n; i++) {
		b = backend_at(cs, ports[i]);
		b->in = true;
		b->not_before_ms = 0;
	}
	for (c = cs->waiting.next; c != &cs->waiting; c = c->next)
		if (c->to && !c->to->in)
			disconnect(cs, c);
	cs->news = true;
	rel_conns_retry(cs);
}
