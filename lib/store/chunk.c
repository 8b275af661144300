/* SPDX-License-Identifier: Apache-2.0 */
/* lib/store/chunk.c - chunks, many at once, all or nothing. Mechanism. */
#include "store/chunk.h"
#include "base/file.h"
#include "crypto/digest.h"
#include "store/layout.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A chunk is half a MiB of tar and a little, before it is packed. */
#define MAX_CHUNK (4u << 20)

struct rel_chunks {
	struct rel_store *s;
	char name[17];	      /* of the private directory in tmp/ */
	int fd;		      /* of it */
	pthread_mutex_t lock; /* for what follows */
	void *seen;	      /* the IDs that were added, for tsearch */
	rel_id_vec fresh;
	uint64_t new_bytes;
};

/* "ab/abcd….zst", by value. */
struct place {
	char s[80];
};

static struct place place(const struct rel_id *id)
{
	struct rel_hex hex = rel_id_hex(id);
	struct place at;

	snprintf(at.s, sizeof(at.s), "%.2s/%s.zst", hex.s, hex.s);
	return at;
}

static int compare_ids(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct rel_id));
}

int rel_chunks_begin(
	struct rel_store *s, struct rel_chunks **ret, struct rel_err *err)
{
	REL_AUTO(rel_chunks_abortp)
	struct rel_chunks *w = rel_alloc(sizeof(*w));
	int r;

	w->s = s;
	w->fd = -1;
	pthread_mutex_init(&w->lock, NULL);
	rel_random_name(w->name);
	/* Opened before the first write, so that syncfs on it tells of every
	 * write that fails from here on. */
	r = rel_open_dir(s->dirs[REL_DIR_TMP], w->name, 0700, &w->fd, err);
	if (r < 0)
		return r;
	*ret = w;
	w = NULL;
	return 0;
}

static int write_chunk(struct rel_chunks *w, const struct rel_id *id,
	const void *p, size_t n, struct rel_err *err)
{
	REL_AUTO(rel_closep) int fd = -1;
	struct rel_hex name = rel_id_hex(id);
	int r;

	fd = openat(w->fd, name.s,
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return rel_fail_os(err, "create chunk '%s'", name.s);
	r = rel_write_fd(fd, p, n, err);
	if (r < 0)
		return rel_wrap(err, "chunk '%s'", name.s);
	if (fchmod(fd, 0444) < 0)
		return rel_fail_os(err, "set the mode of chunk '%s'", name.s);
	return 0;
}

/* Does the store have it, undamaged? Otherwise it is to be written again. */
static bool has_good(struct rel_store *s, const struct rel_id *id)
{
	REL_AUTO(rel_buf_free) struct rel_buf b = REL_BUF_INIT;
	struct rel_err ignored = REL_ERR_INIT;

	return rel_chunk_get(s, id, &b, &ignored) == 0;
}

/* False when it was in the set before. */
static bool remember(struct rel_chunks *w, const struct rel_id *id)
{
	struct rel_id *mine;
	bool fresh;

	pthread_mutex_lock(&w->lock);
	fresh = !tfind(id, &w->seen, compare_ids);
	if (fresh) {
		mine = rel_alloc(sizeof(*mine));
		*mine = *id;
		if (!tsearch(mine, &w->seen, compare_ids))
			abort(); /* no memory */
	}
	pthread_mutex_unlock(&w->lock);
	return fresh;
}

int rel_chunks_add(struct rel_chunks *w, const struct rel_id *id, const void *p,
	size_t n, struct rel_err *err)
{
	int r;

	if (!remember(w, id) || has_good(w->s, id))
		return 0;
	r = write_chunk(w, id, p, n, err);
	if (r < 0)
		return r;
	pthread_mutex_lock(&w->lock);
	rel_vec_push(&w->fresh, *id);
	w->new_bytes += n;
	pthread_mutex_unlock(&w->lock);
	return 0;
}

uint64_t rel_chunks_new_bytes(const struct rel_chunks *w)
{
	return w->new_bytes;
}

/* Give one its name. What has the name already is checked, not trusted. */
static int name_chunk(
	struct rel_chunks *w, const struct rel_id *id, struct rel_err *err)
{
	int to = w->s->dirs[REL_DIR_CHUNKS];
	struct rel_hex from = rel_id_hex(id);
	struct place at = place(id);
	char prefix[3] = { from.s[0], from.s[1], '\0' };
	int r = renameat2(w->fd, from.s, to, at.s, RENAME_NOREPLACE);

	if (r < 0 && errno == ENOENT) {
		if (mkdirat(to, prefix, 0700) < 0 && errno != EEXIST)
			return rel_fail_os(err, "create 'chunks/%s'", prefix);
		r = renameat2(w->fd, from.s, to, at.s, RENAME_NOREPLACE);
	}
	if (r < 0 && errno == EEXIST)
		r = has_good(w->s, id) ? 0 : renameat(w->fd, from.s, to, at.s);
	return r < 0 ? rel_fail_os(err, "name 'chunks/%s'", at.s) : 0;
}

int rel_chunks_commit(struct rel_chunks **wp, struct rel_err *err)
{
	REL_AUTO(rel_chunks_abortp) struct rel_chunks *w = *wp;

	*wp = NULL;
	if (w->fresh.n > 0) {
		/* The bytes reach the disk before any name does. */
		if (syncfs(w->fd) < 0)
			return rel_fail_os(err, "sync the chunks");
		qsort(w->fresh.v, w->fresh.n, sizeof(*w->fresh.v), compare_ids);
		for (size_t i = 0; i < w->fresh.n; i++) {
			int r = name_chunk(w, &w->fresh.v[i], err);

			if (r < 0)
				return r;
		}
	}
	/* Also when all were there: whoever named them may not have come this
	 * far, and what names them now is about to be recorded. */
	if (w->seen && syncfs(w->fd) < 0)
		return rel_fail_os(err, "sync the names of the chunks");
	return 0;
}

void rel_chunks_abortp(struct rel_chunks **wp)
{
	struct rel_chunks *w = *wp;
	struct rel_err ignored = REL_ERR_INIT;

	if (!w)
		return;
	/* What can't be removed now is swept away later. */
	if (w->fd >= 0 &&
		rel_remove_tree(w->s->dirs[REL_DIR_TMP], w->name, &ignored) < 0)
		ignored.code = REL_OK;
	rel_closep(&w->fd);
	pthread_mutex_destroy(&w->lock);
	tdestroy(w->seen, free);
	rel_vec_free(&w->fresh);
	free(w);
	*wp = NULL;
}

/* For rel_chunk_is_as_of. Where it can't be done, the disk is read-only, and
 * nothing would be mended anyway. */
static void mark_damaged(struct rel_store *s, const struct place *at)
{
	(void)utimensat(s->dirs[REL_DIR_CHUNKS], at->s,
		(struct timespec[2]){ 0 }, AT_SYMLINK_NOFOLLOW);
}

int rel_chunk_get(struct rel_store *s, const struct rel_id *id,
	struct rel_buf *out, struct rel_err *err)
{
	struct place at = place(id);
	struct rel_id found;
	int r;

	rel_buf_reset(out);
	r = rel_read_file(s->dirs[REL_DIR_CHUNKS], at.s, MAX_CHUNK, out, err);
	if (r == -REL_ENOTFOUND)
		return rel_fail(err, REL_ENOTFOUND,
			"no chunk '%s' in the store", rel_id_hex(id).s);
	if (r == -REL_EIO)
		mark_damaged(s, &at);
	if (r < 0 && r != -REL_EINVALID)
		return r;
	found = rel_sha256(out->p, out->len);
	if (r == 0 && rel_id_equal(&found, id))
		return 0;
	rel_buf_reset(out);
	mark_damaged(s, &at);
	return rel_fail(err, REL_EINTEGRITY,
		"'chunks/%s' is damaged: its bytes do not match its name",
		at.s);
}

int64_t rel_chunk_size(struct rel_store *s, const struct rel_id *id)
{
	struct stat st;

	if (fstatat(s->dirs[REL_DIR_CHUNKS], place(id).s, &st,
		    AT_SYMLINK_NOFOLLOW) < 0)
		return -1;
	return st.st_size;
}

bool rel_chunk_is_as_of(struct rel_store *s, const struct rel_id *id,
	int64_t size, const struct timespec *when)
{
	struct stat st;

	if (fstatat(s->dirs[REL_DIR_CHUNKS], place(id).s, &st,
		    AT_SYMLINK_NOFOLLOW) < 0 ||
		!S_ISREG(st.st_mode) || st.st_size != size ||
		st.st_mtim.tv_sec == 0)
		return false;
	return st.st_mtim.tv_sec < when->tv_sec ||
	       (st.st_mtim.tv_sec == when->tv_sec &&
		       st.st_mtim.tv_nsec <= when->tv_nsec);
}

/* The directories that are there, by their first byte. */
static int list_prefixes(
	struct rel_store *s, bool found[256], struct rel_err *err)
{
	int fd = openat(s->dirs[REL_DIR_CHUNKS], ".",
		O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;
	uint8_t byte;
	int r = 0;

	if (!dir)
		return rel_fail_os(err, "list 'chunks'");
	while (r == 0 && (de = readdir(dir)) != NULL) {
		const char *name = de->d_name;

		if (!strcmp(name, ".") || !strcmp(name, ".."))
			continue;
		if (rel_hex_parse(name, 1, &byte))
			found[byte] = true;
		else
			r = rel_fail(err, REL_EINTEGRITY,
				"'chunks/%s' does not belong there", name);
	}
	closedir(dir);
	return r;
}

static int list_prefix(struct rel_store *s, unsigned byte, rel_id_vec *ids,
	struct rel_err *err)
{
	REL_AUTO(rel_closep) int fd = -1;
	char prefix[3], label[16];
	int r;

	snprintf(prefix, sizeof(prefix), "%02x", byte);
	snprintf(label, sizeof(label), "chunks/%s", prefix);
	r = rel_open_dir(s->dirs[REL_DIR_CHUNKS], prefix, 0, &fd, err);
	if (r == 0)
		r = rel_object_list(fd, label, ".zst", NULL, ids, err);
	for (size_t i = 0; r == 0 && i < ids->n; i++)
		if (ids->v[i].b[0] != byte)
			r = rel_fail(err, REL_EINTEGRITY,
				"'%s/%s' does not belong there", label,
				rel_object_name(&ids->v[i], ".zst").s);
	return r;
}

int rel_chunk_each(struct rel_store *s,
	int (*fn)(void *arg, const struct rel_id *id, struct rel_err *err),
	void *arg, struct rel_err *err)
{
	bool found[256] = { false };
	int r = list_prefixes(s, found, err);

	for (unsigned i = 0; r == 0 && i < 256; i++) {
		rel_id_vec ids = { 0 };

		if (!found[i])
			continue;
		r = list_prefix(s, i, &ids, err);
		for (size_t j = 0; r == 0 && j < ids.n; j++)
			r = fn(arg, &ids.v[j], err);
		rel_vec_free(&ids);
	}
	return r;
}

int rel_chunk_drop(
	struct rel_store *s, const struct rel_id *id, struct rel_err *err)
{
	struct place at = place(id);

	if (unlinkat(s->dirs[REL_DIR_CHUNKS], at.s, 0) < 0 && errno != ENOENT)
		return rel_fail_os(err, "remove 'chunks/%s'", at.s);
	return 0;
}
