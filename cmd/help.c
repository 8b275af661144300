/* SPDX-License-Identifier: Apache-2.0 */
#include "ctx.h"
#include "opt.h"
#include "out.h"

#include <string.h>

#define WIDTH 80u
#define TEXT_COLUMN 26u

/* Columns of a text: bytes that begin a UTF-8 character. */
static size_t columns(const char *s, size_t n)
{
	size_t w = 0;

	for (size_t i = 0; i < n; i++)
		w += (s[i] & 0xc0) != 0x80;
	return w;
}

static void add_spaces(struct rel_buf *b, size_t n)
{
	rel_buf_addf(b, "%*s", (int)n, "");
}

/* Add the words of ${text}; ${at} is the column reached, further lines begin
 * at ${indent}. Ends the line. */
static void add_wrapped(
	struct rel_buf *b, size_t at, size_t indent, const char *text)
{
	bool first = true;

	while (*text) {
		size_t n = strcspn(text, " ");
		size_t w = columns(text, n);

		if (!first && at + 1 + w > WIDTH) {
			rel_buf_addc(b, '\n');
			add_spaces(b, indent);
			at = indent;
			first = true;
		}
		if (!first)
			rel_buf_addc(b, ' ');
		rel_buf_add(b, text, n);
		at += w + !first;
		first = false;
		text += n;
		text += strspn(text, " ");
	}
	rel_buf_addc(b, '\n');
}

static void add_option(struct rel_buf *b, const struct opt *o)
{
	size_t start = b->len, at;

	if (o->letter)
		rel_buf_addf(b, "  -%c, --%s", o->letter, o->name);
	else
		rel_buf_addf(b, "      --%s", o->name);
	if (opt_needs_arg(o))
		rel_buf_addf(b, " %s", o->arg);
	else if (opt_may_have_arg(o))
		rel_buf_addf(b, "[=%s", o->arg + 1);
	at = columns(b->p + start, b->len - start);
	if (at + 2 > TEXT_COLUMN) {
		rel_buf_addc(b, '\n');
		at = 0;
	}
	add_spaces(b, TEXT_COLUMN - at);
	add_wrapped(b, TEXT_COLUMN, TEXT_COLUMN, o->help);
}

static void add_options(
	struct rel_buf *b, const char *title, const struct opt *opts)
{
	bool any = false;

	for (const struct opt *o = opts; o && o->name; o++) {
		if (!o->help)
			continue;
		if (!any)
			rel_buf_addf(b, "\n%s:\n", title);
		any = true;
		add_option(b, o);
	}
}

void help_usage(const struct cmd *cmd, struct rel_buf *out)
{
	struct rel_buf b = REL_BUF_INIT;
	size_t indent;

	rel_buf_addf(out, "usage: relctl %s ", cmd->name);
	indent = columns("usage: relctl  ", 15) + strlen(cmd->name);
	/* Options of exec come first, or they are the program's. */
	rel_buf_adds(&b, "[OPTIONS]");
	if (cmd->args)
		rel_buf_addf(&b, " %s", cmd->args);
	add_wrapped(out, indent, indent, rel_buf_str(&b));
	rel_buf_free(&b);
}

void help_command(const struct cmd *cmd, struct rel_buf *out)
{
	size_t start = out->len;

	rel_buf_addf(out, "relctl %s: ", cmd->name);
	add_wrapped(out, columns(out->p + start, out->len - start), 4,
		cmd->summary);
	rel_buf_addc(out, '\n');
	help_usage(cmd, out);
	if (cmd->examples)
		rel_buf_addf(out, "\nExamples:\n%s", cmd->examples);
	add_options(out, "Options", cmd->opts);
	add_options(out, "Options of every command", global_opts);
}

/* The commands that are the point of it all, each with its summary. */
static void add_work(const struct cmd *const cmds[], struct rel_buf *out)
{
	for (; *cmds; cmds++) {
		if (!(*cmds)->group || strcmp((*cmds)->group, "Work") != 0)
			continue;
		rel_buf_addf(out, "  relctl %-12s ", (*cmds)->name);
		add_wrapped(out, 22, 22, (*cmds)->summary);
	}
}

static void add_group(const struct cmd *const cmds[], const char *group,
	const char *more, struct rel_buf *out)
{
	struct rel_buf names = REL_BUF_INIT;

	for (; *cmds; cmds++) {
		if ((*cmds)->group && strcmp((*cmds)->group, group) == 0)
			rel_buf_addf(&names, "%s ", (*cmds)->name);
	}
	rel_buf_adds(&names, more);
	if (names.len) {
		rel_buf_addf(out, "%-7s", group);
		add_wrapped(out, 7, 7, rel_buf_str(&names));
	}
	rel_buf_free(&names);
}

void help_overview(const struct cmd *const cmds[], struct rel_buf *out)
{
	rel_buf_adds(out,
		"Build, release, run and roll back Twelve-Factor apps.\n\n");
	add_work(cmds, out);
	rel_buf_addc(out, '\n');
	add_group(cmds, "Look", "", out);
	add_group(cmds, "Keep", "", out);
	add_group(cmds, "More", "", out);
	rel_buf_adds(out, "\n'relctl help COMMAND' shows a command's options "
			  "and examples,\n"
			  "'man relctl' explains all of it.\n");
}

int cmd_find(const struct cmd *const cmds[], const char *name,
	const struct cmd **ret, struct rel_err *err)
{
	struct suggestion s = { .word = name };

	for (size_t i = 0; cmds[i]; i++) {
		if (strcmp(cmds[i]->name, name) == 0) {
			*ret = cmds[i];
			return 0;
		}
		if (cmds[i]->group)
			suggest_try(&s, cmds[i]->name);
	}
	rel_fail(err, REL_EUSAGE, "there is no command '%.*s'", shown_len(name),
		name);
	if (suggest_foreign(name))
		s.best = suggest_foreign(name);
	if (s.best)
		return rel_hint(err, "did you mean '%s'?", s.best);
	return rel_hint(err, "'relctl help' lists the commands");
}

/* What the man page check reads: PAGE, then -x and --name of its options. */
static void print_table(const char *page, const struct opt *opts)
{
	printf("%s", page);
	for (const struct opt *o = opts; o && o->name; o++) {
		if (!o->help)
			continue;
		if (o->letter)
			printf(" -%c", o->letter);
		printf(" --%s", o->name);
	}
	putchar('\n');
}

struct args {
	bool table;
};

static const struct opt opts[] = {
	{ "table", 0, OPT_FLAG, offsetof(struct args, table), NULL, NULL },
	{ 0 },
};

static int run(
	struct ctx *cx, void *o, int argc, char **argv, struct rel_err *err)
{
	REL_AUTO(rel_buf_free) struct rel_buf text = REL_BUF_INIT;
	const struct args *a = o;
	const struct cmd *cmd;

	if (a->table) {
		print_table("relctl", global_opts);
		for (const struct cmd *const *c = cx->commands; *c; c++) {
			if ((*c)->group)
				print_table((*c)->name, (*c)->opts);
		}
		return 0;
	}
	if (argc == 0) {
		help_overview(cx->commands, &text);
	} else {
		int r = cmd_find(cx->commands, argv[0], &cmd, err);

		if (r < 0)
			return r;
		help_command(cmd, &text);
	}
	fputs(rel_buf_str(&text), stdout);
	return 0;
}

const struct cmd cmd_help = {
	.name = "help",
	.args = "[COMMAND]",
	.summary = "show what a command does, its options and examples",
	.group = "More",
	.examples = "  relctl help release\n",
	.opts = opts,
	.opts_size = sizeof(struct args),
	.max_args = 1,
	.anywhere = true,
	.run = run,
};
