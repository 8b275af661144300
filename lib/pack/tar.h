/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/pack/tar.h - the headers of tar profile 1 (docs/formats.md, section 1).
 * Mechanism. Ours, not libarchive's: the bytes are the identity of an artifact
 * and must outlive every library's fixes. POSIX.1-2017, pax, "ustar".
 */
#ifndef REL_PACK_TAR_H
#define REL_PACK_TAR_H

#include "base/buf.h"
#include "base/entry.h"

#define REL_TAR_BLOCK 512u
#define REL_TAR_TYPE_AT 156	/* where the typeflag stands in a header */
#define REL_TAR_MTIME 315532801 /* 1980-01-01T00:00:01Z */

/* The fields of the header block, at their offsets. */
struct rel_tar_fields {
	char name[100];
	char mode[8];
	char uid[8], gid[8];
	char size[12];
	char mtime[12];
	char chksum[8];
	char typeflag;
	char linkname[100];
	char magic[8]; /* "ustar" NUL "00" */
	char uname[32], gname[32];
	char devmajor[8], devminor[8];
	char rest[167];
};

/* Zero bytes that follow ${size} bytes of content. */
static inline size_t rel_tar_padding(uint64_t size)
{
	return (size_t)(-size & (REL_TAR_BLOCK - 1));
}

/* The path as in the tar (a directory's with its slash) added to ${out}. */
void rel_tar_path(const struct rel_entry *e, struct rel_buf *out);

/* The header of an entry, with a pax header before it where the path or the
 * target needs one: 512, or 1,536 and more bytes, added to ${out}. */
void rel_tar_header(const struct rel_entry *e, struct rel_buf *out);

#endif
