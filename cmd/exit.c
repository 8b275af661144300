/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd.h"

/* The one place where a code becomes a number; relctl(1) has the list. */
static const struct {
	int status;
	const char *word;
} codes[] = {
	[REL_OK] = { 0, "ok" },
	[REL_EIO] = { 1, "failed" },
	[REL_EDIFFERENT] = { 1, "different" },
	[REL_EUSAGE] = { 2, "usage" },
	[REL_EINVALID] = { 2, "invalid" },
	[REL_EREFUSED] = { 3, "refused" },
	[REL_EDENIED] = { 4, "denied" },
	[REL_ENOTFOUND] = { 5, "not_found" },
	[REL_EINTEGRITY] = { 6, "integrity" },
	[REL_EBUSY] = { 7, "busy" },
	[REL_EUNHEALTHY] = { 8, "unhealthy" },
	[REL_ECOMMAND] = { 9, "command_failed" },
	[REL_EUNREACHABLE] = { 10, "unreachable" },
};

int exit_status(enum rel_code code)
{
	return codes[code].status;
}

const char *exit_word(enum rel_code code)
{
	return codes[code].word;
}
