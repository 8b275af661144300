/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/config/check.h - the health checks of a policy. Private to this folder:
 * policy.c reads them with the rest.
 */
#ifndef REL_CONFIG_CHECK_H
#define REL_CONFIG_CHECK_H

#include "config/policy.h"

/* Read the checks of ${list}, which stands at healthchecks.${type}, into a
 * policy that has none. Errors: REL_EINVALID. */
int rel_checks_read(const struct json_t *list, const char *type,
	struct rel_policy *into, struct rel_err *err) REL_CHECK;
void rel_checks_done(struct rel_policy *p);

#endif
