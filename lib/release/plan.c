/* SPDX-License-Identifier: Apache-2.0 */
#include "release/plan.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "home/tree.h"
#include "release/release.h"
#include "store/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void rel_side_done(struct rel_side *s)
{
	free(s->commit);
	rel_processes_done(&s->processes);
	rel_config_done(&s->config);
	*s = (struct rel_side){ 0 };
}

void rel_plan_unlock(struct rel_plan *p)
{
	rel_closep(&p->lock_fd);
	if (p->home)
		rel_store_unlock(p->home->store);
}

void rel_plan_done(struct rel_plan *p)
{
	rel_side_done(&p->from);
	rel_side_done(&p->to);
	free(p->message);
	rel_buf_free(&p->record);
	rel_plan_unlock(p);
	*p = (struct rel_plan){ .lock_fd = -1 };
}

int rel_side_load(struct rel_home *h, const struct rel_release_row *row,
	bool need_config, struct rel_side *ret, struct rel_err *err)
{
	REL_AUTO(rel_record_done) struct rel_record rec = { 0 };
	int r = rel_record_load(h, &row->digest, &rec, err);

	ret->known = true;
	ret->number = row->number;
	ret->content = row->digest;
	ret->artifact = row->artifact;
	ret->sealed = row->sealed;
	ret->commit = rel_strdup(row->commit);
	if (r == 0) {
		ret->has_record = true;
		ret->processes = rec.processes;
		rec.processes = (struct rel_processes){ 0 };
		r = rel_sealed_load(
			h, &row->sealed, &rec.fingerprint, &ret->config, err);
		ret->has_config = r == 0;
	}
	if (r < 0 && need_config)
		return rel_wrap(err, "release v%lld", (long long)row->number);
	return 0;
}

int rel_plan_begin(struct rel_plan *p, struct rel_home *h, const char *app,
	struct rel_err *ret_why, struct rel_err *err)
{
	REL_AUTO(rel_release_row_done) struct rel_release_row row = { 0 };
	struct rel_err why = REL_ERR_INIT;
	int64_t last;
	int r = rel_store_lock(h->store, REL_LOCK_SHARED, h->opt.wait_ms, err);

	if (r < 0)
		return r;
	p->home = h;
	p->activate = true;
	snprintf(p->app, sizeof(p->app), "%s", app);
	r = rel_store_lock_app(h->store, app, h->opt.wait_ms, &p->lock_fd, err);
	if (r == 0)
		r = rel_ledger_last_number(h->ledger, app, &last, err);
	if (r < 0)
		return r;
	p->new_app = last == 0;
	p->next = last + 1;
	r = rel_ledger_current(h->ledger, app, &p->current, err);
	if (r == -REL_ENOTFOUND)
		return 0;
	if (r == 0)
		r = rel_ledger_release(
			h->ledger, app, p->current.number, &row, err);
	if (r < 0)
		return r;
	r = rel_side_load(h, &row, true, &p->from, &why);
	if (ret_why)
		*ret_why = why;
	return 0;
}

static bool same_config(const struct rel_config *a, const struct rel_config *b)
{
	struct rel_config_change *c = NULL;
	size_t n = rel_config_diff(a, b, &c);

	free(c);
	return n == 0;
}

int rel_plan_compose(struct rel_plan *p, struct rel_err *err)
{
	struct rel_id fingerprint;
	int r = rel_sealed_fingerprint(
		p->home, &p->to.config, &fingerprint, err);

	if (r < 0)
		return r;
	rel_buf_reset(&p->record);
	p->to.content = rel_record_format(&p->to.artifact, &fingerprint,
		&p->to.config, &p->to.processes, &p->record);
	p->to.known = p->to.has_record = p->to.has_config = true;
	/* What the current release has sealed was just opened: it will do. */
	p->seal = !p->from.has_config ||
		  !same_config(&p->from.config, &p->to.config);
	if (!p->seal)
		p->to.sealed = p->from.sealed;
	return 0;
}

static void collect(struct json_t *j, const struct rel_config_change *c,
	size_t n, char kind, const char *key)
{
	struct json_t *names = rel_json_array();

	for (size_t i = 0; i < n; i++) {
		if (c[i].kind == kind)
			rel_json_push(names, rel_json_text(c[i].name));
	}
	rel_json_set(j, key, names);
}

struct json_t *rel_plan_changes(const struct rel_plan *p)
{
	struct rel_config_change *c = NULL;
	/* Against a config that cannot be read nothing is known to change. */
	size_t n =
		p->from.known && !p->from.has_config
			? 0
			: rel_config_diff(&p->from.config, &p->to.config, &c);
	struct json_t *j = rel_json_object();

	collect(j, c, n, '+', "+");
	collect(j, c, n, '-', "-");
	collect(j, c, n, '~', "~");
	free(c);
	return j;
}

/* Runs in the transaction: the number is the next one at that moment. */
static int take_number(void *arg, struct rel_ledger *l, struct json_t *body,
	struct rel_err *err)
{
	struct rel_plan *p = arg;
	int64_t last;
	int r = rel_ledger_last_number(l, p->app, &last, err);

	if (r < 0)
		return r;
	p->to.number = last + 1;
	rel_json_set(body, "number", rel_json_number(p->to.number));
	return 0;
}

/* What the release event names has to be there before it. */
static int publish(struct rel_plan *p, struct rel_err *err)
{
	struct rel_home *h = p->home;
	struct rel_id found;
	int r = 0;

	if (p->seal)
		r = rel_sealed_save(h, &p->to.config, &p->to.sealed, err);
	if (r == 0 && p->record.len > 0)
		r = rel_store_put(h->store, REL_OBJECT_RELEASE, p->record.p,
			p->record.len, &found, err);
	return r;
}

static struct rel_append release_event(struct rel_plan *p)
{
	struct json_t *b = rel_json_object();

	rel_json_set(b, "artifact",
		rel_json_text(rel_artifact_format(&p->to.artifact).s));
	rel_json_set(b, "changes", rel_plan_changes(p));
	rel_json_set(b, "commit", rel_json_text(p->to.commit));
	rel_json_set(b, "digest", rel_json_text(rel_id_hex(&p->to.content).s));
	rel_json_set(b, "message", rel_json_text(p->message ? p->message : ""));
	rel_json_set(b, "of", rel_json_number(p->of));
	rel_json_set(b, "of_app", rel_json_text(p->of_app));
	rel_json_set(b, "reason", rel_json_text(p->reason));
	rel_json_set(b, "sealed", rel_json_text(rel_id_hex(&p->to.sealed).s));
	return (struct rel_append){ p->app, "release", b, take_number, p };
}

/* Runs in the transaction: the number may be one of a moment ago. */
static int name_number(void *arg, struct rel_ledger *l, struct json_t *body,
	struct rel_err *err)
{
	const struct rel_plan *p = arg;

	(void)l;
	(void)err;
	rel_json_set(body, "number", rel_json_number(p->to.number));
	return 0;
}

static struct rel_append activate_event(struct rel_plan *p)
{
	struct json_t *b = rel_json_object();

	rel_json_set(b, "on", rel_json_number(p->on));
	return (struct rel_append){ p->app, "activate", b, name_number, p };
}

/* What is current already is not activated again, but its tree has to be right
 * all the same. */
static int renew_tree(struct rel_plan *p, int *ret_fd, struct rel_err *err)
{
	int64_t mtime_s;
	int r = rel_build_time(
		p->home, &p->from.artifact, p->from.commit, &mtime_s, err);

	if (r < 0)
		return r;
	return rel_home_tree(
		p->home, &p->from.artifact, mtime_s, NULL, ret_fd, err);
}

int rel_plan_prepare(struct rel_plan *p, int *ret_tree_fd, struct rel_err *err)
{
	int r = 0;

	*ret_tree_fd = -1;
	if (p->kind == REL_PLAN_UNCHANGED)
		return p->activate ? renew_tree(p, ret_tree_fd, err) : 0;
	/* The tree first: what cannot be unpacked is not worth a number. */
	if (p->activate)
		r = rel_home_tree(p->home, &p->to.artifact, p->mtime_s,
			p->from.known ? &p->from.artifact : NULL, ret_tree_fd,
			err);
	if (r == 0 && p->kind == REL_PLAN_RELEASE)
		r = publish(p, err);
	return r;
}

int rel_plan_record(struct rel_plan *p, struct rel_err *err)
{
	struct rel_append what;
	int r;

	if (p->kind != REL_PLAN_RELEASE || p->recorded)
		return 0;
	what = release_event(p);
	r = rel_home_append_all(p->home, &what, 1, NULL, err);
	p->recorded = r == 0;
	return r;
}

int rel_plan_activate(struct rel_plan *p, struct rel_err *err)
{
	struct rel_append what[2];
	size_t n = 0;
	int r;

	if (p->kind == REL_PLAN_UNCHANGED || !p->activate)
		return 0;
	if (p->kind == REL_PLAN_RELEASE && !p->recorded)
		what[n++] = release_event(p);
	what[n++] = activate_event(p);
	r = rel_home_append_all(p->home, what, n, NULL, err);
	p->recorded = p->recorded || r == 0;
	return r;
}

int rel_plan_fail(struct rel_plan *p, const char *why, struct rel_err *err)
{
	struct json_t *b = rel_json_object();

	rel_json_set(b, "number", rel_json_number(p->to.number));
	rel_json_set(b, "why", rel_json_text(why));
	return rel_home_append(
		p->home, p->app, "fail", b, NULL, NULL, NULL, err);
}

enum rel_restore rel_restorable(
	struct rel_home *h, const struct rel_release_row *row)
{
	if (!rel_store_has(h->store, REL_OBJECT_RELEASE, &row->digest) ||
		!rel_store_has(h->store, REL_OBJECT_CONFIG, &row->sealed))
		return REL_RESTORE_GONE;
	if (rel_tree_exists(h->store, &row->artifact))
		return REL_RESTORE_LOCAL;
	return rel_store_has_artifact(h->store, &row->artifact)
		       ? REL_RESTORE_STORE
		       : REL_RESTORE_GONE;
}
