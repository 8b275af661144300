/* SPDX-License-Identifier: Apache-2.0 */
#include "rel_test.h"

#include "base/clock.h"
#include "store_fixture.h"

/* A process that takes a lock, says so, and waits to be killed. */
static pid_t holder(void **state, enum rel_lock kind, const char *app)
{
	struct rel_err err = REL_ERR_INIT;
	int ready[2], fd;
	char c;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		struct rel_store *s = store_at(state, "s");
		int r = app ? rel_store_lock_app(s, app, 0, &fd, &err)
			    : rel_store_lock(s, kind, 0, &err);

		if (r < 0 || write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	return pid;
}

static void end(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_shared_locks_meet_and_exclusive_ones_do_not(void **state)
{
	REL_AUTO(rel_store_closep) struct rel_store *s = store_at(state, "s");
	struct rel_err err = REL_ERR_INIT;
	pid_t pid = holder(state, REL_LOCK_SHARED, NULL);
	int64_t start;

	assert_int_equal(rel_store_lock(s, REL_LOCK_SHARED, 0, &err), 0);
	rel_store_unlock(s);
	start = rel_monotonic_ms();
	assert_int_equal(
		rel_store_lock(s, REL_LOCK_EXCLUSIVE, 100, &err), -REL_EBUSY);
	assert_in_range(rel_monotonic_ms() - start, 100, 5000);
	end(pid);
	/* A lock dies with its holder, however that died. */
	assert_int_equal(rel_store_lock(s, REL_LOCK_EXCLUSIVE, 0, &err), 0);
	rel_store_unlock(s);

	pid = holder(state, REL_LOCK_EXCLUSIVE, NULL);
	assert_int_equal(
		rel_store_lock(s, REL_LOCK_SHARED, 0, &err), -REL_EBUSY);
	end(pid);
	assert_int_equal(rel_store_lock(s, REL_LOCK_SHARED, 0, &err), 0);
}

static void test_a_lock_is_got_when_its_holder_ends_in_time(void **state)
{
	REL_AUTO(rel_store_closep) struct rel_store *s = store_at(state, "s");
	struct rel_err err = REL_ERR_INIT;
	pid_t pid = holder(state, REL_LOCK_EXCLUSIVE, NULL), killer = fork();

	if (killer == 0) {
		usleep(60000);
		kill(pid, SIGKILL);
		_exit(0);
	}
	assert_int_equal(rel_store_lock(s, REL_LOCK_SHARED, 10000, &err), 0);
	waitpid(pid, NULL, 0);
	waitpid(killer, NULL, 0);
}

static void test_a_lock_can_be_converted(void **state)
{
	REL_AUTO(rel_store_closep) struct rel_store *s = store_at(state, "s");
	REL_AUTO(rel_store_closep) struct rel_store *t = store_at(state, "s");
	struct rel_err err = REL_ERR_INIT;

	assert_int_equal(rel_store_lock(s, REL_LOCK_SHARED, 0, &err), 0);
	assert_int_equal(rel_store_lock(s, REL_LOCK_EXCLUSIVE, 0, &err), 0);
	assert_int_equal(
		rel_store_lock(t, REL_LOCK_SHARED, 0, &err), -REL_EBUSY);
	assert_int_equal(rel_store_lock(s, REL_LOCK_SHARED, 0, &err), 0);
	assert_int_equal(rel_store_lock(t, REL_LOCK_SHARED, 0, &err), 0);
	/* A conversion that fails leaves none, and says so by failing. */
	assert_int_equal(
		rel_store_lock(s, REL_LOCK_EXCLUSIVE, 0, &err), -REL_EBUSY);
	assert_int_equal(rel_store_lock(t, REL_LOCK_EXCLUSIVE, 0, &err), 0);
}

static void test_each_app_has_a_lock_of_its_own(void **state)
{
	REL_AUTO(rel_store_closep) struct rel_store *s = store_at(state, "s");
	REL_AUTO(rel_closep) int shop = -1, blog = -1;
	struct rel_err err = REL_ERR_INIT;
	pid_t pid = holder(state, REL_LOCK_SHARED, "shop");

	assert_int_equal(
		rel_store_lock_app(s, "shop", 0, &shop, &err), -REL_EBUSY);
	assert_non_null(strstr(err.msg, "'shop'"));
	assert_int_equal(rel_store_lock_app(s, "blog", 0, &blog, &err), 0);
	end(pid);
	assert_int_equal(rel_store_lock_app(s, "shop", 0, &shop, &err), 0);
	assert_int_equal(
		rel_store_lock_app(s, "../x", 0, &blog, &err), -REL_EINVALID);
}

static void test_sweeping_waits_until_nobody_is_at_work(void **state)
{
	REL_AUTO(rel_store_closep) struct rel_store *s = store_at(state, "s");
	struct rel_err err = REL_ERR_INIT;
	pid_t pid = holder(state, REL_LOCK_SHARED, NULL);

	mkdirat(rel_store_fd(s), "tmp/old", 0700);
	spoil(s, "tmp/old/file", "x");
	spoil(s, "tmp/file", "x");
	spoil(s, "releases/.tmp-0123456789abcdef", "x");
	assert_int_equal(rel_store_sweep(s, &err), 0);
	assert_int_equal(count_names(s, "tmp"), 2);
	end(pid);
	/* Our own shared lock counts, and is not lost. */
	assert_int_equal(rel_store_lock(s, REL_LOCK_SHARED, 0, &err), 0);
	assert_int_equal(rel_store_sweep(s, &err), 0);
	assert_int_equal(count_names(s, "tmp"), 2);
	rel_store_unlock(s);
	assert_int_equal(rel_store_sweep(s, &err), 0);
	assert_int_equal(count_names(s, "tmp"), 0);
	assert_int_equal(count_names(s, "releases"), 0);
	/* It let go again. */
	pid = holder(state, REL_LOCK_EXCLUSIVE, NULL);
	end(pid);
	spoil(s, "tmp/file", "x");
	assert_int_equal(rel_store_lock(s, REL_LOCK_EXCLUSIVE, 0, &err), 0);
	assert_int_equal(rel_store_sweep(s, &err), 0);
	assert_int_equal(count_names(s, "tmp"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(test_shared_locks_meet_and_exclusive_ones_do_not),
		scratch_test(test_a_lock_is_got_when_its_holder_ends_in_time),
		scratch_test(test_a_lock_can_be_converted),
		scratch_test(test_each_app_has_a_lock_of_its_own),
		scratch_test(test_sweeping_waits_until_nobody_is_at_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
