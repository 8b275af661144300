/* SPDX-License-Identifier: Apache-2.0 */
#include "run/state.h"

#include "rel_test.h"

/* The delay, or -1 for an end that is final. */
static int64_t ended(struct rel_backoff *b, enum rel_restart restart,
	int status, int64_t lived_ms, int64_t now_ms)
{
	int64_t delay_ms = 12345;
	enum rel_input in = rel_backoff_ended(
		b, restart, status, lived_ms, now_ms, &delay_ms);

	if (in == REL_INPUT_EXIT_AGAIN)
		return delay_ms;
	assert_int_equal(in, REL_INPUT_EXIT_FINAL);
	assert_int_equal(delay_ms, 0);
	return -1;
}

static int64_t crashed(struct rel_backoff *b, int64_t lived_ms, int64_t now_ms)
{
	return ended(b, REL_RESTART_ALWAYS, 1, lived_ms, now_ms);
}

static void test_a_crash_loop_waits_longer_and_is_given_up(void **state)
{
	static const int64_t want_s[] = { 1, 2, 4, 8, 16, 32, 60, 60, 60 };
	struct rel_backoff b = { 0 };
	int64_t now_ms = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(want_s) / sizeof(*want_s); i++) {
		int64_t delay_ms = crashed(&b, 0, now_ms);

		assert_int_equal(delay_ms, want_s[i] * 1000);
		now_ms += delay_ms;
	}
	assert_int_equal(crashed(&b, 0, now_ms), -1);
}

static void test_a_minute_of_life_begins_the_delays_again(void **state)
{
	struct rel_backoff b = { 0 };

	(void)state;
	assert_int_equal(crashed(&b, 0, 0), 1000);
	assert_int_equal(crashed(&b, 0, 0), 2000);
	assert_int_equal(crashed(&b, 59999, 0), 4000);
	assert_int_equal(crashed(&b, 60000, 0), 1000);
	assert_int_equal(crashed(&b, 0, 0), 2000);
}

static void test_ten_ends_count_within_ten_minutes(void **state)
{
	const int64_t start_ms = 7000;
	struct rel_backoff at = { 0 }, after;

	(void)state;
	crashed(&at, 0, start_ms);
	for (int i = 1; i < 9; i++)
		assert_int_not_equal(crashed(&at, 0, start_ms + 300000), -1);
	after = at;
	assert_int_equal(crashed(&at, 0, start_ms + 600000), -1);
	assert_int_not_equal(crashed(&after, 0, start_ms + 600001), -1);
	/* and now the second of them is the first that counts */
	assert_int_equal(crashed(&after, 0, start_ms + 900000), -1);
}

static void test_rare_ends_are_never_given_up(void **state)
{
	struct rel_backoff b = { 0 };

	(void)state;
	for (int64_t i = 1; i < 1000; i++)
		assert_int_equal(crashed(&b, 66000, i * 67000), 1000);
}

static void test_the_policy_decides_who_comes_back(void **state)
{
	static const struct {
		enum rel_restart restart;
		int status;
		int64_t want;
	} rows[] = {
		{ REL_RESTART_ALWAYS, 0, 1000 },
		{ REL_RESTART_ALWAYS, 1, 1000 },
		{ REL_RESTART_ALWAYS, 137, 1000 },
		{ REL_RESTART_ON_FAILURE, 0, -1 },
		{ REL_RESTART_ON_FAILURE, 1, 1000 },
		{ REL_RESTART_ON_FAILURE, 137, 1000 },
		{ REL_RESTART_NEVER, 0, -1 },
		{ REL_RESTART_NEVER, 1, -1 },
		{ REL_RESTART_NEVER, 137, -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct rel_backoff b = { 0 };

		assert_int_equal(ended(&b, rows[i].restart, rows[i].status,
					 100000, 100000),
			rows[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_a_crash_loop_waits_longer_and_is_given_up),
		cmocka_unit_test(test_a_minute_of_life_begins_the_delays_again),
		cmocka_unit_test(test_ten_ends_count_within_ten_minutes),
		cmocka_unit_test(test_rare_ends_are_never_given_up),
		cmocka_unit_test(test_the_policy_decides_who_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
