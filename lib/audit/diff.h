/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/audit/diff.h - which files differ between two artifacts. Stage audit.
 * Only the chunks in which the two differ are opened.
 */
#ifndef REL_AUDIT_DIFF_H
#define REL_AUDIT_DIFF_H

#include "home/artifact.h"

/* kind: '+' only in ${to}, '-' only in ${from}, '~' in both and different.
 * Sorted by path. Non-zero stops and is passed on. */
typedef int rel_diff_fn(
	void *arg, char kind, const char *path, struct rel_err *err);

/* Errors: rel_artifact_load's, REL_EINTEGRITY. */
int rel_diff_files(struct rel_home *h, const struct rel_id *from,
	const struct rel_id *to, rel_diff_fn *fn, void *arg,
	struct rel_err *err) REL_CHECK;

#endif
