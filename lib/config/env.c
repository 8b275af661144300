/* SPDX-License-Identifier: Apache-2.0 */
#include "config/env.h"

#include "base/mem.h"
#include "base/vec.h"
#include "config/env_reader.h"
#include "config/text.h"

#include <stdlib.h>
#include <string.h>

struct item { /* one NAME=value */
	struct rel_var var;
	const char *place; /* of the name, at the beginning of its line */
	size_t line, size;
};

struct items {
	struct item *v;
	size_t n, cap;
};

void rel_env_next_line(struct rel_env_reader *r)
{
	r->p = rel_text_next(rel_text_eol(r->p, r->end), r->end);
	r->bol = r->p;
	r->line++;
}

struct rel_env_fault *rel_env_fault(struct rel_env_reader *r, const char *at,
	const char *what, const char *hint, const char *form)
{
	struct rel_env_fault *f;

	rel_vec_more(&r->faults);
	f = &r->faults.v[r->faults.n - 1];
	*f = (struct rel_env_fault){
		.line = r->line,
		.column = (size_t)(at - r->bol) + 1,
		.what = what,
		.hint = hint,
		.form = form,
		.name = r->name,
		.name_n = r->name_n,
		.continued = r->name && r->line != r->name_line,
	};
	return f;
}

/* Bytes that no line may have, in a value, a comment or elsewhere. */
static void check_bytes(struct rel_env_reader r, struct rel_env_faults *faults)
{
	const char *what;

	while (r.p < r.end) {
		const char *eol = rel_text_eol(r.p, r.end);
		const char *bad = rel_text_bad_byte(r.p, eol, &what);

		if (bad)
			rel_env_fault(&r, bad, what,
				"the file must be UTF-8 text whose lines end "
				"with LF or CR LF",
				NULL);
		rel_env_next_line(&r);
	}
	*faults = r.faults;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_name_byte(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
	       is_digit(c);
}

/*
 * No valid name begins this line, so nothing of it is shown, not even in the
 * hint. A quoted value is read for its end all the same: what it holds are no
 * lines of the file.
 */
static void skip_unnamed(struct rel_env_reader *r)
{
	struct rel_buf value = REL_BUF_INIT;
	const char *eol = rel_text_eol(r->p, r->end);

	while (r->p < eol && !strchr("='\"", *r->p))
		r->p++;
	if (r->p == eol || *r->p != '=')
		return;
	do
		r->p++;
	while (r->p < eol && rel_env_is_blank(*r->p));
	rel_env_read_value(r, &value);
	rel_buf_wipe(&value);
}

static void unnamed(struct rel_env_reader *r, const char *at, const char *what,
	const char *hint, const char *form)
{
	rel_env_fault(r, at, what, hint, form);
	skip_unnamed(r);
}

static bool is_blank_before_equals(const char *p, const char *end)
{
	const char *begin = p;

	while (p < end && rel_env_is_blank(*p))
		p++;
	return p > begin && p < end && *p == '=';
}

/* Read NAME and '='. False: there is no usable name, the line is skipped. */
static bool read_name(struct rel_env_reader *r)
{
	static const char line_form[] =
		"write each line as NAME='…', or begin it with '#'";
	const char *begin = r->p, *p = begin;
	size_t n;

	while (p < r->end && is_name_byte(*p))
		p++;
	n = (size_t)(p - begin);

	if (rel_env_is_blank(*begin)) {
		unnamed(r, begin, "blank space before a name",
			"begin the line with the name", "='…'");
	} else if (is_digit(*begin)) {
		unnamed(r, begin, "a name that begins with a digit",
			"begin the name with a letter or '_'", NULL);
	} else if (n == 6 && memcmp(begin, "export", n) == 0 && p < r->end &&
		   rel_env_is_blank(*p)) {
		unnamed(r, begin, "'export' before a name",
			"leave 'export' out", "='…'");
	} else if (n > 0 && is_blank_before_equals(p, r->end)) {
		unnamed(r, p, "blank space after a name",
			"put no blank space around the '='", "='…'");
	} else if (rel_text_at_eol(p, r->end) || rel_env_is_blank(*p)) {
		unnamed(r, p, "no '=' after a name", line_form, NULL);
	} else if (*p != '=' || n == 0) {
		unnamed(r, p, "a byte that no name has",
			n > 0 ? "a name has only letters, digits and '_'"
			      : line_form,
			NULL);
	} else if (n > REL_MAX_VAR_NAME) {
		unnamed(r, begin + REL_MAX_VAR_NAME,
			"a name of more than 255 bytes", "shorten the name",
			NULL);
	} else {
		r->name = begin;
		r->name_n = n;
		r->name_line = r->line;
		r->p = p + 1;
		return true;
	}
	return false;
}

static void read_variable(struct rel_env_reader *r, struct items *items)
{
	struct rel_buf value = REL_BUF_INIT;
	struct item *item;
	size_t line = r->line;

	if (!read_name(r))
		return;
	rel_env_read_value(r, &value);

	rel_vec_more(items);
	item = &items->v[items->n - 1];
	item->var.name = rel_strndup(r->name, r->name_n);
	item->place = r->name;
	item->line = line;
	item->size = r->name_n + value.len + sizeof("="); /* and its NUL */
	if (r->faults.n > 0)
		rel_buf_wipe(&value); /* nobody will want it */
	item->var.value = rel_buf_take(&value);
}

static void read_lines(struct rel_env_reader *r, struct items *items)
{
	for (; r->p < r->end; rel_env_next_line(r)) {
		const char *p = r->p;

		while (p < r->end && rel_env_is_blank(*p))
			p++;
		r->name = NULL;
		r->name_n = 0;
		if (!rel_text_at_eol(p, r->end) && *p != '#')
			read_variable(r, items);
	}
}

static struct rel_env_fault *fault_of(struct rel_env_reader *r,
	const struct item *item, const char *what, const char *hint)
{
	r->name = r->bol = item->place;
	r->name_n = strlen(item->var.name);
	r->name_line = r->line = item->line;
	return rel_env_fault(r, item->place, what, hint, NULL);
}

/* ${items} are still in the file's order. */
static void check_limits(struct rel_env_reader *r, const struct items *items)
{
	static const char hint[] =
		"keep it in a backing service, or in a file of the artifact";
	size_t total = 0;

	for (size_t i = 0; i < items->n; i++) {
		const struct item *item = &items->v[i];
		struct rel_err ignored;

		if (rel_config_check_name(item->var.name,
			    strlen(item->var.name), &ignored) < 0)
			fault_of(r, item, "a name that relctl sets itself",
				"leave the line out, or choose another name");
		if (item->size > REL_MAX_VAR)
			fault_of(r, item,
				"more than 131,072 bytes of name and value",
				hint);
		if (total <= REL_MAX_CONFIG &&
			total + item->size > REL_MAX_CONFIG)
			fault_of(r, item,
				"more than 1,048,576 bytes of config up to "
				"here",
				hint);
		total += item->size;
	}
}

static int by_name(const void *a, const void *b)
{
	const struct item *i = a, *j = b;
	int r = strcmp(i->var.name, j->var.name);

	return r ? r : i->line < j->line ? -1 : i->line > j->line;
}

/* ${items} are sorted. */
static void check_duplicates(
	struct rel_env_reader *r, const struct items *items)
{
	for (size_t i = 1; i < items->n; i++)
		if (strcmp(items->v[i - 1].var.name, items->v[i].var.name) == 0)
			fault_of(r, &items->v[i], "a name that is set already",
				"leave one of the two lines out")
				->see = items->v[i - 1].line;
}

int rel_env_parse(const char *label, const char *p, size_t n,
	struct rel_config *ret, struct rel_err *err)
{
	struct rel_env_reader r = { .p = p, .end = p + n, .bol = p, .line = 1 };
	REL_AUTO(rel_config_done) struct rel_config found = { 0 };
	struct items items = { 0 };
	int res = 0;

	check_bytes(r, &r.faults);
	if (rel_text_has_bom(p, n)) {
		rel_env_fault(&r, p, "a byte order mark",
			"save the file as UTF-8 without one", NULL);
		r.p += strlen(REL_TEXT_BOM);
	}
	read_lines(&r, &items);
	check_limits(&r, &items);
	if (items.n > 0)
		qsort(items.v, items.n, sizeof(*items.v), by_name);
	check_duplicates(&r, &items);

	for (size_t i = 0; i < items.n; i++)
		rel_vec_push(&found, items.v[i].var);
	if (r.faults.n > 0) {
		res = rel_env_report(label, &r.faults, err);
	} else {
		*ret = found;
		found = (struct rel_config){ 0 };
	}
	rel_vec_free(&r.faults);
	rel_vec_free(&items);
	return res;
}
