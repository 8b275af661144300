/* SPDX-License-Identifier: Apache-2.0 */
/* The worker pool: what it promises its owner, with threads and without. */
#include "rel_test.h"

#include "base/mem.h"
#include "base/pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define MANY 2000
#define NOBODY 65534

/* A thread that was joined is still listed until the kernel has put it away. */
static void expect_gone(pid_t thread)
{
	char path[64];

	assert_true(thread > 0 && thread != gettid());
	snprintf(path, sizeof(path), "/proc/self/task/%d", (int)thread);
	while (access(path, F_OK) == 0)
		sched_yield();
}

/* A job that writes down how it was run. */
struct note {
	struct rel_job job;
	unsigned worker, width, times, begun;
	sigset_t blocked;
	pid_t thread;
	atomic_uint *counter; /* of the jobs that were begun */
	atomic_bool *busy;    /* by worker: it is in a job now */
};

static void take_note(struct rel_job *j, unsigned worker)
{
	struct note *n = (struct note *)j;

	n->worker = worker;
	n->thread = gettid();
	n->times++;
	pthread_sigmask(SIG_SETMASK, NULL, &n->blocked);
	if (n->counter)
		n->begun = atomic_fetch_add(n->counter, 1);
	if (n->busy && worker < n->width) {
		/* Nobody else is this worker meanwhile. */
		if (atomic_exchange(&n->busy[worker], true))
			n->width = 0;
		sched_yield();
		atomic_store(&n->busy[worker], false);
	}
}

static struct note *notes(size_t n)
{
	struct note *all = rel_alloc(n * sizeof(*all));

	for (size_t i = 0; i < n; i++)
		all[i].job.run = take_note;
	return all;
}

static void test_each_job_is_run_once_by_a_worker_of_its_own(void **state)
{
	atomic_bool busy[64] = { false };
	struct note *all = notes(MANY);
	struct rel_pool *p = NULL;
	unsigned width;

	(void)state;
	rel_pool_begin(7, &p);
	width = rel_pool_width(p);
	assert_true(width >= 1 && width <= 7);
	for (int i = 0; i < MANY; i++) {
		all[i].busy = busy;
		all[i].width = width;
		rel_pool_add(p, &all[i].job);
	}
	for (int i = MANY - 1; i >= 0; i--) { /* in an odd order */
		rel_pool_wait(p, &all[i].job);
		assert_true(rel_pool_done(p, &all[i].job));
		assert_int_equal(all[i].times, 1);
		assert_true(all[i].worker < width);
		assert_int_equal(all[i].width, width);
	}
	rel_pool_endp(&p);
	assert_null(p);
	free(all);
}

static void test_jobs_are_begun_in_the_order_of_their_adding(void **state)
{
	atomic_uint counter = 0;
	struct note *all = notes(MANY);
	struct rel_pool *p = NULL;

	(void)state;
	rel_pool_begin(1, &p); /* of several, who is first is not seen */
	for (int i = 0; i < MANY; i++) {
		all[i].counter = &counter;
		rel_pool_add(p, &all[i].job);
	}
	rel_pool_wait(p, &all[MANY - 1].job);
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(all[i].begun, i);
	rel_pool_endp(&p);
	free(all);
}

static void test_a_pool_of_one_is_its_owner(void **state)
{
	struct note *all = notes(10);
	struct rel_pool *p = NULL;

	(void)state;
	rel_pool_begin(1, &p);
	assert_int_equal(rel_pool_width(p), 1);
	for (int i = 0; i < 10; i++) {
		rel_pool_add(p, &all[i].job);
		assert_false(rel_pool_done(p, &all[i].job));
	}
	rel_pool_wait(p, &all[3].job);
	assert_int_equal(all[3].times, 1);
	rel_pool_endp(&p); /* the rest is done by now */
	for (int i = 0; i < 10; i++) {
		assert_int_equal(all[i].times, 1);
		assert_int_equal(all[i].worker, 0);
		assert_int_equal(all[i].thread, gettid());
	}
	free(all);
}

static void test_a_job_can_be_added_again(void **state)
{
	struct note *one = notes(1);
	struct rel_pool *p = NULL;

	(void)state;
	rel_pool_begin(3, &p);
	for (unsigned i = 1; i <= 500; i++) {
		rel_pool_add(p, &one->job);
		rel_pool_wait(p, &one->job);
		assert_int_equal(one->times, i);
	}
	rel_pool_endp(&p);
	free(one);
}

/* Two that wait for each other, so both run at once. */
struct meeting {
	struct rel_job job;
	pthread_barrier_t *barrier;
	unsigned worker;
	bool failed; /* a job's error is its own matter */
};

static void meet(struct rel_job *j, unsigned worker)
{
	struct meeting *m = (struct meeting *)j;

	m->worker = worker;
	pthread_barrier_wait(m->barrier);
	m->failed = worker == 0;
}

static void test_the_owner_works_too(void **state)
{
	pthread_barrier_t barrier;
	struct meeting two[2] = { 0 };
	struct rel_pool *p = NULL;

	(void)state;
	pthread_barrier_init(&barrier, NULL, 2);
	rel_pool_begin(2, &p);
	for (int i = 0; i < 2; i++) {
		two[i].job.run = meet;
		two[i].barrier = &barrier;
		rel_pool_add(p, &two[i].job);
	}
	rel_pool_wait(p, &two[0].job);
	rel_pool_wait(p, &two[1].job);
	assert_int_equal(two[0].worker + two[1].worker, 1);
	assert_true(two[0].failed != two[1].failed);
	rel_pool_endp(&p);
	pthread_barrier_destroy(&barrier);
}

/* Its one worker sleeps, or was just woken, when three more jobs come that have
 * to be run at once. */
static void test_a_burst_of_jobs_gets_all_workers(void **state)
{
	pthread_barrier_t barrier;
	struct meeting three[3] = { 0 };
	struct note *one = notes(1);
	struct rel_pool *p = NULL;

	(void)state;
	pthread_barrier_init(&barrier, NULL, 4);
	rel_pool_begin(4, &p);
	for (int round = 0; round < 50; round++) {
		rel_pool_add(p, &one->job);
		while (!rel_pool_done(p, &one->job))
			sched_yield();
		for (int i = 0; i < 3; i++) {
			three[i].job.run = meet;
			three[i].barrier = &barrier;
			rel_pool_add(p, &three[i].job);
		}
		pthread_barrier_wait(&barrier);
		for (int i = 0; i < 3; i++)
			rel_pool_wait(p, &three[i].job);
		if (round % 10 == 9) { /* and one that begins without any */
			rel_pool_endp(&p);
			rel_pool_begin(4, &p);
		}
	}
	rel_pool_endp(&p);
	pthread_barrier_destroy(&barrier);
	free(one);
}

static void test_workers_get_no_signals_and_are_gone_in_the_end(void **state)
{
	pthread_barrier_t barrier;
	struct meeting hold = { .barrier = &barrier };
	struct note *one = notes(1);
	struct rel_pool *p = NULL;
	sigset_t mine, now;

	(void)state;
	pthread_sigmask(SIG_SETMASK, NULL, &mine);
	pthread_barrier_init(&barrier, NULL, 2);
	hold.job.run = meet;
	rel_pool_begin(2, &p);
	rel_pool_add(p, &hold.job);
	pthread_barrier_wait(&barrier); /* so it was not the owner who ran it */
	rel_pool_wait(p, &hold.job);
	assert_int_equal(hold.worker, 1);
	/* The owner does nothing until the worker has done this one, too. */
	rel_pool_add(p, &one->job);
	while (!rel_pool_done(p, &one->job))
		sched_yield();
	assert_int_not_equal(one->thread, gettid());
	for (int sig = 1; sig < 32; sig++)
		if (sig != SIGKILL && sig != SIGSTOP)
			assert_true(sigismember(&one->blocked, sig));
	rel_pool_endp(&p);
	expect_gone(one->thread);
	pthread_sigmask(SIG_SETMASK, NULL, &now);
	for (int sig = 1; sig < 32; sig++)
		assert_int_equal(
			sigismember(&mine, sig), sigismember(&now, sig));
	rel_pool_endp(&p); /* nothing, twice */
	pthread_barrier_destroy(&barrier);
	free(one);
}

/* As somebody who may have no more processes: 0 if all was done all the same.
 */
static int without_threads(void)
{
	const struct rlimit none = { 0, 0 };
	struct note *all = notes(MANY);
	struct rel_pool *p = NULL;
	pid_t self = gettid();

	if (geteuid() == 0 && setuid(NOBODY) < 0)
		return 2;
	if (setrlimit(RLIMIT_NPROC, &none) < 0)
		return 3;
	rel_pool_begin(4, &p);
	for (int i = 0; i < MANY; i++)
		rel_pool_add(p, &all[i].job);
	for (int i = 0; i < MANY; i++) {
		rel_pool_wait(p, &all[i].job);
		if (all[i].times != 1 || all[i].worker != 0 ||
			all[i].thread != self)
			return 4;
	}
	rel_pool_endp(&p);
	free(all);
	return 0;
}

static void test_it_works_where_no_thread_can_be_made(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(without_threads());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_without_a_width_it_is_as_wide_as_the_machine(void **state)
{
	struct rel_pool *p = NULL;
	cpu_set_t one, all;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	CPU_ZERO(&one);
	for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++)
		if (CPU_ISSET(i, &all))
			CPU_SET(i, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	rel_pool_begin(0, &p);
	assert_int_equal(rel_pool_width(p), 1);
	rel_pool_endp(&p);
	assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
	rel_pool_begin(1000000, &p); /* no machine has a use for them */
	assert_true(rel_pool_width(p) <= 64);
	rel_pool_endp(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_each_job_is_run_once_by_a_worker_of_its_own),
		cmocka_unit_test(
			test_jobs_are_begun_in_the_order_of_their_adding),
		cmocka_unit_test(test_a_pool_of_one_is_its_owner),
		cmocka_unit_test(test_a_job_can_be_added_again),
		cmocka_unit_test(test_the_owner_works_too),
		cmocka_unit_test(test_a_burst_of_jobs_gets_all_workers),
		cmocka_unit_test(
			test_workers_get_no_signals_and_are_gone_in_the_end),
		cmocka_unit_test(test_it_works_where_no_thread_can_be_made),
		cmocka_unit_test(
			test_without_a_width_it_is_as_wide_as_the_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
