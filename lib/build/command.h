/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/build/command.h - the `build:` line of a Procfile, run in a sandbox.
 * Stage build. docs/formats.md, section 8, says what the command finds.
 */
#ifndef REL_BUILD_COMMAND_H
#define REL_BUILD_COMMAND_H

#include "build/build.h"

struct rel_command { /* borrowed */
	const struct rel_home *home;
	const struct rel_git_commit *commit;
	const char *line; /* of the Procfile */
	const char *tree; /* absolute path of the private copy */
	int tree_fd;
	bool network;
	/* AUTO: the best that works, not less than landlock, with a notice if
	 * it is not the best; then it says which it was. */
	enum rel_isolation isolation;
};

/*
 * Run it and wait; when this returns, everything that it started is dead. Its
 * stdout and stderr are fd 2. TERM, INT, HUP and QUIT that arrive meanwhile
 * (unless they are ignored) kill it: *ret_signal, and an error.
 * The ledger must be closed. Errors: REL_ECOMMAND (it failed, could not be
 * started or was stopped), REL_EREFUSED (the isolation cannot be had).
 */
int rel_command_run(
	struct rel_command *c, int *ret_signal, struct rel_err *err) REL_CHECK;

#endif
