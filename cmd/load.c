/* SPDX-License-Identifier: Apache-2.0 */
#include "load.h"

#include "base/mem.h"
#include "home/artifact.h"
#include "home/current.h"
#include "home/sealed.h"
#include "home/tree.h"
#include "ref.h"
#include "release/release.h"
#include "store/tree.h"

#include <stdlib.h>

void loaded_done(struct loaded *l)
{
	rel_release_row_done(&l->row);
	rel_target_done(&l->target);
}

/* The current release's tree is there since its activation; another one may
 * have to be unpacked first. */
static int open_tree(struct ctx *cx, struct loaded *l, struct rel_err *err)
{
	struct rel_store *s = cx->home->store;
	int64_t mtime;
	int r = rel_home_tree_open(
		cx->home, &l->row.artifact, &l->target.tree_fd, err);

	if (r != -REL_ENOTFOUND && r != -REL_EINTEGRITY)
		return r;
	r = rel_home_ledger(cx->home, err);
	if (r == 0)
		r = rel_store_lock(
			s, REL_LOCK_SHARED, cx->home->opt.wait_ms, err);
	if (r == 0)
		r = rel_build_time(
			cx->home, &l->row.artifact, l->row.commit, &mtime, err);
	if (r == 0)
		r = rel_home_tree(cx->home, &l->row.artifact, mtime, NULL,
			&l->target.tree_fd, err);
	rel_store_unlock(s);
	return r;
}

static char *tree_path(struct ctx *cx, const struct rel_id *artifact)
{
	struct rel_buf path = REL_BUF_INIT;

	rel_tree_path(cx->home->store, artifact, &path);
	return rel_buf_take(&path);
}

/* Quantities of an older artifact may be more than a type has ports for. */
static void add_declared(void *arg, const char *type, const struct json_t *j)
{
	int64_t n = 0;

	if (rel_json_int(j, &n))
		rel_formation_set(arg, type,
			n > REL_MOST_INSTANCES ? REL_MOST_INSTANCES : (int)n);
}

int target_complete(struct ctx *cx, const struct rel_id *artifact,
	struct rel_target *t, struct rel_err *err)
{
	REL_AUTO(rel_artifact_done) struct rel_artifact a = { 0 };
	int r = rel_artifact_load(cx->home, artifact, &a, NULL, err);

	/* The tree is there: what runs is worth more than how. */
	if (r < 0)
		rel_notice(&cx->events,
			"app.json is not heeded, with its formation, health "
			"checks and ways to stop: %s",
			err->msg);
	if (!t->tree)
		t->tree = tree_path(cx, artifact);
	if (a.app.relctl)
		t->relctl = rel_json_copy(a.app.relctl);
	if (a.app.healthchecks)
		t->healthchecks = rel_json_copy(a.app.healthchecks);
	if (a.app.formation)
		rel_json_each(a.app.formation, add_declared, &t->declared);
	return rel_target_policies(t, err);
}

/* From the run plan, where it can be believed. */
static bool load_current(
	struct ctx *cx, struct loaded *ret, struct rel_id *ret_fingerprint)
{
	REL_AUTO(rel_current_done) struct rel_current c = { 0 };

	if (!cx->app || !rel_current_load(cx->home, cx->app, &c))
		return false;
	ret->row.app = rel_strdup(cx->app);
	ret->row.number = c.number;
	ret->row.commit = rel_strdup(c.commit);
	ret->row.artifact = c.artifact;
	ret->row.sealed = c.sealed;
	*ret_fingerprint = c.fingerprint;
	ret->target.processes = c.processes;
	c.processes = (struct rel_processes){ 0 };
	return true;
}

static int load_by_ledger(struct ctx *cx, const char *word, struct loaded *ret,
	struct rel_id *ret_fingerprint, struct rel_err *err)
{
	REL_AUTO(rel_record_done) struct rel_record rec = { 0 };
	int r = rel_home_ledger(cx->home, err);

	if (r == 0)
		r = release_find(cx, word, &ret->row, err);
	if (r == 0)
		r = rel_record_load(cx->home, &ret->row.digest, &rec, err);
	if (r < 0)
		return r;
	*ret_fingerprint = rec.fingerprint;
	ret->target.processes = rec.processes;
	rec.processes = (struct rel_processes){ 0 };
	/* For the next one. */
	if (!word && cx->app)
		rel_current_save(cx->home, cx->app);
	return 0;
}

int release_load(struct ctx *cx, const char *word, struct loaded *ret,
	struct rel_err *err)
{
	struct rel_target *t = &ret->target;
	struct rel_id fingerprint;
	int r = 0;

	if (word || !load_current(cx, ret, &fingerprint))
		r = load_by_ledger(cx, word, ret, &fingerprint, err);
	if (r == 0)
		r = rel_sealed_load(cx->home, &ret->row.sealed, &fingerprint,
			&t->config, err);
	if (r < 0)
		return r;
	t->app = rel_strdup(ret->row.app);
	t->release = ret->row.number;
	t->commit = rel_strdup(ret->row.commit);
	t->tree = tree_path(cx, &ret->row.artifact);
	return open_tree(cx, ret, err);
}
