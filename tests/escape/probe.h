/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/escape/probe.h - what a process would try to get out.
 *
 * A probe returns 0 when it has done what it must not, else the errno of what
 * refused it. It leaves the machine as it was: it runs outside, too, to show
 * that it can succeed.
 */
#ifndef PROBE_H
#define PROBE_H

#include <stddef.h>

struct probe {
	const char *name;
	int args; /* how many it needs */
	int (*run)(char **arg);
};

extern const struct probe file_probes[];
extern const struct probe process_probes[];
extern const struct probe kernel_probes[];
extern const struct probe bomb_probes[];

/* Something that the probe needs is not there: says so and ends, status 99. */
_Noreturn void broken(const char *what);

/* A process number; "keeper" is this process's parent. */
int pid_of(const char *text);

/* 0 when ${r} says success, else errno. */
int tried(long r);

#endif
