/* SPDX-License-Identifier: Apache-2.0 */
/* cmd/build_opts.h - the options of `build`: relctl parses and explains them,
 * relctl-git acts on them. */
#ifndef RELCTL_BUILD_OPTS_H
#define RELCTL_BUILD_OPTS_H

#include "cmd.h"

struct build_args {
	bool check, allow_external, network;
	const char *submodules, *lfs, *isolation;
	bool given_commit; /* not an option: a COMMIT was named */
};

extern const struct opt build_opts[];

struct rel_build_options;

/* Errors: REL_EUSAGE (a value that is none of the choices). */
int build_options(const struct build_args *a, struct rel_build_options *ret,
	struct rel_err *err) REL_CHECK;

#endif
