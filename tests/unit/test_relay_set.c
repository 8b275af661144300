/* SPDX-License-Identifier: Apache-2.0 */
#include "rel_test.h"

#include "relay_fixture.h"

#include <sys/resource.h>

static void a_client_waits_for_a_backend_that_comes_late(void **state)
{
	struct front *f = *state;
	int ports[2] = { 0 }, answer = 0;
	int late = bind_port(&ports[0]), early = bind_port(&ports[1]);
	int fd[8], answers = 0;
	pid_t server;

	/* No backend, then only such as refuse. */
	for (int i = 0; i < 4; i++)
		assert_true((fd[i] = dial(f->port)) >= 0);
	set(f, ports, 2);
	for (int i = 4; i < 8; i++)
		assert_true((fd[i] = dial(f->port)) >= 0);
	for (int i = 0; i < 8; i++)
		assert_true(write_all(fd[i], "x\n", 2));
	/* Their order is taken and tried when this has been answered. */
	set(f, ports, 1);
	assert_int_equal(drained(f), ports[1]);
	assert_int_equal(listen(late, 128), 0);
	server = in_child(names, late, NULL);
	for (int i = 0; i < 8; i++) {
		assert_int_equal(read_all(fd[i], &answer, sizeof(answer)),
			sizeof(answer));
		answers += answer == ports[0];
		close(fd[i]);
	}
	assert_int_equal(answers, 8);
	end_child(server);
	close(late);
	close(early);
}

static void a_backend_that_refuses_is_passed_over(void **state)
{
	struct front *f = *state;
	int ports[2] = { 0 };
	int dead = bind_port(&ports[0]);
	pid_t server = serve(&ports[1], names, NULL);

	set(f, ports, 2);
	for (int i = 0; i < 50; i++)
		assert_int_equal(ask(f->port), ports[1]);
	end_child(server);
	close(dead);
}

static void a_backend_is_drained_when_its_last_connection_ends(void **state)
{
	struct front *f = *state;
	int ports[3] = { 0 }, a, b;
	pid_t pid[3];

	for (int i = 0; i < 3; i++)
		pid[i] = serve(&ports[i], echoes, NULL);
	set(f, ports, 1);
	a = dial_echo(f);
	b = dial_echo(f);
	set(f, ports, 3);
	/* The third has none, the first has two. */
	set(f, ports + 1, 1);
	assert_int_equal(drained(f), ports[2]);
	assert_int_equal(rel_relay_drained(&f->r), 0);
	close(a);
	assert_echo(b);
	/* An order that is answered: nothing was said before it. */
	set(f, ports + 2, 1);
	assert_int_equal(drained(f), ports[1]);
	assert_echo(b);
	close(b);
	assert_int_equal(drained(f), ports[0]);
	assert_int_equal(rel_relay_drained(&f->r), 0);
	for (int i = 0; i < 3; i++)
		end_child(pid[i]);
}

static void a_backend_that_comes_back_is_not_drained(void **state)
{
	struct front *f = *state;
	int ports[2] = { 0 }, a;
	pid_t pid[2];

	for (int i = 0; i < 2; i++)
		pid[i] = serve(&ports[i], echoes, NULL);
	set(f, ports, 1);
	a = dial_echo(f);
	set(f, ports + 1, 1);
	set(f, ports, 2);
	close(a);
	set(f, ports, 1);
	assert_int_equal(drained(f), ports[1]);
	assert_int_equal(rel_relay_drained(&f->r), 0);
	/* The one that went and came is told of once, when it goes again. */
	set(f, ports, 0);
	assert_int_equal(drained(f), ports[0]);
	assert_int_equal(rel_relay_drained(&f->r), 0);
	for (int i = 0; i < 2; i++)
		end_child(pid[i]);
}

static void a_message_that_crossed_with_an_order_is_not_heard(void **state)
{
	struct front *f = *state;
	struct pollfd pfd = { .fd = f->r.link, .events = POLLIN };
	int ports[2] = { 0 }, a;
	pid_t pid = serve(&ports[0], echoes, NULL);
	int other = bind_port(&ports[1]);

	set(f, ports, 1);
	set(f, NULL, 0);
	/* It is there, and not read. */
	assert_int_equal(poll(&pfd, 1, PATIENCE_MS), 1);
	set(f, ports, 2);
	a = dial_echo(f);
	set(f, NULL, 0);
	assert_int_equal(drained(f), ports[1]);
	assert_int_equal(rel_relay_drained(&f->r), 0);
	close(a);
	assert_int_equal(drained(f), ports[0]);
	end_child(pid);
	close(other);
}

/* With files for 9 connections. */
static void many_at_few_files(int fd, struct told *t)
{
	enum { N = 40 };
	struct rlimit low = { .rlim_cur = 64, .rlim_max = 64 };
	struct rel_err err = REL_ERR_INIT;
	struct front f = { .r = REL_RELAY_NONE };
	int held[N];
	char back[4];

	f.listen = bind_port(&f.port);
	if (listen(f.listen, 128) < 0 || setrlimit(RLIMIT_NOFILE, &low) < 0 ||
		rel_relay_start(f.listen, &f.r, &err) < 0 ||
		rel_relay_set(&f.r, &fd, 1, &err) < 0)
		_exit(1);
	for (int i = 0; i < N; i++) {
		held[i] = dial(f.port);
		if (held[i] < 0 || !write_all(held[i], "ping", 4))
			_exit(2);
	}
	for (int i = 0; i < N; i++) {
		t->value += read_all(held[i], back, 4) == 4;
		close(held[i]);
	}
}

static void more_connections_than_files_wait_for_their_turn(void **state)
{
	struct told *t = shared();
	int port = 0;
	pid_t server = serve(&port, echoes, NULL);

	(void)state;
	assert_int_equal(exit_of(in_child(many_at_few_files, port, t)), 0);
	assert_int_equal(t->value, 40);
	end_child(server);
	munmap(t, sizeof(*t));
}

/* Started before all others: it takes its ten seconds beside them. */
static struct front patient;
static int patient_fd;
static int64_t patient_since;

static int start_patient(void **state)
{
	struct rel_err err = REL_ERR_INIT;

	(void)state;
	patient.listen = bind_port(&patient.port);
	if (listen(patient.listen, 8) < 0 ||
		rel_relay_start(patient.listen, &patient.r, &err) < 0)
		return -1;
	patient_since = rel_monotonic_ms();
	patient_fd = dial(patient.port);
	return patient_fd < 0;
}

static void a_client_that_finds_no_backend_is_let_go_after_ten_s(void **state)
{
	struct pollfd pfd = { .fd = patient_fd, .events = POLLIN };
	int64_t now = rel_monotonic_ms();
	char c;

	(void)state;
	if (now < patient_since + 9900)
		assert_int_equal(
			poll(&pfd, 1, (int)(patient_since + 9900 - now)), 0);
	assert_int_equal(poll(&pfd, 1, PATIENCE_MS), 1);
	assert_int_equal(read(patient_fd, &c, 1), 0);
	close(patient_fd);
	close(patient.listen);
	rel_relay_stop(&patient.r, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		relay_test(a_client_waits_for_a_backend_that_comes_late),
		relay_test(a_backend_that_refuses_is_passed_over),
		relay_test(a_backend_is_drained_when_its_last_connection_ends),
		relay_test(a_backend_that_comes_back_is_not_drained),
		relay_test(a_message_that_crossed_with_an_order_is_not_heard),
		cmocka_unit_test(
			more_connections_than_files_wait_for_their_turn),
		cmocka_unit_test(
			a_client_that_finds_no_backend_is_let_go_after_ten_s),
	};

	return cmocka_run_group_tests(tests, start_patient, NULL);
}
