/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/run/probe.h - one attempt of a health check over TCP, without waiting.
 * Stage run. (A `command` check is a process: the supervisor starts it.)
 */
#ifndef REL_RUN_PROBE_H
#define REL_RUN_PROBE_H

#include "base/buf.h"
#include "config/policy.h"

#include <stdbool.h>

enum rel_probe_state {
	REL_PROBE_RUNS,
	REL_PROBE_PASSED,
	REL_PROBE_FAILED, /* why: one line */
};

struct rel_probe {
	int fd;	      /* -1: none runs; the same number as long as it runs */
	short events; /* for ppoll; each step may change them */
	int64_t deadline_ms;
	enum rel_probe_state state;
	char why[160]; /* "GET /up: 503", "port 5000 refuses connections" */
	/* private */
	const struct rel_check *check;
	int port;
	bool v6, connected;
	char *path;	     /* as it is sent */
	struct rel_buf buf;  /* request, then the beginning of the answer */
	size_t sent, at;     /* of the request; the line that is looked at */
	int status;	     /* 0: not known yet */
	size_t body;	     /* where it begins; 0: not known yet */
	int64_t body_length; /* -1: until the connection ends */
};
#define REL_PROBE_INIT                                                         \
	{                                                                      \
		.fd = -1                                                       \
	}

/*
 * Begin: connect to ${port}, or the check's own, of 127.0.0.1 (then of ::1, if
 * that refuses), and for a check with a path GET it: HTTP/1.1, Host localhost,
 * User-Agent relctl/VERSION, Connection close. A status of 200 to 399 passes,
 * after any 1xx, and the content if the check wants one within the first 64 KiB
 * of the answer. The content is looked for in the bytes as they come: in a
 * chunked or compressed answer it may be cut or not to be seen.
 *
 * The answer is read to its end, to 64 KiB or to the deadline, whatever comes
 * first, so that the app sees no broken connection; that it goes on does not
 * make it fail. ${check} is borrowed; one without a path only connects.
 * Its state may be final at once.
 */
void rel_probe_begin(struct rel_probe *p, const struct rel_check *check,
	int port, int64_t now_ms);

/* Go on, after ppoll or when the deadline has come. Sets state; once it is no
 * longer REL_PROBE_RUNS everything is released. */
void rel_probe_step(struct rel_probe *p, short revents, int64_t now_ms);

/* Give up, whatever it is doing; it is as REL_PROBE_INIT then. */
void rel_probe_cancel(struct rel_probe *p);

#endif
