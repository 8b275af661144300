/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/cgroup.h"

#include "base/file.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PREFIX "relctl-"
#define LEAF "relctl"
#define MAX_TABLE (16u << 20)
#define REMOVE_TRIES 200

/* ${word} in ${list}, whose words are parted by any of ${by}. */
static bool has_word(const char *list, const char *by, const char *word)
{
	size_t n = strlen(word);

	while (*list) {
		size_t len = strcspn(list, by);

		if (len == n && !strncmp(list, word, n))
			return true;
		list += len;
		list += strspn(list, by);
	}
	return false;
}

/* The text of a file, or "". */
static char *text_of(const char *dir, const char *file)
{
	REL_AUTO(rel_freep) char *path = rel_printf("%s/%s", dir, file);
	REL_AUTO(rel_buf_free) struct rel_buf b = REL_BUF_INIT;
	struct rel_err err;

	if (rel_read_file(AT_FDCWD, path, MAX_TABLE, &b, &err) < 0)
		return rel_strdup("");
	return rel_strdup(rel_buf_str(&b));
}

bool rel_cgroup_write(const char *dir, const char *file, const char *text)
{
	REL_AUTO(rel_freep) char *path = rel_printf("%s/%s", dir, file);
	REL_AUTO(rel_closep) int fd = open(path, O_WRONLY | O_CLOEXEC);
	size_t n = strlen(text);

	/* The kernel takes the text of one write, or refuses it. */
	return fd >= 0 && write(fd, text, n) == (ssize_t)n;
}

/*
 * The path of our cgroup in the hierarchy of ${controller} (NULL: version 2),
 * from lines "NUMBER:CONTROLLERS:PATH".
 */
static char *own_path(const char *controller)
{
	REL_AUTO(rel_freep) char *table = text_of("/proc/self", "cgroup");
	char *save = NULL;

	for (char *line = strtok_r(table, "\n", &save); line;
		line = strtok_r(NULL, "\n", &save)) {
		char *list = strchr(line, ':');
		char *path = list ? strchr(list + 1, ':') : NULL;

		if (!path)
			continue;
		*path++ = '\0';
		if (controller ? has_word(list + 1, ",", controller)
			       : !strncmp(line, "0:", 2))
			return rel_strdup(path);
	}
	return NULL;
}

/* Where the mount of a line of mountinfo(5) shows ${path}, or NULL. */
static char *shown_at(char *line, const char *controller, const char *path)
{
	REL_AUTO(rel_buf_free) struct rel_buf at = REL_BUF_INIT;
	char *fields[5], *save = NULL, *type, *options;
	char *tail = strstr(line, " - ");
	struct rel_err err;
	size_t n;

	if (!tail)
		return NULL;
	*tail = '\0';
	type = strtok_r(tail + 3, " ", &save);
	strtok_r(NULL, " ", &save); /* the source */
	options = strtok_r(NULL, " ", &save);
	if (!type || strcmp(type, controller ? "cgroup" : "cgroup2") ||
		(controller &&
			!(options && has_word(options, ",", controller))))
		return NULL;
	for (size_t i = 0; i < 5; i++) {
		fields[i] = strtok_r(i == 0 ? line : NULL, " ", &save);
		if (!fields[i])
			return NULL;
	}
	/* fields[3] is what of the hierarchy is mounted, [4] is where. */
	n = strcmp(fields[3], "/") ? strlen(fields[3]) : 0;
	if (strncmp(path, fields[3], n) || (path[n] && path[n] != '/') ||
		rel_buf_add_unescaped(&at, fields[4], &err) < 0)
		return NULL;
	if (strcmp(path + n, "/"))
		rel_buf_adds(&at, path + n);
	return faccessat(AT_FDCWD, rel_buf_str(&at), F_OK, 0) == 0
		       ? rel_buf_take(&at)
		       : NULL;
}

/* The directory of our cgroup; the caller frees. */
static char *own_dir(const char *controller)
{
	REL_AUTO(rel_freep) char *path = own_path(controller);
	REL_AUTO(rel_freep) char *table = NULL;
	char *save = NULL, *dir = NULL;

	if (!path)
		return NULL;
	table = text_of("/proc/self", "mountinfo");
	for (char *line = strtok_r(table, "\n", &save); line && !dir;
		line = strtok_r(NULL, "\n", &save))
		dir = shown_at(line, controller, path);
	return dir;
}

/* What a relctl that was killed has left here; what is in use is busy. */
static void sweep(const char *dir)
{
	DIR *d = opendir(dir);
	const struct dirent *e;

	while (d && (e = readdir(d))) {
		long pid;

		if (strncmp(e->d_name, PREFIX, strlen(PREFIX)))
			continue;
		pid = strtol(e->d_name + strlen(PREFIX), NULL, 10);
		if (pid > 0 && kill((pid_t)pid, 0) < 0 && errno == ESRCH)
			unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR);
	}
	if (d)
		closedir(d);
}

/* A new cgroup in ${parent}, if processes can be moved there. */
static char *make_in(const char *parent)
{
	REL_AUTO(rel_freep) char *procs = rel_printf("%s/cgroup.procs", parent);
	char *dir, name[17];

	/* Moving needs this of what both places have above them. */
	if (faccessat(AT_FDCWD, procs, W_OK, AT_EACCESS) < 0)
		return NULL;
	sweep(parent);
	rel_random_name(name);
	dir = rel_printf("%s/" PREFIX "%ld-%s", parent, (long)getpid(), name);
	if (mkdir(dir, 0755) == 0)
		return dir;
	free(dir);
	return NULL;
}

char *rel_cgroup_make_v1(const char *controller)
{
	REL_AUTO(rel_freep) char *own = own_dir(controller);

	return own ? make_in(own) : NULL;
}

static bool lists(const char *dir, const char *file, const char *controller)
{
	REL_AUTO(rel_freep) char *list = text_of(dir, file);

	return has_word(list, " \n", controller);
}

/* Share ${controller} out to what is beneath ${dir}. */
static bool share(const char *dir, const char *controller)
{
	REL_AUTO(rel_freep) char *text = rel_printf("+%s", controller);

	return lists(dir, "cgroup.subtree_control", controller) ||
	       (lists(dir, "cgroup.controllers", controller) &&
		       rel_cgroup_write(dir, "cgroup.subtree_control", text));
}

static char *parent_of(const char *dir)
{
	return rel_strndup(dir, (size_t)(strrchr(dir, '/') - dir));
}

bool rel_cgroup_add_v2(const char *dir, const char *controller)
{
	REL_AUTO(rel_freep) char *parent = parent_of(dir);

	return share(parent, controller);
}

/* Only the root has no type, and may share out and hold processes. */
static bool may_share(const char *dir, const char *controller)
{
	REL_AUTO(rel_freep) char *type = text_of(dir, "cgroup.type");
	REL_AUTO(rel_freep) char *procs = text_of(dir, "cgroup.procs");

	return lists(dir, "cgroup.controllers", controller) &&
	       (!*type || !*procs);
}

static char *make_shared(const char *parent, const char *controller)
{
	REL_AUTO(rel_freep) char *type = NULL;
	char *dir = NULL;

	if (may_share(parent, controller))
		dir = make_in(parent);
	if (!dir)
		return NULL;
	/* No process can become a member of a threaded one. */
	if (share(parent, controller))
		type = text_of(dir, "cgroup.type");
	if (type && !strcmp(type, "domain\n"))
		return dir;
	rmdir(dir);
	free(dir);
	return NULL;
}

/* Beneath us, once we have moved out of the way. */
static char *make_beneath(const char *own, const char *controller)
{
	REL_AUTO(rel_freep) char *procs = text_of(own, "cgroup.procs");
	REL_AUTO(rel_freep) char *self = rel_printf("%ld\n", (long)getpid());
	REL_AUTO(rel_freep) char *leaf = rel_printf("%s/" LEAF, own);
	char *dir = NULL;

	if (strcmp(procs, self) ||
		!lists(own, "cgroup.controllers", controller) ||
		(mkdir(leaf, 0755) < 0 && errno != EEXIST))
		return NULL;
	if (rel_cgroup_write(leaf, "cgroup.procs", self))
		dir = make_shared(own, controller);
	if (!dir) {
		rel_cgroup_write(own, "cgroup.procs", self);
		rmdir(leaf);
	}
	return dir;
}

char *rel_cgroup_make_v2(const char *controller)
{
	REL_AUTO(rel_freep) char *own = own_dir(NULL);
	REL_AUTO(rel_freep) char *parent = own ? parent_of(own) : NULL;
	char *dir = NULL;

	if (own)
		dir = make_shared(own, controller); /* where it is the root */
	if (own && !dir)
		dir = make_shared(parent, controller);
	if (own && !dir)
		dir = make_beneath(own, controller);
	return dir;
}

void rel_cgroup_remove(const char *dir)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	for (int i = 0; i < REMOVE_TRIES && rmdir(dir) < 0 && errno == EBUSY;
		i++)
		nanosleep(&pause, NULL);
}
