/* SPDX-License-Identifier: Apache-2.0 */
/* cmd/serve.h - `run` without --once: the supervisor, in the foreground. */
#ifndef RELCTL_SERVE_H
#define RELCTL_SERVE_H

#include "box.h"

struct run_args {
	bool once;
	const char *release, *formation, *log, *overflow;
	int64_t port;
	struct opt_list listen, front;
	struct opt_list grace, stop_signal, restart, start_timeout;
	struct box_args box;
};

/* Run ${types} (all of the formation when there are none) until the end; the
 * exit status that relctl ends with. */
int serve(struct ctx *cx, const struct run_args *a, int types_n, char **types,
	struct rel_err *err) REL_CHECK;

#endif
