/* SPDX-License-Identifier: Apache-2.0 */
#include "run/log_json.h"

#include "base/clock.h"
#include "base/entry.h"

#include <string.h>

#define ECS_VERSION "8.11.0"

static void add_escape(struct rel_buf *out, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	char s[6] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };
	size_t n = 2;

	switch (c) {
	case '"':
	case '\\':
		s[1] = (char)c;
		break;
	case '\b':
		s[1] = 'b';
		break;
	case '\f':
		s[1] = 'f';
		break;
	case '\n':
		s[1] = 'n';
		break;
	case '\r':
		s[1] = 'r';
		break;
	case '\t':
		s[1] = 't';
		break;
	default:
		n = sizeof(s);
	}
	rel_buf_add(out, s, n);
}

/* The inside of a JSON text; true if bytes had to be replaced. */
static bool add_inside(struct rel_buf *out, const char *p, size_t n)
{
	size_t plain = 0, i = 0;
	bool lossy = false;

	while (i < n) {
		unsigned char c = (unsigned char)p[i];
		size_t len = 1;

		if (c >= 0x80)
			len = rel_utf8_sequence(p + i, n - i);
		if (len > 0 && c >= 0x20 && c != '"' && c != '\\') {
			i += len;
			continue;
		}
		if (i > plain)
			rel_buf_add(out, p + plain, i - plain);
		if (len > 0) {
			add_escape(out, c);
		} else {
			rel_buf_adds(out, "\xef\xbf\xbd");
			lossy = true;
		}
		plain = ++i;
	}
	if (i > plain)
		rel_buf_add(out, p + plain, i - plain);
	return lossy;
}

static void add_key(struct rel_buf *b, const char *key)
{
	rel_buf_add(b, ",\"", 2);
	rel_buf_adds(b, key);
	rel_buf_add(b, "\":", 2);
}

static void add_text(struct rel_buf *b, const char *s)
{
	rel_buf_addc(b, '"');
	add_inside(b, s, strlen(s));
	rel_buf_addc(b, '"');
}

static void add_time(struct rel_buf *b, int64_t ms)
{
	struct rel_time_text t = rel_time_format(ms);

	rel_buf_addf(b, "\"%.*s.%03dZ\"", (int)strcspn(t.s, "Z"), t.s,
		(int)(ms % 1000));
}

/* ,"key":value, or nothing where there is no value to give. */
static void add_member(struct rel_buf *b, enum rel_log_key key,
	const struct rel_log *log, const struct rel_log_source *src,
	int64_t now_ms, const char *level, bool stream)
{
	if ((key == REL_KEY_VERSION && src->release <= 0) ||
		(key == REL_KEY_PID && src->pid <= 0) ||
		(key == REL_KEY_STREAM && !stream))
		return;
	add_key(b, rel_log_key_name(key));
	switch (key) {
	case REL_KEY_TIME:
		add_time(b, now_ms);
		break;
	case REL_KEY_LEVEL:
		add_text(b, level);
		break;
	case REL_KEY_ECS:
		add_text(b, ECS_VERSION);
		break;
	case REL_KEY_SERVICE:
		add_text(b, log->app);
		break;
	case REL_KEY_VERSION:
		rel_buf_addf(b, "\"v%lld\"", (long long)src->release);
		break;
	case REL_KEY_INSTANCE:
		add_text(b, src->ps);
		break;
	case REL_KEY_PID:
		rel_buf_addf(b, "%lld", (long long)src->pid);
		break;
	case REL_KEY_STREAM:
		add_text(
			b, src->stream == REL_STREAM_ERR ? "stderr" : "stdout");
		break;
	case REL_KEY_MESSAGE:
	case REL_KEY_N:
		add_text(b, "");
		break;
	}
}

void rel_log_frame_make(struct rel_log_frame *f, const struct rel_log *log,
	const struct rel_log_source *src, int64_t now_ms, const char *level,
	bool stream)
{
	rel_buf_room(&f->text, 500);
	for (int k = 0; k < REL_KEY_N; k++) {
		add_member(&f->text, (enum rel_log_key)k, log, src, now_ms,
			level, stream);
		f->end[k] = f->text.len;
	}
}

void rel_log_frame_done(struct rel_log_frame *f)
{
	rel_buf_free(&f->text);
}

/* Add the members after ${from} up to and with ${to}. */
static void add_members(const struct rel_log_frame *f, size_t from,
	enum rel_log_key to, struct rel_buf *out)
{
	rel_buf_add(out, f->text.p + from, f->end[to] - from);
}

/* A record up to the value of message. */
static bool begin(const struct rel_log_frame *f, const char *p, size_t n,
	struct rel_buf *out)
{
	bool lossy;

	rel_buf_addc(out, '{');
	add_members(f, 1, REL_KEY_LEVEL, out); /* not its comma */
	rel_buf_adds(out, ",\"message\":\"");
	lossy = add_inside(out, p, n);
	rel_buf_addc(out, '"');
	return lossy;
}

static void end(const struct rel_log_frame *f, struct rel_buf *out)
{
	add_members(f, f->end[REL_KEY_MESSAGE], REL_KEY_STREAM, out);
	rel_buf_add(out, "}\n", 2);
}

/* The app's own record, and before its closing brace what it does not have. */
static void complete(const struct rel_log_frame *f, const char *p, size_t n,
	const struct rel_log_object *o, struct rel_buf *out)
{
	size_t head = (size_t)(o->brace - p), from = 0;
	bool first = o->empty;

	rel_buf_add(out, p, head);
	for (int k = 0; k < REL_KEY_N; k++) {
		const char *member = f->text.p + from;
		size_t len = f->end[k] - from;

		from = f->end[k];
		if (len == 0 || o->has[k] ||
			(o->other[k].there && !o->other[k].text))
			continue;
		if (o->other[k].text) {
			add_key(out, rel_log_key_name((enum rel_log_key)k));
			rel_buf_add(out, o->other[k].text, o->other[k].len);
			continue;
		}
		rel_buf_add(out, member + first, len - first);
		first = false;
	}
	rel_buf_add(out, p + head, n - head);
	rel_buf_addc(out, '\n');
}

void rel_log_record_line(const struct rel_log_frame *f, const char *p, size_t n,
	unsigned part, struct rel_buf *out)
{
	struct rel_log_object o;
	bool lossy;

	if (part == 0 && rel_log_scan(p, n, &o)) {
		complete(f, p, n, &o, out);
		return;
	}
	lossy = begin(f, p, n, out);
	if (lossy)
		rel_buf_adds(out, ",\"log.lossy\":true");
	if (part > 0)
		rel_buf_addf(out, ",\"event.part\":%u", part);
	end(f, out);
}

void rel_log_record_event(const struct rel_log_frame *f, const char *action,
	int status, const char *text, struct rel_buf *out)
{
	begin(f, text, strlen(text), out);
	rel_buf_adds(out, ",\"event.dataset\":\"relctl\"");
	add_key(out, "event.action");
	add_text(out, action);
	if (status >= 0)
		rel_buf_addf(out, ",\"process.exit_code\":%d", status);
	end(f, out);
}
