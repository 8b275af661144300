/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"
#include "build/transfer.h"
#include "home/tree.h"
#include "store/index.h"

#include <inttypes.h>

static int write_bytes(struct rel_artifact_stream *s, enum rel_export_form form,
	int fd, struct rel_err *err)
{
	const void *p;
	size_t n;
	int r;

	for (;;) {
		r = form == REL_EXPORT_ZST
			    ? rel_artifact_stream_frame(s, &p, &n, err)
			    : rel_artifact_stream_next(s, &p, &n, err);
		if (r < 0 || n == 0)
			return r;
		r = rel_write_fd(fd, p, n, err);
		if (r < 0)
			return r;
	}
}

static void mtree_line(const struct rel_entry *e, const struct rel_id *digest,
	struct rel_buf *out)
{
	rel_buf_adds(out, "./");
	rel_buf_add_escaped(out, e->path, e->path_len);
	switch (e->type) {
	case REL_DIR:
		rel_buf_adds(out, " type=dir mode=0555\n");
		break;
	case REL_LINK:
		rel_buf_adds(out, " type=link mode=0777 link=");
		rel_buf_add_escaped(out, e->target, e->target_len);
		rel_buf_addc(out, '\n');
		break;
	case REL_FILE:
		rel_buf_addf(out,
			" type=file mode=%s size=%" PRIu64 " sha256digest=%s\n",
			e->executable ? "0555" : "0444", e->size,
			rel_id_hex(digest).s);
		break;
	}
}

static int write_mtree(struct rel_home *h, const struct rel_artifact *a, int fd,
	struct rel_err *err)
{
	REL_AUTO(rel_buf_free) struct rel_buf index = REL_BUF_INIT;
	REL_AUTO(rel_buf_free) struct rel_buf out = REL_BUF_INIT;
	REL_AUTO(rel_index_done) struct rel_index ix = { 0 };
	struct rel_entry e;
	struct rel_id digest;
	bool more = true;
	int r = rel_home_index(h, a, &index, err);

	if (r == 0)
		r = rel_index_open(&ix, index.p, index.len, err);
	rel_buf_adds(&out, "#mtree\n. type=dir mode=0555\n");
	while (r == 0) {
		r = rel_index_next(&ix, &e, &digest, &more, err);
		if (r < 0 || !more)
			break;
		mtree_line(&e, &digest, &out);
	}
	return r < 0 ? r : rel_write_fd(fd, out.p, out.len, err);
}

int rel_export(struct rel_home *h, const struct rel_id *id,
	enum rel_export_form form, int fd, struct rel_err *err)
{
	REL_AUTO(rel_artifact_done) struct rel_artifact a = { 0 };
	struct rel_artifact_stream stream;
	/* gc takes nothing away while it is read. */
	int r = rel_store_lock(h->store, REL_LOCK_SHARED, h->opt.wait_ms, err);

	if (r == 0)
		r = rel_artifact_load(h, id, &a, NULL, err);
	if (r == 0 && form == REL_EXPORT_MTREE) {
		r = write_mtree(h, &a, fd, err);
	} else if (r == 0) {
		rel_artifact_stream_open(&stream, h, &a);
		r = write_bytes(&stream, form, fd, err);
		rel_artifact_stream_done(&stream);
	}
	if (r < 0)
		r = rel_artifact_broken(id, err);
	rel_store_unlock(h->store);
	return r;
}
