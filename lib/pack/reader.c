/* SPDX-License-Identifier: Apache-2.0 */
#include "pack/reader.h"

#include "base/buf.h"
#include "base/mem.h"
#include "crypto/digest.h"
#include "pack/tar.h"

#include <stdlib.h>
#include <string.h>

/* More than any pax header of profile 1 has: two names and their keys. */
#define RECORDS_LIMIT (16u << 10)

struct rel_reader {
	rel_tar_source *source;
	void *arg;
	enum rel_code flaw;
	bool fragment, ended;
	const char *p; /* what the source gave last, and is not read yet */
	size_t n;
	uint64_t at;   /* bytes read so far */
	uint64_t left; /* of the entry's content */
	size_t padding;
	struct rel_buf raw; /* the headers of the entry, as they came */
	struct rel_buf path, target;
	struct rel_order order;
};

int rel_reader_open(rel_tar_source *source, void *arg, enum rel_code flaw,
	struct rel_reader **ret, struct rel_err *err)
{
	struct rel_reader *r = rel_alloc(sizeof(*r));

	(void)err;
	r->source = source;
	r->arg = arg;
	r->flaw = flaw;
	*ret = r;
	return 0;
}

void rel_reader_fragment(struct rel_reader *r)
{
	r->fragment = true;
}

bool rel_reader_ended(const struct rel_reader *r)
{
	return r->ended;
}

void rel_reader_closep(struct rel_reader **rp)
{
	struct rel_reader *r = *rp;

	if (!r)
		return;
	rel_order_done(&r->order);
	rel_buf_free(&r->raw);
	rel_buf_free(&r->path);
	rel_buf_free(&r->target);
	free(r);
	*rp = NULL;
}

static int flaw(struct rel_reader *r, const char *what, struct rel_err *err)
{
	struct rel_buf name = REL_BUF_INIT;

	rel_buf_add_escaped(&name, rel_buf_str(&r->path), r->path.len);
	rel_fail(err, r->flaw, "not an artifact of relctl: '%.200s' %s",
		rel_buf_str(&name), what);
	rel_buf_free(&name);
	return -(int)r->flaw;
}

/* Some bytes, at most ${most}; *ret_n 0 at the end of the source. */
static int take(struct rel_reader *r, uint64_t most, const char **ret_p,
	size_t *ret_n, struct rel_err *err)
{
	if (r->n == 0) {
		const void *p;
		int rc = r->source(r->arg, &p, &r->n, err);

		if (rc < 0)
			return rc;
		r->p = p;
	}
	*ret_p = r->p;
	*ret_n = r->n < most ? r->n : (size_t)most;
	r->p += *ret_n;
	r->n -= *ret_n;
	r->at += *ret_n;
	return 0;
}

/* ${n} bytes more of headers. *ret_end (may be NULL): there was none at all. */
static int take_raw(
	struct rel_reader *r, size_t n, bool *ret_end, struct rel_err *err)
{
	size_t want = n;

	while (want > 0) {
		const char *p;
		size_t got;
		int rc = take(r, want, &p, &got, err);

		if (rc < 0)
			return rc;
		if (got == 0 && want == n && ret_end) {
			*ret_end = true;
			return 0;
		}
		if (got == 0)
			return flaw(r, "is followed by half a header", err);
		rel_buf_add(&r->raw, p, got);
		want -= got;
	}
	return 0;
}

static bool is_zero(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i])
			return false;
	return true;
}

/* What is left of the content, and the padding behind it. */
static int finish_content(struct rel_reader *r, struct rel_err *err)
{
	const void *skipped;
	const char *p;
	size_t n;
	int rc;

	do
		rc = rel_reader_data(r, &skipped, &n, err);
	while (rc == 0 && n > 0);
	for (; rc == 0 && r->padding > 0; r->padding -= n) {
		rc = take(r, r->padding, &p, &n, err);
		if (rc < 0)
			return rc;
		if (n == 0 || !is_zero(p, n))
			return flaw(r, "is not padded with zeros", err);
	}
	return rc;
}

/* The first of two blocks of zeros was read: nothing else may follow. */
static int finish_tar(struct rel_reader *r, struct rel_err *err)
{
	const char *p;
	size_t n;
	int rc = take_raw(r, REL_TAR_BLOCK, NULL, err);

	if (rc < 0)
		return rc;
	if (!is_zero(r->raw.p, r->raw.len))
		return flaw(r, "is followed by half an end", err);
	rc = take(r, 1, &p, &n, err);
	if (rc == 0 && n > 0)
		rc = flaw(r, "is the last, and yet something follows", err);
	r->ended = rc == 0;
	return rc;
}

static uint64_t octal(const char *field, size_t n)
{
	uint64_t value = 0;

	for (size_t i = 0; i < n && field[i] >= '0' && field[i] <= '7'; i++)
		value = value * 8 + (uint64_t)(field[i] - '0');
	return value;
}

/* "LEN key=value\n", one after the other. What is not of this form is told by
 * the comparison with the emitter's bytes. */
static void take_records(struct rel_reader *r, const char *p, const char *end,
	bool *ret_path, bool *ret_target)
{
	while (p < end && *p >= '1' && *p <= '9') {
		char *rest;
		size_t len = strtoul(p, &rest, 10);
		const char *next = p + len;
		bool path;
		struct rel_buf *out;

		if (len > (size_t)(end - p) || rest + 11 > next)
			return;
		path = memcmp(rest, " path=", 6) == 0;
		if (!path && memcmp(rest, " linkpath=", 10) != 0)
			return;
		rest += path ? 6 : 10;
		out = path ? &r->path : &r->target;
		*(path ? ret_path : ret_target) = true;
		rel_buf_reset(out);
		rel_buf_add(out, rest, (size_t)(next - 1 - rest));
		p = next;
	}
}

static const char *type_of(const struct rel_tar_fields *h, struct rel_entry *e)
{
	uint64_t mode = octal(h->mode, 7);

	switch (h->typeflag) {
	case '0':
		e->type = REL_FILE;
		e->executable = mode == 0755;
		e->size = octal(h->size, 11);
		return NULL;
	case '5':
		e->type = REL_DIR;
		return NULL;
	case '2':
		e->type = REL_LINK;
		return NULL;
	default:
		return "is neither file, directory nor symlink";
	}
}

/* Read the headers of one entry. *ret_more false: it was the end. */
static int take_headers(struct rel_reader *r, const struct rel_tar_fields **ret,
	bool *ret_path, bool *ret_target, bool *ret_more, struct rel_err *err)
{
	const struct rel_tar_fields *h;
	bool end = false;
	uint64_t size;
	int rc = take_raw(r, REL_TAR_BLOCK, &end, err);

	*ret_more = false;
	if (rc < 0)
		return rc;
	if (end)
		return r->fragment ? 0 : flaw(r, "is followed by no end", err);
	if (is_zero(r->raw.p, REL_TAR_BLOCK))
		return finish_tar(r, err);
	*ret_more = true;
	h = (const void *)r->raw.p;
	if (h->typeflag == 'x') {
		size = octal(h->size, 11);
		if (size > RECORDS_LIMIT)
			return flaw(r,
				"is followed by a header that is too "
				"long",
				err);
		rc = take_raw(
			r, (size_t)size + rel_tar_padding(size), NULL, err);
		if (rc == 0)
			take_records(r, r->raw.p + REL_TAR_BLOCK,
				r->raw.p + REL_TAR_BLOCK + size, ret_path,
				ret_target);
		if (rc == 0)
			rc = take_raw(r, REL_TAR_BLOCK, NULL, err);
	}
	*ret = (const void *)(r->raw.p + r->raw.len - REL_TAR_BLOCK);
	return rc;
}

/* The headers must be the very bytes that this entry has in profile 1. */
static int check_headers(
	struct rel_reader *r, const struct rel_entry *e, struct rel_err *err)
{
	REL_AUTO(rel_buf_free) struct rel_buf header = REL_BUF_INIT;

	rel_tar_header(e, &header);
	if (header.len != r->raw.len ||
		memcmp(header.p, r->raw.p, header.len) != 0)
		return flaw(r, "has a header other than profile 1's", err);
	return 0;
}

static int make_entry(struct rel_reader *r, const struct rel_tar_fields *h,
	bool pax_path, bool pax_target, struct rel_entry *e,
	struct rel_err *err)
{
	const char *fault;
	int rc;

	if (!pax_path) {
		rel_buf_reset(&r->path);
		rel_buf_add(&r->path, h->name, strnlen(h->name, 100));
	}
	if (!pax_target) {
		rel_buf_reset(&r->target);
		rel_buf_add(&r->target, h->linkname, strnlen(h->linkname, 100));
	}
	*e = (struct rel_entry){ 0 };
	fault = type_of(h, e);
	if (!fault && e->type == REL_DIR &&
		(r->path.len < 2 || r->path.p[r->path.len - 1] != '/'))
		fault = "is a directory without a slash";
	if (fault)
		return flaw(r, fault, err);
	if (e->type == REL_DIR)
		r->path.p[--r->path.len] = '\0';
	e->path = rel_buf_str(&r->path);
	e->path_len = r->path.len;
	e->target = e->type == REL_LINK ? rel_buf_str(&r->target) : "";
	e->target_len = e->type == REL_LINK ? r->target.len : 0;
	/* Before what it says is looked at: a name with a NUL is none. */
	rc = check_headers(r, e, err);
	if (rc == 0)
		rc = r->fragment ? rel_path_check(e, err)
				 : rel_order_next(&r->order, e, err);
	if (rc < 0)
		err->code = r->flaw;
	return rc < 0 ? -(int)r->flaw : 0;
}

int rel_reader_next(struct rel_reader *r, struct rel_entry *ret,
	uint64_t *ret_offset, bool *ret_more, struct rel_err *err)
{
	const struct rel_tar_fields *h = NULL;
	bool path = false, target = false;
	int rc = finish_content(r, err);

	if (rc < 0)
		return rc;
	if (ret_offset)
		*ret_offset = r->at;
	rel_buf_reset(&r->raw);
	rc = take_headers(r, &h, &path, &target, ret_more, err);
	if (rc == 0 && *ret_more)
		rc = make_entry(r, h, path, target, ret, err);
	if (rc == 0 && *ret_more) {
		r->left = ret->size;
		r->padding = rel_tar_padding(ret->size);
	}
	return rc;
}

int rel_reader_data(struct rel_reader *r, const void **ret_p, size_t *ret_n,
	struct rel_err *err)
{
	const char *p;
	int rc;

	*ret_n = 0;
	if (r->left == 0)
		return 0;
	rc = take(r, r->left, &p, ret_n, err);
	if (rc < 0)
		return rc;
	if (*ret_n == 0)
		return flaw(r, "is shorter than its header says", err);
	r->left -= *ret_n;
	*ret_p = p;
	return 0;
}

int rel_reader_digest(struct rel_reader *r, const struct rel_entry *e,
	struct rel_id *ret, struct rel_err *err)
{
	REL_AUTO(rel_sha256_freep) struct rel_sha256 *sha = rel_sha256_new();
	const void *p;
	size_t n;
	int rc = 0;

	if (e->type == REL_LINK)
		rel_sha256_add(sha, e->target, e->target_len);
	while (e->type == REL_FILE &&
		(rc = rel_reader_data(r, &p, &n, err)) == 0 && n > 0)
		rel_sha256_add(sha, p, n);
	*ret = rel_sha256_final(sha);
	return rc;
}
