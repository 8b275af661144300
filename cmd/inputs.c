/* SPDX-License-Identifier: Apache-2.0 */
#include "inputs.h"

#include "base/file.h"
#include "config/env.h"
#include "opt.h"
#include "out.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

static int read_input(
	const char *name, struct rel_buf *out, struct rel_err *err)
{
	REL_AUTO(rel_closep) int fd = -1;
	int r;

	if (strcmp(name, "-") == 0) {
		r = rel_read_fd(STDIN_FILENO, 2 * REL_MAX_CONFIG, out, err);
		return r < 0 ? rel_wrap(err, "stdin") : 0;
	}
	/* Unlike what is in the store, a user's file may be a link or a pipe.
	 */
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) {
		rel_fail(err, REL_ENOTFOUND, "no file '%.*s'", shown_len(name),
			name);
		return strchr(name, '=')
			       ? rel_hint(err, "-e takes a file; --set "
					       "takes NAME=VALUE")
			       : -REL_ENOTFOUND;
	}
	if (fd < 0)
		return rel_fail_os(err, "open '%.*s'", shown_len(name), name);
	r = rel_read_fd(fd, 2 * REL_MAX_CONFIG, out, err);
	return r < 0 ? rel_wrap(err, "'%.*s'", shown_len(name), name) : 0;
}

int inputs_env(const struct opt_list *files, struct rel_config *ret,
	struct rel_err *err)
{
	for (size_t i = 0; i < files->n; i++) {
		REL_AUTO(rel_buf_wipe) struct rel_buf text = REL_BUF_INIT;
		REL_AUTO(rel_config_done) struct rel_config c = { 0 };
		const char *name = files->v[i];
		int r = read_input(name, &text, err);

		if (r == 0)
			r = rel_env_parse(strcmp(name, "-") ? name : "stdin",
				rel_buf_str(&text), text.len, &c, err);
		if (r == 0)
			r = rel_config_merge(ret, &c, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* One line of stdin, without its newline. Its end alone is no value: it is
 * what a job without a stdin has. */
static int read_line(struct rel_buf *out, struct rel_err *err)
{
	for (;;) {
		char c;
		ssize_t n = read(STDIN_FILENO, &c, 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return rel_fail_os(err, "read stdin");
		if (n == 0 && out->len == 0)
			return rel_fail(err, REL_EINVALID,
				"stdin ended where a value was expected");
		if (n == 0 || c == '\n')
			return 0;
		if (c == '\0' || out->len >= REL_MAX_VAR)
			return rel_fail(err, REL_EINVALID,
				"the value on stdin holds NUL or is too long");
		rel_buf_addc(out, c);
	}
}

/* Until there is something to read, or a signal that would end relctl and
 * leave a terminal that shows nothing: its number, else 0. */
static int wait_for_line(int signals)
{
	struct pollfd fds[] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = signals, .events = POLLIN },
	};
	struct signalfd_siginfo si;

	while (poll(fds, 2, -1) < 0 && errno == EINTR)
		;
	if (read(signals, &si, sizeof(si)) == (ssize_t)sizeof(si))
		return (int)si.ssi_signo;
	return 0;
}

/* What the kernel keeps of a line typed at a terminal; it drops the rest. */
#define MAX_TYPED 4095u

/* From a terminal, without echo: silent before the prompt invites to type. */
static int ask_terminal(const char *name, const struct termios *before,
	struct rel_buf *out, struct rel_err *err)
{
	struct termios silent = *before;
	sigset_t set, old;
	int signals, sig, r = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals < 0)
		return rel_fail_os(err, "make a signal descriptor");
	sigprocmask(SIG_BLOCK, &set, &old);
	silent.c_lflag &= ~(tcflag_t)ECHO;
	silent.c_cc[VSUSP] = _POSIX_VDISABLE;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
	fprintf(stderr, "%s (not shown): ", name);
	sig = wait_for_line(signals);
	if (sig == 0)
		r = read_line(out, err);
	if (r == 0 && out->len >= MAX_TYPED)
		r = rel_fail(err, REL_EINVALID,
			"a terminal takes lines of less than %u bytes: put it "
			"in a file and let stdin read that",
			MAX_TYPED);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, before);
	fputc('\n', stderr);
	close(signals);
	if (sig != 0)
		raise(sig);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return r;
}

static int ask(const char *name, struct rel_buf *out, struct rel_err *err)
{
	struct termios before;
	int r;

	if (tcgetattr(STDIN_FILENO, &before) == 0)
		r = ask_terminal(name, &before, out, err);
	else
		r = read_line(out, err);
	return r < 0 && err->code == REL_EINVALID ? rel_wrap(err, "'%s'", name)
						  : r;
}

int inputs_set(const struct opt_list *words, struct rel_config *ret,
	struct rel_err *err)
{
	for (size_t i = 0; i < words->n; i++) {
		REL_AUTO(rel_buf_wipe) struct rel_buf value = REL_BUF_INIT;
		REL_AUTO(rel_buf_free) struct rel_buf name = REL_BUF_INIT;
		const char *word = words->v[i], *eq = strchr(word, '=');
		int r;

		rel_buf_add(
			&name, word, eq ? (size_t)(eq - word) : strlen(word));
		r = rel_config_check_name(name.p, name.len, err);
		if (r == 0 && rel_config_get(ret, name.p))
			r = rel_fail(err, REL_EINVALID, "'%s' is given twice",
				name.p);
		if (r == 0 && eq)
			rel_buf_adds(&value, eq + 1);
		else if (r == 0)
			r = ask(name.p, &value, err);
		if (r == 0)
			r = rel_config_set(
				ret, name.p, rel_buf_str(&value), err);
		if (r < 0)
			return r;
	}
	return 0;
}
