/* SPDX-License-Identifier: Apache-2.0 */
/* tests/escape/probe_file.c - files that are not the app's. */
#include "probe.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int create(char **arg)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/relctl-escape-%ld", arg[0],
		(long)getpid());
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno;
	close(fd);
	return tried(unlink(path));
}

static int open_to_write(char **arg)
{
	int fd = open(arg[0], O_WRONLY | O_APPEND | O_CLOEXEC);

	return fd < 0 ? errno : tried(close(fd));
}

/* Its own text again. */
static int write_back(char **arg)
{
	char text[256];
	int fd = open(arg[0], O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));

	if (n < 0)
		return errno;
	close(fd);
	fd = open(arg[0], O_WRONLY | O_CLOEXEC);
	return fd < 0 ? errno : tried(write(fd, text, (size_t)n));
}

static int read_file(char **arg)
{
	char byte;
	int fd = open(arg[0], O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	return fd < 0 ? errno : tried(read(fd, &byte, 1));
}

static int list(char **arg)
{
	DIR *d = opendir(arg[0]);

	if (!d)
		return errno;
	while ((errno = 0, readdir(d)))
		;
	return errno;
}

/* A read-only file of one's own: give the right back first. */
static int unlock(char **arg)
{
	struct stat st;
	int why;

	if (stat(arg[0], &st) < 0)
		return errno;
	chmod(arg[0], 0600);
	why = open_to_write(arg);
	chmod(arg[0], st.st_mode & 07777);
	return why;
}

static int see(char **arg)
{
	struct stat st;

	return tried(stat(arg[0], &st));
}

static int change_mode(char **arg)
{
	struct stat st;

	return stat(arg[0], &st) < 0 ? errno
				     : tried(chmod(arg[0], st.st_mode & 07777));
}

/* To the length that it has; of a read-only file of one's own. */
static int cut_off(char **arg)
{
	struct stat st;
	int why;

	if (stat(arg[0], &st) < 0)
		return errno;
	chmod(arg[0], 0600);
	why = tried(truncate(arg[0], st.st_size));
	chmod(arg[0], st.st_mode & 07777);
	return why;
}

/* A file by a number instead of a name. */
static int by_handle(char **arg)
{
	struct {
		struct file_handle h;
		char room[MAX_HANDLE_SZ];
	} u = { .h.handle_bytes = MAX_HANDLE_SZ };
	int mount, at = open(arg[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (at < 0 ||
		name_to_handle_at(at, "", &u.h, &mount, AT_EMPTY_PATH) < 0)
		return errno;
	return tried(open_by_handle_at(at, &u.h, O_RDONLY | O_CLOEXEC));
}

/* The program that runs: a shell in its place writes to it, because nobody can
 * while it runs. */
static int own_program(char **arg)
{
	int fd = open("/proc/self/exe", O_PATH | O_CLOEXEC);

	(void)arg;
	if (fd < 0 || dup2(fd, 9) < 0)
		return errno;
	execl("/bin/sh", "sh", "-c",
		"f=/proc/self/fd/9; m=$(stat -Lc %a $f); chmod 755 $f; "
		"(: >>$f) && echo open || echo blocked: EROFS; chmod $m $f",
		(char *)NULL);
	return errno;
}

static int make_device(char **arg)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/relctl-escape-%ld",
		getenv("TMPDIR") ? getenv("TMPDIR") : arg[0], (long)getpid());
	if (mknod(path, S_IFCHR | 0600, makedev(1, 5)) < 0)
		return errno;
	return tried(unlink(path));
}

static int connect_unix(const char *name, size_t at)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path + at, sizeof(a.sun_path) - at, "%s", name);
	return tried(connect(fd, (struct sockaddr *)&a,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + at +
			    strlen(name))));
}

static int abstract_socket(char **arg)
{
	return connect_unix(arg[0], 1);
}

static int path_socket(char **arg)
{
	return connect_unix(arg[0], 0);
}

/* fds above 2 that it was born with */
static int inherited(char **arg)
{
	(void)arg;
	for (int fd = 3; fd < 1024; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			return 0;
	return EBADF;
}

const struct probe file_probes[] = {
	{ "create", 1, create },
	{ "open-to-write", 1, open_to_write },
	{ "write-back", 1, write_back },
	{ "read", 1, read_file },
	{ "list", 1, list },
	{ "unlock", 1, unlock },
	{ "see", 1, see },
	{ "change-mode", 1, change_mode },
	{ "truncate", 1, cut_off },
	{ "by-handle", 1, by_handle },
	{ "own-program", 0, own_program },
	{ "make-device", 1, make_device },
	{ "abstract-socket", 1, abstract_socket },
	{ "path-socket", 1, path_socket },
	{ "inherited", 0, inherited },
	{ 0 },
};
