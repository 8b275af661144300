/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/run/set.h - the supervisor's own structures. For the files that make it
 * up alone:
 *
 *	supervisor.c  start, signals, end
 *	set.c         the instances of a release; the formation
 *	instance.c    one instance: what the table of state.h says is done
 *	ready.c       is it ready, is it alive
 *	stream.c      its output
 *	traffic.c     the relays of --front, draining
 *	switch.c      one set in the place of another
 *	answer.c      what commands ask through the socket
 */
#ifndef REL_RUN_SET_H
#define REL_RUN_SET_H

#include "base/vec.h"
#include "run/control.h"
#include "run/loop.h"
#include "run/probe.h"
#include "run/relay.h"
#include "run/sink.h"
#include "run/state.h"
#include "run/supervisor.h"
#include "sandbox/child.h"

#include <poll.h>
#include <stdio.h>

#define TAIL_LINES 20
#define UPTIME_MS 3000 /* up that long is ready, where nothing else says so */

struct supervisor;
struct set;
struct watcher;

struct instance {
	struct set *set;
	size_t type; /* index in the target's processes */
	int n;	     /* from 1 */
	char name[80];
	int port; /* 0: none */
	enum rel_state state;
	struct rel_backoff backoff;
	int64_t delay_ms; /* of the back-off to come */
	bool asked;	  /* the restart was asked for */
	bool called_away; /* for a switch: back if that fails */
	bool faulty;	  /* it is stopped because it was late or sick */
	struct rel_child child;
	struct rel_timer timer; /* the state's */
	int64_t since_ms;	/* wall clock: of this state */
	int restarts, status;
	bool gave_up;
	/* ready.c */
	struct rel_timer check_timer, up_timer;
	struct rel_probe probe;
	struct rel_child check_child; /* of a `command` check */
	size_t check;		      /* index in the policy's checks */
	int check_failed;
	char sick[200]; /* why the last check failed */
	/* traffic.c */
	bool draining;
	enum rel_input after_drain;
	struct rel_timer drain_timer;
	/* stream.c: the last lines, as they came */
	char *tail[TAIL_LINES];
	size_t tail_n;
};

/* What runs of one release. */
struct set {
	struct supervisor *sup;
	struct rel_target target;
	int port;	/* the base of its ports */
	bool live;	/* its instances get the traffic */
	bool temporary; /* a switch still decides about it */
	REL_VEC(struct instance *) instances;
	struct set *next;
};

struct stream {
	struct supervisor *sup;
	struct instance *of; /* NULL: it is gone */
	char name[80];
	struct rel_log_source src;
	int fd;
	struct rel_lines lines;
	struct stream *next;
};

/* --front and --listen of one type. */
struct front {
	struct rel_endpoint *at;
	struct rel_relay relay;
	struct supervisor *sup;
};

struct exchange; /* switch.c */

struct supervisor {
	struct rel_supervise *how;
	struct rel_loop *loop;
	struct rel_control *control; /* NULL: there is none */
	struct rel_sink *sink;
	struct rel_log log;
	bool choked; /* the sink is full: streams wait */
	struct stream *streams;
	struct set *sets; /* the current one first; others are ending */
	struct rel_formation formation;
	struct front *fronts;
	struct exchange *exchange;	       /* a switch that is under way */
	REL_VEC(struct rel_client *) stoppers; /* who wait for the end */
	int signals;
	int stop_signal;     /* that began it, or 0 */
	int64_t stopping_ms; /* when it began */
	bool stopping, killing, said_ready;
	bool started;		/* one instance could be */
	struct rel_err refused; /* why none can be here */
	int status;		/* the first of those that ended for good */
	REL_VEC(struct watcher *) watchers;
};

/* ---- supervisor.c ---- */
void supervisor_stop(struct supervisor *s, const char *why);

/* ---- instance.c ---- */
struct instance *instance_new(struct set *set, size_t type, int n, int port);
void instance_free(struct instance *i); /* one that does not run */
void instance_input(struct instance *i, enum rel_input in);
const struct rel_policy *instance_policy(const struct instance *i);
const char *instance_type(const struct instance *i);
/* Its environment for ${home}; ${ps} is its name. */
void instance_environ(
	const struct instance *i, const char *home, struct rel_strings *ret);

/* ---- ready.c ---- */
void ready_begin(struct instance *i); /* it was started */
void ready_told(struct instance *i);  /* it says that it is ready */
void ready_up(struct instance *i);    /* it is up: watch its liveness */
void ready_end(struct instance *i);   /* no more checks */

/* ---- stream.c ---- */
/* Two pipes; their writing ends in ret_out and ret_err. */
int streams_open(struct instance *i, int *ret_out, int *ret_err,
	struct rel_err *err) REL_CHECK;
void streams_named(struct instance *i); /* its pid is known */
/* Take what it printed so far: before its end is told, or looked at. */
void streams_catch_up(struct instance *i);
void streams_leave(struct instance *i);	  /* it goes; they end by themselves */
void streams_flow(struct supervisor *s);  /* after each turn */
void streams_close(struct supervisor *s); /* whatever is left */
void say_event(struct supervisor *s, const struct instance *i,
	const char *level, const char *action, int status, const char *fmt, ...)
	REL_PRINTF(6, 7);

/* ---- set.c ---- */
struct set *set_new(struct supervisor *s, struct rel_target *t);
/* Make what ${f} says of type ${type}: new ones are made, not started. */
void set_fill(struct set *set, size_t type, int n);
int set_port(const struct set *set, size_t type, int n);
void set_input(struct set *set, enum rel_input in);
bool set_runs(const struct set *set);
void set_free(struct set *set);
/* Take away ended instances that the formation does not have, ended sets. */
void sets_tidy(struct supervisor *s);
void scale_to(struct supervisor *s, const struct rel_formation *f);

/* ---- traffic.c ---- */
int traffic_open(struct supervisor *s, struct rel_err *err) REL_CHECK;
/* Is each port of the first set free, before anything is started? */
int traffic_check(const struct supervisor *s, struct rel_err *err) REL_CHECK;
void traffic_close(struct supervisor *s);
struct front *traffic_front(const struct supervisor *s, const char *type);
bool traffic_listens(const struct supervisor *s, const char *type);
void traffic_update(struct supervisor *s); /* tell the relays who is up */
/* Take it out of traffic, and when it has drained feed it ${in}. */
void traffic_drain(struct instance *i, enum rel_input in);

/* It is wanted after all: start it, or end its draining. */
void traffic_keep(struct instance *i);

/* ---- switch.c ---- */
/* ${t} is taken. The client is answered when it is over. */
void switch_begin(
	struct supervisor *s, struct rel_client *c, struct rel_target *t);
/* The one who asked is gone, but it has moved: ${c} waits for its end. */
bool switch_join(struct supervisor *s, struct rel_client *c, int64_t release);
void switch_turn(struct supervisor *s); /* after each turn of the loop */
void switch_abort(struct supervisor *s, const char *why);
void switch_gone(struct supervisor *s, struct rel_client *c);

/* ---- answer.c ---- */
void answer_request(
	void *arg, struct rel_client *c, const struct json_t *j, int fd);
void answer_gone(void *arg, struct rel_client *c);
void answer_news(struct instance *i, bool bad); /* for those who watch */
void answer_stopped(struct supervisor *s);
void answer_done(
	struct rel_client *c, int exit, const char *message, const char *hint);

#endif
