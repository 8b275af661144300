/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Completion scripts, written from the tables: commands, options, and the
 * values that a table knows ("auto|never", FILE, DIR, COMMAND).
 */
#include "ctx.h"
#include "opt.h"
#include "out.h"

#include <string.h>

/* Print ${s} where the shell reads a single-quoted word; ${special} gets a
 * backslash (zsh's own syntax inside the word). */
static void put_quoted(const char *s, const char *special)
{
	for (; *s; s++) {
		if (*s == '\'')
			fputs("'\\''", stdout);
		else if (strchr(special, *s))
			printf("\\%c", *s);
		else
			putchar(*s);
	}
}

/* "a|b" as words. */
static void put_choices(const char *choices, int n)
{
	for (int i = 0; i < n; i++)
		putchar(choices[i] == '|' ? ' ' : choices[i]);
}

static bool is(const char *arg, const char *what)
{
	return arg && strcmp(arg, what) == 0;
}

/* The operand of ${cmd} that is a choice ("bash|zsh"): its length, or 0. */
static int operand_choice(const struct cmd *cmd, const char **ret)
{
	const char *s = cmd->args ? cmd->args : "";

	for (; *s; s += strcspn(s, " "), s += strspn(s, " ")) {
		size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz-|");

		if (n && (s[n] == ' ' || !s[n]) && memchr(s, '|', n)) {
			*ret = s;
			return (int)n;
		}
	}
	return 0;
}

static bool operand_is(const struct cmd *cmd, const char *what)
{
	return cmd->args && strstr(cmd->args, what);
}

static void bash_words(const struct cmd *const cmds[])
{
	for (; *cmds; cmds++) {
		if ((*cmds)->group)
			printf("%s ", (*cmds)->name);
	}
}

static void bash_names(const struct opt *o)
{
	for (; o && o->name; o++) {
		if (o->help)
			printf("--%s ", o->name);
	}
}

/* The cases of what follows an option that must have a value. */
static void bash_values(const char *cmd, const struct opt *o)
{
	for (; o && o->name; o++) {
		if (!o->help || !opt_needs_arg(o))
			continue;
		printf("\t%s:--%s", cmd, o->name);
		if (o->letter)
			printf(" | %s:-%c", cmd, o->letter);
		if (strchr(o->arg, '|')) {
			fputs(") words='", stdout);
			put_choices(o->arg, (int)strlen(o->arg));
			puts("' ;;");
		} else if (is(o->arg, "FILE")) {
			puts(") compopt -o default; return ;;");
		} else if (is(o->arg, "DIR")) {
			puts(") compopt -o dirnames; return ;;");
		} else {
			puts(") return ;;");
		}
	}
}

static void bash_command(const struct cmd *cmd, const struct cmd *const cmds[])
{
	const char *choices;
	int n = operand_choice(cmd, &choices);

	printf("\t%s:*) ", cmd->name);
	if (cmd->stop_at_word || operand_is(cmd, "FILE"))
		fputs("compopt -o default; ", stdout);
	fputs("words=\"$options ", stdout);
	bash_names(cmd->opts);
	put_choices(choices, n);
	if (operand_is(cmd, "COMMAND"))
		bash_words(cmds);
	puts("\" ;;");
}

static void bash(const struct cmd *const cmds[])
{
	fputs("# bash completion of relctl: eval \"$(relctl completion "
	      "bash)\"\n"
	      "_relctl() {\n"
	      "\tlocal cur=${COMP_WORDS[COMP_CWORD]} command='' words='' i\n"
	      "\tlocal options='",
		stdout);
	bash_names(global_opts);
	fputs("'\n"
	      "\tCOMPREPLY=()\n"
	      "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	      "\t\tcase ${COMP_WORDS[i]} in\n\t\t",
		stdout);
	for (const struct opt *o = global_opts; o->name; o++) {
		if (!opt_needs_arg(o))
			continue;
		printf("--%s | ", o->name);
		if (o->letter)
			printf("-%c | ", o->letter);
	}
	fputs("=) i=$((i + 1)) ;;\n"
	      "\t\t-*) ;;\n"
	      "\t\t*) command=${COMP_WORDS[i]} && break ;;\n"
	      "\t\tesac\n"
	      "\tdone\n"
	      "\tcase $command:${COMP_WORDS[COMP_CWORD - 1]} in\n",
		stdout);
	bash_values("*", global_opts);
	for (const struct cmd *const *c = cmds; *c; c++) {
		if ((*c)->group)
			bash_values((*c)->name, (*c)->opts);
	}
	fputs("\t:*) words=\"$options ", stdout);
	bash_words(cmds);
	puts("\" ;;");
	for (const struct cmd *const *c = cmds; *c; c++) {
		if ((*c)->group)
			bash_command(*c, cmds);
	}
	puts("\tesac\n"
	     "\t# shellcheck disable=SC2207 # no word of these has a blank\n"
	     "\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
	     "}\n"
	     "complete -F _relctl relctl");
}

/* One spec of _arguments: '(-a --app)--app[what it is]:APP:action'. */
static void zsh_spec(const struct opt *o, bool letter)
{
	fputs("\t\t'", stdout);
	if (o->kind == OPT_LIST)
		putchar('*');
	else if (o->letter)
		printf("(-%c --%s)", o->letter, o->name);
	if (letter)
		printf("-%c", o->letter);
	else
		printf("--%s%s", o->name,
			!opt_may_have_arg(o) ? ""
			: opt_needs_arg(o)   ? "="
					     : "=-");
	putchar('[');
	put_quoted(o->help, "[]\\");
	putchar(']');
	if (opt_may_have_arg(o)) {
		fputs(opt_needs_arg(o) ? ":" : "::", stdout);
		put_quoted(o->arg, ":\\");
		putchar(':');
		if (strchr(o->arg, '|')) {
			putchar('(');
			put_choices(o->arg, (int)strlen(o->arg));
			putchar(')');
		} else {
			fputs(is(o->arg, "FILE")    ? "_files"
				: is(o->arg, "DIR") ? "_files -/"
						    : " ",
				stdout);
		}
	}
	puts("'");
}

static void zsh_specs(const struct opt *o)
{
	for (; o && o->name; o++) {
		if (!o->help)
			continue;
		zsh_spec(o, false);
		if (o->letter)
			zsh_spec(o, true);
	}
}

static void zsh_command(const struct cmd *cmd)
{
	const char *choices;
	int n = operand_choice(cmd, &choices);

	printf("\t%s)\n\t\tspecs=(\n", cmd->name);
	zsh_specs(cmd->opts);
	fputs("\t\t'*:argument:", stdout);
	if (n) {
		putchar('(');
		put_choices(choices, n);
		putchar(')');
	} else if (operand_is(cmd, "COMMAND")) {
		fputs("{_describe command commands}", stdout);
	} else {
		fputs(cmd->stop_at_word || operand_is(cmd, "FILE") ? "_files"
								   : " ",
			stdout);
	}
	puts("'\n\t\t) ;;");
}

static void zsh(const struct cmd *const cmds[])
{
	puts("#compdef relctl\n"
	     "# zsh completion of relctl: eval \"$(relctl completion zsh)\"\n"
	     "_relctl() {\n"
	     "\tlocal curcontext=$curcontext state line\n"
	     "\tlocal -A opt_args\n"
	     "\tlocal -a options commands specs\n"
	     "\toptions=(");
	zsh_specs(global_opts);
	puts("\t)\n"
	     "\tcommands=(");
	for (const struct cmd *const *c = cmds; *c; c++) {
		if (!(*c)->group)
			continue;
		printf("\t\t'%s:", (*c)->name);
		put_quoted((*c)->summary, ":\\");
		puts("'");
	}
	puts("\t)\n"
	     "\t_arguments -C $options '1:command:->command' '*:: :->words'\n"
	     "\tif [[ $state = command ]]; then\n"
	     "\t\t_describe command commands\n"
	     "\t\treturn\n"
	     "\tfi\n"
	     "\tcase $words[1] in");
	for (const struct cmd *const *c = cmds; *c; c++) {
		if ((*c)->group)
			zsh_command(*c);
	}
	puts("\tesac\n"
	     "\t_arguments $options $specs\n"
	     "}\n"
	     "if [[ $funcstack[1] = _relctl ]]; then\n"
	     "\t_relctl \"$@\"\n"
	     "else\n"
	     "\tcompdef _relctl relctl\n"
	     "fi");
}

static void fish_options(const char *cmd, const struct opt *o)
{
	for (; o && o->name; o++) {
		if (!o->help)
			continue;
		fputs("complete -c relctl", stdout);
		if (cmd)
			printf(" -n '__fish_seen_subcommand_from %s'", cmd);
		if (o->letter)
			printf(" -s %c", o->letter);
		printf(" -l %s", o->name);
		if (opt_needs_arg(o) && is(o->arg, "FILE"))
			fputs(" -rF", stdout);
		else if (opt_needs_arg(o) && is(o->arg, "DIR"))
			fputs(" -xa '(__fish_complete_directories)'", stdout);
		else if (opt_needs_arg(o) && strchr(o->arg, '|')) {
			fputs(" -xa '", stdout);
			put_choices(o->arg, (int)strlen(o->arg));
			putchar('\'');
		} else if (opt_needs_arg(o))
			fputs(" -x", stdout);
		fputs(" -d '", stdout);
		put_quoted(o->help, "\\");
		puts("'");
	}
}

static void fish_command(const struct cmd *cmd)
{
	const char *choices;
	int n = operand_choice(cmd, &choices);

	printf("complete -c relctl -n __fish_use_subcommand -a %s -d '",
		cmd->name);
	put_quoted(cmd->summary, "\\");
	puts("'");
	fish_options(cmd->name, cmd->opts);
	if (!n && !cmd->stop_at_word && !operand_is(cmd, "FILE") &&
		!operand_is(cmd, "COMMAND"))
		return;
	printf("complete -c relctl -n '__fish_seen_subcommand_from %s'",
		cmd->name);
	if (n) {
		fputs(" -a '", stdout);
		put_choices(choices, n);
		puts("'");
	} else if (operand_is(cmd, "COMMAND")) {
		puts(" -a '$__relctl_commands'");
	} else {
		puts(" -F");
	}
}

static void fish(const struct cmd *const cmds[])
{
	puts("# fish completion of relctl: relctl completion fish | source\n"
	     "complete -c relctl -f");
	fputs("set -g __relctl_commands ", stdout);
	bash_words(cmds);
	putchar('\n');
	fish_options(NULL, global_opts);
	for (const struct cmd *const *c = cmds; *c; c++) {
		if ((*c)->group)
			fish_command(*c);
	}
}

static int run(
	struct ctx *cx, void *o, int argc, char **argv, struct rel_err *err)
{
	(void)o;
	(void)argc;
	if (strcmp(argv[0], "bash") == 0)
		bash(cx->commands);
	else if (strcmp(argv[0], "zsh") == 0)
		zsh(cx->commands);
	else if (strcmp(argv[0], "fish") == 0)
		fish(cx->commands);
	else
		return rel_fail(err, REL_EUSAGE,
			"there is no completion for '%s'", argv[0]);
	return 0;
}

const struct cmd cmd_completion = {
	.name = "completion",
	.args = "bash|zsh|fish",
	.summary = "print the script that lets a shell complete relctl's words",
	.group = "More",
	.examples = "  eval \"$(relctl completion bash)\"\n"
		    "  relctl completion fish | source\n",
	.min_args = 1,
	.max_args = 1,
	.anywhere = true,
	.run = run,
};
