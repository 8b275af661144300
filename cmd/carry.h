/* SPDX-License-Identifier: Apache-2.0 */
/* cmd/carry.h - a plan is carried out. */
#ifndef RELCTL_CARRY_H
#define RELCTL_CARRY_H

#include "cmd.h"
#include "release/plan.h"

/* What the commands that make something current have in common. */
struct carry {
	const char *noun;   /* of the document relctl.${noun}/1 */
	const char *action; /* RELCTL_ACTION */
	bool dry_run;
	bool undo;	 /* print the line that brings the former one back */
	bool no_hook;	 /* leave the release command out */
	int64_t watch_s; /* after a switch; 0: not at all */
};

/*
 * Print the plan; unless it is a dry run perform it: prepare, run the release
 * command, switch what runs here, activate; then print vN (or the document).
 * With watch_s: stay, and roll back once by itself if it does not stay well.
 */
int plan_carry_out(struct ctx *cx, struct rel_plan *p, const struct carry *c,
	struct rel_err *err) REL_CHECK;

/* The option that those commands share. */
#define WATCH_OPT(type, at)                                                         \
	{                                                                           \
		"watch", 0, OPT_INT, offsetof(struct type, at), "SECONDS",          \
			"stay, and roll back by itself if what runs does not stay " \
			"well"                                                      \
	}

#endif
