/* SPDX-License-Identifier: Apache-2.0 */
/* cmd/inputs.h - config from files, stdin and the terminal. */
#ifndef RELCTL_INPUTS_H
#define RELCTL_INPUTS_H

#include "cmd.h"
#include "config/config.h"

/* Read env files in order, later ones win; "-" is stdin. Errors: REL_ENOTFOUND,
 * REL_EINVALID. */
int inputs_env(const struct opt_list *files, struct rel_config *ret,
	struct rel_err *err) REL_CHECK;

/* NAME=value taken literally; NAME alone asks without echo on a terminal, or
 * reads one line of stdin. Errors: REL_EINVALID, REL_EUSAGE. */
int inputs_set(const struct opt_list *words, struct rel_config *ret,
	struct rel_err *err) REL_CHECK;

#endif
