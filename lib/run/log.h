/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/run/log.h - the output of the instances as lines of one stream: text
 * (foreman's look), json (ECS), raw. Stage run. docs/man/relctl-run.1.
 */
#ifndef REL_RUN_LOG_H
#define REL_RUN_LOG_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum rel_log_format {
	REL_LOG_TEXT,
	REL_LOG_JSON,
	REL_LOG_RAW,
};

struct rel_log { /* borrowed texts */
	enum rel_log_format format;
	bool color;
	int name_width;	 /* of the longest name: "worker.10" */
	const char *app; /* service.name */
};

enum rel_stream {
	REL_STREAM_OUT,
	REL_STREAM_ERR,
};

/* Where a line comes from. */
struct rel_log_source {
	const char *ps; /* "web.1"; "system" for the supervisor's own */
	int64_t release;
	pid_t pid; /* 0: none */
	enum rel_stream stream;
	unsigned color; /* index of the type in the Procfile */
};

#define REL_LOG_LINE 65536u /* longer ones are split, and marked */

/*
 * The unfinished line of one stream. { 0 } before, rel_lines_done after.
 * Memory: what is unfinished, at most REL_LOG_LINE and a CR.
 */
struct rel_lines {
	struct rel_buf rest;
	unsigned part; /* of a line that is being split; 0: it is not */
};
void rel_lines_done(struct rel_lines *l);

/*
 * Feed what was read; whole lines, formatted, are added to ${out}: at worst
 * some 300 bytes for each byte (empty lines in json), so read 8 KiB at a time.
 * Each line is one run of bytes that ends in LF; *ret_lines (may be NULL) is
 * how many were added. A CR before the LF is dropped in text and json.
 *
 * A line that was split (never within a character) has event.part 1, 2, … in
 * json, and in text " …" at the end of all parts but the last and "… " at the
 * beginning of all but the first.
 *
 * text: NUL and other control characters, and what is not UTF-8, are shown as
 * \xNN (but for tab and colours, ESC [ … m).
 *
 * json: invalid UTF-8 becomes U+FFFD, with "log.lossy":true. A whole line that
 * is a JSON object (RFC 8259; at most 128 deep, and no half of a surrogate
 * pair, at which readers end) is kept byte for byte, and
 * before its closing brace it gets the keys that it does not have; a key is
 * there however it is spelled, {"log.level":…} or {"log":{"level":…}}. A key
 * that most loggers call by a short name takes its text: log.level from
 * "level", message from "msg"; when that is no text (as pino's "level":30) the
 * key is left out, as it would contradict. Otherwise log.level is "info" and
 * the message of an object is "". All else is an ordinary line.
 *
 * raw: as it is. A line over REL_LOG_LINE is passed on in pieces without LF,
 * so that lines of others may come between; it counts when it ends.
 */
void rel_lines_feed(struct rel_lines *l, const struct rel_log *log,
	const struct rel_log_source *src, int64_t now_ms, const char *p,
	size_t n, struct rel_buf *out, size_t *ret_lines);

/* The stream has ended: what is left is a line, too (and gets its LF). ${l} is
 * done then. */
void rel_lines_end(struct rel_lines *l, const struct rel_log *log,
	const struct rel_log_source *src, int64_t now_ms, struct rel_buf *out,
	size_t *ret_lines);

/*
 * An event of the supervisor itself. text: foreman's words under the name
 * `system` (or the instance's, if ${src} names one: "web.1 | started with pid
 * 4711"); json: event.dataset "relctl", event.action ${action}
 * ("process-started"), message ${text} and, when ${status} >= 0,
 * process.exit_code; raw: nothing.
 */
void rel_log_event(const struct rel_log *log, const struct rel_log_source *src,
	int64_t now_ms, const char *level, const char *action, int status,
	const char *text, struct rel_buf *out);

#endif
