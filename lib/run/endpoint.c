/* SPDX-License-Identifier: Apache-2.0 */
#include "run/endpoint.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/vec.h"
#include "run/probe.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 4096
#define ACCEPTS_MS 100

typedef REL_VEC(unsigned long) inode_vec;

static int fail_form(const char *text, const char *what, struct rel_err *err)
{
	rel_fail(err, REL_EUSAGE, "'%s' %s", text, what);
	return rel_hint(err,
		"write TYPE=ADDRESS:PORT: web=127.0.0.1:8080, web=[::1]:8080, "
		"or web=8080 for all addresses");
}

/* 1 to 65535, as a number is written: no sign, no zero before it; else 0. */
static int parse_port(const char *s)
{
	size_t n = strspn(s, "0123456789");

	if (n == 0 || n > 5 || s[n] || s[0] == '0' || atoi(s) > 65535)
		return 0;
	return atoi(s);
}

static bool parse_type(const char *s, size_t n, struct rel_endpoint *e)
{
	static const char bytes[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz"
				    "0123456789_-";

	if (n == 0 || n >= sizeof(e->type) || strspn(s, bytes) < n)
		return false;
	memcpy(e->type, s, n);
	return true;
}

/* A name would mean what the resolver says today: addresses only. */
static bool parse_host(const char *s, size_t n, struct rel_endpoint *e)
{
	bool v6 = n >= 2 && s[0] == '[' && s[n - 1] == ']';
	struct in6_addr addr;

	if (n == 0)
		return true;
	if (v6) {
		s++;
		n -= 2;
	}
	if (n >= sizeof(e->host))
		return false;
	memcpy(e->host, s, n);
	return inet_pton(v6 ? AF_INET6 : AF_INET, e->host, &addr) == 1;
}

int rel_endpoint_parse(
	const char *text, struct rel_endpoint *ret, struct rel_err *err)
{
	struct rel_endpoint e = { .fd = -1 };
	const char *equals = strchr(text, '=');
	const char *host, *colon;

	if (!equals)
		return fail_form(
			text, "is not of the form TYPE=ADDRESS:PORT", err);
	if (!parse_type(text, (size_t)(equals - text), &e))
		return fail_form(text, "has no valid process type", err);
	host = equals + 1;
	colon = strrchr(host, ':');
	e.port = parse_port(colon ? colon + 1 : host);
	if (e.port == 0)
		return fail_form(text, "has no port from 1 to 65535", err);
	if (colon && !parse_host(host, (size_t)(colon - host), &e))
		return fail_form(text,
			"has no IPv4 or [IPv6] address before the port", err);
	*ret = e;
	return 0;
}

/*
 * A socket that is bound, or -1 and errno. An address that is written out is
 * meant as it is, so "::" is IPv6 alone; "" is both families in one socket,
 * which is what makes it find whoever has the port on any address.
 */
static int bind_to(const char *host, int port)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
		.sin6_port = htons((uint16_t)port) };
	struct sockaddr_in v4 = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port) };
	bool is_v6 = !host[0] || inet_pton(AF_INET6, host, &v6.sin6_addr) == 1;
	const struct sockaddr *sa = is_v6 ? (const struct sockaddr *)&v6
					  : (const struct sockaddr *)&v4;
	int on = 1, only = host[0] != '\0', saved;
	int fd = socket(is_v6 ? AF_INET6 : AF_INET,
		SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (!is_v6)
		inet_pton(AF_INET, host, &v4.sin_addr);
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
		(!is_v6 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only,
				   sizeof(only)) == 0) &&
		bind(fd, sa, is_v6 ? sizeof(v6) : sizeof(v4)) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

/* Bind ${e}'s address; kernels without IPv6 get all of IPv4 for "". */
static int bind_endpoint(const struct rel_endpoint *e)
{
	int fd = bind_to(e->host, e->port);

	if (fd < 0 && !e->host[0] &&
		(errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL))
		fd = bind_to("0.0.0.0", e->port);
	return fd;
}

static int fail_bind(const struct rel_endpoint *e, struct rel_err *err)
{
	char holder[128];

	if (errno == EADDRINUSE) {
		if (rel_port_holder(e->port, holder, sizeof(holder)))
			return rel_fail(err, REL_EBUSY,
				"port %d is taken by %s", e->port, holder);
		return rel_fail(err, REL_EBUSY, "port %d is taken", e->port);
	}
	if (errno == EACCES) {
		rel_fail(err, REL_EDENIED, "port %d is not for this user",
			e->port);
		return rel_hint(err,
			"take a port above 1023, or let root lower "
			"net.ipv4.ip_unprivileged_port_start");
	}
	if (e->host[0])
		return rel_fail_os(
			err, "listen on '%s', port %d", e->host, e->port);
	return rel_fail_os(err, "listen on port %d", e->port);
}

int rel_endpoint_listen(struct rel_endpoint *e, struct rel_err *err)
{
	REL_AUTO(rel_closep) int fd = bind_endpoint(e);

	/* Two may bind before one listens: then it is listen that refuses. */
	if (fd < 0 || listen(fd, BACKLOG) < 0)
		return fail_bind(e, err);
	e->fd = fd;
	fd = -1;
	return 0;
}

int rel_port_check(int port, struct rel_err *err)
{
	struct rel_endpoint e = { .port = port };
	REL_AUTO(rel_closep) int fd = bind_endpoint(&e);

	return fd < 0 ? fail_bind(&e, err) : 0;
}

/* Add the inodes of the sockets that listen on ${port}; absent: none. */
static void read_table(const char *table, int port, inode_vec *inodes)
{
	FILE *f = fopen(table, "re");
	char *line = NULL;
	size_t size = 0;

	if (!f)
		return;
	while (getline(&line, &size, f) > 0) {
		unsigned local, state;
		unsigned long inode;

		if (sscanf(line,
			    "%*u: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x "
			    "%*x:%*x %*x:%*x %*x %*u %*u %lu",
			    &local, &state, &inode) == 3 &&
			local == (unsigned)port && state == TCP_LISTEN)
			rel_vec_push(inodes, inode);
	}
	free(line);
	fclose(f);
}

static bool has_socket(int proc, const char *pid, const inode_vec *inodes)
{
	char name[300];
	struct dirent *de;
	bool found = false;
	DIR *fds = NULL;
	int fd;

	snprintf(name, sizeof(name), "%s/fd", pid);
	fd = openat(proc, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		fds = fdopendir(fd);
	if (!fds) /* ended, or another user's: not ours to see */
		return false;
	while (!found && (de = readdir(fds)) != NULL) {
		char link[64];
		unsigned long inode;
		ssize_t n = readlinkat(
			dirfd(fds), de->d_name, link, sizeof(link) - 1);

		if (n < 0)
			continue;
		link[n] = '\0';
		if (sscanf(link, "socket:[%lu]", &inode) != 1)
			continue;
		for (size_t i = 0; i < inodes->n; i++)
			found = found || inodes->v[i] == inode;
	}
	closedir(fds);
	return found;
}

/* A process names itself as it likes, so the name is not printed as it is. */
static void format_holder(int proc, const char *pid, char *ret, unsigned size)
{
	REL_AUTO(rel_buf_free) struct rel_buf comm = REL_BUF_INIT;
	REL_AUTO(rel_buf_free) struct rel_buf name = REL_BUF_INIT;
	struct rel_err ignored;
	char path[300];

	snprintf(path, sizeof(path), "%s/comm", pid);
	if (rel_read_file(proc, path, 64, &comm, &ignored) < 0)
		rel_buf_reset(&comm);
	if (comm.len > 0 && comm.p[comm.len - 1] == '\n')
		comm.len--;
	for (size_t i = 0; i < comm.len; i++) {
		if (comm.p[i] == ' ')
			rel_buf_addc(&name, ' ');
		else
			rel_buf_add_escaped(&name, comm.p + i, 1);
	}
	if (name.len > 0)
		snprintf(ret, size, "'%s' (pid %s)", rel_buf_str(&name), pid);
	else
		snprintf(ret, size, "pid %s", pid);
}

/* Of processes that share the socket it is the first in /proc, which lists
 * them by number: mostly the one that the others were forked from. */
bool rel_port_holder(int port, char *ret, unsigned size)
{
	inode_vec inodes = { 0 };
	DIR *proc = opendir("/proc");
	struct dirent *de;
	bool found = false;

	if (!proc)
		return false;
	read_table("/proc/net/tcp", port, &inodes);
	read_table("/proc/net/tcp6", port, &inodes);
	while (inodes.n > 0 && !found && (de = readdir(proc)) != NULL) {
		if (de->d_name[strspn(de->d_name, "0123456789")])
			continue;
		found = has_socket(dirfd(proc), de->d_name, &inodes);
		if (found)
			format_holder(dirfd(proc), de->d_name, ret, size);
	}
	rel_vec_free(&inodes);
	closedir(proc);
	return found;
}

bool rel_port_accepts(int port)
{
	const struct rel_check check = { .listening = true,
		.timeout_ms = ACCEPTS_MS };
	struct rel_probe probe = REL_PROBE_INIT;

	rel_probe_begin(&probe, &check, port, rel_monotonic_ms());
	while (probe.state == REL_PROBE_RUNS) {
		struct pollfd p = { .fd = probe.fd, .events = probe.events };
		int64_t left = probe.deadline_ms - rel_monotonic_ms();

		if (poll(&p, 1, left > 0 ? (int)left : 0) < 0)
			p.revents = 0;
		rel_probe_step(&probe, p.revents, rel_monotonic_ms());
	}
	return probe.state == REL_PROBE_PASSED;
}
