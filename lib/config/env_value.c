/* SPDX-License-Identifier: Apache-2.0 */
#include "config/env_reader.h"
#include "config/text.h"

#include <string.h>

#define IN_SINGLE "put the value in single quotes"
#define IN_DOUBLE                                                              \
	"put the value in double quotes, with a '\\' before each \" \\ $ and " \
	"`"

static bool at_eol(const struct rel_env_reader *r)
{
	return rel_text_at_eol(r->p, r->end);
}

static void skip_blanks(struct rel_env_reader *r)
{
	while (r->p < r->end && rel_env_is_blank(*r->p))
		r->p++;
}

static const char *bare_fault(char c)
{
	switch (c) {
	case '\'':
		return "a single quote in a bare value";
	case '"':
		return "a double quote in a bare value";
	case '\\':
		return "'\\' in a bare value";
	case '$':
		return "'$' in a bare value";
	case '`':
		return "'`' in a bare value";
	case '#':
		return "'#' in a bare value";
	case ' ':
		return "a space in a bare value";
	case '\t':
		return "a tab in a bare value";
	default:
		return (unsigned char)c < 0x20 || c == 0x7f
			       ? "a control byte in a bare value"
			       : NULL;
	}
}

static void read_bare(struct rel_env_reader *r, struct rel_buf *value)
{
	const char *eol = rel_text_eol(r->p, r->end);
	const char *begin = r->p, *at, *what = NULL;

	while (r->p < eol && !(what = bare_fault(*r->p)))
		r->p++;
	if (!what) {
		rel_buf_add(value, begin, (size_t)(eol - begin));
		return;
	}

	at = r->p;
	skip_blanks(r);
	if (r->p == eol)
		rel_env_fault(r, at, "blank space after a bare value",
			"remove it, or " IN_SINGLE, "='…'");
	else if (rel_env_is_blank(*at) && at == begin)
		rel_env_fault(r, at, "blank space after the '='",
			"remove it, or " IN_SINGLE, "='…'");
	else if (memchr(at, '\'', (size_t)(eol - at)))
		rel_env_fault(r, at, what, IN_DOUBLE, "=\"…\"");
	else
		rel_env_fault(r, at, what, IN_SINGLE, "='…'");
}

/* p is at the end of a line within quotes. A CR LF is an LF here too. */
static void read_line_end(struct rel_env_reader *r, struct rel_buf *value)
{
	rel_buf_addc(value, '\n');
	rel_env_next_line(r);
}

static void read_single(struct rel_env_reader *r, struct rel_buf *value)
{
	while (r->p < r->end && *r->p != '\'') {
		if (at_eol(r))
			read_line_end(r, value);
		else
			rel_buf_addc(value, *r->p++);
	}
}

/* p is at a backslash. */
static void read_escape(struct rel_env_reader *r, struct rel_buf *value)
{
	static const char from[] = "nrt\\\"$`", to[] = "\n\r\t\\\"$`";
	const char *is = NULL;

	if (r->end - r->p > 1)
		is = memchr(from, r->p[1], sizeof(from) - 1);
	if (is) {
		rel_buf_addc(value, to[is - from]);
		r->p += 2;
		return;
	}
	rel_env_fault(r, r->p, "'\\' that begins no escape",
		"write \\\\ for a backslash, or " IN_SINGLE, "='…'");
	r->p++;
}

static void read_double(struct rel_env_reader *r, struct rel_buf *value)
{
	while (r->p < r->end && *r->p != '"') {
		if (at_eol(r)) {
			read_line_end(r, value);
			continue;
		}
		if (*r->p == '\\') {
			read_escape(r, value);
			continue;
		}
		if (*r->p == '$')
			rel_env_fault(r, r->p, "'$' in a double-quoted value",
				"write \\$, or " IN_SINGLE, "='…'");
		if (*r->p == '`')
			rel_env_fault(r, r->p, "'`' in a double-quoted value",
				"write \\`, or " IN_SINGLE, "='…'");
		rel_buf_addc(value, *r->p++);
	}
}

/* Behind a closing quote there may be blanks, and then a comment. */
static void check_after_quote(struct rel_env_reader *r, size_t opened)
{
	const char *begin = r->p;
	struct rel_env_fault *f;

	skip_blanks(r);
	if (at_eol(r) || (*r->p == '#' && r->p > begin))
		return;
	if (*r->p == '#')
		f = rel_env_fault(r, r->p, "'#' right after a closing quote",
			"put a space before the comment", "='…' # …");
	else
		f = rel_env_fault(r, r->p, "text after a closing quote",
			"put the whole value in one pair of quotes", "='…'");
	if (opened != r->line)
		f->see = opened;
}

static void read_quoted(struct rel_env_reader *r, struct rel_buf *value)
{
	const struct rel_env_reader before = *r;
	char quote = *r->p++;

	if (quote == '"')
		read_double(r, value);
	else
		read_single(r, value);
	if (r->p < r->end) {
		r->p++;
		check_after_quote(r, before.line);
		return;
	}

	/*
	 * What follows the open quote may be value or not, so it is told
	 * alone, and no line after it is read. Behind an unusable name it may
	 * be no quote at all: then reading goes on with the next line.
	 */
	r->p = before.p;
	r->bol = before.bol;
	r->line = before.line;
	r->faults.n = before.faults.n;
	if (!r->name)
		return;
	rel_env_fault(r, r->p, "a quote that is not closed",
		quote == '"' ? "end the value with a double quote"
			     : "end the value with a single quote",
		quote == '"' ? "=\"…\"" : "='…'");
	r->p = r->end;
}

void rel_env_read_value(struct rel_env_reader *r, struct rel_buf *value)
{
	if (!at_eol(r) && (*r->p == '"' || *r->p == '\''))
		read_quoted(r, value);
	else if (r->name)
		read_bare(r, value);
}
