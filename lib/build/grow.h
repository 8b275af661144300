/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/build/grow.h - an artifact that grows out of an earlier one: the two git
 * trees are compared, and what is the same in both is taken over as chunks, so
 * that only what changed is read and packed. The bytes, and with them the ID,
 * are those of a build from nothing. Stage build.
 *
 * A *segment* is a chunk that begins with the header of a member, and the data
 * chunks behind it. Where a segment is cut depends on what is in it, and on the
 * size of the member after it (formats.md, section 2): so a segment may be
 * taken over if nothing in it changed, nor the first member of the next, and if
 * the new tar has a cut where it begins.
 */
#ifndef REL_BUILD_GROW_H
#define REL_BUILD_GROW_H

#include "build/entries.h"

struct rel_soil { /* { 0 } before; rel_soil_done after */
	struct rel_artifact artifact;
	char tree[41]; /* the git tree that it was built from, hex */
};
void rel_soil_done(struct rel_soil *s); /* for REL_AUTO too */

/*
 * Something to grow from: of the newest builds with the same ${options}
 * (canonical JSON) the first whose tree is in this repository, and whose record
 * is there and knows where its chunks begin. *ret_found is false when there is
 * none. Errors: the ledger's.
 */
int rel_soil_find(struct rel_home *h, struct rel_git *g, const char *options,
	struct rel_soil *ret, bool *ret_found, struct rel_err *err) REL_CHECK;

/*
 * All entries of ${tree} into the maker of ${s}, most of them as chunks of
 * ${soil}. Whatever fails here, a build from nothing may still succeed, or say
 * better what is wrong. Errors: rel_git_descend's, rel_entries_range's,
 * rel_pack_keep's.
 */
int rel_grow_from(struct rel_entries *s, const struct rel_soil *soil,
	const char *tree, struct rel_err *err) REL_CHECK;

#endif
