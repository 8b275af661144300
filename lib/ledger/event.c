/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/mem.h"
#include "crypto/digest.h"
#include "ledger/db.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void rel_event_row_done(struct rel_event_row *e)
{
	free(e->app);
	free(e->kind);
	free(e->body);
	*e = (struct rel_event_row){ 0 };
}

static void hash_field(struct rel_sha256 *h, const char *text)
{
	size_t n = strlen(text);
	uint8_t length[4] = { (uint8_t)(n >> 24), (uint8_t)(n >> 16),
		(uint8_t)(n >> 8), (uint8_t)n };

	rel_sha256_add(h, length, sizeof(length));
	rel_sha256_add(h, text, n);
}

struct rel_id rel_event_hash(const struct rel_event_row *e)
{
	static const char tag[] = "relctl event 1"; /* with its NUL */
	REL_AUTO(rel_sha256_freep) struct rel_sha256 *h = rel_sha256_new();
	char seq[24], time[24];

	snprintf(seq, sizeof(seq), "%" PRId64, e->seq);
	snprintf(time, sizeof(time), "%" PRId64, e->time_ms);
	rel_sha256_add(h, tag, sizeof(tag));
	hash_field(h, seq);
	hash_field(h, time);
	hash_field(h, e->app);
	hash_field(h, e->kind);
	hash_field(h, e->body);
	hash_field(h, rel_id_hex(&e->prev).s);
	return rel_sha256_final(h);
}

int rel_event_read(
	sqlite3_stmt *s, struct rel_event_row *ret, struct rel_err *err)
{
	REL_AUTO(rel_event_row_done) struct rel_event_row e = { 0 };

	e.seq = sqlite3_column_int64(s, 0);
	e.time_ms = sqlite3_column_int64(s, 1);
	if (rel_db_text(s, 2, &e.app, err) < 0 ||
		rel_db_text(s, 3, &e.kind, err) < 0 ||
		rel_db_text(s, 4, &e.body, err) < 0 ||
		rel_db_id(s, 5, &e.prev, err) < 0 ||
		rel_db_id(s, 6, &e.hash, err) < 0)
		return rel_wrap(err, "event %" PRId64, e.seq);
	*ret = e;
	e = (struct rel_event_row){ 0 };
	return 0;
}

static int store(struct rel_ledger *l, const struct rel_event_row *e,
	struct rel_err *err)
{
	REL_AUTO(rel_db_donep) sqlite3_stmt *s = NULL;
	struct rel_hex prev = rel_id_hex(&e->prev), hash = rel_id_hex(&e->hash);
	int r = rel_db_own(l, REL_Q_ADD_EVENT, &s, err);

	if (r < 0)
		return r;
	rel_db_bind_int(s, 1, e->seq);
	rel_db_bind_int(s, 2, e->time_ms);
	rel_db_bind_text(s, 3, e->app);
	rel_db_bind_text(s, 4, e->kind);
	rel_db_bind_text(s, 5, e->body);
	rel_db_bind_text(s, 6, prev.s);
	rel_db_bind_text(s, 7, hash.s);
	return rel_db_step(l, s, err);
}

/* Complete the event: what is after the head now, and its hash. */
static int make(struct rel_ledger *l, const char *app, const char *kind,
	const struct json_t *body, int64_t time_ms, struct rel_event_row *e,
	struct rel_err *err)
{
	struct rel_buf text = REL_BUF_INIT;
	int r = rel_ledger_head(l, &e->seq, &e->prev, err);

	if (r < 0)
		return r;
	e->seq++;
	e->time_ms = time_ms;
	e->app = rel_strdup(app);
	e->kind = rel_strdup(kind);
	rel_json_format(body, &text);
	if (text.len > REL_MAX_BODY)
		r = rel_fail(err, REL_EINVALID,
			"the event has more than %d bytes", REL_MAX_BODY);
	e->body = rel_buf_take(&text);
	e->hash = rel_event_hash(e);
	return r;
}

int rel_ledger_insert(struct rel_ledger *l, const char *app, const char *kind,
	const struct json_t *body, int64_t time_ms, int64_t *ret_seq,
	struct rel_err *err)
{
	REL_AUTO(rel_event_row_done) struct rel_event_row e = { 0 };
	int r = make(l, app, kind, body, time_ms, &e, err);

	if (r == 0)
		r = store(l, &e, err);
	if (r == 0)
		r = rel_index_apply(l, &e, err);
	if (r == 0)
		*ret_seq = e.seq;
	return r;
}

struct appending {
	const struct rel_append *all;
	size_t n;
	int64_t last; /* seq */
};

/* A second time when the first found the disk full, so ${check} gets a body of
 * its own each time. */
static int append_one(struct rel_ledger *l, const struct rel_append *what,
	int64_t *ret_seq, struct rel_err *err)
{
	REL_AUTO(rel_json_freep)
	struct json_t *body = rel_json_copy(what->body);
	int r = what->check ? what->check(what->arg, l, body, err) : 0;

	return r < 0 ? r
		     : rel_ledger_insert(l, what->app, what->kind, body,
			       rel_now_ms(), ret_seq, err);
}

/* In the transaction. */
static int append(struct rel_ledger *l, void *arg, struct rel_err *err)
{
	struct appending *a = arg;
	int r = rel_index_refresh(l, err);

	for (size_t i = 0; r == 0 && i < a->n; i++)
		r = append_one(l, &a->all[i], &a->last, err);
	return r == 0 ? rel_index_mark(l, a->last, err) : r;
}

int rel_ledger_append_all(struct rel_ledger *l, struct rel_append *all,
	size_t n, int64_t *ret_seq, struct rel_err *err)
{
	struct appending a = { .all = all, .n = n };
	int r;

	assert(n > 0);
	if (l->mode == REL_LEDGER_READ)
		r = rel_fail(err, REL_EIO, "the ledger is open for reading");
	else
		r = rel_db_transaction(l, append, &a, err);
	for (size_t i = 0; i < n; i++)
		rel_json_freep(&all[i].body);
	if (r == 0 && ret_seq)
		*ret_seq = a.last - (int64_t)n + 1;
	return r;
}

int rel_ledger_append(struct rel_ledger *l, struct rel_append *what,
	int64_t *ret_seq, struct rel_err *err)
{
	return rel_ledger_append_all(l, what, 1, ret_seq, err);
}

int rel_ledger_head(struct rel_ledger *l, int64_t *ret_seq,
	struct rel_id *ret_hash, struct rel_err *err)
{
	REL_AUTO(rel_db_donep) sqlite3_stmt *s = NULL;
	struct rel_id hash = { { 0 } };
	int64_t seq = 0;
	int r = rel_db_own(l, REL_Q_HEAD, &s, err);

	if (r == 0)
		r = rel_db_step(l, s, err);
	if (r < 0)
		return r;
	if (r > 0) {
		seq = sqlite3_column_int64(s, 0);
		r = rel_db_id(s, 1, &hash, err);
		if (r < 0)
			return rel_wrap(err, "event %" PRId64, seq);
	}
	*ret_seq = seq;
	*ret_hash = hash;
	return 0;
}

int rel_ledger_each_event(struct rel_ledger *l, int64_t from,
	int (*fn)(
		void *arg, const struct rel_event_row *e, struct rel_err *err),
	void *arg, struct rel_err *err)
{
	REL_AUTO(rel_db_finalizep) sqlite3_stmt *s = NULL;
	int r = rel_db_prepare(l,
		"SELECT " REL_EVENT_COLUMNS
		" FROM event WHERE seq >= ? ORDER BY seq",
		&s, err);

	if (r < 0)
		return r;
	rel_db_bind_int(s, 1, from);
	while ((r = rel_db_step(l, s, err)) > 0) {
		REL_AUTO(rel_event_row_done) struct rel_event_row e = { 0 };

		r = rel_event_read(s, &e, err);
		if (r == 0)
			r = fn(arg, &e, err);
		if (r != 0)
			return r;
	}
	return r;
}

int rel_ledger_newest_event(struct rel_ledger *l, const char *kind,
	const char *part, struct rel_event_row *ret, struct rel_err *err)
{
	REL_AUTO(rel_db_finalizep) sqlite3_stmt *s = NULL;
	int r = rel_db_prepare(l,
		"SELECT " REL_EVENT_COLUMNS
		" FROM event WHERE kind = ? AND instr(body, ?)"
		" ORDER BY seq DESC LIMIT 1",
		&s, err);

	if (r < 0)
		return r;
	rel_db_bind_text(s, 1, kind);
	rel_db_bind_text(s, 2, part);
	r = rel_db_step(l, s, err);
	if (r == 0)
		return rel_fail(
			err, REL_ENOTFOUND, "no event of kind '%s'", kind);
	return r < 0 ? r : rel_event_read(s, ret, err);
}
