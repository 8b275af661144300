/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/run/control.c - the supervisor's end of the control socket; see
 * control.h. Nothing here waits for a client: each has buffers and a deadline
 * of its own, and whoever breaks the protocol is dropped without a word.
 */
#include "run/control.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "run/control_socket.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOST_CLIENTS 200      /* others wait in the backlog */
#define MOST_WAITING 1048576u /* bytes for a client that does not read */
#define ROOM 65536u	      /* of one read */
#define PAUSE_MS 100	      /* when there is no fd left for a client */
#define CLOSE_MS 1000

struct rel_client {
	struct rel_client *next;
	struct rel_control *control;
	int fd;
	int passed_fd; /* that came with this message, or -1 */
	uint8_t head[REL_CONTROL_HEAD];
	size_t head_n;
	struct rel_buf in, out; /* a message without its head; answers */
	size_t sent;		/* of out */
	struct rel_timer end;	/* when it is dropped */
	bool known;		/* to the callee: it got a request */
	bool done;		/* the last answer was given */
	bool lost;		/* does not read: nothing more for it */
	bool busy;		/* in use further up the stack */
};

struct rel_control {
	struct rel_loop *loop;
	struct rel_control_fns fns;
	int run_fd, lock_fd, listen_fd;
	struct sockaddr_un address;
	struct rel_client *clients;
	size_t n;
	struct rel_timer again; /* to accept */
};

static void listen_again(void *arg);

static void close_client(struct rel_client *c)
{
	struct rel_control *s = c->control;
	struct rel_client **place = &s->clients;

	while (*place != c)
		place = &(*place)->next;
	*place = c->next;
	s->n--;
	rel_loop_forget(s->loop, c->fd);
	rel_loop_disarm(s->loop, &c->end);
	rel_closep(&c->fd);
	rel_closep(&c->passed_fd);
	rel_buf_wipe(&c->in);
	rel_buf_free(&c->out);
	free(c);
}

/* It is over with this one: tell who waits for it, and let the next one in. */
static void drop_client(void *arg)
{
	struct rel_client *c = arg;
	struct rel_control *s = c->control;

	if (c->known && !c->done)
		s->fns.gone(s->fns.arg, c);
	close_client(c);
	listen_again(s);
}

static void drop_later(struct rel_client *c, int64_t in_ms)
{
	rel_loop_arm(c->control->loop, &c->end, rel_monotonic_ms() + in_ms,
		drop_client, c);
}

/* Send what can be sent. False: the peer is gone. */
static bool flush(struct rel_client *c)
{
	while (c->sent < c->out.len) {
		ssize_t n = send(c->fd, c->out.p + c->sent,
			c->out.len - c->sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN || errno == ENOBUFS;
		c->sent += (size_t)n;
	}
	rel_buf_free(&c->out);
	c->sent = 0;
	return true;
}

/* Keep the fd that came, and none but the first. */
static void take_passed(struct rel_client *c, struct msghdr *msg)
{
	for (struct cmsghdr *m = CMSG_FIRSTHDR(msg); m;
		m = CMSG_NXTHDR(msg, m)) {
		size_t n = (m->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (m->cmsg_level != SOL_SOCKET || m->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(m) + i * sizeof(fd), sizeof(fd));
			if (c->passed_fd < 0)
				c->passed_fd = fd;
			else
				close(fd);
		}
	}
}

/* At most ${n} bytes: as recv(2), with EAGAIN as -1 and errno. */
static ssize_t receive(struct rel_client *c, void *to, size_t n)
{
	_Alignas(struct cmsghdr) char room[CMSG_SPACE(sizeof(int))];
	struct iovec v = { .iov_base = to, .iov_len = n };
	struct msghdr msg = {
		.msg_iov = &v,
		.msg_iovlen = 1,
		.msg_control = room,
		.msg_controllen = sizeof(room),
	};
	ssize_t got = recvmsg(c->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (got >= 0)
		take_passed(c, &msg);
	return got;
}

/* A whole message is there. False: it is none that we know. */
static bool deliver(struct rel_client *c)
{
	REL_AUTO(rel_json_freep) struct json_t *j = NULL;
	struct rel_control *s = c->control;
	struct rel_err err = REL_ERR_INIT;
	int fd = c->passed_fd;

	if (rel_json_parse(c->in.p, c->in.len, &j, &err) < 0 ||
		!rel_json_get_str(j, "op"))
		return false;
	rel_buf_wipe(&c->in);
	c->head_n = 0;
	c->passed_fd = -1;
	c->known = true;
	rel_loop_disarm(s->loop, &c->end);
	s->fns.request(s->fns.arg, c, j, fd);
	return true;
}

/*
 * Read some of the message that comes, never beyond it. False: the peer is
 * gone, or does not keep to the protocol.
 */
static bool read_some(struct rel_client *c)
{
	size_t length, want;
	ssize_t n;

	if (c->head_n < sizeof(c->head)) {
		n = receive(
			c, c->head + c->head_n, sizeof(c->head) - c->head_n);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		c->head_n += (size_t)n;
		return n > 0 && (c->head_n < sizeof(c->head) ||
					rel_control_length(c->head) > 0);
	}
	length = rel_control_length(c->head);
	want = length - c->in.len < ROOM ? length - c->in.len : ROOM;
	n = receive(c, rel_buf_room(&c->in, want), want);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	c->in.len += (size_t)n;
	c->in.p[c->in.len] = '\0';
	if (c->in.len == length)
		return deliver(c);
	return n > 0;
}

static void on_client(void *arg, int fd, short revents);

static void watch_client(struct rel_client *c)
{
	short events = c->done ? 0 : POLLIN;

	if (c->sent < c->out.len)
		events |= POLLOUT;
	rel_loop_watch(c->control->loop, c->fd, events, on_client, c);
}

static void on_client(void *arg, int fd, short revents)
{
	struct rel_client *c = arg;
	bool ok = true;

	(void)fd;
	if (c->lost)
		return; /* its timer is due */
	c->busy = true;
	if (!c->done && revents & ~POLLOUT)
		ok = read_some(c);
	if (ok && !c->lost)
		ok = flush(c);
	c->busy = false;
	if (!ok || (c->done && c->out.len == 0))
		drop_client(c);
	else if (!c->lost)
		watch_client(c);
}

static void lose(struct rel_client *c)
{
	c->lost = true;
	c->sent = 0;
	rel_buf_free(&c->out);
	rel_loop_watch(c->control->loop, c->fd, 0, on_client, c);
	/* Not from here: the callee may be busy with its clients. */
	drop_later(c, 0);
}

void rel_control_answer(struct rel_client *c, struct json_t *j)
{
	bool ok;

	assert(!c->done);
	c->done = rel_json_true(rel_json_get(j, "done"));
	ok = !c->lost && flush(c) && c->out.len - c->sent <= MOST_WAITING;
	if (ok) {
		if (c->sent > 0)
			memmove(c->out.p, c->out.p + c->sent,
				c->out.len -= c->sent);
		c->sent = 0;
		rel_control_frame(j, &c->out);
		ok = flush(c);
	}
	rel_json_free(j);
	if (!ok) {
		lose(c);
		return;
	}
	if (c->done)
		drop_later(c, REL_CONTROL_PATIENCE_MS);
	if (c->busy)
		return; /* on_client sees to the rest */
	if (c->done && c->out.len == 0)
		drop_client(c);
	else
		watch_client(c);
}

static void add_client(struct rel_control *s, int fd)
{
	struct rel_client *c = rel_alloc(sizeof(*c));

	*c = (struct rel_client){
		.next = s->clients,
		.control = s,
		.fd = fd,
		.passed_fd = -1,
	};
	s->clients = c;
	s->n++;
	/* For the whole of its first message. */
	drop_later(c, REL_CONTROL_PATIENCE_MS);
	watch_client(c);
}

static void on_listen(void *arg, int listen_fd, short revents)
{
	struct rel_control *s = arg;
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)revents;
	if (fd >= 0 && rel_control_peer_ok(fd, NULL)) {
		add_client(s, fd);
		if (s->n == MOST_CLIENTS)
			rel_loop_watch(s->loop, listen_fd, 0, on_listen, s);
	} else if (fd >= 0) {
		close(fd);
	} else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
		/* It stays readable: not to spin until there are fds again. */
		rel_loop_watch(s->loop, listen_fd, 0, on_listen, s);
		rel_loop_arm(s->loop, &s->again, rel_monotonic_ms() + PAUSE_MS,
			listen_again, s);
	}
}

/* There is room for one more: from the beginning, when one has gone, or after
 * a pause. */
static void listen_again(void *arg)
{
	struct rel_control *s = arg;

	rel_loop_disarm(s->loop, &s->again);
	rel_loop_watch(s->loop, s->listen_fd, POLLIN, on_listen, s);
}

int rel_control_open(int store_fd, const char *app, struct rel_loop *loop,
	const struct rel_control_fns *fns, struct rel_control **ret,
	struct rel_err *err)
{
	REL_AUTO(rel_control_closep)
	struct rel_control *s = rel_alloc(sizeof(*s));
	int r;

	*s = (struct rel_control){
		.loop = loop,
		.fns = *fns,
		.run_fd = -1,
		.lock_fd = -1,
		.listen_fd = -1,
	};
	if ((r = rel_open_dir(store_fd, "run", 0700, &s->run_fd, err)) < 0 ||
		(r = rel_control_address(s->run_fd, app, &s->address, err)) <
			0 ||
		(r = rel_control_lock(s->run_fd, app, &s->lock_fd, err)) < 0 ||
		(r = rel_control_listen(
			 s->run_fd, &s->address, &s->listen_fd, err)) < 0)
		return r;
	listen_again(s);
	*ret = s;
	s = NULL;
	return 0;
}

/* The last answers, to those who read them. */
static void drain(struct rel_control *s)
{
	int64_t end = rel_monotonic_ms() + CLOSE_MS, left = CLOSE_MS;

	while (s->clients && left > 0) {
		struct pollfd p[MOST_CLIENTS];
		struct rel_client *next;
		nfds_t n = 0;

		for (struct rel_client *c = s->clients; c; c = next) {
			next = c->next;
			if (!flush(c) || c->out.len == 0)
				close_client(c);
			else
				p[n++] = (struct pollfd){
					.fd = c->fd,
					.events = POLLOUT,
				};
		}
		if (n > 0)
			poll(p, n, (int)left);
		left = end - rel_monotonic_ms();
	}
	while (s->clients)
		close_client(s->clients);
}

void rel_control_closep(struct rel_control **sp)
{
	struct rel_control *s = *sp;

	if (!s)
		return;
	rel_loop_disarm(s->loop, &s->again);
	rel_loop_forget(s->loop, s->listen_fd);
	if (s->listen_fd >= 0)
		unlinkat(s->run_fd, rel_control_name(&s->address), 0);
	rel_closep(&s->listen_fd);
	drain(s);
	/* Last of all: from here on another one may begin. */
	rel_closep(&s->lock_fd);
	rel_closep(&s->run_fd);
	free(s);
	*sp = NULL;
}
