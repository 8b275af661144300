/* SPDX-License-Identifier: Apache-2.0 */
#include "running.h"

#include "base/mem.h"
#include "home/home.h"
#include "out.h"
#include "run/running.h"

#include <inttypes.h>
#include <stdlib.h>

#define PIDS_SHOWN 20

struct found {
	int64_t now; /* the release that is current */
	struct rel_buf pids;
	size_t n;
};

static int see(void *arg, const struct rel_running *p, struct rel_err *err)
{
	struct found *f = arg;

	(void)err;
	if (p->release == f->now)
		return 0;
	if (f->n++ < PIDS_SHOWN)
		rel_buf_addf(&f->pids, "%s%d (%s of v%" PRId64 ")",
			f->pids.len ? ", " : "", (int)p->pid, p->ps,
			p->release);
	return 0;
}

void running_warn(const struct ctx *cx, const struct rel_plan *p)
{
	struct found f = { .now = p->to.number };
	struct rel_err ignored;
	char *trees = rel_printf("%s/trees/", rel_store_path(p->home->store));

	if (rel_running_each(p->app, trees, see, &f, &ignored) == 0 && f.n > 0)
		rel_notice(&cx->events,
			"%zu process%s of another release still run%s, and "
			"nothing switches %s: %s%s",
			f.n, f.n == 1 ? "" : "es", f.n == 1 ? "s" : "",
			f.n == 1 ? "it" : "them", rel_buf_str(&f.pids),
			f.n > PIDS_SHOWN ? ", …" : "");
	free(trees);
	rel_buf_free(&f.pids);
}
