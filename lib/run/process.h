/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/run/process.h - what a process of a release is started with, and how.
 * Stage run: knows no ledger database, no git, no env file.
 * docs/formats.md, sections 8 ("How a command is started") and 10.
 */
#ifndef REL_RUN_PROCESS_H
#define REL_RUN_PROCESS_H

#include "base/err.h"
#include "config/config.h"
#include "config/procfile.h"
#include "sandbox/child.h"

#include <stdbool.h>
#include <stdint.h>

/* Everything that the environment is made of; all borrowed. */
struct rel_process_facts {
	const struct rel_config *config;
	const char *home; /* where it sees the tree: HOME, PATH, cwd */
	const char *ps;	  /* "web.1", "exec.4711" */
	const char *app;
	int64_t release;    /* number */
	const char *commit; /* hex, or "": no RELCTL_COMMIT then */
	const char *port;   /* NULL: no PORT but the config's own */
	const struct rel_processes *processes; /* for RELCTL_PORT_<TYPE> */
	int port_base;
	const char *action, *from, *to; /* of the release command, or NULL */
	const char *term; /* the caller's TERM where stdin is a terminal */
};

/* NAME=value strings, sorted by name, added to an empty ${ret}. What is set
 * here wins over the config, but for LANG and PORT. */
void rel_process_environ(
	const struct rel_process_facts *f, struct rel_strings *ret);

/*
 * Start argv with ${env} in ${box}, wait, pass signals on, and tell how it
 * ended. The process gets a group of its own (in the foreground of the
 * terminal, when stdin is one) and is looked up along the PATH of ${env} where
 * argv[0] has no slash (a relative one with a slash: from the tree). TERM, INT,
 * HUP, QUIT, USR1, USR2, WINCH and CONT that arrive here go to its group, but
 * for those that were ignored here (nohup); TSTP stops both, and so does a stop
 * of the process when stdin is a terminal. A script without #! is given to
 * /bin/sh. What it leaves behind ends with it.
 * ret->status: the exit status, 128+n for signal n, 126 (cannot be invoked) or
 * 127 (not found): these two with the error's text in err->msg, return 0.
 * Errors: those of rel_child_spawn; ret->impossible is that of the child.
 */
struct rel_process_end {
	int status;
	bool invoked;	 /* false: execve failed, 126 or 127 */
	bool impossible; /* the level of ${box} cannot be had */
	int64_t lived_ms;
};
int rel_process_run(const struct rel_sandbox *box,
	const struct rel_strings *argv, const struct rel_strings *env,
	struct rel_process_end *ret, struct rel_err *err) REL_CHECK;

/*
 * Does the tree say that it has dependencies that are not installed in it?
 * "package.json" (no node_modules), "Gemfile" (no vendor/bundle),
 * "requirements.txt" (no site-packages anywhere two levels down, no .venv,
 * venv), else NULL.
 */
const char *rel_process_missing_deps(int tree_fd);

#endif
