/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/pack/foreign.h - a tar that comes from elsewhere, as libarchive sees it:
 * tar alone, no filters, anything below ARCHIVE_OK is fatal. Mechanism, in a
 * library of its own, so that only `import` loads libarchive.
 *
 * What libarchive sees is checked entry by entry (types, modes, owners, times,
 * order, paths), and so are the bytes of every header. Whether padding and end
 * are exactly profile 1 too is for the caller to find out: pack the entries
 * again and compare the digests.
 */
#ifndef REL_PACK_FOREIGN_H
#define REL_PACK_FOREIGN_H

#include "pack/reader.h"

struct rel_foreign;

/* Whatever the tar's bytes are to blame for is REL_EINVALID. */
int rel_foreign_open(rel_tar_source *source, void *arg,
	struct rel_foreign **ret, struct rel_err *err) REL_CHECK;

/* As rel_reader_next and rel_reader_data. */
int rel_foreign_next(struct rel_foreign *r, struct rel_entry *ret,
	bool *ret_more, struct rel_err *err) REL_CHECK;
int rel_foreign_data(struct rel_foreign *r, const void **ret_p, size_t *ret_n,
	struct rel_err *err) REL_CHECK;

void rel_foreign_closep(struct rel_foreign **r);

#endif
