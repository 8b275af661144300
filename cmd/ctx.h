/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd/ctx.h - from the global options and the environment to a struct ctx.
 */
#ifndef RELCTL_CTX_H
#define RELCTL_CTX_H

#include "cmd.h"

struct globals {
	const char *store, *repo, *app, *color, *progress;
	int64_t wait;
	bool json, quiet, verbose, help, version;
};

extern const struct opt global_opts[];

/* How to speak: colours, --json, -q, -v, progress, events. Can't fail, so that
 * an error can be reported whatever the command line looks like. */
void ctx_speech(struct ctx *cx, const struct globals *g);

/* Where and who: store, key, repository, app, actor.
 * Errors: REL_EUSAGE, REL_EINVALID (from the environment), REL_EIO. */
int ctx_places(
	struct ctx *cx, const struct globals *g, struct rel_err *err) REL_CHECK;

/* What ctx_places made. */
void ctx_done(struct ctx *cx);

/* actor.c: cx->actor and cx->actor_url. */
void actor_find(struct ctx *cx);

/* APP of relctl(1): what can be an app's name, and the error when it can't. */
bool app_name_valid(const char *name);
int app_name_check(
	const char *name, bool from_env, struct rel_err *err) REL_CHECK;

/* The variable, or NULL when it is not set or empty. */
const char *env_text(const char *name);

#endif
