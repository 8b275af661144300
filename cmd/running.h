/* SPDX-License-Identifier: Apache-2.0 */
/* cmd/running.h - a word about processes that a switch leaves behind. */
#ifndef RELCTL_RUNNING_H
#define RELCTL_RUNNING_H

#include "cmd.h"
#include "release/plan.h"

/* After an activation: processes of another release that still run, with their
 * pids, because nothing switches them. */
void running_warn(const struct ctx *cx, const struct rel_plan *p);

#endif
