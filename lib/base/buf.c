/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *rel_buf_room(struct rel_buf *b, size_t n)
{
	if (b->cap - b->len <= n) {
		size_t cap = b->cap ? b->cap : 64;
		char *p;

		while (cap - b->len <= n)
			cap *= 2;
		/* Not realloc: what is left behind must not hold a secret. */
		p = rel_grow(NULL, cap, 1);
		if (b->p) {
			memcpy(p, b->p, b->len);
			explicit_bzero(b->p, b->len);
			free(b->p);
		}
		p[b->len] = '\0';
		b->p = p;
		b->cap = cap;
	}
	return b->p + b->len;
}

void rel_buf_add(struct rel_buf *b, const void *p, size_t n)
{
	char *to = rel_buf_room(b, n);

	if (n)
		memcpy(to, p, n);
	b->len += n;
	b->p[b->len] = '\0';
}

void rel_buf_adds(struct rel_buf *b, const char *s)
{
	rel_buf_add(b, s, strlen(s));
}

void rel_buf_addc(struct rel_buf *b, char c)
{
	rel_buf_add(b, &c, 1);
}

void rel_buf_addf(struct rel_buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	rel_buf_room(b, (size_t)n);
	va_start(ap, fmt);
	vsnprintf(b->p + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
}

void rel_buf_reset(struct rel_buf *b)
{
	b->len = 0;
	if (b->p)
		b->p[0] = '\0';
}

void rel_buf_free(struct rel_buf *b)
{
	free(b->p);
	*b = (struct rel_buf)REL_BUF_INIT;
}

void rel_buf_wipe(struct rel_buf *b)
{
	if (b->p)
		explicit_bzero(b->p, b->cap);
	rel_buf_free(b);
}

const char *rel_buf_str(const struct rel_buf *b)
{
	return b->p ? b->p : "";
}

char *rel_buf_take(struct rel_buf *b)
{
	char *p = b->p ? b->p : rel_strdup("");

	*b = (struct rel_buf)REL_BUF_INIT;
	return p;
}

void rel_buf_add_escaped(struct rel_buf *b, const void *p, size_t n)
{
	const uint8_t *c = p;

	for (size_t i = 0; i < n; i++) {
		if (c[i] < 0x21 || c[i] > 0x7e || c[i] == '\\')
			rel_buf_addf(b, "\\%03o", c[i]);
		else
			rel_buf_addc(b, (char)c[i]);
	}
}

static int octal(const char *s)
{
	int v = 0;

	for (int i = 0; i < 3; i++) {
		if (s[i] < '0' || s[i] > '7')
			return -1;
		v = v * 8 + (s[i] - '0');
	}
	return v > 255 ? -1 : v;
}

int rel_buf_add_unescaped(struct rel_buf *b, const char *s, struct rel_err *err)
{
	for (; *s; s++) {
		int v;

		if (*s != '\\') {
			rel_buf_addc(b, *s);
			continue;
		}
		v = octal(s + 1);
		if (v < 0)
			return rel_fail(
				err, REL_EINVALID, "bad escape in '%s'", s);
		rel_buf_addc(b, (char)v);
		s += 3;
	}
	return 0;
}
