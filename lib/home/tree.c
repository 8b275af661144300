/* SPDX-License-Identifier: Apache-2.0 */
#include "home/tree.h"

#include "base/file.h"
#include "base/vec.h"
#include "crypto/digest.h"
#include "pack/unpack.h"
#include "store/index.h"
#include "store/tree.h"

#include <string.h>
#include <unistd.h>

/* One file of an older tree that a new one may share. */
struct shared {
	char *path;
	bool executable;
	struct rel_id digest;
};

struct indexing { /* collects index lines while entries go by */
	const struct rel_packed *packed;
	struct rel_buf *out;
	size_t chunk;	    /* index of the chunk that the last entry is in */
	uint64_t chunk_end; /* where it ends in the tar */
	bool begun;
	uint64_t count;
	int older_fd;		      /* -1: nothing to share */
	REL_VEC(struct shared) older; /* sorted as the tar is, so by walking */
	size_t cursor;
};

static int note_entry(void *arg, const struct rel_entry *e,
	const struct rel_id *digest, uint64_t offset, struct rel_err *err)
{
	struct indexing *ix = arg;
	const struct rel_packed *p = ix->packed;
	bool fresh = !ix->begun;

	(void)err;
	if (fresh) {
		ix->begun = true;
		ix->chunk = 0;
		ix->chunk_end = p->chunks[0].size;
	}
	while (offset >= ix->chunk_end && ix->chunk + 1 < p->n) {
		ix->chunk++;
		ix->chunk_end += p->chunks[ix->chunk].size;
		fresh = true;
	}
	if (fresh)
		rel_index_chunk(ix->out, &p->chunks[ix->chunk].name);
	rel_index_entry(ix->out, e, digest);
	ix->count++;
	return 0;
}

/* The order of whole paths in a tar, good enough to merge two sorted lists. */
static int by_path(const void *a, const void *b)
{
	const struct shared *x = a, *y = b;

	return strcmp(x->path, y->path);
}

static bool find_shared(void *arg, const struct rel_entry *e,
	const struct rel_id *digest, int *ret_dirfd, const char **ret_path)
{
	struct indexing *ix = arg;
	struct shared key = { .path = NULL }, *found;
	char path[REL_MAX_PATH + 1];

	if (ix->older.n == 0)
		return false;
	memcpy(path, e->path, e->path_len + 1);
	key.path = path;
	found = bsearch(&key, ix->older.v, ix->older.n, sizeof(key), by_path);
	if (!found || found->executable != e->executable ||
		!rel_id_equal(&found->digest, digest))
		return false;
	*ret_dirfd = ix->older_fd;
	*ret_path = found->path;
	return true;
}

/* Read the older tree's files; whatever is wrong with it, nothing is shared. */
static void load_older(
	struct rel_home *h, const struct rel_id *older, struct indexing *ix)
{
	REL_AUTO(rel_buf_free) struct rel_buf text = REL_BUF_INIT;
	struct rel_index reader = { 0 };
	struct rel_entry e;
	struct rel_id digest;
	struct rel_err ignored;
	bool more = true;

	if (!rel_tree_exists(h->store, older) ||
		rel_tree_index(h->store, older, &text, &ignored) < 0 ||
		rel_tree_open(h->store, older, &ix->older_fd, &ignored) < 0)
		return;
	/* A file that was changed in place must not spread by its link. */
	if (rel_tree_check(ix->older_fd, rel_buf_str(&text), text.len,
		    REL_TREE_QUICK, &ignored) < 0 ||
		rel_index_open(
			&reader, rel_buf_str(&text), text.len, &ignored) < 0)
		return;
	while (rel_index_next(&reader, &e, &digest, &more, &ignored) == 0 &&
		more) {
		if (e.type != REL_FILE)
			continue;
		rel_vec_more(&ix->older);
		ix->older.v[ix->older.n - 1] = (struct shared){
			.path = rel_strndup(e.path, e.path_len),
			.executable = e.executable,
			.digest = digest,
		};
	}
	rel_index_done(&reader);
	qsort(ix->older.v, ix->older.n, sizeof(*ix->older.v), by_path);
}

static void indexing_done(struct indexing *ix)
{
	for (size_t i = 0; i < ix->older.n; i++)
		free(ix->older.v[i].path);
	rel_vec_free(&ix->older);
	rel_closep(&ix->older_fd);
}

static int read_artifact(struct rel_home *h, const struct rel_artifact *a,
	int dirfd, int64_t mtime_s, struct indexing *ix, struct rel_err *err)
{
	REL_AUTO(rel_reader_closep) struct rel_reader *reader = NULL;
	struct rel_unpack how = {
		.mtime_s = mtime_s,
		.share = find_shared,
		.done = note_entry,
		.arg = ix,
	};
	struct rel_artifact_stream stream;
	int r;

	rel_artifact_stream_open(&stream, h, a);
	r = rel_reader_open(rel_artifact_stream_next, &stream, REL_EINTEGRITY,
		&reader, err);
	if (r == 0)
		r = rel_unpack(reader, dirfd, &how, err);
	rel_artifact_stream_done(&stream);
	return r;
}

/* 0 and *ret_fd when the tree is there and agrees with its index. */
static int open_checked(struct rel_home *h, const struct rel_id *id,
	int *ret_fd, struct rel_err *err)
{
	REL_AUTO(rel_buf_free) struct rel_buf index = REL_BUF_INIT;
	REL_AUTO(rel_closep) int fd = -1;
	int r = rel_tree_open(h->store, id, &fd, err);

	if (r == 0)
		r = rel_tree_index(h->store, id, &index, err);
	if (r == 0)
		r = rel_tree_check(fd, rel_buf_str(&index), index.len,
			REL_TREE_QUICK, err);
	if (r < 0)
		return r;
	*ret_fd = fd;
	fd = -1;
	return 0;
}

/* ${replace}: a tree is there and has to go, but not before the new one is
 * whole: it may be all that is left of the artifact. */
static int unpack(struct rel_home *h, const struct rel_id *id, int64_t mtime_s,
	const struct rel_id *older, bool replace, struct rel_err *err)
{
	REL_AUTO(rel_artifact_done) struct rel_artifact a = { 0 };
	REL_AUTO(rel_tree_abortp) struct rel_tree *t = NULL;
	REL_AUTO(rel_buf_free) struct rel_buf index = REL_BUF_INIT;
	REL_AUTO(indexing_done)
	struct indexing ix = { .out = &index, .older_fd = -1 };
	REL_AUTO(rel_closep) int fd = -1;
	int r = rel_artifact_load(h, id, &a, NULL, err);

	if (r == 0)
		r = rel_tree_begin(h->store, &t, err);
	if (r < 0)
		return r;
	if (older && !rel_id_equal(older, id))
		load_older(h, older, &ix);
	ix.packed = &a.packed;
	rel_index_begin(&index);
	r = read_artifact(h, &a, rel_tree_dirfd(t), mtime_s, &ix, err);
	if (r < 0)
		return rel_artifact_broken(id, err);
	rel_index_end(&index, ix.count);
	/* Another command may have been at it too: a right one stays. */
	if (replace && open_checked(h, id, &fd, err) < 0)
		r = rel_tree_drop(h->store, id, NULL, err);
	if (r < 0)
		return r;
	return rel_tree_commit(&t, id, index.p, index.len, err);
}

int rel_home_tree(struct rel_home *h, const struct rel_id *artifact,
	int64_t mtime_s, const struct rel_id *older, int *ret_fd,
	struct rel_err *err)
{
	int r = open_checked(h, artifact, ret_fd, err);

	if (r == 0 || (r != -REL_ENOTFOUND && r != -REL_EINTEGRITY))
		return r;
	if (r == -REL_EINTEGRITY)
		rel_notice(h->opt.events,
			"the unpacked tree was changed and is made again: %s",
			err->msg);
	r = unpack(h, artifact, mtime_s, older, r == -REL_EINTEGRITY, err);
	if (r == 0)
		r = open_checked(h, artifact, ret_fd, err);
	return r;
}

int rel_home_index(struct rel_home *h, const struct rel_artifact *a,
	struct rel_buf *out, struct rel_err *err)
{
	REL_AUTO(rel_reader_closep) struct rel_reader *reader = NULL;
	struct indexing ix = {
		.out = out, .packed = &a->packed, .older_fd = -1
	};
	struct rel_artifact_stream stream;
	struct rel_entry e;
	struct rel_id digest;
	uint64_t offset;
	bool more = true;
	int r;

	rel_index_begin(out);
	rel_artifact_stream_open(&stream, h, a);
	r = rel_reader_open(rel_artifact_stream_next, &stream, REL_EINTEGRITY,
		&reader, err);
	while (r == 0) {
		r = rel_reader_next(reader, &e, &offset, &more, err);
		if (r < 0 || !more)
			break;
		r = rel_reader_digest(reader, &e, &digest, err);
		if (r == 0)
			r = note_entry(&ix, &e, &digest, offset, err);
	}
	if (r == 0)
		rel_index_end(out, ix.count);
	rel_artifact_stream_done(&stream);
	return r;
}
