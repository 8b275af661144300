/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/run/running.h - which processes of an app run on this machine, as far as
 * the caller may see: told by their environment (docs/formats.md, section 10).
 * Stage run.
 */
#ifndef REL_RUN_RUNNING_H
#define REL_RUN_RUNNING_H

#include "base/err.h"

#include <stdint.h>
#include <sys/types.h>

struct rel_running {
	pid_t pid;
	int64_t release;
	const char *ps; /* "web.1" */
};

/*
 * Call ${fn} for each process that was started with RELCTL_APP=${app} out of a
 * tree beneath ${trees} ("/var/lib/relctl/trees/"); processes that it started
 * in turn count too. Non-zero stops and is passed on. Errors: REL_EIO (no
 * /proc).
 */
int rel_running_each(const char *app, const char *trees,
	int (*fn)(void *arg, const struct rel_running *p, struct rel_err *err),
	void *arg, struct rel_err *err) REL_CHECK;

#endif
