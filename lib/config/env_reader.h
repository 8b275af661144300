/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/config/env_reader.h - the parts of the env file reader: env.c has lines
 * and names, env_value.c values, env_fault.c tells what is wrong without
 * telling a value. Private to this folder.
 */
#ifndef REL_CONFIG_ENV_READER_H
#define REL_CONFIG_ENV_READER_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* All texts are constants, but the name, which is a part of the file. */
struct rel_env_fault {
	size_t line, column;
	const char *what;
	size_t see;	  /* another line to look at, or 0 */
	const char *hint; /* or NULL */
	const char *form; /* what follows the name in the hint, or NULL */
	const char *name; /* only a valid one before a '=', else NULL */
	size_t name_n;
	bool continued; /* the line is not the one that has the name */
	size_t order;	/* of finding */
};

struct rel_env_faults {
	struct rel_env_fault *v;
	size_t n, cap;
};

struct rel_env_reader {
	const char *p, *end;
	const char *bol; /* where the line that p is in begins */
	size_t line;
	const char *name; /* whose value is read; NULL: not a valid one */
	size_t name_n, name_line;
	struct rel_env_faults faults;
};

static inline bool rel_env_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Go to the beginning of the next line, or to the end. */
void rel_env_next_line(struct rel_env_reader *r);

/* Note a fault at ${at} in this line; the result may be completed. */
struct rel_env_fault *rel_env_fault(struct rel_env_reader *r, const char *at,
	const char *what, const char *hint, const char *form);

/*
 * Add the value that begins at p, behind the '=', to ${value}. p is then in
 * the line where the value ends, or at the end of a file with an open quote.
 * What is wrong is noted.
 */
void rel_env_read_value(struct rel_env_reader *r, struct rel_buf *value);

/*
 * Make one error of all faults; of several in one line the first counts.
 * There must be one. Returns -REL_EINVALID.
 */
int rel_env_report(
	const char *label, struct rel_env_faults *faults, struct rel_err *err);

#endif
