/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/limits.h"

#include "base/mem.h"
#include "sandbox/cgroup.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define PERIOD_US 100000
/* The kernel refuses less of the one, and more of the other. */
#define MIN_QUOTA_US 1000
#define MAX_PIDS 4194304

enum what {
	MEMORY,
	PIDS,
	CPUS,
};

static const struct {
	const char *option, *controller;
} names[] = {
	[MEMORY] = { "--memory", "memory" },
	[PIDS] = { "--pids", "pids" },
	[CPUS] = { "--cpus", "cpu" },
};

static int64_t quota_us(int64_t cpu_milli)
{
	int64_t us = cpu_milli * (PERIOD_US / 1000);

	return us < MIN_QUOTA_US ? MIN_QUOTA_US : us;
}

/* The keeper is in there, too, and is not what was counted. */
static int64_t with_keeper(int64_t pids)
{
	return pids < MAX_PIDS ? pids + 1 : MAX_PIDS;
}

/* No swap besides; without swap accounting there is nothing to set. */
static bool set_v2(const char *dir, enum what what, int64_t value)
{
	REL_AUTO(rel_freep) char *text = NULL;

	switch (what) {
	case MEMORY:
		text = rel_printf("%lld", (long long)value);
		rel_cgroup_write(dir, "memory.swap.max", "0");
		return rel_cgroup_write(dir, "memory.max", text);
	case PIDS:
		text = rel_printf("%lld", (long long)value);
		return rel_cgroup_write(dir, "pids.max", text);
	case CPUS:
		text = rel_printf(
			"%lld %d", (long long)quota_us(value), PERIOD_US);
		return rel_cgroup_write(dir, "cpu.max", text);
	}
	return false;
}

static bool set_v1(const char *dir, enum what what, int64_t value)
{
	REL_AUTO(rel_freep)
	char *text = rel_printf(
		"%lld", (long long)(what == CPUS ? quota_us(value) : value));
	REL_AUTO(rel_freep) char *period = rel_printf("%d", PERIOD_US);
	bool done;

	switch (what) {
	case MEMORY:
		done = rel_cgroup_write(dir, "memory.limit_in_bytes", text);
		rel_cgroup_write(dir, "memory.memsw.limit_in_bytes", text);
		return done;
	case PIDS:
		return rel_cgroup_write(dir, "pids.max", text);
	case CPUS:
		return rel_cgroup_write(dir, "cpu.cfs_period_us", period) &&
		       rel_cgroup_write(dir, "cpu.cfs_quota_us", text);
	}
	return false;
}

/* Takes ${dir}, if the limit could be set there. */
static bool keep(struct rel_bounds *b, char *dir, bool set)
{
	if (set) {
		b->dirs[b->dirs_n++] = dir;
		return true;
	}
	if (dir)
		rel_cgroup_remove(dir);
	free(dir);
	return false;
}

/*
 * Version 2 before 1; ${v2} is the cgroup that an earlier limit got there, and
 * is shared. Returns the version, 0 for neither.
 */
static int in_cgroup(
	struct rel_bounds *b, const char **v2, enum what what, int64_t value)
{
	const char *controller = names[what].controller;
	char *dir;

	if (*v2 && rel_cgroup_add_v2(*v2, controller) &&
		set_v2(*v2, what, value))
		return 2;
	dir = *v2 ? NULL : rel_cgroup_make_v2(controller);
	if (keep(b, dir, dir && set_v2(dir, what, value))) {
		*v2 = dir;
		return 2;
	}
	dir = rel_cgroup_make_v1(controller);
	return keep(b, dir, dir && set_v1(dir, what, value)) ? 1 : 0;
}

static int refuse(enum what what, uid_t uid, bool own_ns, struct rel_err *err)
{
	rel_fail(err, REL_EREFUSED,
		"%s needs the cgroup controller '%s', which is not delegated "
		"to uid %lu here",
		names[what].option, names[what].controller,
		(unsigned long)geteuid());
	if (what == PIDS && uid == 0)
		return rel_hint(err, "the kernel counts processes without it "
				     "for another --user than root");
	if (what == PIDS && !own_ns)
		return rel_hint(err, "the kernel counts processes without it "
				     "with --isolation=ns");
	return -(int)err->code;
}

static int make_one(const struct rel_limits *limits, enum what what, uid_t uid,
	bool own_ns, struct rel_bounds *b, const char **v2, struct rel_err *err)
{
	const int64_t values[] = {
		[MEMORY] = limits->memory,
		[PIDS] = limits->pids ? with_keeper(limits->pids) : 0,
		[CPUS] = limits->cpu_milli,
	};

	if (values[what] == 0 || in_cgroup(b, v2, what, values[what]))
		return 0;
	/*
	 * RLIMIT_NPROC is never looked at for the real root, and without a
	 * namespace it would count all that this user runs.
	 */
	if (what == MEMORY)
		b->as_bytes = limits->memory;
	else if (what == PIDS && uid != 0 && own_ns)
		b->nproc = values[PIDS];
	else
		return refuse(what, uid, own_ns, err);
	return 0;
}

int rel_bounds_make(const struct rel_limits *limits, uid_t uid, bool own_ns,
	struct rel_bounds *ret, struct rel_err *err)
{
	struct rel_bounds b = { .dirs_n = 0 };
	const char *v2 = NULL;

	for (enum what what = MEMORY; what <= CPUS; what++) {
		int r = make_one(limits, what, uid, own_ns, &b, &v2, err);

		if (r < 0) {
			rel_bounds_done(&b);
			return r;
		}
	}
	*ret = b;
	return 0;
}

int rel_bounds_enter(const struct rel_bounds *b, pid_t pid, struct rel_err *err)
{
	REL_AUTO(rel_freep) char *text = rel_printf("%ld", (long)pid);

	for (size_t i = 0; i < b->dirs_n; i++)
		if (!rel_cgroup_write(b->dirs[i], "cgroup.procs", text))
			return rel_fail_os(err, "put process %ld into '%s'",
				(long)pid, b->dirs[i]);
	return 0;
}

/* Soft and hard; what is lower already stays. */
static int lower(int which, rlim_t most)
{
	struct rlimit old;

	if (getrlimit(which, &old) < 0)
		return -1;
	if (old.rlim_max > most)
		old.rlim_max = most;
	if (old.rlim_cur > old.rlim_max)
		old.rlim_cur = old.rlim_max;
	return setrlimit(which, &old);
}

int rel_bounds_self(const struct rel_bounds *b)
{
	if (b->as_bytes && lower(RLIMIT_AS, (rlim_t)b->as_bytes) < 0)
		return -1;
	if (b->nproc && lower(RLIMIT_NPROC, (rlim_t)b->nproc) < 0)
		return -1;
	return lower(RLIMIT_CORE, 0);
}

void rel_bounds_done(struct rel_bounds *b)
{
	for (size_t i = 0; i < b->dirs_n; i++) {
		rel_cgroup_remove(b->dirs[i]);
		free(b->dirs[i]);
	}
	*b = (struct rel_bounds){ .dirs_n = 0 };
}

static const char *probe(enum what what, const char *otherwise)
{
	static const char *const used[] = { NULL, "cgroup v1", "cgroup v2" };
	struct rel_bounds b = { .dirs_n = 0 };
	const char *v2 = NULL;
	/* Small, so that no limit above forbids it; nobody feels it. */
	int version = in_cgroup(&b, &v2, what, 10);

	rel_bounds_done(&b);
	return version ? used[version] : otherwise;
}

void rel_bounds_probe(struct rel_bounds_support *ret)
{
	ret->memory = probe(MEMORY, "rlimit");
	ret->pids = probe(PIDS, geteuid() == 0 ? NULL : "rlimit");
	ret->cpus = probe(CPUS, NULL);
}
