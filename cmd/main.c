/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "ctx.h"
#include "opt.h"
#include "out.h"

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A command line, parsed. */
struct call {
	struct globals globals;
	const struct cmd *cmd; /* NULL: none was named */
	void *opts;
	struct words before, words; /* from the command on; its arguments */
};

static void prepare(void)
{
	int fd;

	/* Else a store's file could become stdout. */
	do {
		fd = open("/dev/null", O_RDWR);
		if (fd < 0)
			_exit(1);
	} while (fd <= STDERR_FILENO);
	close(fd);
	/* A write error is reported, not died of. */
	signal(SIGPIPE, SIG_IGN);
	/* LC_CTYPE alone: the numbers and the order of things never vary. */
	setlocale(LC_CTYPE, "");
	/* Tables are as UTF-8 as all other output, also for cron. */
	if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
		setlocale(LC_CTYPE, "C.UTF-8");
}

static int check_count(
	const struct cmd *cmd, const struct words *w, struct rel_err *err)
{
	if (w->n < cmd->min_args && cmd->min_args == 1)
		return rel_fail(
			err, REL_EUSAGE, "'%s' needs an argument", cmd->name);
	if (w->n < cmd->min_args)
		return rel_fail(err, REL_EUSAGE, "'%s' needs %d arguments",
			cmd->name, cmd->min_args);
	if (cmd->max_args >= 0 && w->n > cmd->max_args)
		return rel_fail(err, REL_EUSAGE, "unexpected argument '%.*s'",
			shown_len(w->v[cmd->max_args]), w->v[cmd->max_args]);
	return 0;
}

/* Add what helps with any mistake in the use of ${cmd}. */
static int fail_usage(const struct cmd *cmd, struct rel_err *err)
{
	struct rel_buf usage = REL_BUF_INIT;

	help_usage(cmd, &usage);
	snprintf(err->context, sizeof(err->context), "%s", usage.p);
	rel_buf_free(&usage);
	if (!err->hint[0])
		rel_hint(err, "'relctl help %s' shows more", cmd->name);
	return -(int)err->code;
}

static int parse_command(struct call *c, struct rel_err *err)
{
	const struct cmd *cmd = c->cmd;
	const struct opt_table tables[] = {
		{ cmd->opts, c->opts },
		{ global_opts, &c->globals },
	};
	int r;

	opt_start(&tables[0]);
	if (c->before.ended) {
		c->words =
			(struct words){ .v = rel_alloc((size_t)c->before.n *
						       sizeof(*c->words.v)) };
		for (int i = 1; i < c->before.n; i++)
			c->words.v[c->words.n++] = c->before.v[i];
		return 0;
	}
	r = opt_parse(tables, 2, c->before.n, c->before.v, cmd->stop_at_word,
		&c->words, err);
	return r < 0 ? fail_usage(cmd, err) : 0;
}

/* Global options, the command, its options; a count is no matter for --help. */
static int parse(const struct cmd *const cmds[], int argc, char **argv,
	struct call *c, struct rel_err *err)
{
	const struct opt_table globals = { global_opts, &c->globals };
	int r;

	opt_start(&globals);
	r = opt_parse(&globals, 1, argc, argv, true, &c->before, err);
	if (r < 0)
		return err->hint[0]
			       ? r
			       : rel_hint(err, "a command's own options stand "
					       "after it; see 'relctl help'");
	if (c->before.n == 0)
		return 0;
	r = cmd_find(cmds, c->before.v[0], &c->cmd, err);
	if (r < 0)
		return r;
	c->opts = rel_alloc(c->cmd->opts_size);
	r = parse_command(c, err);
	if (r < 0 || c->globals.help || c->globals.version)
		return r;
	r = check_count(c->cmd, &c->words, err);
	return r < 0 ? fail_usage(c->cmd, err) : 0;
}

static int print_help(const struct call *c, const struct cmd *const cmds[])
{
	struct rel_buf text = REL_BUF_INIT;

	if (c->cmd)
		help_command(c->cmd, &text);
	else
		help_overview(cmds, &text);
	fputs(text.p, stdout);
	rel_buf_free(&text);
	return 0;
}

static int print_version(const struct ctx *cx)
{
	struct json_t *doc;

	if (cx->json) {
		doc = rel_json_object();
		rel_json_set(doc, "version", rel_json_text(RELCTL_VERSION));
		result_json(cx, "version", doc);
	}
	result(cx, "relctl %s", RELCTL_VERSION);
	return 0;
}

static int act(const struct call *c, struct ctx *cx, struct rel_err *err)
{
	enum need need;
	int r;

	if (c->globals.version)
		return print_version(cx);
	if (c->globals.help || !c->cmd)
		return print_help(c, cx->commands);
	need = c->cmd->need;
	r = ctx_places(cx, &c->globals, err);
	if (r < 0 && !c->cmd->anywhere)
		return r;
	if (need != NEED_NOTHING) {
		r = ctx_open(cx, need, err);
		if (r < 0)
			return r;
	}
	return c->cmd->run(cx, c->opts, c->words.n, c->words.v, err);
}

/* Does ${argv} ask for JSON? For an error found before that was parsed. */
static bool says_json(char **argv)
{
	for (; *argv && strcmp(*argv, "--") != 0; argv++) {
		if (strcmp(*argv, "--json") == 0)
			return true;
	}
	return false;
}

static int finish(
	const struct call *c, const struct ctx *cx, int r, struct rel_err *err)
{
	out_done();
	if (r < 0)
		report(cx, err, c->cmd && c->cmd->app_owns_stdout);
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return r < 0 ? failure_status(cx, err) : r;
	if (r >= 0) {
		/* Of an earlier write the reason is not known any more. */
		if (errno)
			rel_fail_os(err, "write to the standard output");
		else
			rel_fail(err, REL_EIO,
				"not all of the output could be written");
		report(cx, err, true);
	}
	return failure_status(cx, err);
}

int cmd_main(const struct cmd *const cmds[], int argc, char **argv)
{
	struct rel_err err = REL_ERR_INIT;
	struct call c = { .cmd = NULL };
	struct ctx cx = { .argc = argc, .argv = argv, .commands = cmds };
	int r, status;

	prepare();
	r = parse(cmds, argc, argv, &c, &err);
	if (r < 0)
		c.globals.json |= says_json(argv);
	ctx_speech(&cx, &c.globals);
	if (c.cmd && c.cmd->own_failures_125 && c.cmd->own_failures_125(c.opts))
		cx.fail_status = 125;
	if (r >= 0)
		r = act(&c, &cx, &err);
	status = finish(&c, &cx, r, &err);
	ctx_close(&cx);
	ctx_done(&cx);
	if (c.cmd)
		opt_free(&(struct opt_table){ c.cmd->opts, c.opts });
	free(c.opts);
	free(c.words.v);
	free(c.before.v);
	return status;
}
