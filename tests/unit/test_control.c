/* SPDX-License-Identifier: Apache-2.0 */
#include "rel_test.h"

#include "control_fixture.h"

#include <sys/resource.h>

static struct json_t *event(int64_t n)
{
	struct json_t *j = rel_json_object();

	rel_json_set(j, "event", rel_json_text("test"));
	return rel_json_set(j, "n", rel_json_number(n));
}

static void test_a_request_is_answered_now_and_later(void **state)
{
	REL_AUTO(rel_closep) int store = open_store(*state);
	REL_AUTO(rel_json_freep) struct json_t *j = NULL;
	struct rel_err err = REL_ERR_INIT;
	struct server s;
	bool done;
	int fd;

	server_at(&s, store);
	s.reply = NULL;
	fd = connected(&s);
	ask(fd, 7, -1);
	spin(&s);
	assert_int_equal(s.requests, 1);
	assert_int_equal(s.n, 7);
	assert_int_equal(s.fd, -1);
	/* Nothing yet: the caller can look again. */
	assert_int_equal(rel_control_receive(fd, 0, &j, &err), -REL_EBUSY);
	rel_control_answer(s.client, event(1));
	rel_control_answer(s.client, event(2));
	assert_int_equal(told(fd, &done), 1);
	assert_false(done);
	spin(&s);
	assert_int_equal(told(fd, &done), 2);
	/* A second request of the same client. */
	ask(fd, 8, -1);
	spin(&s);
	assert_int_equal(s.n, 8);
	rel_control_answer(s.client, done_with(3));
	assert_int_equal(told(fd, &done), 3);
	assert_true(done);
	assert_int_equal(rel_control_receive(fd, -1, &j, &err), -REL_EIO);
	assert_string_equal(err.msg, "the supervisor is gone");
	spin(&s);
	assert_int_equal(s.gone, 0);
	close(fd);
	server_done(&s);
}

static void test_an_fd_comes_with_a_request_and_no_second_one(void **state)
{
	REL_AUTO(rel_closep) int store = open_store(*state);
	int pass[2], before, fd;
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(2 * sizeof(int))];
	} control = { .room = { 0 } };
	char text[] = "\0\0\0\013{\"op\":\"ps\"}";
	struct iovec v = { .iov_base = text, .iov_len = sizeof(text) - 1 };
	struct msghdr msg = {
		.msg_iov = &v,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room),
	};
	struct server s;
	bool done;
	char c;

	server_at(&s, store);
	before = open_fds();
	assert_int_equal(pipe2(pass, O_CLOEXEC), 0);
	fd = connected(&s);
	ask(fd, 1, pass[1]);
	rel_closep(&pass[1]);
	spin(&s);
	assert_true(s.fd >= 0);
	assert_true(fcntl(s.fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(write(s.fd, "x", 1), 1);
	assert_int_equal(read(pass[0], &c, 1), 1);
	rel_closep(&s.fd);
	assert_int_equal(told(fd, &done), 1);
	close(fd);

	/* Two with one message: one is kept, the other closed. */
	fd = connected(&s);
	control.head.cmsg_level = SOL_SOCKET;
	control.head.cmsg_type = SCM_RIGHTS;
	control.head.cmsg_len = CMSG_LEN(2 * sizeof(int));
	memcpy(CMSG_DATA(&control.head), (int[]){ pass[0], pass[0] },
		2 * sizeof(int));
	assert_int_equal(sendmsg(fd, &msg, 0), sizeof(text) - 1);
	spin(&s);
	assert_int_equal(s.requests, 2);
	assert_true(s.fd >= 0);
	rel_closep(&s.fd);

	/* With a message that is thrown away, the fd is, too. */
	close(fd);
	fd = connected(&s);
	text[4] = '[';
	assert_int_equal(sendmsg(fd, &msg, 0), sizeof(text) - 1);
	spin(&s);
	assert_true(is_ended(fd));
	close(fd);
	rel_closep(&pass[0]);
	assert_int_equal(open_fds(), before);
	server_done(&s);
}

struct nonsense {
	const char *text;
	size_t n;
};
#define NONSENSE(s)                                                            \
	{                                                                      \
		.text = (s), .n = sizeof(s) - 1                                \
	}

static void test_who_does_not_keep_to_the_protocol_is_dropped(void **state)
{
	static const struct nonsense all[] = {
		NONSENSE("\0\0\0\0"),	       /* empty */
		NONSENSE("\0\x80\0\x01"),      /* a byte over the limit */
		NONSENSE("\xff\xff\xff\xff{"), /* far over it */
		NONSENSE("GET / HTTP/1.1\r\n"),
		NONSENSE("\0\0\0\x04nope"),
		NONSENSE("\0\0\0\x02[]"),
		NONSENSE("\0\0\0\x02{}"),
		NONSENSE("\0\0\0\x08{\"op\":1}"),
		NONSENSE("\0\0\0\x0d{\"op\":\"ps\"} x"),
	};
	REL_AUTO(rel_closep) int store = open_store(*state);
	struct server s;
	int before;

	server_at(&s, store);
	before = open_fds();
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		int fd = connected(&s);

		assert_int_equal(send(fd, all[i].text, all[i].n, 0), all[i].n);
		spin(&s);
		assert_true(is_ended(fd));
		close(fd);
	}
	assert_int_equal(s.requests, 0);
	assert_int_equal(s.gone, 0);
	assert_int_equal(open_fds(), before);
	others_are_served(&s);
	server_done(&s);
}

static void test_half_a_message_disturbs_nobody(void **state)
{
	static const char whole[] = "\0\0\0\013{\"op\":\"ps\"}";
	REL_AUTO(rel_closep) int store = open_store(*state);
	const int n = sizeof(whole) - 1;
	struct server s;
	int fd[sizeof(whole) - 1], before;
	bool done;

	server_at(&s, store);
	before = open_fds();
	for (int i = 0; i < n; i++) {
		fd[i] = connected(&s);
		assert_int_equal(send(fd[i], whole, (size_t)i, 0), i);
		spin(&s);
		assert_false(is_ended(fd[i]));
	}
	others_are_served(&s);
	/* One half of them goes on, byte by byte; the other goes away. */
	for (int i = 0; i < n; i += 2) {
		for (int k = i; k < n; k++) {
			assert_int_equal(send(fd[i], whole + k, 1, 0), 1);
			spin(&s);
		}
		assert_int_equal(told(fd[i], &done), -1);
		assert_true(done);
	}
	for (int i = 0; i < n; i++)
		close(fd[i]);
	spin(&s);
	spin(&s);
	assert_int_equal(s.gone, 0);
	assert_int_equal(open_fds(), before);
	others_are_served(&s);
	server_done(&s);
}

static void test_a_client_that_leaves_is_told_of_once(void **state)
{
	REL_AUTO(rel_closep) int store = open_store(*state);
	struct rel_client *c;
	struct server s;
	int fd;

	server_at(&s, store);
	s.reply = NULL;
	fd = connected(&s);
	ask(fd, 1, -1);
	spin(&s);
	c = s.client;
	assert_non_null(c);
	close(fd);
	/* An answer that meets nobody is no error, and tells nothing yet. */
	s.answering = true;
	rel_control_answer(c, event(1));
	rel_control_answer(c, event(2));
	s.answering = false;
	assert_int_equal(s.gone, 0);
	spin(&s);
	assert_int_equal(s.gone, 1);
	assert_null(s.client);

	/* It asks and leaves at once: the request counts. */
	fd = connected(&s);
	ask(fd, 2, -1);
	close(fd);
	spin(&s);
	assert_int_equal(s.requests, 2);
	assert_int_equal(s.gone, 2);
	/* And where it was answered nobody is told. */
	s.reply = reply_done;
	fd = connected(&s);
	ask(fd, 3, -1);
	close(fd);
	spin(&s);
	assert_int_equal(s.requests, 3);
	assert_int_equal(s.gone, 2);
	server_done(&s);
}

static void test_more_clients_than_are_let_in_are_all_served(void **state)
{
	enum {
		N = 260,
	};
	REL_AUTO(rel_closep) int store = open_store(*state);
	static int fd[N];
	struct server s;
	int before;
	bool done;

	server_at(&s, store);
	before = open_fds();
	for (int i = 0; i < N; i++) {
		fd[i] = connected(&s);
		spin(&s);
	}
	/* Those that were not let in are still in line. */
	assert_in_range(open_fds(), before + N + 100, before + 2 * N - 1);
	for (int i = 0; i < N; i++)
		ask(fd[i], i, -1);
	for (int i = 0; i < N; i++)
		spin(&s);
	for (int i = 0; i < N; i++) {
		assert_int_equal(told(fd[i], &done), i);
		assert_true(done);
		close(fd[i]);
	}
	assert_int_equal(s.requests, N);
	assert_int_equal(open_fds(), before);
	others_are_served(&s);
	server_done(&s);
}

static void test_a_client_that_never_reads_is_dropped(void **state)
{
	REL_AUTO(rel_closep) int store = open_store(*state);
	REL_AUTO(rel_freep) char *text = rel_alloc(65537);
	struct server s;
	size_t given = 0;
	int fd;

	memset(text, 'x', 65536);
	server_at(&s, store);
	s.reply = NULL;
	fd = connected(&s);
	ask(fd, 1, -1);
	spin(&s);
	for (struct rel_client *c = s.client; s.client; given += 65536) {
		s.answering = true;
		rel_control_answer(
			c, rel_json_set(event(1), "text", rel_json_text(text)));
		s.answering = false;
		spin(&s);
		assert_in_range(given, 0, 4 << 20);
	}
	assert_in_range(given, 1 << 20, 4 << 20);
	assert_int_equal(s.gone, 1);
	assert_false(s.told_early);
	s.reply = reply_done;
	others_are_served(&s);
	close(fd);
	server_done(&s);
}

/* An answer of ${n} bytes of text. */
static struct json_t *long_answer(size_t n)
{
	REL_AUTO(rel_freep) char *text = rel_alloc(n + 1);

	memset(text, 'x', n);
	return rel_json_set(done_with(1), "text", rel_json_text(text));
}

static void reply_long(struct server *s, struct rel_client *c)
{
	(void)s;
	rel_control_answer(c, long_answer(3 << 20));
}

/* A client in a process of its own; its status is 0 when ${length} bytes of
 * text were in the answer. */
static pid_t long_client(struct server *s, size_t ask_n, size_t length)
{
	pid_t pid = fork();

	if (pid == 0) {
		REL_AUTO(rel_json_freep) struct json_t *j = rel_json_object();
		REL_AUTO(rel_freep) char *text = rel_alloc(ask_n + 1);
		struct rel_err err = REL_ERR_INIT;
		struct json_t *got = NULL;
		int fd = connected(s);

		memset(text, 'y', ask_n);
		rel_json_set(j, "op", rel_json_text("long"));
		rel_json_set(j, "text", rel_json_text(text));
		if (rel_control_send(fd, j, -1, &err) < 0 ||
			rel_control_receive(fd, 20000, &got, &err) < 0)
			_exit(1);
		_exit(strlen(rel_json_get_str(got, "text")) != length);
	}
	return pid;
}

static void test_long_requests_and_answers_go_through(void **state)
{
	REL_AUTO(rel_closep) int store = open_store(*state);
	struct rel_err err = REL_ERR_INIT;
	struct server s;
	siginfo_t info = { 0 };
	pid_t pid;

	server_at(&s, store);
	s.reply = reply_long;
	pid = long_client(&s, 8000000, 3 << 20);
	while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) ==
			0 &&
		info.si_pid == 0) {
		struct rel_timer t = { 0 };
		bool over = false;

		rel_loop_arm(
			s.loop, &t, rel_monotonic_ms() + 50, nothing, &over);
		must(rel_loop_turn(s.loop, &err), &err);
		rel_loop_disarm(s.loop, &t);
	}
	assert_int_equal(status_of(pid), 0);
	assert_int_equal(s.requests, 1);
	server_done(&s);
}

static void test_one_request_over_the_limit_is_not_sent(void **state)
{
	REL_AUTO(rel_closep) int store = open_store(*state);
	REL_AUTO(rel_json_freep) struct json_t *j = rel_json_object();
	REL_AUTO(rel_freep) char *text = rel_alloc(REL_CONTROL_LIMIT + 1);
	struct rel_err err = REL_ERR_INIT;
	struct server s;
	int fd;

	server_at(&s, store);
	memset(text, 'y', REL_CONTROL_LIMIT);
	rel_json_set(j, "op", rel_json_text(text));
	fd = connected(&s);
	assert_int_equal(rel_control_send(fd, j, -1, &err), -REL_EIO);
	spin(&s);
	assert_int_equal(s.requests, 0);
	/* Nothing was begun: the connection is as good as before. */
	ask(fd, 5, -1);
	spin(&s);
	assert_int_equal(s.n, 5);
	close(fd);
	server_done(&s);
}

static void test_closing_gives_the_last_answers_time(void **state)
{
	REL_AUTO(rel_closep) int store = open_store(*state);
	int64_t start, took;
	struct server s;
	int lazy, idle;
	pid_t pid;

	server_at(&s, store);
	s.reply = reply_long;
	lazy = connected(&s);
	ask(lazy, 1, -1);
	idle = connected(&s);
	spin(&s);
	assert_int_equal(s.requests, 1);
	pid = long_client(&s, 10, 3 << 20);
	while (s.requests < 2)
		spin(&s);
	start = rel_monotonic_ms();
	rel_control_closep(&s.control);
	took = rel_monotonic_ms() - start;
	assert_int_equal(status_of(pid), 0);
	/* One did not read: it is not waited for any longer than told. */
	assert_in_range(took, 900, 5000);
	assert_int_equal(s.gone, 0);
	assert_true(is_ended(idle));
	close(idle);
	close(lazy);
	server_done(&s);
}

static void test_closing_waits_for_nobody_who_has_his_answer(void **state)
{
	REL_AUTO(rel_closep) int store = open_store(*state);
	struct server s;
	int64_t start;
	bool done;
	int fd;

	server_at(&s, store);
	s.reply = NULL;
	fd = connected(&s);
	ask(fd, 1, -1);
	spin(&s);
	rel_control_answer(s.client, event(9));
	start = rel_monotonic_ms();
	rel_control_closep(&s.control);
	assert_in_range(rel_monotonic_ms() - start, 0, 500);
	assert_int_equal(told(fd, &done), 9);
	assert_true(is_ended(fd));
	close(fd);
	server_done(&s);
}

static void test_an_answer_that_has_begun_is_waited_for(void **state)
{
	static const char whole[] = "\0\0\0\011{\"n\":12} ";
	REL_AUTO(rel_json_freep) struct json_t *j = NULL;
	struct rel_err err = REL_ERR_INIT;
	bool done;
	int fd[2];
	pid_t pid;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	assert_int_equal(rel_control_receive(fd[0], 20, &j, &err), -REL_EBUSY);
	pid = fork();
	if (pid == 0) {
		for (size_t i = 0; i < sizeof(whole) - 1; i++) {
			if (send(fd[1], whole + i, 1, 0) != 1)
				_exit(1);
			usleep(1000);
		}
		_exit(0);
	}
	assert_int_equal(told(fd[0], &done), 12);
	assert_int_equal(status_of(pid), 0);
	/* Half of one, and then nobody. */
	assert_int_equal(send(fd[1], whole, 6, 0), 6);
	rel_closep(&fd[1]);
	assert_int_equal(rel_control_receive(fd[0], -1, &j, &err), -REL_EIO);
	assert_string_equal(err.msg, "the supervisor is gone");
	close(fd[0]);
}

static void test_without_fds_it_waits_and_does_not_spin(void **state)
{
	REL_AUTO(rel_closep) int store = open_store(*state);
	struct rel_err err = REL_ERR_INIT;
	struct rlimit old, tight;
	struct rel_timer t = { 0 };
	struct server s;
	int fd, hole, turns = 0;
	bool over = false, done;

	server_at(&s, store);
	fd = connected(&s);
	ask(fd, 3, -1);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	tight = old;
	hole = dup(fd); /* the lowest number that is free */
	close(hole);
	tight.rlim_cur = (rlim_t)hole;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
	rel_loop_arm(s.loop, &t, rel_monotonic_ms() + 50, nothing, &over);
	while (!over) {
		must(rel_loop_turn(s.loop, &err), &err);
		turns++;
	}
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_in_range(turns, 2, 4);
	assert_int_equal(s.requests, 0);
	while (s.requests == 0)
		must(rel_loop_turn(s.loop, &err), &err);
	assert_int_equal(told(fd, &done), 3);
	close(fd);
	server_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(test_a_request_is_answered_now_and_later),
		scratch_test(test_an_fd_comes_with_a_request_and_no_second_one),
		scratch_test(test_who_does_not_keep_to_the_protocol_is_dropped),
		scratch_test(test_half_a_message_disturbs_nobody),
		scratch_test(test_a_client_that_leaves_is_told_of_once),
		scratch_test(test_more_clients_than_are_let_in_are_all_served),
		scratch_test(test_a_client_that_never_reads_is_dropped),
		scratch_test(test_long_requests_and_answers_go_through),
		scratch_test(test_one_request_over_the_limit_is_not_sent),
		scratch_test(test_closing_gives_the_last_answers_time),
		scratch_test(test_closing_waits_for_nobody_who_has_his_answer),
		cmocka_unit_test(test_an_answer_that_has_begun_is_waited_for),
		scratch_test(test_without_fds_it_waits_and_does_not_spin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
