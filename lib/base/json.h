/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/base/json.h - JSON, by jansson, which is included in json.c alone.
 * Floor 0.
 *
 * Canonical JSON here is: compact, keys sorted, UTF-8, no duplicate key. A
 * record is accepted only if formatting it again gives the same bytes.
 * Values are owned by whoever made them until they are put into another one.
 */
#ifndef REL_BASE_JSON_H
#define REL_BASE_JSON_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_t;

/* Makers. A text that is not UTF-8 is taken in its mtree(5) form; NULL: null.
 */
struct json_t *rel_json_object(void);
struct json_t *rel_json_array(void);
struct json_t *rel_json_text(const char *s);
struct json_t *rel_json_number(int64_t n);
struct json_t *rel_json_bool(bool b);

/* Take ${value} into ${to}; returns ${to}, so that calls can be chained. */
struct json_t *rel_json_set(
	struct json_t *to, const char *key, struct json_t *value);
struct json_t *rel_json_push(struct json_t *to, struct json_t *value);
struct json_t *rel_json_copy(const struct json_t *j);
void rel_json_free(struct json_t *j);
/* For REL_AUTO on a struct json_t *. */
void rel_json_freep(struct json_t **j);
/* The same for one that has values of config variables: overwrites its texts,
 * so none of them may be in another value too. */
void rel_json_wipep(struct json_t **j);

/* Getters. All take NULL and a value of another kind, and say "not there". */
const struct json_t *rel_json_get(const struct json_t *j, const char *key);
const char *rel_json_str(const struct json_t *j); /* NULL: no text */
bool rel_json_int(const struct json_t *j, int64_t *ret);
bool rel_json_true(const struct json_t *j);
bool rel_json_is_bool(const struct json_t *j);
bool rel_json_is_object(const struct json_t *j);
bool rel_json_is_array(const struct json_t *j);
size_t rel_json_len(const struct json_t *j); /* members or elements */
const struct json_t *rel_json_at(const struct json_t *j, size_t i);
const char *rel_json_get_str(const struct json_t *j, const char *key);
int64_t rel_json_get_int(const struct json_t *j, const char *key, int64_t none);

/* Call ${fn} for each member, sorted by key. */
void rel_json_each(const struct json_t *j,
	void (*fn)(void *arg, const char *key, const struct json_t *value),
	void *arg);

/*
 * Parse ${n} bytes. Duplicate keys, NULs in texts, trailing bytes are errors.
 * rel_json_parse_canonical also wants the bytes to be the canonical ones.
 * Errors: REL_EINVALID with line and column.
 */
int rel_json_parse(const char *p, size_t n, struct json_t **ret,
	struct rel_err *err) REL_CHECK;
int rel_json_parse_canonical(const char *p, size_t n, struct json_t **ret,
	struct rel_err *err) REL_CHECK;

/* Add the canonical form, or one that is indented for people. */
void rel_json_format(const struct json_t *j, struct rel_buf *out);
void rel_json_format_pretty(const struct json_t *j, struct rel_buf *out);

#endif
