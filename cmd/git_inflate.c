/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd/git_inflate.c - what git has deflated, inflated by libdeflate.
 *
 * libgit2 asks zlib for it, and in this program zlib's inflate is this one.
 * Where the whole stream is there, and room for all of its bytes, libdeflate
 * takes half of zlib's time, which was a quarter of a build's. In every other
 * case, a damaged stream among them, it has changed nothing, and zlib's own
 * does it. What comes out is compared with the object's name in any case.
 */
#include <dlfcn.h>
#include <libdeflate.h>
#include <stdbool.h>
#include <zlib.h>

/* Who has less room wants an object's first bytes, to see its size. */
#define WORTH_IT 64u

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

int inflate(z_streamp z, int flush)
{
	bool fresh = z->total_in == 0 && z->total_out == 0;
	int (*zlibs)(z_streamp, int);

	if (fresh && z->avail_out >= WORTH_IT && inflate_all(z))
		return Z_STREAM_END;
	*(void **)&zlibs = dlsym(RTLD_NEXT, "inflate");
	return zlibs ? zlibs(z, flush) : Z_STREAM_ERROR;
}
