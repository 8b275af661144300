/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/run/control_socket.h - the control socket itself: its lock, its name, who
 * is at the other end, and the frame of a message. For control.c and
 * control_client.c alone. Stage run.
 */
#ifndef REL_RUN_CONTROL_SOCKET_H
#define REL_RUN_CONTROL_SOCKET_H

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/un.h>

#define REL_CONTROL_HEAD 4u
/* How long one end waits for the other in the middle of a message. */
#define REL_CONTROL_PATIENCE_MS 10000

/*
 * The address of APP.sock in the directory ${run_fd}, whatever the length of
 * that directory's path: through /proc/self/fd. Errors: REL_EINVALID (that is
 * no name of an app).
 */
int rel_control_address(int run_fd, const char *app, struct sockaddr_un *ret,
	struct rel_err *err) REL_CHECK;

/*
 * Take APP.lock; it is held until *ret_fd is closed, and with it every other fd
 * of this process on that file. Errors: REL_EBUSY, REL_EIO.
 */
int rel_control_lock(int run_fd, const char *app, int *ret_fd,
	struct rel_err *err) REL_CHECK;

/* Listen there, in the place of what was left behind; for who has the lock.
 * Errors: REL_EIO. */
int rel_control_listen(int run_fd, const struct sockaddr_un *address,
	int *ret_fd, struct rel_err *err) REL_CHECK;

/* The socket's name in its directory. */
const char *rel_control_name(const struct sockaddr_un *address);

/* Is the peer one of us, or root? *ret_pid (may be NULL): 0 where it can't be
 * seen. */
bool rel_control_peer_ok(int fd, pid_t *ret_pid);

/* Add ${j} as a message. */
void rel_control_frame(const struct json_t *j, struct rel_buf *out);

/* The length that a message's first bytes tell; 0 for one that is not
 * allowed. */
size_t rel_control_length(const uint8_t head[REL_CONTROL_HEAD]);

#endif
