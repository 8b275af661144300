/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/base/entry.h - one entry of a tree, and the rules for its path.
 * Floor 0: the common coin of source (git), pack (tar) and store (trees).
 *
 * The rules are those of docs/formats.md, section 1. They hold for a git tree
 * that is built and for an archive that is imported alike.
 */
#ifndef REL_BASE_ENTRY_H
#define REL_BASE_ENTRY_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rel_entry_type {
	REL_FILE,
	REL_DIR,
	REL_LINK,
};

/* Limits of profile 1. Sizes in bytes. */
#define REL_MAX_ENTRIES 1000000u
#define REL_MAX_FILE (UINT64_C(2) << 30)
#define REL_MAX_TOTAL (UINT64_C(16) << 30)
#define REL_MAX_NAME 255u
#define REL_MAX_PATH 4095u
#define REL_MAX_DEPTH 256u
#define REL_MAX_TARGET 4095u

struct rel_entry {
	enum rel_entry_type type;
	bool executable;  /* files only */
	const char *path; /* relative, no slash at the end; NUL-terminated */
	size_t path_len;
	const char *target; /* links only; NUL-terminated */
	size_t target_len;
	uint64_t size; /* files only, bytes */
};

/* Bytes of the well-formed UTF-8 sequence at ${p}, 0 when there is none. */
size_t rel_utf8_sequence(const char *p, size_t n);

/* True for well-formed UTF-8 (RFC 3629: no surrogates, nothing overlong). */
bool rel_utf8_valid(const char *p, size_t n);

/*
 * Check one component of a path: not empty, ".", ".." or ".git" in any case,
 * no '/', NUL or control byte, at most 255 bytes. ${path} is only for the
 * message (the directory it is in, "" at the top). Errors: REL_EINVALID.
 */
int rel_name_check(const char *dir, const char *name, size_t name_len,
	struct rel_err *err) REL_CHECK;

/*
 * Check a whole path: its length, its depth, each component; over 100 bytes
 * (with a directory's slash) it must be UTF-8. Errors: REL_EINVALID.
 */
int rel_path_check(const struct rel_entry *e, struct rel_err *err) REL_CHECK;

/*
 * Check a link's target: not empty, no NUL, at most 4,095 bytes, UTF-8 when
 * over 100. Absolute targets and those that leave the tree lexically are
 * errors unless ${allow_external}; then *ret_external says so.
 * Errors: REL_EINVALID.
 */
int rel_target_check(const struct rel_entry *e, bool allow_external,
	bool *ret_external, struct rel_err *err) REL_CHECK;

/* A name, or a whole path, as it stands in the tar, but for the slash at the
 * end of a directory's. */
struct rel_name {
	const char *p;
	size_t n;
	bool dir; /* it would have one */
};

/* <0, 0, >0: ${a} is before, the same as, after ${b}, bytewise, which is the
 * order of a git tree. Neither holds a NUL. */
int rel_name_order(struct rel_name a, struct rel_name b);

/*
 * The checker that every entry of a tree passes, in order, whether it comes
 * from git or from an archive. It enforces profile 1: the rules above, git's
 * tree order (bytewise, a directory as if it ended in '/'), each directory's
 * entry before its contents, no name twice (also not as a file and as a
 * directory), and the limits.
 *
 * Start with { 0 }; rel_order_done releases what it holds.
 */
struct rel_order {
	char *last; /* the path before this one */
	size_t last_len;
	bool last_is_dir;
	bool passed; /* what came before is not known: rel_order_pass */
	uint64_t entries, total_size;
	/* lengths of the prefixes of last that are files or links */
	size_t *leaf;
	size_t leaf_n, leaf_cap;
};

/* Errors: REL_EINVALID. */
int rel_order_next(struct rel_order *o, const struct rel_entry *e,
	struct rel_err *err) REL_CHECK;

/* ${entries} go by that were checked, with their order, before, and have at
 * most
 * ${size} bytes. What comes next is taken to be in its place. Errors:
 * REL_EINVALID (too many, or too large). */
int rel_order_pass(struct rel_order *o, uint64_t entries, uint64_t size,
	struct rel_err *err) REL_CHECK;
void rel_order_done(struct rel_order *o);

#endif
