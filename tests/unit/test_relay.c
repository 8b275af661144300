/* SPDX-License-Identifier: Apache-2.0 */
#include "rel_test.h"

#include "relay_fixture.h"

static void equal_backends_take_turns(void **state)
{
	struct front *f = *state;
	int ports[3] = { 0 }, seen[3] = { 0 };
	pid_t pid[3];

	for (int i = 0; i < 3; i++)
		pid[i] = serve(&ports[i], names, NULL);
	set(f, ports, 3);
	for (int n = 0; n < 30; n++) {
		int port = ask(f->port);

		for (int i = 0; i < 3; i++)
			seen[i] += port == ports[i];
	}
	assert_int_equal(seen[0] + seen[1] + seen[2], 30);
	for (int i = 0; i < 3; i++) {
		/* A connection may still be counted when the next one comes. */
		assert_true(seen[i] >= 5);
		end_child(pid[i]);
	}
}

static void the_backend_with_the_fewest_connections_is_chosen(void **state)
{
	struct front *f = *state;
	int ports[2] = { 0 }, held[6];
	pid_t a = serve(&ports[0], echoes, NULL);
	pid_t b;

	set(f, ports, 1);
	for (int i = 0; i < 5; i++)
		held[i] = dial_echo(f);
	b = serve(&ports[1], names, NULL);
	set(f, ports, 2);
	for (int i = 0; i < 10; i++)
		assert_int_equal(ask(f->port), ports[1]);
	for (int i = 0; i < 5; i++)
		close(held[i]);
	end_child(a);
	end_child(b);
}

#define CLIENTS 4
#define QUESTIONS 2500

static int front_port;

static void asks(int fd, struct told *t)
{
	(void)fd;
	for (int i = 0; i < QUESTIONS; i++) {
		if (ask(front_port) < 0)
			__atomic_add_fetch(&t->errors, 1, __ATOMIC_SEQ_CST);
		__atomic_add_fetch(&t->value, 1, __ATOMIC_SEQ_CST);
	}
}

/* Take each backend away in turn, wait until it is drained, kill it, start
 * it again, give it back: as a release does, or a scale. */
static void no_connection_fails_while_the_set_changes(void **state)
{
	struct front *f = *state;
	struct told *t = shared();
	int ports[3] = { 0 }, changes = 0;
	pid_t server[3], client[CLIENTS];

	for (int i = 0; i < 3; i++)
		server[i] = serve(&ports[i], names, NULL);
	set(f, ports, 3);
	front_port = f->port;
	for (int i = 0; i < CLIENTS; i++)
		client[i] = in_child(asks, -1, t);
	while (__atomic_load_n(&t->value, __ATOMIC_SEQ_CST) <
		CLIENTS * QUESTIONS) {
		int i = changes++ % 3;
		int others[2] = { ports[(i + 1) % 3], ports[(i + 2) % 3] };

		/* Now and then there is none at all. */
		set(f, others, changes % 10 ? 2 : 0);
		if (changes % 10)
			assert_int_equal(drained(f), ports[i]);
		else
			for (int n = 0; n < 3; n++)
				assert_true(drained(f) > 0);
		end_child(server[i]);
		server[i] = serve(&ports[i], names, NULL);
		set(f, ports, 3);
	}
	for (int i = 0; i < CLIENTS; i++)
		assert_int_equal(exit_of(client[i]), 0);
	for (int i = 0; i < 3; i++)
		end_child(server[i]);
	assert_int_equal(t->errors, 0);
	assert_true(changes >= 20);
	print_message(
		"# %d connections, %d changes of the set\n", t->value, changes);
	munmap(t, sizeof(*t));
}

/* The number of bytes that came before the end, as the answer after it. */
static void counts(int listener, struct told *t)
{
	int fd = accept(listener, NULL, NULL);
	uint64_t total = 0;
	char buf[4096];
	ssize_t n;

	(void)t;
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		total += (uint64_t)n;
	(void)write_all(fd, &total, sizeof(total));
}

/* Ends its own side first, and tells how many bytes came then. */
static void ends_first(int listener, struct told *t)
{
	int fd = accept(listener, NULL, NULL);
	char buf[4096];

	(void)write_all(fd, "bye", 3);
	shutdown(fd, SHUT_WR);
	t->value = (int)read_all(fd, buf, sizeof(buf));
}

static void reset(int fd)
{
	struct linger now = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

/* Answers without having read all, and resets. */
static void resets(int listener, struct told *t)
{
	int fd = accept(listener, NULL, NULL);
	char c;

	(void)t;
	(void)read_all(fd, &c, 1);
	(void)write_all(fd, "no", 2);
	reset(fd);
}

/* Tells the errno that its read ends with. */
static void awaits_reset(int listener, struct told *t)
{
	int fd = accept(listener, NULL, NULL);
	char c;

	(void)write_all(fd, "go", 2);
	t->value = read_all(fd, &c, 1) < 0 ? errno : -1;
}

static void the_end_of_the_client_is_passed_on_alone(void **state)
{
	struct front *f = *state;
	int port = 0, fd;
	pid_t pid = serve(&port, counts, NULL);
	uint64_t total = 0;
	char c;

	set(f, &port, 1);
	fd = dial(f->port);
	assert_true(write_all(fd, "12345", 5));
	shutdown(fd, SHUT_WR);
	assert_int_equal(read_all(fd, &total, sizeof(total)), sizeof(total));
	assert_int_equal(total, 5);
	assert_int_equal(read(fd, &c, 1), 0);
	close(fd);
	assert_int_equal(exit_of(pid), 0);
}

static void the_end_of_the_backend_is_passed_on_alone(void **state)
{
	struct front *f = *state;
	struct told *t = shared();
	int port = 0, fd;
	pid_t pid = serve(&port, ends_first, t);
	char buf[8];

	set(f, &port, 1);
	fd = dial(f->port);
	assert_int_equal(read_all(fd, buf, sizeof(buf)), 3);
	assert_true(write_all(fd, "1234567", 7));
	close(fd);
	assert_int_equal(exit_of(pid), 0);
	assert_int_equal(t->value, 7);
	munmap(t, sizeof(*t));
}

static void a_reset_of_the_backend_comes_after_its_bytes(void **state)
{
	struct front *f = *state;
	int port = 0, fd;
	pid_t pid = serve(&port, resets, NULL);
	char buf[8];

	set(f, &port, 1);
	fd = dial(f->port);
	assert_true(write_all(fd, "12345", 5));
	assert_int_equal(read_all(fd, buf, 2), 2);
	assert_memory_equal(buf, "no", 2);
	assert_int_equal(read(fd, buf, 1), -1);
	assert_int_equal(errno, ECONNRESET);
	close(fd);
	assert_int_equal(exit_of(pid), 0);
}

static void a_reset_of_the_client_is_passed_on(void **state)
{
	struct front *f = *state;
	struct told *t = shared();
	int port = 0, fd;
	pid_t pid = serve(&port, awaits_reset, t);
	char buf[2];

	set(f, &port, 1);
	fd = dial(f->port);
	assert_int_equal(read_all(fd, buf, 2), 2);
	reset(fd);
	assert_int_equal(exit_of(pid), 0);
	assert_int_equal(t->value, ECONNRESET);
	munmap(t, sizeof(*t));
}

#define BIG ((size_t)100 << 20)

/* The same bytes each time, and no two stretches alike. */
static void fill(uint64_t *seed, uint64_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		*seed ^= *seed << 13;
		*seed ^= *seed >> 7;
		*seed ^= *seed << 17;
		p[i] = *seed;
	}
}

static void sends_big(int fd, struct told *t)
{
	uint64_t seed = 88172645463325252u, block[8192];

	(void)t;
	for (size_t n = 0; n < BIG; n += sizeof(block)) {
		fill(&seed, block, 8192);
		if (!write_all(fd, block, sizeof(block)))
			_exit(1);
	}
	shutdown(fd, SHUT_WR);
}

static void big_transfers_keep_their_bytes_both_ways(void **state)
{
	struct front *f = *state;
	uint64_t seed = 88172645463325252u, want[8192], have[8192];
	int port = 0, fd, wrong = 0;
	pid_t server = serve(&port, echoes, NULL), sender;
	char c;

	set(f, &port, 1);
	fd = dial(f->port);
	sender = in_child(sends_big, fd, NULL);
	for (size_t n = 0; n < BIG; n += sizeof(want)) {
		fill(&seed, want, 8192);
		assert_int_equal(
			read_all(fd, have, sizeof(have)), sizeof(have));
		wrong += memcmp(want, have, sizeof(want)) != 0;
	}
	assert_int_equal(read(fd, &c, 1), 0);
	assert_int_equal(wrong, 0);
	assert_int_equal(exit_of(sender), 0);
	close(fd);
	end_child(server);
}

static void who_does_not_read_holds_up_nobody_else(void **state)
{
	struct front *f = *state;
	uint64_t seed = 88172645463325252u, want[8192], have[8192];
	int port = 0, slow, quick;
	pid_t server = serve(&port, echoes, NULL), sender;

	set(f, &port, 1);
	slow = dial(f->port);
	sender = in_child(sends_big, slow, NULL);
	/* It has come back as far as anybody will keep it. */
	assert_int_equal(recv(slow, have, sizeof(have), MSG_PEEK) > 0, 1);
	for (int i = 0; i < 100; i++) {
		quick = dial_echo(f);
		assert_echo(quick);
		close(quick);
	}
	assert_int_equal(waitpid(sender, NULL, WNOHANG), 0);
	for (size_t n = 0; n < BIG; n += sizeof(want)) {
		fill(&seed, want, 8192);
		assert_int_equal(
			read_all(slow, have, sizeof(have)), sizeof(have));
		assert_memory_equal(want, have, sizeof(want));
	}
	assert_int_equal(exit_of(sender), 0);
	close(slow);
	end_child(server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		relay_test(equal_backends_take_turns),
		relay_test(the_backend_with_the_fewest_connections_is_chosen),
		relay_test(no_connection_fails_while_the_set_changes),
		relay_test(the_end_of_the_client_is_passed_on_alone),
		relay_test(the_end_of_the_backend_is_passed_on_alone),
		relay_test(a_reset_of_the_backend_comes_after_its_bytes),
		relay_test(a_reset_of_the_client_is_passed_on),
		relay_test(big_transfers_keep_their_bytes_both_ways),
		relay_test(who_does_not_read_holds_up_nobody_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
