/* SPDX-License-Identifier: Apache-2.0 */
#include "rel_test.h"

#include "base/clock.h"
#include "base/file.h"
#include "run/loop.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

struct ends {
	int r, w;
};

static struct ends new_pipe(void)
{
	int fd[2];

	assert_int_equal(pipe2(fd, O_CLOEXEC | O_NONBLOCK), 0);
	return (struct ends){ .r = fd[0], .w = fd[1] };
}

static void close_pipe(struct ends *e)
{
	rel_closep(&e->r);
	rel_closep(&e->w);
}

/* What happened, one letter each; who may do something on its turn. */
struct probe {
	struct rel_loop *loop;
	char *told;
	char letter;
	void (*then)(struct probe *p, int fd);
	struct probe *other;
	struct ends *ends;
	struct rel_timer timer;
	short revents;
};

static void tell(struct probe *p)
{
	p->told[strlen(p->told)] = p->letter;
}

static void on_fd(void *arg, int fd, short revents)
{
	struct probe *p = arg;

	p->revents = revents;
	tell(p);
	if (p->then)
		p->then(p, fd);
}

static void on_time(void *arg)
{
	struct probe *p = arg;

	tell(p);
	if (p->then)
		p->then(p, -1);
}

static void arm(struct probe *p, int64_t at_ms)
{
	rel_loop_arm(p->loop, &p->timer, at_ms, on_time, p);
}

static void turn(struct rel_loop *l)
{
	struct rel_err err = REL_ERR_INIT;

	assert_int_equal(rel_loop_turn(l, &err), 0);
}

/* One turn that does not wait. */
static void peek(struct rel_loop *l)
{
	char told[8] = "";
	struct probe p = { .loop = l, .told = told, .letter = '.' };

	arm(&p, 0);
	turn(l);
	assert_string_equal(told, ".");
}

static void test_only_what_is_ready_is_called(void **state)
{
	REL_AUTO(rel_loop_freep) struct rel_loop *l = rel_loop_new();
	char told[8] = "";
	struct probe a = { .loop = l, .told = told, .letter = 'a' };
	struct probe b = { .loop = l, .told = told, .letter = 'b' };
	struct ends pa = new_pipe(), pb = new_pipe();

	(void)state;
	rel_loop_watch(l, pa.r, POLLIN, on_fd, &a);
	rel_loop_watch(l, pb.r, POLLIN, on_fd, &b);
	peek(l);
	assert_string_equal(told, "");
	assert_int_equal(write(pb.w, "x", 1), 1);
	turn(l);
	assert_string_equal(told, "b");
	assert_int_equal(b.revents, POLLIN);
	/* It is still there, until it is read or forgotten. */
	turn(l);
	assert_string_equal(told, "bb");
	rel_loop_forget(l, pb.r);
	rel_loop_forget(l, pb.r);
	rel_loop_forget(l, -1);
	peek(l);
	assert_string_equal(told, "bb");
	close_pipe(&pa);
	close_pipe(&pb);
}

static void forget_both(struct probe *p, int fd)
{
	rel_loop_forget(p->loop, fd);
	rel_loop_forget(p->loop, p->other->ends->r);
}

static void test_one_that_was_forgotten_by_another_is_not_called(void **state)
{
	REL_AUTO(rel_loop_freep) struct rel_loop *l = rel_loop_new();
	char told[8] = "";
	struct ends pa = new_pipe(), pb = new_pipe();
	struct probe a = { .loop = l, .told = told, .letter = 'a' };
	struct probe b = { .loop = l, .told = told, .letter = 'b' };

	(void)state;
	a.then = b.then = forget_both;
	a.other = &b;
	b.other = &a;
	a.ends = &pa;
	b.ends = &pb;
	assert_int_equal(write(pa.w, "x", 1), 1);
	assert_int_equal(write(pb.w, "x", 1), 1);
	rel_loop_watch(l, pa.r, POLLIN, on_fd, &a);
	rel_loop_watch(l, pb.r, POLLIN, on_fd, &b);
	turn(l);
	peek(l);
	assert_int_equal(strlen(told), 1);
	close_pipe(&pa);
	close_pipe(&pb);
}

/* The other's fd is closed, and a silent pipe gets its number. */
static void replace_other(struct probe *p, int fd)
{
	struct probe *o = p->other;
	struct ends fresh = new_pipe();

	rel_loop_forget(p->loop, fd);
	rel_loop_forget(p->loop, o->ends->r);
	assert_int_equal(dup3(fresh.r, o->ends->r, O_CLOEXEC), o->ends->r);
	rel_closep(&fresh.r);
	rel_closep(&o->ends->w);
	o->ends->w = fresh.w;
	o->letter = '!';
	rel_loop_watch(p->loop, o->ends->r, POLLIN, on_fd, o);
}

static void test_news_of_an_old_fd_is_not_told_to_a_new_one(void **state)
{
	REL_AUTO(rel_loop_freep) struct rel_loop *l = rel_loop_new();
	char told[8] = "";
	struct ends pa = new_pipe(), pb = new_pipe();
	struct probe a = { .loop = l, .told = told, .letter = 'a' };
	struct probe b = { .loop = l, .told = told, .letter = 'b' };

	(void)state;
	a.then = b.then = replace_other;
	a.other = &b;
	b.other = &a;
	a.ends = &pa;
	b.ends = &pb;
	assert_int_equal(write(pa.w, "x", 1), 1);
	assert_int_equal(write(pb.w, "x", 1), 1);
	rel_loop_watch(l, pa.r, POLLIN, on_fd, &a);
	rel_loop_watch(l, pb.r, POLLIN, on_fd, &b);
	turn(l);
	peek(l);
	assert_int_equal(strlen(told), 1);
	assert_null(strchr(told, '!'));
	/* The new one is watched, and hears of its own. */
	a.then = b.then = NULL;
	assert_int_equal(write(told[0] == 'a' ? pb.w : pa.w, "x", 1), 1);
	turn(l);
	assert_int_equal(told[1], '!');
	close_pipe(&pa);
	close_pipe(&pb);
}

static void test_without_events_not_even_a_hangup_is_told(void **state)
{
	REL_AUTO(rel_loop_freep) struct rel_loop *l = rel_loop_new();
	char told[8] = "";
	struct probe a = { .loop = l, .told = told, .letter = 'a' };
	struct ends pa = new_pipe();

	(void)state;
	rel_loop_watch(l, pa.r, POLLIN, on_fd, &a);
	rel_loop_watch(l, pa.r, 0, on_fd, &a);
	rel_closep(&pa.w);
	peek(l);
	assert_string_equal(told, "");
	rel_loop_watch(l, pa.r, POLLIN, on_fd, &a);
	turn(l);
	assert_string_equal(told, "a");
	assert_true(a.revents & POLLHUP);
	rel_loop_forget(l, pa.r);
	close_pipe(&pa);
}

static void mute_other(struct probe *p, int fd)
{
	(void)fd;
	rel_loop_watch(p->loop, p->other->ends->r, 0, on_fd, p->other);
}

static void test_one_that_was_muted_by_another_is_not_called(void **state)
{
	REL_AUTO(rel_loop_freep) struct rel_loop *l = rel_loop_new();
	char told[8] = "";
	struct ends pa = new_pipe(), pb = new_pipe();
	struct probe a = { .loop = l, .told = told, .letter = 'a' };
	struct probe b = { .loop = l, .told = told, .letter = 'b' };

	(void)state;
	a.then = b.then = mute_other;
	a.other = &b;
	b.other = &a;
	a.ends = &pa;
	b.ends = &pb;
	assert_int_equal(write(pa.w, "x", 1), 1);
	assert_int_equal(write(pb.w, "x", 1), 1);
	rel_closep(&pa.w);
	rel_closep(&pb.w);
	rel_loop_watch(l, pa.r, POLLIN, on_fd, &a);
	rel_loop_watch(l, pb.r, POLLIN, on_fd, &b);
	turn(l);
	assert_int_equal(strlen(told), 1);
	close_pipe(&pa);
	close_pipe(&pb);
}

static void test_timers_come_in_order_once_and_not_too_soon(void **state)
{
	REL_AUTO(rel_loop_freep) struct rel_loop *l = rel_loop_new();
	int64_t start = rel_monotonic_ms();
	char told[8] = "";
	struct probe p[5];
	int turns = 0;

	(void)state;
	for (int i = 0; i < 5; i++)
		p[i] = (struct probe){
			.loop = l,
			.told = told,
			.letter = (char)('a' + i),
		};
	arm(&p[0], start + 60);
	arm(&p[1], start + 30);
	arm(&p[2], start + 30);
	arm(&p[3], start + 10);
	arm(&p[4], start + 20);
	/* Moved, and moved away. */
	arm(&p[3], start + 50);
	rel_loop_disarm(l, &p[4].timer);
	rel_loop_disarm(l, &p[4].timer);
	assert_false(p[4].timer.armed);
	while (strlen(told) < 4) {
		size_t n = strlen(told);

		turn(l);
		turns++;
		if (strlen(told) > n)
			assert_true(
				rel_monotonic_ms() >=
				p[told[strlen(told) - 1] - 'a'].timer.at_ms);
	}
	/* Each turn waited for the next one. */
	assert_in_range(turns, 1, 3);
	peek(l);
	assert_string_equal(told, "bcda");
	assert_false(p[0].timer.armed);
}

static void disarm_other(struct probe *p, int fd)
{
	(void)fd;
	rel_loop_disarm(p->loop, &p->other->timer);
}

static void test_a_timer_that_is_due_can_still_be_disarmed(void **state)
{
	REL_AUTO(rel_loop_freep) struct rel_loop *l = rel_loop_new();
	char told[8] = "";
	struct probe a = { .loop = l, .told = told, .letter = 'a' };
	struct probe b = { .loop = l, .told = told, .letter = 'b' };
	struct probe c = { .loop = l, .told = told, .letter = 'c' };

	(void)state;
	a.then = disarm_other;
	a.other = &b;
	arm(&a, 1);
	arm(&b, 2);
	arm(&c, 3);
	turn(l);
	peek(l);
	assert_string_equal(told, "ac");
}

static void arm_again(struct probe *p, int fd)
{
	(void)fd;
	arm(p, 0);
}

static void test_a_timer_armed_by_itself_waits_for_the_next_turn(void **state)
{
	REL_AUTO(rel_loop_freep) struct rel_loop *l = rel_loop_new();
	char told[8] = "";
	struct probe a = { .loop = l, .told = told, .letter = 'a' };

	(void)state;
	a.then = arm_again;
	arm(&a, 0);
	turn(l);
	assert_string_equal(told, "a");
	turn(l);
	assert_string_equal(told, "aa");
	rel_loop_disarm(l, &a.timer);
}

static void test_what_has_happened_comes_before_what_is_due(void **state)
{
	REL_AUTO(rel_loop_freep) struct rel_loop *l = rel_loop_new();
	char told[8] = "";
	struct probe t = { .loop = l, .told = told, .letter = 't' };
	struct probe f = { .loop = l, .told = told, .letter = 'f' };
	struct ends pf = new_pipe();

	(void)state;
	arm(&t, 0);
	rel_loop_watch(l, pf.r, POLLIN, on_fd, &f);
	assert_int_equal(write(pf.w, "x", 1), 1);
	turn(l);
	assert_string_equal(told, "ft");
	/* And does not wait for it. */
	told[0] = told[1] = '\0';
	arm(&t, rel_monotonic_ms() + 3600000);
	turn(l);
	assert_string_equal(told, "f");
	rel_loop_disarm(l, &t.timer);
	close_pipe(&pf);
}

static void on_signal(int sig)
{
	(void)sig;
}

static void test_a_signal_ends_a_turn_and_is_no_error(void **state)
{
	REL_AUTO(rel_loop_freep) struct rel_loop *l = rel_loop_new();
	const struct sigaction act = { .sa_handler = on_signal };
	const struct itimerval often = {
		.it_value = { .tv_usec = 5000 },
		.it_interval = { .tv_usec = 5000 },
	};
	const struct itimerval never = { .it_value = { 0 } };
	char told[8] = "";
	struct probe t = { .loop = l, .told = told, .letter = 't' };

	(void)state;
	arm(&t, rel_monotonic_ms() + 3600000);
	assert_int_equal(sigaction(SIGALRM, &act, NULL), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
	turn(l);
	assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
	assert_string_equal(told, "");
	rel_loop_disarm(l, &t.timer);
}

static void test_hundreds_of_fds_are_watched(void **state)
{
	REL_AUTO(rel_loop_freep) struct rel_loop *l = rel_loop_new();
	enum {
		N = 400,
	};
	static struct ends e[N];
	char told[8] = "";
	struct probe quiet = { .loop = l, .told = told, .letter = '!' };
	struct probe last = { .loop = l, .told = told, .letter = 'l' };

	(void)state;
	for (int i = 0; i < N; i++) {
		e[i] = new_pipe();
		rel_loop_watch(
			l, e[i].r, POLLIN, on_fd, i == N - 1 ? &last : &quiet);
	}
	assert_int_equal(write(e[N - 1].w, "x", 1), 1);
	turn(l);
	for (int i = 0; i < N; i += 2)
		rel_loop_forget(l, e[i].r);
	turn(l);
	assert_string_equal(told, "ll");
	for (int i = 0; i < N; i++)
		close_pipe(&e[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_what_is_ready_is_called),
		cmocka_unit_test(
			test_one_that_was_forgotten_by_another_is_not_called),
		cmocka_unit_test(
			test_news_of_an_old_fd_is_not_told_to_a_new_one),
		cmocka_unit_test(test_without_events_not_even_a_hangup_is_told),
		cmocka_unit_test(
			test_one_that_was_muted_by_another_is_not_called),
		cmocka_unit_test(
			test_timers_come_in_order_once_and_not_too_soon),
		cmocka_unit_test(
			test_a_timer_that_is_due_can_still_be_disarmed),
		cmocka_unit_test(
			test_a_timer_armed_by_itself_waits_for_the_next_turn),
		cmocka_unit_test(
			test_what_has_happened_comes_before_what_is_due),
		cmocka_unit_test(test_a_signal_ends_a_turn_and_is_no_error),
		cmocka_unit_test(test_hundreds_of_fds_are_watched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
