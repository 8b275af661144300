/* SPDX-License-Identifier: Apache-2.0 */
#include "run/supervisor.h"

#include "base/clock.h"
#include "base/file.h"
#include "run/set.h"
#include "run/systemd.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* At the end, for a reader that takes nothing; and when relctl was told twice.
 */
#define DRAIN_MS 5000
#define DRAIN_KILLED_MS 200

#define SAME_SIGNAL_MS 50

static const int handled[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2,
	SIGCHLD, SIGTTOU };

void supervisor_stop(struct supervisor *s, const char *why)
{
	struct set *next;

	if (s->stopping)
		return;
	s->stopping = true;
	s->stopping_ms = rel_monotonic_ms();
	say_event(s, NULL, "info", "stopping", -1, "%s", why);
	rel_systemd_tell(s->how->notify_socket, "STOPPING=1");
	switch_abort(s, "relctl is stopping");
	for (struct set *set = s->sets; set; set = next) {
		next = set->next;
		set_input(set, REL_INPUT_STOP);
	}
}

static void pass_on(struct supervisor *s, int sig)
{
	for (struct set *set = s->sets; set; set = set->next)
		for (size_t i = 0; i < set->instances.n; i++)
			rel_child_signal(
				&set->instances.v[i]->child, sig, true);
}

static void on_stop_signal(struct supervisor *s, int sig)
{
	char why[64];

	if (!s->stopping) {
		snprintf(why, sizeof(why), "SIG%s received, stopping",
			rel_signal_name(sig).s);
		s->stop_signal = sig;
		supervisor_stop(s, why);
		return;
	}
	/* One who signals the process and its group (timeout(1)) means one. */
	if (sig == s->stop_signal &&
		rel_monotonic_ms() - s->stopping_ms < SAME_SIGNAL_MS)
		return;
	s->killing = true;
	say_event(s, NULL, "warn", "killing", -1,
		"SIG%s received again, killing", rel_signal_name(sig).s);
	for (struct set *set = s->sets; set; set = set->next)
		set_input(set, REL_INPUT_KILL);
}

static void on_signal(void *arg, int fd, short revents)
{
	struct supervisor *s = arg;
	struct signalfd_siginfo si;

	(void)revents;
	while (read(fd, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
		switch (si.ssi_signo) {
		case SIGCHLD:
			/* Also what nobody here started: as pid 1, or as the
			 * heir of a keeper that was killed. Keepers tell by
			 * their link. */
			while (waitpid(-1, NULL, WNOHANG) > 0)
				;
			break;
		case SIGUSR1:
		case SIGUSR2:
			pass_on(s, (int)si.ssi_signo);
			break;
		case SIGTTOU:
			break;
		default:
			on_stop_signal(s, (int)si.ssi_signo);
		}
	}
}

static int catch_signals(
	struct supervisor *s, sigset_t *ret_old, struct rel_err *err)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(handled) / sizeof(*handled); i++)
		sigaddset(&set, handled[i]);
	sigprocmask(SIG_BLOCK, &set, ret_old);
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->signals < 0)
		return rel_fail_os(err, "make a signal descriptor");
	/* Ignored, it would have the kernel reap before we can. */
	signal(SIGCHLD, SIG_DFL);
	rel_loop_watch(s->loop, s->signals, POLLIN, on_signal, s);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	return 0;
}

static int open_control(struct supervisor *s, struct rel_err *err)
{
	const struct rel_control_fns fns = { answer_request, answer_gone, s };
	int r = rel_control_open(s->how->store_fd, s->sets->target.app, s->loop,
		&fns, &s->control, err);

	if (r != -REL_EIO)
		return r;
	/* A full or read-only disk: what runs is worth more than the rest. */
	rel_notice(s->how->events, "commands cannot reach this supervisor: %s",
		err->msg);
	return 0;
}

static int begin(struct supervisor *s, struct rel_err *err)
{
	struct set *set = s->sets;
	int r = open_control(s, err);

	if (r == 0)
		r = rel_sink_open(STDOUT_FILENO, s->how->drop, &s->sink, err);
	if (r == 0)
		r = traffic_open(s, err);
	if (r < 0)
		return r;
	for (size_t t = 0; t < set->target.processes.n; t++) {
		const char *type = set->target.processes.v[t].type;

		set_fill(set, t, rel_formation_get(&s->formation, type, 0));
	}
	r = traffic_check(s, err);
	if (r == 0 && s->how->begun)
		s->how->begun(s->how->begun_arg);
	rel_closep(s->how->lock_fd);
	for (size_t i = 0; r == 0 && i < set->instances.n; i++) {
		instance_input(set->instances.v[i], REL_INPUT_START);
		if (s->refused.code == REL_OK)
			continue;
		*err = s->refused;
		r = -(int)err->code;
	}
	return r;
}

/* systemd waits for the first moment in which all are ready. */
static void tell_ready(struct supervisor *s)
{
	const struct set *set = s->sets;

	if (s->said_ready || s->stopping)
		return;
	for (size_t i = 0; i < set->instances.n; i++)
		if (set->instances.v[i]->state != REL_STATE_UP &&
			set->instances.v[i]->state != REL_STATE_ENDED)
			return;
	s->said_ready = true;
	rel_systemd_tell(s->how->notify_socket, "READY=1");
}

static bool is_over(const struct supervisor *s)
{
	bool any = false;

	for (const struct set *set = s->sets; set; set = set->next) {
		if (set_runs(set))
			return false;
		any = any || set->instances.n > 0;
	}
	/* Scaled to nothing it waits for better times. */
	return s->stopping || (any && !s->exchange);
}

static int serve(struct supervisor *s, struct rel_err *err)
{
	int r = 0;

	while (r == 0 && !is_over(s)) {
		r = rel_loop_turn(s->loop, err);
		switch_turn(s);
		sets_tidy(s);
		streams_flow(s);
		tell_ready(s);
	}
	return r;
}

static void give_up_waiting(void *arg)
{
	*(bool *)arg = true;
}

/* What was printed before the end is still in the pipes. A reader that is slow
 * gets all of it, one that has stalled is not waited for. */
static void last_lines(struct supervisor *s)
{
	struct rel_timer timer = { 0 };
	uint64_t written = 0;
	int64_t waits_ms = 0;
	bool late = false;
	struct rel_err ignored;

	for (;;) {
		int64_t most_ms = s->killing ? DRAIN_KILLED_MS : DRAIN_MS;

		streams_flow(s);
		if (!s->streams && rel_sink_fd(s->sink) < 0)
			break;
		if (waits_ms != most_ms || rel_sink_written(s->sink) != written)
			rel_loop_arm(s->loop, &timer,
				rel_monotonic_ms() + most_ms, give_up_waiting,
				&late);
		waits_ms = most_ms;
		written = rel_sink_written(s->sink);
		if (rel_loop_turn(s->loop, &ignored) < 0 || late)
			break;
	}
	rel_loop_disarm(s->loop, &timer);
	if (rel_sink_fd(s->sink) >= 0)
		rel_notice(s->how->events,
			"nobody reads relctl's output: its end is lost");
}

static void end(struct supervisor *s, const sigset_t *old)
{
	if (s->sink)
		last_lines(s);
	answer_stopped(s);
	rel_control_closep(&s->control);
	while (s->sets) {
		struct set *set = s->sets;

		s->sets = set->next;
		set_free(set);
	}
	traffic_close(s);
	streams_close(s);
	rel_sink_closep(&s->sink);
	rel_formation_done(&s->formation);
	rel_closep(&s->signals);
	rel_loop_freep(&s->loop);
	for (size_t i = 0; i < s->how->listen_n; i++)
		rel_closep(&s->how->listen[i].fd);
	for (size_t i = 0; i < s->how->front_n; i++)
		rel_closep(&s->how->front[i].fd);
	sigprocmask(SIG_SETMASK, old, NULL);
}

/* An instance takes four descriptors of ours. It gets the limit that we had:
 * programs that use select(2) count on it. */
static void have_descriptors(struct rel_sandbox *box)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) < 0)
		return;
	box->files = (int64_t)l.rlim_cur;
	l.rlim_cur = l.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &l) < 0)
		box->files = 0;
}

static int name_width(const struct rel_processes *p)
{
	int most = 6;

	for (size_t i = 0; i < p->n; i++)
		if (!rel_process_is_hook(p->v[i].type) &&
			(int)strlen(p->v[i].type) + 2 > most)
			most = (int)strlen(p->v[i].type) + 2;
	return most;
}

int rel_supervise(
	struct rel_supervise *how, int *ret_status, struct rel_err *err)
{
	/* No set lives as long as the log. */
	REL_AUTO(rel_freep) char *app = rel_strdup(how->target->app);
	struct supervisor s = { .how = how, .signals = -1 };
	sigset_t old;
	int r;

	s.loop = rel_loop_new();
	s.sets = set_new(&s, how->target);
	s.sets->live = true;
	for (size_t i = 0; i < how->formation->n; i++)
		rel_formation_set(&s.formation, how->formation->v[i].type,
			how->formation->v[i].n);
	s.log = (struct rel_log){ how->format, how->color,
		name_width(&s.sets->target.processes), app };
	have_descriptors(how->box);
	r = catch_signals(&s, &old, err);
	if (r == 0)
		r = begin(&s, err);
	if (r == 0)
		r = serve(&s, err);
	*ret_status = s.stopping ? 0 : s.status;
	end(&s, &old);
	return r;
}
