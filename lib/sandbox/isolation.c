/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "sandbox/keeper.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[] = { "auto", "none", "landlock", "ns" };

const char *rel_isolation_name(enum rel_isolation level)
{
	return names[level];
}

bool rel_isolation_parse(const char *name, enum rel_isolation *ret)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strcmp(name, names[i]) != 0)
			continue;
		*ret = (enum rel_isolation)i;
		return true;
	}
	return false;
}

enum rel_isolation rel_isolation_below(enum rel_isolation level)
{
	return level == REL_ISOLATION_NS	 ? REL_ISOLATION_LANDLOCK
	       : level == REL_ISOLATION_LANDLOCK ? REL_ISOLATION_NONE
						 : REL_ISOLATION_AUTO;
}

const char *rel_sandbox_home(const struct rel_sandbox *box)
{
	return box->level == REL_ISOLATION_NS ? "/app" : box->tree;
}

void rel_sandbox_hidden(const struct rel_sandbox *box, struct rel_strings *ret)
{
	for (size_t i = 0; i < box->hidden_n; i++) {
		char *real = realpath(box->hidden[i], NULL);

		rel_strings_push(ret, real ? real : rel_strdup(box->hidden[i]));
	}
}
