/* SPDX-License-Identifier: Apache-2.0 */
/* cmd/box.h - the options that say what a process may see and use. */
#ifndef RELCTL_BOX_H
#define RELCTL_BOX_H

#include "base/vec.h"
#include "cmd.h"
#include "run/process.h"

struct box_args {
	const char *isolation, *user, *memory, *cpus;
	struct opt_list bind, bind_rw;
	int64_t pids;
	bool no_network;
};

/* For a command's option table: ${type} has a struct box_args ${at}. */
#define BOX_OPTS(type, at)                                                     \
	{ "isolation", 0, OPT_STR, offsetof(struct type, at.isolation),        \
		"auto|ns|landlock|none",                                       \
		"what the process may see (default: the best that works)" },   \
		{ "bind", 0, OPT_LIST, offsetof(struct type, at.bind), "PATH", \
			"let it read PATH, too" },                             \
		{ "bind-rw", 0, OPT_LIST, offsetof(struct type, at.bind_rw),   \
			"PATH", "let it read and write PATH, too" },           \
		{ "no-network", 0, OPT_FLAG,                                   \
			offsetof(struct type, at.no_network), NULL,            \
			"no network but a loopback of its own" },              \
		{ "user", 0, OPT_STR, offsetof(struct type, at.user), "USER",  \
			"as root: run it as this user" },                      \
		{ "memory", 0, OPT_STR, offsetof(struct type, at.memory),      \
			"SIZE", "at most so many bytes (512M, 2G)" },          \
		{ "pids", 0, OPT_INT, offsetof(struct type, at.pids), "N",     \
			"at most N processes and threads" },                   \
	{                                                                      \
		"cpus", 0, OPT_STR, offsetof(struct type, at.cpus), "N",       \
			"at most N CPUs (0.5, 2)"                              \
	}

struct box {			    /* { 0 } before; box_done after */
	struct rel_sandbox sandbox; /* without a tree */
	REL_VEC(struct rel_bind) binds;
	REL_VEC(char *) paths; /* owned, for binds and hidden */
	const char *hidden[2];
};
void box_done(struct box *b); /* for REL_AUTO too */

/* Errors: REL_EUSAGE (a value), REL_ENOTFOUND (no such user or path),
 * REL_EREFUSED (--user of somebody who is not root). */
int box_make(struct ctx *cx, const struct box_args *a, struct box *ret,
	struct rel_err *err) REL_CHECK;

/* "ns", and what --bind and the limits add to it, for an event's body. */
void box_record(const struct box *b, struct json_t *body);

/* One notice each time: root without --user; a level below the best one. */
void box_notices(struct ctx *cx, const struct box *b);

#endif
