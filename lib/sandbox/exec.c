/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/sandbox/exec.c - execve as a shell would do it, but that it tells a
 * command that is not there from one that does not start.
 */
#include "sandbox/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Text has no NUL near its beginning; a program for another machine has. */
static bool is_text(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char head[128];
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, head, sizeof(head));
	close(fd);
	return n >= 0 && !memchr(head, '\0', (size_t)n);
}

/* Returns only if it failed; a script without #! is the shell's, as POSIX
 * wants it of a shell too. */
static void try_exec(
	const struct rel_keeper *k, char *path, struct rel_told *why)
{
	execve(path, k->how->argv->v, k->env);
	if (errno == ENOEXEC && is_text(path)) {
		k->script[1] = path;
		execve(k->script[0], k->script, k->env);
	}
	if (errno == ENOENT)
		why->seen |= faccessat(AT_FDCWD, path, F_OK, 0) == 0;
	else if (errno != ENOTDIR && errno != ENAMETOOLONG)
		why->os_errno = errno;
}

static bool is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Along the PATH of the new environment; an empty element is the cwd. */
static void search_exec(const struct rel_keeper *k, struct rel_told *why)
{
	const char *name = k->how->argv->v[0], *from = k->path;
	size_t name_len = strlen(name);

	while (*name && from) {
		const char *end = strchrnul(from, ':');
		const char *dir = end > from ? from : ".";
		size_t n = end > from ? (size_t)(end - from) : 1;
		char path[PATH_MAX];

		if (n + name_len + 2 <= sizeof(path)) {
			memcpy(path, dir, n);
			path[n] = '/';
			memcpy(path + n + 1, name, name_len + 1);
			/* As in a shell, a directory is no command. */
			if (!is_dir(path))
				try_exec(k, path, why);
			if (why->os_errno != ENOENT && why->os_errno != EACCES)
				return;
		}
		from = *end ? end + 1 : NULL;
	}
}

void rel_exec(const struct rel_keeper *k, struct rel_told *why)
{
	why->step = REL_STEP_EXEC;
	why->os_errno = ENOENT;
	if (strchr(k->how->argv->v[0], '/'))
		try_exec(k, k->how->argv->v[0], why);
	else
		search_exec(k, why);
}
