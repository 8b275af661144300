/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/run/sink.h - where the lines go: relctl's stdout, which may stall.
 * Stage run.
 *
 * It never waits: a pipe or terminal is opened again for itself without
 * blocking (so that others who share it notice nothing), a socket is sent to
 * with MSG_DONTWAIT, a file does not stall. When more than its room is pending
 * it is full: with ${drop} lines are dropped and counted, and the count is
 * logged when there is room again; otherwise the supervisor stops reading.
 * Where there is nobody to wait for (a full disk) what is pending is dropped
 * and counted in both cases.
 */
#ifndef REL_RUN_SINK_H
#define REL_RUN_SINK_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REL_SINK_ROOM (1u << 20)

struct rel_sink;

/* ${fd} is borrowed. Errors: REL_EIO. */
int rel_sink_open(int fd, bool drop, struct rel_sink **ret,
	struct rel_err *err) REL_CHECK;
void rel_sink_closep(struct rel_sink **s);

/*
 * Take ${n} bytes, whole lines; ${lines} of them. Each line is within one write
 * where it is not longer than PIPE_BUF, and whatever its length nothing comes
 * between its parts. Never fails.
 *
 * Bytes without LF at the end (raw, a line that is too long) begin a line that
 * the next bytes go on with. With ${drop} either can be too much: then the line
 * ends where it is, or is skipped to its end, and counts as dropped.
 */
void rel_sink_put(struct rel_sink *s, const void *p, size_t n, size_t lines);

/* Is it full, so that nothing more should be read? Never with ${drop}. */
bool rel_sink_full(const struct rel_sink *s);

/* For ppoll: the fd to wait on for POLLOUT, or -1 when nothing is pending. */
int rel_sink_fd(const struct rel_sink *s);

/* Write what can be written. A reader that is gone (EPIPE, EIO) takes all: what
 * comes is thrown away, and *ret_gone is true once. No SIGPIPE comes of it. */
void rel_sink_flush(struct rel_sink *s, bool *ret_gone);

/* How many lines were dropped since the last call; 0 until there is room again
 * (half of it), so that a line that tells it is not dropped itself. */
uint64_t rel_sink_dropped(struct rel_sink *s);

/* How many bytes were written, in all: does the reader still read? */
uint64_t rel_sink_written(const struct rel_sink *s);

#endif
