/* SPDX-License-Identifier: Apache-2.0 */
/* lib/run/control_socket.c - see control_socket.h. */
#include "run/control_socket.h"

#include "base/file.h"
#include "base/mem.h"
#include "run/control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define BACKLOG 128

int rel_control_address(int run_fd, const char *app, struct sockaddr_un *ret,
	struct rel_err *err)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int n = snprintf(a.sun_path, sizeof(a.sun_path),
		"/proc/self/fd/%d/%s.sock", run_fd, app);

	if (!*app || strchr(app, '/') || n < 0 ||
		(size_t)n >= sizeof(a.sun_path))
		return rel_fail(err, REL_EINVALID, "'%s' names no app", app);
	*ret = a;
	return 0;
}

/*
 * A lock of fcntl(2) and not of flock(2): a child that was forked does not
 * share it, so it ends with the supervisor whatever is left of the app, and
 * the kernel tells whose it is.
 */
int rel_control_lock(
	int run_fd, const char *app, int *ret_fd, struct rel_err *err)
{
	REL_AUTO(rel_freep) char *name = rel_printf("%s.lock", app);
	REL_AUTO(rel_freep) char *who = NULL;
	REL_AUTO(rel_closep) int fd = -1;
	struct flock lock;

	fd = openat(run_fd, name,
		O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (fd < 0)
		return rel_fail_os(err, "open lock 'run/%s'", name);
	do {
		lock = (struct flock){
			.l_type = F_WRLCK,
			.l_whence = SEEK_SET,
		};
		if (fcntl(fd, F_SETLK, &lock) == 0) {
			*ret_fd = fd;
			fd = -1;
			return 0;
		}
		if (errno != EAGAIN && errno != EACCES)
			return rel_fail_os(err, "lock 'run/%s'", name);
		if (fcntl(fd, F_GETLK, &lock) < 0)
			return rel_fail_os(err, "lock 'run/%s'", name);
	} while (lock.l_type == F_UNLCK);
	/* One in another PID namespace has no number here. */
	if (lock.l_pid > 0)
		who = rel_printf(" (pid %d)", lock.l_pid);
	rel_fail(err, REL_EBUSY, "the app '%s' is running here already%s", app,
		who ? who : "");
	return rel_hint(err, "relctl -a %s ps", app);
}

const char *rel_control_name(const struct sockaddr_un *address)
{
	return strrchr(address->sun_path, '/') + 1;
}

int rel_control_listen(int run_fd, const struct sockaddr_un *address,
	int *ret_fd, struct rel_err *err)
{
	const char *name = rel_control_name(address);
	REL_AUTO(rel_closep) int fd = -1;

	if (unlinkat(run_fd, name, 0) < 0 && errno != ENOENT)
		return rel_fail_os(err, "remove the old 'run/%s'", name);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return rel_fail_os(err, "make a socket");
	if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
		return rel_fail_os(err, "make the socket 'run/%s'", name);
	/* Nobody can connect before listen. */
	if (fchmodat(run_fd, name, 0600, 0) < 0)
		return rel_fail_os(err, "set the mode of 'run/%s'", name);
	if (listen(fd, BACKLOG) < 0)
		return rel_fail_os(err, "listen on 'run/%s'", name);
	*ret_fd = fd;
	fd = -1;
	return 0;
}

bool rel_control_peer_ok(int fd, pid_t *ret_pid)
{
	struct ucred peer;
	socklen_t n = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0)
		return false;
	if (ret_pid)
		*ret_pid = peer.pid;
	return peer.uid == geteuid() || peer.uid == 0;
}

void rel_control_frame(const struct json_t *j, struct rel_buf *out)
{
	static const char head[REL_CONTROL_HEAD];
	size_t start = out->len, n;

	rel_buf_add(out, head, sizeof(head));
	rel_json_format(j, out);
	n = out->len - start - sizeof(head);
	for (size_t i = 0; i < sizeof(head); i++)
		out->p[start + i] = (char)(n >> (24 - 8 * i));
}

size_t rel_control_length(const uint8_t head[REL_CONTROL_HEAD])
{
	size_t n = (size_t)head[0] << 24 | (size_t)head[1] << 16 |
		   (size_t)head[2] << 8 | head[3];

	return n <= REL_CONTROL_LIMIT ? n : 0;
}
