/* SPDX-License-Identifier: Apache-2.0 */
#include "out.h"

#include "base/clock.h"
#include "base/entry.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const colors[] = {
	[COLOR_RED] = "\033[1;31m",
	[COLOR_GREEN] = "\033[1;32m",
	[COLOR_YELLOW] = "\033[1;33m",
	[COLOR_CYAN] = "\033[1;36m",
	[COLOR_DIM] = "\033[0;2m",
	[COLOR_BOLD] = "\033[0;1m",
	[COLOR_OFF] = "\033[0m",
};

const char *color_out(const struct ctx *cx, enum color c)
{
	return cx->color_out ? colors[c] : "";
}

const char *color_err(const struct ctx *cx, enum color c)
{
	return cx->color_err ? colors[c] : "";
}

/* Bytes of the character at ${s}; 0: a control character, or not UTF-8. */
static size_t printable(const char *s)
{
	unsigned char c = (unsigned char)s[0];
	size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

	if (c < 0x20 || c == 0x7f)
		return 0;
	if (strnlen(s, n) < n || !rel_utf8_valid(s, n))
		return 0;
	/* U+0080 to U+009F are control characters too. */
	if (c == 0xc2 && (unsigned char)s[1] < 0xa0)
		return 0;
	return n;
}

/* Bytes of the colour at ${s}, written exactly as color_out writes it; 0: no
 * such thing. Text from outside can come by a colour this way, and by nothing
 * else. */
static size_t color_at(const char *s)
{
	for (size_t i = 0; i < sizeof(colors) / sizeof(*colors); i++) {
		size_t n = strlen(colors[i]);

		if (strncmp(s, colors[i], n) == 0)
			return n;
	}
	return 0;
}

void out_clean(struct rel_buf *b, const char *s, bool color)
{
	while (*s) {
		size_t n = printable(s);

		if (n == 0 && color)
			n = color_at(s);
		if (n) {
			rel_buf_add(b, s, n);
			s += n;
		} else {
			rel_buf_addf(b, "\\%03o", (unsigned char)*s++);
		}
	}
}

void out_line(FILE *to, const char *prefix, const char *text, bool color)
{
	struct rel_buf line = REL_BUF_INIT;

	rel_buf_adds(&line, prefix);
	out_clean(&line, text, color);
	rel_buf_addc(&line, '\n');
	progress_wipe();
	/* Where both go to one place, they stay in order. */
	if (to == stderr)
		fflush(stdout);
	fwrite(line.p, 1, line.len, to);
	rel_buf_free(&line);
}

REL_PRINTF(4, 0)
static void print_line(
	FILE *to, const char *prefix, bool color, const char *fmt, va_list ap)
{
	char *text;

	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	out_line(to, prefix, text, color);
	free(text);
}

void say(const struct ctx *cx, const char *fmt, ...)
{
	va_list ap;

	if (cx->quiet)
		return;
	va_start(ap, fmt);
	print_line(stderr, "", cx->color_err, fmt, ap);
	va_end(ap);
}

void say_hint(const struct ctx *cx, const char *fmt, ...)
{
	va_list ap;

	if (cx->quiet)
		return;
	va_start(ap, fmt);
	print_line(stderr, "hint: ", cx->color_err, fmt, ap);
	va_end(ap);
}

void say_verbose(const struct ctx *cx, const char *fmt, ...)
{
	va_list ap;

	if (cx->quiet || !cx->verbose)
		return;
	va_start(ap, fmt);
	print_line(stderr, "", cx->color_err, fmt, ap);
	va_end(ap);
}

void out_notice(void *arg, const char *text)
{
	const struct ctx *cx = arg;

	if (!cx->quiet)
		out_line(stderr, "notice: ", text, false);
}

void result(const struct ctx *cx, const char *fmt, ...)
{
	va_list ap;

	if (cx->json)
		return;
	va_start(ap, fmt);
	print_line(stdout, "", cx->color_out, fmt, ap);
	va_end(ap);
}

void out_json(FILE *to, const char *noun, struct json_t *doc)
{
	struct rel_buf b = REL_BUF_INIT;

	rel_buf_addf(&b, "relctl.%s/1", noun);
	rel_json_set(doc, "schema", rel_json_text(b.p));
	rel_buf_reset(&b);
	if (isatty(fileno(to)))
		rel_json_format_pretty(doc, &b);
	else
		rel_json_format(doc, &b);
	rel_json_free(doc);
	rel_buf_addc(&b, '\n');
	progress_wipe();
	fwrite(b.p, 1, b.len, to);
	rel_buf_free(&b);
}

void result_json(const struct ctx *cx, const char *noun, struct json_t *doc)
{
	(void)cx;
	out_json(stdout, noun, doc);
}

struct text32 ago(int64_t ms)
{
	static const struct {
		int64_t seconds;
		const char *one, *many;
	} units[] = {
		{ 24 * 60 * 60, "day", "days" },
		{ 60 * 60, "h", "h" },
		{ 60, "min", "min" },
	};
	struct text32 t = { "just now" };
	int64_t s = (rel_now_ms() - ms) / 1000;

	/* A clock that was set back is no reason to be precise. */
	if (s < -60)
		return (struct text32){ "in the future" };
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		int64_t n = s / units[i].seconds;

		if (n < 1)
			continue;
		snprintf(t.s, sizeof(t.s), "%lld %s ago", (long long)n,
			n == 1 ? units[i].one : units[i].many);
		break;
	}
	return t;
}

struct text32 bytes_text(uint64_t n)
{
	static const char *const units[] = { "kB", "MB", "GB", "TB", "PB",
		"EB" };
	struct text32 t;
	double v = (double)n / 1000;
	size_t u = 0;

	if (n < 1000) {
		snprintf(t.s, sizeof(t.s), "%u B", (unsigned)n);
		return t;
	}
	for (; v >= 999.5; v /= 1000)
		u++;
	snprintf(t.s, sizeof(t.s), "%.*f %s", v < 9.95 ? 1 : 0, v, units[u]);
	return t;
}
