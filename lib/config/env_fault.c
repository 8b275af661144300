/* SPDX-License-Identifier: Apache-2.0 */
#include "config/env_reader.h"

#include "base/buf.h"
#include "config/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FAULTS 20u /* lines that are told; the rest is counted */

/* With these all of them find room in an error's context. */
#define MAX_LABEL 80u
#define MAX_STARS 60u /* a caret further right helps nobody */

static int by_place(const void *a, const void *b)
{
	const struct rel_env_fault *f = a, *g = b;

	if (f->line != g->line)
		return f->line < g->line ? -1 : 1;
	if (f->column != g->column)
		return f->column < g->column ? -1 : 1;
	return f->order < g->order ? -1 : f->order > g->order;
}

/* One fault a line, in the file's order. */
static void tidy(struct rel_env_faults *faults)
{
	size_t kept = 0;

	for (size_t i = 0; i < faults->n; i++)
		faults->v[i].order = i;
	qsort(faults->v, faults->n, sizeof(*faults->v), by_place);
	for (size_t i = 0; i < faults->n; i++)
		if (kept == 0 || faults->v[i].line != faults->v[kept - 1].line)
			faults->v[kept++] = faults->v[i];
	faults->n = kept;
}

/* The end of a long name tells more than its beginning. */
static void add_label(struct rel_buf *out, const char *label)
{
	struct rel_buf all = REL_BUF_INIT;
	const char *s;

	rel_buf_add_escaped(&all, label, strlen(label));
	s = rel_buf_str(&all);
	if (all.len > MAX_LABEL) {
		rel_buf_adds(out, "…");
		s += all.len - MAX_LABEL;
	}
	rel_buf_adds(out, s);
	rel_buf_free(&all);
}

static void add_fault(
	struct rel_buf *out, const char *label, const struct rel_env_fault *f)
{
	rel_buf_addf(out, "%s:%zu:%zu: %s", label, f->line, f->column, f->what);
	if (f->see)
		rel_buf_addf(out, ", see line %zu", f->see);
}

/*
 * The line with nothing but its name, and a star for each byte of the value
 * before the column. A line without a valid name is not shown at all: what
 * stands there may be a part of a value that lost its quotes.
 */
static void add_source(struct rel_buf *out, const struct rel_env_fault *f)
{
	size_t margin, stars = f->column - 1, shown = 0;

	if (!f->name && !f->continued)
		return;
	rel_text_add_margin(out, f->line);
	margin = out->len;
	if (!f->continued) {
		rel_buf_add(out, f->name, f->name_n);
		rel_buf_addc(out, '=');
		shown = f->name_n + 1;
		stars = stars > shown ? stars - shown : 0;
		shown = stars ? shown : f->column - 1;
	}
	for (size_t i = 0; i < stars && i < MAX_STARS; i++)
		rel_buf_addc(out, '*');
	if (stars > MAX_STARS) {
		rel_buf_adds(out, "…");
		stars = MAX_STARS + 1;
	}
	rel_buf_addc(out, '\n');
	rel_text_add_caret(out, margin, shown + stars);
}

static void add_hint(struct rel_err *err, const struct rel_env_fault *f)
{
	if (!f->hint)
		return;
	if (!f->form)
		rel_hint(err, "%s", f->hint);
	else if (f->name)
		rel_hint(err, "%s: %.*s%s", f->hint, (int)f->name_n, f->name,
			f->form);
	else
		rel_hint(err, "%s: NAME%s", f->hint, f->form);
}

int rel_env_report(
	const char *label, struct rel_env_faults *faults, struct rel_err *err)
{
	struct rel_buf name = REL_BUF_INIT, text = REL_BUF_INIT;
	const struct rel_env_fault *f;
	size_t told = 1;

	tidy(faults);
	f = &faults->v[0];
	add_label(&name, label);

	add_fault(&text, rel_buf_str(&name), f);
	rel_fail(err, REL_EINVALID, "config is not valid: %s", text.p);
	snprintf(err->file, sizeof(err->file), "%s", rel_buf_str(&name));
	err->line = (unsigned)f->line;
	err->column = (unsigned)f->column;
	add_hint(err, f);

	rel_buf_reset(&text);
	add_source(&text, f);
	for (; told < faults->n && told < MAX_FAULTS; told++) {
		add_fault(&text, rel_buf_str(&name), &faults->v[told]);
		rel_buf_addc(&text, '\n');
	}
	if (told < faults->n)
		rel_buf_addf(&text, "and %zu more\n", faults->n - told);
	snprintf(err->context, sizeof(err->context), "%s", rel_buf_str(&text));

	rel_buf_free(&name);
	rel_buf_free(&text);
	return -REL_EINVALID;
}
