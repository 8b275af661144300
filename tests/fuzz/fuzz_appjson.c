/* SPDX-License-Identifier: Apache-2.0 */
#include "config/appjson.h"
#include "fuzz.h"

#include <string.h>

/* What is kept of it is read as the same, and kept as the same again. */
static void check_kept(const struct rel_appjson *a)
{
	REL_AUTO(rel_appjson_done) struct rel_appjson again = { 0 };
	REL_AUTO(rel_json_freep) struct json_t *j = rel_appjson_to_json(a);
	REL_AUTO(rel_json_freep) struct json_t *k = NULL;
	REL_AUTO(rel_buf_free) struct rel_buf s = REL_BUF_INIT;
	REL_AUTO(rel_buf_free) struct rel_buf t = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;

	REQUIRE(rel_appjson_from_json(j, &again, &err) == 0);
	k = rel_appjson_to_json(&again);
	rel_json_format(j, &s);
	rel_json_format(k, &t);
	REQUIRE(strcmp(rel_buf_str(&s), rel_buf_str(&t)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	REL_AUTO(rel_appjson_done) struct rel_appjson a = { 0 };
	struct rel_config none = { 0 };
	struct rel_err err = REL_ERR_INIT;

	if (rel_appjson_parse((const char *)data, size, &a, &err) < 0) {
		REQUIRE(err.code == REL_EINVALID);
		REQUIRE(strcmp(err.file, "app.json") == 0);
		return 0;
	}
	check_kept(&a);
	if (rel_appjson_check(&a, &none, &err) < 0) {
		REQUIRE(err.code == REL_EREFUSED);
		REQUIRE(err.context[strlen(err.context) - 1] == '\n');
	}
	return 0;
}
