/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd/ref.h - what the words APP, RELEASE and ARTIFACT of a command line stand
 * for (relctl(1), "Names").
 */
#ifndef RELCTL_REF_H
#define RELCTL_REF_H

#include "base/id.h"
#include "cmd.h"
#include "ledger/ledger.h"

/*
 * The app that a command is about: -a or RELCTL_APP; else the one in the store
 * whose builds came from the repository around; else the only one. ${ret} has
 * room for 41 bytes. Errors: REL_ENOTFOUND (no such app, none at all),
 * REL_EUSAGE (several fit).
 */
int app_find(struct ctx *cx, char *ret, struct rel_err *err) REL_CHECK;

/* The same for `release`: on an empty store the repository directory's name,
 * and -a may name a new one (*ret_new). */
int app_find_or_new(struct ctx *cx, char *ret, bool *ret_new,
	struct rel_err *err) REL_CHECK;

/* Is there an app of this name? */
bool app_exists(struct ctx *cx, const char *name);

/*
 * RELEASE: v12, APP@v12, APP, current; NULL: current. Errors: REL_ENOTFOUND
 * with the nearest numbers, REL_EUSAGE (not a release's form), REL_EREFUSED
 * (nothing is active).
 */
int release_find(struct ctx *cx, const char *word, struct rel_release_row *ret,
	struct rel_err *err) REL_CHECK;

struct artifact_ref {
	struct rel_id id;
	char commit[41]; /* "" where none is known */
};

/*
 * ARTIFACT: sha256: and 7 or more digits, a RELEASE, or a commit name (its
 * newest build; a notice if there is another). Errors: REL_ENOTFOUND,
 * REL_EUSAGE (fits two kinds: both spellings).
 */
int artifact_find(struct ctx *cx, const char *word, struct artifact_ref *ret,
	struct rel_err *err) REL_CHECK;

/* The newest build of a commit by its full name. *ret_found false: none. */
int artifact_of_commit(struct ctx *cx, const char *commit,
	struct artifact_ref *ret, bool *ret_found,
	struct rel_err *err) REL_CHECK;

#endif
