/* SPDX-License-Identifier: Apache-2.0 */
#include "rel_test.h"

#include "base/file.h"
#include "run/endpoint.h"
#include "tcp_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static const char *const everywhere[] = { "127.0.0.1", "0.0.0.0", "127.9.8.7",
	"::1", "::" };
#define EVERYWHERE_N (sizeof(everywhere) / sizeof(*everywhere))

/* A port that was free a moment ago. */
static int free_port(void)
{
	int port = 0, fd = tcp_bind("0.0.0.0", &port, true);

	assert_true(fd >= 0);
	close(fd);
	return port;
}

static void test_a_type_and_an_address_are_read(void **state)
{
	static const struct {
		const char *text, *type, *host;
		int port;
	} good[] = {
		{ "web=127.0.0.1:8080", "web", "127.0.0.1", 8080 },
		{ "web=[::1]:8080", "web", "::1", 8080 },
		{ "web=[2001:db8::8a2e:370:7334]:443", "web",
			"2001:db8::8a2e:370:7334", 443 },
		{ "web=0.0.0.0:1", "web", "0.0.0.0", 1 },
		{ "web=:8080", "web", "", 8080 },
		{ "my-Web_2=65535", "my-Web_2", "", 65535 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		struct rel_endpoint e;
		struct rel_err err = REL_ERR_INIT;

		assert_int_equal(rel_endpoint_parse(good[i].text, &e, &err), 0);
		assert_string_equal(e.type, good[i].type);
		assert_string_equal(e.host, good[i].host);
		assert_int_equal(e.port, good[i].port);
		assert_int_equal(e.fd, -1);
	}
}

static void test_what_is_no_endpoint_is_told_the_form(void **state)
{
	static const char *const bad[] = { "", "8080", "web", "web=", "=8080",
		"web=0", "web=65536", "web=99999999999999999999", "web=+80",
		"web=-80", "web=080", "web= 80", "web=80 ", "web=8080x",
		"web=localhost:80", "web=example.org:80", "web=*:80",
		"web=127.0.0.1", "web=127.0.0.1:", "web=127.0.0:80",
		"web=127.0.0.1.5:80", "web=::1:80", "web=[::1]", "web=[::1:80",
		"web=[127.0.0.1]:80", "web=[]:80", "web=[::1]80",
		"web=[::1%lo]:80", "we b=80", "web/1=80",
		"a23456789b23456789c23456789d23456789e23456789f23456789"
		"g2345678901=80",
		"web=[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:"
		"0000:0000]:80" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct rel_endpoint e = { .port = 4711 };
		struct rel_err err = REL_ERR_INIT;

		if (rel_endpoint_parse(bad[i], &e, &err) != -REL_EUSAGE)
			fail_msg("'%s' is taken", bad[i]);
		assert_int_equal(e.port, 4711);
		assert_string_equal(e.host, "");
		assert_non_null(strstr(err.hint, "web=127.0.0.1:8080"));
	}
}

static void expect_taken(const char *where, int port, const char *holder)
{
	struct rel_err err = REL_ERR_INIT;
	char want[200];

	snprintf(want, sizeof(want), "port %d is taken%s%s", port,
		holder ? " by " : "", holder ? holder : "");
	if (rel_port_check(port, &err) != -REL_EBUSY)
		fail_msg("a port that is taken on %s is free", where);
	assert_string_equal(err.msg, want);
}

static void name_self(char *ret, size_t size)
{
	char comm[17] = "";

	assert_int_equal(prctl(PR_GET_NAME, comm), 0);
	snprintf(ret, size, "'%s' (pid %d)", comm, (int)getpid());
}

static void test_a_port_is_taken_wherever_somebody_listens(void **state)
{
	char self[64];

	(void)state;
	name_self(self, sizeof(self));
	for (size_t i = 0; i < EVERYWHERE_N; i++) {
		int port = 0, fd = tcp_listen(everywhere[i], &port);
		struct rel_err err = REL_ERR_INIT;

		if (fd < 0 && strchr(everywhere[i], ':') && !tcp_has_ipv6())
			continue;
		assert_true(fd >= 0);
		expect_taken(everywhere[i], port, self);
		close(fd);
		assert_int_equal(rel_port_check(port, &err), 0);
	}
}

static void test_a_port_that_is_bound_only_has_no_holder(void **state)
{
	int port = 0, fd = tcp_bind("127.0.0.1", &port, false);
	char holder[64] = "none";

	(void)state;
	assert_true(fd >= 0);
	expect_taken("127.0.0.1", port, NULL);
	assert_false(rel_port_holder(port, holder, sizeof(holder)));
	assert_string_equal(holder, "none");
	close(fd);
}

/* An outgoing connection has a port, too, and does not listen. */
static void test_who_connects_from_a_port_is_not_its_holder(void **state)
{
	struct sockaddr_in a;
	socklen_t n = sizeof(a);
	int port = 0, listener = tcp_listen("127.0.0.1", &port);
	int client = tcp_connect("127.0.0.1", port);

	(void)state;
	assert_int_equal(getsockname(client, (struct sockaddr *)&a, &n), 0);
	expect_taken("127.0.0.1", ntohs(a.sin_port), NULL);
	close(client);
	close(listener);
}

static void test_time_wait_does_not_take_a_port(void **state)
{
	struct rel_err err = REL_ERR_INIT;
	int port = 0, listener = tcp_listen("127.0.0.1", &port);
	int client, server;
	char byte;

	(void)state;
	client = tcp_connect("127.0.0.1", port);
	server = accept(listener, NULL, NULL);
	assert_true(server >= 0);
	close(server); /* who closes first is left with TIME_WAIT */
	assert_int_equal(read(client, &byte, 1), 0);
	close(client);
	close(listener);
	assert_int_equal(tcp_bind("127.0.0.1", &port, false), -1);
	assert_int_equal(errno, EADDRINUSE);
	assert_int_equal(rel_port_check(port, &err), 0);
}

/* Run ${fn} in a child, which says what it saw by assertions of its own. */
static void in_child(void (*fn)(void *), void *arg)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		fn(arg);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* No cmocka in a child: it would go on with the parent's tests. */
#define child_check(x)                                                         \
	do {                                                                   \
		if (!(x)) {                                                    \
			fprintf(stderr, "# %s:%d: %s\n", __FILE__, __LINE__,   \
				#x);                                           \
			_exit(1);                                              \
		}                                                              \
	} while (0)

static void test_the_name_of_a_holder_is_escaped(void **state)
{
	int ready[2], port = 0;
	char want[64], byte;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		port = 0;
		child_check(prctl(PR_SET_NAME, "a b\n\033[1m\\\303") == 0);
		child_check(tcp_listen("127.0.0.1", &port) >= 0);
		child_check(
			write(ready[1], &port, sizeof(port)) == sizeof(port));
		pause();
		_exit(0);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &port, sizeof(port)), sizeof(port));
	snprintf(want, sizeof(want), "'a b\\012\\033[1m\\134\\303' (pid %d)",
		(int)pid);
	expect_taken("127.0.0.1", port, want);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(read(ready[0], &byte, 1), 0);
	close(ready[0]);
}

static void check_as_nobody(void *arg)
{
	const int *listener = arg;
	struct sockaddr_in a;
	socklen_t n = sizeof(a);
	struct rel_err err = REL_ERR_INIT;
	char want[64];

	child_check(getsockname(*listener, (struct sockaddr *)&a, &n) == 0);
	close(*listener); /* or it would be a holder of its own */
	child_check(setresuid(65534, 65534, 65534) == 0);
	child_check(rel_port_check(ntohs(a.sin_port), &err) == -REL_EBUSY);
	snprintf(want, sizeof(want), "port %d is taken", ntohs(a.sin_port));
	child_check(strcmp(err.msg, want) == 0);
}

static void test_a_holder_that_cannot_be_seen_is_not_named(void **state)
{
	int port = 0, fd;

	(void)state;
	if (geteuid() != 0)
		skip_for("only root can become another user");
	fd = tcp_listen("127.0.0.1", &port);
	in_child(check_as_nobody, &fd);
	close(fd);
}

static void check_port_80(void *arg)
{
	struct rel_endpoint e = { .host = "127.0.0.1", .port = 80, .fd = -1 };
	struct rel_err err = REL_ERR_INIT;

	(void)arg;
	if (geteuid() == 0)
		child_check(setresuid(65534, 65534, 65534) == 0);
	child_check(rel_port_check(80, &err) == -REL_EDENIED);
	child_check(rel_endpoint_listen(&e, &err) == -REL_EDENIED);
	child_check(strstr(err.msg, "port 80 ") && err.hint[0]);
	child_check(e.fd == -1);
}

static void test_a_port_of_the_system_is_denied_to_users(void **state)
{
	FILE *f = fopen("/proc/sys/net/ipv4/ip_unprivileged_port_start", "re");
	int first = 1024;

	(void)state;
	if (f) {
		assert_int_equal(fscanf(f, "%d", &first), 1);
		fclose(f);
	}
	if (first <= 80)
		skip_for("this system gives port 80 to everybody");
	in_child(check_port_80, NULL);
}

static void connects(const char *host, int port, bool want)
{
	int fd = tcp_connect(host, port);

	assert_int_equal(fd >= 0, want);
	if (fd >= 0)
		close(fd);
}

static void test_a_listener_has_all_that_servers_want(void **state)
{
	struct rel_endpoint e = { .type = "web", .fd = -1 };
	struct rel_err err = REL_ERR_INIT;
	struct tcp_info info;
	socklen_t n = sizeof(info);
	int somaxconn = 0;
	FILE *f = fopen("/proc/sys/net/core/somaxconn", "re");

	(void)state;
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%d", &somaxconn), 1);
	fclose(f);
	e.port = free_port();
	assert_int_equal(rel_endpoint_listen(&e, &err), 0);
	assert_true(fcntl(e.fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(e.fd, F_GETFD) & FD_CLOEXEC);
	/* Of a listener this is its backlog. */
	assert_int_equal(getsockopt(e.fd, IPPROTO_TCP, TCP_INFO, &info, &n), 0);
	assert_int_equal(info.tcpi_sacked, somaxconn < 4096 ? somaxconn : 4096);
	connects("127.0.0.1", e.port, true);
	connects("127.9.8.7", e.port, true);
	close(e.fd);
}

static void test_a_listener_is_on_its_own_address_alone(void **state)
{
	struct rel_endpoint e = { .host = "127.0.0.1", .fd = -1 };
	struct rel_err err = REL_ERR_INIT;

	(void)state;
	e.port = free_port();
	assert_int_equal(rel_endpoint_listen(&e, &err), 0);
	connects("127.0.0.1", e.port, true);
	connects("127.9.8.7", e.port, false);
	close(e.fd);
}

static void test_all_addresses_are_those_of_both_families(void **state)
{
	static const struct {
		const char *host;
		bool v4, v6;
	} cases[] = { { "", true, true }, { "0.0.0.0", true, false },
		{ "::", false, true }, { "::1", false, true } };

	(void)state;
	if (!tcp_has_ipv6())
		skip_for("this system has no IPv6");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct rel_endpoint e = { .fd = -1, .port = free_port() };
		struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
			.sin6_port = htons((uint16_t)e.port),
			.sin6_addr = IN6ADDR_LOOPBACK_INIT };
		int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
		struct rel_err err = REL_ERR_INIT;

		strcpy(e.host, cases[i].host);
		assert_int_equal(rel_endpoint_listen(&e, &err), 0);
		connects("127.0.0.1", e.port, cases[i].v4);
		assert_int_equal(
			connect(fd, (struct sockaddr *)&v6, sizeof(v6)) == 0,
			cases[i].v6);
		close(fd);
		close(e.fd);
	}
}

static void test_a_listener_does_not_share_a_port(void **state)
{
	struct rel_endpoint e = { .fd = -1 };
	struct rel_err err = REL_ERR_INIT;
	char self[64], want[128];
	int fd = tcp_listen("127.0.0.1", &e.port);

	(void)state;
	name_self(self, sizeof(self));
	snprintf(want, sizeof(want), "port %d is taken by %s", e.port, self);
	assert_int_equal(rel_endpoint_listen(&e, &err), -REL_EBUSY);
	assert_string_equal(err.msg, want);
	assert_int_equal(e.fd, -1);
	close(fd);
}

static void test_an_address_of_another_machine_is_an_error(void **state)
{
	struct rel_endpoint e = { .host = "192.0.2.1", .fd = -1 };
	struct rel_err err = REL_ERR_INIT;

	(void)state;
	e.port = free_port();
	assert_int_equal(rel_endpoint_listen(&e, &err), -REL_EIO);
	assert_int_equal(err.os_errno, EADDRNOTAVAIL);
	assert_non_null(strstr(err.msg, "'192.0.2.1'"));
}

static void test_a_port_accepts_when_a_loopback_address_does(void **state)
{
	(void)state;
	for (size_t i = 0; i < EVERYWHERE_N; i++) {
		int port = 0, fd = tcp_listen(everywhere[i], &port);

		if (fd < 0 && strchr(everywhere[i], ':') && !tcp_has_ipv6())
			continue;
		assert_true(fd >= 0);
		assert_int_equal(rel_port_accepts(port),
			strcmp(everywhere[i], "127.9.8.7") != 0);
		close(fd);
		assert_false(rel_port_accepts(port));
	}
}

/* The kernel drops what does not fit into a backlog: silence, no refusal. */
static void test_a_port_that_is_silent_does_not_accept(void **state)
{
	int port = 0, fd = tcp_bind("127.0.0.1", &port, true);
	int client;

	(void)state;
	assert_int_equal(listen(fd, 0), 0);
	client = tcp_connect("127.0.0.1", port);
	assert_true(client >= 0);
	assert_false(rel_port_accepts(port));
	close(client);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_type_and_an_address_are_read),
		cmocka_unit_test(test_what_is_no_endpoint_is_told_the_form),
		cmocka_unit_test(
			test_a_port_is_taken_wherever_somebody_listens),
		cmocka_unit_test(test_a_port_that_is_bound_only_has_no_holder),
		cmocka_unit_test(
			test_who_connects_from_a_port_is_not_its_holder),
		cmocka_unit_test(test_time_wait_does_not_take_a_port),
		cmocka_unit_test(test_the_name_of_a_holder_is_escaped),
		cmocka_unit_test(
			test_a_holder_that_cannot_be_seen_is_not_named),
		cmocka_unit_test(test_a_port_of_the_system_is_denied_to_users),
		cmocka_unit_test(test_a_listener_has_all_that_servers_want),
		cmocka_unit_test(test_a_listener_is_on_its_own_address_alone),
		cmocka_unit_test(test_all_addresses_are_those_of_both_families),
		cmocka_unit_test(test_a_listener_does_not_share_a_port),
		cmocka_unit_test(
			test_an_address_of_another_machine_is_an_error),
		cmocka_unit_test(
			test_a_port_accepts_when_a_loopback_address_does),
		cmocka_unit_test(test_a_port_that_is_silent_does_not_accept),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
