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

/*
 * Start ${argv} in ${box} with the environment of ${facts} (home is set here),
 * and wait. With REL_ISOLATION_AUTO the best level that works; which one that
 * was is in the box then, and why no better is a notice. Errors: those of
 * rel_process_run. The ledger must not be open.
 */
int launch_at_level(struct ctx *cx, struct box *box,
	const struct rel_strings *argv, struct rel_process_facts *facts,
	struct rel_process_end *end, struct rel_err *err) REL_CHECK;

#endif
