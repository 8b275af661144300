/* SPDX-License-Identifier: Apache-2.0 */
/* What this machine offers, and what each missing piece costs. Changes
 * nothing; works without a store. */
#include "cmds.h"
#include "helper.h"
#include "home/home.h"
#include "out.h"
#include "sandbox/limits.h"
#include "sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
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
	bool ok = helper_find("relctl-git", path, sizeof(path), &err) == 0;

	add(r, "relctl-git", ok ? "ok" : "absent",
		ok ? path : "no build and no commit names; the rest works");
	ok = helper_find("relctl-import", path, sizeof(path), &err) == 0;
	add(r, "relctl-import", ok ? "ok" : "absent",
		ok ? path : "no import; the rest works");
}

/* Of the first level that works: what auto takes. */
static enum rel_isolation best(const struct rel_sandbox_support *s)
{
	return s->ns	     ? REL_ISOLATION_NS
	       : s->landlock ? REL_ISOLATION_LANDLOCK
			     : REL_ISOLATION_NONE;
}

static struct json_t *level_json(enum rel_isolation level, bool works,
	const char *why, const struct rel_sandbox_support *s)
{
	struct json_t *j = rel_json_object(), *gaps = rel_json_array();
	const struct rel_gap *g;

	for (size_t i = 0; (g = rel_sandbox_gap(level, s->landlock_abi, i));
		i++)
		rel_json_push(gaps,
			rel_json_set(rel_json_set(rel_json_object(), "name",
					     rel_json_text(g->name)),
				"detail", rel_json_text(g->text)));
	rel_json_set(j, "level", rel_json_text(rel_isolation_name(level)));
	rel_json_set(j, "works", rel_json_bool(works));
	rel_json_set(j, "why", rel_json_text(why));
	return rel_json_set(j, "gaps", gaps);
}

static struct json_t *isolation_json(
	const struct rel_sandbox_support *s, const struct rel_bounds_support *b)
{
	struct json_t *j = rel_json_object(), *levels = rel_json_array(),
		      *limits = rel_json_object();

	rel_json_push(
		levels, level_json(REL_ISOLATION_NS, s->ns, s->ns_why, s));
	rel_json_push(levels, level_json(REL_ISOLATION_LANDLOCK, s->landlock,
				      s->landlock_why, s));
	rel_json_set(limits, "memory", rel_json_text(b->memory));
	rel_json_set(limits, "pids", rel_json_text(b->pids));
	rel_json_set(limits, "cpus", rel_json_text(b->cpus));
	rel_json_set(j, "auto", rel_json_text(rel_isolation_name(best(s))));
	rel_json_set(j, "levels", levels);
	rel_json_set(j, "limits", limits);
	rel_json_set(j, "landlock_abi", rel_json_number(s->landlock_abi));
	return rel_json_set(j, "unix_scope", rel_json_bool(s->unix_scope));
}

static void say_gaps(struct report_of *r, enum rel_isolation level, int abi)
{
	char what[64];
	const struct rel_gap *g;

	for (size_t i = 0; (g = rel_sandbox_gap(level, abi, i)); i++) {
		snprintf(what, sizeof(what), "%s: %s",
			rel_isolation_name(level), g->name);
		add(r, what, "open", g->text);
	}
}

static void say_levels(struct report_of *r, const struct rel_sandbox_support *s)
{
	enum rel_isolation level = best(s);
	char text[1024];

	add(r, "isolation", level == REL_ISOLATION_NS ? "ok" : "absent",
		level == REL_ISOLATION_NS	  ? "auto takes ns"
		: level == REL_ISOLATION_LANDLOCK ? "auto takes landlock"
						  : "auto takes none: an app "
						    "can read what its user "
						    "can, the key too");
	snprintf(text, sizeof(text), "%s%s%s", s->ns_why,
		*s->ns_fix ? "; " : "", s->ns_fix);
	add(r, "ns", s->ns ? "ok" : "absent",
		s->ns ? "a root of its own with /app, /usr and /etc, own "
			"processes"
		      : text);
	snprintf(text, sizeof(text),
		"version %d: the kernel refuses what is not in the view",
		s->landlock_abi);
	add(r, "landlock", s->landlock ? "ok" : "absent",
		s->landlock ? text : s->landlock_why);
	add(r, "seccomp", s->seccomp ? "ok" : "absent",
		s->seccomp ? "system calls that no app needs are refused"
			   : "neither ns nor landlock: the kernel has no "
			     "filter of system calls");
	add(r, "abstract sockets", s->unix_scope ? "ok" : "absent",
		s->unix_scope ? "those of others are out of reach"
			      : "those of the machine can be connected to "
				"(Linux 6.12), but with --no-network");
}

static void say_limits(struct report_of *r, const struct rel_bounds_support *b)
{
	bool rlimit = b->memory && !strcmp(b->memory, "rlimit");

	add(r, "--memory", b->memory && !rlimit ? "ok" : "absent",
		!b->memory ? "refused: no cgroup controller 'memory'"
		: rlimit   ? "address space of each process alone, which "
			     "node and Java reserve far more of than they use: "
			     "no cgroup is delegated to this user"
			   : b->memory);
	add(r, "--pids", b->pids ? "ok" : "absent",
		!b->pids			 ? "refused: no cgroup "
						   "controller 'pids' is "
						   "delegated to this user"
		: strcmp(b->pids, "rlimit") == 0 ? "rlimit, with ns alone"
						 : b->pids);
	add(r, "--cpus", b->cpus ? "ok" : "absent",
		b->cpus ? b->cpus
			: "refused: no cgroup controller 'cpu' is delegated "
			  "to this user");
}

/* Returns what is for --json alone. */
static struct json_t *check_isolation(struct report_of *r)
{
	struct rel_sandbox_support s;
	struct rel_bounds_support b;

	rel_sandbox_probe(&s);
	rel_bounds_probe(&b);
	say_levels(r, &s);
	say_limits(r, &b);
	say_gaps(r, REL_ISOLATION_NS, s.landlock_abi);
	say_gaps(r, REL_ISOLATION_LANDLOCK, s.landlock_abi);
	return isolation_json(&s, &b);
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
	REL_AUTO(rel_json_freep) struct json_t *isolation = NULL;

	(void)o;
	(void)argc;
	(void)argv;
	r.table = table_new(cx, titles, 3, 2);
	r.rows = rel_json_array();
	check_kernel(&r);
	check_git(&r);
	check_store(&r);
	isolation = check_isolation(&r);
	table_print(r.table);
	if (cx->json) {
		struct json_t *doc = rel_json_object();

		rel_json_set(doc, "ok", rel_json_bool(!r.bad));
		rel_json_set(doc, "checks", r.rows);
		rel_json_set(doc, "isolation", isolation);
		isolation = NULL;
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
