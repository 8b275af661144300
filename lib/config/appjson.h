/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/config/appjson.h - the keys of app.json that relctl reads (Heroku's
 * schema; docs/formats.md, section 9). Mechanism.
 */
#ifndef REL_CONFIG_APPJSON_H
#define REL_CONFIG_APPJSON_H

#include "base/err.h"
#include "base/json.h"
#include "config/config.h"

#include <stdbool.h>
#include <stddef.h>

struct rel_declared { /* one member of app.json's env */
	char *name;
	char *description; /* or NULL */
	char *value;	   /* the suggestion, or NULL; never applied */
	bool required;	   /* default true, also when only a string is given,
			    * which is the suggested value */
	bool secret;	   /* "generator": "secret" */
};

struct rel_appjson { /* { 0 } is an app without app.json */
	struct rel_declared *env;
	size_t env_n, env_cap;	     /* sorted by name */
	struct json_t *formation;    /* {TYPE: quantity}, or NULL */
	struct json_t *healthchecks; /* as it stands, or NULL */
	struct json_t *relctl;	     /* relctl.TYPE as it stands, or NULL */
};

void rel_appjson_done(struct rel_appjson *a); /* for REL_AUTO too */

/*
 * Parse app.json. Other keys are left alone; these must be of their type.
 * Errors: REL_EINVALID with file, line and column where they are known, and
 * the key's path in the message ('env.PORT.required' must be true or false).
 */
int rel_appjson_parse(const char *p, size_t n, struct rel_appjson *ret,
	struct rel_err *err) REL_CHECK;

/* The form kept in the artifact record: only what was read, and back. */
struct json_t *rel_appjson_to_json(const struct rel_appjson *a);
int rel_appjson_from_json(const struct json_t *j, struct rel_appjson *ret,
	struct rel_err *err) REL_CHECK;

/*
 * A required name without a value in ${c}: REL_EREFUSED. The message has the
 * first, the context a line for each ("  SECRET_KEY  what it is for"), the
 * hint the --set or --generate line to type. An empty value is a value.
 */
int rel_appjson_check(const struct rel_appjson *a, const struct rel_config *c,
	struct rel_err *err) REL_CHECK;

#endif
