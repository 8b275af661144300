/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/release/release.h - artifact + config = release. Stage release.
 * Each function fills a plan that rel_plan_begin has begun.
 */
#ifndef REL_RELEASE_RELEASE_H
#define REL_RELEASE_RELEASE_H

#include "release/plan.h"

struct rel_request {
	const struct rel_id *artifact; /* NULL: that of the current release */
	const char *commit;	       /* the artifact's, or "" */
	const struct rel_config *base; /* from env files; NULL: the current's */
	const struct rel_config *set;  /* on top of it */
	const char *const *unset;      /* names, then taken away */
	size_t unset_n;
	bool generate; /* make values for declared secrets without one */
	bool force; /* a new number whatever is the same; another repository */
	bool no_activate;
	const char *message; /* or NULL */
	const char *reason;  /* release, config or promote */
	int64_t of;	     /* promote: FROM's number */
	const char *of_app;  /* promote: FROM */
};

/*
 * Plan a release. ${why}: what rel_plan_begin said of the current config.
 * Errors: REL_EREFUSED (a required variable is missing; an artifact of another
 * repository; no current release to take something from), REL_EINVALID (a name
 * to unset that is not there), REL_ENOTFOUND (the artifact), and the current
 * config's error when it is needed.
 */
int rel_release_plan(struct rel_plan *p, const struct rel_request *q,
	const struct rel_err *why, struct rel_err *err) REL_CHECK;

/* Plan the activation of a release that was never active. Errors:
 * REL_EREFUSED (it was: the hint is the rollback line). */
int rel_activate_plan(struct rel_plan *p, const struct rel_release_row *row,
	struct rel_err *err) REL_CHECK;

/* The committer's time of the newest build of ${artifact} (of ${commit}, where
 * that is one), 315532801 if there is none: the mtime of what is unpacked. */
int rel_build_time(struct rel_home *h, const struct rel_id *artifact,
	const char *commit, int64_t *ret, struct rel_err *err) REL_CHECK;

#endif
