/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/pack/reader.h - a tar of profile 1 as entries. Mechanism.
 *
 * It knows no other tar: an entry is taken only if our own emitter makes the
 * very bytes of its headers, its padding is zero, and the end is two blocks of
 * zeros and nothing behind them.
 */
#ifndef REL_PACK_READER_H
#define REL_PACK_READER_H

#include "base/entry.h"
#include "base/err.h"
#include "base/id.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Gives the next bytes of the tar, *ret_n 0 at the end; valid until the next
 * call. */
typedef int rel_tar_source(
	void *arg, const void **ret_p, size_t *ret_n, struct rel_err *err);

struct rel_reader;

/* ${flaw}: the code of every error that the tar's bytes are to blame for:
 * REL_EINVALID for input, REL_EINTEGRITY for what the store holds. */
int rel_reader_open(rel_tar_source *source, void *arg, enum rel_code flaw,
	struct rel_reader **ret, struct rel_err *err) REL_CHECK;

/* What is read is a run of whole members out of the middle of an artifact: the
 * rules that look at the entries before (order, parents) are left out, and the
 * end of the tar may be there or not. */
void rel_reader_fragment(struct rel_reader *r);

/* Was the end of the tar there? To be asked where rel_reader_next has no more:
 * of the fragments of an artifact the last one alone has it. */
bool rel_reader_ended(const struct rel_reader *r);

/* The next entry, valid until the next call; what is left of the content of
 * the one before is skipped. *ret_offset (may be NULL): where its headers begin
 * in the tar. *ret_more is false at the end. */
int rel_reader_next(struct rel_reader *r, struct rel_entry *ret,
	uint64_t *ret_offset, bool *ret_more, struct rel_err *err) REL_CHECK;

/* Some bytes of the entry's content, *ret_n 0 at its end. */
int rel_reader_data(struct rel_reader *r, const void **ret_p, size_t *ret_n,
	struct rel_err *err) REL_CHECK;

/* SHA-256 of the entry's content, or of a link's target; of nothing for a
 * directory.
 * Errors: rel_reader_data's. */
int rel_reader_digest(struct rel_reader *r, const struct rel_entry *e,
	struct rel_id *ret, struct rel_err *err) REL_CHECK;

void rel_reader_closep(struct rel_reader **r);

#endif
