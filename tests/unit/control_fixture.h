/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/control_fixture.h - a supervisor's end of the control socket in
 * this process, which writes down what reaches it.
 */
#ifndef CONTROL_FIXTURE_H
#define CONTROL_FIXTURE_H

#include "base/clock.h"
#include "run/control.h"
#include "scratch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct server {
	int store_fd;
	struct rel_loop *loop;
	struct rel_control *control;
	size_t requests, gone;
	struct rel_client *client; /* of the last request */
	int64_t n;		   /* its "n" */
	int fd;			   /* that came with it */
	bool answering, told_early;
	/* What to do at once; NULL: nothing yet. */
	void (*reply)(struct server *s, struct rel_client *c);
};

static inline struct json_t *done_with(int64_t n)
{
	struct json_t *j = rel_json_object();

	rel_json_set(j, "done", rel_json_bool(true));
	rel_json_set(j, "exit", rel_json_number(0));
	return rel_json_set(j, "n", rel_json_number(n));
}

/* The request's own number back, and that is all. */
static inline void reply_done(struct server *s, struct rel_client *c)
{
	rel_control_answer(c, done_with(s->n));
}

static inline void server_request(
	void *arg, struct rel_client *c, const struct json_t *j, int fd)
{
	struct server *s = arg;

	s->requests++;
	s->client = c;
	s->n = rel_json_get_int(j, "n", -1);
	rel_closep(&s->fd);
	s->fd = fd;
	if (s->reply)
		s->reply(s, c);
}

static inline void server_gone(void *arg, struct rel_client *c)
{
	struct server *s = arg;

	s->gone++;
	s->told_early |= s->answering;
	if (s->client == c)
		s->client = NULL;
}

static inline int open_server(
	struct server *s, int store_fd, const char *app, struct rel_err *err)
{
	const struct rel_control_fns fns = {
		.request = server_request,
		.gone = server_gone,
		.arg = s,
	};

	*s = (struct server){
		.store_fd = store_fd,
		.fd = -1,
		.loop = rel_loop_new(),
		.reply = reply_done,
	};
	return rel_control_open(store_fd, app, s->loop, &fns, &s->control, err);
}

/* Not the store's fd, which the caller has. */
static inline void server_done(struct server *s)
{
	rel_control_closep(&s->control);
	rel_loop_freep(&s->loop);
	rel_closep(&s->fd);
}

static inline int open_store(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static inline void must(int r, const struct rel_err *err)
{
	if (r < 0)
		fail_msg("%s", err->msg);
}

static inline void server_at(struct server *s, int store_fd)
{
	struct rel_err err = REL_ERR_INIT;

	must(open_server(s, store_fd, "shop", &err), &err);
}

static inline void nothing(void *arg)
{
	*(bool *)arg = true;
}

/* All that can be done without waiting. */
static inline void spin(struct server *s)
{
	for (int i = 0; i < 8; i++) {
		struct rel_err err = REL_ERR_INIT;
		struct rel_timer t = { 0 };
		bool over = false;

		rel_loop_arm(s->loop, &t, 0, nothing, &over);
		must(rel_loop_turn(s->loop, &err), &err);
		assert_true(over);
	}
}

static inline int connected(struct server *s)
{
	struct rel_err err = REL_ERR_INIT;
	int fd = -1;

	must(rel_control_connect(s->store_fd, "shop", &fd, &err), &err);
	return fd;
}

static inline void ask(int fd, int64_t n, int pass_fd)
{
	REL_AUTO(rel_json_freep) struct json_t *j = rel_json_object();
	struct rel_err err = REL_ERR_INIT;

	rel_json_set(j, "op", rel_json_text("test"));
	rel_json_set(j, "n", rel_json_number(n));
	must(rel_control_send(fd, j, pass_fd, &err), &err);
}

/* The "n" of the next message, which is there. */
static inline int64_t told(int fd, bool *ret_done)
{
	REL_AUTO(rel_json_freep) struct json_t *j = NULL;
	struct rel_err err = REL_ERR_INIT;

	must(rel_control_receive(fd, 10000, &j, &err), &err);
	*ret_done = rel_json_true(rel_json_get(j, "done"));
	return rel_json_get_int(j, "n", -1);
}

/* Is this connection ended, with nothing left to read? */
static inline bool is_ended(int fd)
{
	char c;
	ssize_t n = recv(fd, &c, 1, MSG_DONTWAIT);

	return n == 0 || (n < 0 && errno == ECONNRESET);
}

/* Somebody else is served all the same. */
static inline void others_are_served(struct server *s)
{
	size_t before = s->requests;
	int fd = connected(s);
	bool done;

	ask(fd, 4711, -1);
	spin(s);
	assert_int_equal(s->requests, before + 1);
	assert_int_equal(told(fd, &done), 4711);
	assert_true(done);
	assert_true(is_ended(fd));
	close(fd);
}

static inline int open_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static inline int status_of(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

#endif
