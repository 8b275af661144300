/* SPDX-License-Identifier: Apache-2.0 */
#include "home/home.h"

#include "base/mem.h"
#include "crypto/digest.h"
#include "crypto/seal.h"
#include "home/current.h"
#include "home/spool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool give_reserve(void *arg)
{
	struct rel_home *h = arg;

	return rel_store_reserve_free(h->store);
}

static int open_ledger(
	struct rel_home *h, enum rel_ledger_mode mode, struct rel_err *err)
{
	char *path = rel_printf("%s/ledger.db", rel_store_path(h->store));
	int r = rel_ledger_open(
		path, mode, h->opt.wait_ms, give_reserve, h, &h->ledger, err);

	free(path);
	/* The store was whole once: no command makes the ledger again. */
	if (r == -REL_ENOTFOUND)
		return rel_hint(err, "put it back from a backup of the store");
	return r;
}

/* 32 random bytes, sealed: rotating the key later changes no identity. */
static int make_fingerprint(struct rel_home *h, struct rel_err *err)
{
	struct rel_buf sealed = REL_BUF_INIT;
	uint8_t secret[32];
	int r = rel_random(secret, sizeof(secret), err);

	if (r == 0)
		r = rel_seal(&h->key, secret, sizeof(secret), &sealed, err);
	if (r == 0)
		r = rel_store_put_fingerprint(
			h->store, rel_buf_str(&sealed), sealed.len, err);
	explicit_bzero(secret, sizeof(secret));
	rel_buf_free(&sealed);
	return r;
}

/* Pin the key and the fingerprint file as the first event, once. */
static int pin_key(struct rel_home *h, struct rel_err *err)
{
	struct rel_buf sealed = REL_BUF_INIT;
	struct json_t *body;
	struct rel_id head;
	int64_t seq;
	int r = rel_ledger_head(h->ledger, &seq, &head, err);

	if (r < 0 || seq > 0)
		return r;
	r = rel_store_get_fingerprint(h->store, &sealed, err);
	if (r == 0) {
		head = rel_sha256(rel_buf_str(&sealed), sealed.len);
		body = rel_json_object();
		rel_json_set(body, "key", rel_json_text(h->key.id));
		rel_json_set(body, "fingerprint",
			rel_json_text(rel_id_hex(&head).s));
		r = rel_home_append(h, "", "key", body, NULL, NULL, NULL, err);
	}
	rel_buf_free(&sealed);
	return r;
}

/* What a new store has in it; each step is fine to find done already. */
static int make(struct rel_home *h, struct rel_err *err)
{
	int r = rel_store_lock(
		h->store, REL_LOCK_EXCLUSIVE, h->opt.wait_ms, err);

	/* Another command may have made it while this one waited. */
	if (r == 0 && !rel_store_is_fresh(h->store)) {
		rel_store_unlock(h->store);
		return open_ledger(h, REL_LEDGER_WRITE, err);
	}
	h->made = true;
	if (r == 0)
		r = rel_key_make(h->opt.key, &h->key, err);
	if (r == 0)
		r = make_fingerprint(h, err);
	if (r == 0)
		r = open_ledger(h, REL_LEDGER_CREATE, err);
	if (r == 0)
		r = pin_key(h, err);
	if (r == 0)
		rel_store_reserve_make(h->store);
	if (r == 0)
		r = rel_store_finish(h->store, err);
	if (r == 0)
		rel_store_unlock(h->store);
	return r;
}

int rel_home_open(const struct rel_home_options *opt, enum rel_home_mode mode,
	struct rel_home **ret, struct rel_err *err)
{
	REL_AUTO(rel_home_closep) struct rel_home *h = NULL;
	bool fresh = false;
	int r;

	h = rel_alloc(sizeof(*h));
	h->opt = *opt;
	r = rel_store_open(
		opt->store, mode == REL_HOME_MAKE, &h->store, &fresh, err);
	if (r < 0)
		return r;
	if (fresh)
		r = make(h, err);
	else if (mode != REL_HOME_LATER)
		r = open_ledger(h,
			mode == REL_HOME_READ ? REL_LEDGER_READ
					      : REL_LEDGER_WRITE,
			err);
	if (r < 0)
		return r;
	if (mode == REL_HOME_WRITE || mode == REL_HOME_MAKE)
		rel_store_reserve_make(h->store);
	*ret = h;
	h = NULL;
	return 0;
}

int rel_home_ledger(struct rel_home *h, struct rel_err *err)
{
	return h->ledger ? 0 : open_ledger(h, REL_LEDGER_READ, err);
}

int rel_home_reopen(struct rel_home *h, struct rel_err *err)
{
	rel_ledger_closep(&h->ledger);
	return open_ledger(h, REL_LEDGER_WRITE, err);
}

void rel_home_closep(struct rel_home **hp)
{
	struct rel_home *h = *hp;

	if (!h)
		return;
	rel_ledger_closep(&h->ledger);
	rel_store_closep(&h->store);
	rel_key_wipe(&h->key);
	explicit_bzero(h->fingerprint_key, sizeof(h->fingerprint_key));
	free(h);
	*hp = NULL;
}

static int load_fingerprint(
	struct rel_home *h, const struct rel_id *pinned, struct rel_err *err)
{
	REL_AUTO(rel_buf_wipe) struct rel_buf plain = REL_BUF_INIT;
	REL_AUTO(rel_buf_free) struct rel_buf sealed = REL_BUF_INIT;
	struct rel_id found;
	int r = rel_store_get_fingerprint(h->store, &sealed, err);

	if (r < 0)
		return r;
	found = rel_sha256(rel_buf_str(&sealed), sealed.len);
	if (!rel_id_equal(&found, pinned))
		return rel_fail(err, REL_EINTEGRITY,
			"'configs/fingerprint.cms' is not the one that the "
			"ledger names");
	r = rel_unseal(&h->key, rel_buf_str(&sealed), sealed.len, &plain, err);
	if (r < 0)
		return r;
	if (plain.len != sizeof(h->fingerprint_key))
		return rel_fail(err, REL_EINTEGRITY,
			"'configs/fingerprint.cms' does not hold 32 bytes");
	memcpy(h->fingerprint_key, plain.p, plain.len);
	return 0;
}

int rel_home_pin(struct rel_home *h, struct rel_err *err)
{
	int r = 0;

	if (!h->pinned)
		r = rel_ledger_key(
			h->ledger, h->key_id, &h->fingerprint_file, err);
	h->pinned = r == 0;
	return r;
}

int rel_home_load_key(struct rel_home *h, struct rel_err *err)
{
	const char *want = h->key_id;
	int r;

	if (h->key_ready)
		return 0;
	r = rel_home_pin(h, err);
	if (r < 0)
		return r;
	r = rel_key_load(h->opt.key, &h->key, err);
	if (r == -REL_ENOTFOUND) {
		rel_fail(err, REL_EDENIED,
			"no key at '%s': this store wants key %s", h->opt.key,
			want);
		return rel_hint(err,
			"put the key back from its backup, or name "
			"it with RELCTL_KEY_FILE");
	}
	if (r < 0)
		return r;
	if (strcmp(h->key.id, want) != 0) {
		rel_fail(err, REL_EDENIED,
			"the key at '%s' is %s: this store wants key %s",
			h->opt.key, h->key.id, want);
		return rel_hint(err, "name the right one with RELCTL_KEY_FILE");
	}
	h->key_ready = true;
	/* Releases can run and be rolled back to without it: at 3 a.m. a lost
	 * file of 400 bytes must not be in the way. */
	if (load_fingerprint(h, &h->fingerprint_file, &h->no_fingerprint) < 0)
		rel_notice(h->opt.events,
			"%s: what is there runs, but new configs cannot be "
			"made",
			h->no_fingerprint.msg);
	return 0;
}

void rel_home_sign(const struct rel_home *h, struct json_t *body)
{
	rel_json_set(body, "by", rel_json_text(h->opt.by));
	if (h->opt.by_url)
		rel_json_set(body, "by_url", rel_json_text(h->opt.by_url));
}

/* The check of the first event, with what goes before it. */
struct folding {
	struct rel_home *home;
	struct rel_spool spool;
	struct rel_append first; /* as it was given */
};

static int fold_and_check(void *arg, struct rel_ledger *l, struct json_t *body,
	struct rel_err *err)
{
	struct folding *f = arg;
	int r = rel_spool_fold(f->home, &f->spool, l, err);

	if (r == 0 && f->first.check)
		r = f->first.check(f->first.arg, l, body, err);
	return r;
}

int rel_home_append_all(struct rel_home *h, struct rel_append *all, size_t n,
	int64_t *ret_seq, struct rel_err *err)
{
	struct folding f = {
		.home = h, .spool = REL_SPOOL_NONE, .first = all[0]
	};
	int r;

	for (size_t i = 0; i < n; i++)
		rel_home_sign(h, all[i].body);
	all[0].check = fold_and_check;
	all[0].arg = &f;
	r = rel_ledger_append_all(h->ledger, all, n, ret_seq, err);
	rel_spool_done(&f.spool, r == 0);
	for (size_t i = 0; r == 0 && i < n; i++)
		if (!strcmp(all[i].kind, "activate"))
			rel_current_save(h, all[i].app);
	return r;
}

int rel_home_append(struct rel_home *h, const char *app, const char *kind,
	struct json_t *body,
	int (*check)(void *arg, struct rel_ledger *l, struct json_t *body,
		struct rel_err *err),
	void *arg, int64_t *ret_seq, struct rel_err *err)
{
	struct rel_append what = {
		.app = app,
		.kind = kind,
		.body = body,
		.check = check,
		.arg = arg,
	};

	return rel_home_append_all(h, &what, 1, ret_seq, err);
}

struct rel_artifact_text rel_artifact_format(const struct rel_id *id)
{
	struct rel_artifact_text t;

	snprintf(t.s, sizeof(t.s), "sha256:%s", rel_id_hex(id).s);
	return t;
}

bool rel_artifact_parse(const char *s, struct rel_id *ret)
{
	return strncmp(s, "sha256:", 7) == 0 && rel_id_parse(s + 7, ret);
}
