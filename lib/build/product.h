/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/build/product.h - what the build command of a commit makes: its tree in a
 * private copy, the command, and the copy as an artifact. Stage build.
 */
#ifndef REL_BUILD_PRODUCT_H
#define REL_BUILD_PRODUCT_H

#include "build/build.h"
#include "build/maker.h"
#include "build/survey.h"

struct rel_product { /* borrowed */
	struct rel_home *home;
	struct rel_git *git;
	const struct rel_git_commit *commit;
	const struct rel_build_options *opt;
	const char *line; /* the command */
	struct rel_survey *survey;
	enum rel_isolation isolation; /* out: what the command had */
	int signal;		      /* out: as rel_command_run's */
};

/* The `build:` line of a commit's Procfile, or NULL; the caller frees. With one
 * app.json is checked, too. Errors: rel_procfile_parse's, rel_appjson_parse's,
 * rel_git_*'s. */
int rel_product_line(struct rel_git *g, const struct rel_git_commit *c,
	char **ret, struct rel_err *err) REL_CHECK;

/*
 * Make it. The maker is left to publish (it has nothing to publish with
 * ${p}->opt->check, which makes it twice: REL_EDIFFERENT names the first
 * difference). The store's shared lock is held from here to the end of the
 * maker; the ledger is closed meanwhile, and open again after a success.
 */
int rel_product_make(struct rel_product *p, struct rel_maker **ret,
	struct rel_artifact *ret_artifact, struct rel_err *err) REL_CHECK;

#endif
