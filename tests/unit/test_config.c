/* SPDX-License-Identifier: Apache-2.0 */
#include "config/config.h"

#include "base/mem.h"
#include "config/env.h"
#include "rel_test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* xorshift: the same numbers on every machine. */
static uint32_t next(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static void set(struct rel_config *c, const char *name, const char *value)
{
	struct rel_err err = REL_ERR_INIT;

	assert_int_equal(rel_config_set(c, name, value, &err), 0);
}

/* "A=1|B=2": the sealed form, with a bar for each NUL. */
static char *text(const struct rel_config *c)
{
	struct rel_buf b = REL_BUF_INIT;

	rel_config_format(c, &b);
	for (size_t i = 0; i < b.len; i++)
		if (b.p[i] == '\0')
			b.p[i] = '|';
	return rel_buf_take(&b);
}

static void assert_config(const struct rel_config *c, const char *want)
{
	char *s = text(c);

	assert_string_equal(s, want);
	free(s);
}

static void test_variables_are_sorted_whatever_the_order_of_setting(
	void **state)
{
	struct rel_config c = { 0 };

	(void)state;
	set(&c, "PORT", "5000");
	set(&c, "_x", "");
	set(&c, "A", "1");
	set(&c, "a", "2");
	set(&c, "PORT", "6000");

	assert_config(&c, "A=1|PORT=6000|_x=|a=2|");
	assert_string_equal(rel_config_get(&c, "PORT"), "6000");
	assert_string_equal(rel_config_get(&c, "_x"), "");
	assert_null(rel_config_get(&c, "POR"));
	rel_config_done(&c);
	assert_config(&c, "");
}

static void test_a_value_is_taken_literally(void **state)
{
	struct rel_config c = { 0 };

	(void)state;
	set(&c, "K", "'a' \"b\" $c `d` \\n # e=f");
	assert_config(&c, "K='a' \"b\" $c `d` \\n # e=f|");
	set(&c, "K", rel_config_get(&c, "K") + 4); /* a part of itself */
	assert_config(&c, "K=\"b\" $c `d` \\n # e=f|");
	rel_config_done(&c);
}

static void test_unset_says_whether_it_was_there(void **state)
{
	struct rel_config c = { 0 };

	(void)state;
	set(&c, "A", "1");
	set(&c, "B", "2");
	set(&c, "C", "3");
	assert_true(rel_config_unset(&c, "B"));
	assert_false(rel_config_unset(&c, "B"));
	assert_config(&c, "A=1|C=3|");
	assert_true(rel_config_unset(&c, "C"));
	assert_true(rel_config_unset(&c, "A"));
	assert_config(&c, "");
	rel_config_done(&c);
}

static void test_names_are_checked(void **state)
{
	static const struct {
		const char *name, *why; /* NULL: fine */
	} rows[] = {
		{ "A", NULL },
		{ "_", NULL },
		{ "a1_B", NULL },
		{ "PSX", NULL },
		{ "ps", NULL },
		{ "RELCTL", NULL },
		{ "", "empty" },
		{ "1A", "digit" },
		{ "A-B", "(byte 2)" },
		{ "A.B", "(byte 2)" },
		{ " A", "(byte 1)" },
		{ "A\xc3\xa9", "(byte 2)" },
		{ "PS", "'PS'" },
		{ "RELCTL_", "'RELCTL_'" },
		{ "RELCTL_APP", "'RELCTL_APP'" },
	};
	struct rel_config c = { 0 };
	char name[257];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct rel_err err = REL_ERR_INIT;
		int r = rel_config_set(&c, rows[i].name, "v", &err);

		assert_int_equal(r, rows[i].why ? -REL_EINVALID : 0);
		if (rows[i].why)
			assert_non_null(strstr(err.msg, rows[i].why));
	}

	memset(name, 'N', sizeof(name));
	for (size_t n = 255; n <= 256; n++) {
		struct rel_err err = REL_ERR_INIT;

		assert_int_equal(rel_config_check_name(name, n, &err),
			n == 255 ? 0 : -REL_EINVALID);
	}
	rel_config_done(&c);
}

static void test_what_is_no_name_may_be_a_secret_and_is_not_shown(void **state)
{
	struct rel_config c = { 0 };
	struct rel_err err = REL_ERR_INIT;

	(void)state;
	assert_int_equal(
		rel_config_set(&c, "tok-hunter2", "x", &err), -REL_EINVALID);
	assert_null(strstr(err.msg, "hunter2"));
	assert_int_equal(
		rel_config_set(&c, "K", "hunter2\xff", &err), -REL_EINVALID);
	assert_null(strstr(err.msg, "hunter2"));
	assert_non_null(strstr(err.msg, "'K'"));
}

static void test_the_limits_hold_to_the_byte(void **state)
{
	struct rel_config c = { 0 }, more = { 0 };
	struct rel_err err = REL_ERR_INIT;
	char *big = rel_alloc(REL_MAX_VAR);
	char name[] = "A";

	(void)state;
	memset(big, 'x', REL_MAX_VAR - 2);
	assert_int_equal(rel_config_set(&c, "A", big, &err), -REL_EINVALID);
	big[REL_MAX_VAR - 3] = '\0'; /* A, =, NUL and the rest: the limit */
	for (; name[0] < 'A' + 8; name[0]++)
		set(&c, name, big);
	assert_int_equal(rel_config_set(&c, "Z", "", &err), -REL_EINVALID);
	set(&c, "A", big); /* in place of itself */

	set(&more, "Z", "");
	assert_int_equal(rel_config_merge(&c, &more, &err), -REL_EINVALID);
	assert_int_equal(c.n, 8);
	set(&more, "A", "");
	assert_int_equal(rel_config_merge(&c, &more, &err), 0);
	assert_int_equal(c.n, 9);
	rel_config_done(&c);
	rel_config_done(&more);
	free(big);
}

static void test_in_a_merge_the_later_one_wins(void **state)
{
	struct rel_config c = { 0 }, from = { 0 };
	struct rel_err err = REL_ERR_INIT;

	(void)state;
	set(&c, "B", "1");
	set(&c, "C", "2");
	set(&c, "Z", "3");
	set(&from, "A", "4");
	set(&from, "C", "5");
	set(&from, "D", "6");
	assert_int_equal(rel_config_merge(&c, &from, &err), 0);
	assert_config(&c, "A=4|B=1|C=5|D=6|Z=3|");
	assert_config(&from, "A=4|C=5|D=6|");
	rel_config_done(&c);
	rel_config_done(&from);
}

static void test_a_diff_names_what_came_went_and_changed(void **state)
{
	struct rel_config from = { 0 }, to = { 0 };
	struct rel_config_change *change;

	(void)state;
	set(&from, "GONE", "1");
	set(&from, "KEPT", "2");
	set(&from, "OTHER", "3");
	set(&to, "KEPT", "2");
	set(&to, "OTHER", "4");
	set(&to, "ADDED", "");

	assert_int_equal(rel_config_diff(&from, &to, &change), 3);
	assert_string_equal(change[0].name, "ADDED");
	assert_int_equal(change[0].kind, '+');
	assert_string_equal(change[1].name, "GONE");
	assert_int_equal(change[1].kind, '-');
	assert_string_equal(change[2].name, "OTHER");
	assert_int_equal(change[2].kind, '~');
	free(change);

	assert_int_equal(rel_config_diff(&to, &to, &change), 0);
	free(change);
	rel_config_done(&from);
	rel_config_done(&to);
}

static void test_only_the_sealed_form_itself_is_read(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		bool good;
	} rows[] = {
#define ROW(s, good) { s, sizeof(s) - 1, good }
		ROW("", true),
		ROW("A=\0", true),
		ROW("A=1\0B=x=y\nz\0", true),
		ROW("A=1", false),
		ROW("A=1\0B=2", false),
		ROW("\0", false),
		ROW("A\0", false),
		ROW("=1\0", false),
		ROW("A=1\0\0", false),
		ROW("B=1\0A=2\0", false),
		ROW("A=1\0A=1\0", false),
		ROW("PS=1\0", false),
		ROW("A-B=1\0", false),
		ROW("A=\xff\0", false),
#undef ROW
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct rel_config c = { 0 };
		struct rel_buf again = REL_BUF_INIT;
		struct rel_err err = REL_ERR_INIT;
		int r = rel_config_parse(&c, rows[i].bytes, rows[i].n, &err);

		assert_int_equal(r, rows[i].good ? 0 : -REL_EINTEGRITY);
		assert_int_equal(err.code, -r);
		rel_config_format(&c, &again);
		assert_int_equal(again.len, rows[i].good ? rows[i].n : 0);
		if (again.len > 0)
			assert_memory_equal(again.p, rows[i].bytes, again.len);
		rel_buf_free(&again);
		rel_config_done(&c);
	}
}

/* Bytes that grammars trip over, and a few that are longer than one. */
static void random_value(uint32_t *state, struct rel_buf *value)
{
	static const char *const parts[] = { "a", "Z", "0", " ", "\t", "\n",
		"\r", "\r\n", "'", "\"", "\\", "\\n", "$", "${A}", "$(id)", "`",
		"#", " #", "=", ";", "&", "<", "|", "!", "%", "~", "*", "é",
		"漢", "😀", "\x01", "\x1b[0m", "\x7f" };
	size_t n = next(state) % 12;

	for (size_t i = 0; i < n; i++)
		rel_buf_adds(value,
			parts[next(state) % (sizeof(parts) / sizeof(*parts))]);
}

/* One value as an env file has it: in single quotes where those can. */
static void print_value(uint32_t *state, const char *s, struct rel_buf *out)
{
	bool single = !strpbrk(s, "'\r") && next(state) % 2;

	if (single) {
		rel_buf_addf(out, "'%s'", s);
		return;
	}
	rel_buf_addc(out, '"');
	for (; *s; s++) {
		if (*s == '\r')
			rel_buf_adds(out, "\\r");
		else if (*s == '\n' && next(state) % 2)
			rel_buf_adds(out, "\\n");
		else if (*s == '\t' && next(state) % 2)
			rel_buf_adds(out, "\\t");
		else
			rel_buf_addf(out, "%s%c",
				strchr("\"\\$`", *s) ? "\\" : "", *s);
	}
	rel_buf_addc(out, '"');
}

static void print_env(
	uint32_t *state, const struct rel_config *c, struct rel_buf *out)
{
	static const char *const after[] = { "", " ", "\t# it's \"$x\"", "\r" };
	static const char *const between[] = { "", "", "\n", "  # ' \" \n",
		"\t\r\n" };

	for (size_t i = 0; i < c->n; i++) {
		/* any order: here it is the reverse one */
		const struct rel_var *v = &c->v[c->n - 1 - i];

		rel_buf_addf(out, "%s=", v->name);
		print_value(state, v->value, out);
		rel_buf_addf(out, "%s\n%s", after[next(state) % 4],
			between[next(state) % 5]);
	}
}

static void test_20000_random_configs_come_back_from_both_forms(void **state)
{
	uint32_t seed = 20260101;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct rel_config c = { 0 }, env = { 0 }, sealed = { 0 };
		struct rel_buf value = REL_BUF_INIT, file = REL_BUF_INIT,
			       form = REL_BUF_INIT;
		struct rel_err err = REL_ERR_INIT;
		struct rel_config_change *change;
		size_t n = next(&seed) % 6;

		for (size_t j = 0; j < n; j++) {
			char name[16];

			snprintf(name, sizeof(name), "%c%u",
				"ABab_"[next(&seed) % 5], next(&seed) % 100);
			rel_buf_reset(&value);
			random_value(&seed, &value);
			set(&c, name, rel_buf_str(&value));
		}

		print_env(&seed, &c, &file);
		if (rel_env_parse(
			    "f", rel_buf_str(&file), file.len, &env, &err) < 0)
			fail_msg("config %d: %s\n%s", i, err.msg, file.p);
		assert_int_equal(rel_config_diff(&c, &env, &change), 0);
		free(change);

		rel_config_format(&c, &form);
		assert_int_equal(rel_config_parse(&sealed, rel_buf_str(&form),
					 form.len, &err),
			0);
		assert_int_equal(rel_config_diff(&c, &sealed, &change), 0);
		free(change);

		rel_config_done(&c);
		rel_config_done(&env);
		rel_config_done(&sealed);
		rel_buf_free(&value);
		rel_buf_free(&file);
		rel_buf_free(&form);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_variables_are_sorted_whatever_the_order_of_setting),
		cmocka_unit_test(test_a_value_is_taken_literally),
		cmocka_unit_test(test_unset_says_whether_it_was_there),
		cmocka_unit_test(test_names_are_checked),
		cmocka_unit_test(
			test_what_is_no_name_may_be_a_secret_and_is_not_shown),
		cmocka_unit_test(test_the_limits_hold_to_the_byte),
		cmocka_unit_test(test_in_a_merge_the_later_one_wins),
		cmocka_unit_test(test_a_diff_names_what_came_went_and_changed),
		cmocka_unit_test(test_only_the_sealed_form_itself_is_read),
		cmocka_unit_test(
			test_20000_random_configs_come_back_from_both_forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
