/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/base/pool.h - threads that do jobs while their owner goes on. Floor 0.
 *
 * As many threads work as this process has CPUs, the owner's counted: it lends
 * a hand whenever it waits. So a pool works, only slower, where no thread can
 * be made. All of them are gone when rel_pool_endp returns; no fork may happen
 * while a pool is there. They get no signals.
 *
 *	struct read { struct rel_job job; … };         job comes first
 *	rel_pool_add(p, &a->job); rel_pool_add(p, &b->job);
 *	rel_pool_wait(p, &a->job); … rel_pool_wait(p, &b->job);
 *
 * Jobs are begun in the order in which they were added. Everything that the
 * owner wrote before rel_pool_add is seen by the job, and what the job wrote
 * is seen by the owner after rel_pool_wait. A job never waits for the owner,
 * nor for a job that was added after it: it may be the only one that is run.
 */
#ifndef REL_BASE_POOL_H
#define REL_BASE_POOL_H

#include <stdbool.h>

struct rel_job {
	/* ${worker}: below rel_pool_width, and of no other job at this time;
	 * for what is not to be shared. 0 is the owner. */
	void (*run)(struct rel_job *j, unsigned worker);
	/* the pool's own */
	struct rel_job *next;
	bool done;
};

struct rel_pool;

/* ${width}: the most that work at once, the owner counted; 0: one for each CPU.
 * No thread is made before there is a job for it. */
void rel_pool_begin(unsigned width, struct rel_pool **ret);

/* How many contexts a job may need: one more than the greatest worker. */
unsigned rel_pool_width(const struct rel_pool *p);

/* The job belongs to the pool until it was waited for. It may be added again
 * after that. Only the owner of the pool adds and waits. */
void rel_pool_add(struct rel_pool *p, struct rel_job *j);

/* Is it done? Then rel_pool_wait returns at once. */
bool rel_pool_done(struct rel_pool *p, const struct rel_job *j);
void rel_pool_wait(struct rel_pool *p, const struct rel_job *j);

/* Waits for every job that was added. */
void rel_pool_endp(struct rel_pool **p);

#endif
