/* SPDX-License-Identifier: Apache-2.0 */
#include "rel_test.h"

#include "probe_fixture.h"

static void test_a_status_of_200_to_399_passes(void **state)
{
	static const struct {
		const char *answer, *why;
	} cases[] = {
		{ "HTTP/1.1 200 OK\r\n\r\n", NULL },
		{ "HTTP/1.1 204 No Content\r\n\r\n", NULL },
		{ "HTTP/1.1 302 Found\r\nLocation: /login\r\n\r\n", NULL },
		{ "HTTP/1.1 399 Odd\r\n\r\n", NULL },
		{ "HTTP/1.0 200 OK\r\n\r\nold", NULL },
		{ "HTTP/1.1 200\r\n\r\n", NULL },
		{ "HTTP/1.0 200 OK\n\nbare", NULL },
		{ "HTTP/1.1 400 Bad\r\n\r\n", "GET /up: 400" },
		{ "HTTP/1.1 404 Not Found\r\n\r\n200", "GET /up: 404" },
		{ "HTTP/1.1 503 Busy\r\n\r\n", "GET /up: 503" },
		{ "HTTP/1.1 999 What\r\n\r\n", "GET /up: 999" },
		{ "HTTP/1.1 101 Switching\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
			"GET /up: 101" },
	};
	struct talk *t = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		check_answer(t, cases[i].answer, cases[i].why);
}

static void test_a_1xx_is_not_the_answer(void **state)
{
	struct talk *t = *state;

	check_answer(t,
		"HTTP/1.1 100 Continue\r\n\r\n"
		"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
		"HTTP/1.1 200 OK\r\n\r\n",
		NULL);
	check_answer(t,
		"HTTP/1.1 100 Continue\r\n\r\n"
		"HTTP/1.1 500 Oops\r\n\r\n",
		"GET /up: 500");
	check_answer(t, "HTTP/1.1 100 Continue\r\n\r\n",
		"GET /up: the connection ended within the header of the "
		"answer");
}

static void test_an_answer_may_come_byte_by_byte(void **state)
{
	static const char answer[] = "HTTP/1.1 100 Continue\r\n\r\n"
				     "HTTP/1.1 200 OK\r\n"
				     "Content-Length: 5\r\n\r\nready";
	struct talk *t = *state;

	t->check.content = (char[]){ "ready" };
	begin(t);
	for (size_t i = 0; i < sizeof(answer) - 1; i++) {
		assert_int_equal(t->probe.state, REL_PROBE_RUNS);
		say_bytes(t, answer + i, 1);
		turn(&t->probe);
	}
	expect(&t->probe, NULL);
}

static void test_a_server_that_ends_early_fails(void **state)
{
	struct talk *t = *state;

	check_answer(t, "", "GET /up: the connection ended without an answer");
	check_answer(t, "HTTP/1.1 20",
		"GET /up: the connection ended within the header of the "
		"answer");
	check_answer(t, "HTTP/1.1 200 OK\r\nServer: x\r\n",
		"GET /up: the connection ended within the header of the "
		"answer");
}

static void test_a_reset_is_an_end_too(void **state)
{
	const struct linger reset = { .l_onoff = 1 };
	struct talk *t = *state;

	begin(t);
	setsockopt(t->conn, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	hang_up(t);
	expect(&t->probe, "GET /up: the connection ended without an answer");
}

/* Some say "busy" to whoever connects, and hang up. */
static void test_an_answer_may_come_before_the_request(void **state)
{
	struct talk *t = *state;

	rel_probe_begin(&t->probe, &t->check, t->port, NOW);
	t->conn = accept(t->listener, NULL, NULL);
	say(t, "HTTP/1.1 503 Busy\r\n\r\n");
	hang_up(t);
	expect(&t->probe, "GET /up: 503");
}

static void test_garbage_fails_without_waiting_for_more(void **state)
{
	static const char *const garbage[] = { "SSH-2.0-OpenSSH_9.2\r\n",
		"-ERR wrong number of arguments\r\n", "\x15\x03\x01", "\r\n",
		"h", "HTTP/2 200 OK\r\n", "HTTP/1.1 OK\r\n",
		"HTTP/1.1 2000\r\n", "HTTP/1.1 20\r\n", "HTTP/1.1 2x0 OK\r\n",
		"HTTP/1.1\r\n", "HTTP/1.1 200OK\r\n",
		"HTTP/1.1 100 Continue\r\n\r\nwhat" };
	struct talk *t = *state;

	for (size_t i = 0; i < sizeof(garbage) / sizeof(*garbage); i++) {
		begin(t);
		say(t, garbage[i]);
		expect(&t->probe, "GET /up: the answer is not HTTP/1");
		hang_up(t);
	}
}

/* Send ${text} over and over for as long as the probe listens. */
static size_t say_for_ever(struct talk *t, const char *text)
{
	size_t n = strlen(text), sent = 0;

	while (t->probe.state == REL_PROBE_RUNS) {
		ssize_t s = send(t->conn, text, n, MSG_NOSIGNAL | MSG_DONTWAIT);

		assert_true(s > 0);
		sent += (size_t)s;
		turn(&t->probe);
	}
	hang_up(t);
	return sent;
}

static void test_what_has_no_end_is_cut_at_64_kib(void **state)
{
	static const char line[] =
		"X-Line: 0123456789 0123456789 0123456789 0123456789\r\n";
	struct talk *t = *state;

	begin(t);
	say(t, "HTTP/1.1 200 OK\r\n");
	assert_in_range(say_for_ever(t, line), 65000, 66000);
	expect(&t->probe, "GET /up: the header is longer than 64 KiB");

	begin(t);
	say(t, "HTTP/1.1 200 ");
	say_for_ever(t, "one line that never ends ");
	expect(&t->probe, "GET /up: the header is longer than 64 KiB");

	begin(t);
	say_for_ever(t, "HTTP/1.1 100 Continue\r\n\r\n");
	expect(&t->probe, "GET /up: the header is longer than 64 KiB");

	begin(t);
	say(t, "HTTP/1.1 200 OK\r\n\r\n");
	say_for_ever(t, line);
	expect(&t->probe, NULL);

	t->check.content = (char[]){ "ready" };
	begin(t);
	say(t, "HTTP/1.1 200 OK\r\n\r\n");
	say_for_ever(t, line);
	expect(&t->probe, "GET /up: 200, without the content that is wanted");
}

static void test_the_content_must_be_in_the_body(void **state)
{
	struct talk *t = *state;

	t->check.content = (char[]){ "all well" };
	check_answer(t, "HTTP/1.1 200 OK\r\n\r\n<p>all well</p>", NULL);
	check_answer(t,
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		"8\r\nall well\r\n0\r\n\r\n",
		NULL);
	check_answer(t, "HTTP/1.1 200 OK\r\nX: all well\r\n\r\nno",
		"GET /up: 200, without the content that is wanted");
	check_answer(t, "HTTP/1.1 200 all well\r\n\r\n",
		"GET /up: 200, without the content that is wanted");
	check_answer(t, "HTTP/1.1 503 No\r\n\r\nall well", "GET /up: 503");
	begin(t);
	say(t, "HTTP/1.1 200 OK\r\n\r\nall ");
	turn(&t->probe);
	say_bytes(t, "we\0ll", 5); /* a NUL is a byte like others */
	turn(&t->probe);
	say(t, "all well");
	hang_up(t);
	expect(&t->probe, NULL);
}

static void test_a_length_ends_what_the_server_leaves_open(void **state)
{
	static const char *const whole[] = {
		"HTTP/1.1 200 OK\r\ncontent-length:2\r\n\r\nok",
		"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n",
		"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
	};
	static const char *const open[] = {
		"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok",
		"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nok",
		"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nok",
		"HTTP/1.1 200 OK\r\nContent-Length: "
		"99999999999999999999999999999\r\n\r\nok",
		"HTTP/1.1 103 Hints\r\nContent-Length: 0\r\n\r\n"
		"HTTP/1.1 200 OK\r\n\r\n",
	};
	struct talk *t = *state;

	for (size_t i = 0; i < sizeof(whole) / sizeof(*whole); i++) {
		begin(t);
		say(t, whole[i]);
		expect(&t->probe, NULL);
		hang_up(t);
	}
	for (size_t i = 0; i < sizeof(open) / sizeof(*open); i++) {
		begin(t);
		say(t, open[i]);
		turn(&t->probe);
		assert_int_equal(t->probe.state, REL_PROBE_RUNS);
		hang_up(t);
		expect(&t->probe, NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		talk_test(test_a_status_of_200_to_399_passes),
		talk_test(test_a_1xx_is_not_the_answer),
		talk_test(test_an_answer_may_come_byte_by_byte),
		talk_test(test_a_server_that_ends_early_fails),
		talk_test(test_a_reset_is_an_end_too),
		talk_test(test_an_answer_may_come_before_the_request),
		talk_test(test_garbage_fails_without_waiting_for_more),
		talk_test(test_what_has_no_end_is_cut_at_64_kib),
		talk_test(test_the_content_must_be_in_the_body),
		talk_test(test_a_length_ends_what_the_server_leaves_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
