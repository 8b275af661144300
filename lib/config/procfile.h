/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/config/procfile.h - process types: the Procfile grammar of
 * docs/formats.md, section 8, and their JSON form. Mechanism.
 */
#ifndef REL_CONFIG_PROCFILE_H
#define REL_CONFIG_PROCFILE_H

#include "base/err.h"
#include "base/json.h"

#include <stdbool.h>
#include <stddef.h>

struct rel_process {
	char *type, *command;
};

struct rel_processes { /* { 0 } is none; in the Procfile's order */
	struct rel_process *v;
	size_t n, cap;
};

void rel_processes_done(struct rel_processes *p); /* for REL_AUTO too */
const char *rel_processes_command(
	const struct rel_processes *p, const char *type); /* NULL: none */

/* `build` and `release` are hooks: never part of the formation. */
bool rel_process_is_hook(const char *type);

/*
 * Parse the Procfile at the root of a tree. Errors: REL_EINVALID; file is
 * "Procfile", line and column are set, the context shows the line and a caret
 * (control bytes escaped), the hint the form to write.
 */
int rel_procfile_parse(const char *p, size_t n, struct rel_processes *ret,
	struct rel_err *err) REL_CHECK;

/* [["web","bin/web"],…], and back (REL_EINTEGRITY if it is not of that form
 * or breaks the grammar). */
struct json_t *rel_processes_to_json(const struct rel_processes *p);
int rel_processes_from_json(const struct json_t *j, struct rel_processes *ret,
	struct rel_err *err) REL_CHECK;

#endif
