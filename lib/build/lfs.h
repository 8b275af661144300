/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/build/lfs.h - git-lfs pointer files (git-lfs docs/spec.md). Stage build.
 */
#ifndef REL_BUILD_LFS_H
#define REL_BUILD_LFS_H

#include "base/buf.h"
#include "base/entry.h"
#include "base/err.h"

struct rel_lfs_pointer {
	char oid[65]; /* SHA-256 of the content */
	uint64_t size;
};

/* Under 1,024 bytes, and begins with the version line of the spec. */
bool rel_lfs_is_pointer(const char *p, size_t n);

/* Errors: REL_EINVALID (not well-formed; names the path of ${e}). */
int rel_lfs_parse(const struct rel_entry *e, const char *p, size_t n,
	struct rel_lfs_pointer *ret, struct rel_err *err) REL_CHECK;

/* Pointers that no option allows: the first ten paths, all counted. */
struct rel_lfs_found {
	uint64_t n;
	struct rel_buf paths; /* lines, indented */
};
void rel_lfs_note(struct rel_lfs_found *f, const struct rel_entry *e);
void rel_lfs_done(struct rel_lfs_found *f);

/* 0 when there are none, else REL_EINVALID with the paths as context. */
int rel_lfs_refuse(
	const struct rel_lfs_found *f, struct rel_err *err) REL_CHECK;

#endif
