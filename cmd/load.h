/* SPDX-License-Identifier: Apache-2.0 */
/* cmd/load.h - a release with all that running it needs, out of the store. */
#ifndef RELCTL_LOAD_H
#define RELCTL_LOAD_H

#include "cmd.h"
#include "home/record.h"
#include "ledger/ledger.h"
#include "run/target.h"

struct loaded { /* { .target.tree_fd = -1 } before; loaded_done after */
	struct rel_release_row row;
	struct rel_target target;
};
void loaded_done(struct loaded *l); /* for REL_AUTO too */

/*
 * ${word}: RELEASE, NULL the current one, by its run plan if the ledger is not
 * open and need not be. Its row has then no more than app, number, commit,
 * artifact and sealed. Its tree is unpacked if it is not
 * there, and its lock is held. One process needs no more than this.
 */
int release_load(struct ctx *cx, const char *word, struct loaded *ret,
	struct rel_err *err) REL_CHECK;

/* What the artifact's record adds for a supervisor: app.json's formation,
 * policies and health checks (and the tree's path where it is not known). */
int target_complete(struct ctx *cx, const struct rel_id *artifact,
	struct rel_target *t, struct rel_err *err) REL_CHECK;

#endif
