/* SPDX-License-Identifier: Apache-2.0 */
#include "base/pool.h"

#include "base/mem.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>

#define MOST_WORKERS 16u /* more only wait for the owner, and for the disk */

struct worker {
	pthread_t thread;
	unsigned number; /* from 1 */
	struct rel_pool *pool;
};

struct rel_pool {
	pthread_mutex_t lock;	      /* for all that follows */
	pthread_cond_t more;	      /* a job was added, or it is the end */
	pthread_cond_t done;	      /* a job is done */
	struct rel_job *first, **end; /* not begun yet */
	size_t waiting;		      /* how many these are */
	unsigned width, started, idle;
	bool no_more; /* threads, says the system */
	size_t open;  /* jobs that are not done */
	bool ending;
	struct worker workers[MOST_WORKERS];
};

static unsigned count_cpus(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return 1;
	return (unsigned)CPU_COUNT(&set);
}

void rel_pool_begin(unsigned width, struct rel_pool **ret)
{
	struct rel_pool *p = rel_alloc(sizeof(*p));

	if (width == 0)
		width = count_cpus();
	p->width = width < MOST_WORKERS ? width : MOST_WORKERS;
	p->end = &p->first;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->more, NULL);
	pthread_cond_init(&p->done, NULL);
	*ret = p;
}

unsigned rel_pool_width(const struct rel_pool *p)
{
	return p->width;
}

/* Do the oldest job, which is there. The lock is held before and after. */
static void do_one(struct rel_pool *p, unsigned worker)
{
	struct rel_job *j = p->first;

	p->first = j->next;
	p->waiting--;
	if (!p->first)
		p->end = &p->first;
	pthread_mutex_unlock(&p->lock);
	j->run(j, worker);
	pthread_mutex_lock(&p->lock);
	j->done = true;
	p->open--;
	pthread_cond_broadcast(&p->done);
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct rel_pool *p = w->pool;

	pthread_mutex_lock(&p->lock);
	for (;;) {
		while (!p->first && !p->ending) {
			p->idle++;
			pthread_cond_wait(&p->more, &p->lock);
			p->idle--;
		}
		if (!p->first)
			break;
		do_one(p, w->number);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* One thread more; where the system allows none the owner does the work. The
 * lock is held. */
static void start_worker(struct rel_pool *p)
{
	struct worker *w = &p->workers[p->started];
	sigset_t all, mine;

	w->number = p->started + 1;
	w->pool = p;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &mine);
	if (pthread_create(&w->thread, NULL, work, w) == 0)
		p->started++;
	else
		p->no_more = true;
	pthread_sigmask(SIG_SETMASK, &mine, NULL);
}

void rel_pool_add(struct rel_pool *p, struct rel_job *j)
{
	j->next = NULL;
	pthread_mutex_lock(&p->lock);
	j->done = false;
	*p->end = j;
	p->end = &j->next;
	p->open++;
	p->waiting++;
	if (p->idle > 0)
		pthread_cond_signal(&p->more);
	/* One that was woken is idle until it runs: it takes one job only. */
	if (p->waiting > p->idle && p->started + 1 < p->width && !p->no_more)
		start_worker(p);
	pthread_mutex_unlock(&p->lock);
}

bool rel_pool_done(struct rel_pool *p, const struct rel_job *j)
{
	bool done;

	pthread_mutex_lock(&p->lock);
	done = j->done;
	pthread_mutex_unlock(&p->lock);
	return done;
}

/* Lend a hand while there is something to do, else sleep. The lock is held. */
static void help(struct rel_pool *p)
{
	if (p->first)
		do_one(p, 0);
	else
		pthread_cond_wait(&p->done, &p->lock);
}

void rel_pool_wait(struct rel_pool *p, const struct rel_job *j)
{
	pthread_mutex_lock(&p->lock);
	while (!j->done)
		help(p);
	pthread_mutex_unlock(&p->lock);
}

void rel_pool_endp(struct rel_pool **pp)
{
	struct rel_pool *p = *pp;

	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	while (p->open > 0)
		help(p);
	p->ending = true;
	pthread_cond_broadcast(&p->more);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->started; i++)
		pthread_join(p->workers[i].thread, NULL);
	pthread_cond_destroy(&p->done);
	pthread_cond_destroy(&p->more);
	pthread_mutex_destroy(&p->lock);
	free(p);
	*pp = NULL;
}
