/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/probe_fixture.h - a health check and the server that it asks.
 *
 * The probe never waits, so one thread is enough to play both the supervisor
 * and the server. Its clock stands still: only a test moves it.
 */
#ifndef PROBE_FIXTURE_H
#define PROBE_FIXTURE_H

#include "base/buf.h"
#include "base/mem.h"
#include "run/probe.h"
#include "tcp_fixture.h"

#include <poll.h>
#include <stdlib.h>

#define NOW 1000
#define TIMEOUT 250

struct talk {
	struct rel_check check;
	struct rel_probe probe;
	int listener, port;
	int conn; /* the server's end */
};

static inline int talk_setup(void **state)
{
	struct talk *t = rel_alloc(sizeof(*t));

	*t = (struct talk){ .probe = REL_PROBE_INIT, .conn = -1 };
	t->check.path = rel_strdup("/up");
	t->check.timeout_ms = TIMEOUT;
	t->listener = tcp_listen("127.0.0.1", &t->port);
	*state = t;
	return t->listener < 0;
}

static inline int talk_teardown(void **state)
{
	struct talk *t = *state;

	rel_probe_cancel(&t->probe);
	if (t->conn >= 0)
		close(t->conn);
	close(t->listener);
	free(t->check.path);
	free(t);
	return 0;
}

#define talk_test(f)                                                           \
	cmocka_unit_test_setup_teardown(f, talk_setup, talk_teardown)

/* Wait for what the probe waits for, and let it go on. */
static inline void turn(struct rel_probe *p)
{
	const struct timespec most = { .tv_sec = 10 };
	struct pollfd one = { .fd = p->fd, .events = p->events };

	assert_int_equal(p->state, REL_PROBE_RUNS);
	assert_true(p->fd >= 0);
	assert_int_equal(ppoll(&one, 1, &most, NULL), 1);
	rel_probe_step(p, one.revents, NOW);
}

static inline void finish(struct rel_probe *p)
{
	while (p->state == REL_PROBE_RUNS)
		turn(p);
	assert_int_equal(p->fd, -1);
}

static inline void expect(struct rel_probe *p, const char *why)
{
	finish(p);
	if (!why && p->state != REL_PROBE_PASSED)
		fail_msg("it failed: %s", p->why);
	assert_int_equal(p->state, why ? REL_PROBE_FAILED : REL_PROBE_PASSED);
	if (why)
		assert_string_equal(p->why, why);
}

/* What arrives at the server up to the empty line; the caller frees. */
static inline char *read_request(int conn)
{
	struct rel_buf b = REL_BUF_INIT;
	char byte;

	while (!b.p || !strstr(b.p, "\r\n\r\n")) {
		assert_int_equal(read(conn, &byte, 1), 1);
		rel_buf_add(&b, &byte, 1);
	}
	return rel_buf_take(&b);
}

/* Up to where the server has the request and is to answer. */
static inline void begin(struct talk *t)
{
	rel_probe_begin(&t->probe, &t->check, t->port, NOW);
	turn(&t->probe);
	t->conn = accept(t->listener, NULL, NULL);
	assert_true(t->conn >= 0);
	free(read_request(t->conn));
}

static inline void say_bytes(struct talk *t, const char *p, size_t n)
{
	assert_int_equal(send(t->conn, p, n, MSG_NOSIGNAL), n);
}

static inline void say(struct talk *t, const char *text)
{
	say_bytes(t, text, strlen(text));
}

static inline void hang_up(struct talk *t)
{
	close(t->conn);
	t->conn = -1;
}

/* The whole of a check against a server that answers ${answer} and ends. */
static inline void check_answer(
	struct talk *t, const char *answer, const char *why)
{
	begin(t);
	say(t, answer);
	hang_up(t);
	expect(&t->probe, why);
}

#endif
