/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/store/glance.c - is a tree right, as nearly all are? Mechanism.
 *
 * The index is cut into parts, and each is compared by itself, in threads, in
 * any order. Entries are looked up by their whole path: that each directory in
 * it is one and no link is compared too, with the directory's own line, so that
 * all of it is right only if nothing was reached through a link.
 *
 * When a tree is made all its directories get one time, and an entry that is
 * added or removed changes the time of its directory. So what has that time is
 * not listed.
 */
#include "base/file.h"
#include "base/pool.h"
#include "crypto/digest.h"
#include "store/index.h"
#include "store/layout.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PART (32u << 10) /* bytes of the index */

struct glance {
	int top;
	enum rel_tree_depth depth;
	struct timespec stamp;
	atomic_bool differs; /* then nobody needs to go on */
};

struct part {
	struct rel_job job;
	struct glance *g;
	const char *p;
	size_t n;
	uint64_t count; /* of entries */
	bool untouched; /* each of its directories */
};

static bool has_stamp(const struct glance *g, const struct stat *st)
{
	return st->st_mtim.tv_sec == g->stamp.tv_sec &&
	       st->st_mtim.tv_nsec == g->stamp.tv_nsec;
}

static int open_file(int top, const char *path)
{
	struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
			   RESOLVE_NO_MAGICLINKS,
	};

	return (int)syscall(SYS_openat2, top, path, &how, sizeof(how));
}

static bool same_content(const struct glance *g, const struct rel_entry *e,
	const struct rel_id *digest, struct rel_sha256 *hash,
	struct rel_buf *room)
{
	struct rel_err ignored;
	REL_AUTO(rel_closep) int fd = -1;

	if (e->type == REL_LINK)
		return rel_entry_target(g->top, e->path, e, room, &ignored) ==
		       0;
	if (e->type == REL_DIR)
		return true;
	fd = open_file(g->top, e->path);
	return fd >= 0 &&
	       rel_entry_content(fd, e, digest, hash, room, &ignored) == 0;
}

static bool compare_part(
	struct part *p, struct rel_sha256 *hash, struct rel_buf *room)
{
	struct glance *g = p->g;
	struct rel_err ignored;
	struct rel_index ix;
	struct rel_entry e;
	struct rel_id digest;
	struct stat st;
	bool more = true, right = true;

	rel_index_part(&ix, p->p, p->n);
	while (right &&
		!atomic_load_explicit(&g->differs, memory_order_relaxed)) {
		right = rel_index_next(&ix, &e, hash ? &digest : NULL, &more,
				&ignored) == 0;
		if (!right || !more)
			break;
		right = fstatat(g->top, e.path, &st, AT_SYMLINK_NOFOLLOW) ==
				0 &&
			rel_entry_stat(&e, &st, &ignored) == 0 &&
			(!hash || same_content(g, &e, &digest, hash, room));
		if (e.type == REL_DIR && !has_stamp(g, &st))
			p->untouched = false;
	}
	p->count = ix.count;
	rel_index_done(&ix);
	return right;
}

static void run(struct rel_job *j, unsigned worker)
{
	struct part *p = (struct part *)j;
	REL_AUTO(rel_sha256_freep) struct rel_sha256 *hash = NULL;
	REL_AUTO(rel_buf_free) struct rel_buf room = REL_BUF_INIT;

	(void)worker;
	if (p->g->depth == REL_TREE_FULL)
		hash = rel_sha256_new();
	p->untouched = true;
	if (!compare_part(p, hash, &room))
		atomic_store(&p->g->differs, true);
}

/* The next lines of the index, about ${PART} bytes. */
static bool next_part(const char **at, const char *end, struct part *ret)
{
	const char *nl = *at;

	if (*at == end)
		return false;
	if ((size_t)(end - *at) > PART)
		nl = memchr(*at + PART, '\n', (size_t)(end - *at) - PART);
	else
		nl = end - 1;
	nl = nl ? nl + 1 : end;
	ret->p = *at;
	ret->n = (size_t)(nl - *at);
	*at = nl;
	return true;
}

static bool compare_all(struct glance *g, const char *p, const char *end,
	uint64_t *ret_count, bool *ret_untouched)
{
	size_t most = (size_t)(end - p) / PART + 1, n = 0;
	struct part *parts = rel_grow(NULL, most, sizeof(*parts));
	struct rel_pool *pool;

	rel_pool_begin(most < 3 ? 1 : 0, &pool);
	memset(parts, 0, most * sizeof(*parts));
	while (n < most && next_part(&p, end, &parts[n])) {
		parts[n].g = g;
		parts[n].job.run = run;
		rel_pool_add(pool, &parts[n++].job);
	}
	rel_pool_endp(&pool);
	for (size_t i = 0; i < n; i++) {
		*ret_count += parts[i].count;
		*ret_untouched = *ret_untouched && parts[i].untouched;
	}
	free(parts);
	return p == end && !atomic_load(&g->differs);
}

/* The last line, "end COUNT"; the end of the text if there is none. */
static const char *last_line(const char *p, const char *end)
{
	const char *nl;

	if (p == end || end[-1] != '\n')
		return end;
	nl = memrchr(p, '\n', (size_t)(end - 1 - p));
	return nl ? nl + 1 : p;
}

bool rel_tree_glance(int tree_fd, const char *index, size_t n,
	enum rel_tree_depth depth, bool *ret_untouched)
{
	struct glance g = { .top = tree_fd, .depth = depth };
	struct rel_err ignored;
	struct rel_entry e;
	struct rel_id digest;
	struct rel_index ix;
	const char *last;
	struct stat st;
	uint64_t count = 0;
	bool more = true, right;

	*ret_untouched = true;
	if (rel_index_open(&ix, index, n, &ignored) < 0 ||
		fstat(tree_fd, &st) < 0)
		return false;
	g.stamp = st.st_mtim;
	/* A stamp is of whole seconds; this is no stamp but a change. */
	if (g.stamp.tv_nsec != 0)
		*ret_untouched = false;
	last = last_line(ix.p, index + n);
	right = compare_all(&g, ix.p, last, &count, ret_untouched);
	ix.p = last;
	ix.count = count;
	right = right &&
		rel_index_next(&ix, &e, &digest, &more, &ignored) == 0 && !more;
	rel_index_done(&ix);
	return right;
}
