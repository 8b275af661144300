/* SPDX-License-Identifier: Apache-2.0 */
#include "config/procfile.h"
#include "fuzz.h"

#include <string.h>

/* What was read can be recorded, and is read from there as the same. */
static void check_processes(const struct rel_processes *all)
{
	REL_AUTO(rel_processes_done) struct rel_processes again = { 0 };
	REL_AUTO(rel_json_freep) struct json_t *j = rel_processes_to_json(all);
	struct rel_err err = REL_ERR_INIT;

	REQUIRE(rel_processes_from_json(j, &again, &err) == 0);
	REQUIRE(again.n == all->n);
	for (size_t i = 0; i < all->n; i++) {
		REQUIRE(strcmp(again.v[i].type, all->v[i].type) == 0);
		REQUIRE(strcmp(again.v[i].command, all->v[i].command) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	REL_AUTO(rel_processes_done) struct rel_processes all = { 0 };
	struct rel_err err = REL_ERR_INIT;

	if (rel_procfile_parse((const char *)data, size, &all, &err) == 0) {
		check_processes(&all);
		return 0;
	}
	REQUIRE(err.line > 0 && err.column > 0);
	REQUIRE(!strchr(err.msg, '\n'));
	for (const char *p = err.context; *p; p++)
		REQUIRE((unsigned char)*p >= 0x20 || *p == '\n');
	return 0;
}
