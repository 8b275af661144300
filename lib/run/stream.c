/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/run/stream.c - what the instances print, on its way to the sink.
 *
 * A stream outlives its instance: what was printed before the end is read
 * after it. While the sink is full no stream is read, so that a process that
 * prints more than anybody reads waits, and nothing of it is lost.
 */
#include "base/clock.h"
#include "base/file.h"
#include "run/set.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define READ_AT_ONCE 8192 /* see rel_lines_feed */
#define TAIL_LINE 1024	  /* bytes kept of a line */

static void keep_line(struct instance *i, const char *p, size_t n)
{
	size_t slot = i->tail_n++ % TAIL_LINES;

	free(i->tail[slot]);
	i->tail[slot] = rel_strndup(p, n < TAIL_LINE ? n : TAIL_LINE);
}

/* The last lines as they came; a line that two reads cut is two here. */
static void keep_tail(struct instance *i, const char *p, size_t n)
{
	while (n > 0) {
		const char *end = memchr(p, '\n', n);
		size_t len = end ? (size_t)(end - p) : n;

		keep_line(i, p, len);
		len += end ? 1 : 0;
		p += len;
		n -= len;
	}
}

static void finish(struct stream *st)
{
	struct supervisor *s = st->sup;
	struct stream **at = &s->streams;
	struct rel_buf out = REL_BUF_INIT;
	size_t lines = 0;

	rel_lines_end(
		&st->lines, &s->log, &st->src, rel_now_ms(), &out, &lines);
	if (out.len > 0)
		rel_sink_put(s->sink, out.p, out.len, lines);
	rel_buf_free(&out);
	rel_lines_done(&st->lines);
	rel_loop_forget(s->loop, st->fd);
	close(st->fd);
	while (*at != st)
		at = &(*at)->next;
	*at = st->next;
	free(st);
}

/* Read once. False: there was nothing more, or it has ended. */
static bool take(struct stream *st)
{
	struct supervisor *s = st->sup;
	struct rel_buf out = REL_BUF_INIT;
	char text[READ_AT_ONCE];
	size_t lines = 0;
	ssize_t n = read(st->fd, text, sizeof(text));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		finish(st);
		return false;
	}
	if (st->of)
		keep_tail(st->of, text, (size_t)n);
	rel_lines_feed(&st->lines, &s->log, &st->src, rel_now_ms(), text,
		(size_t)n, &out, &lines);
	rel_sink_put(s->sink, rel_buf_str(&out), out.len, lines);
	rel_buf_free(&out);
	return true;
}

static void on_output(void *arg, int fd, short revents)
{
	struct stream *st = arg;
	struct supervisor *s = st->sup;

	(void)revents;
	/* By those before it in this turn: a hundred more would not fit. */
	if (rel_sink_full(s->sink))
		return;
	/* To the end of the row, so that all get their turn. */
	if (take(st)) {
		rel_loop_forget(s->loop, fd);
		rel_loop_watch(s->loop, fd, POLLIN, on_output, st);
	}
}

static int open_one(struct instance *i, enum rel_stream which, int *ret_in,
	struct rel_err *err)
{
	struct supervisor *s = i->set->sup;
	struct stream *st;
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return rel_fail_os(err, "make a pipe");
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	st = rel_alloc(sizeof(*st));
	st->sup = s;
	st->of = i;
	st->fd = fds[0];
	snprintf(st->name, sizeof(st->name), "%s", i->name);
	st->src = (struct rel_log_source){ .ps = st->name,
		.release = i->set->target.release,
		.stream = which,
		.color = (unsigned)i->type };
	st->next = s->streams;
	s->streams = st;
	rel_loop_watch(s->loop, fds[0], s->choked ? 0 : POLLIN, on_output, st);
	*ret_in = fds[1];
	return 0;
}

int streams_open(
	struct instance *i, int *ret_out, int *ret_err, struct rel_err *err)
{
	int r = open_one(i, REL_STREAM_OUT, ret_out, err);

	return r < 0 ? r : open_one(i, REL_STREAM_ERR, ret_err, err);
}

void streams_named(struct instance *i)
{
	for (struct stream *st = i->set->sup->streams; st; st = st->next)
		if (st->of == i && st->src.pid == 0)
			st->src.pid = i->child.pid;
}

void streams_catch_up(struct instance *i)
{
	struct supervisor *s = i->set->sup;
	struct stream *next;

	for (struct stream *st = s->streams; st; st = next) {
		next = st->next;
		while (st->of == i && !rel_sink_full(s->sink))
			if (!take(st))
				break;
	}
}

void streams_leave(struct instance *i)
{
	for (struct stream *st = i->set->sup->streams; st; st = st->next)
		if (st->of == i)
			st->of = NULL;
}

void streams_close(struct supervisor *s)
{
	while (s->streams)
		finish(s->streams);
}

static void on_room(void *arg, int fd, short revents)
{
	/* streams_flow writes. */
	(void)arg;
	(void)fd;
	(void)revents;
}

void streams_flow(struct supervisor *s)
{
	uint64_t dropped;
	bool gone = false;
	int waits = rel_sink_fd(s->sink);

	if (waits >= 0)
		rel_loop_forget(s->loop, waits);
	rel_sink_flush(s->sink, &gone);
	if (gone)
		rel_notice(s->how->events,
			"nobody reads relctl's output any more: it is thrown "
			"away");
	dropped = rel_sink_dropped(s->sink);
	if (dropped > 0)
		say_event(s, NULL, "warn", "lines-dropped", -1,
			"%llu lines dropped: the output is read too slowly",
			(unsigned long long)dropped);
	waits = rel_sink_fd(s->sink);
	if (waits >= 0)
		rel_loop_watch(s->loop, waits, POLLOUT, on_room, s);
	if (s->choked == rel_sink_full(s->sink))
		return;
	s->choked = !s->choked;
	for (struct stream *st = s->streams; st; st = st->next)
		rel_loop_watch(
			s->loop, st->fd, s->choked ? 0 : POLLIN, on_output, st);
}

void say_event(struct supervisor *s, const struct instance *i,
	const char *level, const char *action, int status, const char *fmt, ...)
{
	struct rel_buf out = REL_BUF_INIT;
	struct rel_log_source src = { .ps = i ? i->name : "system",
		.release = i ? i->set->target.release : s->sets->target.release,
		.pid = i ? i->child.pid : 0,
		.color = i ? (unsigned)i->type : 0 };
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* While there are two of a name. json has a field for it. */
	if (i && s->sets->next && s->log.format == REL_LOG_TEXT)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			" (v%" PRId64 ")", src.release);
	rel_log_event(
		&s->log, &src, rel_now_ms(), level, action, status, text, &out);
	if (out.len > 0)
		rel_sink_put(s->sink, out.p, out.len, 1);
	rel_buf_free(&out);
}
