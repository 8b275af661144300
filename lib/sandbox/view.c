/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/sandbox/view.c - the fresh root of level ns, out of mounts alone.
 *
 * The new mount calls (Linux 5.12) are used throughout: a tree is cloned, made
 * read-only with all that is mounted in it, and only then put in its place, so
 * that no moment has it writable.
 */
#include "sandbox/keeper.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Of <sys/mount.h>, which cannot be included together with the above. */
#define MNT_DETACH 2

#define SAFE (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)

static const char *const system_dirs[] = { "usr", "bin", "sbin", "lib", "lib32",
	"lib64", "libx32", "etc", "opt", "nix" };
static const char *const nodes[] = { "null", "zero", "full", "random",
	"urandom", "tty" };
static const char *const links[][2] = { { "/proc/self/fd", "dev/fd" },
	{ "/proc/self/fd/0", "dev/stdin" }, { "/proc/self/fd/1", "dev/stdout" },
	{ "/proc/self/fd/2", "dev/stderr" }, { "pts/ptmx", "dev/ptmx" } };

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* Put a detached mount onto ${at} beneath ${root}; closes it. */
static int attach(int mount_fd, int root, const char *at)
{
	int r, saved;

	if (mount_fd < 0)
		return -1;
	r = (int)syscall(SYS_move_mount, mount_fd, "", root, at,
		MOVE_MOUNT_F_EMPTY_PATH);
	saved = errno;
	close(mount_fd);
	errno = saved;
	return r;
}

/* A new file system; ${opts}: key, value, …, NULL. */
static int new_fs(const char *type, unsigned attrs, const char *const *opts)
{
	int fs = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
	int fd = -1, saved;

	if (fs < 0)
		return -1;
	for (; opts && *opts; opts += 2)
		if (syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, opts[0],
			    opts[1], 0) < 0)
			goto out;
	if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		fd = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, attrs);
out:
	saved = errno;
	close(fs);
	errno = saved;
	return fd;
}

static int new_tmpfs(const char *mode, int64_t most, unsigned attrs)
{
	char size[24];
	const char *const opts[] = { "mode", mode, most ? "size" : NULL, size,
		NULL };

	snprintf(size, sizeof(size), "%lld", (long long)most);
	return new_fs("tmpfs", attrs, opts);
}

/* A detached copy of what is at ${path}, with all that is mounted in it. */
static int clone_of(int dirfd, const char *path, unsigned attrs)
{
	struct mount_attr set = { .attr_set = attrs };
	int fd = (int)syscall(SYS_open_tree, dirfd, path,
		OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE |
			AT_EMPTY_PATH);
	int saved;

	if (fd < 0)
		return -1;
	if (syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH | AT_RECURSIVE,
		    &set, sizeof(set)) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static int system_dir(int root, const char *name)
{
	char path[16], target[256];
	struct stat st;
	ssize_t n;

	snprintf(path, sizeof(path), "/%s", name);
	if (fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -1;
	if (S_ISLNK(st.st_mode)) {
		n = readlink(path, target, sizeof(target) - 1);
		if (n < 0)
			return -1;
		target[n] = '\0';
		return symlinkat(target, root, name);
	}
	if (mkdirat(root, name, 0755) < 0)
		return -1;
	return attach(
		clone_of(AT_FDCWD, path, SAFE | MOUNT_ATTR_RDONLY), root, name);
}

static int make_file(int root, const char *name)
{
	int fd = openat(root, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);

	return fd < 0 ? -1 : close(fd);
}

static int devices(int root)
{
	static const char *const pts[] = { "ptmxmode", "0666", "mode", "0620",
		NULL };
	char from[32];

	if (mkdirat(root, "dev", 0755) < 0 ||
		mkdirat(root, "dev/shm", 0755) < 0 ||
		mkdirat(root, "dev/pts", 0755) < 0)
		return -1;
	for (size_t i = 0; i < COUNT(nodes); i++) {
		snprintf(from, sizeof(from), "/dev/%s", nodes[i]);
		if (make_file(root, from + 1) < 0 ||
			attach(clone_of(AT_FDCWD, from,
				       MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC),
				root, from + 1) < 0)
			return -1;
	}
	for (size_t i = 0; i < COUNT(links); i++)
		if (symlinkat(links[i][0], root, links[i][1]) < 0)
			return -1;
	return attach(
		new_fs("devpts", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, pts),
		root, "dev/pts");
}

/* The directories that lead to ${path}, and the last one or a file. */
static int make_place(int root, const char *path, bool is_dir)
{
	char part[PATH_MAX];

	for (const char *at = strchr(path, '/'); at; at = strchr(at + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s", (int)(at - path), path);
		if (mkdirat(root, part, 0755) < 0 && errno != EEXIST)
			return -1;
	}
	if (faccessat(root, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	return is_dir ? mkdirat(root, path, 0755) : make_file(root, path);
}

static unsigned attrs_of(bool writable)
{
	return SAFE | (writable ? 0 : MOUNT_ATTR_RDONLY);
}

/* The descriptor is one of relctl's mount namespace and cannot be cloned in
 * this one: the path can, and must lead to the same directory. */
static int clone_tree(const struct rel_sandbox *box)
{
	int fd = clone_of(AT_FDCWD, box->tree, attrs_of(box->tree_writable));
	struct stat found, wanted;

	if (fd < 0 || fstat(fd, &found) < 0 || fstat(box->tree_fd, &wanted) < 0)
		return -1;
	if (found.st_dev == wanted.st_dev && found.st_ino == wanted.st_ino)
		return fd;
	errno = ESTALE;
	return -1;
}

/* What may lie beneath /tmp, over which the root is mounted. */
static int clone_sources(
	const struct rel_sandbox *box, int *ret_fds, const char **what)
{
	*what = "find the tree";
	ret_fds[0] = clone_tree(box);
	if (ret_fds[0] < 0)
		return -1;
	*what = "find what --bind names";
	for (size_t i = 0; i < box->binds_n; i++) {
		ret_fds[i + 1] = clone_of(AT_FDCWD, box->binds[i].path,
			attrs_of(box->binds[i].writable));
		if (ret_fds[i + 1] < 0)
			return -1;
	}
	return 0;
}

static int attach_bind(int root, const struct rel_bind *b, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0 ||
		make_place(root, b->path + 1, S_ISDIR(st.st_mode)) < 0)
		return -1;
	return attach(fd, root, b->path + 1);
}

/* Cover what came along with a directory around it. */
static int hide_one(int root, const char *path)
{
	struct stat st;

	if (fstatat(root, path + 1, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (!S_ISDIR(st.st_mode))
		return attach(clone_of(root, "dev/null",
				      MOUNT_ATTR_NOSUID | MOUNT_ATTR_RDONLY),
			root, path + 1);
	return attach(new_tmpfs("0555", 4096, SAFE | MOUNT_ATTR_RDONLY), root,
		path + 1);
}

/*
 * The name servers, where /etc/resolv.conf is a link to what a service of the
 * machine writes in /run. That one file as it is now: a change that replaces
 * it is seen by the next start.
 */
static int resolver(int root)
{
	char path[PATH_MAX];

	if (!realpath("/etc/resolv.conf", path) || strncmp(path, "/run/", 5))
		return 0;
	if (make_place(root, path + 1, false) < 0)
		return -1;
	return attach(clone_of(AT_FDCWD, path,
			      SAFE | MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC),
		root, path + 1);
}

/* What makes up the root; ${what} is kept up to date for the message. */
static int furnish(int root, const struct rel_sandbox *box, const int *sources,
	const struct rel_strings *hidden, const char **what)
{
	*what = "mount the system's directories";
	for (size_t i = 0; i < COUNT(system_dirs); i++)
		if (system_dir(root, system_dirs[i]) < 0)
			return -1;
	*what = "show /etc/resolv.conf";
	if (resolver(root) < 0)
		return -1;
	*what = "mount the tree at /app";
	if (mkdirat(root, "app", 0755) < 0 ||
		attach(sources[0], root, "app") < 0)
		return -1;
	*what = "make /dev";
	if (devices(root) < 0)
		return -1;
	*what = "mount a private /tmp";
	if (mkdirat(root, "tmp", 0755) < 0 ||
		attach(new_tmpfs("1777", box->limits.memory, SAFE), root,
			"tmp") < 0 ||
		attach(new_tmpfs("1777", box->limits.memory,
			       SAFE | MOUNT_ATTR_NOEXEC),
			root, "dev/shm") < 0)
		return -1;
	*what = "mount /proc";
	if (mkdirat(root, "proc", 0555) < 0 ||
		attach(new_fs("proc",
			       SAFE | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_RDONLY,
			       NULL),
			root, "proc") < 0)
		return -1;
	*what = "bind what --bind names";
	for (size_t i = 0; i < box->binds_n; i++)
		if (attach_bind(root, &box->binds[i], sources[i + 1]) < 0)
			return -1;
	*what = "hide the store";
	for (size_t i = 0; i < hidden->n; i++)
		if (hide_one(root, hidden->v[i]) < 0)
			return -1;
	return 0;
}

int rel_view_enter(const struct rel_sandbox *box, const char **ret_what)
{
	struct mount_attr ro = { .attr_set = MOUNT_ATTR_RDONLY };
	REL_AUTO(rel_freep)
	int *sources = rel_alloc((box->binds_n + 1) * sizeof(*sources));
	REL_AUTO(rel_strings_done) struct rel_strings hidden = { 0 };
	mode_t mask = umask(0);
	int root;

	*ret_what = "cut the mounts off from the machine's";
	if (syscall(SYS_mount, NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return -1;
	if (clone_sources(box, sources, ret_what) < 0)
		return -1;
	/* The root covers /tmp: from then on paths there are not the same. */
	rel_sandbox_hidden(box, &hidden);
	/* What is made from here on is the user's: relctl's own has no number
	 * in here. */
	if (box->user.given) {
		setfsgid(box->user.gid);
		setfsuid(box->user.uid);
	}
	*ret_what = "mount a fresh root";
	root = new_tmpfs("0755", 1 << 20, SAFE);
	if (root < 0)
		return -1;
	/* Nothing can be mounted in a detached tree before Linux 6.15. */
	if (syscall(SYS_move_mount, root, "", AT_FDCWD, "/tmp",
		    MOVE_MOUNT_F_EMPTY_PATH) < 0 ||
		furnish(root, box, sources, &hidden, ret_what) < 0)
		return -1;
	*ret_what = "change to the fresh root";
	if (fchdir(root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
		syscall(SYS_umount2, ".", MNT_DETACH) < 0 ||
		syscall(SYS_mount_setattr, root, "", AT_EMPTY_PATH, &ro,
			sizeof(ro)) < 0 ||
		chdir("/app") < 0)
		return -1;
	close(root);
	umask(mask);
	return 0;
}
