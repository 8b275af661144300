/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/base/id.h - a SHA-256 as a name. Floor 0. crypto/digest.h makes them.
 */
#ifndef REL_BASE_ID_H
#define REL_BASE_ID_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rel_id {
	uint8_t b[32];
};

/* 64 lower-case hex digits, by value so that it can stand in a call. */
struct rel_hex {
	char s[65];
};
struct rel_hex rel_id_hex(const struct rel_id *id);

/* Exactly 64 lower-case hex digits, else false. */
bool rel_id_parse(const char *s, struct rel_id *ret);
bool rel_id_equal(const struct rel_id *a, const struct rel_id *b);
bool rel_id_is_zero(const struct rel_id *id);

/* ${n} bytes as 2n lower-case digits and a NUL into ${out}, and back. */
void rel_hex_format(const uint8_t *p, size_t n, char *out);
bool rel_hex_parse(const char *s, size_t n, uint8_t *ret);

#endif
