/* SPDX-License-Identifier: Apache-2.0 */
#include "build/maker.h"
#include "build/transfer.h"
#include "crypto/digest.h"
#include "pack/foreign.h"
#include "pack/zst.h"

/*
 * How strictness is had: libarchive tells what entries are in the file, they
 * are packed again by our own emitter, and the two tars must be the same bytes.
 * Whatever libarchive overlooks (padding, what comes after the end, a field it
 * ignores) changes the digest.
 */
struct input {
	struct rel_stream *stream;
	struct rel_sha256 *sha;
	uint64_t size;
};

static int next_bytes(
	void *arg, const void **ret_p, size_t *ret_n, struct rel_err *err)
{
	struct input *in = arg;
	int r = rel_stream_next(in->stream, ret_p, ret_n, err);

	if (r < 0)
		return r;
	rel_sha256_add(in->sha, *ret_p, *ret_n);
	in->size += *ret_n;
	/* Headers cost three blocks an entry at the very least. */
	if (in->size > REL_MAX_TOTAL + REL_MAX_ENTRIES * UINT64_C(1536))
		return rel_fail(err, REL_EINVALID,
			"the tar is larger than an artifact can be");
	return 0;
}

#define EXCEPTIONS_KEPT 1000 /* in the event */

static void note_external(struct json_t *exceptions, const struct rel_entry *e)
{
	REL_AUTO(rel_buf_free) struct rel_buf line = REL_BUF_INIT;

	if (rel_json_len(exceptions) >= EXCEPTIONS_KEPT)
		return;
	rel_buf_adds(&line, "external symlink: ");
	rel_buf_add_escaped(&line, e->path, e->path_len);
	rel_json_push(exceptions, rel_json_text(rel_buf_str(&line)));
}

/* ${exceptions}: where links that leave the tree are noted, NULL: an error. */
static int copy_entries(struct rel_foreign *reader, struct rel_maker *m,
	struct json_t *exceptions, struct rel_err *err)
{
	struct rel_entry e;
	bool more = true, external;
	const void *p;
	size_t n;
	int r = 0;

	for (;;) {
		r = rel_foreign_next(reader, &e, &more, err);
		if (r < 0 || !more)
			return r;
		r = rel_maker_entry(m, &e, exceptions, &external, err);
		if (r == 0 && external)
			note_external(exceptions, &e);
		while (r == 0 && e.type == REL_FILE) {
			r = rel_foreign_data(reader, &p, &n, err);
			if (r < 0 || n == 0)
				break;
			r = rel_maker_data(m, p, n, err);
		}
		if (r < 0)
			return r;
	}
}

/* What libarchive did not ask for is part of the file too. One byte more than
 * it may have is enough: what follows can be without end. */
static int drain(struct input *in, uint64_t size, struct rel_err *err)
{
	const void *p;
	size_t n = 1;
	int r = 0;

	while (r == 0 && n > 0 && in->size <= size)
		r = next_bytes(in, &p, &n, err);
	return r;
}

static int read_tar(struct input *in, struct rel_maker *m,
	struct json_t *exceptions, struct rel_artifact *ret,
	struct rel_err *err)
{
	REL_AUTO(rel_foreign_closep) struct rel_foreign *reader = NULL;
	int r = rel_foreign_open(next_bytes, in, &reader, err);

	if (r == 0)
		r = copy_entries(reader, m, exceptions, err);
	if (r == 0)
		r = rel_maker_end(m, ret, err);
	if (r == 0)
		r = drain(in, ret->packed.size, err);
	return r;
}

int rel_import(struct rel_home *h, int fd, bool allow_external,
	struct rel_id *ret, bool *ret_known, struct rel_err *err)
{
	REL_AUTO(rel_maker_abortp) struct rel_maker *m = NULL;
	REL_AUTO(rel_artifact_done) struct rel_artifact a = { 0 }, old = { 0 };
	REL_AUTO(rel_sha256_freep) struct rel_sha256 *sha = rel_sha256_new();
	REL_AUTO(rel_stream_closep) struct rel_stream *stream = NULL;
	REL_AUTO(rel_json_freep)
	struct json_t *exceptions = allow_external ? rel_json_array() : NULL;
	struct json_t *body;
	struct input in = { .sha = sha };
	struct rel_err ignored;
	struct rel_id found;
	uint64_t new_bytes;
	int r = rel_maker_begin(h, true, &m, err);

	if (r < 0)
		return r;
	rel_stream_open(fd, &stream);
	in.stream = stream;
	r = read_tar(&in, m, exceptions, &a, err);
	if (r < 0)
		return r;
	found = rel_sha256_final(sha);
	if (!rel_id_equal(&found, &a.packed.artifact))
		return rel_fail(err, REL_EINVALID,
			"the tar is not exactly profile 1: packed again it is "
			"other bytes");
	*ret = found;
	*ret_known = rel_artifact_load(h, &found, &old, NULL, &ignored) == 0 &&
		     rel_artifact_whole(h, &old);
	body = rel_json_object();
	if (rel_json_len(exceptions) > 0)
		rel_json_set(body, "exceptions", rel_json_copy(exceptions));
	return rel_maker_publish(&m, &a, "import", body, &new_bytes, err);
}
