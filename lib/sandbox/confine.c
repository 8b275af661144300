/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/sandbox/confine.c - the keeper goes into the level, and gives up what
 * neither it nor the app may have.
 */
#include "sandbox/caps.h"
#include "sandbox/keeper.h"
#include "sandbox/landlock.h"
#include "sandbox/seccomp.h"

#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	close(fd);
	return n < 0 ? -1 : 0;
}

/* Everybody is who they were, and nobody else is there. */
static int map_self(uid_t uid, gid_t gid)
{
	char text[32];

	if (write_text("/proc/self/setgroups", "deny") < 0)
		return -1;
	snprintf(text, sizeof(text), "%u %u 1", gid, gid);
	if (write_text("/proc/self/gid_map", text) < 0)
		return -1;
	snprintf(text, sizeof(text), "%u %u 1", uid, uid);
	return write_text("/proc/self/uid_map", text);
}

static int loopback_up(void)
{
	struct ifreq req = { .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int r;

	if (fd < 0)
		return -1;
	memcpy(req.ifr_name, "lo", sizeof("lo"));
	r = ioctl(fd, SIOCSIFFLAGS, &req);
	close(fd);
	return r;
}

static int become(const struct rel_user *u)
{
	if (setgroups(0, NULL) < 0 || setresgid(u->gid, u->gid, u->gid) < 0)
		return -1;
	return setresuid(u->uid, u->uid, u->uid);
}

static void enter_level(const struct rel_keeper *k)
{
	const struct rel_sandbox *box = k->how->box;
	const char *what = "";

	if (box->level == REL_ISOLATION_NS) {
		if (!box->user.given && map_self(k->uid, k->gid) < 0)
			rel_keeper_fail(k, REL_STEP_LEVEL, "map the user");
		if (rel_view_enter(box, &what) < 0)
			rel_keeper_fail(k, REL_STEP_LEVEL, what);
	} else {
		if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
			rel_keeper_fail(
				k, REL_STEP_SETUP, "become a subreaper");
		if (fchdir(box->tree_fd) < 0)
			rel_keeper_fail(k, REL_STEP_SETUP,
				"change to the tree's directory");
	}
	/* With landlock there is no network of its own. */
	if (box->no_network && box->level != REL_ISOLATION_LANDLOCK &&
		loopback_up() < 0)
		rel_keeper_fail(k, REL_STEP_LEVEL, "bring up a loopback");
	if (box->user.given && become(&box->user) < 0)
		rel_keeper_fail(k, REL_STEP_SETUP, "become the user of --user");
	/* Also when it could not read the link: the kernel ends all of it. */
	if (box->level == REL_ISOLATION_NS)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static int limit_files(int64_t files)
{
	struct rlimit l;

	if (files == 0)
		return 0;
	if (getrlimit(RLIMIT_NOFILE, &l) < 0)
		return -1;
	l.rlim_cur = (rlim_t)files;
	return setrlimit(RLIMIT_NOFILE, &l);
}

/* The parts that every process of the app inherits from its keeper. */
static void give_up_power(const struct rel_keeper *k)
{
	enum rel_isolation level = k->how->box->level;
	int r = 0;

	if (rel_bounds_self(k->bounds) < 0 ||
		limit_files(k->how->box->files) < 0)
		rel_keeper_fail(k, REL_STEP_SETUP, "set the limits");
	if (level == REL_ISOLATION_NONE) {
		if (geteuid() == 0 || getuid() == 0)
			r = rel_caps_drop();
		if (r < 0)
			rel_keeper_fail(k, REL_STEP_SETUP,
				"drop root's power over other users' files");
		return;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		rel_caps_drop_all() < 0)
		rel_keeper_fail(k, REL_STEP_SETUP, "drop capabilities");
	if (k->landlock >= 0 && rel_landlock_enter(k->landlock) < 0)
		rel_keeper_fail(k, REL_STEP_LEVEL, "enter Landlock");
	if (rel_seccomp_enter() < 0)
		rel_keeper_fail(k, REL_STEP_LEVEL, "filter system calls");
	if (level == REL_ISOLATION_LANDLOCK && k->how->box->no_network &&
		rel_seccomp_no_network() < 0)
		rel_keeper_fail(k, REL_STEP_LEVEL, "take the network away");
}

void rel_confine(const struct rel_keeper *k)
{
	enter_level(k);
	give_up_power(k);
	/* What relctl knew is still in this memory. */
	if (k->how->box->level != REL_ISOLATION_NONE)
		prctl(PR_SET_DUMPABLE, 0);
}
