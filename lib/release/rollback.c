/* SPDX-License-Identifier: Apache-2.0 */
#include "release/rollback.h"

#include "base/mem.h"
#include "release/release.h"
#include "store/tree.h"

#include <stdio.h>
#include <string.h>

/* Then what is missing of a release is its record or its config. */
static bool has_artifact(struct rel_home *h, const struct rel_id *id)
{
	return rel_tree_exists(h->store, id) ||
	       rel_store_has_artifact(h->store, id);
}

/*
 * Look down the stack for the newest release that can be restored, with
 * ${other_code} of another artifact than the current one. What is gone is most
 * often an artifact: then all that stand upon each other with it are gone.
 */
static int find_below(struct rel_plan *p, const struct rel_history *h,
	bool other_code, int64_t *ret, struct rel_err *err)
{
	struct rel_activation a = p->current;
	int64_t next = other_code ? a.other : a.on;

	*ret = 0;
	while (next != 0) {
		REL_AUTO(rel_release_row_done)
		struct rel_release_row row = { 0 };
		int r = next < a.seq
				? h->at(h->arg, next, &a, err)
				: rel_fail(err, REL_EINTEGRITY,
					  "activation %lld stands on "
					  "%lld, which is not earlier",
					  (long long)a.seq, (long long)next);

		if (r == 0)
			r = rel_ledger_release(
				p->home->ledger, p->app, a.number, &row, err);
		if (r < 0)
			return r;
		next = a.other;
		if (other_code &&
			rel_id_equal(&row.artifact, &p->from.artifact))
			continue;
		if (rel_restorable(p->home, &row) != REL_RESTORE_GONE) {
			*ret = a.number;
			return 0;
		}
		if (has_artifact(p->home, &row.artifact))
			next = a.on;
	}
	return 0;
}

static int refuse_gone(struct rel_plan *p, const struct rel_history *h,
	int64_t number, struct rel_err *err)
{
	int64_t other;
	int r = find_below(p, h, false, &other, err);

	if (r < 0)
		return r;
	rel_fail(err, REL_EREFUSED,
		"release v%lld cannot be restored: its files are gone",
		(long long)number);
	if (other == 0)
		return rel_hint(err, "build and release its commit again");
	return rel_hint(err, "the newest that can: relctl -a %s rollback v%lld",
		p->app, (long long)other);
}

/* The target's config with the current value of some variables, or all of the
 * current config: a content of its own. */
static int mix_config(struct rel_plan *p, const struct rel_back *q,
	const struct rel_err *why, struct rel_err *err)
{
	int r = 0;

	if (!p->from.has_config) {
		*err = *why;
		return rel_wrap(err, "the config of the current release");
	}
	if (q->code) {
		rel_config_done(&p->to.config);
		p->to.config = (struct rel_config){ 0 };
		r = rel_config_merge(&p->to.config, &p->from.config, err);
	}
	for (size_t i = 0; r == 0 && i < q->keep_n; i++) {
		const char *value = rel_config_get(&p->from.config, q->keep[i]);

		if (!value)
			return rel_fail(err, REL_EINVALID,
				"no variable '%.*s' in the current config to "
				"keep",
				(int)strcspn(q->keep[i], "="), q->keep[i]);
		r = rel_config_set(&p->to.config, q->keep[i], value, err);
	}
	return r;
}

/* The release that the rollback goes to, and what it will stand on. ${at}:
 * where on the stack the look down begins, and where it ended. */
static int choose(struct rel_plan *p, const struct rel_back *q,
	const struct rel_history *h, struct rel_activation *at,
	struct rel_release_row *row, bool *same, struct rel_err *err)
{
	struct rel_ledger *l = p->home->ledger;
	struct rel_activation next;
	bool found;
	int r;

	*same = false;
	if (q->target == 0) {
		r = rel_undo_pop(h, at, &next, err);
		if (r == -REL_EREFUSED)
			return rel_hint(err,
				"'relctl -a %s releases' lists what 'rollback "
				"vN' can name",
				p->app);
		if (r == 0)
			r = rel_ledger_release(
				l, p->app, next.number, row, err);
		p->on = next.on;
		*at = next;
		return r;
	}
	r = rel_ledger_release(l, p->app, q->target, row, err);
	if (r < 0)
		return r;
	return rel_undo_to(
		h, &p->current, &row->digest, &p->on, &found, same, err);
}

static int mix(struct rel_plan *p, const struct rel_back *q,
	const struct rel_history *h, const struct rel_err *why,
	struct rel_err *err)
{
	struct rel_id target = p->to.content;
	bool found;
	int r = mix_config(p, q, why, err);

	if (r == 0)
		r = rel_plan_compose(p, err);
	if (r < 0)
		return r;
	if (rel_id_equal(&p->to.content, &target)) {
		/* The kept values are the target's own: a plain rollback. */
		rel_buf_reset(&p->record);
		p->seal = false;
		return 0;
	}
	return rel_undo_onto(h, &p->current, &target, &p->on, &found, err);
}

static int load_target(struct rel_plan *p, const struct rel_history *h,
	const struct rel_release_row *row, struct rel_err *err)
{
	int r;

	if (rel_restorable(p->home, row) == REL_RESTORE_GONE)
		return refuse_gone(p, h, row->number, err);
	r = rel_side_load(p->home, row, true, &p->to, err);
	p->of = row->number;
	if (r == 0)
		r = rel_build_time(
			p->home, &row->artifact, row->commit, &p->mtime_s, err);
	return r;
}

/* Choose, load and mix once; p->kind says whether anything would change. */
static int try_target(struct rel_plan *p, const struct rel_back *q,
	const struct rel_history *h, struct rel_activation *at,
	const struct rel_err *why, struct rel_err *err)
{
	REL_AUTO(rel_release_row_done) struct rel_release_row row = { 0 };
	bool same, mixed = q->code || q->keep_n > 0;
	int r = choose(p, q, h, at, &row, &same, err);

	p->kind = REL_PLAN_UNCHANGED;
	if (r < 0 || (same && !mixed))
		return r;
	r = load_target(p, h, &row, err);
	if (r == 0 && mixed)
		r = mix(p, q, h, why, err);
	if (r == 0 && !rel_id_equal(&p->to.content, &p->current.content))
		p->kind = REL_PLAN_RELEASE;
	return r;
}

int rel_rollback_plan(struct rel_plan *p, const struct rel_back *q,
	const struct rel_err *why, struct rel_err *err)
{
	struct rel_app_history app = { p->home->ledger, p->app };
	struct rel_history h = rel_history_of(&app);
	struct rel_activation at = p->current;
	int r;

	p->reason = "rollback";
	p->message = rel_strdup(q->message);
	if (p->current.seq == 0)
		return rel_fail(err, REL_EREFUSED,
			"app '%s' has nothing to roll back from", p->app);
	/* With what is kept an entry can be what is current: then the next one
	 * down is meant. */
	do {
		rel_side_done(&p->to);
		r = try_target(p, q, &h, &at, why, err);
	} while (r == 0 && p->kind == REL_PLAN_UNCHANGED && q->target == 0);
	if (r < 0 || p->kind == REL_PLAN_UNCHANGED)
		return r;
	p->same_code = rel_id_equal(&p->to.artifact, &p->from.artifact);
	if (p->same_code)
		r = find_below(p, &h, true, &p->other_code, err);
	p->to.number = 0;
	return r;
}
