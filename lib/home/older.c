/* SPDX-License-Identifier: Apache-2.0 */
#include "home/older.h"

#include "base/file.h"
#include "base/vec.h"
#include "home/tree.h"
#include "store/tree.h"

#include <string.h>

/* One file that a new tree may share. */
struct shared {
	char *path;
	bool executable;
	struct rel_id digest;
};

struct rel_older {
	int fd;
	struct rel_buf index;
	struct rel_artifact artifact;
	REL_VEC(struct rel_older_run) runs; /* sorted by their first chunk */
	REL_VEC(struct shared) files;	    /* sorted by path */
};

size_t rel_segment_length(const struct rel_chunk_ref *chunks, size_t n)
{
	size_t i = 1;

	while (i < n && chunks[i].data)
		i++;
	return i;
}

void rel_older_freep(struct rel_older **op)
{
	struct rel_older *o = *op;

	if (!o)
		return;
	for (size_t i = 0; i < o->files.n; i++)
		free(o->files.v[i].path);
	rel_vec_free(&o->files);
	rel_vec_free(&o->runs);
	rel_artifact_done(&o->artifact);
	rel_buf_free(&o->index);
	rel_closep(&o->fd);
	free(o);
	*op = NULL;
}

static int by_chunk(const void *a, const void *b)
{
	const struct rel_older_run *x = a, *y = b;

	return memcmp(x->chunks->name.b, y->chunks->name.b,
		sizeof(x->chunks->name.b));
}

static int by_path(const void *a, const void *b)
{
	const struct shared *x = a, *y = b;

	return strcmp(x->path, y->path);
}

/* The index names the first chunk of each segment, the record all of them;
 * both are in the tar's order. */
static int join(struct rel_older *o, struct rel_err *err)
{
	const struct rel_packed *p = &o->artifact.packed;
	const char *end = o->index.p + o->index.len, *at;
	struct rel_index ix;
	struct rel_older_run run = { .n = 0 };
	size_t i = 0;
	int r = rel_index_open(&ix, o->index.p, o->index.len, err);

	if (r < 0)
		return r;
	at = ix.p;
	while (rel_index_run(&at, end, &run.lines)) {
		while (i < p->n &&
			!(run.lines.named && rel_id_equal(&p->chunks[i].name,
						     &run.lines.chunk)))
			i += rel_segment_length(&p->chunks[i], p->n - i);
		if (i == p->n)
			return rel_fail(err, REL_EINTEGRITY,
				"the index and the record do not fit");
		run.chunks = &p->chunks[i];
		run.n = rel_segment_length(run.chunks, p->n - i);
		i += run.n;
		run.last = i == p->n;
		rel_vec_push(&o->runs, run);
	}
	if (o->runs.n > 0)
		qsort(o->runs.v, o->runs.n, sizeof(*o->runs.v), by_chunk);
	return 0;
}

void rel_older_load(
	struct rel_home *h, const struct rel_id *id, struct rel_older **ret)
{
	REL_AUTO(rel_older_freep) struct rel_older *o = rel_alloc(sizeof(*o));
	struct rel_err ignored;

	*ret = NULL;
	o->fd = -1;
	/* A file that was changed in place must not spread by its link. */
	if (rel_home_tree_open(h, id, &o->fd, &ignored) < 0 ||
		rel_tree_index(h->store, id, &o->index, &ignored) < 0 ||
		rel_tree_check(o->fd, rel_buf_str(&o->index), o->index.len,
			REL_TREE_QUICK, &ignored) < 0 ||
		rel_artifact_load(h, id, &o->artifact, NULL, &ignored) < 0 ||
		join(o, &ignored) < 0)
		return;
	*ret = o;
	o = NULL;
}

int rel_older_fd(const struct rel_older *o)
{
	return o->fd;
}

const struct rel_older_run *rel_older_find(
	struct rel_older *o, const struct rel_chunk_ref *chunks, size_t n)
{
	struct rel_older_run key = { .chunks = chunks }, *found;

	if (o->runs.n == 0)
		return NULL;
	found = bsearch(&key, o->runs.v, o->runs.n, sizeof(key), by_chunk);
	if (!found || found->n != n)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (!rel_id_equal(&found->chunks[i].name, &chunks[i].name))
			return NULL;
	found->taken = true;
	return found;
}

static void list_run(struct rel_older *o, const struct rel_older_run *run)
{
	struct rel_index ix;
	struct rel_entry e;
	struct rel_id digest;
	struct rel_err ignored;
	bool more = true;

	rel_index_part(&ix, run->lines.p, run->lines.n);
	while (rel_index_next(&ix, &e, &digest, &more, &ignored) == 0 && more) {
		if (e.type != REL_FILE)
			continue;
		rel_vec_more(&o->files);
		o->files.v[o->files.n - 1] = (struct shared){
			.path = rel_strndup(e.path, e.path_len),
			.executable = e.executable,
			.digest = digest,
		};
	}
	rel_index_done(&ix);
}

void rel_older_list(struct rel_older *o)
{
	for (size_t i = 0; i < o->runs.n; i++)
		if (!o->runs.v[i].taken)
			list_run(o, &o->runs.v[i]);
	if (o->files.n > 0)
		qsort(o->files.v, o->files.n, sizeof(*o->files.v), by_path);
}

bool rel_older_share(void *arg, const struct rel_entry *e,
	const struct rel_id *digest, int *ret_dirfd, const char **ret_path)
{
	struct rel_older *o = arg;
	struct shared key = { .path = NULL }, *found;
	char path[REL_MAX_PATH + 1];

	if (o->files.n == 0)
		return false;
	memcpy(path, e->path, e->path_len + 1);
	key.path = path;
	found = bsearch(&key, o->files.v, o->files.n, sizeof(key), by_path);
	if (!found || found->executable != e->executable ||
		!rel_id_equal(&found->digest, digest))
		return false;
	*ret_dirfd = o->fd;
	*ret_path = found->path;
	return true;
}
