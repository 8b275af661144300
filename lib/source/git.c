/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "crypto/digest.h"
#include "source/repo.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

/*
 * What libgit2 keeps for the whole process; set by the first to open one.
 * Nothing outside the repository is read as configuration. The windows on
 * packs are small, or a large pack would be mapped as a whole.
 */
static int start_library(struct rel_err *err)
{
	static const int levels[] = { GIT_CONFIG_LEVEL_SYSTEM,
		GIT_CONFIG_LEVEL_GLOBAL, GIT_CONFIG_LEVEL_XDG,
		GIT_CONFIG_LEVEL_PROGRAMDATA };
	/* Those that change nothing for a reader of objects; of the formats,
	 * check_format looks at the value. */
	const char *extensions[] = { "partialclone", "preciousobjects",
		"worktreeconfig", "relativeworktrees", "objectformat",
		"refstorage" };
	int r = git_libgit2_init();

	if (r != 1)
		return r < 0 ? rel_git_fail(err, r, "start libgit2") : 0;
	r = 0;
	for (size_t i = 0; i < sizeof(levels) / sizeof(*levels); i++)
		r |= git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, levels[i], "");
	r |= git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
	/* rel_git_read does it, at a third of the cost. */
	r |= git_libgit2_opts(GIT_OPT_ENABLE_STRICT_HASH_VERIFICATION, 0);
	r |= git_libgit2_opts(GIT_OPT_ENABLE_CACHING, 0);
	/* Larger than nearly all contents, so that these are read at once; and
	 * few, as what is mapped counts as memory. */
	r |= git_libgit2_opts(GIT_OPT_SET_MWINDOW_SIZE, (size_t)4 << 20);
	r |= git_libgit2_opts(
		GIT_OPT_SET_MWINDOW_MAPPED_LIMIT, (size_t)48 << 20);
	r |= git_libgit2_opts(GIT_OPT_SET_EXTENSIONS, extensions,
		sizeof(extensions) / sizeof(*extensions));
	if (r == 0)
		return 0;
	rel_git_fail(err, r, "set up libgit2");
	git_libgit2_shutdown();
	return -(int)err->code;
}

char *rel_git_path_trim(const char *path)
{
	size_t n = strlen(path);

	while (n > 1 && path[n - 1] == '/')
		n--;
	return rel_strndup(path, n);
}

static int no_repository(
	const char *path, enum rel_git_how how, struct rel_err *err)
{
	if (how == REL_GIT_NAMED)
		return rel_fail(
			err, REL_ENOTFOUND, "no git repository at '%s'", path);
	rel_fail(err, REL_ENOTFOUND, "no git repository around '%s'", path);
	return rel_hint(err, "name one with -C DIR");
}

struct owners {
	uid_t euid, sudo_uid;
};

static bool is_known(const struct owners *o, uid_t uid)
{
	return uid == 0 || uid == o->euid ||
	       (o->sudo_uid != (uid_t)-1 && uid == o->sudo_uid);
}

/*
 * A repository that was not named could be a trap in a directory that others
 * may write. A symlink's owner counts as well as that of what it leads to.
 */
static int check_owner(const struct owners *o, const char *path,
	const char *named, struct rel_err *err)
{
	REL_AUTO(rel_freep) char *plain = rel_git_path_trim(path);
	struct stat link, st;

	if (lstat(plain, &link) < 0 || stat(plain, &st) < 0)
		return rel_fail_os(err, "look at '%s'", plain);
	if (is_known(o, link.st_uid) && is_known(o, st.st_uid))
		return 0;
	rel_fail(err, REL_EDENIED, "'%s' belongs to another user (%u)", plain,
		is_known(o, link.st_uid) ? st.st_uid : link.st_uid);
	return rel_hint(
		err, "if you trust it, name it: relctl -C '%s' …", named);
}

/* The directory that libgit2 would open, judged before a byte of it is. */
static int check_found(const struct owners *o, const char *path, char **ret_dir,
	struct rel_err *err)
{
	REL_AUTO(rel_freep) char *named = NULL;
	git_buf dir = { 0 };
	size_t n;
	int r = git_repository_discover(&dir, path, 0, NULL);

	if (r == GIT_ENOTFOUND)
		return no_repository(path, REL_GIT_AROUND, err);
	if (r < 0)
		return rel_git_fail(err, r, "'%s'", path);
	*ret_dir = rel_git_path_trim(dir.ptr);
	git_buf_dispose(&dir);
	/* As people call it, without the .git of a work tree. */
	named = rel_strdup(*ret_dir);
	n = strlen(named);
	if (n > 5 && strcmp(named + n - 5, "/.git") == 0)
		named[n - 5] = '\0';
	return check_owner(o, *ret_dir, named, err);
}

static int check_open(
	const struct owners *o, const struct rel_git *g, struct rel_err *err)
{
	REL_AUTO(rel_freep) char *link = rel_printf("%s/.git", g->top);
	struct stat st;
	int r = check_owner(o, g->top, g->top, err);

	if (r == 0)
		r = check_owner(
			o, git_repository_commondir(g->repo), g->top, err);
	if (r == 0 && !git_repository_is_bare(g->repo) && lstat(link, &st) == 0)
		r = check_owner(o, link, g->top, err);
	return r;
}

/* Formats that libgit2 opens without a word, and then can't read. */
static int check_format(const struct rel_git *g, struct rel_err *err)
{
	const char *value;

	if (git_config_get_string(
		    &value, g->config, "extensions.objectformat") == 0 &&
		strcasecmp(value, "sha1") != 0)
		return rel_fail(err, REL_EINVALID,
			"the repository '%s' names its objects by SHA-256, "
			"relctl reads SHA-1 repositories only",
			g->top);
	if (git_config_get_string(&value, g->config, "extensions.refstorage") ==
			0 &&
		strcasecmp(value, "files") != 0)
		return rel_fail(err, REL_EINVALID,
			"the repository '%s' keeps its refs in another form "
			"than files, relctl can't read them",
			g->top);
	return 0;
}

static int open_repository(struct rel_git *g, const char *path, unsigned flags,
	struct rel_err *err)
{
	int r = git_repository_open_ext(&g->repo, path, flags, NULL);

	if (r == GIT_ENOTFOUND)
		return no_repository(path,
			flags & GIT_REPOSITORY_OPEN_NO_SEARCH ? REL_GIT_NAMED
							      : REL_GIT_AROUND,
			err);
	if (r == 0)
		r = git_repository_config_snapshot(&g->config, g->repo);
	if (r == 0)
		r = git_repository_odb(&g->odb, g->repo);
	if (r < 0)
		return rel_git_fail(err, r, "the repository at '%s'", path);
	g->sha1 = rel_sha1_new();
	return 0;
}

int rel_git_again(struct rel_git *g, struct rel_git **ret, struct rel_err *err)
{
	REL_AUTO(rel_git_closep) struct rel_git *again = NULL;
	int r = start_library(err);

	if (r < 0)
		return r;
	again = rel_alloc(sizeof(*again));
	again->top = rel_strdup(g->top);
	r = open_repository(again, git_repository_path(g->repo),
		GIT_REPOSITORY_OPEN_NO_SEARCH | GIT_REPOSITORY_OPEN_NO_DOTGIT,
		err);
	if (r < 0)
		return r;
	*ret = again;
	again = NULL;
	return 0;
}

int rel_git_open(const char *path, enum rel_git_how how, uid_t euid,
	uid_t sudo_uid, struct rel_git **ret, struct rel_err *err)
{
	REL_AUTO(rel_git_closep) struct rel_git *g = NULL;
	REL_AUTO(rel_freep) char *dir = NULL;
	struct owners owners = { euid, sudo_uid };
	const char *top;
	int r = start_library(err);

	if (r < 0)
		return r;
	g = rel_alloc(sizeof(*g));
	if (how == REL_GIT_AROUND)
		r = check_found(&owners, path, &dir, err);
	if (r == 0)
		r = open_repository(g, path,
			how == REL_GIT_NAMED ? GIT_REPOSITORY_OPEN_NO_SEARCH
					     : 0,
			err);
	if (r < 0)
		return r;
	top = git_repository_workdir(g->repo);
	g->top = rel_git_path_trim(top ? top : git_repository_path(g->repo));
	r = check_format(g, err);
	if (r == 0 && how == REL_GIT_AROUND)
		r = check_open(&owners, g, err);
	if (r < 0)
		return r;
	*ret = g;
	g = NULL;
	return 0;
}

void rel_git_closep(struct rel_git **gp)
{
	struct rel_git *g = *gp;

	if (!g)
		return;
	git_odb_free(g->odb);
	git_config_free(g->config);
	git_repository_free(g->repo);
	rel_sha1_freep(&g->sha1);
	free(g->top);
	free(g);
	git_libgit2_shutdown();
	*gp = NULL;
}

const char *rel_git_top(struct rel_git *g)
{
	return g->top;
}
