/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/private.h"

#include "base/file.h"
#include "base/mem.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PLACE "/tmp"
#define PREFIX "relctl-"
#define NAME PREFIX "XXXXXX"

static void remove_name(int place, const char *name)
{
	struct rel_err ignored;

	if (rel_remove_tree(place, name, &ignored) < 0) {
		/* a file that somebody else put there stays */
	}
}

/* Ours, and nobody holds it? */
static bool is_left_behind(int place, const char *name)
{
	int fd = openat(
		place, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	bool left;

	if (fd < 0)
		return false;
	left = fstat(fd, &st) == 0 && st.st_uid == geteuid() &&
	       flock(fd, LOCK_EX | LOCK_NB) == 0;
	close(fd);
	return left;
}

static void sweep(void)
{
	DIR *d = opendir(PLACE);
	struct dirent *de;

	while (d && (de = readdir(d)) != NULL)
		if (strlen(de->d_name) == strlen(NAME) &&
			!strncmp(de->d_name, PREFIX, strlen(PREFIX)) &&
			is_left_behind(dirfd(d), de->d_name))
			remove_name(dirfd(d), de->d_name);
	if (d)
		closedir(d);
}

int rel_private_make(char **ret, int *ret_fd, struct rel_err *err)
{
	char path[] = PLACE "/" NAME;
	struct stat by_fd, by_name;

	sweep();
	for (;;) {
		strcpy(path, PLACE "/" NAME);
		if (!mkdtemp(path))
			break;
		*ret_fd = open(
			path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		/* Between the two somebody else's sweep may have taken it. */
		if (*ret_fd >= 0 && flock(*ret_fd, LOCK_SH | LOCK_NB) == 0 &&
			fstat(*ret_fd, &by_fd) == 0 &&
			stat(path, &by_name) == 0 &&
			by_fd.st_ino == by_name.st_ino) {
			*ret = rel_strdup(path);
			return 0;
		}
		rel_closep(ret_fd);
	}
	return rel_fail_os(err, "make a private directory in '" PLACE "'");
}

void rel_private_done(char **path)
{
	int place;

	if (!*path)
		return;
	place = open(PLACE, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (place >= 0)
		remove_name(place, strrchr(*path, '/') + 1);
	rel_closep(&place);
	free(*path);
	*path = NULL;
}
