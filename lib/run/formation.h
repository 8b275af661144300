/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/run/formation.h - how many instances of each type, and on which ports.
 * Pure. Stage run.
 */
#ifndef REL_RUN_FORMATION_H
#define REL_RUN_FORMATION_H

#include "base/err.h"
#include "base/json.h"
#include "config/procfile.h"

#include <stdint.h>

#define REL_MOST_INSTANCES 100 /* of one type: the step of the ports */
#define REL_DEFAULT_PORT 5000

struct rel_formation { /* { 0 } before; a count for each type named */
	struct rel_count {
		char *type;
		int n;
	} * v;
	size_t n, cap;
};
void rel_formation_done(struct rel_formation *f); /* for REL_AUTO too */

/* The number of ${type}; ${none} where it is not named. */
int rel_formation_get(
	const struct rel_formation *f, const char *type, int none);
void rel_formation_set(struct rel_formation *f, const char *type, int n);

/*
 * "web=2,worker=1" or "all=1,web=2" of `run -m`: all is every type of ${p} but
 * hooks; later words win. Added to ${f}. Errors: REL_EUSAGE (not of this form,
 * over 100), REL_ENOTFOUND (no such type: the hint lists them).
 */
int rel_formation_parse(struct rel_formation *f, const struct rel_processes *p,
	const char *text, struct rel_err *err) REL_CHECK;

/*
 * One word of `scale`: "web=3", "worker+1", "clock-1" (0 is the least), for a
 * complete formation: a type that ${f} does not name counts as 0.
 * Errors: as above.
 */
int rel_formation_change(struct rel_formation *f, const struct rel_processes *p,
	const char *word, struct rel_err *err) REL_CHECK;

/*
 * The formation to run, complete, in the Procfile's order, hooks left out:
 * each type's count from the first of ${given} (-m), ${stored} (scale),
 * ${declared} (app.json's quantities) that names it, else 1. With ${given}
 * types that it does not name are 0. Any of them may be NULL.
 */
void rel_formation_complete(const struct rel_processes *p,
	const struct rel_formation *given, const struct rel_formation *stored,
	const struct rel_formation *declared, struct rel_formation *ret);

/* "web=2 worker=1": the line for `scale` to paste back. */
void rel_formation_format(const struct rel_formation *f, struct rel_buf *out);

/* {"web":2,"worker":1}, and back. Errors: REL_EINTEGRITY. */
struct json_t *rel_formation_to_json(const struct rel_formation *f);
int rel_formation_from_json(const struct json_t *j, struct rel_formation *ret,
	struct rel_err *err) REL_CHECK;

/*
 * PORT of ${type}.${n}: base + 100 x (index of the type in the whole Procfile,
 * hooks counted) + (n - 1), as foreman. 0 if that is over 65,535.
 */
int rel_port_of(
	const struct rel_processes *p, int base, const char *type, int n);

/* "RELCTL_PORT_WEB" for "web", "RELCTL_PORT_MY_JOB" for "my-job". */
void rel_port_name(const char *type, struct rel_buf *out);

#endif
