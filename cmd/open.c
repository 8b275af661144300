/* SPDX-License-Identifier: Apache-2.0 */
/* From a struct ctx to an open home, and back. */
#include "cmd.h"
#include "home/home.h"
#include "out.h"

#include <stdlib.h>
#include <sys/stat.h>

/* Under sudo the store is root's, which is seldom what was meant. */
static int explain_missing(struct rel_err *err)
{
	const char *user = getenv("SUDO_USER");

	if (err->code != REL_ENOTFOUND || err->hint[0])
		return -(int)err->code;
	if (user && *user)
		return rel_hint(err,
			"this is root's store: without sudo relctl looks in the "
			"one of '%s', or name it with --store",
			user);
	return rel_hint(err,
		"'relctl build' and 'relctl import' make one, --store names "
		"another");
}

int ctx_open(struct ctx *cx, enum need need, struct rel_err *err)
{
	static const enum rel_home_mode modes[] = {
		[NEED_RUN] = REL_HOME_LATER,
		[NEED_READ] = REL_HOME_READ,
		[NEED_WRITE] = REL_HOME_WRITE,
		[NEED_MAKE] = REL_HOME_MAKE,
	};
	struct rel_home_options opt = {
		.store = cx->store,
		.key = cx->key,
		.by = cx->actor,
		.by_url = cx->actor_url,
		.wait_ms = (unsigned)(cx->wait_s * 1000),
		.events = &cx->events,
	};
	int r;

	cx->umask = umask(077);
	r = rel_home_open(&opt, modes[need], &cx->home, err);
	if (r < 0)
		return explain_missing(err);
	if (cx->home->made) {
		say(cx, "new store '%s'", rel_store_path(cx->home->store));
		say(cx,
			"its key is '%s': keep a copy elsewhere, no release "
			"runs without it",
			cx->key);
	}
	return 0;
}

void ctx_close(struct ctx *cx)
{
	rel_home_closep(&cx->home);
}
