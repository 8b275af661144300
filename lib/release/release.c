/* SPDX-License-Identifier: Apache-2.0 */
#include "release/release.h"

#include "base/mem.h"
#include "crypto/digest.h"
#include "ledger/undo.h"
#include "pack/tar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int need_current_config(
	struct rel_plan *p, const struct rel_err *why, struct rel_err *err)
{
	if (p->from.has_config)
		return 0;
	if (!p->from.known)
		return 0; /* a new app starts with no config */
	*err = *why;
	return rel_wrap(err, "the config of the current release");
}

static int build_config(struct rel_plan *p, const struct rel_request *q,
	const struct rel_err *why, struct rel_err *err)
{
	int r = q->base ? 0 : need_current_config(p, why, err);

	if (r == 0)
		r = rel_config_merge(&p->to.config,
			q->base ? q->base : &p->from.config, err);
	if (r == 0 && q->set)
		r = rel_config_merge(&p->to.config, q->set, err);
	for (size_t i = 0; r == 0 && i < q->unset_n; i++) {
		if (!rel_config_unset(&p->to.config, q->unset[i]))
			r = rel_fail(err, REL_EINVALID,
				"no variable '%.*s' to unset",
				(int)strcspn(q->unset[i], "="), q->unset[i]);
	}
	return r;
}

/* 32 random bytes as hex for each declared secret that has no value. */
static int generate(
	struct rel_plan *p, const struct rel_appjson *app, struct rel_err *err)
{
	uint8_t secret[32];
	char text[65];
	int r = 0;

	for (size_t i = 0; r == 0 && i < app->env_n; i++) {
		const struct rel_declared *d = &app->env[i];

		if (!d->secret || rel_config_get(&p->to.config, d->name))
			continue;
		r = rel_random(secret, sizeof(secret), err);
		if (r == 0) {
			rel_hex_format(secret, sizeof(secret), text);
			r = rel_config_set(&p->to.config, d->name, text, err);
		}
	}
	explicit_bzero(secret, sizeof(secret));
	explicit_bzero(text, sizeof(text));
	return r;
}

/* The newest build that tells where it comes from. */
static int see_origin(
	void *arg, const struct rel_build_row *b, struct rel_err *err)
{
	char **ret = arg;

	(void)err;
	if (b->origin[0] == '\0')
		return 0;
	*ret = rel_strdup(b->origin);
	return 1;
}

/* An artifact of another repository than the app's last one is a mistake more
 * often than not: refuse it unless forced. */
static int check_origin(struct rel_plan *p, struct rel_err *err)
{
	struct rel_ledger *l = p->home->ledger;
	REL_AUTO(rel_freep) char *to = NULL;
	REL_AUTO(rel_freep) char *from = NULL;
	bool same = false;
	int r;

	if (!p->from.known || rel_id_equal(&p->from.artifact, &p->to.artifact))
		return 0;
	r = rel_ledger_each_build(
		l, &p->to.artifact, NULL, see_origin, &to, err);
	if (r < 0 || !to)
		return r;
	r = rel_ledger_built_from(l, &p->from.artifact, to, &same, err);
	if (r < 0 || same)
		return r;
	r = rel_ledger_each_build(
		l, &p->from.artifact, NULL, see_origin, &from, err);
	if (r < 0 || !from)
		return r;
	rel_fail(err, REL_EREFUSED,
		"the artifact is built from '%s', the app '%s' from '%s'", to,
		p->app, from);
	return rel_hint(err, "name another app with -a, or use --force");
}

static int see_time(
	void *arg, const struct rel_build_row *b, struct rel_err *err)
{
	(void)err;
	*(int64_t *)arg = b->committed_s;
	return b->committed_s > 0 ? 1 : 0;
}

int rel_build_time(struct rel_home *h, const struct rel_id *artifact,
	const char *commit, int64_t *ret, struct rel_err *err)
{
	int64_t found = 0;
	int r = 0;

	if (commit && *commit)
		r = rel_ledger_each_build(
			h->ledger, NULL, commit, see_time, &found, err);
	if (r >= 0 && found <= 0)
		r = rel_ledger_each_build(
			h->ledger, artifact, NULL, see_time, &found, err);
	*ret = found > 0 ? found : REL_TAR_MTIME;
	return r < 0 ? r : 0;
}

/* "The same inputs": compared with what is current, then with the newest. One
 * that is damaged is neither: the new number has its content, and it works. */
static int recognise(struct rel_plan *p, struct rel_err *err)
{
	REL_AUTO(rel_release_row_done) struct rel_release_row newest = { 0 };
	REL_AUTO(rel_side_done) struct rel_side side = { 0 };
	struct rel_err ignored;
	int r;

	if (p->from.has_config &&
		rel_id_equal(&p->from.content, &p->to.content)) {
		p->kind = REL_PLAN_UNCHANGED;
		return 0;
	}
	r = rel_ledger_newest(p->home->ledger, p->app, &newest, err);
	if (r == -REL_ENOTFOUND)
		return 0;
	if (r < 0)
		return r;
	if (!rel_id_equal(&newest.digest, &p->to.content) ||
		newest.ever_active ||
		rel_side_load(p->home, &newest, true, &side, &ignored) < 0)
		return 0;
	p->kind = REL_PLAN_ACTIVATE;
	p->to.number = newest.number;
	p->to.sealed = newest.sealed;
	return 0;
}

static int take_artifact(struct rel_plan *p, const struct rel_request *q,
	struct rel_artifact *a, struct rel_err *err)
{
	int r;

	if (!q->artifact && !p->from.known) {
		rel_fail(err, REL_EREFUSED,
			"app '%s' has no release to take the artifact from",
			p->app);
		return rel_hint(err, "relctl -a %s release ARTIFACT", p->app);
	}
	p->to.artifact = q->artifact ? *q->artifact : p->from.artifact;
	p->to.commit = rel_strdup(q->artifact ? q->commit : p->from.commit);
	r = rel_artifact_load(p->home, &p->to.artifact, a, NULL, err);
	if (r < 0)
		return r;
	p->to.processes = a->processes;
	a->processes = (struct rel_processes){ 0 };
	return rel_build_time(
		p->home, &p->to.artifact, p->to.commit, &p->mtime_s, err);
}

/* What a release can be given with its options, a promotion or a change of the
 * config gets from `config set`. */
static int check_required(
	struct rel_plan *p, const struct rel_appjson *app, struct rel_err *err)
{
	int r = rel_appjson_check(app, &p->to.config, err);

	if (r < 0 && strcmp(p->reason, "release") != 0)
		return rel_hint(err,
			"give it a value: relctl -a %s config set NAME",
			p->app);
	return r;
}

int rel_release_plan(struct rel_plan *p, const struct rel_request *q,
	const struct rel_err *why, struct rel_err *err)
{
	REL_AUTO(rel_artifact_done) struct rel_artifact a = { 0 };
	bool same;
	int r = take_artifact(p, q, &a, err);

	p->kind = REL_PLAN_RELEASE;
	p->reason = q->reason;
	p->of = q->of;
	p->activate = !q->no_activate;
	snprintf(
		p->of_app, sizeof(p->of_app), "%s", q->of_app ? q->of_app : "");
	p->message = rel_strdup(q->message);
	if (r == 0 && !q->force)
		r = check_origin(p, err);
	if (r == 0)
		r = build_config(p, q, why, err);
	if (r == 0 && q->generate)
		r = generate(p, &a.app, err);
	if (r == 0)
		r = check_required(p, &a.app, err);
	if (r == 0)
		r = rel_plan_compose(p, err);
	if (r == 0 && !q->force)
		r = recognise(p, err);
	p->on = rel_undo_push(
		p->current.seq ? &p->current : NULL, &p->to.content, &same);
	return r;
}

int rel_activate_plan(struct rel_plan *p, const struct rel_release_row *row,
	struct rel_err *err)
{
	REL_AUTO(rel_release_row_done) struct rel_release_row now = { 0 };
	bool same;
	int r;

	if (p->current.number == row->number) {
		p->kind = REL_PLAN_UNCHANGED;
		return 0;
	}
	/* Since ${row} was read another command may have activated it. */
	r = rel_ledger_release(p->home->ledger, p->app, row->number, &now, err);
	if (r < 0)
		return r;
	if (now.ever_active) {
		rel_fail(err, REL_EREFUSED, "release v%lld was active before",
			(long long)row->number);
		return rel_hint(err, "relctl -a %s rollback v%lld", p->app,
			(long long)row->number);
	}
	r = rel_side_load(p->home, row, true, &p->to, err);
	if (r == 0)
		r = rel_build_time(p->home, &p->to.artifact, p->to.commit,
			&p->mtime_s, err);
	p->kind = REL_PLAN_ACTIVATE;
	p->on = rel_undo_push(
		p->current.seq ? &p->current : NULL, &p->to.content, &same);
	return r;
}
