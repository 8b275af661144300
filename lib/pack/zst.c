/* SPDX-License-Identifier: Apache-2.0 */
#include "pack/zst.h"

#include "base/mem.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#define LEVEL 3

struct rel_zst {
	ZSTD_CCtx *pack;
	ZSTD_DCtx *unpack;
};

struct rel_zst *rel_zst_new(void)
{
	struct rel_zst *z = rel_alloc(sizeof(*z));

	z->pack = ZSTD_createCCtx();
	z->unpack = ZSTD_createDCtx();
	if (!z->pack || !z->unpack)
		abort();
	ZSTD_CCtx_setParameter(z->pack, ZSTD_c_compressionLevel, LEVEL);
	ZSTD_CCtx_setParameter(z->pack, ZSTD_c_checksumFlag, 1);
	return z;
}

void rel_zst_freep(struct rel_zst **z)
{
	if (!*z)
		return;
	ZSTD_freeCCtx((*z)->pack);
	ZSTD_freeDCtx((*z)->unpack);
	free(*z);
	*z = NULL;
}

void rel_zst_pack(
	struct rel_zst *z, const void *p, size_t n, struct rel_buf *out)
{
	size_t bound = ZSTD_compressBound(n);
	char *to = rel_buf_room(out, bound);
	size_t done = ZSTD_compress2(z->pack, to, bound, p, n);

	/* With that much room only memory can be missing. */
	if (ZSTD_isError(done))
		abort();
	out->len += done;
	out->p[out->len] = '\0';
}

int rel_zst_unpack(struct rel_zst *z, const void *p, size_t n, size_t limit,
	struct rel_buf *out, struct rel_err *err)
{
	unsigned long long size = ZSTD_getFrameContentSize(p, n);
	size_t frame = ZSTD_findFrameCompressedSize(p, n);
	size_t done;
	char *to;

	if (size == ZSTD_CONTENTSIZE_UNKNOWN ||
		size == ZSTD_CONTENTSIZE_ERROR || size > limit)
		return rel_fail(err, REL_EINTEGRITY,
			"not a zstd frame of at most %zu bytes", limit);
	if (ZSTD_isError(frame) || frame != n)
		return rel_fail(err, REL_EINTEGRITY, "not one zstd frame");
	to = rel_buf_room(out, size);
	done = ZSTD_decompressDCtx(z->unpack, to, size, p, n);
	if (ZSTD_isError(done) || done != size)
		return rel_fail(err, REL_EINTEGRITY, "a damaged zstd frame");
	out->len += done;
	out->p[out->len] = '\0';
	return 0;
}

struct rel_stream {
	int fd;
	bool started, zstd, inside; /* inside a frame: the end would cut it */
	ZSTD_DStream *unpack;
	ZSTD_inBuffer in;
	char *raw, *out;
	size_t raw_size, out_size;
};

void rel_stream_open(int fd, struct rel_stream **ret)
{
	struct rel_stream *s = rel_alloc(sizeof(*s));

	s->fd = fd;
	s->raw_size = ZSTD_DStreamInSize();
	s->out_size = ZSTD_DStreamOutSize();
	s->raw = rel_alloc(s->raw_size);
	s->in.src = s->raw;
	*ret = s;
}

void rel_stream_closep(struct rel_stream **s)
{
	if (!*s)
		return;
	ZSTD_freeDStream((*s)->unpack);
	free((*s)->raw);
	free((*s)->out);
	free(*s);
	*s = NULL;
}

/* Fill the raw buffer as far as the file goes; short reads are joined. */
static int refill(struct rel_stream *s, struct rel_err *err)
{
	size_t have = 0;

	while (have < s->raw_size) {
		ssize_t n = read(s->fd, s->raw + have, s->raw_size - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return rel_fail_os(err, "read");
		if (n == 0)
			break;
		have += (size_t)n;
	}
	s->in.size = have;
	s->in.pos = 0;
	return 0;
}

static void start(struct rel_stream *s)
{
	static const unsigned char magic[4] = { 0x28, 0xb5, 0x2f, 0xfd };

	s->started = true;
	s->zstd = s->in.size >= 4 && memcmp(s->raw, magic, 4) == 0;
	if (!s->zstd)
		return;
	s->out = rel_alloc(s->out_size);
	s->unpack = ZSTD_createDStream();
	if (!s->unpack)
		abort();
}

int rel_stream_next(struct rel_stream *s, const void **ret_p, size_t *ret_n,
	struct rel_err *err)
{
	for (;;) {
		ZSTD_outBuffer out = { s->out, s->out_size, 0 };
		size_t left;

		if (s->in.pos == s->in.size) {
			int r = refill(s, err);

			if (r < 0)
				return r;
			if (!s->started)
				start(s);
			out = (ZSTD_outBuffer){ s->out, s->out_size, 0 };
		}
		if (!s->zstd) {
			*ret_p = s->raw;
			*ret_n = s->in.size;
			s->in.pos = s->in.size;
			return 0;
		}
		if (s->in.size == 0) {
			if (s->inside)
				return rel_fail(err, REL_EINVALID,
					"the zstd stream is cut off");
			*ret_n = 0;
			return 0;
		}
		left = ZSTD_decompressStream(s->unpack, &out, &s->in);
		if (ZSTD_isError(left))
			return rel_fail(err, REL_EINVALID,
				"not a zstd stream: %s",
				ZSTD_getErrorName(left));
		s->inside = left != 0;
		if (out.pos > 0) {
			*ret_p = s->out;
			*ret_n = out.pos;
			return 0;
		}
	}
}
