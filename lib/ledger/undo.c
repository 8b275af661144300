/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/undo.h"

#include <inttypes.h>

/* The entry beneath ${a}; *ret_none where the stack ends. */
static int beneath(const struct rel_history *h, const struct rel_activation *a,
	struct rel_activation *ret, bool *ret_none, struct rel_err *err)
{
	int r;

	*ret_none = a->on == 0;
	if (*ret_none)
		return 0;
	/* Only what came earlier can lie beneath: so no walk goes in circles.
	 */
	if (a->on < 0 || a->on >= a->seq)
		return rel_fail(err, REL_EINTEGRITY,
			"activation %" PRId64 " stands on %" PRId64
			", which is not earlier",
			a->seq, a->on);
	r = h->at(h->arg, a->on, ret, err);
	if (r == -(int)REL_ENOTFOUND)
		return rel_fail(err, REL_EINTEGRITY,
			"activation %" PRId64 " stands on %" PRId64
			", which does not exist",
			a->seq, a->on);
	return r;
}

int64_t rel_undo_push(const struct rel_activation *current,
	const struct rel_id *content, bool *ret_same)
{
	*ret_same = current && rel_id_equal(&current->content, content);
	if (!current)
		return 0;
	return *ret_same ? current->on : current->seq;
}

int rel_undo_pop(const struct rel_history *h,
	const struct rel_activation *current, struct rel_activation *ret,
	struct rel_err *err)
{
	struct rel_activation a = *current;
	bool none = false;

	/* --keep may have put a content on top of itself: that is one step. */
	while (rel_id_equal(&a.content, &current->content)) {
		int r = beneath(h, &a, &a, &none, err);

		if (r < 0)
			return r;
		if (none)
			return rel_fail(err, REL_EREFUSED,
				"there is nothing to roll back to");
	}
	*ret = a;
	return 0;
}

/* The nearest entry with ${content}, from ${a} on downwards. */
static int find(const struct rel_history *h, struct rel_activation *a,
	const struct rel_id *content, bool *ret_found, struct rel_err *err)
{
	bool none = false;

	while (!none && !rel_id_equal(&a->content, content)) {
		int r = beneath(h, a, a, &none, err);

		if (r < 0)
			return r;
	}
	*ret_found = !none;
	return 0;
}

int rel_undo_to(const struct rel_history *h,
	const struct rel_activation *current, const struct rel_id *content,
	int64_t *ret_on, bool *ret_found, bool *ret_same, struct rel_err *err)
{
	struct rel_activation a = *current;
	bool found;
	int r;

	*ret_same = rel_id_equal(&current->content, content);
	if (*ret_same)
		return 0;
	r = find(h, &a, content, &found, err);
	if (r < 0)
		return r;
	*ret_found = found;
	*ret_on = found ? a.on : current->seq;
	return 0;
}

int rel_undo_onto(const struct rel_history *h,
	const struct rel_activation *current, const struct rel_id *target,
	int64_t *ret_on, bool *ret_found, struct rel_err *err)
{
	struct rel_activation a = *current;
	bool found;
	int r = find(h, &a, target, &found, err);

	if (r < 0)
		return r;
	*ret_found = found;
	*ret_on = found ? a.seq : current->seq;
	return 0;
}

int rel_undo_each(const struct rel_history *h,
	const struct rel_activation *current,
	int (*fn)(
		void *arg, const struct rel_activation *a, struct rel_err *err),
	void *arg, struct rel_err *err)
{
	struct rel_activation a = *current;
	bool none = false;

	while (!none) {
		int r = fn(arg, &a, err);

		if (r != 0)
			return r;
		r = beneath(h, &a, &a, &none, err);
		if (r < 0)
			return r;
	}
	return 0;
}
