/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/release/rollback.h - back to an earlier release: never a rebuild.
 * Stage release. The rule is ledger/undo.h.
 */
#ifndef REL_RELEASE_ROLLBACK_H
#define REL_RELEASE_ROLLBACK_H

#include "ledger/undo.h"
#include "release/plan.h"

struct rel_back {
	int64_t target;		 /* number; 0: what the undo stack says */
	const char *const *keep; /* names whose current value stays */
	size_t keep_n;
	bool code;	     /* keep the whole current config */
	const char *message; /* or NULL */
};

/*
 * Plan a rollback. ${why}: what rel_plan_begin said of the current config.
 * Errors: REL_EREFUSED (nothing to go back to; the next one cannot be restored
 * any more: the hint names the newest that can), REL_EINVALID (--keep of a name
 * that the current config does not have), REL_ENOTFOUND (no such release).
 */
int rel_rollback_plan(struct rel_plan *p, const struct rel_back *q,
	const struct rel_err *why, struct rel_err *err) REL_CHECK;

#endif
