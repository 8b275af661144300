/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/relay_fixture.h - a relay, its clients and its backends. Real
 * sockets on the loopback; what is forked dies with the test.
 */
#ifndef RELAY_FIXTURE_H
#define RELAY_FIXTURE_H

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "run/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Nothing here takes this long but when it is broken. */
#define PATIENCE_MS 20000

struct front {
	struct rel_relay r;
	int listen, port;
};

/* What forked processes tell the test. */
struct told {
	int errors, answers[3], value;
};

static inline struct told *shared(void)
{
	struct told *t = mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(t, MAP_FAILED);
	return t;
}

static inline struct sockaddr_in loopback(int port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	return sa;
}

/* A port of our own: connecting to it is refused until listen(2). */
static inline int bind_port(int *port)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
	struct sockaddr_in sa = loopback(*port);
	socklen_t n = sizeof(sa);

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &n), 0);
	*port = ntohs(sa.sin_port);
	return fd;
}

static inline int dial(int port)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct timeval tv = { .tv_sec = PATIENCE_MS / 1000 };
	struct sockaddr_in sa = loopback(port);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* In a child of its own: ${work} with the connection, or the listener. */
static inline pid_t in_child(
	void (*work)(int fd, struct told *t), int fd, struct told *t)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	signal(SIGPIPE, SIG_IGN);
	work(fd, t);
	_exit(0);
}

static inline void end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static inline int exit_of(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

/* A server on ${port} (0: any) that serves with ${work}. */
static inline pid_t serve(
	int *port, void (*work)(int fd, struct told *t), struct told *t)
{
	int fd = bind_port(port);
	pid_t pid;

	assert_int_equal(listen(fd, 128), 0);
	pid = in_child(work, fd, t);
	close(fd);
	return pid;
}

static inline int port_of(int fd)
{
	struct sockaddr_in sa;
	socklen_t n = sizeof(sa);

	return getsockname(fd, (struct sockaddr *)&sa, &n) == 0
		       ? ntohs(sa.sin_port)
		       : -1;
}

static inline bool write_all(int fd, const void *p, size_t n)
{
	struct rel_err err = REL_ERR_INIT;

	return rel_write_fd(fd, p, n, &err) == 0;
}

/* Bytes until ${n}, the end or an error. */
static inline ssize_t read_all(int fd, void *p, size_t n)
{
	size_t have = 0;

	while (have < n) {
		ssize_t r = read(fd, (char *)p + have, n - have);

		if (r < 0)
			return -1;
		if (r == 0)
			break;
		have += (size_t)r;
	}
	return (ssize_t)have;
}

/* One after the other: a line "x\n" is answered with the port, and the end. */
static inline void names(int listener, struct told *t)
{
	int port = port_of(listener);

	(void)t;
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		char line[2];

		if (read_all(fd, line, sizeof(line)) == 2 &&
			!memcmp(line, "x\n", 2))
			(void)write_all(fd, &port, sizeof(port));
		close(fd);
	}
}

static inline void echo_one(int fd, struct told *t)
{
	char buf[65536];
	ssize_t n;

	(void)t;
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		if (!write_all(fd, buf, (size_t)n))
			break;
}

/* At the same time: what comes goes back. */
static inline void echoes(int listener, struct told *t)
{
	signal(SIGCHLD, SIG_IGN);
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
			close(listener);
			echo_one(fd, t);
			_exit(0);
		}
		close(fd);
	}
}

static inline int start(void **state)
{
	struct rel_err err = REL_ERR_INIT;
	struct front *f = rel_alloc(sizeof(*f));

	f->listen = bind_port(&f->port);
	assert_int_equal(listen(f->listen, 1024), 0);
	assert_int_equal(rel_relay_start(f->listen, &f->r, &err), 0);
	*state = f;
	return 0;
}

static inline int stop(void **state)
{
	struct front *f = *state;

	rel_relay_stop(&f->r, 0);
	assert_int_equal(f->r.pidfd, -1);
	close(f->listen);
	free(f);
	return 0;
}

static inline void set(struct front *f, const int *ports, size_t n)
{
	struct rel_err err = REL_ERR_INIT;

	assert_int_equal(rel_relay_set(&f->r, ports, n, &err), 0);
}

/* The next message, which is waited for. */
static inline int drained(struct front *f)
{
	struct pollfd pfd = { .fd = f->r.link, .events = POLLIN };
	int port;

	do {
		assert_int_equal(poll(&pfd, 1, PATIENCE_MS), 1);
		port = rel_relay_drained(&f->r);
	} while (port == 0);
	return port;
}

/* One question to the servers of names(). -1: it failed. */
static inline int ask(int front)
{
	int fd = dial(front), answer = -1;
	char more;

	if (fd < 0 || !write_all(fd, "x\n", 2) ||
		read_all(fd, &answer, sizeof(answer)) != sizeof(answer) ||
		read(fd, &more, 1) != 0)
		answer = -1;
	if (fd >= 0)
		close(fd);
	return answer;
}

/* One word there and back. */
static inline void assert_echo(int fd)
{
	char back[4] = "";

	assert_true(write_all(fd, "ping", 4));
	assert_int_equal(read_all(fd, back, 4), 4);
	assert_memory_equal(back, "ping", 4);
}

/* The relay has this connection when its bytes come back. */
static inline int dial_echo(struct front *f)
{
	int fd = dial(f->port);

	assert_true(fd >= 0);
	assert_echo(fd);
	return fd;
}

#define relay_test(f) cmocka_unit_test_setup_teardown(f, start, stop)

#endif
