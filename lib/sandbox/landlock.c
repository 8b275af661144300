/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/sandbox/landlock.c - Landlock, from interface 1 (Linux 5.13) to 7.
 *
 * A rule is for a file or for a directory with all that is in it, and no rule
 * takes back what another one gave. So around something hidden the rules are
 * for its siblings, one by one, on the way down to it; those directories
 * themselves cannot be listed, and what is made in them later is not seen.
 */
#include "sandbox/landlock.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/strings.h"
#include "sandbox/keeper.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

#define CREATE_RULESET_VERSION 1u
#define RULE_PATH_BENEATH 1

enum {
	EXECUTE = 1 << 0,
	WRITE_FILE = 1 << 1,
	READ_FILE = 1 << 2,
	READ_DIR = 1 << 3,
	REMOVE_DIR = 1 << 4,
	REMOVE_FILE = 1 << 5,
	MAKE_CHAR = 1 << 6,
	MAKE_DIR = 1 << 7,
	MAKE_REG = 1 << 8,
	MAKE_SOCK = 1 << 9,
	MAKE_FIFO = 1 << 10,
	MAKE_BLOCK = 1 << 11,
	MAKE_SYM = 1 << 12,
	REFER = 1 << 13,     /* interface 2 */
	TRUNCATE = 1 << 14,  /* 3 */
	IOCTL_DEV = 1 << 15, /* 5 */
};
#define FS_1 (REFER - 1)
/* interface 4 */
#define NET_BIND_TCP (1 << 0)
#define NET_CONNECT_TCP (1 << 1)
/* interface 6; 7 has nothing that a rule could name */
#define SCOPE_ABSTRACT_UNIX (1 << 0)
#define SCOPE_SIGNAL (1 << 1)

#define READ (EXECUTE | READ_FILE | READ_DIR)
#define WRITE                                                                  \
	(READ | WRITE_FILE | TRUNCATE | IOCTL_DEV | REMOVE_DIR | REMOVE_FILE | \
		MAKE_DIR | MAKE_REG | MAKE_SOCK | MAKE_FIFO | MAKE_SYM |       \
		REFER)
#define NODE (READ_FILE | WRITE_FILE | TRUNCATE | IOCTL_DEV)
/* What a rule for something that is no directory may say. */
#define OF_FILES (EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV)

/* A kernel that knows less than this wants the rest to be zero. */
struct ruleset_attr {
	uint64_t handled_fs, handled_net, scoped;
};
struct path_beneath_attr {
	uint64_t allowed;
	int32_t fd;
} __attribute__((packed));

/* A ruleset in the making. */
struct view {
	int fd;
	uint64_t handled_fs;
	struct rel_strings hidden; /* real paths */
};

static const char *const system_places[] = { "/usr", "/bin", "/sbin", "/lib",
	"/lib32", "/lib64", "/libx32", "/etc", "/opt", "/nix", "/proc" };
static const char *const nodes[] = { "/dev/null", "/dev/zero", "/dev/full",
	"/dev/random", "/dev/urandom", "/dev/tty" };
#define COUNT(a) (sizeof(a) / sizeof(*(a)))

int rel_landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, (size_t)0,
		CREATE_RULESET_VERSION);

	return abi < 0 ? 0 : (int)abi;
}

static int create(
	const struct ruleset_attr *attr, int *ret_fd, struct rel_err *err)
{
	/* The descriptor is close-on-exec. */
	int fd = (int)syscall(
		SYS_landlock_create_ruleset, attr, sizeof(*attr), 0u);

	if (fd < 0)
		return rel_fail_os(err, "make a Landlock ruleset");
	*ret_fd = fd;
	return 0;
}

/* ${path} is ${dir}, or is in it; both are real paths. */
static bool is_within(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return n == 1 ||
	       (!strncmp(path, dir, n) && (path[n] == '/' || path[n] == '\0'));
}

static bool is_hidden(const struct view *v, const char *path)
{
	for (size_t i = 0; i < v->hidden.n; i++)
		if (is_within(path, v->hidden.v[i]))
			return true;
	return false;
}

static bool holds_hidden(const struct view *v, const char *path)
{
	for (size_t i = 0; i < v->hidden.n; i++)
		if (is_within(v->hidden.v[i], path))
			return true;
	return false;
}

static int allow_fd(struct view *v, int fd, uint64_t rights, const char *path,
	struct rel_err *err)
{
	struct path_beneath_attr rule = { .fd = fd };
	struct stat st;

	if (fstat(fd, &st) < 0)
		return rel_fail_os(err, "look at '%s'", path);
	rule.allowed = rights & v->handled_fs;
	if (!S_ISDIR(st.st_mode))
		rule.allowed &= OF_FILES;
	if (syscall(SYS_landlock_add_rule, v->fd, RULE_PATH_BENEATH, &rule,
		    0u) < 0)
		return rel_fail_os(err, "allow '%s' by Landlock", path);
	return 0;
}

static int allow_beside(
	struct view *v, const char *dir, uint64_t rights, struct rel_err *err);

/* ${path} is real. What vanished meanwhile, and a symlink, needs no rule. */
static int allow_real(
	struct view *v, const char *path, uint64_t rights, struct rel_err *err)
{
	REL_AUTO(rel_closep) int fd = -1;
	struct stat st;

	if (is_hidden(v, path))
		return 0;
	if (holds_hidden(v, path))
		return allow_beside(v, path, rights, err);
	fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return rel_fail_os(err, "open '%s'", path);
	return S_ISLNK(st.st_mode) ? 0 : allow_fd(v, fd, rights, path, err);
}

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* Everything in ${dir} but what is hidden. */
static int allow_beside(
	struct view *v, const char *dir, uint64_t rights, struct rel_err *err)
{
	REL_AUTO(close_dir) DIR *d = opendir(dir);
	const struct dirent *e;

	/* Who may not list it could not look for it either. */
	if (!d && errno == EACCES)
		return 0;
	if (!d)
		return rel_fail_os(err, "open directory '%s'", dir);
	while ((errno = 0, e = readdir(d))) {
		REL_AUTO(rel_freep) char *path = NULL;
		int r;

		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		path = rel_printf(
			"%s/%s", strcmp(dir, "/") ? dir : "", e->d_name);
		r = allow_real(v, path, rights, err);
		if (r < 0)
			return r;
	}
	return errno ? rel_fail_os(err, "read directory '%s'", dir) : 0;
}

/* A place of the system; not every system has it. */
static int allow_place(
	struct view *v, const char *path, uint64_t rights, struct rel_err *err)
{
	REL_AUTO(rel_freep) char *real = realpath(path, NULL);

	return real ? allow_real(v, real, rights, err) : 0;
}

static int allow_bind(
	struct view *v, const struct rel_bind *bind, struct rel_err *err)
{
	REL_AUTO(rel_freep) char *real = realpath(bind->path, NULL);

	if (!real)
		return rel_fail(err, REL_EREFUSED, "cannot bind '%s': %s",
			bind->path, strerror(errno));
	if (is_hidden(v, real))
		return rel_fail(err, REL_EREFUSED,
			"cannot bind '%s': it belongs to relctl", bind->path);
	return allow_real(v, real, bind->writable ? WRITE : READ, err);
}

/*
 * The name servers, where /etc/resolv.conf is a link to a place of its own
 * (systemd-resolved): the directory then, because the file is replaced.
 */
static int allow_resolver(struct view *v, struct rel_err *err)
{
	REL_AUTO(rel_freep) char *real = realpath("/etc/resolv.conf", NULL);
	char *slash;

	if (!real)
		return 0;
	slash = strrchr(real, '/');
	/* Two levels down: /run, and what services have there, stay shut. */
	if (!strncmp(real, "/run/", 5) && strchr(real + 5, '/') != slash)
		*slash = '\0';
	return allow_real(v, real, READ, err);
}

/* The terminal that a process inherits opens as /dev/stderr, too. */
static int allow_terminals(struct view *v, struct rel_err *err)
{
	for (int fd = 0; fd < 3; fd++) {
		int r = isatty(fd) ? allow_fd(v, fd, NODE, "the terminal", err)
				   : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

static int allow_system(struct view *v, struct rel_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < COUNT(system_places); i++)
		r = allow_place(v, system_places[i], READ, err);
	for (size_t i = 0; r == 0 && i < COUNT(nodes); i++)
		r = allow_place(v, nodes[i], NODE, err);
	if (r == 0)
		r = allow_resolver(v, err);
	return r < 0 ? r : allow_terminals(v, err);
}

static uint64_t handled_by(int abi)
{
	return FS_1 | (abi >= 2 ? REFER : 0) | (abi >= 3 ? TRUNCATE : 0) |
	       (abi >= 5 ? IOCTL_DEV : 0);
}

static uint64_t scopes_of(int abi)
{
	return abi >= 6 ? SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL : 0;
}

static void view_done(struct view *v)
{
	rel_closep(&v->fd);
	rel_strings_done(&v->hidden);
}

int rel_landlock_view(const struct rel_sandbox *box, const char *tmp,
	int *ret_fd, struct rel_err *err)
{
	REL_AUTO(view_done) struct view v = { .fd = -1 };
	int abi = rel_landlock_abi();
	struct ruleset_attr attr = {
		.handled_fs = handled_by(abi),
		.handled_net = abi >= 4 && box->no_network
				       ? NET_BIND_TCP | NET_CONNECT_TCP
				       : 0,
		.scoped = scopes_of(abi),
	};
	REL_AUTO(rel_closep) int tmp_fd = -1;
	int r;

	if (abi == 0)
		return rel_fail(
			err, REL_EREFUSED, "this kernel has no Landlock");
	r = create(&attr, &v.fd, err);
	if (r < 0)
		return r;
	v.handled_fs = attr.handled_fs;
	rel_sandbox_hidden(box, &v.hidden);
	r = allow_system(&v, err);
	for (size_t i = 0; r == 0 && i < box->binds_n; i++)
		r = allow_bind(&v, &box->binds[i], err);
	/* These two are relctl's to give, also from a hidden place. */
	if (r == 0)
		r = allow_fd(&v, box->tree_fd,
			box->tree_writable ? WRITE : READ, box->tree, err);
	if (r == 0 && tmp) {
		tmp_fd = open(tmp, O_PATH | O_DIRECTORY | O_CLOEXEC);
		r = tmp_fd < 0 ? rel_fail_os(err, "open '%s'", tmp)
			       : allow_fd(&v, tmp_fd, WRITE, tmp, err);
	}
	if (r < 0)
		return r;
	*ret_fd = v.fd;
	v.fd = -1;
	return 0;
}

int rel_landlock_scope(int *ret_fd, struct rel_err *err)
{
	struct ruleset_attr attr = { .scoped = scopes_of(rel_landlock_abi()) };

	if (!attr.scoped) {
		*ret_fd = -1;
		return 0;
	}
	return create(&attr, ret_fd, err);
}

int rel_landlock_enter(int fd)
{
	return (int)syscall(SYS_landlock_restrict_self, fd, 0u);
}
