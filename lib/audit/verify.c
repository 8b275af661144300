/* SPDX-License-Identifier: Apache-2.0 */
#include "audit/verify.h"

#include "base/file.h"
#include "base/vec.h"
#include "crypto/digest.h"
#include "home/record.h"
#include "home/sealed.h"
#include "home/spool.h"
#include "home/tree.h"
#include "store/chunk.h"
#include "store/tree.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What the ledger says of an artifact, its last word. */
struct fate {
	struct rel_id artifact;
	bool removed; /* by gc, and not built since */
};

struct job {
	struct rel_home *home;
	enum rel_object kind; /* what see_object looks at */
	struct rel_verify *v;
	REL_VEC(struct fate) fates; /* sorted by artifact */
};

static void problem(struct rel_verify *v, const char *fmt, ...)
	REL_PRINTF(2, 3);
static void problem(struct rel_verify *v, const char *fmt, ...)
{
	char text[sizeof(((struct rel_err *)0)->msg) + 128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	v->problems++;
	v->problem(v->arg, text);
}

/* A check's result: what is wrong with the store is told, and the check goes
 * on; what is wrong with the machine ends it. */
static int told(struct rel_verify *v, int r, struct rel_err *err)
{
	if (r == -REL_EINTEGRITY || r == -REL_ENOTFOUND) {
		problem(v, "%s", err->msg);
		return 0;
	}
	return r;
}

static int check_ledger(
	struct rel_home *h, struct rel_verify *v, struct rel_err *err)
{
	REL_AUTO(rel_buf_free) struct rel_buf sealed = REL_BUF_INIT;
	struct rel_id want, found;
	char key[17];
	int r = told(v,
		rel_ledger_verify(h->ledger, v->expect_head, &v->events, err),
		err);

	if (r == 0)
		r = told(v, rel_spool_check(h, &v->waiting, err), err);
	if (r == 0)
		r = rel_ledger_key(h->ledger, key, &want, err);
	if (r == 0)
		r = rel_store_get_fingerprint(h->store, &sealed, err);
	if (r == 0) {
		found = rel_sha256(rel_buf_str(&sealed), sealed.len);
		if (!rel_id_equal(&want, &found))
			problem(v, "'configs/fingerprint.cms' is not the one "
				   "that the ledger names");
	}
	r = told(v, r, err);
	if (r == 0 && rel_home_load_key(h, err) < 0) {
		/* A damaged fingerprint file was told above. */
		v->no_key = true;
	}
	return r;
}

static int check_tree(struct job *j, const struct rel_artifact *a,
	const struct rel_id *id, struct rel_err *err)
{
	REL_AUTO(rel_buf_free) struct rel_buf index = REL_BUF_INIT;
	REL_AUTO(rel_buf_free) struct rel_buf want = REL_BUF_INIT;
	REL_AUTO(rel_closep) int fd = -1;
	struct rel_store *s = j->home->store;
	int r = rel_tree_open(s, id, &fd, err);

	if (r == -REL_ENOTFOUND)
		return 0; /* not unpacked */
	j->v->trees++;
	if (r == 0)
		r = rel_tree_index(s, id, &index, err);
	if (r == 0)
		r = rel_home_index(j->home, a, &want, err);
	if (r == 0 && (index.len != want.len ||
			      memcmp(index.p, want.p, want.len) != 0))
		problem(j->v, "'trees/%s.index' is not what the artifact says",
			rel_id_hex(id).s);
	if (r == 0)
		r = rel_tree_check(
			fd, rel_buf_str(&want), want.len, REL_TREE_FULL, err);
	if (r == -REL_EINTEGRITY)
		rel_wrap(err, "tree %.12s", rel_id_hex(id).s);
	return told(j->v, r, err);
}

/* The tar out of its chunks must have the digest that is its name. */
static int check_tar(
	struct job *j, const struct rel_artifact *a, struct rel_err *err)
{
	REL_AUTO(rel_sha256_freep) struct rel_sha256 *sha = rel_sha256_new();
	struct rel_artifact_stream stream;
	struct rel_id found;
	const void *p;
	size_t n;
	int r;

	rel_artifact_stream_open(&stream, j->home, a);
	while ((r = rel_artifact_stream_next(&stream, &p, &n, err)) == 0 &&
		n > 0) {
		rel_sha256_add(sha, p, n);
		rel_progress(j->home->opt.events, "verifying", stream.next,
			a->packed.n);
	}
	rel_artifact_stream_done(&stream);
	if (r < 0)
		return rel_wrap(err, "artifact %.19s",
			rel_artifact_format(&a->packed.artifact).s);
	found = rel_sha256_final(sha);
	if (!rel_id_equal(&found, &a->packed.artifact))
		return rel_fail(err, REL_EINTEGRITY,
			"artifact %.19s: its chunks make another tar",
			rel_artifact_format(&a->packed.artifact).s);
	return 0;
}

struct record_search {
	const struct rel_id *file;
	bool any, found;
};

static int see_record(
	void *arg, const struct rel_build_row *b, struct rel_err *err)
{
	struct record_search *s = arg;

	(void)err;
	s->any = true;
	s->found = s->found || rel_id_equal(&b->record, s->file);
	return s->found ? 1 : 0;
}

static int check_artifact(
	struct job *j, const struct rel_id *id, struct rel_err *err)
{
	REL_AUTO(rel_artifact_done) struct rel_artifact a = { 0 };
	struct record_search s = { 0 };
	struct rel_id file;
	int r = rel_artifact_load(j->home, id, &a, &file, err);

	j->v->artifacts++;
	if (r < 0)
		return told(j->v, r, err);
	s.file = &file;
	r = rel_ledger_each_build(
		j->home->ledger, id, NULL, see_record, &s, err);
	if (r < 0)
		return r;
	/* Without an event it is what a crash left: right, only not needed. */
	if (s.any && !s.found)
		problem(j->v,
			"'artifacts/%s.json.zst' is not the one that the "
			"ledger names",
			rel_id_hex(id).s);
	r = check_tar(j, &a, err);
	if (r < 0)
		return told(j->v, r, err);
	return check_tree(j, &a, id, err);
}

static int check_release(
	struct job *j, const struct rel_release_row *row, struct rel_err *err)
{
	REL_AUTO(rel_record_done) struct rel_record rec = { 0 };
	REL_AUTO(rel_config_done) struct rel_config c = { 0 };
	REL_AUTO(rel_buf_free) struct rel_buf sealed = REL_BUF_INIT;
	int r = rel_record_load(j->home, &row->digest, &rec, err);

	j->v->releases++;
	if (r == 0 && !rel_id_equal(&rec.artifact, &row->artifact))
		r = rel_fail(err, REL_EINTEGRITY,
			"its record names another artifact than the ledger");
	if (r == 0 && j->v->no_key)
		r = rel_store_get(j->home->store, REL_OBJECT_CONFIG,
			&row->sealed, &sealed, err);
	else if (r == 0)
		r = rel_sealed_load(
			j->home, &row->sealed, &rec.fingerprint, &c, err);
	if (r < 0)
		rel_wrap(err, "%s@v%" PRId64, row->app, row->number);
	return told(j->v, r, err);
}

static int see_release(
	void *arg, const struct rel_release_row *row, struct rel_err *err)
{
	return check_release(arg, row, err);
}

/* ---- the whole store ---- */

static struct fate *find_fate(
	struct job *j, const struct rel_id *id, size_t *at)
{
	size_t lo = 0, hi = j->fates.n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		int r = memcmp(j->fates.v[mid].artifact.b, id->b, 32);

		if (r == 0)
			return &j->fates.v[mid];
		if (r < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (at)
		*at = lo;
	return NULL;
}

static void set_fate(struct job *j, const char *text, bool removed)
{
	struct rel_id id;
	struct fate *f;
	size_t at = 0;

	if (!text || !rel_artifact_parse(text, &id))
		return;
	f = find_fate(j, &id, &at);
	if (!f) {
		rel_vec_more(&j->fates);
		f = &j->fates.v[at];
		memmove(f + 1, f, (j->fates.n - 1 - at) * sizeof(*f));
		f->artifact = id;
	}
	f->removed = removed;
}

static int see_event(
	void *arg, const struct rel_event_row *e, struct rel_err *err)
{
	REL_AUTO(rel_json_freep) struct json_t *b = NULL;
	struct job *j = arg;
	const struct json_t *gone;

	if (strcmp(e->kind, "build") && strcmp(e->kind, "import") &&
		strcmp(e->kind, "gc"))
		return 0;
	if (rel_json_parse(e->body, strlen(e->body), &b, err) < 0)
		return 0; /* the ledger's own check has told it */
	if (strcmp(e->kind, "gc") != 0) {
		set_fate(j, rel_json_get_str(b, "artifact"), false);
		return 0;
	}
	gone = rel_json_get(b, "artifacts");
	for (size_t i = 0; i < rel_json_len(gone); i++)
		set_fate(j, rel_json_str(rel_json_at(gone, i)), true);
	return 0;
}

static int see_artifact(void *arg, const struct rel_id *id, struct rel_err *err)
{
	return check_artifact(arg, id, err);
}

static int see_chunk(void *arg, const struct rel_id *id, struct rel_err *err)
{
	REL_AUTO(rel_buf_free) struct rel_buf b = REL_BUF_INIT;
	struct job *j = arg;

	j->v->chunks++;
	return told(j->v, rel_chunk_get(j->home->store, id, &b, err), err);
}

static int see_object(void *arg, const struct rel_id *id, struct rel_err *err)
{
	REL_AUTO(rel_buf_free) struct rel_buf b = REL_BUF_INIT;
	struct job *j = arg;

	return told(
		j->v, rel_store_get(j->home->store, j->kind, id, &b, err), err);
}

/* A tree without its artifact cannot be checked; gc would have taken it. */
static int see_tree(void *arg, const struct rel_id *id, struct rel_err *err)
{
	struct job *j = arg;

	(void)err;
	if (!rel_store_has_artifact(j->home->store, id))
		problem(j->v, "'trees/%s' has no artifact", rel_id_hex(id).s);
	return 0;
}

static int check_objects(struct job *j, struct rel_err *err)
{
	struct rel_store *s = j->home->store;
	struct rel_verify *v = j->v;
	int r = rel_store_reserve_check(s, err);

	v->no_reserve = r == -REL_ENOTFOUND;
	r = v->no_reserve ? 0 : told(v, r, err);
	for (j->kind = REL_OBJECT_RELEASE;
		r == 0 && j->kind <= REL_OBJECT_CONFIG; j->kind++)
		r = told(
			v, rel_store_each(s, j->kind, see_object, j, err), err);
	if (r == 0)
		r = told(v, rel_chunk_each(s, see_chunk, j, err), err);
	if (r == 0)
		r = told(v, rel_store_each_artifact(s, see_artifact, j, err),
			err);
	if (r == 0)
		r = told(v, rel_tree_each(s, see_tree, j, err), err);
	return r;
}

static void job_done(struct job *j)
{
	rel_vec_free(&j->fates);
}

int rel_verify_all(
	struct rel_home *h, struct rel_verify *v, struct rel_err *err)
{
	REL_AUTO(job_done) struct job j = { .home = h, .v = v };
	int r = check_ledger(h, v, err);

	if (r == 0)
		r = rel_ledger_each_event(h->ledger, 1, see_event, &j, err);
	if (r == 0)
		r = rel_ledger_each_release(
			h->ledger, NULL, 0, 0, see_release, &j, err);
	if (r == 0)
		r = check_objects(&j, err);
	for (size_t i = 0; r == 0 && i < j.fates.n; i++) {
		struct fate *f = &j.fates.v[i];

		if (!f->removed &&
			!rel_store_has_artifact(h->store, &f->artifact))
			problem(v, "artifact %.19s is gone",
				rel_artifact_format(&f->artifact).s);
	}
	return r;
}

/* What gc took is not damaged. */
static int refuse_removed(
	struct job *j, const struct rel_release_row *row, struct rel_err *err)
{
	const struct fate *f;
	int r;

	if (rel_store_has_artifact(j->home->store, &row->artifact))
		return 0;
	r = rel_ledger_each_event(j->home->ledger, 1, see_event, j, err);
	if (r < 0)
		return r;
	f = find_fate(j, &row->artifact, NULL);
	if (!f || !f->removed)
		return 0;
	return rel_fail(err, REL_ENOTFOUND,
		"gc has removed the artifact of %s@v%" PRId64
		": there is nothing to verify",
		row->app, row->number);
}

int rel_verify_release(struct rel_home *h, const struct rel_release_row *row,
	struct rel_verify *v, struct rel_err *err)
{
	REL_AUTO(job_done) struct job j = { .home = h, .v = v };
	int r = check_ledger(h, v, err);

	if (r == 0)
		r = check_release(&j, row, err);
	if (r == 0 && v->problems == 0)
		r = refuse_removed(&j, row, err);
	if (r == 0)
		r = check_artifact(&j, &row->artifact, err);
	return r;
}
