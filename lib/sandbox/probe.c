/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/sandbox/probe.c - what can be had here, found out by doing it, and what
 * each level leaves open, which tests/escape finds out.
 */
#include "base/file.h"
#include "sandbox/child.h"
#include "sandbox/landlock.h"
#include "sandbox/seccomp.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* Landlock's interface since which it is stopped; 0: it is not. */
static const struct {
	struct rel_gap gap;
	bool ns;
	int since;
} gaps[] = {
	{ { "abstract-socket",
		  "abstract unix sockets of the machine (X11, D-Bus) can be "
		  "connected to" },
		true, 6 },
	{ { "signal", "processes of the same user can be signalled" }, false,
		6 },
	{ { "instance-signal",
		  "other instances of the same user can be signalled" },
		false, 6 },
	{ { "relctl-signal", "relctl itself can be signalled" }, false, 6 },
	{ { "truncate-file", "files of the same user can be cut off" }, false,
		3 },
	{ { "path-socket", "unix sockets with a path that its user may reach "
			   "(/run/docker.sock) can be connected to" },
		false, 0 },
	{ { "see-file", "names, sizes and times of files can be seen, their "
			"contents not" },
		false, 0 },
	{ { "change-mode",
		  "modes, owners and times of files of the same user can be "
		  "changed" },
		false, 0 },
	{ { "see-processes",
		  "processes of the machine and their arguments can be seen, "
		  "their environment not" },
		false, 0 },
	{ { "limit-process",
		  "limits and priorities of processes of the same user can be "
		  "changed" },
		false, 0 },
	{ { "shared-memory",
		  "System V shared memory of the same user can be attached" },
		false, 0 },
	{ { "outlive-keeper",
		  "a process that kills its keeper can outlive the instance" },
		false, 0 },
	{ { "disk-bomb", "what is written to TMPDIR is on the machine's disk, "
			 "without a limit" },
		false, 0 },
};

const struct rel_gap *rel_sandbox_gap(
	enum rel_isolation level, int landlock_abi, size_t i)
{
	for (size_t n = 0; n < COUNT(gaps); n++) {
		bool open = gaps[n].since == 0 || landlock_abi < gaps[n].since;

		if (open && (gaps[n].ns || level != REL_ISOLATION_NS) &&
			i-- == 0)
			return &gaps[n].gap;
	}
	return NULL;
}

/* Whether the program is there does not matter: the level is by then. */
static bool works(enum rel_isolation level, char *ret_why, size_t size)
{
	static const char tree[] = "/usr";
	REL_AUTO(rel_closep)
	int fd = open(tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct rel_sandbox box = {
		.level = level, .tree_fd = fd, .tree = tree
	};
	char program[] = "/bin/true", *words[] = { program, NULL };
	char *none[] = { NULL };
	const struct rel_strings argv = { .v = words, .n = 1 };
	const struct rel_strings env = { .v = none };
	const struct rel_spawn how = { .box = &box,
		.argv = &argv,
		.env = &env,
		.in = STDIN_FILENO,
		.out = STDOUT_FILENO,
		.err = STDERR_FILENO };
	struct rel_child child = REL_CHILD_NONE;
	struct rel_err err = REL_ERR_INIT;

	*ret_why = '\0';
	if (rel_child_spawn(&how, &child, &err) < 0) {
		snprintf(ret_why, size, "%s", err.msg);
		return false;
	}
	rel_child_await(&child);
	return true;
}

static bool says(const char *path, char wanted)
{
	REL_AUTO(rel_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[2];

	/* "0", not the beginning of a larger number */
	return fd >= 0 && read(fd, text, 2) == 2 && text[0] == wanted &&
	       text[1] == '\n';
}

static const char *fix(void)
{
	static const struct {
		const char *path;
		char bad;
		const char *fix;
	} known[] = {
		{ "/proc/sys/kernel/apparmor_restrict_unprivileged_userns", '1',
			"AppArmor refuses user namespaces: it needs a profile "
			"for relctl, or sysctl "
			"kernel.apparmor_restrict_unprivileged_userns=0" },
		{ "/proc/sys/kernel/unprivileged_userns_clone", '0',
			"sysctl kernel.unprivileged_userns_clone=1" },
		{ "/proc/sys/user/max_user_namespaces", '0',
			"sysctl user.max_user_namespaces=10000" },
	};

	for (size_t i = 0; i < COUNT(known); i++)
		if (says(known[i].path, known[i].bad))
			return known[i].fix;
	return access("/.dockerenv", F_OK) == 0 ||
			       access("/run/.containerenv", F_OK) == 0
		       ? "this is a container: its own filter of system calls "
			 "refuses namespaces"
		       : "";
}

void rel_sandbox_probe(struct rel_sandbox_support *ret)
{
	*ret = (struct rel_sandbox_support){ .ns_fix = "" };
	ret->landlock_abi = rel_landlock_abi();
	ret->unix_scope = ret->landlock_abi >= 6;
	ret->seccomp = rel_seccomp_there();
	ret->ns = works(REL_ISOLATION_NS, ret->ns_why, sizeof(ret->ns_why));
	if (!ret->ns)
		ret->ns_fix = fix();
	ret->landlock = works(REL_ISOLATION_LANDLOCK, ret->landlock_why,
		sizeof(ret->landlock_why));
}
