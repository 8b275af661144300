/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"
#include "run/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool has(int dirfd, const char *name)
{
	struct stat st;

	return fstatat(dirfd, name, &st, 0) == 0;
}

/* A site-packages in this directory or in one at most ${levels} down. */
static bool has_site_packages(int dirfd, unsigned levels)
{
	bool found = has(dirfd, "site-packages");
	struct dirent *de;
	DIR *dir;
	int fd;

	if (found || !levels)
		return found;
	fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return false;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return false;
	}
	while (!found && (de = readdir(dir)) != NULL) {
		REL_AUTO(rel_closep) int sub = -1;

		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, "..") ||
			(de->d_type != DT_DIR && de->d_type != DT_UNKNOWN))
			continue;
		sub = openat(fd, de->d_name,
			O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		found = sub >= 0 && has_site_packages(sub, levels - 1);
	}
	closedir(dir);
	return found;
}

const char *rel_process_missing_deps(int tree_fd)
{
	if (has(tree_fd, "package.json") && !has(tree_fd, "node_modules"))
		return "package.json";
	if (has(tree_fd, "Gemfile") && !has(tree_fd, "vendor/bundle"))
		return "Gemfile";
	if (has(tree_fd, "requirements.txt") && !has(tree_fd, ".venv") &&
		!has(tree_fd, "venv") && !has_site_packages(tree_fd, 2))
		return "requirements.txt";
	return NULL;
}
