/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd/switch.h - between the preparation of a release and its activation: the
 * release command of the Procfile, and the app that runs.
 */
#ifndef RELCTL_SWITCH_H
#define RELCTL_SWITCH_H

#include "cmd.h"
#include "release/plan.h"

/* Does anything come between the two: a `release:` command (with ${hook}), a
 * supervisor? One that cannot be reached counts: its switch says why. */
bool switch_due(struct ctx *cx, const struct rel_plan *p, bool hook);

/*
 * Run the `release:` command of p->to in the one-off environment, with
 * RELCTL_ACTION ("release"), RELCTL_FROM ("v12", or "") and RELCTL_TO; its
 * output goes to stderr. Nothing if there is none. Errors: REL_ECOMMAND.
 */
int switch_hook(struct ctx *cx, struct rel_plan *p, const char *action,
	int tree_fd, struct rel_err *err) REL_CHECK;

/*
 * If the app runs here, have its supervisor go over to ${side} of ${p}, and
 * wait until it has. Errors: REL_EUNHEALTHY (it did not get ready: the context
 * has the last lines of the instance that failed, and the former one serves),
 * REL_EBUSY (it stops, or is being switched), REL_EIO (the supervisor went
 * away).
 */
int switch_running(struct ctx *cx, struct rel_plan *p,
	const struct rel_side *side, int tree_fd,
	struct rel_err *err) REL_CHECK;

/* Watch what runs for ${seconds}. Errors: REL_EUNHEALTHY. */
int switch_watch(struct ctx *cx, const char *app, int64_t seconds,
	struct rel_err *err) REL_CHECK;

#endif
