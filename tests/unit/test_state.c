/* SPDX-License-Identifier: Apache-2.0 */
#include "run/state.h"

#include "rel_test.h"

#include <stdlib.h>
#include <string.h>

#define ARMS (REL_ACT_ARM_START | REL_ACT_ARM_GRACE | REL_ACT_ARM_BACKOFF)

/* A supervisor without processes: what the acts have made of the world. */
struct world {
	enum rel_state state;
	bool process, signalled, killed, traffic;
	unsigned timer; /* the ARM act that runs, 0: none */
	unsigned spawns, exits, ups, downs;
};

static bool is_exit(enum rel_input in)
{
	return in == REL_INPUT_EXIT_AGAIN || in == REL_INPUT_EXIT_FINAL;
}

/* Can this input come? A timer that is not armed does not go off, and only
 * what runs ends, gets ready or sick. */
static bool can_come(const struct world *w, enum rel_input in)
{
	if (in == REL_INPUT_TIMER)
		return w->timer;
	if (is_exit(in) || in == REL_INPUT_READY || in == REL_INPUT_SICK)
		return w->process;
	return true;
}

static void check_act(struct world *w, enum rel_act act)
{
	switch (act) {
	case REL_ACT_DISARM:
		w->timer = 0;
		break;
	case REL_ACT_DOWN:
		assert_true(w->traffic);
		w->traffic = false;
		w->downs++;
		break;
	case REL_ACT_SIGNAL:
		assert_true(w->process && !w->signalled && !w->killed);
		w->signalled = true;
		break;
	case REL_ACT_KILL:
		assert_true(w->process);
		w->killed = true;
		break;
	case REL_ACT_SPAWN:
		assert_false(w->process);
		w->process = true;
		w->signalled = w->killed = false;
		w->spawns++;
		break;
	case REL_ACT_ARM_START:
	case REL_ACT_ARM_GRACE:
	case REL_ACT_ARM_BACKOFF:
		w->timer = act;
		break;
	case REL_ACT_UP:
		assert_true(w->process && !w->traffic);
		w->traffic = true;
		w->ups++;
		break;
	case REL_ACT_LATE:
		assert_true(w->process && !w->traffic);
		break;
	case REL_ACT_ENDED:
		assert_false(w->process);
		break;
	default:
		fail_msg("there is no act %d", act);
	}
}

/* What must hold between two inputs, whatever has happened. */
static void check_world(const struct world *w)
{
	unsigned timer = 0;

	switch (w->state) {
	case REL_STATE_STARTING:
		timer = REL_ACT_ARM_START;
		assert_false(w->signalled || w->killed);
		break;
	case REL_STATE_STOPPING:
	case REL_STATE_RECYCLING:
		timer = w->killed ? 0 : REL_ACT_ARM_GRACE;
		assert_true(w->signalled || w->killed);
		break;
	case REL_STATE_WAITING:
		timer = REL_ACT_ARM_BACKOFF;
		break;
	case REL_STATE_UP:
		assert_false(w->signalled || w->killed);
		break;
	default:
		break;
	}
	assert_int_equal(w->timer, timer);
	assert_int_equal(w->process, rel_state_runs(w->state));
	assert_int_equal(w->process, w->spawns - w->exits);
	assert_int_equal(w->traffic, w->state == REL_STATE_UP);
	assert_int_equal(w->traffic, w->ups - w->downs);
}

/* Feed ${in}; returns the acts. */
static unsigned feed(struct world *w, enum rel_input in)
{
	struct rel_step step = rel_state_step(w->state, in);
	bool ends = w->state != REL_STATE_ENDED && step.next == REL_STATE_ENDED;

	assert_true(step.next < REL_STATE_N);
	assert_int_equal(!(step.acts & REL_ACT_ENDED), !ends);
	if (in == REL_INPUT_TIMER)
		w->timer = 0;
	if (is_exit(in) && w->process) {
		w->process = false;
		w->exits++;
	}
	for (unsigned bit = 1; bit <= step.acts; bit <<= 1)
		if (step.acts & bit)
			check_act(w, (enum rel_act)bit);
	w->state = step.next;
	check_world(w);
	return step.acts;
}

static bool same(const struct world *a, const struct world *b)
{
	return a->state == b->state && a->signalled == b->signalled &&
	       a->killed == b->killed;
}

/* All worlds that can be reached, as far as they differ in `same`. */
struct worlds {
	struct world v[64];
	size_t n;
};

static void add_world(struct worlds *all, const struct world *w)
{
	for (size_t i = 0; i < all->n; i++)
		if (same(&all->v[i], w))
			return;
	assert_true(all->n < sizeof(all->v) / sizeof(*all->v));
	all->v[all->n++] = *w;
}

/* From ${first}, by all inputs that can come and are not in ${but} (bits). The
 * acts on the way are added to *ret_acts. */
static struct worlds reach(struct world first, unsigned but, unsigned *ret_acts)
{
	struct worlds all = { .n = 0 };

	add_world(&all, &first);
	for (size_t i = 0; i < all.n; i++)
		for (enum rel_input in = 0; in < REL_INPUT_N; in++) {
			struct world w = all.v[i];

			if ((but & 1u << in) || !can_come(&w, in))
				continue;
			*ret_acts |= feed(&w, in);
			add_world(&all, &w);
		}
	return all;
}

static struct worlds reach_all(void)
{
	struct world idle = { .state = REL_STATE_IDLE };
	unsigned acts = 0;

	return reach(idle, 0, &acts);
}

static void test_every_state_and_every_act_can_be_reached(void **state)
{
	struct world idle = { .state = REL_STATE_IDLE };
	unsigned acts = 0, states = 0;
	struct worlds all = reach(idle, 0, &acts);

	(void)state;
	for (size_t i = 0; i < all.n; i++)
		states |= 1u << all.v[i].state;
	assert_int_equal(states, (1u << REL_STATE_N) - 1);
	assert_int_equal(acts, (REL_ACT_ENDED << 1) - 1);
}

static void test_every_cell_leads_to_a_state_with_acts_that_fit(void **state)
{
	(void)state;
	for (enum rel_state s = 0; s < REL_STATE_N; s++)
		for (enum rel_input in = 0; in < REL_INPUT_N; in++) {
			struct rel_step step = rel_state_step(s, in);
			unsigned arms = step.acts & ARMS;
			bool late = s == REL_STATE_STARTING &&
				    in == REL_INPUT_TIMER;

			assert_true(step.next < REL_STATE_N);
			assert_true(step.acts < REL_ACT_ENDED << 1);
			assert_true((arms & (arms - 1)) == 0);
			assert_false(arms && (step.acts & REL_ACT_DISARM));
			assert_int_equal(!!(step.acts & REL_ACT_LATE), late);
		}
}

static void test_a_process_is_forgotten_only_when_it_has_ended(void **state)
{
	(void)state;
	for (enum rel_state s = 0; s < REL_STATE_N; s++)
		for (enum rel_input in = 0; in < REL_INPUT_N; in++) {
			struct rel_step step = rel_state_step(s, in);

			if (rel_state_runs(s))
				assert_int_equal(rel_state_runs(step.next),
					!is_exit(in));
			else
				assert_int_equal(rel_state_runs(step.next),
					!!(step.acts & REL_ACT_SPAWN));
			if (step.acts & REL_ACT_SPAWN)
				assert_int_equal(step.next, REL_STATE_STARTING);
		}
}

/* News of a process or a timer that is no more: they may be under way while
 * something else is done. */
static void test_what_comes_too_late_changes_nothing(void **state)
{
	struct worlds all = reach_all();

	(void)state;
	for (size_t i = 0; i < all.n; i++)
		for (enum rel_input in = 0; in < REL_INPUT_N; in++) {
			struct world w = all.v[i];
			enum rel_state before = w.state;
			unsigned acts;

			if (can_come(&w, in))
				continue;
			acts = feed(&w, in);
			assert_int_equal(w.state, before);
			assert_int_equal(acts & ~(unsigned)REL_ACT_KILL, 0);
		}
	for (enum rel_state s = 0; s < REL_STATE_N; s++) {
		struct rel_step step = rel_state_step(s, REL_INPUT_READY);

		if (s != REL_STATE_STARTING) {
			assert_int_equal(step.next, s);
			assert_int_equal(step.acts, 0);
		}
	}
}

static void test_stop_asks_then_kills_and_ends(void **state)
{
	struct worlds all = reach_all();

	(void)state;
	for (size_t i = 0; i < all.n; i++) {
		struct world w = all.v[i], early;
		unsigned acts = feed(&w, REL_INPUT_STOP);

		assert_false(acts & REL_ACT_KILL);
		if (!rel_state_runs(all.v[i].state)) {
			assert_int_equal(w.state, REL_STATE_ENDED);
			continue;
		}
		assert_int_equal(w.state, REL_STATE_STOPPING);
		early = w;
		feed(&early, REL_INPUT_EXIT_AGAIN);
		assert_int_equal(early.state, REL_STATE_ENDED);

		if (w.timer)
			assert_int_equal(
				feed(&w, REL_INPUT_TIMER), REL_ACT_KILL);
		assert_true(w.killed);
		feed(&w, REL_INPUT_EXIT_FINAL);
		assert_int_equal(w.state, REL_STATE_ENDED);
	}
}

static void test_kill_does_not_ask(void **state)
{
	struct worlds all = reach_all();

	(void)state;
	for (size_t i = 0; i < all.n; i++) {
		struct world w = all.v[i];
		unsigned acts = feed(&w, REL_INPUT_KILL);
		bool runs = rel_state_runs(all.v[i].state);

		assert_int_equal(!(acts & REL_ACT_KILL), !runs);
		assert_false(acts & REL_ACT_SIGNAL);
		assert_int_equal(
			w.state, runs ? REL_STATE_STOPPING : REL_STATE_ENDED);
	}
}

static void test_what_was_stopped_starts_only_when_asked(void **state)
{
	static const enum rel_input ends[] = { REL_INPUT_STOP, REL_INPUT_KILL };
	const unsigned asked = 1u << REL_INPUT_START | 1u << REL_INPUT_RESTART;
	struct worlds all = reach_all();

	(void)state;
	for (size_t i = 0; i < all.n; i++)
		for (size_t k = 0; k < 2; k++) {
			struct world w = all.v[i];
			unsigned acts = feed(&w, ends[k]);

			reach(w, asked, &acts);
			assert_false(acts & REL_ACT_SPAWN);
		}
}

/* Let it end and the back-off pass, if it is on its way to another start. */
static unsigned come_back(struct world *w)
{
	unsigned acts = 0;

	if (w->state == REL_STATE_RECYCLING)
		acts |= feed(w, REL_INPUT_EXIT_AGAIN);
	if (w->state == REL_STATE_WAITING)
		acts |= feed(w, REL_INPUT_TIMER);
	return acts;
}

static void test_start_leads_to_a_process_from_everywhere(void **state)
{
	struct worlds all = reach_all();

	(void)state;
	for (size_t i = 0; i < all.n; i++) {
		struct world w = all.v[i];
		bool ran = rel_state_runs(w.state);
		unsigned acts = feed(&w, REL_INPUT_START);

		/* at once, and without harm to one that is there */
		assert_int_equal(!(acts & REL_ACT_SPAWN), ran);
		if (ran)
			assert_int_equal(acts, 0);
		come_back(&w);
		assert_true(w.state == REL_STATE_STARTING ||
			    w.state == REL_STATE_UP);
	}
}

static void test_restart_gives_another_process_but_to_what_leaves(void **state)
{
	struct worlds all = reach_all();

	(void)state;
	for (size_t i = 0; i < all.n; i++) {
		struct world w = all.v[i];
		enum rel_state before = w.state;
		unsigned spawns = w.spawns, acts = feed(&w, REL_INPUT_RESTART);

		assert_false(acts & REL_ACT_KILL);
		if (before == REL_STATE_IDLE || before == REL_STATE_STOPPING) {
			assert_int_equal(w.state, before);
			assert_int_equal(acts, 0);
			continue;
		}
		if (!rel_state_runs(before))
			assert_true(acts & REL_ACT_SPAWN);
		come_back(&w);
		assert_int_equal(w.state, REL_STATE_STARTING);
		assert_int_equal(w.spawns, spawns + 1);
	}
}

static void test_an_end_is_followed_by_what_its_policy_says(void **state)
{
	struct worlds all = reach_all();

	(void)state;
	for (size_t i = 0; i < all.n; i++) {
		struct world again = all.v[i], final = all.v[i];
		bool stays_away = again.state == REL_STATE_STOPPING;

		if (!rel_state_runs(again.state))
			continue;
		feed(&again, REL_INPUT_EXIT_AGAIN);
		assert_int_equal(again.state,
			stays_away ? REL_STATE_ENDED : REL_STATE_WAITING);
		feed(&final, REL_INPUT_EXIT_FINAL);
		assert_int_equal(final.state, REL_STATE_ENDED);
	}
}

static void test_what_is_not_healthy_is_started_again(void **state)
{
	static const struct {
		bool up;
		enum rel_input in;
		bool late;
	} rows[] = {
		{ false, REL_INPUT_TIMER, true },
		{ false, REL_INPUT_SICK, false },
		{ true, REL_INPUT_SICK, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct world w = { .state = REL_STATE_IDLE };
		unsigned acts;

		feed(&w, REL_INPUT_START);
		if (rows[i].up)
			feed(&w, REL_INPUT_READY);
		assert_int_equal(w.traffic, rows[i].up);
		acts = feed(&w, rows[i].in);
		assert_int_equal(!!(acts & REL_ACT_LATE), rows[i].late);
		assert_true(acts & REL_ACT_SIGNAL);
		assert_int_equal(feed(&w, REL_INPUT_SICK), 0);
		assert_int_equal(feed(&w, REL_INPUT_TIMER), REL_ACT_KILL);
		assert_true(come_back(&w) & REL_ACT_SPAWN);
		assert_int_equal(w.state, REL_STATE_STARTING);
	}
}

static void test_a_walk_of_100000_steps_keeps_the_books(void **state)
{
	struct world w = { .state = REL_STATE_IDLE };
	uint32_t seed = 20261123;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		seed = seed * 1664525u + 1013904223u;
		feed(&w, (enum rel_input)((seed >> 16) % REL_INPUT_N));
	}
	assert_true(w.spawns > 1000 && w.ups > 1000);
}

static void test_states_have_names_of_their_own(void **state)
{
	(void)state;
	for (enum rel_state s = 0; s < REL_STATE_N; s++)
		for (enum rel_state t = 0; t < s; t++)
			assert_string_not_equal(
				rel_state_name(s), rel_state_name(t));
	assert_string_equal(rel_state_name(REL_STATE_UP), "up");
	assert_string_equal(rel_state_name(REL_STATE_ENDED), "ended");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_state_and_every_act_can_be_reached),
		cmocka_unit_test(
			test_every_cell_leads_to_a_state_with_acts_that_fit),
		cmocka_unit_test(
			test_a_process_is_forgotten_only_when_it_has_ended),
		cmocka_unit_test(test_what_comes_too_late_changes_nothing),
		cmocka_unit_test(test_stop_asks_then_kills_and_ends),
		cmocka_unit_test(test_kill_does_not_ask),
		cmocka_unit_test(test_what_was_stopped_starts_only_when_asked),
		cmocka_unit_test(test_start_leads_to_a_process_from_everywhere),
		cmocka_unit_test(
			test_restart_gives_another_process_but_to_what_leaves),
		cmocka_unit_test(
			test_an_end_is_followed_by_what_its_policy_says),
		cmocka_unit_test(test_what_is_not_healthy_is_started_again),
		cmocka_unit_test(test_a_walk_of_100000_steps_keeps_the_books),
		cmocka_unit_test(test_states_have_names_of_their_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
