/* SPDX-License-Identifier: Apache-2.0 */
#include "rel_test.h"

#include "relay_fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/syscall.h>

static void a_stop_lets_connections_end(void **state)
{
	struct front *f = *state;
	int port = 0, fd;
	pid_t server = serve(&port, echoes, NULL);
	int64_t before = rel_monotonic_ms();
	pid_t pid;

	set(f, &port, 1);
	fd = dial_echo(f);
	pid = in_child(echo_one, fd, NULL); /* keeps it, until it is killed */
	close(fd);
	rel_relay_stop(&f->r, 50);
	assert_true(rel_monotonic_ms() - before >= 50);
	end_child(pid);
	assert_int_equal(f->r.pidfd, -1);

	/* With nothing to wait for it does not wait. */
	before = rel_monotonic_ms();
	{
		struct rel_err err = REL_ERR_INIT;

		assert_int_equal(rel_relay_start(f->listen, &f->r, &err), 0);
	}
	rel_relay_stop(&f->r, PATIENCE_MS);
	assert_true(rel_monotonic_ms() - before < PATIENCE_MS);
	end_child(server);
}

static void a_relay_that_is_gone_is_told(void **state)
{
	struct front *f = *state;
	struct rel_err err = REL_ERR_INIT;
	int port = 1;

	kill(f->r.pid, SIGKILL);
	assert_int_equal(drained(f), -1);
	assert_int_equal(rel_relay_set(&f->r, &port, 1, &err), -(int)REL_EIO);
	assert_string_equal(
		err.msg, "tell the relay its instances: Broken pipe");
}

static void more_than_a_hundred_ports_are_an_error(void **state)
{
	struct front *f = *state;
	struct rel_err err = REL_ERR_INIT;
	int ports[101] = { 0 };

	assert_int_equal(
		rel_relay_set(&f->r, ports, 101, &err), -(int)REL_EINVALID);
}

/* The pid of a relay comes through ${fd}, whose parent then waits. */
static void starts_a_relay(int fd, struct told *t)
{
	struct rel_err err = REL_ERR_INIT;
	struct front f = { .r = REL_RELAY_NONE };

	(void)t;
	f.listen = bind_port(&f.port);
	if (listen(f.listen, 8) < 0 ||
		rel_relay_start(f.listen, &f.r, &err) < 0 ||
		!write_all(fd, &f.r.pid, sizeof(f.r.pid)))
		_exit(1);
	pause();
}

static void the_relay_dies_with_its_parent(void **state)
{
	int fds[2], pidfd;
	struct pollfd pfd = { .events = POLLIN };
	pid_t parent, relay;

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	parent = in_child(starts_a_relay, fds[1], NULL);
	assert_int_equal(
		read_all(fds[0], &relay, sizeof(relay)), sizeof(relay));
	pidfd = (int)syscall(SYS_pidfd_open, relay, 0);
	assert_true(pidfd >= 0);
	end_child(parent);
	pfd.fd = pidfd;
	assert_int_equal(poll(&pfd, 1, 1000), 1);
	close(pidfd);
	close(fds[0]);
	close(fds[1]);
}

/* The value of a line of /proc/PID/status. */
static void status_of(pid_t pid, const char *name, char *ret, size_t n)
{
	char path[64], line[256];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	file = fopen(path, "re");
	assert_non_null(file);
	*ret = '\0';
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, name, strlen(name)))
			snprintf(ret, n, "%s", line + strlen(name));
	fclose(file);
}

static void the_relay_holds_no_power_and_no_file_of_ours(void **state)
{
	struct front *f = *state;
	int ports[2] = { 0 };
	int one = bind_port(&ports[0]);
	char path[64], value[64], to[256];
	struct dirent *e;
	DIR *dir;

	/* It is past its preparations when it has answered. */
	set(f, ports, 1);
	set(f, NULL, 0);
	assert_int_equal(drained(f), ports[0]);
	close(one);
	status_of(f->r.pid, "NoNewPrivs:\t", value, sizeof(value));
	assert_string_equal(value, "1\n");
	status_of(f->r.pid, "CapPrm:\t", value, sizeof(value));
	assert_string_equal(value, "0000000000000000\n");
	snprintf(path, sizeof(path), "/proc/%d/fd", (int)f->r.pid);
	dir = opendir(path);
	if (!dir)
		skip_for("only root may look at what is not dumpable");
	while ((e = readdir(dir))) {
		ssize_t n =
			readlinkat(dirfd(dir), e->d_name, to, sizeof(to) - 1);

		if (n < 0)
			continue;
		to[n] = '\0';
		assert_true(!strcmp(to, "/dev/null") ||
			    !strncmp(to, "socket:", 7) ||
			    !strcmp(to, "anon_inode:[eventpoll]"));
		assert_true(atoi(e->d_name) < 6);
	}
	closedir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		relay_test(a_stop_lets_connections_end),
		relay_test(a_relay_that_is_gone_is_told),
		relay_test(more_than_a_hundred_ports_are_an_error),
		cmocka_unit_test(the_relay_dies_with_its_parent),
		relay_test(the_relay_holds_no_power_and_no_file_of_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
