/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd/cmd.h - a command is a table entry. One table is the single truth for
 * parsing, --help, completion and the man page check.
 *
 * cmd/ is the only place that touches stdio, argv and the environment.
 */
#ifndef RELCTL_CMD_H
#define RELCTL_CMD_H

#include "base/err.h"
#include "base/event.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct rel_home;

enum opt_kind {
	OPT_FLAG, /* bool */
	OPT_STR,  /* const char *, borrowed from argv; the last use wins */
	OPT_INT,  /* int64_t, 0 or more; -1 when it was not given */
	OPT_LIST, /* struct opt_list: each use adds one, in order */
};

struct opt_list {
	const char **v;
	size_t n, cap;
};

struct opt {
	const char *name; /* long, without dashes; NULL ends a table */
	char letter;	  /* or 0 */
	enum opt_kind kind;
	size_t offset; /* of the field in the command's args struct */
	/* "FILE"; NULL for a flag; "[N]" may be left out (OPT_STR alone: "");
	 * "a|b" are the only values (completion offers them). */
	const char *arg;
	const char *help; /* lower case, no full stop; NULL: not shown */
};

struct cmd;

/* What the caller's environment and the global options say. Built in main. */
struct ctx {
	const char *store; /* --store, RELCTL_STORE, or the default; absolute */
	const char *repo;  /* -C, or NULL: the one around the cwd */
	const char *app;   /* -a, RELCTL_APP, or NULL */
	const char *key;   /* path of the key file */
	const char *actor; /* who acts: see actor.c */
	const char *actor_url; /* the CI job's URL, or NULL */
	bool json, quiet, verbose;
	bool app_given; /* by -a, not by RELCTL_APP */
	bool repo_given;
	int64_t wait_s;
	bool color_out, color_err; /* per stream */
	bool progress;		   /* a bar on stderr is fine */
	struct rel_events events;
	struct rel_home *home; /* NULL until ctx_open; closed by main */
	mode_t umask;	       /* what relctl was started with */
	int argc;	       /* the whole command line, for the helper */
	char **argv;
	const struct cmd *const *commands; /* the table main was given */
	/* Not 0: the exit status of every failure of relctl's own. 125 by
	 * cmd.own_failures_125; exec sets 126 or 127 before it fails. */
	int fail_status;
};

enum need {
	NEED_NOTHING,
	NEED_RUN,   /* an existing store, its ledger only if it must be read */
	NEED_READ,  /* an existing store */
	NEED_WRITE, /* an existing store, its ledger to be written */
	NEED_MAKE,  /* the store is made if it is missing */
};

struct cmd {
	const char *name;
	const char *args;     /* "[RELEASE]", for the usage line */
	const char *summary;  /* "go back to an earlier release" */
	const char *group;    /* "Work", "Look", "Keep", "More"; NULL: hidden */
	const char *examples; /* lines for --help, each "  …\n"; or NULL */
	const struct opt *opts;
	size_t opts_size;	/* sizeof the args struct; 0: no options */
	enum need need;		/* main opens it before run */
	int min_args, max_args; /* max -1: any number */
	bool stop_at_word;	/* options end at the first word (exec) */
	bool anywhere;	      /* help, completion: also where no store can be */
	bool app_owns_stdout; /* run, exec: an error as JSON goes to stderr */
	/* Do these options make every failure of relctl's own a 125? NULL: no.
	 * It is also asked when parsing stopped half way. */
	bool (*own_failures_125)(const void *opts);
	/* Exit status, or -code with ${err} set. argv[argc] is NULL. */
	int (*run)(struct ctx *cx, void *opts, int argc, char **argv,
		struct rel_err *err);
};

/* The tables, NULL-terminated: relctl's (table.c), relctl-git's (git_main.c).
 */
extern const struct cmd *const relctl_commands[];

/* main.c: parse, open, run, report. ${cmds} NULL-terminated. Ignores SIGPIPE:
 * whoever starts a program gives it the default action back. */
int cmd_main(const struct cmd *const cmds[], int argc, char **argv);

/* open.c: what ${need} says, in cx->home; ctx_close also takes a ctx that
 * was never opened. */
int ctx_open(struct ctx *cx, enum need need, struct rel_err *err) REL_CHECK;
void ctx_close(struct ctx *cx);

/* help.c, completion.c */
extern const struct cmd cmd_help, cmd_completion;

/* exit.c: exit status of an error code, and its stable word for --json. */
int exit_status(enum rel_code code);
const char *exit_word(enum rel_code code);

#endif
