/* SPDX-License-Identifier: Apache-2.0 */
#include "home/current.h"

#include "base/file.h"
#include "base/mem.h"
#include "crypto/digest.h"
#include "home/record.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARK "relctl current 1 "
#define HEAD (sizeof(MARK) - 1 + 64 + 1) /* the digest, a newline */
#define MOST_BYTES (1 << 20)

#define STATE_FIELDS 6

void rel_current_done(struct rel_current *c)
{
	free(c->commit);
	rel_processes_done(&c->processes);
	*c = (struct rel_current){ 0 };
}

static char *file_of(const char *app)
{
	return rel_printf("apps/%s.current", app);
}

static struct json_t *state_to_json(const struct rel_ledger_state *s)
{
	const int64_t fields[STATE_FIELDS] = { s->dev, s->ino, s->size,
		s->mtime_ns, s->ctime_ns, s->counter };
	struct json_t *j = rel_json_array();

	for (size_t i = 0; i < STATE_FIELDS; i++)
		rel_json_push(j, rel_json_number(fields[i]));
	return j;
}

static bool is_state(const struct json_t *j, const struct rel_ledger_state *s)
{
	const int64_t fields[STATE_FIELDS] = { s->dev, s->ino, s->size,
		s->mtime_ns, s->ctime_ns, s->counter };

	for (size_t i = 0; i < STATE_FIELDS; i++) {
		int64_t n;

		if (!rel_json_int(rel_json_at(j, i), &n) || n != fields[i])
			return false;
	}
	return rel_json_len(j) == STATE_FIELDS;
}

/* The JSON under the first line, if that is what its digest says. */
static bool check_text(const struct rel_buf *b)
{
	struct rel_id want, found;
	char hex[65];

	if (b->len <= HEAD || memcmp(b->p, MARK, sizeof(MARK) - 1) != 0 ||
		b->p[HEAD - 1] != '\n')
		return false;
	memcpy(hex, b->p + sizeof(MARK) - 1, 64);
	hex[64] = '\0';
	found = rel_sha256(b->p + HEAD, b->len - HEAD);
	return rel_id_parse(hex, &want) && rel_id_equal(&want, &found);
}

static bool get_id(const struct json_t *j, const char *key, struct rel_id *ret)
{
	const char *text = rel_json_get_str(j, key);

	return text && rel_id_parse(text, ret);
}

static bool read_fields(const struct json_t *j, const char *app,
	struct rel_home *h, struct rel_current *c)
{
	const char *of = rel_json_get_str(j, "app");
	const char *commit = rel_json_get_str(j, "commit");
	const char *key = rel_json_get_str(j, "key");
	struct rel_id file;
	struct rel_err ignored;

	if (!of || strcmp(of, app) != 0 || !commit || !key ||
		strlen(key) != sizeof(h->key_id) - 1 ||
		!rel_json_int(rel_json_get(j, "number"), &c->number) ||
		!get_id(j, "artifact", &c->artifact) ||
		!get_id(j, "sealed", &c->sealed) ||
		!get_id(j, "fingerprint", &c->fingerprint) ||
		!get_id(j, "key_file", &file) ||
		rel_processes_from_json(rel_json_get(j, "processes"),
			&c->processes, &ignored) < 0)
		return false;
	c->commit = rel_strdup(commit);
	memcpy(h->key_id, key, sizeof(h->key_id));
	h->fingerprint_file = file;
	h->pinned = true;
	return true;
}

/* What others may write is not believed: it says what is executed. */
static bool read_plan(int dirfd, const char *name, struct rel_buf *b)
{
	REL_AUTO(rel_closep) int fd = -1;
	struct rel_err ignored;
	struct stat st;

	return rel_open_read(dirfd, name, &fd, &ignored) == 0 &&
	       fstat(fd, &st) == 0 &&
	       (st.st_uid == geteuid() || st.st_uid == 0) &&
	       !(st.st_mode & (S_IWGRP | S_IWOTH)) &&
	       rel_read_fd(fd, MOST_BYTES, b, &ignored) == 0;
}

bool rel_current_load(
	struct rel_home *h, const char *app, struct rel_current *ret)
{
	REL_AUTO(rel_freep) char *name = file_of(app);
	REL_AUTO(rel_buf_free) struct rel_buf b = REL_BUF_INIT;
	REL_AUTO(rel_json_freep) struct json_t *j = NULL;
	REL_AUTO(rel_current_done) struct rel_current c = { 0 };
	struct rel_ledger_state now;
	struct rel_err ignored;

	if (h->ledger ||
		!rel_ledger_peek(rel_store_fd(h->store), "ledger.db", &now) ||
		!read_plan(rel_store_fd(h->store), name, &b) ||
		!check_text(&b) ||
		rel_json_parse(b.p + HEAD, b.len - HEAD, &j, &ignored) < 0 ||
		!is_state(rel_json_get(j, "ledger"), &now) ||
		!read_fields(j, app, h, &c))
		return false;
	*ret = c;
	c = (struct rel_current){ 0 };
	return true;
}

struct saving {
	struct rel_home *home;
	const char *app;
	struct json_t *j;
};

/* All of it is of one state of the ledger. */
static int derive(
	void *arg, const struct rel_ledger_state *now, struct rel_err *err)
{
	REL_AUTO(rel_release_row_done) struct rel_release_row row = { 0 };
	REL_AUTO(rel_record_done) struct rel_record rec = { 0 };
	struct rel_activation current;
	struct saving *s = arg;
	struct rel_home *h = s->home;
	struct json_t *j;
	int r = rel_ledger_current(h->ledger, s->app, &current, err);

	if (r == 0)
		r = rel_ledger_release(
			h->ledger, s->app, current.number, &row, err);
	if (r == 0)
		r = rel_record_load(h, &row.digest, &rec, err);
	if (r == 0)
		r = rel_home_pin(h, err);
	if (r < 0)
		return r;
	j = s->j = rel_json_object();
	rel_json_set(j, "app", rel_json_text(s->app));
	rel_json_set(j, "number", rel_json_number(row.number));
	rel_json_set(j, "commit", rel_json_text(row.commit));
	rel_json_set(j, "artifact", rel_json_text(rel_id_hex(&row.artifact).s));
	rel_json_set(j, "sealed", rel_json_text(rel_id_hex(&row.sealed).s));
	rel_json_set(j, "fingerprint",
		rel_json_text(rel_id_hex(&rec.fingerprint).s));
	rel_json_set(j, "processes", rel_processes_to_json(&rec.processes));
	rel_json_set(j, "key", rel_json_text(h->key_id));
	rel_json_set(j, "key_file",
		rel_json_text(rel_id_hex(&h->fingerprint_file).s));
	rel_json_set(j, "ledger", state_to_json(now));
	return 0;
}

/*
 * In place and not synced: whatever is there after a crash, or while another
 * one writes, has the digest or is not believed. It is not cut to nothing
 * first, which some file systems would take as a wish to have it on the disk.
 */
static void write_file(
	struct rel_home *h, const char *app, const struct rel_buf *b)
{
	REL_AUTO(rel_freep) char *name = file_of(app);
	REL_AUTO(rel_closep)
	int fd = openat(rel_store_fd(h->store), name,
		O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	struct rel_err ignored;

	if (fd < 0 || fchmod(fd, 0600) < 0 ||
		rel_write_fd(fd, b->p, b->len, &ignored) < 0 ||
		ftruncate(fd, (off_t)b->len) < 0)
		return;
}

void rel_current_save(struct rel_home *h, const char *app)
{
	REL_AUTO(rel_buf_free) struct rel_buf b = REL_BUF_INIT;
	REL_AUTO(rel_buf_free) struct rel_buf body = REL_BUF_INIT;
	struct saving s = { .home = h, .app = app };
	struct rel_id digest;
	struct rel_err ignored;

	if (rel_ledger_hold(h->ledger, derive, &s, &ignored) == 0) {
		rel_json_format(s.j, &body);
		digest = rel_sha256(body.p, body.len);
		rel_buf_addf(&b, MARK "%s\n", rel_id_hex(&digest).s);
		rel_buf_add(&b, body.p, body.len);
		write_file(h, app, &b);
	}
	rel_json_free(s.j);
}
