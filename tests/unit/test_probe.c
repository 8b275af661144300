/* SPDX-License-Identifier: Apache-2.0 */
#include "rel_test.h"

#include "base/clock.h"
#include "probe_fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

static void test_without_a_path_it_is_enough_to_accept(void **state)
{
	struct talk *t = *state;

	free(t->check.path);
	t->check.path = NULL;
	t->check.listening = true;
	rel_probe_begin(&t->probe, &t->check, t->port, NOW);
	expect(&t->probe, NULL);
}

static void test_a_port_that_nobody_has_refuses(void **state)
{
	struct talk *t = *state;
	char want[64];
	int port = 0, fd = tcp_bind("127.0.0.1", &port, false);

	rel_probe_begin(&t->probe, &t->check, port, NOW);
	snprintf(want, sizeof(want), "port %d refuses connections", port);
	expect(&t->probe, want);
	close(fd);
}

static void test_an_app_on_ipv6_alone_is_found(void **state)
{
	struct talk *t = *state;
	int fd, v4;

	if (!tcp_has_ipv6())
		skip_for("this system has no IPv6");
	close(t->listener);
	t->port = 0;
	t->listener = tcp_listen("::1", &t->port);
	v4 = tcp_bind("127.0.0.1", &t->port, false); /* nobody else's */
	assert_true(v4 >= 0);
	rel_probe_begin(&t->probe, &t->check, t->port, NOW);
	fd = t->probe.fd;
	turn(&t->probe);
	assert_int_equal(t->probe.fd, fd);
	turn(&t->probe);
	t->conn = accept(t->listener, NULL, NULL);
	say(t, "HTTP/1.1 200 OK\r\n\r\n");
	hang_up(t);
	expect(&t->probe, NULL);
	close(v4);
}

static void test_the_port_of_the_check_goes_first(void **state)
{
	struct talk *t = *state;

	t->check.port = t->port;
	t->port = 1;
	check_answer(t, "HTTP/1.1 200 OK\r\n\r\n", NULL);
}

static void test_the_request_is_this(void **state)
{
	struct talk *t = *state;
	REL_AUTO(rel_freep) char *got = NULL;

	rel_probe_begin(&t->probe, &t->check, t->port, NOW);
	turn(&t->probe);
	t->conn = accept(t->listener, NULL, NULL);
	got = read_request(t->conn);
	assert_string_equal(got, "GET /up HTTP/1.1\r\n"
				 "Host: localhost\r\n"
				 "User-Agent: relctl/" RELCTL_VERSION "\r\n"
				 "Accept: */*\r\n"
				 "Connection: close\r\n"
				 "\r\n");
}

static void test_a_path_cannot_add_to_the_request(void **state)
{
	struct talk *t = *state;
	REL_AUTO(rel_freep) char *got = NULL;

	free(t->check.path);
	t->check.path = rel_strdup("a b\r\nX-Evil: \xc3\xa9?q=1");
	rel_probe_begin(&t->probe, &t->check, t->port, NOW);
	turn(&t->probe);
	t->conn = accept(t->listener, NULL, NULL);
	got = read_request(t->conn);
	*strchr(got, '\r') = '\0';
	assert_string_equal(
		got, "GET /a%20b%0D%0AX-Evil:%20%C3%A9?q=1 HTTP/1.1");
	say(t, "HTTP/1.1 503 No\r\n\r\n");
	hang_up(t);
	expect(&t->probe, "GET /a%20b%0D%0AX-Evil:%20%C3%A9?q=1: 503");
}

/* Up to where the kernel's buffers are full of the request. */
static void begin_a_long_one(struct talk *t, size_t size)
{
	free(t->check.path);
	t->check.path = rel_alloc(size);
	memset(t->check.path, 'a', size - 1);
	t->check.path[0] = '/';
	rel_probe_begin(&t->probe, &t->check, t->port, NOW);
	turn(&t->probe);
	assert_int_equal(t->probe.events, POLLOUT);
	t->conn = accept(t->listener, NULL, NULL);
}

static void test_a_request_may_go_out_in_parts(void **state)
{
	struct talk *t = *state;
	const size_t size = 16u << 20;
	REL_AUTO(rel_freep) char *sink = rel_alloc(size);
	size_t got = 0;

	begin_a_long_one(t, size);
	while (got < 4 || memcmp(sink, "\r\n\r\n", 4) != 0) {
		ssize_t n = recv(t->conn, sink + 4, size - 4, MSG_DONTWAIT);

		if (n > 0) { /* its last four bytes go to the front */
			memmove(sink, sink + n, 4);
			got += (size_t)n;
			continue;
		}
		assert_int_equal(errno, EAGAIN);
		turn(&t->probe);
	}
	assert_true(got > size);
	say(t, "HTTP/1.1 503 No\r\n\r\n");
	hang_up(t);
	finish(&t->probe);
	/* The status has its place in the message, however long the path. */
	assert_non_null(strstr(t->probe.why, "aaaa: 503"));
}

static void test_a_server_may_hang_up_on_half_a_request(void **state)
{
	struct talk *t = *state;

	begin_a_long_one(t, 16u << 20);
	hang_up(t); /* what it did not read makes this a reset */
	finish(&t->probe);
	assert_non_null(strstr(
		t->probe.why, "aaaa: the connection ended without an answer"));
}

static void at_the_deadline(struct talk *t, const char *why)
{
	assert_int_equal(t->probe.deadline_ms, NOW + TIMEOUT);
	rel_probe_step(&t->probe, 0, NOW + TIMEOUT - 1);
	assert_int_equal(t->probe.state, REL_PROBE_RUNS);
	rel_probe_step(&t->probe, 0, NOW + TIMEOUT);
	assert_int_not_equal(t->probe.state, REL_PROBE_RUNS);
	expect(&t->probe, why);
	hang_up(t);
}

static void test_the_deadline_ends_it(void **state)
{
	struct talk *t = *state;

	begin(t);
	at_the_deadline(t, "GET /up: no answer within 0.25 s");

	begin(t);
	say(t, "HTTP/1.1 200 OK\r\nServer: slow\r\n");
	turn(&t->probe);
	at_the_deadline(t, "GET /up: no answer within 0.25 s");

	/* The answer is there: that its end is not makes no difference. */
	begin(t);
	say(t, "HTTP/1.1 200 OK\r\n\r\nstream");
	turn(&t->probe);
	at_the_deadline(t, NULL);

	begin(t);
	say(t, "HTTP/1.1 500 Oops\r\n\r\nstream");
	turn(&t->probe);
	at_the_deadline(t, "GET /up: 500");
}

static void test_an_answer_at_the_deadline_is_in_time(void **state)
{
	struct talk *t = *state;
	struct pollfd p;

	begin(t);
	say(t, "HTTP/1.1 200 OK\r\n\r\n");
	hang_up(t);
	p = (struct pollfd){ .fd = t->probe.fd, .events = POLLRDHUP };
	assert_int_equal(poll(&p, 1, 10000), 1);
	rel_probe_step(&t->probe, 0, NOW + TIMEOUT);
	expect(&t->probe, NULL);
}

/* The kernel drops what does not fit into a backlog: silence, no refusal. */
static void test_a_port_that_is_silent_runs_out_of_time(void **state)
{
	struct talk *t = *state;
	int port = 0, fd = tcp_bind("127.0.0.1", &port, true), client;
	char want[64];

	assert_int_equal(listen(fd, 0), 0);
	client = tcp_connect("127.0.0.1", port);
	assert_true(client >= 0);
	rel_probe_begin(&t->probe, &t->check, port, NOW);
	rel_probe_step(&t->probe, 0, NOW + TIMEOUT - 1);
	assert_int_equal(t->probe.state, REL_PROBE_RUNS);
	rel_probe_step(&t->probe, 0, NOW + TIMEOUT);
	snprintf(want, sizeof(want), "port %d: no answer within 0.25 s", port);
	expect(&t->probe, want);
	close(client);
	close(fd);
}

static size_t count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void test_cancelling_hangs_up(void **state)
{
	struct talk *t = *state;
	size_t before = count_fds();
	char byte;

	begin(t);
	rel_probe_cancel(&t->probe);
	assert_int_equal(t->probe.fd, -1);
	assert_int_equal(read(t->conn, &byte, 1), 0);
	hang_up(t);
	rel_probe_cancel(&t->probe);
	rel_probe_step(&t->probe, 0, NOW);
	assert_int_equal(count_fds(), before);
	check_answer(t, "HTTP/1.1 200 OK\r\n\r\n", NULL);
	assert_int_equal(count_fds(), before);
}

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 &&
		  write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

/* 0: as it should be, 77: no network of our own to be had. */
static int probe_where_one_port_is_left(const struct rel_check *check)
{
	struct rel_probe p = REL_PROBE_INIT;
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int port = 40000, fd;

	if (unshare(geteuid() == 0 ? CLONE_NEWNET
				   : CLONE_NEWUSER | CLONE_NEWNET) < 0)
		return 77;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (ioctl(fd, SIOCSIFFLAGS, &lo) < 0 ||
		!write_file("/proc/sys/net/ipv4/ip_local_port_range",
			"40000 40000"))
		return 77;
	rel_probe_begin(&p, check, port, NOW);
	while (p.state == REL_PROBE_RUNS) {
		struct pollfd one = { .fd = p.fd, .events = p.events };

		if (poll(&one, 1, 10000) != 1)
			return 2;
		rel_probe_step(&p, one.revents, NOW);
	}
	if (strcmp(p.why, "port 40000 refuses connections") != 0)
		return 3;
	/* The app can have it, even one that does not ask for SO_REUSEADDR. */
	return tcp_bind("0.0.0.0", &port, false) >= 0 ? 0 : 4;
}

static void test_a_connection_to_itself_is_no_app(void **state)
{
	struct talk *t = *state;
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(probe_where_one_port_is_left(&t->check));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip_for("no network namespace can be had here");
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* A server in a process of its own, on the real clock. */
static void serve(int listener)
{
	for (;;) {
		int conn = accept(listener, NULL, NULL);
		char seen[4] = "";

		while (memcmp(seen, "\r\n\r\n", 4) != 0) {
			memmove(seen, seen + 1, 3);
			if (read(conn, seen + 3, 1) != 1)
				_exit(1);
		}
		for (const char *c = "HTTP/1.1 200 OK\r\n\r\nwell"; *c; c++) {
			if (send(conn, c, 1, MSG_NOSIGNAL) != 1)
				_exit(1);
		}
		close(conn);
	}
}

static void test_many_probes_of_a_real_server_run_at_once(void **state)
{
	enum { N = 50 };
	struct rel_probe probes[N];
	struct talk *t = *state;
	size_t running = N, before = count_fds();
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		serve(t->listener);
	t->check.timeout_ms = 30000;
	t->check.content = (char[]){ "well" };
	for (size_t i = 0; i < N; i++)
		rel_probe_begin(
			&probes[i], &t->check, t->port, rel_monotonic_ms());
	while (running > 0) {
		const struct timespec most = { .tv_sec = 30 };
		struct pollfd fds[N];

		for (size_t i = 0; i < N; i++)
			fds[i] = (struct pollfd){ .fd = probes[i].fd,
				.events = probes[i].events };
		assert_true(ppoll(fds, N, &most, NULL) > 0);
		running = 0;
		for (size_t i = 0; i < N; i++) {
			if (fds[i].revents)
				rel_probe_step(&probes[i], fds[i].revents,
					rel_monotonic_ms());
			running += probes[i].state == REL_PROBE_RUNS;
		}
	}
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	for (size_t i = 0; i < N; i++)
		expect(&probes[i], NULL);
	assert_int_equal(count_fds(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		talk_test(test_without_a_path_it_is_enough_to_accept),
		talk_test(test_a_port_that_nobody_has_refuses),
		talk_test(test_an_app_on_ipv6_alone_is_found),
		talk_test(test_the_port_of_the_check_goes_first),
		talk_test(test_the_request_is_this),
		talk_test(test_a_path_cannot_add_to_the_request),
		talk_test(test_a_request_may_go_out_in_parts),
		talk_test(test_a_server_may_hang_up_on_half_a_request),
		talk_test(test_the_deadline_ends_it),
		talk_test(test_an_answer_at_the_deadline_is_in_time),
		talk_test(test_a_port_that_is_silent_runs_out_of_time),
		talk_test(test_cancelling_hangs_up),
		talk_test(test_a_connection_to_itself_is_no_app),
		talk_test(test_many_probes_of_a_real_server_run_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
