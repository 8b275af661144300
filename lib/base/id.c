/* SPDX-License-Identifier: Apache-2.0 */
#include "base/id.h"

#include <string.h>

void rel_hex_format(const uint8_t *p, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[p[i] >> 4];
		out[2 * i + 1] = digits[p[i] & 15];
	}
	out[2 * n] = '\0';
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

bool rel_hex_parse(const char *s, size_t n, uint8_t *ret)
{
	for (size_t i = 0; i < n; i++) {
		int hi = digit(s[2 * i]);
		int lo = hi < 0 ? -1 : digit(s[2 * i + 1]);

		if (lo < 0)
			return false;
		ret[i] = (uint8_t)(hi << 4 | lo);
	}
	return s[2 * n] == '\0';
}

struct rel_hex rel_id_hex(const struct rel_id *id)
{
	struct rel_hex h;

	rel_hex_format(id->b, sizeof(id->b), h.s);
	return h;
}

bool rel_id_parse(const char *s, struct rel_id *ret)
{
	struct rel_id id;

	if (!rel_hex_parse(s, sizeof(id.b), id.b))
		return false;
	*ret = id;
	return true;
}

bool rel_id_equal(const struct rel_id *a, const struct rel_id *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

bool rel_id_is_zero(const struct rel_id *id)
{
	static const struct rel_id zero;

	return rel_id_equal(id, &zero);
}
