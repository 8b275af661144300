/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/run/target.h - all that the supervisor has to know of a release to run
 * it. Made by a command that may open the ledger, given to the supervisor at
 * its start or through its socket. Stage run.
 */
#ifndef REL_RUN_TARGET_H
#define REL_RUN_TARGET_H

#include "base/json.h"
#include "config/config.h"
#include "config/policy.h"
#include "config/procfile.h"
#include "run/formation.h"

struct rel_target { /* { .tree_fd = -1 } before; rel_target_done after */
	char *app;
	int64_t release; /* number */
	char *commit;	 /* hex, or "" */
	char *tree;	 /* absolute path */
	int tree_fd;	 /* holds the tree's shared lock; owned */
	struct rel_processes processes;
	struct rel_config config;
	struct json_t *relctl, *healthchecks; /* of app.json, or NULL */
	struct rel_policy *policies;	      /* one for each of processes */
	struct rel_formation declared;	      /* app.json's quantities */
};
void rel_target_done(struct rel_target *t); /* wipes; for REL_AUTO too */

/* Fill policies from relctl and healthchecks, anew if they are there. Errors:
 * rel_policy_read's, with "app.json: " before them. */
int rel_target_policies(struct rel_target *t, struct rel_err *err) REL_CHECK;

/* The base of its ports: the config's PORT, else 5000. */
int rel_target_port(const struct rel_target *t);

/* The form that goes through the socket (with values: never to a disk, and
 * freed by rel_json_wipep), and back: policies are filled, tree_fd is -1.
 * Errors: REL_EINVALID. */
struct json_t *rel_target_to_json(const struct rel_target *t);
int rel_target_from_json(const struct json_t *j, struct rel_target *ret,
	struct rel_err *err) REL_CHECK;

#endif
