/* SPDX-License-Identifier: Apache-2.0 */
/* cmd/launch.h - one process of a release, for `run --once` and `exec`. */
#ifndef RELCTL_LAUNCH_H
#define RELCTL_LAUNCH_H

#include "base/vec.h"
#include "box.h"
#include "cmd.h"
#include "run/process.h"

struct launch {
	const char *release; /* the word, or NULL: current */
	const char *type; /* a process type; NULL: `web`, else the only one */
	char **argv;	  /* exec: the command; NULL: the type's */
	int argc;
	const struct box_args *box;
};

/* Start it, wait for it; the exit status that relctl ends with. */
int launch_run(struct ctx *cx, const struct launch *l, struct rel_err *err);

#endif
