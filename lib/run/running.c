/* SPDX-License-Identifier: Apache-2.0 */
#include "run/running.h"

#include "base/file.h"
#include "base/vec.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define ENVIRON_LIMIT (4u << 20)

/* The value of ${name} in a block of NUL-terminated strings, or NULL. */
static const char *value_of(const struct rel_buf *env, const char *name)
{
	size_t n = strlen(name);

	for (size_t at = 0; at < env->len; at += strlen(env->p + at) + 1) {
		const char *s = env->p + at;

		if (strncmp(s, name, n) == 0 && s[n] == '=')
			return s + n + 1;
	}
	return NULL;
}

/* Numbers of the directories in ${trees}. */
struct inodes {
	ino_t *v;
	size_t n, cap;
};

static void list_trees(const char *trees, struct inodes *ret)
{
	DIR *d = opendir(trees);
	struct dirent *de;

	while (d && (de = readdir(d)) != NULL)
		if (de->d_name[0] != '.')
			rel_vec_push(ret, de->d_ino);
	if (d)
		closedir(d);
}

/* What it sees at /app, in a root of its own, is one of the trees. */
static bool is_inside(const char *pid, const struct inodes *trees)
{
	char path[300];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%s/root/app", pid);
	if (stat(path, &st) < 0)
		return false;
	for (size_t i = 0; i < trees->n; i++)
		if (trees->v[i] == st.st_ino)
			return true;
	return false;
}

static bool belongs(const struct rel_buf *env, const char *app,
	const char *trees, struct rel_running *ret, bool *ret_inside)
{
	const char *a = value_of(env, "RELCTL_APP");
	const char *release = value_of(env, "RELCTL_RELEASE");
	const char *path = value_of(env, "PATH");

	if (!a || strcmp(a, app) != 0 || !release || release[0] != 'v' || !path)
		return false;
	*ret_inside = strncmp(path, "/app/", 5) == 0;
	if (!*ret_inside && strncmp(path, trees, strlen(trees)) != 0)
		return false;
	ret->release = strtoll(release + 1, NULL, 10);
	ret->ps = value_of(env, "PS");
	if (!ret->ps)
		ret->ps = "";
	return true;
}

int rel_running_each(const char *app, const char *trees,
	int (*fn)(void *arg, const struct rel_running *p, struct rel_err *err),
	void *arg, struct rel_err *err)
{
	REL_AUTO(rel_buf_wipe) struct rel_buf env = REL_BUF_INIT;
	DIR *proc = opendir("/proc");
	struct inodes inodes = { 0 };
	struct dirent *de;
	int r = 0;

	if (!proc)
		return rel_fail_os(err, "list '/proc'");
	list_trees(trees, &inodes);
	while (r == 0 && (de = readdir(proc)) != NULL) {
		struct rel_running p = { .pid = (pid_t)atoi(de->d_name) };
		struct rel_err ignored;
		char name[300];
		bool inside;

		if (p.pid <= 0)
			continue;
		snprintf(name, sizeof(name), "%s/environ", de->d_name);
		rel_buf_reset(&env);
		/* Another user's process, or one that ended: not ours to see.
		 */
		if (rel_read_file(dirfd(proc), name, ENVIRON_LIMIT, &env,
			    &ignored) < 0)
			continue;
		if (belongs(&env, app, trees, &p, &inside) &&
			(!inside || is_inside(de->d_name, &inodes)))
			r = fn(arg, &p, err);
	}
	rel_vec_free(&inodes);
	closedir(proc);
	return r;
}
