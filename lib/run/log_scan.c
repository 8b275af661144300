/* SPDX-License-Identifier: Apache-2.0 */
#include "run/log_scan.h"

#include "base/entry.h"

#include <stdint.h>
#include <string.h>

static const struct {
	const char *name;
	const char *other; /* what most loggers call it, at the top */
} keys[REL_KEY_N] = {
	[REL_KEY_TIME] = { "@timestamp", NULL },
	[REL_KEY_LEVEL] = { "log.level", "level" },
	[REL_KEY_MESSAGE] = { "message", "msg" },
	[REL_KEY_ECS] = { "ecs.version", NULL },
	[REL_KEY_SERVICE] = { "service.name", NULL },
	[REL_KEY_VERSION] = { "service.version", NULL },
	[REL_KEY_INSTANCE] = { "service.instance.id", NULL },
	[REL_KEY_PID] = { "process.pid", NULL },
	[REL_KEY_STREAM] = { "log.iostream", NULL },
};

const char *rel_log_key_name(enum rel_log_key key)
{
	return keys[key].name;
}

struct scan {
	const char *p, *end;
	unsigned depth;
	struct rel_log_object *found;
};

/* The names that lead to a value, joined by dots: "log.level". */
struct path {
	char s[32];
	size_t len;
	bool live; /* it may lead to one of ours */
};

struct token {
	const char *p;
	size_t len;
};

static bool scan_value(struct scan *s, const struct path *path);

static void skip_space(struct scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' ||
					*s->p == '\n' || *s->p == '\r'))
		s->p++;
}

static bool take(struct scan *s, char c)
{
	if (s->p == s->end || *s->p != c)
		return false;
	s->p++;
	return true;
}

/* The value of four hex digits, or -1. */
static int hex4(const char *p, const char *end)
{
	int v = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char c = p[i];

		if (c >= '0' && c <= '9')
			v = v * 16 + (c - '0');
		else if (c >= 'a' && c <= 'f')
			v = v * 16 + (c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			v = v * 16 + (c - 'A' + 10);
		else
			return -1;
	}
	return v;
}

/* A half of a surrogate pair is in the grammar, but jq, for one, ends at it. */
static bool scan_unit(struct scan *s)
{
	int v = hex4(s->p, s->end), low;

	if (v < 0 || (v >= 0xdc00 && v <= 0xdfff))
		return false;
	s->p += 4;
	if (v < 0xd800 || v > 0xdfff)
		return true;
	if (s->end - s->p < 6 || s->p[0] != '\\' || s->p[1] != 'u')
		return false;
	low = hex4(s->p + 2, s->end);
	s->p += 6;
	return low >= 0xdc00 && low <= 0xdfff;
}

static bool scan_escape(struct scan *s)
{
	if (s->p == s->end)
		return false;
	switch (*s->p++) {
	case '"':
	case '\\':
	case '/':
	case 'b':
	case 'f':
	case 'n':
	case 'r':
	case 't':
		return true;
	case 'u':
		return scan_unit(s);
	default:
		return false;
	}
}

static bool scan_string(struct scan *s)
{
	if (!take(s, '"'))
		return false;
	while (s->p < s->end) {
		unsigned char c = (unsigned char)*s->p;
		size_t len;

		if (c == '"') {
			s->p++;
			return true;
		}
		if (c < 0x20)
			return false;
		if (c < 0x80) {
			s->p++;
			if (c == '\\' && !scan_escape(s))
				return false;
			continue;
		}
		len = rel_utf8_sequence(s->p, (size_t)(s->end - s->p));
		if (len == 0)
			return false;
		s->p += len;
	}
	return false;
}

static bool scan_digits(struct scan *s)
{
	const char *from = s->p;

	while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
		s->p++;
	return s->p > from;
}

static bool scan_number(struct scan *s)
{
	take(s, '-');
	if (!take(s, '0') && !scan_digits(s))
		return false;
	if (take(s, '.') && !scan_digits(s))
		return false;
	if (take(s, 'e') || take(s, 'E')) {
		if (!take(s, '+'))
			take(s, '-');
		return scan_digits(s);
	}
	return true;
}

static bool scan_word(struct scan *s, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(s->end - s->p) < n || memcmp(s->p, word, n) != 0)
		return false;
	s->p += n;
	return true;
}

/*
 * ${path} and the name in the token ${t}: not live when that can be none of
 * ours. Ours are ASCII, but may be written with escapes all the same.
 */
static struct path longer(const struct path *path, struct token t)
{
	struct path to = *path;
	const char *p = t.p + 1, *end = t.p + t.len - 1;

	to.live = false;
	if (!path->live)
		return to;
	if (to.len)
		to.s[to.len++] = '.';
	while (p < end) {
		char c = *p++;

		if (c == '\\') {
			int v = *p++ == 'u' ? hex4(p, end) : 0;

			if (v <= 0 || v > 0x7e)
				return to;
			c = (char)v;
			p += 4;
		}
		if (to.len + 2 >= sizeof(to.s))
			return to;
		to.s[to.len++] = c;
	}
	to.live = true;
	return to;
}

/* Note a member; what is left of live says whether to look inside. */
static void note(struct scan *s, struct path *path, struct token value)
{
	bool live = false;

	for (int k = 0; path->live && k < REL_KEY_N; k++) {
		const char *name = keys[k].name, *other = keys[k].other;

		if (strncmp(name, path->s, path->len) == 0) {
			if (name[path->len] == '\0')
				s->found->has[k] = true;
			live = live || name[path->len] == '.';
		}
		if (other && strlen(other) == path->len &&
			memcmp(other, path->s, path->len) == 0) {
			bool text = value.p[0] == '"';

			s->found->other[k].there = true;
			s->found->other[k].text = text ? value.p : NULL;
			s->found->other[k].len = value.len;
		}
	}
	path->live = live;
}

static bool scan_member(struct scan *s, const struct path *path)
{
	struct token name = { .p = s->p }, value;
	struct path to;

	if (!scan_string(s))
		return false;
	name.len = (size_t)(s->p - name.p);
	skip_space(s);
	if (!take(s, ':'))
		return false;
	skip_space(s);
	to = longer(path, name);
	value.p = s->p;
	if (s->p < s->end && *s->p == '{') {
		value.len = 0;
		note(s, &to, value);
		return scan_value(s, &to);
	}
	if (!scan_value(s, NULL))
		return false;
	value.len = (size_t)(s->p - value.p);
	note(s, &to, value);
	return true;
}

/* What stands between '{' and '}', or '[' and ']'. */
static bool scan_list(struct scan *s, const struct path *path, char close)
{
	s->p++;
	if (++s->depth > REL_LOG_DEPTH)
		return false;
	skip_space(s);
	if (!take(s, close)) {
		do {
			skip_space(s);
			if (close == '}' ? !scan_member(s, path)
					 : !scan_value(s, NULL))
				return false;
			skip_space(s);
		} while (take(s, ','));
		if (!take(s, close))
			return false;
	}
	s->depth--;
	return true;
}

/* ${path} (NULL: none that matters) is what leads to it. */
static bool scan_value(struct scan *s, const struct path *path)
{
	static const struct path dead = { .live = false };

	if (s->p == s->end)
		return false;
	switch (*s->p) {
	case '{':
		return scan_list(s, path ? path : &dead, '}');
	case '[':
		return scan_list(s, NULL, ']');
	case '"':
		return scan_string(s);
	case 't':
		return scan_word(s, "true");
	case 'f':
		return scan_word(s, "false");
	case 'n':
		return scan_word(s, "null");
	default:
		return scan_number(s);
	}
}

bool rel_log_scan(const char *p, size_t n, struct rel_log_object *ret)
{
	static const struct path top = { .live = true };
	struct rel_log_object found = { .brace = NULL };
	struct scan s = { .p = p, .end = p + n, .found = &found };
	const char *inside;

	skip_space(&s);
	if (s.p == s.end || *s.p != '{')
		return false;
	inside = s.p + 1;
	if (!scan_value(&s, &top))
		return false;
	found.brace = s.p - 1;
	skip_space(&s);
	if (s.p != s.end)
		return false;
	s.p = inside;
	skip_space(&s);
	found.empty = s.p == found.brace;
	*ret = found;
	return true;
}
