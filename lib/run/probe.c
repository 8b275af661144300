/* SPDX-License-Identifier: Apache-2.0 */
#include "run/probe.h"

#include "base/mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_LIMIT (64u << 10)
#define PATH_SHOWN 80 /* bytes of it in a message, so that the rest fits */

static void release(struct rel_probe *p)
{
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
	p->events = 0;
	free(p->path);
	p->path = NULL;
	rel_buf_free(&p->buf);
}

static void pass(struct rel_probe *p)
{
	p->state = REL_PROBE_PASSED;
	release(p);
}

static void fail(struct rel_probe *p, const char *fmt, ...) REL_PRINTF(2, 3);
static void fail(struct rel_probe *p, const char *fmt, ...)
{
	int n = 0;
	va_list ap;

	if (p->connected)
		n = snprintf(p->why, sizeof(p->why), "GET %.*s: ", PATH_SHOWN,
			p->path);
	va_start(ap, fmt);
	vsnprintf(p->why + n, sizeof(p->why) - (size_t)n, fmt, ap);
	va_end(ap);
	p->state = REL_PROBE_FAILED;
	release(p);
}

/* A path with a space or a line end in it must not become another request. */
static char *encode_path(const char *path)
{
	struct rel_buf b = REL_BUF_INIT;

	if (path[0] != '/')
		rel_buf_addc(&b, '/');
	for (const char *c = path; *c; c++) {
		if (*c > 0x20 && *c < 0x7f)
			rel_buf_addc(&b, *c);
		else
			rel_buf_addf(&b, "%%%02X", (unsigned char)*c);
	}
	return rel_buf_take(&b);
}

/* Begin to connect; 0 or an errno. The fd's number is kept for the caller. */
static int start_connect(struct rel_probe *p)
{
	const struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
		.sin6_port = htons((uint16_t)p->port),
		.sin6_addr = IN6ADDR_LOOPBACK_INIT };
	const struct sockaddr_in v4 = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)p->port),
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	const struct sockaddr *sa = p->v6 ? (const struct sockaddr *)&v6
					  : (const struct sockaddr *)&v4;
	int fd = socket(
		sa->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return errno;
	if (p->fd < 0) {
		p->fd = fd;
	} else {
		dup3(fd, p->fd, O_CLOEXEC);
		close(fd);
	}
	p->events = POLLOUT;
	if (connect(p->fd, sa, p->v6 ? sizeof(v6) : sizeof(v4)) < 0 &&
		errno != EINPROGRESS)
		return errno;
	return 0;
}

/* What 127.0.0.1 said is what is reported: most apps are there. */
static void refused(struct rel_probe *p, int error)
{
	if (!p->v6) {
		p->v6 = true;
		if (start_connect(p) == 0)
			return;
	}
	if (error == ECONNREFUSED)
		fail(p, "port %d refuses connections", p->port);
	else
		fail(p, "port %d: %s", p->port, strerror(error));
}

/*
 * Where nobody listens on a port of the ephemeral range, the kernel may choose
 * that very port for our end, and TCP connects the socket to itself.
 */
static bool is_connected_to_itself(int fd)
{
	struct sockaddr_in6 here, there;
	socklen_t here_n = sizeof(here), there_n = sizeof(there);

	/* The port is at the same place for both families. */
	return getsockname(fd, (struct sockaddr *)&here, &here_n) == 0 &&
	       getpeername(fd, (struct sockaddr *)&there, &there_n) == 0 &&
	       here.sin6_port == there.sin6_port;
}

static void finish_connect(struct rel_probe *p)
{
	int error = 0;
	socklen_t n = sizeof(error);

	if (getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0)
		error = errno;
	if (error == 0 && is_connected_to_itself(p->fd)) {
		/* Without this it would hold the app's port for a minute. */
		const struct linger reset = { .l_onoff = 1 };

		setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		error = ECONNREFUSED;
	}
	if (error != 0)
		refused(p, error);
	else if (!p->path)
		pass(p);
	else
		p->connected = true;
}

static void send_request(struct rel_probe *p)
{
	while (p->sent < p->buf.len) {
		ssize_t n = send(p->fd, p->buf.p + p->sent,
			p->buf.len - p->sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) /* it may have answered before it hung up */
			break;
		p->sent += (size_t)n;
	}
	rel_buf_reset(&p->buf);
	p->events = POLLIN;
}

/* "HTTP/1.1 200 OK", without the line end; 0 if it is something else. */
static int parse_status(const char *s, size_t n)
{
	int status = 0;

	if (n < 12 || memcmp(s, "HTTP/1.", 7) != 0 || s[8] != ' ' ||
		(n > 12 && s[12] != ' '))
		return 0;
	for (int i = 9; i < 12; i++) {
		if (s[i] < '0' || s[i] > '9')
			return 0;
		status = status * 10 + (s[i] - '0');
	}
	return status;
}

static void parse_field(struct rel_probe *p, const char *s, size_t n)
{
	static const char name[] = "Content-Length:";
	char value[24] = "", *end;

	if (n < sizeof(name) - 1 || strncasecmp(s, name, sizeof(name) - 1) != 0)
		return;
	s += sizeof(name) - 1;
	n -= sizeof(name) - 1;
	if (n >= sizeof(value))
		return;
	memcpy(value, s, n);
	p->body_length = strtoll(value, &end, 10);
	if (end == value)
		p->body_length = -1;
}

/* Look at the lines that are whole; false: this is no HTTP. */
static bool parse_head(struct rel_probe *p)
{
	while (p->body == 0) {
		const char *s = p->buf.p + p->at;
		size_t n = p->buf.len - p->at;
		const char *lf = memchr(s, '\n', n);

		if (!lf) /* garbage may never send one */
			return p->status ||
			       memcmp(s, "HTTP/1.", n < 7 ? n : 7) == 0;
		n = (size_t)(lf - s);
		p->at += n + 1;
		if (n > 0 && s[n - 1] == '\r')
			n--;
		if (p->status == 0) {
			p->status = parse_status(s, n);
			if (p->status == 0)
				return false;
		} else if (n > 0) {
			parse_field(p, s, n);
		} else if (p->status >= 100 && p->status < 200 &&
			   p->status != 101) {
			p->status = 0; /* the answer is still to come */
			p->body_length = -1;
		} else {
			p->body = p->at;
		}
	}
	return true;
}

static bool is_whole(const struct rel_probe *p)
{
	if (p->body == 0)
		return false;
	return p->status == 204 || p->status == 304 ||
	       (p->body_length >= 0 &&
		       p->buf.len - p->body >= (size_t)p->body_length);
}

/* No more comes, because of ${end}: what there is decides. */
static void conclude(struct rel_probe *p, const char *end)
{
	const char *content = p->check->content;

	if (p->body == 0)
		fail(p, "%s", end);
	else if (p->status < 200 || p->status > 399)
		fail(p, "%d", p->status);
	else if (content && !memmem(p->buf.p + p->body, p->buf.len - p->body,
				    content, strlen(content)))
		fail(p, "%d, without the content that is wanted", p->status);
	else
		pass(p);
}

static void receive_answer(struct rel_probe *p)
{
	char bytes[4096];

	while (p->state == REL_PROBE_RUNS) {
		size_t room = ANSWER_LIMIT - p->buf.len;
		ssize_t n = recv(p->fd, bytes,
			room < sizeof(bytes) ? room : sizeof(bytes), 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			conclude(p, p->buf.len
					    ? "the connection ended within the "
					      "header of the answer"
					    : "the connection ended without an "
					      "answer");
			return;
		}
		rel_buf_add(&p->buf, bytes, (size_t)n);
		if (!parse_head(p))
			fail(p, "the answer is not HTTP/1");
		else if (is_whole(p) || p->buf.len == ANSWER_LIMIT)
			conclude(p, "the header is longer than 64 KiB");
	}
}

static void out_of_time(struct rel_probe *p)
{
	char text[48];

	snprintf(text, sizeof(text), "no answer within %g s",
		(double)p->check->timeout_ms / 1000);
	if (p->connected)
		conclude(p, text);
	else
		fail(p, "port %d: %s", p->port, text);
}

void rel_probe_begin(struct rel_probe *p, const struct rel_check *check,
	int port, int64_t now_ms)
{
	int error;

	*p = (struct rel_probe){ .fd = -1,
		.check = check,
		.port = check->port ? check->port : port,
		.deadline_ms = now_ms + check->timeout_ms,
		.body_length = -1 };
	if (check->path) {
		p->path = encode_path(check->path);
		rel_buf_addf(&p->buf,
			"GET %s HTTP/1.1\r\n"
			"Host: localhost\r\n"
			"User-Agent: relctl/" RELCTL_VERSION "\r\n"
			"Accept: */*\r\n"
			"Connection: close\r\n\r\n",
			p->path);
	}
	error = start_connect(p);
	if (error != 0)
		refused(p, error);
}

void rel_probe_step(struct rel_probe *p, short revents, int64_t now_ms)
{
	if (p->fd < 0)
		return;
	/* Before there are events a connection has no error and no success. */
	if (!p->connected && revents)
		finish_connect(p);
	if (p->connected && p->events == POLLOUT)
		send_request(p);
	if (p->connected && p->events == POLLIN)
		receive_answer(p);
	if (p->state == REL_PROBE_RUNS && now_ms >= p->deadline_ms)
		out_of_time(p);
}

void rel_probe_cancel(struct rel_probe *p)
{
	release(p);
	*p = (struct rel_probe)REL_PROBE_INIT;
}
