/* SPDX-License-Identifier: Apache-2.0 */
#include "base/entry.h"
#include "base/mem.h"
#include "source/repo.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct compare {
	struct rel_git *git;
	git_index *index;
	struct stat index_st;
	bool trust_mode; /* core.filemode */
};

static void free_index(git_index **index)
{
	git_index_free(*index);
}

/*
 * The entry's file had the same times, size and inode when git last compared
 * it. Not when it is as young as the index: it may have been written again
 * within the clock's grain.
 */
static bool same_stat(const struct compare *c, const git_index_entry *ie,
	const struct stat *st)
{
	const struct timespec *m = &st->st_mtim, *i = &c->index_st.st_mtim;

	if (m->tv_sec > i->tv_sec ||
		(m->tv_sec == i->tv_sec && m->tv_nsec >= i->tv_nsec))
		return false;
	return ie->mtime.seconds == (int32_t)m->tv_sec &&
	       ie->mtime.nanoseconds == (uint32_t)m->tv_nsec &&
	       ie->ctime.seconds == (int32_t)st->st_ctim.tv_sec &&
	       ie->ctime.nanoseconds == (uint32_t)st->st_ctim.tv_nsec &&
	       ie->file_size == (uint32_t)st->st_size &&
	       ie->ino == (uint32_t)st->st_ino;
}

/* The raw bytes' name as a blob: no filter is asked. */
static bool same_bytes(
	const char *path, const struct stat *st, const git_oid *want)
{
	char target[REL_MAX_TARGET + 1];
	git_oid id;
	ssize_t n;

	if (!S_ISLNK(st->st_mode))
		return git_odb_hashfile(&id, path, GIT_OBJECT_BLOB) == 0 &&
		       git_oid_equal(&id, want);
	n = readlink(path, target, sizeof(target));
	return n >= 0 &&
	       git_odb_hash(&id, target, (size_t)n, GIT_OBJECT_BLOB) == 0 &&
	       git_oid_equal(&id, want);
}

static bool same_mode(
	const struct compare *c, const git_index_entry *ie, mode_t mode)
{
	if (ie->mode == GIT_FILEMODE_LINK || S_ISLNK(mode))
		return ie->mode == GIT_FILEMODE_LINK && S_ISLNK(mode);
	if (!S_ISREG(mode))
		return false;
	return !c->trust_mode || (ie->mode == GIT_FILEMODE_BLOB_EXECUTABLE) ==
					 ((mode & S_IXUSR) != 0);
}

/* Is the file in the work tree what the index says? */
static bool file_is_clean(const struct compare *c, const git_index_entry *ie)
{
	REL_AUTO(rel_freep) char *path = NULL;
	struct stat st;

	/* Left out by a sparse checkout; declared unchanged; a submodule. */
	if ((ie->flags_extended & GIT_INDEX_ENTRY_SKIP_WORKTREE) ||
		(ie->flags & GIT_INDEX_ENTRY_VALID) ||
		ie->mode == GIT_FILEMODE_COMMIT)
		return true;
	path = rel_printf("%s/%s", c->git->top, ie->path);
	if (lstat(path, &st) < 0 || !same_mode(c, ie, st.st_mode))
		return false;
	return same_stat(c, ie, &st) || same_bytes(path, &st, &ie->id);
}

/* 100664, of git's first months, is 100644 in an index. */
static bool same_entry(const git_index_entry *ie, const struct rel_git_entry *e)
{
	uint32_t mode = e->mode == 0100664 ? 0100644 : e->mode;

	return ie->mode == mode &&
	       memcmp(ie->id.id, e->oid, sizeof(e->oid)) == 0;
}

static size_t count_tracked(git_index *index)
{
	size_t n = 0;

	for (size_t i = 0; i < git_index_entrycount(index); i++)
		n += git_index_entry_stage(git_index_get_byindex(index, i)) ==
		     0;
	return n;
}

static int count(const struct compare *c, const char *tree, size_t *ret,
	struct rel_err *err)
{
	REL_AUTO(rel_git_walk_endp) struct rel_git_walk *w = NULL;
	size_t differ = 0, common = 0;
	struct rel_git_entry e;
	bool more = true;
	int r = rel_git_walk_begin(c->git, tree, &w, err);

	while (r == 0) {
		const git_index_entry *ie;

		r = rel_git_walk_next(w, &e, &more, err);
		if (r < 0 || !more)
			break;
		if (e.mode == 040000)
			continue;
		ie = git_index_get_bypath(c->index, e.path, 0);
		common += ie != NULL;
		if (!ie || !same_entry(ie, &e) || !file_is_clean(c, ie))
			differ++;
	}
	if (r < 0)
		return r;
	/* What is left in the index was added since. */
	*ret = differ + count_tracked(c->index) - common;
	return 0;
}

int rel_git_dirty(
	struct rel_git *g, const char *commit, size_t *ret, struct rel_err *err)
{
	REL_AUTO(rel_freep)
	char *path = rel_printf("%s/index", git_repository_path(g->repo));
	REL_AUTO(free_index) git_index *index = NULL;
	struct compare c = { .git = g, .trust_mode = true };
	struct rel_git_commit what;
	int value, r = rel_git_commit(g, commit, &what, err);

	if (r < 0)
		return r;
	*ret = 0;
	/* No index yet: a clone without a checkout has no work to lose. */
	if (git_repository_is_bare(g->repo) || stat(path, &c.index_st) < 0)
		return 0;
	/* Not the repository's own index: that one reads its configuration. */
	r = git_index_open(&index, path);
	if (r < 0) {
		rel_git_fail(err, r, "the index of '%s'", g->top);
		err->code = REL_EIO;
		return -REL_EIO;
	}
	if (git_config_get_bool(&value, g->config, "core.filemode") == 0)
		c.trust_mode = value;
	c.index = index;
	return count(&c, what.tree, ret, err);
}
