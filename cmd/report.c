/* SPDX-License-Identifier: Apache-2.0 */
#include "out.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

int failure_status(const struct ctx *cx, const struct rel_err *err)
{
	return cx->fail_status ? cx->fail_status : exit_status(err->code);
}

static struct json_t *text_or_null(const char *s)
{
	return rel_json_text(*s ? s : NULL);
}

static struct json_t *number_or_null(unsigned n)
{
	return n ? rel_json_number(n) : rel_json_text(NULL);
}

static void report_json(
	const struct ctx *cx, const struct rel_err *err, FILE *to)
{
	struct json_t *e = rel_json_object();

	rel_json_set(e, "code", rel_json_text(exit_word(err->code)));
	rel_json_set(e, "exit", rel_json_number(failure_status(cx, err)));
	rel_json_set(e, "message", rel_json_text(err->msg));
	rel_json_set(e, "file", text_or_null(err->file));
	rel_json_set(e, "line", number_or_null(err->line));
	rel_json_set(e, "column", number_or_null(err->column));
	rel_json_set(e, "hint", text_or_null(err->hint));
	out_json(to, "error", rel_json_set(rel_json_object(), "error", e));
}

/* A word in a colour, as the beginning of a line. */
static void report_line(
	const struct ctx *cx, enum color c, const char *word, const char *text)
{
	char *prefix = rel_printf(
		"%s%s%s ", color_err(cx, c), word, color_err(cx, COLOR_OFF));

	out_line(stderr, prefix, text, false);
	free(prefix);
}

static void report_context(const char *context)
{
	while (*context) {
		size_t n = strcspn(context, "\n");
		char *line = rel_strndup(context, n);

		out_line(stderr, "", line, false);
		free(line);
		context += n + (context[n] == '\n');
	}
}

void report(
	const struct ctx *cx, const struct rel_err *err, bool json_on_stderr)
{
	if (cx->json) {
		report_json(cx, err, json_on_stderr ? stderr : stdout);
		return;
	}
	report_line(cx, COLOR_RED, "error:", err->msg);
	report_context(err->context);
	if (err->hint[0])
		report_line(cx, COLOR_CYAN, "hint:", err->hint);
}
