/* SPDX-License-Identifier: Apache-2.0 */
/* lib/base/strings.h - an argument vector or an environment. Floor 0. */
#ifndef REL_BASE_STRINGS_H
#define REL_BASE_STRINGS_H

#include <stddef.h>

/* A NULL-terminated vector of owned strings; { 0 } is none, and v NULL. */
struct rel_strings {
	char **v;
	size_t n, cap;
};
void rel_strings_push(struct rel_strings *s, char *text); /* takes text */
void rel_strings_done(struct rel_strings *s); /* wipes; for REL_AUTO too */

#endif
