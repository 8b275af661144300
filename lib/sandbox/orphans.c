/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/orphans.h"

#include "base/vec.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct process {
	pid_t pid, parent;
	int64_t memory;
	bool ours;
};

struct processes {
	struct process *v;
	size_t n, cap;
};

/* Parent and resident pages stand behind the name, which is in brackets and
 * may hold some (proc(5), fields 4 and 24). */
static bool look_at(const char *pid, struct process *ret)
{
	char path[300], text[1024];
	const char *at;
	long pages = 0;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	at = strrchr(text, ')');
	ret->pid = (pid_t)atoi(pid);
	if (!at ||
		sscanf(at + 1,
			" %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u "
			"%*d %*d %*d %*d %*d %*d %*u %*u %ld",
			&ret->parent, &pages) != 2)
		return false;
	ret->memory = (int64_t)pages * sysconf(_SC_PAGESIZE);
	return true;
}

static bool is_below(
	const struct processes *all, const struct process *p, pid_t top)
{
	if (p->parent == top)
		return true;
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].ours && all->v[i].pid == p->parent)
			return true;
	return false;
}

/* One that has ended meanwhile has none. */
static void add_children(
	const char *pid, const char *thread, struct processes *all)
{
	char path[300];
	FILE *f;
	int child;

	snprintf(path, sizeof(path), "/proc/%s/task/%s/children", pid, thread);
	f = fopen(path, "re");
	while (f && fscanf(f, "%d", &child) == 1)
		rel_vec_push(
			all, ((struct process){ .pid = child, .ours = true }));
	if (f)
		fclose(f);
}

/* The children of all its threads. */
static void look_below(pid_t pid, struct processes *all)
{
	char name[24], path[48];
	struct dirent *de;
	DIR *threads;

	snprintf(name, sizeof(name), "%d", (int)pid);
	snprintf(path, sizeof(path), "/proc/%s/task", name);
	threads = opendir(path);
	while (threads && (de = readdir(threads)) != NULL)
		if (atoi(de->d_name) > 0)
			add_children(name, de->d_name, all);
	if (threads)
		closedir(threads);
}

/* All processes; ours are those beneath ${top}. */
static void scan_all(pid_t top, struct processes *all)
{
	DIR *proc = opendir("/proc");
	struct dirent *de;
	bool more = true;

	while (proc && (de = readdir(proc)) != NULL) {
		struct process p = { 0 };

		if (atoi(de->d_name) > 0 && look_at(de->d_name, &p))
			rel_vec_push(all, p);
	}
	if (proc)
		closedir(proc);
	while (more) {
		more = false;
		for (size_t i = 0; i < all->n; i++) {
			struct process *p = &all->v[i];

			if (!p->ours && is_below(all, p, top))
				p->ours = more = true;
		}
	}
}

static void scan(pid_t top, struct processes *all)
{
	/* Where the kernel lists them: fifty at once would be slow else. */
	if (access("/proc/thread-self/children", R_OK) < 0) {
		scan_all(top, all);
		return;
	}
	look_below(top, all);
	for (size_t i = 0; i < all->n; i++)
		look_below(all->v[i].pid, all);
}

int rel_orphans_kill(pid_t pid)
{
	struct processes all = { 0 };
	int killed = 0;

	scan(pid, &all);
	for (size_t i = 0; i < all.n; i++)
		if (all.v[i].ours && kill(all.v[i].pid, SIGKILL) == 0)
			killed++;
	rel_vec_free(&all);
	return killed;
}

int64_t rel_orphans_memory(pid_t pid)
{
	struct processes all = { 0 };
	int64_t sum = 0;

	scan(pid, &all);
	for (size_t i = 0; i < all.n; i++) {
		struct process *p = &all.v[i];
		char name[24];

		snprintf(name, sizeof(name), "%d", (int)p->pid);
		if (p->ours && look_at(name, p))
			sum += p->memory;
	}
	rel_vec_free(&all);
	return sum;
}
