/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/release/plan.h - what a command that makes or changes the current release
 * is going to do: the object that --dry-run prints. Stage release.
 *
 * release, config, promote, activate and rollback each fill a plan (plan and
 * check); rel_plan_perform acts and marks. The plan holds the app's lock and
 * the store's shared lock from its first look at the ledger to its end.
 */
#ifndef REL_RELEASE_PLAN_H
#define REL_RELEASE_PLAN_H

#include "home/artifact.h"
#include "home/record.h"
#include "home/sealed.h"

/* One side of a plan: a release as it is, or as it will be. */
struct rel_side {
	bool known;	/* false: there is none (a new app) */
	int64_t number; /* 0: not numbered yet */
	struct rel_id content, artifact, sealed;
	char *commit;	 /* hex or "" */
	bool has_record; /* … could be read: */
	struct rel_processes processes;
	bool has_config; /* … could be opened: */
	struct rel_config config;
};

void rel_side_done(struct rel_side *s);

enum rel_plan_kind {
	REL_PLAN_UNCHANGED, /* nothing to do: what is wanted is current */
	REL_PLAN_ACTIVATE,  /* an existing release becomes current */
	REL_PLAN_RELEASE,   /* a new number, then activated if ${activate} */
};

struct rel_plan { /* { .lock_fd = -1 } before; rel_plan_done after */
	struct rel_home *home;
	enum rel_plan_kind kind;
	char app[41];
	bool new_app, activate;
	struct rel_side from, to;
	int64_t next; /* the number that a new release will get */
	struct rel_activation current; /* seq 0: nothing is active */
	int64_t on;		       /* what the new activation stands on */
	const char *reason;	       /* release, config, promote, rollback */
	int64_t of; /* rollback, promote: the release it came from */
	char of_app[41];
	char *message;
	struct rel_buf record; /* the bytes to publish; empty: it is there */
	bool seal;	       /* to.config is to be sealed and published */
	bool recorded;	       /* the release event is in the ledger */
	int64_t mtime_s;       /* for what is unpacked */
	bool same_code;	       /* rollback: only the config differs */
	int64_t other_code; /* … the newest release with other code, or 0 */
	int lock_fd;
};
void rel_plan_done(struct rel_plan *p); /* for REL_AUTO too */
/* Let go of the locks: nothing more is to be done with it but to be read. */
void rel_plan_unlock(struct rel_plan *p);

/* Take the locks and look at what is current. Errors: REL_EBUSY, REL_EIO. A
 * current release whose config cannot be opened is not an error here: then
 * from.has_config is false, and ${ret_why} (may be NULL) says why. */
int rel_plan_begin(struct rel_plan *p, struct rel_home *h, const char *app,
	struct rel_err *ret_why, struct rel_err *err) REL_CHECK;

/* Load one release into a side. Errors: REL_ENOTFOUND, REL_EINTEGRITY,
 * REL_EDENIED. ${need_config} false: as in rel_plan_begin. */
int rel_side_load(struct rel_home *h, const struct rel_release_row *row,
	bool need_config, struct rel_side *ret, struct rel_err *err) REL_CHECK;

/* Compute the record of to.artifact, to.processes and to.config, and with it
 * to.content. Errors: those of the key. */
int rel_plan_compose(struct rel_plan *p, struct rel_err *err) REL_CHECK;

/*
 * Do it. Prepare: tree (*ret_tree_fd holds its lock; -1 without activation),
 * sealed config and record; of what is unchanged the tree alone is looked at,
 * and made again if it differs. Activate: the release and its activation, in
 * one transaction. Where something happens between the two, or there is no
 * activation, record comes first: the release alone, which has its number then.
 */
int rel_plan_prepare(
	struct rel_plan *p, int *ret_tree_fd, struct rel_err *err) REL_CHECK;
int rel_plan_record(struct rel_plan *p, struct rel_err *err) REL_CHECK;
int rel_plan_activate(struct rel_plan *p, struct rel_err *err) REL_CHECK;

/* Instead of it: record that the release, which was recorded, did not get
 * active, and why (one line). Errors: REL_EIO. */
int rel_plan_fail(
	struct rel_plan *p, const char *why, struct rel_err *err) REL_CHECK;

/* How the config changes, and the names as {"+":[],"-":[],"~":[]}. */
struct json_t *rel_plan_changes(const struct rel_plan *p);

/* Can a release be run again? */
enum rel_restore {
	REL_RESTORE_LOCAL, /* its tree is unpacked */
	REL_RESTORE_STORE, /* its artifact is in the store */
	REL_RESTORE_GONE,  /* gc took it, or it is damaged */
};
enum rel_restore rel_restorable(
	struct rel_home *h, const struct rel_release_row *row);

#endif
