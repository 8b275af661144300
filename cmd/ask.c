/* SPDX-License-Identifier: Apache-2.0 */
#include "ask.h"

#include "base/file.h"
#include "home/home.h"
#include "run/control.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CONTEXT_MOST 3900u /* of err->context */
#define AT_ONCE_MS 10000   /* the supervisor never waits for anything itself */

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

/* As many of the last lines as there is room for. */
static void add_lines(const struct json_t *instance, struct rel_err *err)
{
	const struct json_t *lines = rel_json_get(instance, "lines");
	REL_AUTO(rel_buf_free) struct rel_buf b = REL_BUF_INIT;
	size_t n = rel_json_len(lines), from = n, room = CONTEXT_MOST;

	while (from > 0) {
		const char *s = rel_json_str(rel_json_at(lines, from - 1));
		size_t len = s ? strlen(s) + 5 : 0;

		if (len > room)
			break;
		room -= len;
		from--;
	}
	for (; from < n; from++) {
		const char *s = rel_json_str(rel_json_at(lines, from));

		if (s)
			rel_buf_addf(&b, "%s  | %s", b.len ? "\n" : "", s);
	}
	snprintf(err->context, sizeof(err->context), "%s", rel_buf_str(&b));
}

static int refused(const struct json_t *j, struct rel_err *err)
{
	const char *message = rel_json_get_str(j, "message");
	const char *hint = rel_json_get_str(j, "hint");

	rel_fail(err, code_of(rel_json_get_int(j, "exit", 1)), "%s",
		message ? message : "the supervisor refused");
	if (hint)
		rel_hint(err, "%s", hint);
	add_lines(rel_json_get(j, "instance"), err);
	return -(int)err->code;
}

int ask_open(struct ctx *cx, const char *app, int *ret_fd, struct rel_err *err)
{
	return rel_control_connect(
		rel_store_fd(cx->home->store), app, ret_fd, err);
}

int ask_send(int fd, struct json_t *q, int pass_fd, struct rel_err *err)
{
	int r = rel_control_send(fd, q, pass_fd, err);

	rel_json_wipep(&q);
	return r;
}

int ask_end(int fd, int64_t timeout_ms,
	void (*event)(void *arg, const char *name), void *arg,
	struct json_t **ret, struct rel_err *err)
{
	for (;;) {
		REL_AUTO(rel_json_freep) struct json_t *j = NULL;
		int r = rel_control_receive(fd, timeout_ms, &j, err);
		const char *name = rel_json_get_str(j, "event");

		if (r < 0)
			return r;
		if (!rel_json_true(rel_json_get(j, "done"))) {
			if (event && name)
				event(arg, name);
			continue;
		}
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
	int r = ask_open(cx, app, &fd, err);

	if (r < 0) {
		rel_json_free(q);
		return r;
	}
	r = ask_send(fd, q, -1, err);
	return r < 0 ? r : ask_end(fd, AT_ONCE_MS, NULL, NULL, ret, err);
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
