/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd/opt.h - from option tables to filled structs, by getopt_long.
 *
 * Stricter than getopt_long: an abbreviated name is refused, because a script
 * that uses one breaks on the day another option begins the same way; and
 * POSIXLY_CORRECT changes nothing.
 */
#ifndef RELCTL_OPT_H
#define RELCTL_OPT_H

#include "base/buf.h"
#include "cmd.h"

/* A table and the struct its offsets lead into; opts may be NULL. */
struct opt_table {
	const struct opt *opts;
	void *to;
};

/* What is no option, in order; v[n] is NULL. */
struct words {
	char **v;
	int n;
	bool ended; /* a `--` came before v[0] */
};

/* A zeroed struct becomes "nothing given": every OPT_INT is -1. */
void opt_start(const struct opt_table *t);

/*
 * Parse argv[1] up to argv[argc - 1]. Options end at `--`, or at the first
 * word when ${stop_at_word}. What was parsed before an error stays in the
 * structs. Errors: REL_EUSAGE.
 */
int opt_parse(const struct opt_table *tables, size_t n_tables, int argc,
	char **argv, bool stop_at_word, struct words *ret,
	struct rel_err *err) REL_CHECK;

/* Free the lists of a table's struct. */
void opt_free(const struct opt_table *t);

/* The argument of ${o} must follow, may follow, or there is none. */
bool opt_needs_arg(const struct opt *o);
bool opt_may_have_arg(const struct opt *o);

/* As much of a word as a message may show: a value after '=' can be secret. */
int shown_len(const char *word);

/* help.c: texts from the tables, at most 80 columns wide. */
void help_usage(const struct cmd *cmd, struct rel_buf *out);
void help_command(const struct cmd *cmd, struct rel_buf *out);
void help_overview(const struct cmd *const cmds[], struct rel_buf *out);

/* The command called ${name}; not known: REL_EUSAGE, with a suggestion. */
int cmd_find(const struct cmd *const cmds[], const char *name,
	const struct cmd **ret, struct rel_err *err) REL_CHECK;

/* suggest.c: the candidate that is most like a mistyped word. */
struct suggestion {
	const char *word;
	const char *best; /* NULL: nothing is like it */
	size_t distance;
};
void suggest_try(struct suggestion *s, const char *candidate);

/* What another tool's word for a command is here, or NULL. */
const char *suggest_foreign(const char *word);

#endif
