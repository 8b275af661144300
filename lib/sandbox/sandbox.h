/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/sandbox/sandbox.h - what a process of the app can see and do. Mechanism.
 *
 * ns: user, mount, pid, ipc and uts namespaces (network too if asked): a fresh
 * root with the tree at /app. landlock: the tree where it is, and the kernel
 * refuses the rest. none: nothing but root's power over other people's files
 * is taken away. docs/isolation.md says what each of them stops.
 */
#ifndef REL_SANDBOX_SANDBOX_H
#define REL_SANDBOX_SANDBOX_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum rel_isolation {
	REL_ISOLATION_AUTO, /* the best that works; the caller tries */
	REL_ISOLATION_NONE,
	REL_ISOLATION_LANDLOCK,
	REL_ISOLATION_NS,
};
const char *rel_isolation_name(enum rel_isolation level); /* "ns" */
bool rel_isolation_parse(const char *name, enum rel_isolation *ret);

struct rel_bind {
	const char *path; /* absolute; seen at the same place */
	bool writable;
};

struct rel_limits {	/* 0: none */
	int64_t memory; /* bytes */
	int64_t pids;
	int64_t cpu_milli; /* 1,000 is one CPU */
};

/* --user: who the process is. Only root can ask for it. */
struct rel_user {
	bool given;
	uid_t uid;
	gid_t gid;
};

/* All that is pointed at is borrowed. */
struct rel_sandbox {
	enum rel_isolation level;
	int tree_fd;
	const char *tree;   /* its absolute path */
	bool tree_writable; /* a build's private copy */
	bool no_network;    /* its own, with a loopback alone */
	const struct rel_bind *binds;
	size_t binds_n;
	/* Paths (store, key file) that nothing may show, wherever they are. */
	const char *const *hidden;
	size_t hidden_n;
	struct rel_limits limits;
	int64_t files; /* its soft limit of open files; 0: relctl's own */
	struct rel_user user;
};

/* Where the process sees the tree: "/app" with ns, else where it is. */
const char *rel_sandbox_home(const struct rel_sandbox *box);

/* The level to try after ${level} has turned out to be impossible; AUTO: there
 * is none below. */
enum rel_isolation rel_isolation_below(enum rel_isolation level);

/* What this machine allows to this user. The texts: "" or one line. */
struct rel_sandbox_support {
	bool ns, landlock, seccomp;
	char ns_why[512], landlock_why[512];
	const char *ns_fix; /* what an administrator could do, or "" */
	int landlock_abi;   /* 0: none */
	bool unix_scope;    /* abstract sockets of others are out of reach */
};
/* Starts a process at each level, as exec would. As for rel_child_spawn, the
 * caller sees to it that SIGCHLD is not ignored. */
void rel_sandbox_probe(struct rel_sandbox_support *ret);

/* Something that a level does not stop; docs/isolation.md has the names. */
struct rel_gap {
	const char *name, *text;
};
/* The ${i}th one of ${level} with this version of Landlock's interface, or
 * NULL. For ns and landlock: what none stops would be the shorter list. */
const struct rel_gap *rel_sandbox_gap(
	enum rel_isolation level, int landlock_abi, size_t i);

#endif
