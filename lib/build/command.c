/* SPDX-License-Identifier: Apache-2.0 */
#include "build/command.h"

#include "base/file.h"
#include "base/mem.h"
#include "config/command.h"
#include "sandbox/child.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

static const int deadly[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT };

struct watch {
	struct rel_child child;
	int signals; /* signalfd */
	sigset_t old_mask;
	struct sigaction old_chld;
	mode_t old_umask;
	int got;      /* the signal that ended it, or 0 */
	bool stopped; /* it wanted the terminal */
};

static bool is_ignored(int sig)
{
	struct sigaction now;

	return sigaction(sig, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

static int begin_watch(struct watch *w, struct rel_err *err)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(deadly) / sizeof(*deadly); i++)
		if (!is_ignored(deadly[i]))
			sigaddset(&set, deadly[i]);
	w->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (w->signals < 0)
		return rel_fail_os(err, "make a signal descriptor");
	sigaddset(&set, SIGTTOU);
	sigprocmask(SIG_BLOCK, &set, &w->old_mask);
	/* Ignored, it would have the kernel reap the child before we can. */
	sigaction(SIGCHLD, &dfl, &w->old_chld);
	/* The same files on every machine. */
	w->old_umask = umask(022);
	return 0;
}

static void end_watch(struct watch *w)
{
	if (w->signals < 0)
		return;
	umask(w->old_umask);
	rel_closep(&w->signals);
	sigaction(SIGCHLD, &w->old_chld, NULL);
	sigprocmask(SIG_SETMASK, &w->old_mask, NULL);
}

static int await_end(struct watch *w, struct rel_err *err)
{
	for (;;) {
		struct pollfd fds[] = {
			{ .fd = w->child.link, .events = POLLIN },
			{ .fd = w->signals, .events = POLLIN },
		};
		struct signalfd_siginfo si;
		enum rel_news news;

		if (poll(fds, 2, -1) < 0 && errno != EINTR) {
			rel_fail_os(err, "wait for the build command");
			rel_child_kill(&w->child);
			rel_child_await(&w->child);
			return -(int)err->code;
		}
		while (read(w->signals, &si, sizeof(si)) == sizeof(si)) {
			w->got = (int)si.ssi_signo;
			rel_child_kill(&w->child);
		}
		while ((news = rel_child_news(&w->child, NULL))) {
			if (news == REL_NEWS_ENDED)
				return 0;
			/* Nothing would ever continue it. */
			w->stopped = news == REL_NEWS_STOPPED || w->stopped;
			if (w->stopped)
				rel_child_kill(&w->child);
		}
	}
}

/* Nothing but this, so that it is the same everywhere. */
static void make_environ(
	const struct rel_command *c, const char *home, struct rel_strings *ret)
{
	rel_strings_push(ret, rel_printf("HOME=%s", home));
	rel_strings_push(ret, rel_strdup("LANG=C.UTF-8"));
	rel_strings_push(ret,
		rel_printf("PATH=%s/bin:/usr/local/bin:/usr/bin:/bin", home));
	rel_strings_push(ret, rel_printf("RELCTL_COMMIT=%s", c->commit->id));
	rel_strings_push(ret,
		rel_printf("SOURCE_DATE_EPOCH=%" PRId64, c->commit->time_s));
}

static int spawn(struct rel_command *c, const struct rel_strings *argv,
	struct rel_child *ret, struct rel_err *err)
{
	REL_AUTO(rel_strings_done) struct rel_strings env = { 0 };
	REL_AUTO(rel_closep) int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	const char *const hidden[] = { c->home->opt.store, c->home->opt.key };
	const struct rel_sandbox box = {
		.level = c->isolation,
		.tree_fd = c->tree_fd,
		.tree = c->tree,
		.tree_writable = true,
		.no_network = !c->network,
		.hidden = hidden,
		.hidden_n = 2,
	};
	const struct rel_spawn how = { .box = &box,
		.argv = argv,
		.env = &env,
		.in = null,
		.out = STDERR_FILENO,
		.err = STDERR_FILENO,
		.no_notify = true };

	if (null < 0)
		return rel_fail_os(err, "open '/dev/null'");
	make_environ(c, rel_sandbox_home(&box), &env);
	return rel_child_spawn(&how, ret, err);
}

/* With the best level that works, if none was asked for. */
static int start(struct rel_command *c, const struct rel_strings *argv,
	struct rel_child *ret, struct rel_err *err)
{
	const struct rel_events *events = c->home->opt.events;
	bool search = c->isolation == REL_ISOLATION_AUTO;
	int r;

	if (search)
		c->isolation = REL_ISOLATION_NS;
	r = spawn(c, argv, ret, err);
	if (r == -REL_EREFUSED && search && ret->impossible) {
		c->isolation = REL_ISOLATION_LANDLOCK;
		rel_notice(events, "%s: '%s' instead", err->msg,
			rel_isolation_name(c->isolation));
		r = spawn(c, argv, ret, err);
	}
	if (r == -REL_EREFUSED && search && ret->impossible)
		return rel_hint(err,
			"build --isolation=none --network runs the build "
			"command without any");
	if (r < 0 && !c->network && c->isolation == REL_ISOLATION_NONE)
		return rel_hint(err, "without isolation only root can take the "
				     "network away; --network leaves it");
	return r;
}

static int judge(
	const struct rel_command *c, const struct watch *w, struct rel_err *err)
{
	if (w->got)
		return rel_fail(err, REL_ECOMMAND,
			"the build command was ended by signal %d", w->got);
	if (w->stopped)
		return rel_fail(err, REL_ECOMMAND,
			"the build command was ended: it waited for the "
			"terminal, which it does not have");
	if (w->child.status == 0)
		return 0;
	rel_fail(err, REL_ECOMMAND, "the build command ended with status %d",
		w->child.status);
	if (c->network)
		return -REL_ECOMMAND;
	return rel_hint(err, "it had no network: --network allows it");
}

int rel_command_run(struct rel_command *c, int *ret_signal, struct rel_err *err)
{
	REL_AUTO(rel_strings_done) struct rel_strings argv = { 0 };
	REL_AUTO(end_watch) struct watch w = { .signals = -1 };
	int r;

	rel_command_words(c->line, &argv);
	r = begin_watch(&w, err);
	if (r == 0)
		r = start(c, &argv, &w.child, err);
	if (r < 0)
		return r;
	/* execve failed; the message says why. */
	if (w.child.pidfd < 0) {
		err->code = REL_ECOMMAND;
		return rel_wrap(err, "the build command");
	}
	r = await_end(&w, err);
	*ret_signal = w.got;
	return r < 0 ? r : judge(c, &w, err);
}
