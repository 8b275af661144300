/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Histories in a small notation; contents are numbers.
 *	r1	a release of content 1, and its activation
 *	f1	a release of content 1 whose activation failed
 *	c1	a release of content 1, then a crash before its activation
 *	a1	activate content 1, which has a release by now
 *	b	rollback
 *	b1	rollback to a release of content 1
 *	k1>4	rollback to content 1 with --keep or --code, which makes content
 *4 k>4	the same without a target #255	the next release gets number 255
 */
#include "rel_test.h"

#include "base/vec.h"
#include "ledger/undo.h"

#include <stdio.h>
#include <string.h>

struct past {
	REL_VEC(struct rel_activation) acts;
	int64_t seq, number; /* the last ones that were given out */
	char outcome[16];    /* of the last word: "ok", "same", "refused" */
};

static struct rel_id content(long n)
{
	struct rel_id id = { { 0 } };

	memcpy(id.b, &n, sizeof(n));
	return id;
}

static long content_number(const struct rel_id *id)
{
	long n;

	memcpy(&n, id->b, sizeof(n));
	return n;
}

static int at(
	void *arg, int64_t seq, struct rel_activation *ret, struct rel_err *err)
{
	struct past *p = arg;

	for (size_t i = 0; i < p->acts.n; i++) {
		if (p->acts.v[i].seq == seq) {
			*ret = p->acts.v[i];
			return 0;
		}
	}
	return rel_fail(err, REL_ENOTFOUND, "no activation");
}

static const struct rel_activation *current(const struct past *p)
{
	return p->acts.n ? &p->acts.v[p->acts.n - 1] : NULL;
}

static void release(struct past *p)
{
	p->seq++;
	p->number++;
}

static void activate(struct past *p, const struct rel_id *id, int64_t on)
{
	struct rel_activation a = {
		.seq = ++p->seq, .number = p->number, .on = on, .content = *id
	};

	rel_vec_push(&p->acts, a);
}

static void push(struct past *p, long n)
{
	struct rel_id id = content(n);
	bool same;
	int64_t on = rel_undo_push(current(p), &id, &same);

	if (same)
		strcpy(p->outcome, "same");
	activate(p, &id, on);
}

static void rollback(struct past *p)
{
	struct rel_history h = { at, p };
	struct rel_activation to;
	struct rel_err err = REL_ERR_INIT;

	if (rel_undo_pop(&h, current(p), &to, &err) < 0) {
		assert_int_equal(err.code, REL_EREFUSED);
		strcpy(p->outcome, "refused");
		return;
	}
	release(p);
	activate(p, &to.content, to.on);
}

static void rollback_to(struct past *p, long n)
{
	struct rel_history h = { at, p };
	struct rel_id id = content(n);
	struct rel_err err = REL_ERR_INIT;
	int64_t on = -1;
	bool found, same;

	assert_int_equal(
		rel_undo_to(&h, current(p), &id, &on, &found, &same, &err), 0);
	if (same) {
		strcpy(p->outcome, "same");
		return;
	}
	release(p);
	activate(p, &id, on);
}

static void rollback_onto(struct past *p, const char *word)
{
	struct rel_history h = { at, p };
	struct rel_activation top;
	struct rel_id target, made;
	struct rel_err err = REL_ERR_INIT;
	int64_t on = -1;
	bool found;
	long n, to;

	if (sscanf(word, "k%ld>%ld", &n, &to) == 2) {
		target = content(n);
	} else {
		assert_int_equal(sscanf(word, "k>%ld", &to), 1);
		if (rel_undo_pop(&h, current(p), &top, &err) < 0) {
			strcpy(p->outcome, "refused");
			return;
		}
		target = top.content;
	}
	made = content(to);
	assert_int_equal(
		rel_undo_onto(&h, current(p), &target, &on, &found, &err), 0);
	release(p);
	activate(p, &made, on);
}

static void play_word(struct past *p, const char *word)
{
	long n = strtol(word + 1, NULL, 10);

	strcpy(p->outcome, "ok");
	switch (word[0]) {
	case 'r':
		release(p);
		push(p, n);
		break;
	case 'f':
		release(p);
		p->seq++; /* the event of the failure */
		break;
	case 'c':
		release(p);
		break;
	case 'a':
		push(p, n);
		break;
	case 'b':
		if (word[1])
			rollback_to(p, n);
		else
			rollback(p);
		break;
	case 'k':
		rollback_onto(p, word);
		break;
	case '#':
		p->number = n - 1;
		break;
	default:
		fail_msg("what is '%s'?", word);
	}
}

static void play(struct past *p, const char *history)
{
	char words[256], *save = NULL;

	assert_true(strlen(history) < sizeof(words));
	strcpy(words, history);
	strcpy(p->outcome, "ok");
	for (char *w = strtok_r(words, " ", &save); w;
		w = strtok_r(NULL, " ", &save))
		play_word(p, w);
}

struct text {
	char s[512];
	bool numbers;
};

static int add_entry(
	void *arg, const struct rel_activation *a, struct rel_err *err)
{
	struct text *t = arg;
	size_t n = strlen(t->s);

	(void)err;
	snprintf(t->s + n, sizeof(t->s) - n, "%s%ld", n ? " " : "",
		content_number(&a->content));
	n = strlen(t->s);
	if (t->numbers)
		snprintf(t->s + n, sizeof(t->s) - n, "@%lld",
			(long long)a->number);
	return 0;
}

static void stack_text(struct past *p, struct text *t)
{
	struct rel_history h = { at, p };
	struct rel_err err = REL_ERR_INIT;

	t->s[0] = '\0';
	if (current(p))
		assert_int_equal(
			rel_undo_each(&h, current(p), add_entry, t, &err), 0);
}

static const struct {
	const char *history, *stack, *outcome;
} table[] = {
	/* the plain way */
	{ "", "", "ok" },
	{ "r1", "1", "ok" },
	{ "r1 b", "1", "refused" },
	{ "r1 r2", "2 1", "ok" },
	{ "r1 r2 b", "1", "ok" },
	/* repeating goes further back: no ping-pong */
	{ "r1 r2 b b", "1", "refused" },
	{ "r1 r2 r3 b", "2 1", "ok" },
	{ "r1 r2 r3 b b", "1", "ok" },
	{ "r1 r2 r3 b b b", "1", "refused" },
	{ "r1 r2 r3 r4 b b r5 b b", "1", "ok" },
	/* what was rolled back from does not return by itself */
	{ "r1 r2 b r3", "3 1", "ok" },
	{ "r1 r2 b r3 b", "1", "ok" },
	{ "r1 r2 b r3 b b", "1", "refused" },
	{ "r1 r2 r3 b r4 b b", "1", "ok" },
	/* released again after a rollback */
	{ "r1 r2 b r2", "2 1", "ok" },
	{ "r1 r2 b r2 b", "1", "ok" },
	{ "r1 r2 b r2 b b", "1", "refused" },
	{ "r1 r2 b r2 r3 b b", "1", "ok" },
	{ "r1 r2 b r2 b r2 b", "1", "ok" },
	/* a failed activation pushes nothing */
	{ "f1", "", "ok" },
	{ "r1 f2", "1", "ok" },
	{ "r1 f2 b", "1", "refused" },
	{ "r1 r2 f3 b", "1", "ok" },
	{ "r1 r2 f3 f4 f3 b", "1", "ok" },
	{ "r1 f2 r2 b", "1", "ok" },
	{ "f1 f1 r1 b", "1", "refused" },
	/* a crash between release and activation */
	{ "c1", "", "ok" },
	{ "c1 a1", "1", "ok" },
	{ "r1 c2 b", "1", "refused" },
	{ "r1 c2 a2 b", "1", "ok" },
	{ "r1 r2 c3 b a3", "3 1", "ok" },
	{ "r1 r2 c3 r4 b", "2 1", "ok" },
	/* the same content, at once and later; an empty commit */
	{ "r1 r1", "1", "same" },
	{ "r1 r1 b", "1", "refused" },
	{ "r1 r2 r2 b", "1", "ok" },
	{ "r1 r2 r2 r2 b b", "1", "refused" },
	{ "r1 r2 r1", "1 2 1", "ok" },
	{ "r1 r2 r1 b", "2 1", "ok" },
	{ "r1 r2 r1 b b", "1", "ok" },
	{ "r1 r2 r1 b b b", "1", "refused" },
	{ "r1 r2 r1 r1 b", "2 1", "ok" },
	{ "r1 r2 a2 b", "1", "ok" },
	/* a target on the stack */
	{ "r1 r2 r3 b1", "1", "ok" },
	{ "r1 r2 r3 b2", "2 1", "ok" },
	{ "r1 r2 r3 b2 b", "1", "ok" },
	{ "r1 r2 r3 b1 b", "1", "refused" },
	{ "r1 r2 r3 b3", "3 2 1", "same" },
	{ "r1 b1", "1", "same" },
	{ "r1 r2 r1 r3 b1", "1 2 1", "ok" },
	{ "r1 r2 r1 r3 b1 b", "2 1", "ok" },
	{ "r1 r2 r1 b1", "1 2 1", "same" },
	/* a target off the stack is pushed */
	{ "r1 r2 b b2", "2 1", "ok" },
	{ "r1 r2 b b2 b", "1", "ok" },
	{ "r1 r2 b b2 b b", "1", "refused" },
	{ "r1 f2 b2", "2 1", "ok" },
	{ "r1 r2 c3 b3 b", "2 1", "ok" },
	{ "r1 r2 r3 b1 b3 b2", "2 3 1", "ok" },
	/* --keep: on top of a target that is on the stack */
	{ "r1 r2 r3 k1>4", "4 1", "ok" },
	{ "r1 r2 r3 k1>4 b", "1", "ok" },
	{ "r1 r2 r3 k2>4 b", "2 1", "ok" },
	{ "r1 r2 r3 k2>4 b b", "1", "ok" },
	{ "r1 r2 r3 k1>4 k1>5", "5 1", "ok" },
	{ "r1 r2 r3 k1>4 r5 b b b", "1", "refused" },
	{ "r1 r2 k2>4", "4 2 1", "ok" },
	{ "r1 r2 r1 r3 k1>4", "4 1 2 1", "ok" },
	/* off the stack: on top of the current one */
	{ "r1 r2 b r3 k2>4", "4 3 1", "ok" },
	{ "r1 r2 b r3 k2>4 b", "3 1", "ok" },
	/* --code without a target */
	{ "r1 r2 k>4", "4 1", "ok" },
	{ "r1 r2 k>4 b", "1", "ok" },
	{ "r1 r2 r3 k>4 k>5", "5 2 1", "ok" },
	{ "r1 k>4", "1", "refused" },
	/* a --keep that made what the target is anyway: one step, not two */
	{ "r9 r1 r2 k1>1", "1 1 9", "ok" },
	{ "r9 r1 r2 k1>1 b", "9", "ok" },
	{ "r1 r2 k1>1 b", "1 1", "refused" },
};

static void test_each_history_leaves_the_stack_of_the_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct past p = { .seq = 0 };
		struct text t = { .numbers = false };

		play(&p, table[i].history);
		stack_text(&p, &t);
		if (strcmp(t.s, table[i].stack) != 0 ||
			strcmp(p.outcome, table[i].outcome) != 0)
			fail_msg("'%s' gave '%s' (%s), not '%s' (%s)",
				table[i].history, t.s, p.outcome,
				table[i].stack, table[i].outcome);
		rel_vec_free(&p.acts);
	}
}

static void test_numbers_are_kept_whole(void **state)
{
	static const struct {
		const char *history, *stack;
	} numbers[] = {
		{ "#255 r1 r2 r3", "3@257 2@256 1@255" },
		{ "#255 r1 r2 r3 b", "2@258 1@255" },
		{ "#255 r1 r2 r3 b1", "1@258" },
		{ "#65535 r1 r2 r3 k1>4", "4@65538 1@65535" },
		{ "#65536 r1 r2 b2", "2@65537 1@65536" },
		{ "#2147483647 r1 r2 r3 b", "2@2147483650 1@2147483647" },
		{ "#2147483648 r1 r2 b b2", "2@2147483651 1@2147483650" },
		{ "#4294967295 r1 r2 r1", "1@4294967297 2@4294967296 "
					  "1@4294967295" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		struct past p = { .seq = 1LL << 33 };
		struct text t = { .numbers = true };

		play(&p, numbers[i].history);
		stack_text(&p, &t);
		assert_string_equal(t.s, numbers[i].stack);
		rel_vec_free(&p.acts);
	}
}

static void test_pop_names_what_it_goes_back_to(void **state)
{
	struct past p = { .seq = 0 };
	struct rel_history h = { at, &p };
	struct rel_activation to;
	struct rel_err err = REL_ERR_INIT;

	(void)state;
	play(&p, "r7 r8 r9");
	assert_int_equal(rel_undo_pop(&h, current(&p), &to, &err), 0);
	assert_int_equal(to.number, 2);
	assert_int_equal(content_number(&to.content), 8);
	assert_int_equal(to.seq, 4);
	assert_int_equal(to.on, 2);
	rel_vec_free(&p.acts);
}

static void test_a_target_says_whether_it_was_on_the_stack(void **state)
{
	struct past p = { .seq = 0 };
	struct rel_history h = { at, &p };
	struct rel_id on_it = content(1), off_it = content(2);
	struct rel_err err = REL_ERR_INIT;
	int64_t on;
	bool found, same;

	(void)state;
	play(&p, "r1 r2 b r3");
	assert_int_equal(
		rel_undo_to(&h, current(&p), &on_it, &on, &found, &same, &err),
		0);
	assert_true(found && !same && on == 0);
	assert_int_equal(
		rel_undo_to(&h, current(&p), &off_it, &on, &found, &same, &err),
		0);
	assert_true(!found && !same && on == current(&p)->seq);
	assert_int_equal(
		rel_undo_onto(&h, current(&p), &on_it, &on, &found, &err), 0);
	assert_true(found && on == 6); /* the rollback's own activation */
	assert_int_equal(
		rel_undo_onto(&h, current(&p), &off_it, &on, &found, &err), 0);
	assert_true(!found && on == current(&p)->seq);
	rel_vec_free(&p.acts);
}

/* What the release stage asks when gc has taken the next content. */
struct restorable {
	const char *gone; /* contents, one digit each */
	int64_t current, number;
};

static int first_restorable(
	void *arg, const struct rel_activation *a, struct rel_err *err)
{
	struct restorable *w = arg;

	(void)err;
	if (a->seq == w->current ||
		strchr(w->gone, '0' + (int)content_number(&a->content)))
		return 0;
	w->number = a->number;
	return 1;
}

static void test_the_newest_restorable_is_found_below_what_gc_took(void **state)
{
	static const struct {
		const char *history, *gone;
		int r;
		int64_t number;
	} cases[] = {
		{ "r1 r2 r3 r4", "", 1, 3 },
		{ "r1 r2 r3 r4", "3", 1, 2 },
		{ "r1 r2 r3 r4", "32", 1, 1 },
		{ "r1 r2 r3 r4", "321", 0, 0 },
		{ "r1 r2 r3 r4", "4", 1, 3 },
		{ "r1 r2 r1 r3", "1", 1, 2 },
		{ "r1", "", 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct past p = { .seq = 0 };
		struct rel_history h = { at, &p };
		struct rel_err err = REL_ERR_INIT;
		struct restorable w = { .gone = cases[i].gone };

		play(&p, cases[i].history);
		w.current = current(&p)->seq;
		assert_int_equal(rel_undo_each(&h, current(&p),
					 first_restorable, &w, &err),
			cases[i].r);
		assert_int_equal(w.number, cases[i].number);
		rel_vec_free(&p.acts);
	}
}

static int count(void *arg, const struct rel_activation *a, struct rel_err *err)
{
	(void)a;
	(void)err;
	++*(int *)arg;
	return 0;
}

static void expect_damage(struct past *p)
{
	struct rel_history h = { at, p };
	struct rel_id other = content(77);
	struct rel_activation to;
	struct rel_err err = REL_ERR_INIT;
	int64_t on;
	bool found, same;
	int n = 0;

	assert_int_equal(rel_undo_each(&h, current(p), count, &n, &err),
		-(int)REL_EINTEGRITY);
	assert_int_equal(
		rel_undo_to(&h, current(p), &other, &on, &found, &same, &err),
		-(int)REL_EINTEGRITY);
	assert_int_equal(
		rel_undo_onto(&h, current(p), &other, &on, &found, &err),
		-(int)REL_EINTEGRITY);
	assert_int_equal(
		rel_undo_pop(&h, current(p), &to, &err), -(int)REL_EINTEGRITY);
}

static void test_a_cycle_or_a_gap_is_damage(void **state)
{
	static const int64_t bad[] = { 4, 5, 99, -1, INT64_MIN, INT64_MAX, 1 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct past p = { .seq = 0 };

		play(&p, "r1 r2"); /* activations 2 and 4; 1 is a release */
		p.acts.v[1].on = bad[i];
		expect_damage(&p);
		rel_vec_free(&p.acts);
	}
}

static int broken(
	void *arg, int64_t seq, struct rel_activation *ret, struct rel_err *err)
{
	(void)arg;
	(void)seq;
	(void)ret;
	return rel_fail(err, REL_EBUSY, "the past is busy");
}

static void test_an_error_of_the_past_is_passed_on(void **state)
{
	struct rel_history h = { broken, NULL };
	struct rel_activation a = { .seq = 4, .on = 2 }, to;
	struct rel_err err = REL_ERR_INIT;

	(void)state;
	assert_int_equal(rel_undo_pop(&h, &a, &to, &err), -(int)REL_EBUSY);
	assert_string_equal(err.msg, "the past is busy");
}

/* The model: the stack as a plain list, its top at the end. */
struct model {
	long v[64];
	int n;
};

static int model_find(const struct model *m, long c)
{
	for (int i = m->n - 1; i >= 0; i--)
		if (m->v[i] == c)
			return i;
	return -1;
}

static const char *model_push(struct model *m, long c)
{
	if (m->n && m->v[m->n - 1] == c)
		return "same";
	m->v[m->n++] = c;
	return "ok";
}

static const char *model_pop(struct model *m)
{
	int n = m->n;

	while (n && m->v[n - 1] == m->v[m->n - 1])
		n--;
	if (!n)
		return "refused";
	m->n = n;
	return "ok";
}

static const char *model_to(struct model *m, long c)
{
	int i = model_find(m, c);

	if (i >= 0 && m->v[i] == m->v[m->n - 1])
		return "same";
	if (i >= 0)
		m->n = i + 1;
	else
		m->v[m->n++] = c;
	return "ok";
}

static const char *model_onto(struct model *m, long target, long c)
{
	int i = model_find(m, target);

	if (i >= 0)
		m->n = i + 1;
	m->v[m->n++] = c;
	return "ok";
}

static void model_text(const struct model *m, struct text *t)
{
	t->s[0] = '\0';
	for (int i = m->n - 1; i >= 0; i--) {
		size_t n = strlen(t->s);

		snprintf(t->s + n, sizeof(t->s) - n, "%s%ld", n ? " " : "",
			m->v[i]);
	}
}

static unsigned next(uint64_t *seed, unsigned below)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(*seed >> 33) % below;
}

/* One random step, done by both; the word is added to ${said}. */
static void step(struct past *p, struct model *m, uint64_t *seed, char *said)
{
	long a = next(seed, 5), b = next(seed, 5);
	unsigned what = m->n ? next(seed, 12) : 0;
	const char *outcome = "ok";
	char word[32];

	if (what < 5) {
		snprintf(word, sizeof(word), "r%ld", a);
		outcome = model_push(m, a);
	} else if (what < 6) {
		snprintf(word, sizeof(word), "%c%ld", b % 2 ? 'f' : 'c', a);
	} else if (what < 9) {
		snprintf(word, sizeof(word), "b");
		outcome = model_pop(m);
	} else if (what < 11) {
		snprintf(word, sizeof(word), "b%ld", a);
		outcome = model_to(m, a);
	} else {
		snprintf(word, sizeof(word), "k%ld>%ld", a, b);
		outcome = model_onto(m, a, b);
	}
	strcat(strcat(said, " "), word);
	play_word(p, word);
	if (strcmp(p->outcome, outcome) != 0)
		fail_msg("%s: '%s', the model says '%s'", said, p->outcome,
			outcome);
}

static void test_3000_random_histories_agree_with_a_plain_list(void **state)
{
	uint64_t seed = 20261123;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		struct past p = { .seq = 0 };
		struct model m = { .n = 0 };
		struct text is = { .numbers = false }, wanted = is;
		char said[512] = "";

		for (unsigned n = 1 + next(&seed, 40); n; n--)
			step(&p, &m, &seed, said);
		stack_text(&p, &is);
		model_text(&m, &wanted);
		if (strcmp(is.s, wanted.s) != 0)
			fail_msg("%s: '%s', the model says '%s'", said, is.s,
				wanted.s);
		rel_vec_free(&p.acts);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_each_history_leaves_the_stack_of_the_table),
		cmocka_unit_test(test_numbers_are_kept_whole),
		cmocka_unit_test(test_pop_names_what_it_goes_back_to),
		cmocka_unit_test(
			test_a_target_says_whether_it_was_on_the_stack),
		cmocka_unit_test(
			test_the_newest_restorable_is_found_below_what_gc_took),
		cmocka_unit_test(test_a_cycle_or_a_gap_is_damage),
		cmocka_unit_test(test_an_error_of_the_past_is_passed_on),
		cmocka_unit_test(
			test_3000_random_histories_agree_with_a_plain_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
