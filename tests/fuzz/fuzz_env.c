/* SPDX-License-Identifier: Apache-2.0 */
#include "config/env.h"
#include "fuzz.h"

#include <string.h>

/* A config that was read is one that can be sealed, opened and read again. */
static void check_config(const struct rel_config *c)
{
	REL_AUTO(rel_config_done) struct rel_config opened = { 0 };
	struct rel_config_change *change = NULL;
	struct rel_buf sealed = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;

	rel_config_format(c, &sealed);
	REQUIRE(rel_config_parse(
			&opened, rel_buf_str(&sealed), sealed.len, &err) == 0);
	REQUIRE(rel_config_diff(c, &opened, &change) == 0);
	free(change);
	rel_buf_wipe(&sealed);
}

/*
 * The line that is at fault: beside its number and the caret, the context has
 * its valid name and stars.
 */
static void check_error(
	const char *text, size_t size, const struct rel_err *err)
{
	const char *line = text, *end = text + size, *is, *bar;

	REQUIRE(strncmp(err->msg, "config is not valid: f:", 23) == 0);
	REQUIRE(!strchr(err->msg, '\n') && !strchr(err->hint, '\n'));
	REQUIRE(err->line > 0 && err->column > 0);
	for (unsigned i = 1; i < err->line; i++) {
		line = memchr(line, '\n', (size_t)(end - line));
		REQUIRE(line);
		line++;
	}
	REQUIRE(err->column <= (size_t)(end - line) + 1);

	bar = strstr(err->context, " | ");
	if (!bar || bar > strchr(err->context, '\n'))
		return;
	bar += 3;
	is = strchr(bar, '=');
	if (is && is < strchr(bar, '\n')) {
		REQUIRE(memcmp(line, bar, (size_t)(is - bar) + 1) == 0);
		bar = is + 1;
	}
	bar += strspn(bar, "*");
	REQUIRE(*bar == '\n' || strncmp(bar, "…\n", 4) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	REL_AUTO(rel_config_done) struct rel_config c = { 0 };
	struct rel_err err = REL_ERR_INIT;
	const char *text = (const char *)data;

	if (rel_env_parse("f", text, size, &c, &err) == 0)
		check_config(&c);
	else
		check_error(text, size, &err);
	return 0;
}
