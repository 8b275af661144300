/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/run/log_json.h - records: one JSON object a line, with ECS names. The
 * part of log.h that makes json. Stage run.
 */
#ifndef REL_RUN_LOG_JSON_H
#define REL_RUN_LOG_JSON_H

#include "run/log.h"
#include "run/log_scan.h"

/* What all records of one source have in common: ,"key":value for each key,
 * and where each ends. Made once for many lines. */
struct rel_log_frame {
	struct rel_buf text;
	size_t end[REL_KEY_N];
};

/* ${level} and the log's and source's texts are copied; ${stream} is false for
 * what no instance has written. rel_log_frame_done after. */
void rel_log_frame_make(struct rel_log_frame *f, const struct rel_log *log,
	const struct rel_log_source *src, int64_t now_ms, const char *level,
	bool stream);
void rel_log_frame_done(struct rel_log_frame *f);

/* A line of an instance, without its LF; ${part} as event.part, 0: a whole
 * one. */
void rel_log_record_line(const struct rel_log_frame *f, const char *p, size_t n,
	unsigned part, struct rel_buf *out);

void rel_log_record_event(const struct rel_log_frame *f, const char *action,
	int status, const char *text, struct rel_buf *out);

#endif
