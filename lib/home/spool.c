/* SPDX-License-Identifier: Apache-2.0 */
#include "home/spool.h"

#include "base/clock.h"
#include "base/file.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME "ledger.spool"
#define KIND "exec"

/* A thousand commands: from here on the one who adds folds. */
#define MOST_BYTES (256 * 1024)
/* Nobody holds the lock for longer than a commit takes. */
#define FOLD_WAIT_MS 1000

/* One line, as its writer made it. */
struct line {
	struct json_t *all; /* owns the rest */
	const char *app, *id;
	const struct json_t *body;
	int64_t time_ms;
};

static void line_done(struct line *l)
{
	rel_json_free(l->all);
	*l = (struct line){ 0 };
}

static bool line_read(const char *p, size_t n, struct line *ret)
{
	REL_AUTO(line_done) struct line l = { 0 };
	struct rel_err ignored;

	if (rel_json_parse_canonical(p, n, &l.all, &ignored) < 0)
		return false;
	l.app = rel_json_get_str(l.all, "app");
	l.body = rel_json_get(l.all, "body");
	l.id = rel_json_get_str(l.body, "id");
	if (!l.app || !l.id || strlen(l.id) != 16 ||
		!rel_json_int(rel_json_get(l.all, "time"), &l.time_ms))
		return false;
	*ret = l;
	l.all = NULL;
	return true;
}

/* What a writer that was killed, or a power cut, has left of its last line. */
static int cut_torn(int fd, off_t *size, struct rel_err *err)
{
	REL_AUTO(rel_buf_free) struct rel_buf all = REL_BUF_INIT;
	char last = '\n';
	off_t whole;
	int r;

	if (*size > 0 && pread(fd, &last, 1, *size - 1) != 1)
		return rel_fail_os(err, "read '" NAME "'");
	if (last == '\n')
		return 0;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return rel_fail_os(err, "read '" NAME "'");
	r = rel_read_fd(fd, 2 * MOST_BYTES, &all, err);
	if (r < 0)
		return r;
	for (whole = (off_t)all.len; whole > 0; whole--)
		if (all.p[whole - 1] == '\n')
			break;
	if (ftruncate(fd, whole) < 0)
		return rel_fail_os(err, "cut '" NAME "'");
	*size = whole;
	return 0;
}

static int append(int fd, const struct rel_buf *text, struct rel_err *err)
{
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return rel_fail_os(err, "look at '" NAME "'");
	if ((size_t)st.st_size + text->len > MOST_BYTES)
		return rel_fail(err, REL_EREFUSED, "'" NAME "' is full");
	r = cut_torn(fd, &st.st_size, err);
	if (r == 0)
		r = rel_write_fd(fd, text->p, text->len, err);
	if (r < 0 && ftruncate(fd, st.st_size) < 0) {
		/* then it is torn, and is cut by the next one */
	}
	return r;
}

static void add_id(struct json_t *body)
{
	char id[17];

	rel_random_name(id);
	rel_json_set(body, "id", rel_json_text(id));
}

int rel_spool_add(struct rel_home *h, const char *app, struct json_t *body,
	struct rel_err *err)
{
	REL_AUTO(rel_json_freep) struct json_t *all = rel_json_object();
	REL_AUTO(rel_buf_free) struct rel_buf text = REL_BUF_INIT;
	REL_AUTO(rel_closep) int fd = -1;
	int r;

	rel_home_sign(h, body);
	add_id(body);
	rel_json_set(all, "app", rel_json_text(app));
	rel_json_set(all, "body", body);
	rel_json_set(all, "time", rel_json_number(rel_now_ms()));
	rel_json_format(all, &text);
	rel_buf_addc(&text, '\n');
	r = rel_store_spool(h->store, true, h->opt.wait_ms, &fd, err);
	return r < 0 ? r : append(fd, &text, err);
}

/* The next whole line of ${text} from *${at} on; false: there is none. */
static bool next_line(
	const struct rel_buf *text, size_t *at, const char **ret, size_t *ret_n)
{
	const char *p = text->p + *at, *end;

	if (*at >= text->len)
		return false;
	end = memchr(p, '\n', text->len - *at);
	if (!end)
		return false; /* torn */
	*ret = p;
	*ret_n = (size_t)(end - p);
	*at += *ret_n + 1;
	return true;
}

/*
 * Where to begin: after the line that is in the ledger already. There is one
 * when a fold was committed and the file not emptied after it. Lines go there
 * in their order, and nothing else makes an event of this kind with an ID, so
 * it is enough to look for the newest.
 */
static int find_start(const struct rel_buf *text, struct rel_ledger *l,
	size_t *ret, struct rel_err *err)
{
	REL_AUTO(rel_event_row_done) struct rel_event_row newest = { 0 };
	REL_AUTO(rel_json_freep) struct json_t *body = NULL;
	size_t at = 0, n;
	const char *p, *id;
	int r = rel_ledger_newest_event(l, KIND, "\"id\":\"", &newest, err);

	*ret = 0;
	if (r == -REL_ENOTFOUND)
		return 0;
	if (r == 0)
		r = rel_json_parse(
			newest.body, strlen(newest.body), &body, err);
	if (r < 0)
		return r;
	id = rel_json_get_str(body, "id");
	while (id && next_line(text, &at, &p, &n)) {
		REL_AUTO(line_done) struct line line = { 0 };

		if (line_read(p, n, &line) && !strcmp(line.id, id))
			*ret = at;
	}
	return 0;
}

static int take_spool(struct rel_home *h, struct rel_spool *s,
	struct rel_buf *text, struct rel_err *err)
{
	int r = 0;

	/* The transaction runs a second time when the disk was full. */
	if (s->fd < 0)
		r = rel_store_spool(h->store, false, FOLD_WAIT_MS, &s->fd, err);
	if (r < 0 || s->fd < 0)
		return r;
	if (lseek(s->fd, 0, SEEK_SET) < 0)
		return rel_fail_os(err, "read '" NAME "'");
	r = rel_read_fd(s->fd, 4 * MOST_BYTES, text, err);
	/* So that no power cut brings back what an earlier fold has emptied:
	 * the newest line in the ledger would not be in it. */
	if (r == 0 && text->len > 0)
		r = rel_sync(s->fd, NAME, err);
	return r;
}

int rel_spool_fold(struct rel_home *h, struct rel_spool *s,
	struct rel_ledger *l, struct rel_err *err)
{
	REL_AUTO(rel_buf_free) struct rel_buf text = REL_BUF_INIT;
	size_t at = 0, n, damaged = 0;
	struct rel_err why;
	const char *p;
	int64_t seq;
	int r;

	if (take_spool(h, s, &text, &why) < 0) {
		rel_notice(h->opt.events, "what exec has recorded waits: %s",
			why.msg);
		rel_spool_done(s, false);
		return 0;
	}
	if (text.len == 0)
		return 0;
	r = find_start(&text, l, &at, err);
	while (r == 0 && next_line(&text, &at, &p, &n)) {
		REL_AUTO(line_done) struct line line = { 0 };

		if (line_read(p, n, &line))
			r = rel_ledger_insert(l, line.app, KIND, line.body,
				line.time_ms, &seq, err);
		else
			damaged++;
	}
	if (damaged > 0)
		rel_notice(h->opt.events,
			"%zu line%s of '" NAME "' %s damaged and not recorded",
			damaged, damaged == 1 ? "" : "s",
			damaged == 1 ? "is" : "are");
	return r;
}

void rel_spool_done(struct rel_spool *s, bool committed)
{
	if (s->fd < 0)
		return;
	/* If it fails the next fold finds what is in the ledger already. */
	if (committed && ftruncate(s->fd, 0) < 0)
		errno = 0;
	rel_closep(&s->fd);
}

int rel_spool_check(
	struct rel_home *h, uint64_t *ret_waiting, struct rel_err *err)
{
	REL_AUTO(rel_buf_free) struct rel_buf text = REL_BUF_INIT;
	size_t at = 0, n;
	uint64_t count = 0;
	const char *p;
	int r = rel_read_file(
		rel_store_fd(h->store), NAME, 4 * MOST_BYTES, &text, err);

	if (r < 0 && r != -REL_ENOTFOUND)
		return r;
	while (next_line(&text, &at, &p, &n)) {
		REL_AUTO(line_done) struct line line = { 0 };

		count++;
		if (!line_read(p, n, &line))
			return rel_fail(err, REL_EINTEGRITY,
				"line %" PRIu64 " of '" NAME "' is damaged",
				count);
	}
	*ret_waiting = count;
	return 0;
}
