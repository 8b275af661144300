/* SPDX-License-Identifier: Apache-2.0 */
#include "config/text.h"

#include "base/entry.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MAX_SHOWN 150u /* of a name out of the file */

bool rel_text_at_eol(const char *p, const char *end)
{
	return p == end || *p == '\n' ||
	       (*p == '\r' && end - p > 1 && p[1] == '\n');
}

const char *rel_text_eol(const char *p, const char *end)
{
	while (!rel_text_at_eol(p, end))
		p++;
	return p;
}

const char *rel_text_next(const char *eol, const char *end)
{
	if (eol < end && *eol == '\r')
		eol++;
	return eol < end ? eol + 1 : end;
}

/* Bytes of the character at ${p}; 0: it is not UTF-8. */
static size_t character(const char *p, const char *end)
{
	/* No part of a sequence is valid before all of it is there. */
	for (size_t n = 1; n <= 4 && n <= (size_t)(end - p); n++)
		if (rel_utf8_valid(p, n))
			return n;
	return 0;
}

const char *rel_text_bad_byte(
	const char *p, const char *eol, const char **ret_what)
{
	while (p < eol) {
		size_t n = character(p, eol);

		if (n == 0)
			*ret_what = "a byte that is not UTF-8";
		else if (*p == '\0')
			*ret_what = "a NUL byte";
		else if (*p == '\r')
			*ret_what = "a carriage return that ends no line";
		else {
			p += n;
			continue;
		}
		return p;
	}
	return NULL;
}

bool rel_text_has_bom(const char *p, size_t n)
{
	return n >= 3 && memcmp(p, REL_TEXT_BOM, 3) == 0;
}

void rel_text_add_margin(struct rel_buf *out, size_t line)
{
	rel_buf_addf(out, "%3zu | ", line);
}

void rel_text_add_caret(struct rel_buf *out, size_t margin, size_t columns)
{
	for (size_t i = 0; i < margin + columns; i++)
		rel_buf_addc(out, ' ');
	rel_buf_adds(out, "^\n");
}

static void add_name(struct rel_buf *out, const char *name)
{
	size_t before = out->len;

	rel_buf_add_escaped(out, name, strlen(name));
	if (out->len - before <= MAX_SHOWN)
		return;
	out->len = before + MAX_SHOWN;
	out->p[out->len] = '\0';
	rel_buf_adds(out, "…");
}

int rel_text_fail_key(
	struct rel_err *err, const struct rel_text_key *k, const char *fmt, ...)
{
	struct rel_buf path = REL_BUF_INIT;
	char says[160];
	va_list ap;
	int r;

	rel_buf_adds(&path, k->section);
	if (k->name) {
		rel_buf_addc(&path, '.');
		add_name(&path, k->name);
	}
	if (k->item)
		rel_buf_addf(&path, "[%zu]", k->item - 1);
	if (k->key) {
		rel_buf_addc(&path, '.');
		add_name(&path, k->key);
	}
	va_start(ap, fmt);
	vsnprintf(says, sizeof(says), fmt, ap);
	va_end(ap);
	r = rel_fail(err, REL_EINVALID, "'%s' %s", path.p, says);
	rel_buf_free(&path);
	return r;
}
