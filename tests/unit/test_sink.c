/* SPDX-License-Identifier: Apache-2.0 */
#include "run/sink.h"

#include "base/file.h"
#include "rel_test.h"
#include "scratch.h"

#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

/* A sink that waits where it must not would wait for ever. */
#define GUARD_S 60

static struct rel_sink *opened(int fd, bool drop)
{
	struct rel_err err = REL_ERR_INIT;
	struct rel_sink *s = NULL;

	assert_int_equal(rel_sink_open(fd, drop, &s, &err), 0);
	return s;
}

static void put(struct rel_sink *s, const char *p, size_t n)
{
	size_t lines = 0;

	for (size_t i = 0; i < n; i++)
		lines += p[i] == '\n';
	rel_sink_put(s, p, n, lines);
}

static void puts_to(struct rel_sink *s, const char *text)
{
	put(s, text, strlen(text));
}

static bool flush(struct rel_sink *s)
{
	bool gone = false;

	rel_sink_flush(s, &gone);
	return gone;
}

static void unblock(int fd)
{
	assert_int_equal(fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK), 0);
}

/* Read what there is; ${fd} does not block. */
static void read_some(int fd, struct rel_buf *b)
{
	char part[8192];
	ssize_t n;

	while ((n = read(fd, part, sizeof(part))) > 0)
		rel_buf_add(b, part, (size_t)n);
}

/* Read and flush until nothing is pending, and ${n} bytes have come (a terminal
 * hands them on a little later). */
static void read_all(struct rel_sink *s, int fd, size_t n, struct rel_buf *b)
{
	for (;;) {
		struct pollfd p[] = {
			{ .fd = fd, .events = POLLIN },
			{ .fd = rel_sink_fd(s), .events = POLLOUT },
		};

		read_some(fd, b);
		if (p[1].fd < 0 && b->len >= n)
			return;
		assert_true(poll(p, 2, -1) > 0);
		flush(s);
	}
}

/* Numbered lines of uneven length, now and then one over PIPE_BUF. */
static void add_lines(struct rel_buf *b, int from, int n)
{
	for (int i = from; i < from + n; i++) {
		int len = i % 500 == 250 ? 100000 : i % 100;

		rel_buf_addf(b, "%d %0*d\n", i, len + 1, 0);
	}
}

static void assert_same(const struct rel_buf *got, const struct rel_buf *want)
{
	assert_int_equal(got->len, want->len);
	assert_memory_equal(got->p, want->p, want->len);
}

/* Fill ${s}, whose reader ${from} stalls, then let it read. */
static void check_stall(int to, int from)
{
	struct rel_buf want = REL_BUF_INIT, got = REL_BUF_INIT;
	int flags = fcntl(to, F_GETFL);
	struct rel_sink *s = opened(to, false);

	assert_int_equal(rel_sink_fd(s), -1);
	for (int i = 0; !rel_sink_full(s); i += 500) {
		size_t before = want.len;

		add_lines(&want, i, 500);
		put(s, want.p + before, want.len - before);
		assert_false(flush(s));
		assert_true(want.len < 16 * REL_SINK_ROOM);
	}
	assert_true(want.len >= REL_SINK_ROOM);
	assert_true(rel_sink_fd(s) >= 0);
	assert_false(flush(s));
	assert_true(rel_sink_full(s));

	unblock(from);
	read_all(s, from, want.len, &got);
	assert_same(&got, &want);
	assert_false(rel_sink_full(s));
	assert_int_equal(rel_sink_dropped(s), 0);
	assert_int_equal(fcntl(to, F_GETFL), flags);
	rel_sink_closep(&s);
	assert_null(s);
	rel_buf_free(&want);
	rel_buf_free(&got);
}

static void test_a_pipe_that_stalls_loses_nothing(void **state)
{
	int p[2];

	(void)state;
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	check_stall(p[1], p[0]);
	/* the end of the stream comes when both have closed it */
	close(p[1]);
	assert_int_equal(read(p[0], (char[1]){ 0 }, 1), 0);
	close(p[0]);
}

static void test_a_socket_that_stalls_loses_nothing(void **state)
{
	int p[2];

	(void)state;
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p), 0);
	check_stall(p[1], p[0]);
	close(p[0]);
	close(p[1]);
}

static void test_a_terminal_that_stalls_loses_nothing(void **state)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), slave;
	struct termios t;

	(void)state;
	if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0)
		skip_for("no pseudo-terminals here");
	slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(slave >= 0);
	assert_int_equal(tcgetattr(slave, &t), 0);
	cfmakeraw(&t);
	assert_int_equal(tcsetattr(slave, TCSANOW, &t), 0);
	check_stall(slave, master);

	/* the other way round there is no second open of the same terminal */
	check_stall(master, slave);
	close(slave);
	close(master);
}

/*
 * Drop: what arrives, each line whole, in order, and with what was counted it
 * is all there was.
 */
static void test_what_is_dropped_is_counted_to_the_line(void **state)
{
	struct rel_buf lines = REL_BUF_INIT, got = REL_BUF_INIT;
	int p[2], last = -1, arrived = 0, total = 0;
	struct rel_sink *s;

	(void)state;
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	unblock(p[0]);
	s = opened(p[1], true);
	/* it begins within a line that is longer than the pipe */
	add_lines(&lines, 250, 1);
	put(s, lines.p, lines.len);
	assert_false(flush(s));
	total = 251;
	for (int round = 0; round < 12; round++) {
		rel_buf_reset(&lines);
		add_lines(&lines, total, 300);
		total += 300;
		put(s, lines.p, lines.len);
		assert_false(rel_sink_full(s));
		assert_false(flush(s));
		if (round == 5) /* some room, and then it stalls again */
			for (int i = 0; i < 4; i++) {
				read_some(p[0], &got);
				flush(s);
			}
	}
	for (int i = 0; i < 10000; i++) {
		rel_buf_reset(&lines);
		add_lines(&lines, total++, 1);
		put(s, lines.p, lines.len);
	}
	assert_int_equal(rel_sink_dropped(s), 0); /* no room to tell it */
	read_all(s, p[0], 0, &got);
	read_some(p[0], &got);

	for (char *line = got.p, *lf; line < got.p + got.len; line = lf + 1) {
		struct rel_buf want = REL_BUF_INIT;
		int number = atoi(line);

		lf = memchr(line, '\n', (size_t)(got.p + got.len - line));
		assert_non_null(lf);
		assert_true(number > last);
		last = number;
		add_lines(&want, number, 1);
		assert_int_equal(lf + 1 - line, want.len);
		assert_memory_equal(line, want.p, want.len);
		rel_buf_free(&want);
		arrived++;
	}
	assert_true(arrived > 1000);
	assert_in_range(arrived, 1000, total - 250 - 1000);
	assert_int_equal(rel_sink_dropped(s), total - 250 - arrived);
	assert_int_equal(rel_sink_dropped(s), 0);
	rel_sink_closep(&s);
	close(p[0]);
	close(p[1]);
	rel_buf_free(&lines);
	rel_buf_free(&got);
}

static void test_a_line_in_pieces_is_ended_where_it_is_dropped(void **state)
{
	static const char rest[] = "\nnext\nunder way, done\n";
	static char piece[REL_SINK_ROOM / 2 + 1];
	struct rel_buf got = REL_BUF_INIT;
	struct rel_sink *s;
	int p[2];

	(void)state;
	memset(piece, 'x', sizeof(piece));
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	unblock(p[0]);
	s = opened(p[1], true);
	put(s, piece, sizeof(piece));
	put(s, piece, sizeof(piece)); /* too much */
	put(s, piece, sizeof(piece));
	puts_to(s, "the end of it\nnext\nunder way,");
	puts_to(s, " done\n");
	read_all(s, p[0], sizeof(piece) + strlen(rest), &got);
	assert_int_equal(rel_sink_dropped(s), 1);
	assert_int_equal(got.len, sizeof(piece) + strlen(rest));
	assert_string_equal(got.p + sizeof(piece), "\nnext\nunder way, done\n");
	rel_sink_closep(&s);
	close(p[0]);
	close(p[1]);
	rel_buf_free(&got);
}

static void test_a_line_is_not_spread_over_two_writes(void **state)
{
	struct rel_buf want = REL_BUF_INIT, got = REL_BUF_INIT;
	static char record[200000];
	struct rel_sink *s;
	int p[2];
	ssize_t n;

	(void)state;
	/* where each write is read by itself */
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, p), 0);
	s = opened(p[1], false);
	for (int i = 0; i < 4000; i++)
		rel_buf_addf(&want, "%0*d\n", 1 + i % 4095, i);
	put(s, want.p, want.len);
	while (rel_sink_fd(s) >= 0) {
		assert_false(flush(s));
		while ((n = recv(p[0], record, sizeof(record), MSG_DONTWAIT)) >
			0) {
			assert_in_range(n, 1, PIPE_BUF);
			assert_int_equal(record[n - 1], '\n');
			rel_buf_add(&got, record, (size_t)n);
		}
	}
	assert_same(&got, &want);
	rel_sink_closep(&s);
	close(p[0]);
	close(p[1]);
	rel_buf_free(&want);
	rel_buf_free(&got);
}

/* Write to what nobody reads: told once, and no signal, also not later. */
static void check_gone(int to)
{
	struct rel_sink *s = opened(to, false);
	sigset_t before, after;

	sigprocmask(SIG_SETMASK, NULL, &before);
	puts_to(s, "one\n");
	assert_true(flush(s));
	assert_int_equal(rel_sink_fd(s), -1);
	puts_to(s, "two\n");
	assert_int_equal(rel_sink_fd(s), -1);
	assert_false(flush(s));
	assert_int_equal(rel_sink_dropped(s), 0);
	sigprocmask(SIG_SETMASK, NULL, &after);
	assert_int_equal(
		sigismember(&before, SIGPIPE), sigismember(&after, SIGPIPE));
	sigpending(&after);
	assert_int_equal(sigismember(&after, SIGPIPE), 0);
	rel_sink_closep(&s);
}

static void test_a_reader_that_is_gone_takes_all(void **state)
{
	struct rel_sink *s;
	sigset_t set, old;
	int p[2], master;

	(void)state;
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	s = opened(p[1], false);
	close(p[0]); /* after it was opened … */
	puts_to(s, "one\n");
	assert_true(flush(s));
	rel_sink_closep(&s);
	check_gone(p[1]); /* … and before */
	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	sigprocmask(SIG_BLOCK, &set, &old);
	check_gone(p[1]);
	sigprocmask(SIG_SETMASK, &old, NULL);
	close(p[1]);

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p), 0);
	close(p[0]);
	check_gone(p[1]);
	close(p[1]);

	master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0)
		skip_for("no pseudo-terminals here");
	p[1] = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	close(master);
	check_gone(p[1]);
	close(p[1]);
}

static void test_a_file_is_written_where_it_stands(void **state)
{
	REL_AUTO(rel_closep) int dir = open(*state, O_RDONLY | O_DIRECTORY);
	int fd = openat(dir, "log", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct rel_buf got = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;
	struct rel_sink *s;

	assert_int_equal(write(fd, "before\n", 7), 7);
	s = opened(fd, false);
	puts_to(s, "one\n");
	assert_false(flush(s));
	/* who shares it goes on behind */
	assert_int_equal(write(fd, "between\n", 8), 8);
	puts_to(s, "two\n");
	assert_false(flush(s));
	assert_int_equal(rel_sink_fd(s), -1);
	rel_sink_closep(&s);
	assert_int_equal(write(fd, "after\n", 6), 6);
	assert_int_equal(rel_read_file(dir, "log", 1000, &got, &err), 0);
	assert_string_equal(got.p, "before\none\nbetween\ntwo\nafter\n");
	rel_buf_free(&got);
	close(fd);
}

static void test_null_takes_all_and_a_full_disk_is_counted(void **state)
{
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct rel_sink *s = opened(fd, false);

	(void)state;
	puts_to(s, "one\n");
	assert_false(flush(s));
	assert_int_equal(rel_sink_fd(s), -1);
	assert_int_equal(rel_sink_dropped(s), 0);
	rel_sink_closep(&s);
	close(fd);

	fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		skip_for("no /dev/full here");
	s = opened(fd, false);
	puts_to(s, "one\ntwo\n");
	assert_false(flush(s));
	assert_int_equal(rel_sink_fd(s), -1); /* or the loop would spin */
	puts_to(s, "three\n");
	assert_false(flush(s));
	assert_int_equal(rel_sink_dropped(s), 3);
	rel_sink_closep(&s);
	close(fd);
}

static bool write_to(const char *path, const char *text)
{
	REL_AUTO(rel_closep) int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n = (ssize_t)strlen(text);

	return fd >= 0 && write(fd, text, (size_t)n) == n;
}

/* A file system of 16 KiB on ${dir}, for this process alone. */
static bool mount_small(const char *dir)
{
	char uid[32], gid[32];

	snprintf(uid, sizeof(uid), "0 %d 1", (int)geteuid());
	snprintf(gid, sizeof(gid), "0 %d 1", (int)getegid());
	return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 &&
	       write_to("/proc/self/setgroups", "deny") &&
	       write_to("/proc/self/uid_map", uid) &&
	       write_to("/proc/self/gid_map", gid) &&
	       mount("none", dir, "tmpfs", 0, "size=16k") == 0;
}

/* In a child: no asserts. What the file holds and the count go to ${out}. */
static int fill_a_disk(const char *dir, int out)
{
	static char line[20001];
	struct rel_buf got = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;
	struct rel_sink *s = NULL;
	int top, fd;

	if (!mount_small(dir))
		return 77;
	top = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd = openat(top, "log", O_RDWR | O_CREAT | O_APPEND, 0600);
	if (rel_sink_open(fd, false, &s, &err) < 0)
		return 1;
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	puts_to(s, "one\n");
	put(s, line, sizeof(line));
	puts_to(s, "three\n");
	flush(s);
	if (ftruncate(fd, 6) < 0) /* somebody makes room */
		return 2;
	puts_to(s, "four\n");
	flush(s);
	if (rel_read_file(top, "log", 1000, &got, &err) < 0)
		return 3;
	rel_buf_addf(&got, "%d", (int)rel_sink_dropped(s));
	return rel_write_fd(out, got.p, got.len, &err) < 0 ? 4 : 0;
}

static void test_a_disk_that_was_full_goes_on_with_whole_lines(void **state)
{
	char got[100] = "";
	int p[2], status;
	pid_t child;

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(fill_a_disk(*state, p[1]));
	close(p[1]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip_for("no user namespace to mount a small disk in");
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_true(read(p[0], got, sizeof(got) - 1) > 0);
	/* of the second line the beginning was there */
	assert_string_equal(got, "one\nxx\nfour\n2");
	close(p[0]);
}

/* The pipe of another user cannot be opened again; written to it still is, and
 * still nothing waits. */
static void test_a_pipe_that_cannot_be_opened_again(void **state)
{
	struct rel_buf want = REL_BUF_INIT, got = REL_BUF_INIT;
	char part[8192];
	int p[2], done[2], status;
	pid_t child;
	ssize_t n;

	(void)state;
	add_lines(&want, 0, 30000);
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	assert_int_equal(pipe2(done, O_CLOEXEC), 0);
	assert_int_equal(fchmod(p[1], 0), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct rel_err err = REL_ERR_INIT;
		struct rel_sink *s = NULL;

		alarm(GUARD_S);
		if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
			_exit(2);
		close(p[0]);
		if (rel_sink_open(p[1], false, &s, &err) < 0)
			_exit(3);
		if (rel_sink_fd(s) >= 0)
			_exit(4);
		put(s, want.p, want.len);
		if (rel_sink_fd(s) != p[1])
			_exit(5); /* it was opened again after all */
		flush(s);
		if (write(done[1], "", 1) != 1) /* only now it is read */
			_exit(6);
		while (rel_sink_fd(s) >= 0) {
			struct pollfd room = { .fd = p[1], .events = POLLOUT };

			if (poll(&room, 1, -1) < 0)
				_exit(7);
			flush(s);
		}
		_exit(0);
	}
	close(p[1]);
	close(done[1]);
	assert_int_equal(read(done[0], part, 1), 1);
	close(done[0]);
	while ((n = read(p[0], part, sizeof(part))) > 0)
		rel_buf_add(&got, part, (size_t)n);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_same(&got, &want);
	close(p[0]);
	rel_buf_free(&want);
	rel_buf_free(&got);
}

static void test_what_was_written_is_counted(void **state)
{
	struct rel_buf b = REL_BUF_INIT;
	struct rel_sink *s;
	uint64_t first;
	char part[4096];
	int p[2];

	(void)state;
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	s = opened(p[1], false);
	add_lines(&b, 0, 30000);
	put(s, b.p, b.len);
	assert_int_equal(rel_sink_written(s), 0);
	flush(s);
	first = rel_sink_written(s);
	assert_true(first > 0 && first < b.len);
	flush(s); /* nobody has read */
	assert_int_equal(rel_sink_written(s), first);
	while (rel_sink_fd(s) >= 0) {
		assert_true(read(p[0], part, sizeof(part)) > 0);
		flush(s);
	}
	assert_int_equal(rel_sink_written(s), b.len);
	rel_sink_closep(&s);
	close(p[0]);
	close(p[1]);
	rel_buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_pipe_that_stalls_loses_nothing),
		cmocka_unit_test(test_a_socket_that_stalls_loses_nothing),
		cmocka_unit_test(test_a_terminal_that_stalls_loses_nothing),
		cmocka_unit_test(test_what_is_dropped_is_counted_to_the_line),
		cmocka_unit_test(
			test_a_line_in_pieces_is_ended_where_it_is_dropped),
		cmocka_unit_test(test_a_line_is_not_spread_over_two_writes),
		cmocka_unit_test(test_a_reader_that_is_gone_takes_all),
		scratch_test(test_a_file_is_written_where_it_stands),
		cmocka_unit_test(
			test_null_takes_all_and_a_full_disk_is_counted),
		scratch_test(
			test_a_disk_that_was_full_goes_on_with_whole_lines),
		cmocka_unit_test(test_a_pipe_that_cannot_be_opened_again),
		cmocka_unit_test(test_what_was_written_is_counted),
	};

	alarm(GUARD_S);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
