/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/sandbox/keeper.h - what stands between relctl and the app's process.
 * For lib/sandbox alone.
 */
#ifndef REL_SANDBOX_KEEPER_H
#define REL_SANDBOX_KEEPER_H

#include "sandbox/child.h"

/* How far it came. What is before STEP_EXEC is relctl's failure. */
enum rel_step_kind {
	REL_STEP_LEVEL, /* the level cannot be had: ${text} is what failed */
	REL_STEP_SETUP, /* something else: ${text} */
	REL_STEP_EXEC,	/* execve */
};

enum rel_told_kind {
	REL_TOLD_PID, /* from the process itself: its number is in the creds */
	REL_TOLD_FAILED,
	REL_TOLD_STARTED,
	REL_TOLD_READY,
	REL_TOLD_STOPPED,
	REL_TOLD_ENDED,
};
/* A message from the keeper, or (PID) from the process before its execve. */
struct rel_told {
	enum rel_told_kind kind;
	enum rel_step_kind step;
	int os_errno;
	bool seen;  /* EXEC: a file of that name is there */
	int status; /* ENDED: 128+n for signal n */
	int signal; /* ENDED: n, or 0 */
	int left;   /* ENDED: processes it had left behind */
	char text[64];
};

enum rel_tell_kind {
	REL_TELL_GO, /* maps and cgroups are in place */
	REL_TELL_SIGNAL,
	REL_TELL_STOP, /* the signal; its group may end in peace */
	REL_TELL_KILL,
};
/* A message to the keeper. */
struct rel_tell {
	enum rel_tell_kind kind;
	int sig;
	bool main_only;
};

struct rel_keeper { /* borrowed: it is another process that uses it */
	const struct rel_spawn *how;
	const struct rel_bounds *bounds;
	char **env;
	/* Where the socket's name goes in env, 6 bytes; NULL: no socket. */
	char *notify;
	char *listen_pid; /* where the pid goes in env, 10 bytes; or NULL */
	char **script;	  /* /bin/sh, room for a path, the rest of argv */
	const char *path; /* PATH of env */
	int link;
	int landlock; /* ruleset, or -1 */
	int tmp;      /* locked private directory, or -1 */
	bool waits;   /* for REL_TELL_GO */
	uid_t uid;    /* relctl's own */
	gid_t gid;
};

/* The keeper's whole life, after clone. */
_Noreturn void rel_keeper_main(struct rel_keeper *k);

/* Tell relctl why not, with errno, and end. */
_Noreturn void rel_keeper_fail(
	const struct rel_keeper *k, enum rel_step_kind step, const char *text);

/* confine.c: enter the level. Does not return if that fails. */
void rel_confine(const struct rel_keeper *k);

/* fds.c: close all that the keeper does not need; put 0, 1, 2 and the sockets
 * from 3 on in their places, and ${pipe_fd} behind them. Return -1 and set
 * errno. */
int rel_fds_close_others(const struct rel_keeper *k);
int rel_fds_arrange(const struct rel_spawn *how, int *pipe_fd);

/* variables.c: the environment with what only the keeper knows; texts are
 * borrowed but for those in ${own}. Sets env, path, notify, listen_pid of
 * ${k}. */
struct rel_variables {
	char **v;
	char *own[5];
	size_t own_n;
};
void rel_variables_make(const struct rel_spawn *how, const char *tmp,
	struct rel_keeper *k, struct rel_variables *ret);
void rel_variables_done(struct rel_variables *e);

/* isolation.c: the real paths of what is hidden: a link to it shows nothing,
 * but what it leads to may be seen without it. */
void rel_sandbox_hidden(const struct rel_sandbox *box, struct rel_strings *ret);

/* view.c: pivot into the fresh root of level ns. Returns -1, sets errno and
 * *ret_what. */
int rel_view_enter(const struct rel_sandbox *box, const char **ret_what);

/* exec.c: execve along PATH; returns only if that failed. */
void rel_exec(const struct rel_keeper *k, struct rel_told *why);

#endif
