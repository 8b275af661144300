/* SPDX-License-Identifier: Apache-2.0 */
#include "run/formation.h"

#include "base/mem.h"
#include "rel_test.h"

#include <stdlib.h>
#include <string.h>

static const char procfile[] = "web: bin/web\n"
			       "release: bin/migrate\n"
			       "worker: bin/work\n"
			       "my-job-1: bin/job\n"
			       "clock: bin/clock\n";

static struct rel_processes processes(const char *text)
{
	struct rel_processes p = { 0 };
	struct rel_err err = REL_ERR_INIT;

	assert_int_equal(rel_procfile_parse(text, strlen(text), &p, &err), 0);
	return p;
}

/* "web=2 worker=1" as a formation, of any types. */
static struct rel_formation formation(const char *text)
{
	struct rel_formation f = { 0 };
	char *copy = rel_strdup(text), *save, *word;

	for (word = strtok_r(copy, " ", &save); word;
		word = strtok_r(NULL, " ", &save)) {
		char *eq = strchr(word, '=');

		*eq = '\0';
		rel_formation_set(&f, word, atoi(eq + 1));
	}
	free(copy);
	return f;
}

static void same(const struct rel_formation *f, const char *want)
{
	struct rel_buf b = REL_BUF_INIT;

	rel_formation_format(f, &b);
	assert_string_equal(rel_buf_str(&b), want);
	rel_buf_free(&b);
}

/* rel_formation_parse or rel_formation_change */
typedef int reader_fn(struct rel_formation *f, const struct rel_processes *p,
	const char *text, struct rel_err *err);

static void reads(reader_fn *read, const char *before, const char *text,
	const char *after)
{
	struct rel_processes p = processes(procfile);
	struct rel_formation f = formation(before);
	struct rel_err err = REL_ERR_INIT;

	if (read(&f, &p, text, &err) < 0)
		fail_msg("'%s': %s", text, err.msg);
	same(&f, after);
	rel_formation_done(&f);
	rel_processes_done(&p);
}

static struct rel_err refuses(
	reader_fn *read, const char *text, enum rel_code code)
{
	struct rel_processes p = processes(procfile);
	struct rel_formation f = formation("web=5 clock=1");
	struct rel_err err = REL_ERR_INIT;

	if (read(&f, &p, text, &err) != -(int)code)
		fail_msg("'%s': code %d, not %d", text, err.code, code);
	assert_int_equal(err.code, code);
	assert_true(err.msg[0] && err.hint[0]);
	same(&f, "web=5 clock=1");
	rel_formation_done(&f);
	rel_processes_done(&p);
	return err;
}

static void test_what_run_takes(void **state)
{
	reader_fn *read = rel_formation_parse;

	(void)state;
	reads(read, "", "web=2", "web=2");
	reads(read, "", "web=2,worker=1", "web=2 worker=1");
	reads(read, "", "worker=1,web=0", "worker=1 web=0");
	reads(read, "", "web=100", "web=100");
	reads(read, "", "my-job-1=3", "my-job-1=3");
	reads(read, "", "all=1", "web=1 worker=1 my-job-1=1 clock=1");
	reads(read, "", "all=1,web=2", "web=2 worker=1 my-job-1=1 clock=1");
	reads(read, "", "web=2,all=0", "web=0 worker=0 my-job-1=0 clock=0");
	reads(read, "", "web=2,web=3", "web=3");
	reads(read, "web=7 clock=4", "worker=1,web=2",
		"web=2 clock=4 worker=1");
}

static void test_what_scale_takes(void **state)
{
	reader_fn *read = rel_formation_change;

	(void)state;
	reads(read, "web=1", "web=3", "web=3");
	reads(read, "web=1", "web=0", "web=0");
	reads(read, "web=1 worker=2", "worker+1", "web=1 worker=3");
	reads(read, "clock=1", "clock-1", "clock=0");
	reads(read, "clock=3", "clock-5", "clock=0");
	reads(read, "clock=3", "clock-99999999999", "clock=0");
	reads(read, "web=98", "web+2", "web=100");
	reads(read, "web=1", "web+0", "web=1");
	reads(read, "web=1", "worker+2", "web=1 worker=2");
	/* a type may look like a change itself */
	reads(read, "my-job-1=4", "my-job-1-1", "my-job-1=3");
	reads(read, "my-job-1=4", "my-job-1=1", "my-job-1=1");
}

static void test_what_is_not_of_the_form_is_refused(void **state)
{
	static const char *const neither[] = { "", "web", "=", "=1", "+1", "-1",
		"1", "web=", "web+", "web==1", "web=1=2", "web=-1", "web=+1",
		"web= 1", "web=1 ", "web=01", "web=1.0", "web=0x1", "web=two",
		"web=1;", "web:1", "web*2", "web =1", "w.b=1" };
	static const char *const not_run[] = { ",", "web=1,", ",web=1",
		"web=1,,worker=1", "web+1", "web-1", "web=1 worker=1",
		"worker=1,web" };
	static const char *const not_scale[] = { "web=1,worker=1", "web=1-1",
		"web+-1", "web--1", "web+01", "web++" };

	(void)state;
	for (size_t i = 0; i < sizeof(neither) / sizeof(*neither); i++) {
		refuses(rel_formation_parse, neither[i], REL_EUSAGE);
		refuses(rel_formation_change, neither[i], REL_EUSAGE);
	}
	for (size_t i = 0; i < sizeof(not_run) / sizeof(*not_run); i++)
		refuses(rel_formation_parse, not_run[i], REL_EUSAGE);
	for (size_t i = 0; i < sizeof(not_scale) / sizeof(*not_scale); i++)
		refuses(rel_formation_change, not_scale[i], REL_EUSAGE);
}

static void test_an_error_shows_the_form_to_write(void **state)
{
	struct rel_err err = refuses(rel_formation_parse, "web", REL_EUSAGE);

	(void)state;
	assert_string_equal(err.msg, "'web' is not of the form TYPE=COUNT");
	assert_non_null(strstr(err.hint, "web=2,worker=1"));
	err = refuses(rel_formation_change, "web", REL_EUSAGE);
	assert_non_null(strstr(err.hint, "web=3, worker+1 or clock-1"));
}

/* `scale` where `config set` was meant, with a value that ends like a count. */
static void test_an_error_shows_nothing_behind_an_equals_sign(void **state)
{
	static const char *const words[] = { "TOKEN=hidden", "TOKEN=hidden-1",
		"TOKEN=hidden+1", "TOKEN=hidden=1" };

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		struct rel_err a =
			refuses(rel_formation_parse, words[i], REL_EUSAGE);
		struct rel_err b =
			refuses(rel_formation_change, words[i], REL_EUSAGE);

		assert_non_null(strstr(a.msg, "'TOKEN=…'"));
		assert_non_null(strstr(b.msg, "'TOKEN=…'"));
		assert_null(strstr(a.msg, "hidden"));
		assert_null(strstr(b.msg, "hidden"));
	}
}

static void test_more_than_100_of_a_type_are_refused(void **state)
{
	(void)state;
	refuses(rel_formation_parse, "web=101", REL_EUSAGE);
	refuses(rel_formation_parse, "all=101", REL_EUSAGE);
	refuses(rel_formation_parse, "web=4294967297", REL_EUSAGE);
	refuses(rel_formation_parse, "web=18446744073709551617", REL_EUSAGE);
	refuses(rel_formation_change, "web=101", REL_EUSAGE);
	refuses(rel_formation_change, "web+96", REL_EUSAGE);
	refuses(rel_formation_change, "web+4294967296", REL_EUSAGE);
}

static void test_a_type_that_is_not_there_is_told_with_those_that_are(
	void **state)
{
	static const char hint[] =
		"its process types: web, worker, my-job-1, clock";
	struct rel_err err;

	(void)state;
	err = refuses(rel_formation_parse, "web=1,wroker=1", REL_ENOTFOUND);
	assert_string_equal(
		err.msg, "the release has no process type 'wroker'");
	assert_string_equal(err.hint, hint);
	err = refuses(rel_formation_change, "my-job+1", REL_ENOTFOUND);
	assert_string_equal(err.hint, hint);
	refuses(rel_formation_parse, "Web=1", REL_ENOTFOUND);
	refuses(rel_formation_parse, "we=1", REL_ENOTFOUND);
	refuses(rel_formation_change, "all=1", REL_ENOTFOUND);
}

static void test_hooks_are_refused_by_name(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		const char *words[] = { "build=1", "release=0" };
		struct rel_err err = refuses(
			i < 2 ? rel_formation_parse : rel_formation_change,
			words[i % 2], REL_EUSAGE);

		assert_non_null(strstr(err.msg, "is a hook"));
		assert_non_null(strstr(err.hint, "web, worker"));
		assert_null(strstr(err.hint, "release"));
	}
}

static void test_a_hint_has_room_for_a_thousand_types(void **state)
{
	struct rel_buf text = REL_BUF_INIT;
	struct rel_processes p;
	struct rel_formation f = { 0 };
	struct rel_err err = REL_ERR_INIT;

	(void)state;
	for (int i = 0; i < 1000; i++)
		rel_buf_addf(&text, "t%062d: x\n", i);
	p = processes(text.p);
	assert_int_equal(
		rel_formation_parse(&f, &p, "web=1", &err), -REL_ENOTFOUND);
	assert_string_equal(err.hint + strlen(err.hint) - strlen(", …"), ", …");
	rel_processes_done(&p);

	p = processes("release: x\n");
	assert_int_equal(
		rel_formation_parse(&f, &p, "web=1", &err), -REL_ENOTFOUND);
	assert_true(err.hint[0]);
	rel_processes_done(&p);
	rel_buf_free(&text);
}

static void completes(const char *given, const char *stored,
	const char *declared, const char *want)
{
	struct rel_processes p = processes(procfile);
	struct rel_formation g = formation(given ? given : "");
	struct rel_formation s = formation(stored ? stored : "");
	struct rel_formation d = formation(declared ? declared : "");
	struct rel_formation f = { 0 };

	rel_formation_complete(&p, given ? &g : NULL, stored ? &s : NULL,
		declared ? &d : NULL, &f);
	same(&f, want);
	rel_formation_done(&f);
	rel_formation_done(&g);
	rel_formation_done(&s);
	rel_formation_done(&d);
	rel_processes_done(&p);
}

static void test_the_first_that_names_a_type_says_how_many(void **state)
{
	(void)state;
	completes(NULL, NULL, NULL, "web=1 worker=1 my-job-1=1 clock=1");
	completes("", NULL, NULL, "web=0 worker=0 my-job-1=0 clock=0");
	completes(NULL, "", "", "web=1 worker=1 my-job-1=1 clock=1");
	completes(NULL, NULL, "clock=0 web=3",
		"web=3 worker=1 my-job-1=1 clock=0");
	completes(NULL, "worker=0 web=2", "worker=5 clock=4",
		"web=2 worker=0 my-job-1=1 clock=4");
	completes("clock=2", "web=2 clock=1", "worker=5",
		"web=0 worker=0 my-job-1=0 clock=2");
	/* of another release, or no instances: they are left out */
	completes(NULL, "gone=3 release=1 web=2", "build=1",
		"web=2 worker=1 my-job-1=1 clock=1");
}

static void test_a_formation_is_kept_as_json(void **state)
{
	struct rel_formation f = formation("web=2 worker=0 clock=100"), g;
	struct json_t *j = rel_formation_to_json(&f);
	struct rel_err err = REL_ERR_INIT;
	struct rel_buf b = REL_BUF_INIT;

	(void)state;
	rel_json_format(j, &b);
	assert_string_equal(b.p, "{\"clock\":100,\"web\":2,\"worker\":0}");
	assert_int_equal(rel_formation_from_json(j, &g, &err), 0);
	assert_int_equal(g.n, f.n);
	for (size_t i = 0; i < f.n; i++)
		assert_int_equal(
			rel_formation_get(&g, f.v[i].type, -1), f.v[i].n);
	assert_int_equal(rel_formation_get(&g, "wor", -1), -1);
	rel_formation_done(&f);
	rel_formation_done(&g);
	rel_json_free(j);
	rel_buf_free(&b);
}

static void test_json_that_is_no_formation_is_refused(void **state)
{
	static const char *const texts[] = { "[]", "[2]", "{\"web\":\"2\"}",
		"{\"web\":-1}", "{\"web\":101}", "{\"web\":1.0}",
		"{\"web\":null}", "{\"web\":4294967297}",
		"{\"a\":1,\"b\":true,\"c\":1}" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct rel_formation f = { 0 };
		struct rel_err err = REL_ERR_INIT;
		struct json_t *j = NULL;

		assert_int_equal(
			rel_json_parse(texts[i], strlen(texts[i]), &j, &err),
			0);
		if (rel_formation_from_json(j, &f, &err) != -REL_EINTEGRITY)
			fail_msg("%s was taken", texts[i]);
		assert_int_equal(f.n, 0);
		rel_json_free(j);
	}
}

static void test_ports_are_foremans_over_the_whole_procfile(void **state)
{
	struct rel_processes p = processes(procfile);

	(void)state;
	assert_int_equal(rel_port_of(&p, 5000, "web", 1), 5000);
	assert_int_equal(rel_port_of(&p, 5000, "web", 2), 5001);
	assert_int_equal(rel_port_of(&p, 5000, "web", 100), 5099);
	assert_int_equal(rel_port_of(&p, 5000, "release", 1), 5100);
	assert_int_equal(rel_port_of(&p, 5000, "worker", 1), 5200);
	assert_int_equal(rel_port_of(&p, 8080, "clock", 3), 8482);
	assert_int_equal(rel_port_of(&p, 5000, "gone", 1), 0);
	assert_int_equal(rel_port_of(&p, 65535, "web", 1), 65535);
	assert_int_equal(rel_port_of(&p, 65535, "web", 2), 0);
	assert_int_equal(rel_port_of(&p, 65335, "worker", 1), 65535);
	assert_int_equal(rel_port_of(&p, 65336, "worker", 1), 0);
	rel_processes_done(&p);
}

static void test_a_peer_finds_the_port_by_its_type(void **state)
{
	struct rel_buf b = REL_BUF_INIT;

	(void)state;
	rel_port_name("web", &b);
	rel_buf_addc(&b, ' ');
	rel_port_name("my-Job_9z", &b);
	assert_string_equal(b.p, "RELCTL_PORT_WEB RELCTL_PORT_MY_JOB_9Z");
	rel_buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_run_takes),
		cmocka_unit_test(test_what_scale_takes),
		cmocka_unit_test(test_what_is_not_of_the_form_is_refused),
		cmocka_unit_test(test_an_error_shows_the_form_to_write),
		cmocka_unit_test(
			test_an_error_shows_nothing_behind_an_equals_sign),
		cmocka_unit_test(test_more_than_100_of_a_type_are_refused),
		cmocka_unit_test(
			test_a_type_that_is_not_there_is_told_with_those_that_are),
		cmocka_unit_test(test_hooks_are_refused_by_name),
		cmocka_unit_test(test_a_hint_has_room_for_a_thousand_types),
		cmocka_unit_test(
			test_the_first_that_names_a_type_says_how_many),
		cmocka_unit_test(test_a_formation_is_kept_as_json),
		cmocka_unit_test(test_json_that_is_no_formation_is_refused),
		cmocka_unit_test(
			test_ports_are_foremans_over_the_whole_procfile),
		cmocka_unit_test(test_a_peer_finds_the_port_by_its_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
