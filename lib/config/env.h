/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/config/env.h - the env file grammar of docs/formats.md, section 7.
 * Whatever two programs that read env files would read differently is an error.
 */
#ifndef REL_CONFIG_ENV_H
#define REL_CONFIG_ENV_H

#include "config/config.h"

/*
 * Parse ${n} bytes of the file called ${label} (for messages) into an empty
 * ${ret}. All offending lines, at most 20, are reported in one error: its
 * place is the first one's (message "config is not valid: LABEL:LINE:COL:
 * what"), each further one is a line of the context, which also shows the
 * masked source of the first with a caret. Nothing of a value is ever in it.
 * Errors: REL_EINVALID.
 */
int rel_env_parse(const char *label, const char *p, size_t n,
	struct rel_config *ret, struct rel_err *err) REL_CHECK;

#endif
