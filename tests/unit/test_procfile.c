/* SPDX-License-Identifier: Apache-2.0 */
#include "config/procfile.h"

#include "base/mem.h"
#include "rel_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct row {
	const char *file;
	size_t n;
	/* "web→run|worker→go|", or "!LINE:COLUMN: what" */
	const char *want;
};
#define ROW(file, want)                                                        \
	{                                                                      \
		file, sizeof(file) - 1, want                                   \
	}

static char *outcome(const char *file, size_t n)
{
	struct rel_processes all = { 0 };
	struct rel_err err = REL_ERR_INIT;
	struct rel_buf b = REL_BUF_INIT;
	static const char prefix[] = "Procfile:";

	if (rel_procfile_parse(file, n, &all, &err) < 0) {
		assert_int_equal(err.code, REL_EINVALID);
		assert_string_equal(err.file, "Procfile");
		assert_true(err.line > 0 && err.column > 0);
		assert_memory_equal(err.msg, prefix, sizeof(prefix) - 1);
		rel_buf_addf(&b, "!%s", err.msg + sizeof(prefix) - 1);
	}
	for (size_t i = 0; i < all.n; i++)
		rel_buf_addf(&b, "%s→%s|", all.v[i].type, all.v[i].command);
	rel_processes_done(&all);
	return rel_buf_take(&b);
}

static void check(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char *got = outcome(rows[i].file, rows[i].n);

		if (strcmp(got, rows[i].want) != 0)
			fail_msg("row %zu, '%s': got '%s', not '%s'", i,
				rows[i].file, got, rows[i].want);
		free(got);
	}
}

/* Inputs on which nine programs that read Procfiles were compared. */
static void test_inputs_that_other_readers_differ_on(void **state)
{
	static const struct row rows[] = {
		ROW("web: run\n", "web→run|"),
		ROW("web:run\n", "web→run|"),
		ROW("web:\trun\n", "web→run|"),
		ROW("web : run\n", "!1:4: blank space after a process type"),
		ROW("  web: run\n", "!1:1: blank space before a process type"),
		ROW("# c\nweb: run\n", "web→run|"),
		ROW("#web: run\n", ""),
		ROW("  # c\nweb: run\n", "web→run|"),
		ROW("my-web: run\n", "my-web→run|"),
		ROW("my_web: run\n", "my_web→run|"),
		ROW("Web: run\n", "Web→run|"),
		ROW("web.x: run\n", "!1:4: a byte that no process type has"),
		ROW("1web: run\n", "1web→run|"),
		ROW("web\n", "!1:4: no ':' after a process type"),
		ROW("web:\n", "!1:5: no command after the process type"),
		ROW("web: a:b\n", "web→a:b|"),
		ROW("web: run # c\n", "web→run # c|"),
		ROW("web: run  \n", "web→run|"),
		ROW("web: a\nweb: b\n",
			"!2:1: a process type that is there already"),
		ROW("my-web: a\nx: b\nMy_Web: c\n",
			"!3:1: a process type that differs from another one by "
			"case or '-' and '_' alone"),
		ROW("my-web: a\nmy-web2: b\n", "my-web→a|my-web2→b|"),
		ROW("web: run\r\n", "web→run|"),
		ROW("web: a \\\n  b\n",
			"!2:1: blank space before a process type"),
		ROW("<<<<<<< HEAD\nweb: run\n",
			"!1:1: a byte that no process type has"),
		ROW("\xef\xbb\xbfweb: run\n", "!1:1: a byte order mark"),
		ROW("hello world\nweb: run\n",
			"!1:6: blank space after a process type"),
	};

	(void)state;
	check(rows, sizeof(rows) / sizeof(*rows));
}

static void test_the_rest_of_the_grammar(void **state)
{
	static const struct row rows[] = {
		ROW("", ""),
		ROW("\n \t\n\r\n", ""),
		ROW("web: run", "web→run|"),
		ROW("b: 2\na: 1\n", "b→2|a→1|"),
		ROW("web: \t a  b\t \n", "web→a  b|"),
		ROW("web: \t \n", "!1:8: no command after the process type"),
		ROW("web: a \\\n", "web→a \\|"),
		ROW("web-: run\n", "!1:4: a byte that no process type has"),
		ROW("-web: run\n", "!1:1: a byte that no process type has"),
		ROW("_web: run\n", "!1:1: a byte that no process type has"),
		ROW(": run\n", "!1:1: a byte that no process type has"),
		ROW("w\xc3\xa9"
		    "b: run\n",
			"!1:2: a byte that no process type has"),
		ROW("web: \xc3\xa9\n", "web→\xc3\xa9|"),
		ROW("web: \xff\n", "!1:6: a byte that is not UTF-8"),
		ROW("# \xff\n", "!1:3: a byte that is not UTF-8"),
		ROW("web: a\0b\n", "!1:7: a NUL byte"),
		ROW("web: a\rb\n", "!1:7: a carriage return that ends no line"),
		ROW("web: run\r", "!1:9: a carriage return that ends no line"),
		ROW("a23456789012345678901234567890123456789012345678901234567"
		    "890123: x\n",
			"a2345678901234567890123456789012345678901234567890123"
			"4567890123→x|"),
		ROW("a23456789012345678901234567890123456789012345678901234567"
		    "8901234: x\n",
			"!1:64: a process type of more than 63 bytes"),
	};

	(void)state;
	check(rows, sizeof(rows) / sizeof(*rows));
}

static void test_a_line_may_have_64_kib_and_no_more(void **state)
{
	char *line = rel_alloc(65538), *got;

	(void)state;
	memset(line, 'x', 65537);
	memcpy(line, "web:", 4);
	got = outcome(line, 65536);
	assert_int_equal(strlen(got), strlen("web→|") + 65532);
	free(got);
	got = outcome(line, 65537);
	assert_string_equal(got, "!1:65537: a line of more than 65,536 bytes");
	free(got);
	free(line);
}

static void fails(const char *file, struct rel_err *err)
{
	struct rel_processes all = { 0 };

	assert_int_equal(rel_procfile_parse(file, strlen(file), &all, err),
		-REL_EINVALID);
}

static void test_the_error_shows_the_line_and_the_form(void **state)
{
	struct rel_err err = REL_ERR_INIT;
	char *line = rel_alloc(10000);

	(void)state;
	fails("web: run\nwörker: go\n", &err);
	assert_string_equal(err.context, "  2 | wörker: go\n"
					 "       ^\n");
	fails("web\x1b\t: é\n", &err);
	assert_string_equal(err.context, "  1 | web\\033\\011: é\n"
					 "         ^\n");
	fails("web: é\xff\n", &err);
	assert_string_equal(err.context, "  1 | web: é\\377\n"
					 "            ^\n");
	fails("web x\n", &err);
	assert_string_equal(err.hint,
		"write each line as TYPE: COMMAND, or begin it with '#'");
	fails("web: a \\\n  b\n", &err);
	assert_string_equal(err.hint, "write the whole command in one line");

	memset(line, 'x', 9999);
	memcpy(line, "web: ", 5);
	line[5000] = '\xff';
	fails(line, &err);
	assert_int_equal(err.column, 5001);
	assert_true(strlen(err.context) < 250);
	assert_non_null(strstr(err.context, "…x"));
	assert_non_null(strstr(err.context, "x…\n"));
	free(line);
}

static void test_build_and_release_are_hooks(void **state)
{
	(void)state;
	assert_true(rel_process_is_hook("build"));
	assert_true(rel_process_is_hook("release"));
	assert_false(rel_process_is_hook("web"));
	assert_false(rel_process_is_hook("Release"));
	assert_false(rel_process_is_hook("releases"));
}

static void test_processes_come_back_from_json_in_their_order(void **state)
{
	static const char file[] = "web: bin/web --port $PORT\n"
				   "release: bin/migrate\n"
				   "a: \"é\" \\ # x\n";
	struct rel_processes all = { 0 }, again = { 0 };
	struct rel_err err = REL_ERR_INIT;
	struct rel_buf text = REL_BUF_INIT;
	struct json_t *j;

	(void)state;
	assert_int_equal(rel_procfile_parse(file, strlen(file), &all, &err), 0);
	assert_string_equal(
		rel_processes_command(&all, "release"), "bin/migrate");
	assert_null(rel_processes_command(&all, "worker"));

	j = rel_processes_to_json(&all);
	rel_json_format(j, &text);
	assert_string_equal(text.p, "[[\"web\",\"bin/web --port $PORT\"],"
				    "[\"release\",\"bin/migrate\"],"
				    "[\"a\",\"\\\"é\\\" \\\\ # x\"]]");
	assert_int_equal(rel_processes_from_json(j, &again, &err), 0);
	assert_int_equal(again.n, all.n);
	for (size_t i = 0; i < all.n; i++) {
		assert_string_equal(again.v[i].type, all.v[i].type);
		assert_string_equal(again.v[i].command, all.v[i].command);
	}
	rel_json_free(j);
	rel_buf_free(&text);
	rel_processes_done(&all);
	rel_processes_done(&again);
}

static void test_json_that_no_procfile_can_have_is_refused(void **state)
{
	static const char *const texts[] = {
		"{}",
		"[1]",
		"[[]]",
		"[[\"web\"]]",
		"[[\"web\",1]]",
		"[[\"web\",\"run\",\"x\"]]",
		"[{\"web\":\"run\"}]",
		"[[\"web\",\"\"]]",
		"[[\"web\",\" run\"]]",
		"[[\"web\",\"run \"]]",
		"[[\"web\",\"a\\nb: c\"]]",
		"[[\"web\",\"a\\n\"]]",
		"[[\"web\",\"a\\n#\"]]",
		"[[\"we.b\",\"run\"]]",
		"[[\"a:b\",\"run\"]]",
		"[[\"#a\",\"run\"]]",
		"[[\"\",\"run\"]]",
		"[[\"web\",\"a\"],[\"web\",\"b\"]]",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct rel_processes all = { 0 };
		struct rel_err err = REL_ERR_INIT;
		struct json_t *j = NULL;

		assert_int_equal(
			rel_json_parse(texts[i], strlen(texts[i]), &j, &err),
			0);
		if (rel_processes_from_json(j, &all, &err) != -REL_EINTEGRITY)
			fail_msg("%s was taken", texts[i]);
		assert_int_equal(err.code, REL_EINTEGRITY);
		assert_int_equal(all.n, 0);
		rel_json_free(j);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inputs_that_other_readers_differ_on),
		cmocka_unit_test(test_the_rest_of_the_grammar),
		cmocka_unit_test(test_a_line_may_have_64_kib_and_no_more),
		cmocka_unit_test(test_the_error_shows_the_line_and_the_form),
		cmocka_unit_test(test_build_and_release_are_hooks),
		cmocka_unit_test(
			test_processes_come_back_from_json_in_their_order),
		cmocka_unit_test(
			test_json_that_no_procfile_can_have_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
