/* SPDX-License-Identifier: Apache-2.0 */
/* cmd/plan_out.h - a plan as people and programs read it. */
#ifndef RELCTL_PLAN_OUT_H
#define RELCTL_PLAN_OUT_H

#include "cmd.h"
#include "release/plan.h"

/* The lines that say what changes; on stdout for --dry-run, else stderr. */
void plan_print(const struct ctx *cx, const struct rel_plan *p, bool dry_run);

/* The same as JSON fields: app, from, to, code, config, processes. */
struct json_t *plan_json(const struct rel_plan *p);

#endif
