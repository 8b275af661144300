/* SPDX-License-Identifier: Apache-2.0 */
#include "rel_test.h"

#include "base/mem.h"
#include "run/process.h"

#include <stdlib.h>
#include <string.h>

static const struct rel_process_facts facts = {
	.home = "/srv/trees/ab",
	.ps = "web.1",
	.app = "shop",
	.release = 12,
	.commit = "3f2a91c",
	.port = "5000",
};

static void put(struct rel_config *c, const char *name, const char *value)
{
	struct rel_err err = REL_ERR_INIT;

	assert_int_equal(rel_config_set(c, name, value, &err), 0);
}

/* The whole environment as one text. */
static char *environ_of(
	const struct rel_process_facts *base, const struct rel_config *config)
{
	REL_AUTO(rel_strings_done) struct rel_strings s = { 0 };
	struct rel_process_facts f = *base;
	struct rel_buf text = REL_BUF_INIT;

	f.config = config;
	rel_process_environ(&f, &s);
	assert_null(s.v[s.n]);
	for (size_t i = 0; i < s.n; i++)
		rel_buf_addf(&text, "%s\n", s.v[i]);
	return rel_buf_take(&text);
}

static void expect(const struct rel_process_facts *f,
	const struct rel_config *config, const char *want)
{
	REL_AUTO(rel_freep) char *got = environ_of(f, config);

	assert_string_equal(got, want);
}

static void test_without_config_it_is_exactly_these(void **state)
{
	struct rel_config none = { 0 };

	(void)state;
	setenv("FROM_CALLER", "1", 1);
	setenv("TERM", "caller", 1);
	expect(&facts, &none,
		"HOME=/srv/trees/ab\n"
		"LANG=C.UTF-8\n"
		"PATH=/srv/trees/ab/bin:/usr/local/bin:/usr/bin:/bin\n"
		"PORT=5000\n"
		"PS=web.1\n"
		"RELCTL_APP=shop\n"
		"RELCTL_COMMIT=3f2a91c\n"
		"RELCTL_RELEASE=v12\n");
}

static void test_lang_of_the_config_stays_port_is_the_one_given(void **state)
{
	REL_AUTO(rel_config_done) struct rel_config c = { 0 };

	(void)state;
	put(&c, "LANG", "de_DE.UTF-8");
	put(&c, "PORT", "8080");
	put(&c, "PATH", "/opt/x:/bin");
	put(&c, "HOME", "/elsewhere");
	expect(&facts, &c,
		"HOME=/srv/trees/ab\n"
		"LANG=de_DE.UTF-8\n"
		"PATH=/srv/trees/ab/bin:/opt/x:/bin\n"
		"PORT=5000\n"
		"PS=web.1\n"
		"RELCTL_APP=shop\n"
		"RELCTL_COMMIT=3f2a91c\n"
		"RELCTL_RELEASE=v12\n");
}

static void test_exec_has_no_port_a_terminal_brings_its_name(void **state)
{
	struct rel_process_facts f = facts;
	REL_AUTO(rel_config_done) struct rel_config c = { 0 };

	(void)state;
	f.port = NULL;
	f.term = "xterm";
	f.commit = "";
	f.ps = "exec.4711";
	put(&c, "TERM", "dumb");
	expect(&f, &c,
		"HOME=/srv/trees/ab\n"
		"LANG=C.UTF-8\n"
		"PATH=/srv/trees/ab/bin:/usr/local/bin:/usr/bin:/bin\n"
		"PS=exec.4711\n"
		"RELCTL_APP=shop\n"
		"RELCTL_RELEASE=v12\n"
		"TERM=xterm\n");
}

static void test_an_empty_value_is_a_value(void **state)
{
	REL_AUTO(rel_config_done) struct rel_config c = { 0 };
	REL_AUTO(rel_freep) char *got = NULL;

	(void)state;
	put(&c, "LANG", "");
	put(&c, "PATH", "");
	put(&c, "EMPTY", "");
	got = environ_of(&facts, &c);
	assert_non_null(strstr(got, "\nLANG=\n"));
	/* No colon: an empty element of PATH is the current directory. */
	assert_non_null(strstr(got, "\nPATH=/srv/trees/ab/bin\n"));
	assert_memory_equal(got, "EMPTY=\n", 7);
}

static void test_sorted_by_name_and_values_untouched(void **state)
{
	REL_AUTO(rel_config_done) struct rel_config c = { 0 };
	REL_AUTO(rel_freep) char *got = NULL;

	(void)state;
	/* '1' sorts before '=', so the strings alone would be in another
	 * order; and PSX is not PS. */
	put(&c, "AA1", "two");
	put(&c, "AA", "one=\"'$x\nline");
	put(&c, "PSX", "mine");
	put(&c, "zz", "\xc3\xa4");
	got = environ_of(&facts, &c);
	assert_memory_equal(got, "AA=one=\"'$x\nline\nAA1=two\nHOME=", 30);
	assert_non_null(strstr(got, "\nPS=web.1\nPSX=mine\nRELCTL_"));
	assert_string_equal(strstr(got, "\nzz="), "\nzz=\xc3\xa4\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_config_it_is_exactly_these),
		cmocka_unit_test(
			test_lang_of_the_config_stays_port_is_the_one_given),
		cmocka_unit_test(
			test_exec_has_no_port_a_terminal_brings_its_name),
		cmocka_unit_test(test_an_empty_value_is_a_value),
		cmocka_unit_test(test_sorted_by_name_and_values_untouched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
