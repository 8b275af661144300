/* SPDX-License-Identifier: Apache-2.0 */
#include "run/log.h"

#include "run/log_json.h"

#include "base/entry.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* What is made once for all lines of a call. */
struct writer {
	const struct rel_log *log;
	const struct rel_log_source *src;
	int64_t now_ms;
	struct rel_buf *out;
	size_t lines;
	struct rel_buf prefix;	    /* text; empty until it is needed */
	struct rel_log_frame frame; /* json; the same */
};

static void writer_done(struct writer *w)
{
	rel_buf_free(&w->prefix);
	rel_log_frame_done(&w->frame);
}

/* Foreman's: "12:03:44 web.1  | ", coloured. */
static void make_prefix(struct rel_buf *b, const struct rel_log *log,
	const struct rel_log_source *src, int64_t now_ms)
{
	/* cyan, yellow, green, magenta, red, blue; white is the supervisor */
	static const char colors[] = "632514";
	time_t seconds = (time_t)(now_ms / 1000);
	char color = '7', text[16] = "";
	struct tm tm;

	if (strcmp(src->ps, "system") != 0)
		color = colors[src->color % (sizeof(colors) - 1)];
	if (localtime_r(&seconds, &tm))
		strftime(text, sizeof(text), "%H:%M:%S", &tm);
	if (log->color)
		rel_buf_addf(b, "\033[3%cm", color);
	rel_buf_addf(b, "%s %-*s | ", text, log->name_width, src->ps);
	if (log->color)
		rel_buf_adds(b, "\033[0m");
}

/* Bytes of ESC [ … m at ${p}, or 0. */
static size_t color_sequence(const char *p, size_t n)
{
	size_t i = 2;

	if (n < 3 || p[0] != '\033' || p[1] != '[')
		return 0;
	while (i < n &&
		((p[i] >= '0' && p[i] <= '9') || p[i] == ';' || p[i] == ':'))
		i++;
	return i < n && p[i] == 'm' ? i + 1 : 0;
}

/* Bytes at ${p} that a terminal only shows, or 0. */
static size_t harmless(const char *p, size_t n)
{
	unsigned char c = (unsigned char)p[0];

	if (c >= 0x80) /* U+0080 to U+009F are control characters, too */
		return c == 0xc2 && n > 1 && (unsigned char)p[1] < 0xa0
			       ? 0
			       : rel_utf8_sequence(p, n);
	if (c == '\033')
		return color_sequence(p, n);
	return (c >= 0x20 && c != 0x7f) || c == '\t';
}

static void add_shown(struct rel_buf *out, const char *p, size_t n)
{
	static const char hex[] = "0123456789abcdef";
	size_t plain = 0, i = 0;

	while (i < n) {
		size_t len = harmless(p + i, n - i);
		unsigned char c = (unsigned char)p[i];
		char escape[4] = { '\\', 'x', hex[c >> 4], hex[c & 15] };

		if (len > 0) {
			i += len;
			continue;
		}
		if (i > plain)
			rel_buf_add(out, p + plain, i - plain);
		rel_buf_add(out, escape, sizeof(escape));
		plain = ++i;
	}
	if (i > plain)
		rel_buf_add(out, p + plain, i - plain);
}

/* ${part}: of a split line, 0 when it is whole; ${more} parts will follow. */
static void add_text_line(
	struct writer *w, const char *p, size_t n, unsigned part, bool more)
{
	if (!w->prefix.p)
		make_prefix(&w->prefix, w->log, w->src, w->now_ms);
	rel_buf_add(w->out, w->prefix.p, w->prefix.len);
	if (part > 1)
		rel_buf_adds(w->out, "… ");
	add_shown(w->out, p, n);
	if (more)
		rel_buf_adds(w->out, " …");
	rel_buf_addc(w->out, '\n');
}

static void add_line(
	struct writer *w, const char *p, size_t n, unsigned part, bool more)
{
	switch (w->log->format) {
	case REL_LOG_TEXT:
		add_text_line(w, p, n, part, more);
		break;
	case REL_LOG_JSON:
		if (!w->frame.text.p)
			rel_log_frame_make(&w->frame, w->log, w->src, w->now_ms,
				"info", true);
		rel_log_record_line(&w->frame, p, n, part, w->out);
		break;
	case REL_LOG_RAW:
		rel_buf_add(w->out, p, n);
		if (more)
			return;
		rel_buf_addc(w->out, '\n');
		break;
	}
	w->lines++;
}

/* Where to cut a line that is too long: not within a character. */
static size_t cut_at(const char *p)
{
	size_t cut = REL_LOG_LINE;

	while (cut > REL_LOG_LINE - 3 && ((unsigned char)p[cut] & 0xc0) == 0x80)
		cut--;
	return ((unsigned char)p[cut] & 0xc0) == 0x80 ? REL_LOG_LINE : cut;
}

/*
 * Add the lines that ${n} bytes without LF are: all of it if the line ends
 * here, else what cannot be kept. Returns how much was taken. One byte more
 * than fits is kept, as it may be the CR of the end.
 */
static size_t add_lines(struct rel_lines *l, struct writer *w, const char *p,
	size_t n, bool ended)
{
	size_t took = 0;

	if (ended && w->log->format != REL_LOG_RAW && n > 0 && p[n - 1] == '\r')
		n--;
	while (n - took > REL_LOG_LINE + !ended) {
		size_t cut = cut_at(p + took);

		add_line(w, p + took, cut, ++l->part, true);
		took += cut;
	}
	if (ended) {
		add_line(w, p + took, n - took, l->part ? l->part + 1 : 0,
			false);
		took = n;
		l->part = 0;
	}
	return took;
}

/* Take ${n} bytes from the front of what is kept. */
static void forget(struct rel_buf *rest, size_t n)
{
	if (n == 0)
		return;
	if (n == rest->len && rest->cap > 4096) {
		rel_buf_free(rest);
		return;
	}
	memmove(rest->p, rest->p + n, rest->len - n);
	rest->len -= n;
	rest->p[rest->len] = '\0';
}

void rel_lines_done(struct rel_lines *l)
{
	rel_buf_free(&l->rest);
	l->part = 0;
}

void rel_lines_feed(struct rel_lines *l, const struct rel_log *log,
	const struct rel_log_source *src, int64_t now_ms, const char *p,
	size_t n, struct rel_buf *out, size_t *ret_lines)
{
	struct writer w = {
		.log = log, .src = src, .now_ms = now_ms, .out = out
	};

	while (n > 0) {
		const char *lf = memchr(p, '\n', n);
		size_t len = lf ? (size_t)(lf - p) : n;
		bool ended = lf != NULL;
		size_t took;

		if (l->rest.len == 0) {
			took = add_lines(l, &w, p, len, ended);
			if (!ended)
				rel_buf_add(&l->rest, p + took, len - took);
		} else {
			size_t room = REL_LOG_LINE + 2 - l->rest.len;

			if (len > room) {
				len = room;
				ended = false;
			}
			rel_buf_add(&l->rest, p, len);
			took = add_lines(l, &w, l->rest.p, l->rest.len, ended);
			forget(&l->rest, ended ? l->rest.len : took);
		}
		p += len + ended;
		n -= len + ended;
	}
	if (ret_lines)
		*ret_lines = w.lines;
	writer_done(&w);
}

void rel_lines_end(struct rel_lines *l, const struct rel_log *log,
	const struct rel_log_source *src, int64_t now_ms, struct rel_buf *out,
	size_t *ret_lines)
{
	struct writer w = {
		.log = log, .src = src, .now_ms = now_ms, .out = out
	};

	if (l->rest.len > 0)
		add_lines(l, &w, l->rest.p, l->rest.len, true);
	rel_lines_done(l);
	if (ret_lines)
		*ret_lines = w.lines;
	writer_done(&w);
}

void rel_log_event(const struct rel_log *log, const struct rel_log_source *src,
	int64_t now_ms, const char *level, const char *action, int status,
	const char *text, struct rel_buf *out)
{
	struct writer w = {
		.log = log, .src = src, .now_ms = now_ms, .out = out
	};

	if (log->format == REL_LOG_JSON) {
		rel_log_frame_make(&w.frame, log, src, now_ms, level, false);
		rel_log_record_event(&w.frame, action, status, text, out);
	} else if (log->format == REL_LOG_TEXT) {
		add_text_line(&w, text, strlen(text), 0, false);
	}
	writer_done(&w);
}
