/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd/out.h - everything that is printed goes through here.
 * stdout is the result, stderr is the talk. All text that comes from outside
 * has its control bytes escaped on the way.
 */
#ifndef RELCTL_OUT_H
#define RELCTL_OUT_H

#include "base/json.h"
#include "cmd.h"

#include <stdio.h>

/* A line on stderr; nothing with -q. say_hint begins it with "hint: ". */
void say(const struct ctx *cx, const char *fmt, ...) REL_PRINTF(2, 3);
void say_verbose(const struct ctx *cx, const char *fmt, ...) REL_PRINTF(2, 3);

/* A line on stdout. */
void result(const struct ctx *cx, const char *fmt, ...) REL_PRINTF(2, 3);

/* The one JSON document on stdout; adds "schema":"relctl.${noun}/1". Takes
 * ${doc}. */
void result_json(const struct ctx *cx, const char *noun, struct json_t *doc);

/* The error: on stderr as `error:`, context, `hint:`; with --json as
 * relctl.error/1 on stdout (${json_on_stderr}: run and exec). */
void report(const struct ctx *cx, const struct rel_err *err,
	bool json_on_stderr);

/*
 * A table on stdout by libsmartcols: truncated to the terminal, plain when
 * piped. columns: titles; the last may be cut, the others not. Cells are
 * copied. table_print prints and frees; an empty table prints nothing.
 */
struct table;
struct table *table_new(const struct ctx *cx, const char *const titles[],
	size_t columns);
void table_row(struct table *t, const char *const cells[]);
void table_print(struct table *t);

/* "3 min ago", "2 h ago", "5 days ago", "just now"; "1.3 MB"; by value. */
struct text32 {
	char s[32];
};
struct text32 ago(int64_t ms);
struct text32 bytes_text(uint64_t n);

/* The bar on stderr: events.progress of ctx. Shown after half a second, wiped
 * by out_done and before any other line. */
void progress_install(struct ctx *cx);
void out_done(void);

/* Colours for words on stderr/stdout; "" when off. */
enum color {
	COLOR_RED,
	COLOR_GREEN,
	COLOR_YELLOW,
	COLOR_DIM,
	COLOR_BOLD,
	COLOR_OFF,
};
const char *color_out(const struct ctx *cx, enum color c);
const char *color_err(const struct ctx *cx, enum color c);

#endif
