/* SPDX-License-Identifier: Apache-2.0 */
/* What this machine offers, and what each missing piece costs. Changes
 * nothing; works without a store. */
#include "cmds.h"
#include "helper.h"
#include "home/home.h"
#include "out.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

struct report_of {
	struct ctx *cx;
	struct table *table;
	struct json_t *rows;
	bool bad; /* something that relctl cannot do without is missing */
};

static void add(struct report_of *r, const char *what, const char *state,
	const char *detail)
{
	struct json_t *j = rel_json_object();

	rel_json_set(j, "what", rel_json_text(what));
	rel_json_set(j, "state", rel_json_text(state));
	rel_json_set(j, "detail", rel_json_text(detail));
	rel_json_push(r->rows, j);
	table_row(r->table, (const char *[]){ what, state, detail });
	r->bad = r->bad || strcmp(state, "missing") == 0;
}

static void check_kernel(struct report_of *r)
{
	struct open_how how = { .flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH };
	struct utsname u;
	bool there;
	long fd;

	if (uname(&u) == 0)
		add(r, "kernel", "ok", u.release);
	fd = syscall(SYS_openat2, AT_FDCWD, ".", &how, sizeof(how));
	if (fd >= 0)
		close((int)fd);
	/* A directory that may not be opened says nothing about the kernel;
	 * EPERM is what a filter of system calls answers. */
	there = fd >= 0 || (errno != ENOSYS && errno != EPERM);
	add(r, "openat2", there ? "ok" : "missing",
		there ? "trees are unpacked beneath one directory"
		      : "trees cannot be unpacked: Linux 5.6 or newer is "
			"needed");
	add(r, "/proc", access("/proc/self/fd", X_OK) == 0 ? "ok" : "missing",
		"files get their names through it");
}

static void check_git(struct report_of *r)
{
	char path[4096];
	struct rel_err err;
	bool ok = helper_find(path, sizeof(path), &err) == 0;

	add(r, "relctl-git", ok ? "ok" : "absent",
		ok ? path : "no build and no commit names; the rest works");
}

/* In a child, since there is no way back out of a namespace. */
static bool can_unshare(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID) < 0);
	return pid > 0 && waitpid(pid, &status, 0) == pid &&
	       WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void check_isolation(struct report_of *r)
{
	/* LANDLOCK_CREATE_RULESET_VERSION; headers may be too old to know it.
	 */
	long abi = syscall(444, NULL, 0, 1u);
	char text[64];

	add(r, "user namespaces", can_unshare() ? "ok" : "absent",
		"for isolation, which is not there yet");
	snprintf(text, sizeof(text), abi > 0 ? "version %ld" : "%ld", abi);
	add(r, "Landlock", abi > 0 ? "ok" : "absent",
		abi > 0 ? text : "for isolation, which is not there yet");
	add(r, "cgroup v2",
		access("/sys/fs/cgroup/cgroup.controllers", R_OK) == 0
			? "ok"
			: "absent",
		"for limits, which are not there yet");
}

static void check_store(struct report_of *r)
{
	struct ctx *cx = r->cx;
	struct statvfs fs;
	struct rel_err err;
	char text[512];
	int fd;

	if (ctx_open(cx, NEED_READ, &err) < 0) {
		add(r, "store",
			err.code == REL_ENOTFOUND ? "absent" : "missing",
			err.msg);
		return;
	}
	add(r, "store", "ok", cx->store);
	if (rel_home_load_key(cx->home, &err) == 0)
		add(r, "key", "ok", cx->key);
	else
		add(r, "key", "missing", err.msg);
	fd = openat(rel_store_fd(cx->home->store), ".",
		O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600);
	add(r, "O_TMPFILE", fd >= 0 ? "ok" : "absent",
		fd >= 0		 ? "a crash leaves no temporary names"
		: errno == EROFS ? "the store is read-only"
				 : "temporary names are used instead");
	if (fd >= 0)
		close(fd);
	if (fstatvfs(rel_store_fd(cx->home->store), &fs) == 0) {
		snprintf(text, sizeof(text), "%s free",
			bytes_text((uint64_t)fs.f_bavail * fs.f_frsize).s);
		add(r, "room", fs.f_bavail > 0 ? "ok" : "none", text);
	}
}

static int run(
	struct ctx *cx, void *o, int argc, char **argv, struct rel_err *err)
{
	static const char *const titles[] = { "WHAT", "STATE", "DETAIL" };
	struct report_of r = { .cx = cx };

	(void)o;
	(void)argc;
	(void)argv;
	r.table = table_new(cx, titles, 3, 2);
	r.rows = rel_json_array();
	check_kernel(&r);
	check_git(&r);
	check_store(&r);
	check_isolation(&r);
	table_print(r.table);
	if (cx->json) {
		struct json_t *doc = rel_json_object();

		rel_json_set(doc, "ok", rel_json_bool(!r.bad));
		rel_json_set(doc, "checks", r.rows);
		result_json(cx, "doctor", doc);
		return r.bad ? 1 : 0;
	}
	rel_json_free(r.rows);
	return r.bad ? rel_fail(err, REL_EIO, "something is missing") : 0;
}

const struct cmd cmd_doctor = {
	.name = "doctor",
	.summary = "what this machine offers to relctl",
	.group = "More",
	.run = run,
};
