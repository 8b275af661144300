/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/config/command.c - how a Procfile's command is started (docs/formats.md,
 * 8).
 *
 * A shell that only waits for the app is in the way: it is the process that
 * gets the signals and whose exit status is seen. So a plain command is
 * started without one, and a shell that is needed to expand words is told to
 * exec. Where it is not certain that exec means the same, it is left out: the
 * signals go to the process group in any case.
 */
#include "config/command.h"

#include "base/buf.h"
#include "base/mem.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define PLAIN                                                                  \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"       \
	"_./:@%+,=-"
#define BLANK " \t"

/* Builtins and reserved words of dash and of bash as sh; sorted bytewise. */
static const char *const shell_words[] = { "!", ".", ":", "[", "[[", "]]",
	"alias", "bg", "bind", "break", "builtin", "caller", "case", "cd",
	"chdir", "command", "compgen", "complete", "compopt", "continue",
	"coproc", "declare", "dirs", "disown", "do", "done", "echo", "elif",
	"else", "enable", "esac", "eval", "exec", "exit", "export", "false",
	"fc", "fg", "fi", "for", "function", "getopts", "hash", "help",
	"history", "if", "in", "jobs", "kill", "let", "local", "logout",
	"mapfile", "popd", "printf", "pushd", "pwd", "read", "readarray",
	"readonly", "return", "select", "set", "shift", "shopt", "source",
	"suspend", "test", "then", "time", "times", "trap", "true", "type",
	"typeset", "ulimit", "umask", "unalias", "unset", "until", "wait",
	"while", "{", "}" };

static int compare(const void *key, const void *word)
{
	return strcmp(key, *(const char *const *)word);
}

static bool is_shell_word(const char *word)
{
	return bsearch(word, shell_words,
		       sizeof(shell_words) / sizeof(*shell_words),
		       sizeof(*shell_words), compare) != NULL;
}

/* After the character or the quoted text at ${p}; NULL: it does not end, or
 * shells do not agree where ($'…'). */
static const char *skip_one(const char *p)
{
	switch (*p) {
	case '\\':
		return p[1] ? p + 2 : NULL;
	case '\'':
		p = strchr(p + 1, '\'');
		return p ? p + 1 : NULL;
	case '`':
		for (p++; *p != '`'; p++) {
			if (*p == '\\')
				p++;
			if (!*p)
				return NULL;
		}
		return p + 1;
	case '"':
		for (p++; *p != '"';) {
			if (!*p)
				return NULL;
			if (*p == '\\' || *p == '`')
				p = skip_one(p);
			else
				p++;
			if (!p)
				return NULL;
		}
		return p + 1;
	case '$':
		return p[1] == '\'' || p[1] == '"' ? NULL : p + 1;
	default:
		return p + 1;
	}
}

/* The end of the shell word at ${p}; NULL as in skip_one. */
static const char *word_end(const char *p)
{
	while (p && *p && !strchr(BLANK "<>", *p))
		p = skip_one(p);
	return p;
}

/* After the redirection at ${p} and its target, ${p} itself if there is none,
 * NULL if it is not one that can be passed over. */
static const char *redirection_end(const char *p)
{
	const char *op = p + strspn(p, "0123456789");
	const char *target = op + strspn(op, "<>");
	const char *end;

	if (target == op)
		return p;
	if (!strncmp(op, "<<", 2))
		return NULL;
	target += strspn(target, BLANK);
	end = word_end(target);
	return end == target ? NULL : end;
}

static bool is_assignment(const char *p, const char *end)
{
	const char *name = p;

	if (isdigit((unsigned char)*p))
		return false;
	while (p < end && (isalnum((unsigned char)*p) || *p == '_'))
		p++;
	return p > name && p < end && *p == '=';
}

/* Is the command word surely one that `exec` starts just as the shell does? */
static bool may_exec(const char *p, const char *end)
{
	REL_AUTO(rel_buf_free) struct rel_buf word = REL_BUF_INIT;

	/* A builtin is one in quotes too. */
	for (; p < end; p++)
		if (!strchr("'\"\\", *p))
			rel_buf_addc(&word, *p);
	if (!word.len || strchr("-#", *word.p) || strchr(word.p, '='))
		return false;
	/* An expansion may turn out a builtin, but not a path. */
	if (strchr(word.p, '/'))
		return true;
	return !strpbrk(word.p, "$`*?[~") && !is_shell_word(word.p);
}

/* Where `exec ` goes in; NULL: nowhere. */
static const char *exec_place(const char *command)
{
	const char *p = command, *end;

	if (strpbrk(command, ";&|(){}\n"))
		return NULL;
	for (;; p = end) {
		p += strspn(p, BLANK);
		end = redirection_end(p);
		if (!end)
			return NULL;
		if (end != p)
			continue;
		end = word_end(p);
		if (!end || end == p)
			return NULL;
		if (!is_assignment(p, end))
			return may_exec(p, end) ? p : NULL;
	}
}

/* Split a command that means the same without a shell; false: it has one. */
static bool split_plain(const char *command, struct rel_strings *ret)
{
	const char *p = command + strspn(command, BLANK);
	size_t n = strspn(p, PLAIN);
	REL_AUTO(rel_freep) char *first = rel_strndup(p, n);

	if (!n || command[strspn(command, PLAIN BLANK)] || strchr(first, '=') ||
		is_shell_word(first))
		return false;
	for (; n; p += strspn(p, BLANK), n = strspn(p, PLAIN)) {
		rel_strings_push(ret, rel_strndup(p, n));
		p += n;
	}
	return true;
}

void rel_command_words(const char *command, struct rel_strings *ret)
{
	const char *place;

	if (split_plain(command, ret))
		return;
	place = exec_place(command);
	rel_strings_push(ret, rel_strdup("/bin/sh"));
	rel_strings_push(ret, rel_strdup("-c"));
	if (place)
		rel_strings_push(
			ret, rel_printf("%.*sexec %s", (int)(place - command),
				     command, place));
	else /* with a space, lest the shell take it for an option */
		rel_strings_push(ret,
			rel_printf("%s%s",
				*command == '-' || *command == '+' ? " " : "",
				command));
}
