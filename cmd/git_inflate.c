/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd/git_inflate.c - what git has deflated, inflated by libdeflate.
 *
 * libgit2 asks zlib for it, and in this program zlib's inflate is this one.
 * Where the whole stream is there, and room for all of its bytes, libdeflate
 * takes half of zlib's time, which was a quarter of a build's. In every other
 * case, a damaged stream among them, it has taken nothing, and zlib's own
 * does it. What comes out is compared with the object's name in any case.
 *
 * Two kinds of damage to a loose object are seen here, as libgit2 1.5 does not
 * see them. One that was cut off would keep it for ever: it takes Z_BUF_ERROR
 * for a wish for more room. One whose head tells fewer bytes than follow would
 * be written behind the room that was made for so many.
 */
#include <ctype.h>
#include <dlfcn.h>
#include <libdeflate.h>
#include <stdbool.h>
#include <string.h>
#include <zlib.h>

/* The room that libgit2 has for a loose object's first bytes. */
#define HEAD 64u

static bool inflate_all(z_streamp z)
{
	struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
	size_t in, out;
	bool done = d && libdeflate_zlib_decompress_ex(d, z->next_in,
				 z->avail_in, z->next_out, z->avail_out, &in,
				 &out) == LIBDEFLATE_SUCCESS;

	libdeflate_free_decompressor(d);
	if (!done)
		return false;
	z->next_in += in;
	z->avail_in -= (uInt)in;
	z->total_in += in;
	z->next_out += out;
	z->avail_out -= (uInt)out;
	z->total_out += out;
	return true;
}

/* Does more follow the head "TYPE SIZE\0" than it tells? */
static bool tells_less(const unsigned char *p, size_t n)
{
	const unsigned char *end = memchr(p, '\0', n), *at = memchr(p, ' ', n);
	size_t follows, size = 0;

	if (!end || !at || at > end)
		return false; /* no head */
	follows = n - (size_t)(end + 1 - p);
	while (++at < end && size < follows) {
		if (!isdigit(*at))
			return true;
		size = 10 * size + (size_t)(*at - '0');
	}
	return size < follows;
}

/* Of the first call, with HEAD bytes of room. The one content in a pack that is
 * read so has a byte less, and is followed by others, or the pack's end. */
static bool is_bad_head(const struct z_stream_s *z)
{
	size_t n = HEAD - z->avail_out;

	return (z->avail_out != 1 || z->avail_in == 0) &&
	       tells_less(z->next_out - n, n);
}

static int damaged(z_streamp z, char *how)
{
	z->msg = how;
	return Z_DATA_ERROR;
}

int inflate(z_streamp z, int flush)
{
	static char cut_off[] = "it ends too early",
		    too_long[] = "it is longer than it says";
	bool fresh = z->total_in == 0 && z->total_out == 0;
	bool is_head = fresh && z->avail_out == HEAD;
	bool no_input = z->avail_in == 0;
	int (*zlibs)(z_streamp, int);
	int r;

	if (fresh && z->avail_out > HEAD && inflate_all(z))
		return Z_STREAM_END;
	*(void **)&zlibs = dlsym(RTLD_NEXT, "inflate");
	r = zlibs ? zlibs(z, flush) : Z_STREAM_ERROR;
	if (r == Z_BUF_ERROR && no_input && z->avail_out > 0)
		return damaged(z, cut_off);
	return is_head && is_bad_head(z) ? damaged(z, too_long) : r;
}
