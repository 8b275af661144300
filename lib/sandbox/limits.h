/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/sandbox/limits.h - how much an instance may use: a cgroup of its own
 * (v2 where it is delegated to us, else v1 where we may write it), else
 * rlimits, else a refusal.
 */
#ifndef REL_SANDBOX_LIMITS_H
#define REL_SANDBOX_LIMITS_H

#include "sandbox/sandbox.h"

#define REL_CGROUPS 3

/* What was set up for one child. { 0 } before; dirs are owned. */
struct rel_bounds {
	char *dirs[REL_CGROUPS]; /* cgroup directories that were made */
	size_t dirs_n;
	int64_t as_bytes; /* RLIMIT_AS, 0: none */
	int64_t nproc;	  /* RLIMIT_NPROC, 0: none */
};

/*
 * Set up what ${limits} says, for a process that will run as ${uid} in a user
 * namespace of its own or not (${own_ns}: RLIMIT_NPROC counts per namespace,
 * but never for the real root). Its keeper goes in, too, and has a place beside
 * the pids that were asked for. Nothing is made when there are no limits.
 * Errors: REL_EREFUSED: names the limit and what is missing ("--cpus needs
 * the cgroup controller 'cpu', which is not delegated to uid 1000 here").
 */
int rel_bounds_make(const struct rel_limits *limits, uid_t uid, bool own_ns,
	struct rel_bounds *ret, struct rel_err *err) REL_CHECK;

/* Put ${pid} into the cgroups. Errors: REL_EIO. */
int rel_bounds_enter(
	const struct rel_bounds *b, pid_t pid, struct rel_err *err) REL_CHECK;

/* In the child: the rlimits, and RLIMIT_CORE 0. System calls only. Returns -1
 * and sets errno. */
int rel_bounds_self(const struct rel_bounds *b) REL_CHECK;

/* Everything in them is dead: remove the directories (a short wait is fine
 * where the kernel is not done yet); frees. */
void rel_bounds_done(struct rel_bounds *b);

/* For doctor: what each of memory, pids, cpu would use here: "cgroup v2",
 * "cgroup v1", "rlimit", or NULL. */
struct rel_bounds_support {
	const char *memory, *pids, *cpus;
};
void rel_bounds_probe(struct rel_bounds_support *ret);

#endif
