/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/pack/zst.h - zstd frames (RFC 8878), by libzstd. Mechanism.
 */
#ifndef REL_PACK_ZST_H
#define REL_PACK_ZST_H

#include "base/buf.h"
#include "base/err.h"

#include <stddef.h>

/* Contexts that are worth keeping between frames; of one thread. */
struct rel_zst;
struct rel_zst *rel_zst_new(void);
void rel_zst_freep(struct rel_zst **z);

/* ${n} bytes as one frame (level 3, content size, checksum) added to ${out}. */
void rel_zst_pack(
	struct rel_zst *z, const void *p, size_t n, struct rel_buf *out);

/*
 * One frame and nothing else, whose header says at most ${limit} bytes; the
 * content is added to ${out}. Errors: REL_EINTEGRITY.
 */
int rel_zst_unpack(struct rel_zst *z, const void *p, size_t n, size_t limit,
	struct rel_buf *out, struct rel_err *err) REL_CHECK;

/*
 * A file that holds a tar, plain or in zstd frames (told by its first bytes),
 * read from front to back. next gives some bytes of the tar, 0 at the end;
 * they are valid until the next call. Errors: REL_EINVALID (not a zstd stream,
 * or cut off), REL_EIO.
 */
struct rel_stream;
void rel_stream_open(int fd, struct rel_stream **ret); /* fd is borrowed */
int rel_stream_next(struct rel_stream *s, const void **ret_p, size_t *ret_n,
	struct rel_err *err) REL_CHECK;
void rel_stream_closep(struct rel_stream **s);

#endif
