/* SPDX-License-Identifier: Apache-2.0 */
#include "ask.h"

#include "base/file.h"
#include "home/home.h"
#include "run/control.h"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define AT_ONCE_MS 10000 /* the supervisor never waits for anything itself */

struct json_t *ask_new(const char *op)
{
	return rel_json_set(rel_json_object(), "op", rel_json_text(op));
}

/* The code that ends with this exit status. Of two, that it was different or
 * that the command line is wrong is not for a supervisor to say. */
static enum rel_code code_of(int64_t exit)
{
	for (int code = REL_EUNREACHABLE; code > (int)REL_EUSAGE; code--)
		if (exit_status((enum rel_code)code) == exit)
			return (enum rel_code)code;
	return REL_EIO;
}

static int refused(const struct json_t *j, struct rel_err *err)
{
	const char *message = rel_json_get_str(j, "message");
	const char *hint = rel_json_get_str(j, "hint");

	rel_fail(err, code_of(rel_json_get_int(j, "exit", 1)), "%s",
		message ? message : "the supervisor refused");
	if (hint)
		rel_hint(err, "%s", hint);
	return -(int)err->code;
}

int ask_begin(struct ctx *cx, const char *app, struct json_t *q, int *ret_fd,
	struct rel_err *err)
{
	REL_AUTO(rel_json_freep) struct json_t *request = q;
	REL_AUTO(rel_closep) int fd = -1;
	int r = rel_control_connect(
		rel_store_fd(cx->home->store), app, &fd, err);

	if (r == 0)
		r = rel_control_send(fd, request, -1, err);
	if (r < 0)
		return r;
	*ret_fd = fd;
	fd = -1;
	return 0;
}

int ask_end(
	int fd, int64_t timeout_ms, struct json_t **ret, struct rel_err *err)
{
	for (;;) {
		REL_AUTO(rel_json_freep) struct json_t *j = NULL;
		int r = rel_control_receive(fd, timeout_ms, &j, err);

		if (r < 0)
			return r;
		if (!rel_json_true(rel_json_get(j, "done")))
			continue;
		if (rel_json_get_int(j, "exit", 1) != 0)
			return refused(j, err);
		*ret = j;
		j = NULL;
		return 0;
	}
}

int ask(struct ctx *cx, const char *app, struct json_t *q, struct json_t **ret,
	struct rel_err *err)
{
	REL_AUTO(rel_closep) int fd = -1;
	int r = ask_begin(cx, app, q, &fd, err);

	return r < 0 ? r : ask_end(fd, AT_ONCE_MS, ret, err);
}

int ask_pidfd(int fd)
{
	struct ucred peer = { .pid = 0 };
	socklen_t size = sizeof(peer);

	/* Of another pid namespace it is 0. */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 ||
		peer.pid <= 0)
		return -1;
	return (int)syscall(SYS_pidfd_open, peer.pid, 0);
}
