/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/home/spool.h - events on their way to the ledger. Joins store and ledger.
 * Format: docs/formats.md, section 6.
 *
 * `exec` tells what it ran when that has ended: one line at the end of a file,
 * which costs next to nothing. Whoever writes to the ledger next
 * folds the lines into it first, in its own transaction, each exactly once.
 */
#ifndef REL_HOME_SPOOL_H
#define REL_HOME_SPOOL_H

#include "home/home.h"

/*
 * Add an `exec` event of ${app}; ${body} is taken. The line outlives this
 * process, but is not synced: a power cut in the seconds after takes it.
 * Errors: REL_EREFUSED (the spool is full: the ledger is to be written),
 * REL_EBUSY, REL_EIO; what was not written whole is taken back.
 */
int rel_spool_add(struct rel_home *h, const char *app, struct json_t *body,
	struct rel_err *err) REL_CHECK;

/* A spool that is being folded. */
struct rel_spool {
	int fd; /* with its lock; -1: there is nothing to fold */
};
#define REL_SPOOL_NONE                                                         \
	{                                                                      \
		.fd = -1                                                       \
	}

/*
 * Within a transaction (in the check of rel_ledger_append_all): insert what is
 * not in the ledger yet. Lines that cannot be read are left out, with a notice.
 * A spool that cannot be had now is no error: the next one folds it. Errors:
 * rel_ledger_insert's.
 */
int rel_spool_fold(struct rel_home *h, struct rel_spool *s,
	struct rel_ledger *l, struct rel_err *err) REL_CHECK;

/* After the transaction: empty the spool if it was committed, and let go. */
void rel_spool_done(struct rel_spool *s, bool committed);

/* How many events wait, and is each line of the file whole? Errors:
 * REL_EINTEGRITY (its line), REL_EIO. */
int rel_spool_check(struct rel_home *h, uint64_t *ret_waiting,
	struct rel_err *err) REL_CHECK;

#endif
