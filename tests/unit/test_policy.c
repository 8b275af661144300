/* SPDX-License-Identifier: Apache-2.0 */
#include "config/policy.h"

#include "rel_test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Both sections as text, "" for none. */
static int read_policy(const char *relctl, const char *checks,
	struct rel_policy *ret, struct rel_err *err)
{
	REL_AUTO(rel_json_freep) struct json_t *r = NULL;
	REL_AUTO(rel_json_freep) struct json_t *h = NULL;

	if (*relctl)
		assert_int_equal(
			rel_json_parse(relctl, strlen(relctl), &r, err), 0);
	if (*checks && rel_json_parse(checks, strlen(checks), &h, err) < 0)
		fail_msg("%s: %s", checks, err->msg);
	return rel_policy_read(r, h, "web", ret, err);
}

static void read_ok(
	const char *relctl, const char *checks, struct rel_policy *ret)
{
	struct rel_err err = REL_ERR_INIT;

	if (read_policy(relctl, checks, ret, &err) < 0)
		fail_msg("%s %s: %s", relctl, checks, err.msg);
}

static void test_a_type_that_says_nothing_has_the_defaults(void **state)
{
	static const char *const rows[][2] = {
		{ "", "" },
		{ "{}", "{}" },
		{ "{\"web\": {}}", "{\"web\": []}" },
		{ "{\"worker\": {\"grace_s\": 1}}",
			"{\"worker\": [{\"listening\": true}]}" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct rel_policy p;

		read_ok(rows[i][0], rows[i][1], &p);
		assert_int_equal(p.stop_signal, SIGTERM);
		assert_int_equal(p.grace_ms, 30000);
		assert_int_equal(p.restart, REL_RESTART_ALWAYS);
		assert_int_equal(p.start_timeout_ms, 30000);
		assert_int_equal(p.checks_n, 0);
		rel_policy_done(&p);
	}
}

static void test_all_that_a_type_can_say_is_read(void **state)
{
	struct rel_policy p;

	(void)state;
	read_ok("{\"web\": {\"stop_signal\": \"SIGINT\", \"grace_s\": 0,"
		" \"restart\": \"on-failure\", \"start_timeout_s\": 86400}}",
		"", &p);
	assert_int_equal(p.stop_signal, SIGINT);
	assert_int_equal(p.grace_ms, 0);
	assert_int_equal(p.restart, REL_RESTART_ON_FAILURE);
	assert_int_equal(p.start_timeout_ms, 86400000);
	rel_policy_done(&p);
	read_ok("{\"web\": {\"restart\": \"never\"}}", "", &p);
	assert_int_equal(p.restart, REL_RESTART_NEVER);
	rel_policy_done(&p);
	read_ok("{\"web\": {\"restart\": \"always\"}}", "", &p);
	assert_int_equal(p.restart, REL_RESTART_ALWAYS);
	rel_policy_done(&p);
}

static void test_a_health_check_with_all_its_keys_is_read(void **state)
{
	struct rel_policy p;
	const struct rel_check *c;

	(void)state;
	read_ok("",
		"{\"web\": [{\"type\": \"readiness\", \"name\": \"web check\","
		" \"path\": \"/up?deep=1\", \"attempts\": 7, \"timeout\": 2,"
		" \"wait\": 0, \"initialDelay\": 9, \"port\": 65535,"
		" \"content\": \"ok\", \"scheme\": \"http\","
		" \"httpHeaders\": [{\"name\": \"A\"}], \"warn\": true}]}",
		&p);
	assert_int_equal(p.checks_n, 1);
	c = &p.checks[0];
	assert_int_equal(c->kind, REL_CHECK_READINESS);
	assert_string_equal(c->name, "web check");
	assert_string_equal(c->path, "/up?deep=1");
	assert_null(c->command);
	assert_false(c->listening);
	assert_int_equal(c->uptime_ms, 0);
	assert_int_equal(c->port, 65535);
	assert_int_equal(c->attempts, 7);
	assert_int_equal(c->timeout_ms, 2000);
	assert_int_equal(c->wait_ms, 0);
	assert_int_equal(c->initial_delay_ms, 9000);
	assert_string_equal(c->content, "ok");
	rel_policy_done(&p);
}

static void test_each_way_to_check_stands_alone_and_in_order(void **state)
{
	struct rel_policy p;

	(void)state;
	read_ok("",
		"{\"web\": [{\"uptime\": 10},"
		" {\"type\": \"startup\", \"listening\": true},"
		" {\"type\": \"liveness\", \"command\":"
		" [\"/bin/true\", \"a b\", \"\"]},"
		" {\"path\": \"/\", \"listening\": false}]}",
		&p);
	assert_int_equal(p.checks_n, 4);
	assert_int_equal(p.checks[0].uptime_ms, 10000);
	assert_int_equal(p.checks[0].kind, REL_CHECK_STARTUP);
	assert_string_equal(p.checks[0].name, "");
	assert_int_equal(p.checks[0].port, 0);
	assert_int_equal(p.checks[0].attempts, 3);
	assert_int_equal(p.checks[0].timeout_ms, 5000);
	assert_int_equal(p.checks[0].wait_ms, 5000);
	assert_int_equal(p.checks[0].initial_delay_ms, 0);
	assert_null(p.checks[0].content);
	assert_true(p.checks[1].listening);
	assert_int_equal(p.checks[2].kind, REL_CHECK_LIVENESS);
	assert_string_equal(p.checks[2].command[0], "/bin/true");
	assert_string_equal(p.checks[2].command[1], "a b");
	assert_string_equal(p.checks[2].command[2], "");
	assert_null(p.checks[2].command[3]);
	assert_string_equal(p.checks[3].path, "/");
	assert_false(p.checks[3].listening);
	rel_policy_done(&p);
}

static void refused(const char *relctl, const char *checks, const char *why)
{
	struct rel_err err = REL_ERR_INIT;
	struct rel_policy p = { .stop_signal = 99 };

	if (read_policy(relctl, checks, &p, &err) != -REL_EINVALID)
		fail_msg("not refused: %s%s", relctl, checks);
	if (strstr(err.msg, why) != err.msg)
		fail_msg("%s%s: %s", relctl, checks, err.msg);
	assert_int_equal(p.stop_signal, 99);
}

static void test_a_wrong_policy_is_an_error_with_its_path(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "null", "'relctl.web' must be an object" },
		{ "{\"grace\": 5}", "'relctl.web.grace' is not a key" },
		{ "{\"restart\": \"never\", \"ZZ\\n\": 5}",
			"'relctl.web.ZZ\\012' is not a key" },
		{ "{\"grace_s\": -1}",
			"'relctl.web.grace_s' must be a whole number from 0" },
		{ "{\"grace_s\": 86401}", "'relctl.web.grace_s' must be" },
		{ "{\"grace_s\": 0.5}", "'relctl.web.grace_s' must be" },
		{ "{\"grace_s\": \"5\"}", "'relctl.web.grace_s' must be" },
		{ "{\"grace_s\": null}", "'relctl.web.grace_s' must be" },
		{ "{\"start_timeout_s\": 0}",
			"'relctl.web.start_timeout_s' must be a whole number "
			"from 1 to 86400" },
		{ "{\"restart\": \"Always\"}",
			"'relctl.web.restart' must be always, on-failure or" },
		{ "{\"restart\": true}", "'relctl.web.restart' must be" },
		{ "{\"stop_signal\": \"KILL\"}",
			"'relctl.web.stop_signal' must be a signal that can" },
		{ "{\"stop_signal\": 15}",
			"'relctl.web.stop_signal' must be a signal" },
	};
	struct rel_err err = REL_ERR_INIT;
	struct rel_policy p;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char text[256];

		snprintf(text, sizeof(text), "{\"web\": %s}", rows[i].text);
		refused(text, "", rows[i].why);
	}
	read_policy("{\"web\": {\"grace\": 5}}", "", &p, &err);
	assert_string_equal(err.hint, "the keys there are stop_signal, "
				      "grace_s, restart, start_timeout_s");
}

static void test_a_wrong_health_check_is_an_error_with_its_path(void **state)
{
	static const struct {
		const char *check, *key;
	} rows[] = {
		{ "5", "' must be an object" },
		{ "{}", "' must be an object with one of" },
		{ "{\"type\": \"startup\"}", "' must be an object with one" },
		{ "{\"listening\": false}", "' must be an object with one of" },
		{ "{\"path\": \"/\", \"uptime\": 1}",
			"' must be an object with one of" },
		{ "{\"path\": \"/\", \"command\": [\"a\"]}",
			"' must be an object with one of" },
		{ "{\"uptime\": 1, \"listening\": true}",
			"' must be an object with one of" },
		{ "{\"type\": \"start\", \"uptime\": 1}",
			".type' must be startup, readiness or liveness" },
		{ "{\"type\": null, \"uptime\": 1}", ".type' must be" },
		{ "{\"name\": 5, \"uptime\": 1}", ".name' must be a text" },
		{ "{\"path\": 5}", ".path' must be a text" },
		{ "{\"path\": \"\"}", ".path' must be a path" },
		{ "{\"path\": \"up\"}", ".path' must be a path" },
		{ "{\"path\": \"/a b\"}", ".path' must be plain ASCII" },
		{ "{\"path\": \"/a HTTP/1.1\\r\\nX: y\"}", ".path' must be" },
		{ "{\"path\": \"/\\u00e4\"}", ".path' must be plain ASCII" },
		{ "{\"path\": \"/\", \"scheme\": \"https\"}",
			".scheme' must be http" },
		{ "{\"path\": \"/\", \"content\": []}",
			".content' must be a text" },
		{ "{\"uptime\": 1, \"content\": \"ok\"}",
			".content' must be left out" },
		{ "{\"command\": \"true\"}", ".command' must be a list" },
		{ "{\"command\": []}", ".command' must be a list" },
		{ "{\"command\": [\"\"]}", ".command' must be a list" },
		{ "{\"command\": [\"a\", 5]}", ".command' must be a list" },
		{ "{\"listening\": 1}", ".listening' must be true or false" },
		{ "{\"uptime\": 0}", ".uptime' must be a whole number from 1" },
		{ "{\"uptime\": 1.5}", ".uptime' must be a whole number" },
		{ "{\"listening\": true, \"port\": 0}",
			".port' must be a whole number from 1 to 65535" },
		{ "{\"listening\": true, \"port\": 65536}", ".port' must be" },
		{ "{\"listening\": true, \"attempts\": 0}",
			".attempts' must be a whole number from 1 to 1000" },
		{ "{\"listening\": true, \"attempts\": 4294967297}",
			".attempts' must be a whole number" },
		{ "{\"listening\": true, \"timeout\": 0}", ".timeout' must" },
		{ "{\"listening\": true, \"wait\": -1}", ".wait' must be" },
		{ "{\"listening\": true, \"initialDelay\": \"1\"}",
			".initialDelay' must be" },
	};

	(void)state;
	refused("", "{\"web\": {}}", "'healthchecks.web' must be a list");
	refused("", "{\"web\": null}", "'healthchecks.web' must be a list");
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char text[256], why[128];

		snprintf(text, sizeof(text), "{\"web\": [{\"uptime\": 1}, %s]}",
			rows[i].check);
		snprintf(why, sizeof(why), "'healthchecks.web[1]%s",
			rows[i].key);
		refused("", text, why);
	}
}

static void test_more_checks_than_make_sense_are_refused(void **state)
{
	struct rel_buf text = REL_BUF_INIT;
	struct rel_policy p;

	(void)state;
	rel_buf_adds(&text, "{\"web\": [{\"uptime\": 1}");
	for (int i = 1; i < 100; i++)
		rel_buf_adds(&text, ",{\"uptime\": 2}");
	rel_buf_adds(&text, "]}");
	read_ok("", text.p, &p);
	assert_int_equal(p.checks_n, 100);
	assert_int_equal(p.checks[99].uptime_ms, 2000);
	rel_policy_done(&p);
	text.len -= 2;
	rel_buf_adds(&text, ",{\"uptime\": 3}]}");
	refused("", text.p, "'healthchecks.web' must be a list of at most 100");
	rel_buf_free(&text);
}

static void test_signals_have_their_names_and_numbers(void **state)
{
	static const char *const none[] = { "", "0", "9", "19", "KILL",
		"SIGSTOP", "term", "SIG", "SIG15", "TERMINATE", "015", "+15",
		"15 ", "32", "65", "99", "4294967311", "SIGSIGTERM" };
	char number[16];

	(void)state;
	assert_int_equal(rel_signal_parse("TERM"), SIGTERM);
	assert_int_equal(rel_signal_parse("SIGTERM"), SIGTERM);
	assert_int_equal(rel_signal_parse("15"), SIGTERM);
	assert_int_equal(rel_signal_parse("USR2"), SIGUSR2);
	assert_int_equal(rel_signal_parse("1"), SIGHUP);
	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
		if (rel_signal_parse(none[i]) != -1)
			fail_msg("a signal: '%s'", none[i]);

	assert_string_equal(rel_signal_name(SIGTERM).s, "TERM");
	assert_string_equal(rel_signal_name(SIGKILL).s, "KILL");
	assert_string_equal(rel_signal_name(127).s, "127");
	for (int sig = 1; sig < 32; sig++) {
		struct rel_signal_text name = rel_signal_name(sig);
		int want = sig == SIGKILL || sig == SIGSTOP ? -1 : sig;

		assert_true(name.s[0] >= 'A' && name.s[0] <= 'Z');
		assert_int_equal(rel_signal_parse(name.s), want);
	}
	snprintf(number, sizeof(number), "%d", SIGRTMAX);
	assert_int_equal(rel_signal_parse(number), SIGRTMAX);
	assert_string_equal(rel_signal_name(SIGRTMAX).s, number);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_a_type_that_says_nothing_has_the_defaults),
		cmocka_unit_test(test_all_that_a_type_can_say_is_read),
		cmocka_unit_test(test_a_health_check_with_all_its_keys_is_read),
		cmocka_unit_test(
			test_each_way_to_check_stands_alone_and_in_order),
		cmocka_unit_test(test_a_wrong_policy_is_an_error_with_its_path),
		cmocka_unit_test(
			test_a_wrong_health_check_is_an_error_with_its_path),
		cmocka_unit_test(test_more_checks_than_make_sense_are_refused),
		cmocka_unit_test(test_signals_have_their_names_and_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
