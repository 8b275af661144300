/* SPDX-License-Identifier: Apache-2.0 */
/* lib/run/control_client.c - the commands' end of the control socket; see
 * control.h. */
#include "base/clock.h"
#include "base/file.h"
#include "run/control.h"
#include "run/control_socket.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static int not_running(const char *app, struct rel_err *err)
{
	rel_fail(err, REL_ENOTFOUND, "the app '%s' is not running here", app);
	return rel_hint(err, "relctl -a %s run", app);
}

static int denied(const char *app, struct rel_err *err)
{
	return rel_fail(err, REL_EDENIED,
		"the supervisor of the app '%s' belongs to another user", app);
}

int rel_control_connect(
	int store_fd, const char *app, int *ret_fd, struct rel_err *err)
{
	const struct timeval patience = {
		.tv_sec = REL_CONTROL_PATIENCE_MS / 1000,
	};
	REL_AUTO(rel_closep) int run_fd = -1;
	REL_AUTO(rel_closep) int fd = -1;
	struct sockaddr_un address;
	pid_t pid;
	int r = rel_open_dir(store_fd, "run", 0, &run_fd, err);

	if (r == -REL_ENOTFOUND)
		return not_running(app, err);
	if (r == -REL_EIO && err->os_errno == EACCES)
		return denied(app, err);
	if (r < 0 || (r = rel_control_address(run_fd, app, &address, err)) < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return rel_fail_os(err, "make a socket");
	/* Also for connect, where the backlog of a stopped one is full. */
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) <
		0) {
		if (errno == ENOENT || errno == ECONNREFUSED)
			return not_running(app, err);
		if (errno == EACCES || errno == EPERM)
			return denied(app, err);
		return rel_fail_os(
			err, "reach the supervisor of the app '%s'", app);
	}
	if (!rel_control_peer_ok(fd, &pid))
		return denied(app, err);
	/* A child of a dead one may still hold its socket for a moment. */
	if (pid > 0 && kill(pid, 0) < 0 && errno == ESRCH)
		return not_running(app, err);
	*ret_fd = fd;
	fd = -1;
	return 0;
}

static int gone(struct rel_err *err)
{
	return rel_fail(err, REL_EIO, "the supervisor is gone");
}

int rel_control_send(
	int fd, const struct json_t *j, int pass_fd, struct rel_err *err)
{
	REL_AUTO(rel_buf_wipe) struct rel_buf out = REL_BUF_INIT;
	_Alignas(struct cmsghdr) char room[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec v;
	struct msghdr msg = { .msg_iov = &v, .msg_iovlen = 1 };

	rel_control_frame(j, &out);
	if (out.len > REL_CONTROL_LIMIT + REL_CONTROL_HEAD)
		return rel_fail(err, REL_EIO, "a request of more than %u bytes",
			REL_CONTROL_LIMIT);
	v = (struct iovec){ .iov_base = out.p, .iov_len = out.len };
	if (pass_fd >= 0) {
		struct cmsghdr *m = (struct cmsghdr *)(void *)room;

		m->cmsg_level = SOL_SOCKET;
		m->cmsg_type = SCM_RIGHTS;
		m->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(m), &pass_fd, sizeof(pass_fd));
		msg.msg_control = room;
		msg.msg_controllen = sizeof(room);
	}
	while (v.iov_len > 0) {
		ssize_t n = sendmsg(fd, &msg, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return rel_fail(
				err, REL_EIO, "the supervisor does not answer");
		if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
			return gone(err);
		if (n < 0)
			return rel_fail_os(err, "send to the supervisor");
		v.iov_base = (char *)v.iov_base + n;
		v.iov_len -= (size_t)n;
		/* It went with the first byte. */
		msg.msg_control = NULL;
		msg.msg_controllen = 0;
	}
	return 0;
}

/* Is there something to read before ${end_ms} (-1: for ever)? */
static int await(int fd, int64_t end_ms, bool *ret, struct rel_err *err)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int n;

	do {
		int64_t left = end_ms - rel_monotonic_ms();

		if (left < 0)
			left = 0;
		if (left > INT_MAX)
			left = INT_MAX;
		n = poll(&p, 1, end_ms < 0 ? -1 : (int)left);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return rel_fail_os(err, "wait for the supervisor");
	*ret = n > 0;
	return 0;
}

/* Exactly ${n} bytes of a message that has begun. */
static int read_all(
	int fd, void *to, size_t n, int64_t end_ms, struct rel_err *err)
{
	char *p = to;

	while (n > 0) {
		bool there;
		ssize_t got;
		int r = await(fd, end_ms, &there, err);

		if (r < 0)
			return r;
		if (!there)
			return rel_fail(err, REL_EIO,
				"the supervisor stopped in the middle of an "
				"answer");
		got = recv(fd, p, n, MSG_DONTWAIT);
		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got < 0 && errno != ECONNRESET)
			return rel_fail_os(err, "read from the supervisor");
		if (got <= 0)
			return gone(err);
		p += got;
		n -= (size_t)got;
	}
	return 0;
}

static int no_answer(struct rel_err *err)
{
	return rel_fail(err, REL_EIO, "what the supervisor sent is no answer");
}

int rel_control_receive(
	int fd, int64_t timeout_ms, struct json_t **ret, struct rel_err *err)
{
	REL_AUTO(rel_buf_free) struct rel_buf in = REL_BUF_INIT;
	uint8_t head[REL_CONTROL_HEAD];
	int64_t end_ms;
	bool there;
	size_t n;
	int r = await(fd, timeout_ms < 0 ? -1 : rel_monotonic_ms() + timeout_ms,
		&there, err);

	if (r < 0)
		return r;
	/* Nothing was taken: the caller may ask again. */
	if (!there)
		return rel_fail(err, REL_EBUSY,
			"the supervisor did not answer in time");
	end_ms = rel_monotonic_ms() + REL_CONTROL_PATIENCE_MS;
	r = read_all(fd, head, sizeof(head), end_ms, err);
	if (r < 0)
		return r;
	n = rel_control_length(head);
	if (n == 0)
		return no_answer(err);
	r = read_all(fd, rel_buf_room(&in, n), n, end_ms, err);
	if (r < 0)
		return r;
	return rel_json_parse(in.p, n, ret, err) < 0 ? no_answer(err) : 0;
}
