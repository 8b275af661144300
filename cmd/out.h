/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd/out.h - everything that is printed goes through here.
 * stdout is the result, stderr is the talk. All text that comes from outside
 * has its control bytes escaped on the way.
 */
#ifndef RELCTL_OUT_H
#define RELCTL_OUT_H

#include "base/buf.h"
#include "base/json.h"
#include "cmd.h"

#include <stdio.h>

/* A line on stderr; nothing with -q. say_hint begins it with "hint: ",
 * say_verbose wants -v. */
void say(const struct ctx *cx, const char *fmt, ...) REL_PRINTF(2, 3);
void say_hint(const struct ctx *cx, const char *fmt, ...) REL_PRINTF(2, 3);
void say_verbose(const struct ctx *cx, const char *fmt, ...) REL_PRINTF(2, 3);

/* The library's notices, as "notice: …" lines: events.notice of ctx. */
void out_notice(void *cx, const char *text);

/* A line on stdout; nothing with --json. */
void result(const struct ctx *cx, const char *fmt, ...) REL_PRINTF(2, 3);

/* The one JSON document on stdout; adds "schema":"relctl.${noun}/1". Takes
 * ${doc}. */
void result_json(const struct ctx *cx, const char *noun, struct json_t *doc);

/* The error: on stderr as `error:`, context, `hint:`; with --json as
 * relctl.error/1 on stdout (${json_on_stderr}: run and exec). */
void report(
	const struct ctx *cx, const struct rel_err *err, bool json_on_stderr);

/* The exit status of a failure: cx->fail_status, else the code's. */
int failure_status(const struct ctx *cx, const struct rel_err *err);

/*
 * A table on stdout by libsmartcols: truncated to the terminal, plain when
 * piped. Of the columns, number ${cut} (from 0) may be cut. Cells are copied,
 * NULL is an empty one; no colours in them. table_print prints and frees; an
 * empty table prints nothing, nor does any with --json.
 */
struct table;
struct table *table_new(const struct ctx *cx, const char *const titles[],
	size_t columns, size_t cut);
void table_row(struct table *t, const char *const cells[]);
void table_print(struct table *t);

/* "3 min ago", "2 h ago", "5 days ago", "just now"; "1.3 MB"; by value. */
struct text32 {
	char s[32];
};
struct text32 ago(int64_t ms); /* of a time, in ms since the epoch */
struct text32 bytes_text(uint64_t n);

/* The bar on stderr: events.progress of ctx. Shown after half a second, wiped
 * by out_done and before any other line. One thread calls it. */
void progress_install(struct ctx *cx);
void progress_wipe(void);
void out_done(void);

/* Colours for words in say and result; "" when off. */
enum color {
	COLOR_RED,
	COLOR_GREEN,
	COLOR_YELLOW,
	COLOR_CYAN,
	COLOR_DIM,
	COLOR_BOLD,
	COLOR_OFF,
};
const char *color_out(const struct ctx *cx, enum color c);
const char *color_err(const struct ctx *cx, enum color c);

/*
 * What all of the above is made of. out_clean adds ${s} with control bytes and
 * what is not UTF-8 as \ooo, ${color} lets the codes of enum color through;
 * out_line prints ${prefix} as it is, ${text} cleaned, and a newline;
 * out_json takes ${doc}.
 */
void out_clean(struct rel_buf *b, const char *s, bool color);
void out_line(FILE *to, const char *prefix, const char *text, bool color);
void out_json(FILE *to, const char *noun, struct json_t *doc);

#endif
