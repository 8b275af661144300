/* SPDX-License-Identifier: Apache-2.0 */
#include "config/appjson.h"

#include "rel_test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void parse(const char *text, struct rel_appjson *ret)
{
	struct rel_err err = REL_ERR_INIT;

	if (rel_appjson_parse(text, strlen(text), ret, &err) < 0)
		fail_msg("%s: %s", text, err.msg);
}

static void assert_json(const struct json_t *j, const char *want)
{
	struct rel_buf text = REL_BUF_INIT;

	rel_json_format(j, &text);
	assert_string_equal(text.p, want);
	rel_buf_free(&text);
}

/* All that can be said, and beside it what other tools read. */
static const char full[] =
	"{\"name\": \"shop\", \"addons\": [1, null],\n"
	" \"env\": {\n"
	"  \"WEB_CONCURRENCY\": \"5\",\n"
	"  \"SECRET\": {\"description\": \"signs cookies\",\n"
	"             \"generator\": \"secret\"},\n"
	"  \"DEBUG\": {\"required\": false, \"value\": \"\", \"x\": []}\n"
	" },\n"
	" \"formation\": {\"web\": {\"quantity\": 2, \"size\": \"1X\"},\n"
	"               \"worker\": {\"quantity\": 0}, \"x\": {}},\n"
	" \"healthchecks\": {\"web\": [{\"path\": \"/\", \"warn\": true}]},\n"
	" \"relctl\": {\"web\": {\"grace_s\": 5}}}\n";

static void test_the_keys_of_relctl_are_read_and_others_left_alone(void **state)
{
	struct rel_appjson a = { 0 };

	(void)state;
	parse(full, &a);
	assert_int_equal(a.env_n, 3);
	assert_string_equal(a.env[0].name, "DEBUG");
	assert_string_equal(a.env[0].value, "");
	assert_false(a.env[0].required);
	assert_string_equal(a.env[1].name, "SECRET");
	assert_string_equal(a.env[1].description, "signs cookies");
	assert_null(a.env[1].value);
	assert_true(a.env[1].required);
	assert_true(a.env[1].secret);
	assert_string_equal(a.env[2].name, "WEB_CONCURRENCY");
	assert_string_equal(a.env[2].value, "5");
	assert_null(a.env[2].description);
	assert_true(a.env[2].required);
	assert_false(a.env[2].secret);
	assert_json(a.formation, "{\"web\":2,\"worker\":0}");
	assert_json(
		a.healthchecks, "{\"web\":[{\"path\":\"/\",\"warn\":true}]}");
	assert_json(a.relctl, "{\"web\":{\"grace_s\":5}}");
	rel_appjson_done(&a);
}

static void test_an_app_json_may_say_nothing(void **state)
{
	struct rel_appjson a = { 0 };
	struct json_t *j;

	(void)state;
	parse("{}", &a);
	assert_int_equal(a.env_n, 0);
	assert_null(a.formation);
	assert_null(a.healthchecks);
	assert_null(a.relctl);
	j = rel_appjson_to_json(&a);
	assert_json(j, "{}");
	rel_json_free(j);
	rel_appjson_done(&a);
}

static void test_what_is_kept_reads_as_the_same(void **state)
{
	struct rel_appjson a = { 0 }, again = { 0 };
	struct rel_err err = REL_ERR_INIT;
	struct json_t *j, *k;
	struct rel_buf text = REL_BUF_INIT;

	(void)state;
	parse(full, &a);
	j = rel_appjson_to_json(&a);
	assert_json(rel_json_get(j, "env"),
		"{\"DEBUG\":{\"required\":false,\"value\":\"\"},"
		"\"SECRET\":{\"description\":\"signs cookies\","
		"\"generator\":\"secret\"},"
		"\"WEB_CONCURRENCY\":{\"value\":\"5\"}}");
	assert_int_equal(rel_appjson_from_json(j, &again, &err), 0);
	assert_int_equal(again.env_n, a.env_n);
	assert_json(again.formation, "{\"web\":2,\"worker\":0}");
	k = rel_appjson_to_json(&again);
	rel_json_format(k, &text);
	assert_json(j, text.p);
	rel_buf_free(&text);
	rel_json_free(j);
	rel_json_free(k);
	rel_appjson_done(&a);
	rel_appjson_done(&again);
}

static void test_what_is_of_another_type_is_an_error_with_its_path(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "[]", "app.json: it must be an object" },
		{ "{\"env\": []}", "'env' must be an object" },
		{ "{\"env\": null}", "'env' must be an object" },
		{ "{\"env\": {\"A\": 1}}",
			"'env.A' must be a text or an object" },
		{ "{\"env\": {\"A\": {\"value\": 5000}}}",
			"'env.A.value' must be a text" },
		{ "{\"env\": {\"A\": {\"description\": []}}}",
			"'env.A.description' must be a text" },
		{ "{\"env\": {\"PORT\": {\"required\": \"true\"}}}",
			"'env.PORT.required' must be true or false" },
		{ "{\"env\": {\"A\": {\"required\": null}}}",
			"'env.A.required' must be true or false" },
		{ "{\"env\": {\"A\": {\"generator\": \"uuid\"}}}",
			"'env.A.generator' must be \"secret\"" },
		{ "{\"env\": {\"A-B\": \"\"}}", "'env' has: a name with" },
		{ "{\"env\": {\"PS\": \"\"}}", "'PS'" },
		{ "{\"formation\": {\"web\": 2}}",
			"'formation.web' must be an object" },
		{ "{\"formation\": {\"web\": {\"quantity\": -1}}}",
			"'formation.web.quantity' must be a whole number" },
		{ "{\"formation\": {\"web\": {\"quantity\": 1.0}}}",
			"'formation.web.quantity' must be a whole number" },
		{ "{\"formation\": {\"web\": {\"quantity\": 101}}}",
			"'formation.web.quantity' must be a whole number" },
		{ "{\"formation\": {\"a\\nb\": 2}}",
			"'formation.a\\012b' must be an object" },
		{ "{\"healthchecks\": {\"web\": {}}}",
			"'healthchecks.web' must be a list" },
		{ "{\"healthchecks\": {\"web\": [1]}}",
			"'healthchecks.web[0]' must be an object" },
		{ "{\"healthchecks\": {\"a\": [], \"web\": [{\"path\": \"up\"}]}}",
			"'healthchecks.web[0].path' must be a path" },
		{ "{\"healthchecks\": []}",
			"'healthchecks' must be an object" },
		{ "{\"relctl\": []}", "'relctl' must be an object" },
		{ "{\"relctl\": {\"a\": {}, \"web\": {\"grace\": 5}}}",
			"'relctl.web.grace' is not a key" },
		{ "{\"relctl\": {\"web\": []}}",
			"'relctl.web' must be an object" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct rel_appjson a = { 0 };
		struct rel_err err = REL_ERR_INIT;

		assert_int_equal(rel_appjson_parse(rows[i].text,
					 strlen(rows[i].text), &a, &err),
			-REL_EINVALID);
		assert_string_equal(err.file, "app.json");
		if (!strstr(err.msg, rows[i].why))
			fail_msg("%s: %s", rows[i].text, err.msg);
		assert_memory_equal(err.msg, "app.json: ", 10);
		assert_int_equal(a.env_n, 0);
	}
}

static void test_text_that_is_not_json_is_an_error_with_its_place(void **state)
{
	static const struct {
		const char *text;
		unsigned line;
	} rows[] = {
		{ "", 1 },
		{ "{\n \"env\": {,}\n}", 2 },
		{ "{\"env\": {\"A\": \"\",\n\"A\": \"\"}}", 2 },
		{ "{\"env\": {\"A\": \"a\\u0000b\"}}", 1 },
		{ "{} x", 1 },
		{ "{\"a\": \"\xff\"}", 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct rel_appjson a = { 0 };
		struct rel_err err = REL_ERR_INIT;
		char place[32];

		assert_int_equal(rel_appjson_parse(rows[i].text,
					 strlen(rows[i].text), &a, &err),
			-REL_EINVALID);
		assert_int_equal(err.line, rows[i].line);
		assert_string_equal(err.file, "app.json");
		snprintf(place, sizeof(place), "app.json:%u:", rows[i].line);
		assert_memory_equal(err.msg, place, strlen(place));
		assert_null(strchr(err.msg, '\n'));
	}
}

static void test_a_kept_policy_of_another_relctl_can_still_be_read(void **state)
{
	static const char kept[] = "{\"healthchecks\":{\"web\":[{\"quic\":1}]},"
				   "\"relctl\":{\"web\":{\"mood\":5}}}";
	struct rel_appjson a = { 0 };
	struct rel_err err = REL_ERR_INIT;
	struct json_t *j = NULL;

	(void)state;
	assert_int_equal(rel_json_parse(kept, strlen(kept), &j, &err), 0);
	assert_int_equal(rel_appjson_from_json(j, &a, &err), 0);
	rel_json_free(j);
	j = rel_appjson_to_json(&a);
	assert_json(j, kept);
	rel_json_free(j);
	rel_appjson_done(&a);
}

static void test_a_damaged_kept_form_is_an_integrity_error(void **state)
{
	struct rel_appjson a = { 0 };
	struct rel_err err = REL_ERR_INIT;
	struct json_t *j = rel_json_array();

	(void)state;
	assert_int_equal(rel_appjson_from_json(j, &a, &err), -REL_EINTEGRITY);
	assert_int_equal(err.code, REL_EINTEGRITY);
	rel_json_free(j);
}

static void test_required_names_need_a_value_and_an_empty_one_is_one(
	void **state)
{
	struct rel_appjson a = { 0 };
	struct rel_config c = { 0 };
	struct rel_err err = REL_ERR_INIT;

	(void)state;
	parse("{\"env\": {"
	      "\"DATABASE_URL\": {\"description\": \"where the\\nrows are\"},"
	      "\"DEBUG\": {\"required\": false},"
	      "\"PORT\": {\"value\": \"5000\"},"
	      "\"SECRET_KEY\": {\"description\": \"signs\","
	      " \"generator\": \"secret\"}}}",
		&a);
	assert_int_equal(rel_appjson_check(&a, &c, &err), -REL_EREFUSED);
	assert_string_equal(err.msg,
		"'DATABASE_URL' is required by app.json and has no value");
	assert_string_equal(err.context, "  DATABASE_URL  where the rows are\n"
					 "  PORT          (suggested: 5000)\n"
					 "  SECRET_KEY    signs\n");
	assert_string_equal(err.hint,
		"relctl release --generate --set DATABASE_URL --set PORT");

	assert_int_equal(rel_config_set(&c, "DATABASE_URL", "", &err), 0);
	assert_int_equal(rel_config_set(&c, "PORT", "", &err), 0);
	assert_int_equal(rel_appjson_check(&a, &c, &err), -REL_EREFUSED);
	assert_string_equal(err.hint, "relctl release --generate");
	assert_int_equal(rel_config_set(&c, "SECRET_KEY", "x", &err), 0);
	assert_int_equal(rel_appjson_check(&a, &c, &err), 0);
	rel_config_done(&c);
	rel_appjson_done(&a);
}

static void test_many_missing_names_are_counted_in_whole_lines(void **state)
{
	struct rel_buf text = REL_BUF_INIT;
	struct rel_appjson a = { 0 };
	struct rel_config none = { 0 };
	struct rel_err err = REL_ERR_INIT;
	const char *last;

	(void)state;
	rel_buf_adds(&text, "{\"env\": {");
	for (int i = 0; i < 200; i++)
		rel_buf_addf(&text,
			"%s\"NAME_%03d\": {\"description\": \""
			"%0*d\"}",
			i ? "," : "", i, 190 + i % 20, 0);
	rel_buf_adds(&text, "}}");
	parse(text.p, &a);
	assert_int_equal(rel_appjson_check(&a, &none, &err), -REL_EREFUSED);
	last = strstr(err.context, "\nand 1");
	assert_non_null(last);
	assert_non_null(strstr(last, " more\n"));
	assert_non_null(strstr(err.hint, "--set NAME_000 --set NAME_001"));
	assert_string_equal(err.hint + strlen(err.hint) - strlen(" …"), " …");
	rel_buf_free(&text);
	rel_appjson_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_the_keys_of_relctl_are_read_and_others_left_alone),
		cmocka_unit_test(test_an_app_json_may_say_nothing),
		cmocka_unit_test(test_what_is_kept_reads_as_the_same),
		cmocka_unit_test(
			test_what_is_of_another_type_is_an_error_with_its_path),
		cmocka_unit_test(
			test_text_that_is_not_json_is_an_error_with_its_place),
		cmocka_unit_test(
			test_a_kept_policy_of_another_relctl_can_still_be_read),
		cmocka_unit_test(
			test_a_damaged_kept_form_is_an_integrity_error),
		cmocka_unit_test(
			test_required_names_need_a_value_and_an_empty_one_is_one),
		cmocka_unit_test(
			test_many_missing_names_are_counted_in_whole_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
