/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/home/current.h - the run plan of an app: what it takes to start a process
 * of its current release, in one small file. Joins ledger, store and config.
 * Format: docs/formats.md, section 3.
 *
 * Derived, and without a secret: the ledger is the only truth. The file names
 * the one state of ledger.db that it was derived from, and is believed while
 * the ledger is in that state; otherwise the ledger is asked, as if there were
 * no file.
 */
#ifndef REL_HOME_CURRENT_H
#define REL_HOME_CURRENT_H

#include "config/procfile.h"
#include "home/home.h"

struct rel_current { /* { 0 } before; rel_current_done after */
	int64_t number;
	char *commit; /* hex, or "" */
	struct rel_id artifact, sealed;
	struct rel_id fingerprint; /* of the config */
	struct rel_processes processes;
};
void rel_current_done(struct rel_current *c); /* for REL_AUTO too */

/* False: there is no plan that can be believed now. Else the home also knows
 * what the ledger says of the key. The ledger must not be open. */
bool rel_current_load(
	struct rel_home *h, const char *app, struct rel_current *ret);

/* Derive it from the ledger, which is open, and write it. What stands in the
 * way (nothing is current, a full or read-only disk) is no error: then there is
 * no plan that fits. */
void rel_current_save(struct rel_home *h, const char *app);

#endif
