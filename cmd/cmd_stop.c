/* SPDX-License-Identifier: Apache-2.0 */
#include "ask.h"
#include "base/file.h"
#include "base/vec.h"
#include "cmds.h"
#include "out.h"
#include "ref.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>

#define PATIENCE_MS 1000 /* then it says what it waits for */
#define NAMES_SHOWN 10

/* What still runs; "" when it is nothing, or not known. */
static void list_left(struct ctx *cx, const char *app, struct rel_buf *ret)
{
	REL_AUTO(rel_json_freep) struct json_t *told = NULL;
	const struct json_t *all;
	struct rel_err ignored = REL_ERR_INIT;
	int64_t pid;
	size_t n = 0;

	if (ask(cx, app, ask_new("ps"), &told, &ignored) < 0)
		return;
	all = rel_json_get(told, "instances");
	for (size_t i = 0; i < rel_json_len(all); i++) {
		const struct json_t *one = rel_json_at(all, i);

		if (!rel_json_int(rel_json_get(one, "pid"), &pid))
			continue;
		if (n++ < NAMES_SHOWN)
			rel_buf_addf(ret, "%s%s", ret->len ? ", " : "",
				rel_json_get_str(one, "name"));
	}
	if (n > NAMES_SHOWN)
		rel_buf_addf(ret, " and %zu more", n - NAMES_SHOWN);
}

static int await_answer(
	struct ctx *cx, const char *app, int fd, struct rel_err *err)
{
	REL_AUTO(rel_json_freep) struct json_t *answer = NULL;
	REL_AUTO(rel_buf_free) struct rel_buf left = REL_BUF_INIT;
	int r = ask_end(fd, PATIENCE_MS, NULL, NULL, &answer, err);

	if (r != -REL_EBUSY)
		return r;
	list_left(cx, app, &left);
	rel_notice(&cx->events, "waiting for %s to end",
		left.len ? left.p : "the last output to be read, and relctl");
	return ask_end(fd, -1, NULL, NULL, &answer, err);
}

/* All is over when the supervisor is: it holds ports and the lock until then,
 * which the next `run` wants to have. */
static void await_end(int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	while (pidfd >= 0 && poll(&p, 1, -1) < 0 && errno == EINTR)
		;
}

static int run(
	struct ctx *cx, void *o, int argc, char **argv, struct rel_err *err)
{
	REL_AUTO(rel_json_freep) struct json_t *told = NULL;
	REL_AUTO(rel_closep) int fd = -1;
	REL_AUTO(rel_closep) int pidfd = -1;
	int64_t release;
	char app[41];
	int r = app_find(cx, app, err);

	(void)o;
	(void)argc;
	(void)argv;
	if (r == 0)
		r = ask(cx, app, ask_new("ps"), &told, err);
	if (r == 0)
		r = ask_open(cx, app, &fd, err);
	if (r == 0)
		r = ask_send(fd, ask_new("stop"), -1, err);
	if (r < 0)
		return r;
	release = rel_json_get_int(told, "release", 0);
	pidfd = ask_pidfd(fd);
	r = await_answer(cx, app, fd, err);
	if (r < 0)
		return r;
	await_end(pidfd);
	say(cx, "%s v%" PRId64 " has stopped", app, release);
	if (cx->json) {
		struct json_t *doc = rel_json_object();

		rel_json_set(doc, "app", rel_json_text(app));
		rel_json_set(doc, "release", rel_json_number(release));
		result_json(cx, "stop", doc);
	}
	return 0;
}

const struct cmd cmd_stop = {
	.name = "stop",
	.summary = "stop what runs, and wait until it has ended",
	.group = "Work",
	.need = NEED_READ,
	.run = run,
};
