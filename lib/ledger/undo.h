/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/ledger/undo.h - the rollback rule: an undo stack over activations.
 * Pure: no database, no clock; it sees the past through one function.
 *
 * Each activation carries `on`, the seq of the activation beneath it on the
 * stack (0: none). The stack of an app is: the current activation, the one at
 * its `on`, the one at that one's, …  (docs/formats.md, section 6; cli.md,
 * "rollback").
 */
#ifndef REL_LEDGER_UNDO_H
#define REL_LEDGER_UNDO_H

#include "base/err.h"
#include "ledger/ledger.h"

#include <stdbool.h>

struct rel_history {
	/* The activation at ${seq}; REL_ENOTFOUND if there is none. */
	int (*at)(void *arg, int64_t seq, struct rel_activation *ret,
		struct rel_err *err);
	void *arg;
};

/*
 * The `on` of a new activation of ${content} by release, activate, promote or
 * config, when ${current} (NULL: nothing is active) is on top: pushing content
 * that is current already changes nothing (*ret_same true, the current's on),
 * else current's seq.
 */
int64_t rel_undo_push(const struct rel_activation *current,
	const struct rel_id *content, bool *ret_same);

/*
 * What `rollback` without a target goes back to: the activation beneath the
 * current one. Its number and content are in *ret, and ret->on is the `on`
 * that the new activation gets. Errors: REL_EREFUSED (the stack is empty).
 */
int rel_undo_pop(const struct rel_history *h,
	const struct rel_activation *current, struct rel_activation *ret,
	struct rel_err *err) REL_CHECK;

/*
 * `rollback RELEASE`: down to the nearest entry beneath the current one with
 * ${content}. *ret_on is the `on` of the new activation: that entry's own if
 * it is on the stack (*ret_found), else the current's seq (it is pushed).
 * Content that is current: *ret_same, nothing else is set.
 */
int rel_undo_to(const struct rel_history *h,
	const struct rel_activation *current, const struct rel_id *content,
	int64_t *ret_on, bool *ret_found, bool *ret_same,
	struct rel_err *err) REL_CHECK;

/*
 * `--keep` and `--code`: a new content made from the target's code. It stands
 * on top of its target if that is on the stack (the `on` is the target
 * activation's seq), else it stands alone: on top of the current one.
 */
int rel_undo_onto(const struct rel_history *h,
	const struct rel_activation *current, const struct rel_id *target,
	int64_t *ret_on, bool *ret_found, struct rel_err *err) REL_CHECK;

/* Call ${fn} for each entry of the stack, current first; non-zero stops and is
 * passed on. A cycle or a missing entry is REL_EINTEGRITY. */
int rel_undo_each(const struct rel_history *h,
	const struct rel_activation *current,
	int (*fn)(
		void *arg, const struct rel_activation *a, struct rel_err *err),
	void *arg, struct rel_err *err) REL_CHECK;

/* The activations of one app of a ledger, as a history; both are borrowed. */
struct rel_app_history {
	struct rel_ledger *ledger;
	const char *app;
};
struct rel_history rel_history_of(struct rel_app_history *h);

#endif
