/* SPDX-License-Identifier: Apache-2.0 */
#include "build/workspace.h"

#include "base/file.h"
#include "build/folder.h"
#include "pack/unpack.h"
#include "pack/zst.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE (64u << 10)

void rel_workspace_done(struct rel_workspace *w)
{
	rel_tree_abortp(&w->tree);
	free(w->path);
	*w = (struct rel_workspace){ 0 };
}

int rel_workspace_dirfd(const struct rel_workspace *w)
{
	return rel_tree_dirfd(w->tree);
}

static int next_bytes(
	void *arg, const void **ret_p, size_t *ret_n, struct rel_err *err)
{
	return rel_stream_next(arg, ret_p, ret_n, err);
}

int rel_workspace_fill(struct rel_home *h, int fd, int64_t mtime_s,
	struct rel_workspace *ret, struct rel_err *err)
{
	REL_AUTO(rel_reader_closep) struct rel_reader *reader = NULL;
	REL_AUTO(rel_stream_closep) struct rel_stream *stream = NULL;
	const struct rel_unpack how = { .mtime_s = mtime_s, .writable = true };
	struct rel_buf path = REL_BUF_INIT;
	int r;

	if (lseek(fd, 0, SEEK_SET) < 0)
		return rel_fail_os(err, "read the tree again");
	r = rel_tree_begin(h->store, &ret->tree, err);
	if (r < 0)
		return r;
	rel_tree_place(ret->tree, &path);
	ret->path = rel_buf_take(&path);
	rel_stream_open(fd, &stream);
	r = rel_reader_open(next_bytes, stream, REL_EINTEGRITY, &reader, err);
	if (r < 0)
		return r;
	return rel_unpack(reader, rel_tree_dirfd(ret->tree), &how, err);
}

/* Fewer only at the end. */
static ssize_t read_piece(int fd, void *p, size_t n)
{
	char *c = p;
	size_t got = 0;

	while (got < n) {
		ssize_t r = read(fd, c + got, n - got);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -1;
		if (r == 0)
			break;
		got += (size_t)r;
	}
	return (ssize_t)got;
}

static int pack_content(struct rel_folder *f, const struct rel_entry *e,
	struct rel_maker *m, struct rel_err *err)
{
	REL_AUTO(rel_closep) int fd = -1;
	char piece[PIECE];
	uint64_t left = e->size;
	int r = rel_folder_file(f, &fd, err);

	while (r == 0 && left > 0) {
		size_t n = left < PIECE ? (size_t)left : PIECE;
		ssize_t got = read_piece(fd, piece, n);

		if (got < 0)
			return rel_fail_os(err, "read '%.200s'", e->path);
		if ((size_t)got < n)
			return rel_fail(err, REL_EIO,
				"'%.200s' became shorter while it was read",
				e->path);
		r = rel_maker_data(m, piece, n, err);
		left -= n;
	}
	return r;
}

int rel_workspace_pack(const struct rel_workspace *w, bool allow_external,
	struct rel_maker *m, struct rel_survey *survey,
	const struct rel_events *events, struct rel_err *err)
{
	REL_AUTO(rel_folder_closep) struct rel_folder *f = NULL;
	struct rel_entry e;
	uint64_t done = 0;
	bool more = true, external;
	int r = rel_folder_open(rel_workspace_dirfd(w), &f, err);

	while (r == 0) {
		r = rel_folder_next(f, &e, &more, err);
		if (r < 0 || !more)
			break;
		r = rel_maker_entry(m, &e, allow_external, &external, err);
		if (r < 0)
			break;
		rel_survey_entry(survey, &e, NULL, 0);
		if (external)
			rel_survey_exception(survey, &e, "external symlink");
		if (e.type == REL_FILE)
			r = pack_content(f, &e, m, err);
		done += e.size;
		rel_progress(events, "packing", done, 0);
	}
	return r;
}

static const char *kind_of(const struct rel_entry *e)
{
	return e->type == REL_DIR    ? "a directory"
	       : e->type == REL_LINK ? "a link"
	       : e->executable	     ? "an executable file"
				     : "a file";
}

/* Where the two contents, of one size, begin to differ; the size if nowhere. */
static int compare_content(struct rel_folder *a, struct rel_folder *b,
	uint64_t *ret_at, struct rel_err *err)
{
	REL_AUTO(rel_closep) int fd_a = -1;
	REL_AUTO(rel_closep) int fd_b = -1;
	char x[PIECE / 2], y[PIECE / 2];
	ssize_t n, m;
	int r = rel_folder_file(a, &fd_a, err);

	if (r == 0)
		r = rel_folder_file(b, &fd_b, err);
	if (r < 0)
		return r;
	*ret_at = 0;
	do {
		n = read_piece(fd_a, x, sizeof(x));
		m = read_piece(fd_b, y, sizeof(y));
		if (n < 0 || m < 0)
			return rel_fail_os(err, "read a file of the tree");
		for (ssize_t i = 0; i < n && i < m && x[i] == y[i]; i++)
			++*ret_at;
	} while (n == m && n > 0 && memcmp(x, y, (size_t)n) == 0);
	return 0;
}

/* The two have one path. Adds nothing when they are the same. */
static int compare_entry(struct rel_folder *fa, const struct rel_entry *a,
	struct rel_folder *fb, const struct rel_entry *b, struct rel_buf *out,
	struct rel_err *err)
{
	uint64_t at;
	int r;

	if (a->type != b->type || a->executable != b->executable) {
		rel_buf_addf(out, "%s, then %s", kind_of(a), kind_of(b));
		return 0;
	}
	if (a->type == REL_LINK &&
		(a->target_len != b->target_len ||
			memcmp(a->target, b->target, a->target_len) != 0)) {
		rel_buf_adds(out, "a link to '");
		rel_buf_add_escaped(out, a->target, a->target_len);
		rel_buf_adds(out, "', then to '");
		rel_buf_add_escaped(out, b->target, b->target_len);
		rel_buf_addc(out, '\'');
	}
	if (a->type != REL_FILE)
		return 0;
	if (a->size != b->size) {
		rel_buf_addf(out, "%" PRIu64 " bytes, then %" PRIu64, a->size,
			b->size);
		return 0;
	}
	r = compare_content(fa, fb, &at, err);
	if (r == 0 && at < a->size)
		rel_buf_addf(out, "its content, from byte %" PRIu64 " on", at);
	return r;
}

/* Both walks go on to their next entry until one entry differs. */
struct pair {
	struct rel_folder *a, *b;
	struct rel_entry x, y;
	bool more_a, more_b;
};

static int next_pair(struct pair *p, struct rel_err *err)
{
	int r = rel_folder_next(p->a, &p->x, &p->more_a, err);

	return r < 0 ? r : rel_folder_next(p->b, &p->y, &p->more_b, err);
}

static int compare_pair(
	struct pair *p, struct rel_buf *out, struct rel_err *err)
{
	const struct rel_entry *e = &p->x;
	struct rel_buf what = REL_BUF_INIT;
	int order = !p->more_b	 ? -1
		    : !p->more_a ? 1
				 : rel_folder_order(&p->x, &p->y);
	int r = 0;

	if (order == 0) {
		r = compare_entry(p->a, &p->x, p->b, &p->y, &what, err);
	} else {
		if (order > 0)
			e = &p->y;
		rel_buf_addf(&what, "%s of the %s build alone", kind_of(e),
			order < 0 ? "first" : "second");
	}
	if (r == 0 && what.len) {
		rel_buf_addc(out, '\'');
		rel_buf_add_escaped(out, e->path, e->path_len);
		rel_buf_addf(out, "': %s", what.p);
	}
	rel_buf_free(&what);
	return r;
}

int rel_workspace_compare(const struct rel_workspace *a,
	const struct rel_workspace *b, struct rel_buf *out, struct rel_err *err)
{
	struct pair p = { 0 };
	size_t before = out->len;
	int r = rel_folder_open(rel_workspace_dirfd(a), &p.a, err);

	if (r == 0)
		r = rel_folder_open(rel_workspace_dirfd(b), &p.b, err);
	while (r == 0) {
		r = next_pair(&p, err);
		if (r < 0 || (!p.more_a && !p.more_b))
			break;
		r = compare_pair(&p, out, err);
		if (out->len > before)
			break;
	}
	rel_folder_closep(&p.a);
	rel_folder_closep(&p.b);
	return r;
}
