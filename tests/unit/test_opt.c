/* SPDX-License-Identifier: Apache-2.0 */
#include "rel_test.h"

#include "opt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct args {
	bool dry_run, deep;
	const char *message, *check, *mode;
	int64_t limit;
	struct opt_list env, grace;
};

#define AT(field) offsetof(struct args, field)

static const struct opt opts[] = {
	{ "dry-run", 'n', OPT_FLAG, AT(dry_run), NULL, "do nothing" },
	{ "deep", 'd', OPT_FLAG, AT(deep), NULL, "look into all" },
	{ "message", 'm', OPT_STR, AT(message), "TEXT", "say why" },
	{ "check", 'c', OPT_STR, AT(check), "[HOW]", "check it" },
	{ "mode", 0, OPT_STR, AT(mode), "fast|slow", "how" },
	{ "limit", 0, OPT_INT, AT(limit), "N", "so many" },
	{ "env", 'e', OPT_LIST, AT(env), "FILE", "take these" },
	{ "grace", 0, OPT_LIST, AT(grace), "[TYPE=]SECONDS", "wait" },
	{ 0 },
};

/* One parse: the struct, the words, the outcome. */
struct parsed {
	struct args a;
	struct words w;
	struct rel_err err;
	int r;
};

static struct opt_table table(struct parsed *p)
{
	return (struct opt_table){ opts, &p->a };
}

/* ${line}: words parted by one blank each. */
static void parse(struct parsed *p, bool stop_at_word, const char *line)
{
	static char text[256];
	static char *argv[32];
	struct opt_table t = table(p);
	int argc = 0;

	*p = (struct parsed){ .r = 0 };
	snprintf(text, sizeof(text), "%s", line);
	for (char *s = text; s; argc++)
		argv[argc] = strsep(&s, " ");
	argv[argc] = NULL;
	opt_start(&t);
	p->r = opt_parse(&t, 1, argc, argv, stop_at_word, &p->w, &p->err);
}

static void done(struct parsed *p)
{
	struct opt_table t = table(p);

	opt_free(&t);
	free(p->w.v);
}

static void assert_words(const struct parsed *p, const char *want)
{
	char got[256] = "";

	for (int i = 0; i < p->w.n; i++) {
		strcat(got, "<");
		strcat(got, p->w.v[i]);
		strcat(got, ">");
	}
	assert_string_equal(got, want);
	assert_null(p->w.v[p->w.n]);
}

static void refused(const char *line, const char *msg, const char *hint)
{
	struct parsed p;

	parse(&p, false, line);
	assert_int_equal(p.r, -REL_EUSAGE);
	assert_int_equal(p.err.code, REL_EUSAGE);
	assert_string_equal(p.err.msg, msg);
	assert_string_equal(p.err.hint, hint);
	done(&p);
}

static void test_nothing_given_is_nothing_set(void **state)
{
	struct parsed p;

	(void)state;
	parse(&p, false, "x");
	assert_int_equal(p.r, 0);
	assert_false(p.a.dry_run);
	assert_null(p.a.message);
	assert_null(p.a.check);
	assert_int_equal(p.a.limit, -1);
	assert_int_equal(p.a.env.n, 0);
	assert_words(&p, "");
	done(&p);
}

static void test_options_stand_anywhere(void **state)
{
	struct parsed p;

	(void)state;
	parse(&p, false, "x v3 -n v4 --message=hi --limit 7 v5");
	assert_int_equal(p.r, 0);
	assert_true(p.a.dry_run);
	assert_string_equal(p.a.message, "hi");
	assert_int_equal(p.a.limit, 7);
	assert_words(&p, "<v3><v4><v5>");
	assert_false(p.w.ended);
	done(&p);
}

static void test_posixly_correct_changes_nothing(void **state)
{
	struct parsed p;

	(void)state;
	setenv("POSIXLY_CORRECT", "1", 1);
	parse(&p, false, "x v3 -n");
	unsetenv("POSIXLY_CORRECT");
	assert_true(p.a.dry_run);
	assert_words(&p, "<v3>");
	done(&p);
}

static void test_two_dashes_end_the_options(void **state)
{
	struct parsed p;

	(void)state;
	parse(&p, false, "x v3 -n -- -d --deep -- v4");
	assert_int_equal(p.r, 0);
	assert_true(p.a.dry_run);
	assert_false(p.a.deep);
	assert_words(&p, "<v3><-d><--deep><--><v4>");
	assert_false(p.w.ended);
	done(&p);

	parse(&p, true, "x -n -- v3");
	assert_true(p.w.ended);
	assert_words(&p, "<v3>");
	done(&p);
}

static void test_the_first_word_ends_options_of_exec(void **state)
{
	struct parsed p;

	(void)state;
	parse(&p, true, "x -n ls -d -- --deep");
	assert_int_equal(p.r, 0);
	assert_true(p.a.dry_run);
	assert_false(p.a.deep);
	assert_words(&p, "<ls><-d><--><--deep>");
	done(&p);

	parse(&p, true, "x -n -- -d ls");
	assert_false(p.a.deep);
	assert_words(&p, "<-d><ls>");
	done(&p);
}

static void test_a_dash_alone_is_a_word_and_a_value(void **state)
{
	struct parsed p;

	(void)state;
	parse(&p, false, "x - -e -");
	assert_int_equal(p.r, 0);
	assert_words(&p, "<->");
	assert_int_equal(p.a.env.n, 1);
	assert_string_equal(p.a.env.v[0], "-");
	done(&p);
}

static void test_a_list_keeps_the_order(void **state)
{
	static const char *const want[] = { "1", "2", "3", "4", "5", "6", "7",
		"8", "9" };
	struct parsed p;

	(void)state;
	parse(&p, false, "x -e 1 --env 2 -e3 --env=4 -ne5 -e 6 -e 7 -e 8 -e 9");
	assert_int_equal(p.r, 0);
	assert_true(p.a.dry_run);
	assert_int_equal(p.a.env.n, 9);
	for (size_t i = 0; i < 9; i++)
		assert_string_equal(p.a.env.v[i], want[i]);
	done(&p);
}

static void test_the_last_text_wins(void **state)
{
	struct parsed p;

	(void)state;
	parse(&p, false, "x -m one --message two");
	assert_string_equal(p.a.message, "two");
	done(&p);
}

static void test_a_value_in_brackets_may_be_left_out(void **state)
{
	struct parsed p;

	(void)state;
	parse(&p, false, "x --check v3");
	assert_string_equal(p.a.check, "");
	assert_words(&p, "<v3>");
	done(&p);

	parse(&p, false, "x --check=all");
	assert_string_equal(p.a.check, "all");
	done(&p);

	parse(&p, false, "x -call");
	assert_string_equal(p.a.check, "all");
	done(&p);

	/* Brackets around a part of it say nothing of the rest. */
	parse(&p, false, "x --grace web=3 --grace 5 v3");
	assert_int_equal(p.a.grace.n, 2);
	assert_string_equal(p.a.grace.v[0], "web=3");
	assert_string_equal(p.a.grace.v[1], "5");
	assert_words(&p, "<v3>");
	done(&p);
}

static void test_a_number_is_whole_and_fits(void **state)
{
	struct parsed p;

	(void)state;
	parse(&p, false, "x --limit 0");
	assert_int_equal(p.a.limit, 0);
	done(&p);

	parse(&p, false, "x --limit 9223372036854775807");
	assert_int_equal(p.a.limit, INT64_MAX);
	done(&p);

	refused("x --limit 9223372036854775808",
		"option '--limit' takes a whole number, not "
		"'9223372036854775808'",
		"");
	refused("x --limit 99999999999999999999999999",
		"option '--limit' takes a whole number, not "
		"'99999999999999999999999999'",
		"");
	refused("x --limit=-1",
		"option '--limit' takes a whole number, not '-1'", "");
	refused("x --limit=+1",
		"option '--limit' takes a whole number, not '+1'", "");
	refused("x --limit=1k",
		"option '--limit' takes a whole number, not '1k'", "");
	refused("x --limit=", "option '--limit' takes a whole number, not ''",
		"");
}

static void test_a_choice_is_one_of_its_words(void **state)
{
	struct parsed p;

	(void)state;
	parse(&p, false, "x --mode slow");
	assert_int_equal(p.r, 0);
	assert_string_equal(p.a.mode, "slow");
	done(&p);

	refused("x --mode slo", "option '--mode' takes fast|slow, not 'slo'",
		"");
	refused("x --mode fast|slow",
		"option '--mode' takes fast|slow, not 'fast|slow'", "");
	refused("x --mode=", "option '--mode' takes fast|slow, not ''", "");
}

static void test_a_missing_value_is_an_error(void **state)
{
	(void)state;
	refused("x v3 -e", "option '--env' needs a value: --env FILE", "");
	refused("x --env", "option '--env' needs a value: --env FILE", "");
	refused("x -ne", "option '--env' needs a value: --env FILE", "");
	refused("x --deep=yes", "option '--deep' takes no value", "");
}

static void test_an_abbreviation_is_refused_with_the_full_name(void **state)
{
	(void)state;
	refused("x --dee", "unknown option '--dee'", "did you mean '--deep'?");
	refused("x v3 --mess=hi", "unknown option '--mess'",
		"did you mean '--message'?");
	refused("x --mess hi", "unknown option '--mess'",
		"did you mean '--message'?");
	/* Of two that begin so, getopt_long says something else. */
	refused("x --m=hi", "unknown option '--m'", "");
	refused("x --de", "unknown option '--de'", "did you mean '--deep'?");
}

static void test_an_unknown_option_gets_a_suggestion(void **state)
{
	(void)state;
	refused("x --dry-rnu", "unknown option '--dry-rnu'",
		"did you mean '--dry-run'?");
	refused("x --nothing-like-it", "unknown option '--nothing-like-it'",
		"");
	refused("x -z", "unknown option '-z'", "");
	refused("x -nz", "unknown option '-z'", "");
}

static void test_what_follows_an_equals_sign_is_never_shown(void **state)
{
	(void)state;
	refused("x --evn=API_TOKEN=hunter2", "unknown option '--evn'",
		"did you mean '--env'?");
	refused("x --limit TOKEN=hunter2",
		"option '--limit' takes a whole number, not 'TOKEN'", "");
}

static void test_what_was_parsed_before_an_error_stays(void **state)
{
	struct parsed p;

	(void)state;
	parse(&p, false, "x -n --bad -d");
	assert_int_equal(p.r, -REL_EUSAGE);
	assert_true(p.a.dry_run);
	assert_false(p.a.deep);
	done(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_given_is_nothing_set),
		cmocka_unit_test(test_options_stand_anywhere),
		cmocka_unit_test(test_posixly_correct_changes_nothing),
		cmocka_unit_test(test_two_dashes_end_the_options),
		cmocka_unit_test(test_the_first_word_ends_options_of_exec),
		cmocka_unit_test(test_a_dash_alone_is_a_word_and_a_value),
		cmocka_unit_test(test_a_list_keeps_the_order),
		cmocka_unit_test(test_the_last_text_wins),
		cmocka_unit_test(test_a_value_in_brackets_may_be_left_out),
		cmocka_unit_test(test_a_number_is_whole_and_fits),
		cmocka_unit_test(test_a_choice_is_one_of_its_words),
		cmocka_unit_test(test_a_missing_value_is_an_error),
		cmocka_unit_test(
			test_an_abbreviation_is_refused_with_the_full_name),
		cmocka_unit_test(test_an_unknown_option_gets_a_suggestion),
		cmocka_unit_test(
			test_what_follows_an_equals_sign_is_never_shown),
		cmocka_unit_test(test_what_was_parsed_before_an_error_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
