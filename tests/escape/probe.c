/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/escape/probe.c - probe NAME [ARG…]: one attempt. Its last line is
 * "open", or "blocked: REASON".
 */
#include "probe.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <unistd.h>

void broken(const char *what)
{
	printf("broken: %s: %s\n", what, strerror(errno));
	exit(99);
}

int pid_of(const char *text)
{
	return strcmp(text, "keeper") ? atoi(text) : getppid();
}

int tried(long r)
{
	return r < 0 ? errno : 0;
}

/* A process with something to take: a variable, memory, a segment of it that
 * only its user may read. Ends with its stdin. */
static int victim(void)
{
	static char secret[] = "a secret in memory";
	int shm = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
	char end;

	if (shm < 0)
		broken("shmget");
	printf("%ld %ju %d\n", (long)getpid(), (uintmax_t)(uintptr_t)secret,
		shm);
	fflush(stdout);
	while (read(STDIN_FILENO, &end, 1) > 0)
		;
	return shmctl(shm, IPC_RMID, NULL);
}

/* For the setuid copy: is it who it would like to be? */
static int is_user(const char *uid)
{
	return geteuid() == (uid_t)atoi(uid) ? 0 : 1;
}

static const struct probe *find(const char *name)
{
	static const struct probe *const lists[] = { file_probes,
		process_probes, kernel_probes, bomb_probes };

	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
		for (const struct probe *p = lists[i]; p->name; p++)
			if (!strcmp(p->name, name))
				return p;
	return NULL;
}

int main(int argc, char **argv)
{
	const struct probe *p = argc > 1 ? find(argv[1]) : NULL;
	int why;

	if (argc == 2 && !strcmp(argv[1], "victim"))
		return victim();
	if (argc == 3 && !strcmp(argv[1], "is-user"))
		return is_user(argv[2]);
	if (!p || p->args != argc - 2) {
		fprintf(stderr, "probe: NAME and its arguments\n");
		return 99;
	}
	why = p->run(argv + 2);
	if (why == 0)
		puts("open");
	else
		printf("blocked: %s\n", strerrorname_np(why));
	return 0;
}
