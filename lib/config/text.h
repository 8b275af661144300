/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/config/text.h - what the readers of text files here share. Private to
 * this folder.
 */
#ifndef REL_CONFIG_TEXT_H
#define REL_CONFIG_TEXT_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* Does a line end at ${p}: by LF, by CR LF, or by the end of the file? */
bool rel_text_at_eol(const char *p, const char *end);

/* The first byte at or after ${p} where a line ends. */
const char *rel_text_eol(const char *p, const char *end);

/* The beginning of the line after the one that ends at ${eol}. */
const char *rel_text_next(const char *eol, const char *end);

/*
 * The first byte from ${p} to ${eol}, in one line, that no text file may have:
 * a NUL, a CR (that does not end the line), one that is not UTF-8. *ret_what
 * says which. NULL: there is none.
 */
const char *rel_text_bad_byte(
	const char *p, const char *eol, const char **ret_what);

/* Does the text begin with a byte order mark? */
#define REL_TEXT_BOM "\xef\xbb\xbf"
bool rel_text_has_bom(const char *p, size_t n);

/* "  LINE | ", which is the margin of every source line that is shown. */
void rel_text_add_margin(struct rel_buf *out, size_t line);

/* The caret line under a margin of that width and ${columns} of text. */
void rel_text_add_caret(struct rel_buf *out, size_t margin, size_t columns);

/* A place in a JSON file: SECTION.NAME[item].KEY. */
struct rel_text_key {
	const char *section;
	const char *name; /* as in the file, or NULL */
	size_t item;	  /* 1 is [0]; 0: none */
	const char *key;  /* as in the file, or NULL */
};

/* Fail with "'env.PORT' ", escaped and not too long, before the message.
 * Returns -REL_EINVALID. */
int rel_text_fail_key(struct rel_err *err, const struct rel_text_key *k,
	const char *fmt, ...) REL_PRINTF(3, 4);

#endif
