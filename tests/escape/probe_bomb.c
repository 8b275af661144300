/* SPDX-License-Identifier: Apache-2.0 */
/* tests/escape/probe_bomb.c - more than a limit allows. */
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST 512

static const char *tmp(void)
{
	return getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
}

/* More than N processes besides this one at the same time? */
static int processes(char **arg)
{
	pid_t pids[MOST];
	int n, most = atoi(arg[0]), why = 0;

	for (n = 0; n < most && n < MOST; n++) {
		pids[n] = fork();
		if (pids[n] == 0)
			for (;;)
				pause();
		if (pids[n] < 0) {
			why = errno;
			break;
		}
	}
	for (int i = 0; i < n; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
	return why;
}

/* In a child: its death by the kernel is the answer that is wanted. */
static int memory(char **arg)
{
	size_t size = strtoull(arg[0], NULL, 10);
	int status;
	pid_t pid = fork();
	char *p;

	if (pid == 0) {
		p = mmap(NULL, size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED)
			_exit(errno);
		memset(p, 1, size);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : ENOMEM;
}

static int fill(int fd, size_t size)
{
	static char block[1 << 20];

	for (size_t i = 0; i < size; i += sizeof(block)) {
		ssize_t n = write(fd, block, sizeof(block));

		if (n < (ssize_t)sizeof(block))
			return n < 0 ? errno : ENOSPC;
	}
	return 0;
}

/* Likewise. */
static int disk(char **arg)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		int fd = open(tmp(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);

		_exit(fd < 0 ? errno : fill(fd, strtoull(arg[0], NULL, 10)));
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : ENOMEM;
}

/* What a crash leaves: the memory, with the config in it. */
static int core(char **arg)
{
	char dir[256];
	struct rlimit most = { RLIM_INFINITY, RLIM_INFINITY };
	int status;
	pid_t pid;

	(void)arg;
	strcpy(dir, tmp());
	strcat(dir, "/relctl-escape-XXXXXX");
	if (!mkdtemp(dir) || chdir(dir) < 0)
		broken("make a directory for it");
	if (setrlimit(RLIMIT_CORE, &most) < 0 &&
		getrlimit(RLIMIT_CORE, &most) == 0) {
		most.rlim_cur = most.rlim_max;
		setrlimit(RLIMIT_CORE, &most);
	}
	pid = fork();
	if (pid == 0)
		abort();
	if (waitpid(pid, &status, 0) != pid)
		broken("wait for it");
	execl("/bin/sh", "sh", "-c", "rm -rf \"$PWD\"; echo \"$0\"",
		WCOREDUMP(status) ? "open" : "blocked: EPERM", (char *)NULL);
	return errno;
}

const struct probe bomb_probes[] = {
	{ "processes", 1, processes },
	{ "memory", 1, memory },
	{ "disk", 1, disk },
	{ "core", 0, core },
	{ 0 },
};
