/* SPDX-License-Identifier: Apache-2.0 */
/* cmd/overrides.h - --grace web=10 and the like: what wins over app.json. */
#ifndef RELCTL_OVERRIDES_H
#define RELCTL_OVERRIDES_H

#include "base/strings.h"
#include "base/vec.h"
#include "opt.h"
#include "run/supervisor.h"

struct overrides { /* { 0 } before; overrides_done after */
	REL_VEC(struct rel_override) all;
	struct rel_strings types; /* that they point at */
};
void overrides_done(struct overrides *o);

/* A type of ${p} that instances can have: known, and no hook. */
int type_check(const struct rel_processes *p, const char *type,
	struct rel_err *err) REL_CHECK;

enum override_kind {
	OVERRIDE_GRACE,
	OVERRIDE_STOP_SIGNAL,
	OVERRIDE_RESTART,
	OVERRIDE_START_TIMEOUT,
};
/* Each use of an option, "[TYPE=]VALUE". Errors: REL_EUSAGE (the value),
 * REL_ENOTFOUND (no such type: the hint lists them). */
int overrides_add(struct overrides *o, enum override_kind kind,
	const struct opt_list *values, const struct rel_processes *p,
	struct rel_err *err) REL_CHECK;

#endif
