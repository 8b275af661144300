/* SPDX-License-Identifier: Apache-2.0 */
#include "carry.h"

#include "base/file.h"
#include "out.h"
#include "plan_out.h"
#include "release/rollback.h"
#include "running.h"
#include "switch.h"

#include <inttypes.h>
#include <string.h>

static int report_done(struct ctx *cx, const struct rel_plan *p,
	const char *noun, int64_t number)
{
	if (cx->json) {
		struct json_t *doc = plan_json(p);

		rel_json_set(doc, "release", rel_json_number(number));
		rel_json_set(doc, "activated",
			rel_json_bool(
				p->activate && p->kind != REL_PLAN_UNCHANGED));
		result_json(cx, noun, doc);
	}
	result(cx, "v%" PRId64, number);
	return 0;
}

/* It may be current and yet not what runs: a command that was cut off. */
static int keep(struct ctx *cx, struct rel_plan *p, const struct carry *c,
	struct rel_err *err)
{
	REL_AUTO(rel_closep) int tree = -1;
	int r = c->dry_run ? 0 : rel_plan_prepare(p, &tree, err);

	if (r == 0 && tree >= 0 && p->from.has_config)
		r = switch_running(cx, p, &p->from, tree, err);
	if (r < 0)
		return r;
	say(cx, "%s: unchanged, v%" PRId64, p->app, p->from.number);
	return report_done(cx, p, c->noun, p->from.number);
}

static int show(struct ctx *cx, const struct rel_plan *p, const char *noun)
{
	struct json_t *doc = plan_json(p);

	rel_json_set(doc, "dry_run", rel_json_bool(true));
	if (cx->json)
		result_json(cx, noun, doc);
	else
		rel_json_free(doc);
	return 0;
}

/* It got a number and nothing more; the ledger has to say so. */
static int give_up(struct ctx *cx, struct rel_plan *p, struct rel_err *err)
{
	struct rel_err why;

	if (rel_plan_fail(p, err->msg, &why) < 0)
		rel_notice(
			&cx->events, "not recorded in the ledger: %s", why.msg);
	if (p->from.known)
		say(cx, "%s: v%" PRId64 " stays current", p->app,
			p->from.number);
	return -(int)err->code;
}

static int perform(struct ctx *cx, struct rel_plan *p, const struct carry *c,
	struct rel_err *err)
{
	REL_AUTO(rel_closep) int tree = -1;
	int r = rel_plan_prepare(p, &tree, err);

	if (r < 0)
		return r;
	/* Nothing stands between it and the activation: then it is one step. */
	if (p->activate && !switch_due(cx, p, !c->no_hook))
		return rel_plan_activate(p, err);
	r = rel_plan_record(p, err);
	if (r < 0 || !p->activate)
		return r;
	if (!c->no_hook)
		r = switch_hook(cx, p, c->action, tree, err);
	if (r == 0)
		r = switch_running(cx, p, &p->to, tree, err);
	return r < 0 ? give_up(cx, p, err) : rel_plan_activate(p, err);
}

/* It does not stay well: back, once, and the ledger says by whom. */
static int go_back(struct ctx *cx, const char *app, int64_t number,
	const struct carry *c, struct rel_err *err)
{
	REL_AUTO(rel_plan_done) struct rel_plan p = { .lock_fd = -1 };
	struct rel_err sick = *err, why;
	char message[600];
	struct rel_back q = { .message = message };
	const struct carry back = {
		.noun = c->noun, .action = "rollback", .no_hook = true
	};
	int r = rel_plan_begin(&p, cx->home, app, &why, err);

	snprintf(message, sizeof(message), "by itself (v%" PRId64 ": %s)",
		number, sick.msg);
	say(cx, "v%" PRId64 " does not stay well: %s", number, sick.msg);
	if (r < 0)
		return r;
	*err = sick;
	if (p.from.number != number)
		return rel_wrap(err,
			"v%" PRId64 ", in the place of which is v%" PRId64
			" by now",
			number, p.from.number);
	p.to.number = number;
	r = rel_plan_fail(&p, sick.msg, err);
	p.to.number = 0;
	if (r == 0)
		r = rel_rollback_plan(&p, &q, &why, err);
	if (r == 0) {
		plan_print(cx, &p, false);
		r = perform(cx, &p, &back, err);
	}
	if (r < 0)
		return r;
	*err = sick;
	return rel_wrap(err, "v%" PRId64 " was rolled back by itself", number);
}

int plan_carry_out(struct ctx *cx, struct rel_plan *p, const struct carry *c,
	struct rel_err *err)
{
	char app[sizeof(p->app)];
	int64_t number;
	int r;

	if (p->kind == REL_PLAN_UNCHANGED)
		return keep(cx, p, c, err);
	if (p->new_app)
		say(cx, "new app '%s'", p->app);
	plan_print(cx, p, c->dry_run);
	if (c->dry_run)
		return show(cx, p, c->noun);
	if (c->undo && p->from.known)
		say(cx, "undo: relctl -a %s rollback v%" PRId64, p->app,
			p->from.number);
	r = perform(cx, p, c, err);
	if (r < 0)
		return r;
	if (p->activate && p->from.known)
		running_warn(cx, p);
	number = p->to.number;
	if (c->watch_s > 0 && p->activate) {
		memcpy(app, p->app, sizeof(app));
		/* Meanwhile the app is for others, too. */
		rel_plan_unlock(p);
		r = switch_watch(cx, app, c->watch_s, err);
		if (r == -REL_EUNHEALTHY && p->from.known)
			return go_back(cx, app, number, c, err);
	}
	return r < 0 ? r : report_done(cx, p, c->noun, number);
}
