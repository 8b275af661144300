/* SPDX-License-Identifier: Apache-2.0 */
#include "config/procfile.h"

#include "base/entry.h"
#include "base/mem.h"
#include "base/vec.h"
#include "config/text.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define MAX_LINE 65536u
#define MAX_TYPE 63u
#define MAX_PROCESSES 1000u

/* How much of a long line is shown, and how much of that before the caret. */
#define SHOWN 72u
#define SHOWN_BEFORE 48u

static const char form[] = "write each line as TYPE: COMMAND, or begin it with "
			   "'#'";

struct reader {
	const char *bol, *eol; /* the line; a CR before its LF is not in it */
	size_t line;
	bool goes_on; /* the command before it ended with a backslash */
	struct rel_err *err;
};

void rel_processes_done(struct rel_processes *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->v[i].type);
		free(p->v[i].command);
	}
	rel_vec_free(p);
}

const char *rel_processes_command(
	const struct rel_processes *p, const char *type)
{
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->v[i].type, type) == 0)
			return p->v[i].command;
	return NULL;
}

bool rel_process_is_hook(const char *type)
{
	return strcmp(type, "build") == 0 || strcmp(type, "release") == 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_type_byte(char c, bool inside)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c >= '0' && c <= '9') || (inside && (c == '-' || c == '_'));
}

/* How many bytes at ${p} make a TYPE; 0: none do. */
static size_t type_length(const char *p, const char *end)
{
	size_t n = 0;

	while (p + n < end && is_type_byte(p[n], n > 0))
		n++;
	while (n > 0 && !is_type_byte(p[n - 1], false))
		n--;
	return n;
}

/* Add ${n} bytes for a terminal; returns how many columns they take. */
static size_t add_printable(struct rel_buf *out, const char *p, size_t n)
{
	bool utf8 = rel_utf8_valid(p, n);
	size_t columns = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];

		if (c < 0x20 || c == 0x7f || (c >= 0x80 && !utf8)) {
			rel_buf_addf(out, "\\%03o", c);
			columns += 4;
		} else {
			rel_buf_addc(out, p[i]);
			columns += (c & 0xc0) != 0x80;
		}
	}
	return columns;
}

static void add_source(
	const struct reader *r, const char *at, struct rel_buf *out)
{
	const char *from = r->bol, *to = r->eol;
	size_t margin, columns = 0;

	rel_text_add_margin(out, r->line);
	margin = out->len;
	if ((size_t)(at - from) > SHOWN) {
		from = at - SHOWN_BEFORE;
		rel_buf_adds(out, "…");
		columns = 1;
	}
	if ((size_t)(to - from) > SHOWN)
		to = from + SHOWN;
	columns += add_printable(out, from, (size_t)(at - from));
	add_printable(out, at, (size_t)(to - at));
	rel_buf_adds(out, to < r->eol ? "…\n" : "\n");
	rel_text_add_caret(out, margin, columns);
}

/* The line is wrong at ${at}. */
static int fault(const struct reader *r, const char *at, const char *what,
	const char *hint)
{
	struct rel_buf source = REL_BUF_INIT;
	size_t column = (size_t)(at - r->bol) + 1;

	rel_fail(r->err, REL_EINVALID, "Procfile:%zu:%zu: %s", r->line, column,
		what);
	snprintf(r->err->file, sizeof(r->err->file), "Procfile");
	r->err->line = (unsigned)r->line;
	r->err->column = (unsigned)column;
	add_source(r, at, &source);
	snprintf(r->err->context, sizeof(r->err->context), "%s", source.p);
	rel_buf_free(&source);
	return rel_hint(r->err, "%s",
		r->goes_on ? "write the whole command in one line" : hint);
}

static int check_line(const struct reader *r)
{
	const char *what, *bad;

	if ((size_t)(r->eol - r->bol) > MAX_LINE)
		return fault(r, r->bol + MAX_LINE,
			"a line of more than 65,536 bytes",
			"put the command into a script of the artifact");
	bad = rel_text_bad_byte(r->bol, r->eol, &what);
	if (bad)
		return fault(r, bad, what,
			"a Procfile is UTF-8 text whose lines end with LF or "
			"CR LF");
	return 0;
}

static int check_type(const struct reader *r, size_t n)
{
	const char *stop = r->bol + n;

	if (n == 0 && is_blank(*r->bol))
		return fault(r, r->bol, "blank space before a process type",
			"begin the line with the type");
	if (n > MAX_TYPE)
		return fault(r, r->bol + MAX_TYPE,
			"a process type of more than 63 bytes", form);
	if (stop == r->eol)
		return fault(r, stop, "no ':' after a process type", form);
	if (n > 0 && *stop == ':')
		return 0;
	if (n > 0 && is_blank(*stop))
		return fault(r, stop, "blank space after a process type", form);
	return fault(r, stop, "a byte that no process type has",
		n > 0 ? "begin and end a type with a letter or digit, with "
			"'-' and '_' between them"
		      : form);
}

/* As part of the name of a variable they are the same. */
static bool is_alike(const char *a, const char *b)
{
	for (; *a && *b; a++, b++) {
		int x = *a == '-' ? '_' : toupper((unsigned char)*a);
		int y = *b == '-' ? '_' : toupper((unsigned char)*b);

		if (x != y)
			return false;
	}
	return *a == *b;
}

static int read_line(const struct reader *r, struct rel_processes *found)
{
	size_t n = type_length(r->bol, r->eol);
	const char *p = r->bol + n + 1, *end = r->eol;
	struct rel_process *process;
	int res = check_type(r, n);

	if (res < 0)
		return res;
	while (p < end && is_blank(*p))
		p++;
	while (end > p && is_blank(end[-1]))
		end--;
	if (p == end)
		return fault(r, p, "no command after the process type", form);

	if (found->n == MAX_PROCESSES)
		return fault(r, r->bol, "more than 1,000 process types", "");
	rel_vec_more(found);
	process = &found->v[found->n - 1];
	process->type = rel_strndup(r->bol, n);
	process->command = rel_strndup(p, (size_t)(end - p));
	for (size_t i = 0; i + 1 < found->n; i++) {
		if (strcmp(found->v[i].type, process->type) == 0)
			return fault(r, r->bol,
				"a process type that is there already",
				"leave one of the two lines out");
		if (is_alike(found->v[i].type, process->type))
			return fault(r, r->bol,
				"a process type that differs from another one "
				"by case or '-' and '_' alone",
				"give it another name: they would share the "
				"variable RELCTL_PORT_TYPE");
	}
	return 0;
}

int rel_procfile_parse(
	const char *p, size_t n, struct rel_processes *ret, struct rel_err *err)
{
	REL_AUTO(rel_processes_done) struct rel_processes found = { 0 };
	struct reader r = { .err = err };
	const char *end = p + n;

	while (p < end) {
		const char *text = p;
		bool blank;
		int res;

		r.bol = p;
		r.eol = rel_text_eol(p, end);
		r.line++;
		if (r.line == 1 && rel_text_has_bom(p, n))
			return fault(&r, p, "a byte order mark",
				"save the file as UTF-8 without one");
		res = check_line(&r);
		while (text < r.eol && is_blank(*text))
			text++;
		blank = text == r.eol || *text == '#';
		if (res == 0 && !blank)
			res = read_line(&r, &found);
		if (res < 0)
			return res;
		r.goes_on = !blank && r.eol[-1] == '\\';
		p = rel_text_next(r.eol, end);
	}
	*ret = found;
	found = (struct rel_processes){ 0 };
	return 0;
}

struct json_t *rel_processes_to_json(const struct rel_processes *p)
{
	struct json_t *list = rel_json_array();

	for (size_t i = 0; i < p->n; i++) {
		struct json_t *pair = rel_json_array();

		rel_json_push(pair, rel_json_text(p->v[i].type));
		rel_json_push(pair, rel_json_text(p->v[i].command));
		rel_json_push(list, pair);
	}
	return list;
}

/*
 * A pair is of the right form if a Procfile with that line alone reads as just
 * that pair: so there is one grammar.
 */
static int from_pair(const struct json_t *pair, struct rel_processes *found,
	struct rel_err *err)
{
	REL_AUTO(rel_processes_done) struct rel_processes one = { 0 };
	const char *type = rel_json_str(rel_json_at(pair, 0));
	const char *command = rel_json_str(rel_json_at(pair, 1));
	struct rel_buf line = REL_BUF_INIT;
	int r;

	if (!rel_json_is_array(pair) || rel_json_len(pair) != 2 || !type ||
		!command)
		return rel_fail(err, REL_EINTEGRITY,
			"a process is not a pair of type and command");
	rel_buf_addf(&line, "%s:%s", type, command);
	r = rel_procfile_parse(line.p, line.len, &one, err);
	rel_buf_free(&line);
	if (r < 0 || one.n != 1 || strcmp(one.v[0].type, type) != 0 ||
		strcmp(one.v[0].command, command) != 0)
		return rel_fail(err, REL_EINTEGRITY,
			"a process that no Procfile can have");
	if (rel_processes_command(found, type))
		return rel_fail(err, REL_EINTEGRITY,
			"the process type '%s' is there twice", type);
	rel_vec_push(found, one.v[0]);
	one.n = 0;
	return 0;
}

int rel_processes_from_json(
	const struct json_t *j, struct rel_processes *ret, struct rel_err *err)
{
	REL_AUTO(rel_processes_done) struct rel_processes found = { 0 };

	if (!rel_json_is_array(j))
		return rel_fail(
			err, REL_EINTEGRITY, "the processes are not a list");
	for (size_t i = 0; i < rel_json_len(j); i++) {
		int r = from_pair(rel_json_at(j, i), &found, err);

		if (r < 0)
			return r;
	}
	*ret = found;
	found = (struct rel_processes){ 0 };
	return 0;
}
