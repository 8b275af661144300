/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/tcp_fixture.h - sockets on addresses of this machine.
 */
#ifndef TCP_FIXTURE_H
#define TCP_FIXTURE_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A socket that is bound to ${host} ("::" is IPv6 alone), *port 0: to any port,
 * which is written there. -1: it cannot be had; errno says why. */
static inline int tcp_bind(const char *host, int *port, bool reuse)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
		.sin6_port = htons((uint16_t)*port) };
	struct sockaddr_in v4 = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)*port) };
	bool is_v6 = inet_pton(AF_INET6, host, &v6.sin6_addr) == 1;
	struct sockaddr *sa = is_v6 ? (void *)&v6 : (void *)&v4;
	socklen_t n = is_v6 ? sizeof(v6) : sizeof(v4);
	int fd = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;

	if (fd < 0)
		return -1;
	if (!is_v6)
		assert_int_equal(inet_pton(AF_INET, host, &v4.sin_addr), 1);
	else
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (reuse)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, sa, n) < 0 || getsockname(fd, sa, &n) < 0) {
		close(fd);
		return -1;
	}
	*port = ntohs(is_v6 ? v6.sin6_port : v4.sin_port);
	return fd;
}

/* The same, listening; as servers do it, with SO_REUSEADDR. */
static inline int tcp_listen(const char *host, int *port)
{
	int fd = tcp_bind(host, port, true);

	if (fd >= 0)
		assert_int_equal(listen(fd, 128), 0);
	return fd;
}

/* A connection to ${host}, an IPv4 address; -1 and errno if it is refused. */
static inline int tcp_connect(const char *host, int port)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(inet_pton(AF_INET, host, &v4.sin_addr), 1);
	assert_true(fd >= 0);
	if (connect(fd, (struct sockaddr *)&v4, sizeof(v4)) == 0)
		return fd;
	close(fd);
	return -1;
}

static inline bool tcp_has_ipv6(void)
{
	int port = 0, fd = tcp_bind("::1", &port, false);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

#endif
