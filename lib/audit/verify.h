/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/audit/verify.h - read every byte again. Stage audit.
 */
#ifndef REL_AUDIT_VERIFY_H
#define REL_AUDIT_VERIFY_H

#include "home/artifact.h"

struct rel_verify {
	/* Told each thing that is wrong, one line; the check goes on. */
	void (*problem)(void *arg, const char *text);
	void *arg;
	const struct rel_id *expect_head; /* or NULL */
	/* Out: what was looked at, and how much is wrong. */
	int64_t events;
	uint64_t waiting; /* in the spool, for the ledger */
	uint64_t releases, artifacts, trees, chunks, problems;
	bool no_reserve; /* given up on a full disk, and not made again yet */
	bool no_key; /* sealed configs were only compared with their names */
};

/* One release: ledger, record, config, artifact, tree. Errors: REL_ENOTFOUND
 * (gc has removed its artifact). */
int rel_verify_release(struct rel_home *h, const struct rel_release_row *row,
	struct rel_verify *v, struct rel_err *err) REL_CHECK;

/* The whole store. Both return 0 when they came to the end, whatever they
 * found: v->problems tells. */
int rel_verify_all(struct rel_home *h, struct rel_verify *v,
	struct rel_err *err) REL_CHECK;

#endif
