/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/config/config.h - the config of a release: names and values, sorted.
 * Mechanism. Values are secrets: they are in no message, and freeing wipes.
 */
#ifndef REL_CONFIG_CONFIG_H
#define REL_CONFIG_CONFIG_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

#define REL_MAX_VAR 131072u	/* NAME=value and its NUL; execve's limit */
#define REL_MAX_CONFIG 1048576u /* all of them together */
#define REL_MAX_VAR_NAME 255u

struct rel_var {
	char *name, *value;
};

struct rel_config {	   /* { 0 } is the empty one */
	struct rel_var *v; /* sorted by name, bytewise; no name twice */
	size_t n, cap;
};

void rel_config_done(struct rel_config *c); /* wipes; for REL_AUTO too */

/* NULL when there is none; borrowed. */
const char *rel_config_get(const struct rel_config *c, const char *name);

/* [A-Za-z_][A-Za-z0-9_]*, at most 255 bytes, not PS, not RELCTL_*, said by
 * the message. ${n} bytes at ${name}. Errors: REL_EINVALID. */
int rel_config_check_name(
	const char *name, size_t n, struct rel_err *err) REL_CHECK;

/*
 * Set a variable, taken literally. Errors: REL_EINVALID (name; value over the
 * limit, not UTF-8; the config over its limit).
 */
int rel_config_set(struct rel_config *c, const char *name, const char *value,
	struct rel_err *err) REL_CHECK;

/* False when it was not there. */
bool rel_config_unset(struct rel_config *c, const char *name);

/* Set all of ${from} in ${c}. Errors: REL_EINVALID (over the limit). */
int rel_config_merge(struct rel_config *c, const struct rel_config *from,
	struct rel_err *err) REL_CHECK;

/* The sealed form: "NAME=value NUL", sorted; ${out} is the caller's to wipe. */
void rel_config_format(const struct rel_config *c, struct rel_buf *out);

/* Read that form back into an empty ${c}, strictly. Errors: REL_EINTEGRITY. */
int rel_config_parse(struct rel_config *c, const char *p, size_t n,
	struct rel_err *err) REL_CHECK;

/* How two configs differ, by name. */
struct rel_config_change {
	const char *name; /* borrowed from one of the two */
	char kind;	  /* '+' new, '-' gone, '~' another value */
};
/* *ret is the caller's to free; sorted by name. Returns how many. */
size_t rel_config_diff(const struct rel_config *from,
	const struct rel_config *to, struct rel_config_change **ret);

#endif
