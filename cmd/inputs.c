/* SPDX-License-Identifier: Apache-2.0 */
#include "inputs.h"

#include "base/file.h"
#include "config/env.h"
#include "out.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
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
	if (fd < 0 && errno == ENOENT)
		return rel_fail(err, REL_ENOTFOUND, "no file '%s'", name);
	if (fd < 0)
		return rel_fail_os(err, "open '%s'", name);
	r = rel_read_fd(fd, 2 * REL_MAX_CONFIG, out, err);
	return r < 0 ? rel_wrap(err, "'%s'", name) : 0;
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

/* One line of stdin, without its newline. */
static int read_line(struct rel_buf *out, struct rel_err *err)
{
	for (;;) {
		char c;
		ssize_t n = read(STDIN_FILENO, &c, 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return rel_fail_os(err, "read stdin");
		if (n == 0 || c == '\n')
			return 0;
		if (c == '\0' || out->len >= REL_MAX_VAR)
			return rel_fail(err, REL_EINVALID,
				"the value on stdin holds NUL or is too long");
		rel_buf_addc(out, c);
	}
}

static int ask(const char *name, struct rel_buf *out, struct rel_err *err)
{
	struct termios before, silent;
	bool terminal = tcgetattr(STDIN_FILENO, &before) == 0;
	int r;

	if (terminal) {
		fprintf(stderr, "%s (not shown): ", name);
		silent = before;
		silent.c_lflag &= ~(tcflag_t)ECHO;
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
	}
	r = read_line(out, err);
	if (terminal) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
		fputc('\n', stderr);
	}
	return r;
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
