/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/base/buf.h - the one growing byte buffer. Floor 0.
 *
 * Starts as REL_BUF_INIT (all zero), is always NUL-terminated once something
 * was added, and is released by rel_buf_free or, when it held the value of a
 * config variable, by rel_buf_wipe. Both leave it ready for use again.
 */
#ifndef REL_BASE_BUF_H
#define REL_BASE_BUF_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct rel_buf {
	char *p; /* NULL until something was added */
	size_t len, cap;
};

#define REL_BUF_INIT                                                           \
	{                                                                      \
		.p = NULL                                                      \
	}

/* Room for ${n} more bytes and the NUL; returns where they go. */
char *rel_buf_room(struct rel_buf *b, size_t n);

void rel_buf_add(struct rel_buf *b, const void *p, size_t n);
void rel_buf_adds(struct rel_buf *b, const char *s);
void rel_buf_addc(struct rel_buf *b, char c);
void rel_buf_addf(struct rel_buf *b, const char *fmt, ...) REL_PRINTF(2, 3);

/* Length 0, memory kept. */
void rel_buf_reset(struct rel_buf *b);
void rel_buf_free(struct rel_buf *b);

/* Overwrite, then free. Growing also wipes what it leaves behind. */
void rel_buf_wipe(struct rel_buf *b);

/* The text, "" when empty; borrowed, valid until the next change. */
const char *rel_buf_str(const struct rel_buf *b);

/* Hand the memory to the caller (who frees it); the buffer is empty then. */
char *rel_buf_take(struct rel_buf *b);

/*
 * Add ${n} bytes in the form of mtree(5): what is outside 0x21-0x7e, and '\',
 * as '\ooo'. The form of every path in JSON and in messages.
 */
void rel_buf_add_escaped(struct rel_buf *b, const void *p, size_t n);

/* The bytes that rel_buf_add_escaped made ${s} from. Errors: REL_EINVALID. */
int rel_buf_add_unescaped(
	struct rel_buf *b, const char *s, struct rel_err *err) REL_CHECK;

#endif
