/* SPDX-License-Identifier: Apache-2.0 */
#include "base/entry.h"
#include "source/repo.h"

#include <string.h>

static void free_object(git_object **o)
{
	git_object_free(*o);
}

/* The first line, without half a character at its end. */
static void copy_subject(const char *message, char *to, size_t size)
{
	size_t n = strcspn(message, "\n");

	if (n >= size) {
		n = size - 1;
		while (n > 0 && ((uint8_t)message[n] & 0xc0) == 0x80)
			n--;
	}
	while (n > 0 && (message[n - 1] == '\r' || message[n - 1] == ' '))
		n--;
	memcpy(to, message, n);
	to[n] = '\0';
}

void rel_git_commit_read(const git_commit *c, struct rel_git_commit *ret)
{
	const char *message = git_commit_message(c);

	git_oid_tostr(ret->id, sizeof(ret->id), git_commit_id(c));
	git_oid_tostr(ret->tree, sizeof(ret->tree), git_commit_tree_id(c));
	ret->time_s = git_commit_time(c);
	copy_subject(
		message ? message : "", ret->subject, sizeof(ret->subject));
}

static int no_commit(
	const struct rel_git *g, const char *rev, struct rel_err *err)
{
	git_reference *ref;
	int r;

	if (git_repository_head_unborn(g->repo) == 1 &&
		strncmp(rev, "HEAD", 4) == 0) {
		rel_fail(err, REL_ENOTFOUND,
			"the repository '%s' has no commit yet", g->top);
		return rel_hint(err, "make one with git commit");
	}
	/* A name without its object is damage, or a clone that left it out. */
	if (git_reference_dwim(&ref, g->repo, rev) == 0) {
		r = rel_git_fail_object(
			g, GIT_ENOTFOUND, git_reference_target(ref), rev, err);
		git_reference_free(ref);
		return r;
	}
	rel_fail(err, REL_ENOTFOUND, "no commit '%s' in '%s'", rev, g->top);
	return rel_git_hint_absent(g, err);
}

/* ${obj} is what ${rev} stands for, NULL when not even that was found. */
static int fail_commit(const struct rel_git *g, int code, const char *rev,
	const git_object *obj, struct rel_err *err)
{
	switch (code) {
	case GIT_ENOTFOUND:
	case GIT_EUNBORNBRANCH:
		return no_commit(g, rev, err);
	case GIT_EAMBIGUOUS:
		rel_fail(err, REL_EINVALID,
			"'%s' is the beginning of more than one object's name",
			rev);
		return rel_hint(err, "write more of its digits");
	case GIT_EINVALIDSPEC:
	case GIT_EPEEL:
		if (obj)
			return rel_fail(err, REL_EINVALID,
				"'%s' is a %s, not a commit", rev,
				git_object_type2string(git_object_type(obj)));
		return rel_fail(err, REL_EINVALID,
			"'%s' is not the name of a commit", rev);
	default:
		return rel_git_fail(err, code, "commit '%s'", rev);
	}
}

static int find_commit(const struct rel_git *g, const char *rev,
	git_object **ret, struct rel_err *err)
{
	REL_AUTO(free_object) git_object *obj = NULL;
	int r = git_revparse_single(&obj, g->repo, rev);

	if (r == 0)
		r = git_object_peel(ret, obj, GIT_OBJECT_COMMIT);
	return r < 0 ? fail_commit(g, r, rev, obj, err) : 0;
}

/* Commits and tags are read by libgit2 itself, so it has to check them. */
static void check_hashes(bool on)
{
	git_libgit2_opts(GIT_OPT_ENABLE_STRICT_HASH_VERIFICATION, (int)on);
}

int rel_git_commit(struct rel_git *g, const char *rev,
	struct rel_git_commit *ret, struct rel_err *err)
{
	REL_AUTO(free_object) git_object *commit = NULL;
	int r;

	check_hashes(true);
	r = find_commit(g, rev, &commit, err);
	check_hashes(false);
	if (r < 0)
		return r;
	rel_git_commit_read((const git_commit *)commit, ret);
	return 0;
}

static void free_revwalk(git_revwalk **w)
{
	git_revwalk_free(*w);
}

static int begin_log(struct rel_git *g, const char *from, const char *to,
	git_revwalk **ret, struct rel_err *err)
{
	REL_AUTO(free_object) git_object *old = NULL;
	REL_AUTO(free_object) git_object *new = NULL;
	int r = find_commit(g, from, &old, err);

	if (r == 0)
		r = find_commit(g, to, &new, err);
	if (r < 0)
		return r;
	r = git_revwalk_new(ret, g->repo);
	if (r == 0)
		r = git_revwalk_sorting(
			*ret, GIT_SORT_TOPOLOGICAL | GIT_SORT_TIME);
	if (r == 0)
		r = git_revwalk_push(*ret, git_object_id(new));
	if (r == 0)
		r = git_revwalk_hide(*ret, git_object_id(old));
	return r < 0 ? rel_git_fail(err, r, "history of '%s'", to) : 0;
}

static int tell_log(struct rel_git *g, const char *from, const char *to,
	size_t limit, rel_git_log_fn *fn, void *arg, struct rel_err *err)
{
	REL_AUTO(free_revwalk) git_revwalk *walk = NULL;
	int r = begin_log(g, from, to, &walk, err);
	git_oid id;

	for (size_t n = 0; r == 0 && n < limit; n++) {
		git_commit *commit = NULL;
		struct rel_git_commit c;

		r = git_revwalk_next(&id, walk);
		if (r == GIT_ITEROVER)
			return 0;
		if (r == 0)
			r = git_commit_lookup(&commit, g->repo, &id);
		if (r == GIT_ENOTFOUND) {
			rel_fail(err, REL_ENOTFOUND,
				"the history of '%s' is not all in this "
				"repository",
				to);
			return rel_git_hint_absent(g, err);
		}
		if (r < 0)
			return rel_git_fail(err, r, "history of '%s'", to);
		rel_git_commit_read(commit, &c);
		git_commit_free(commit);
		r = fn(arg, &c, err);
	}
	return r;
}

int rel_git_log(struct rel_git *g, const char *from, const char *to,
	size_t limit, rel_git_log_fn *fn, void *arg, struct rel_err *err)
{
	int r;

	check_hashes(true);
	r = tell_log(g, from, to, limit, fn, arg, err);
	check_hashes(false);
	return r;
}
