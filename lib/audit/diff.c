/* SPDX-License-Identifier: Apache-2.0 */
#include "audit/diff.h"

#include "base/vec.h"
#include "crypto/digest.h"
#include "pack/reader.h"

#include <string.h>

/* A chunk with headers and the pieces of the large content at its end: whole
 * members, so it can be read alone and compared alone. */
struct segment {
	size_t first, n; /* chunks */
	struct rel_id key;
	bool common; /* the other artifact has it too */
};

struct file {
	char *path;
	char kind;	      /* 'f', 'x', 'l', 'd' */
	struct rel_id digest; /* of content or target */
};

struct side {
	struct rel_artifact artifact;
	REL_VEC(struct segment) segments;
	REL_VEC(struct file) files;
};

static void side_done(struct side *s)
{
	for (size_t i = 0; i < s->files.n; i++)
		free(s->files.v[i].path);
	rel_vec_free(&s->files);
	rel_vec_free(&s->segments);
	rel_artifact_done(&s->artifact);
}

static int by_key(const void *a, const void *b)
{
	const struct segment *x = a, *y = b;

	return memcmp(x->key.b, y->key.b, sizeof(x->key.b));
}

static void cut(struct side *s)
{
	const struct rel_packed *p = &s->artifact.packed;

	for (size_t i = 0; i < p->n;) {
		REL_AUTO(rel_sha256_freep)
		struct rel_sha256 *sha = rel_sha256_new();
		struct segment seg = { .first = i };

		do {
			rel_sha256_add(sha, p->chunks[i].name.b, 32);
			i++;
		} while (i < p->n && p->chunks[i].data);
		seg.n = i - seg.first;
		seg.key = rel_sha256_final(sha);
		rel_vec_push(&s->segments, seg);
	}
	if (s->segments.n > 0)
		qsort(s->segments.v, s->segments.n, sizeof(*s->segments.v),
			by_key);
}

static void mark_common(struct side *a, struct side *b)
{
	for (size_t i = 0; i < a->segments.n; i++) {
		struct segment *found =
			b->segments.n ? bsearch(&a->segments.v[i],
						b->segments.v, b->segments.n,
						sizeof(*b->segments.v), by_key)
				      : NULL;

		if (found)
			a->segments.v[i].common = found->common = true;
	}
}

/* The segment's chunks. */
struct fragment {
	struct rel_artifact_stream stream;
	size_t left;
};

static int next_bytes(
	void *arg, const void **ret_p, size_t *ret_n, struct rel_err *err)
{
	struct fragment *f = arg;

	*ret_n = 0;
	if (f->left == 0)
		return 0;
	f->left--;
	return rel_artifact_stream_next(&f->stream, ret_p, ret_n, err);
}

static int read_segment(struct rel_home *h, struct side *s,
	const struct segment *seg, struct rel_err *err)
{
	REL_AUTO(rel_reader_closep) struct rel_reader *reader = NULL;
	struct fragment f = { .left = seg->n };
	struct rel_entry e;
	bool more = true;
	int r;

	rel_artifact_stream_open(&f.stream, h, &s->artifact);
	f.stream.next = seg->first;
	r = rel_reader_open(next_bytes, &f, REL_EINTEGRITY, &reader, err);
	if (r == 0)
		rel_reader_fragment(reader);
	while (r == 0) {
		struct file file;

		r = rel_reader_next(reader, &e, NULL, &more, err);
		if (r < 0 || !more)
			break;
		r = rel_reader_digest(reader, &e, &file.digest, err);
		if (r < 0)
			break;
		file.path = rel_strndup(e.path, e.path_len);
		file.kind = e.type == REL_DIR	 ? 'd'
			    : e.type == REL_LINK ? 'l'
			    : e.executable	 ? 'x'
						 : 'f';
		rel_vec_push(&s->files, file);
	}
	rel_artifact_stream_done(&f.stream);
	return r;
}

static int by_path(const void *a, const void *b)
{
	const struct file *x = a, *y = b;

	return strcmp(x->path, y->path);
}

static int read_files(struct rel_home *h, struct side *s, struct rel_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->segments.n; i++) {
		if (!s->segments.v[i].common)
			r = read_segment(h, s, &s->segments.v[i], err);
	}
	if (s->files.n > 0)
		qsort(s->files.v, s->files.n, sizeof(*s->files.v), by_path);
	return r;
}

static int merge(const struct side *a, const struct side *b, rel_diff_fn *fn,
	void *arg, struct rel_err *err)
{
	size_t i = 0, k = 0;
	int r = 0;

	while (r == 0 && (i < a->files.n || k < b->files.n)) {
		const struct file *x = i < a->files.n ? &a->files.v[i] : NULL;
		const struct file *y = k < b->files.n ? &b->files.v[k] : NULL;
		int order = !x ? 1 : !y ? -1 : strcmp(x->path, y->path);

		if (order < 0) {
			r = fn(arg, '-', x->path, err);
			i++;
			continue;
		}
		if (order > 0) {
			r = fn(arg, '+', y->path, err);
			k++;
			continue;
		}
		if (x->kind != y->kind || !rel_id_equal(&x->digest, &y->digest))
			r = fn(arg, '~', y->path, err);
		i++;
		k++;
	}
	return r;
}

int rel_diff_files(struct rel_home *h, const struct rel_id *from,
	const struct rel_id *to, rel_diff_fn *fn, void *arg,
	struct rel_err *err)
{
	REL_AUTO(side_done) struct side a = { 0 }, b = { 0 };
	int r = rel_artifact_load(h, from, &a.artifact, NULL, err);

	if (r == 0)
		r = rel_artifact_load(h, to, &b.artifact, NULL, err);
	if (r < 0)
		return r;
	cut(&a);
	cut(&b);
	mark_common(&a, &b);
	r = read_files(h, &a, err);
	if (r == 0)
		r = read_files(h, &b, err);
	return r < 0 ? r : merge(&a, &b, fn, arg, err);
}
