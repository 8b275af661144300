/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd/helper.h - the programs beside relctl: relctl-git alone links libgit2,
 * relctl-import alone libarchive, so that running and rolling back load
 * neither.
 */
#ifndef RELCTL_HELPER_H
#define RELCTL_HELPER_H

#include "base/json.h"
#include "cmd.h"

/* Its path, found from relctl's own: never along PATH. Errors: REL_ENOTFOUND.
 */
int helper_find(const char *name, char *ret, size_t size,
	struct rel_err *err) REL_CHECK;

/* Become it, with the same command line (`build`, `import`). Returns only on
 * failure. */
int helper_exec(struct ctx *cx, const char *name, struct rel_err *err);

/*
 * `relctl-git resolve REV`, or a range A..B: {"commit","tree","committed",
 * "subject","top","origin","commits"?}; the caller frees *ret. Errors: those
 * of the helper, as they came.
 */
int helper_resolve(struct ctx *cx, const char *rev, struct json_t **ret,
	struct rel_err *err) REL_CHECK;

#endif
