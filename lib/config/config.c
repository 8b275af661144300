/* SPDX-License-Identifier: Apache-2.0 */
#include "config/config.h"

#include "base/entry.h"
#include "base/mem.h"
#include "base/vec.h"

#include <stdlib.h>
#include <string.h>

static void wipe(char *s)
{
	if (s)
		explicit_bzero(s, strlen(s));
	free(s);
}

void rel_config_done(struct rel_config *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->v[i].name);
		wipe(c->v[i].value);
	}
	rel_vec_free(c);
}

/* Where ${name} is, or where it belongs. */
static bool find(const struct rel_config *c, const char *name, size_t *ret_at)
{
	size_t from = 0, to = c->n;

	while (from < to) {
		size_t mid = from + (to - from) / 2;
		int r = strcmp(c->v[mid].name, name);

		if (r == 0) {
			*ret_at = mid;
			return true;
		}
		if (r < 0)
			from = mid + 1;
		else
			to = mid;
	}
	*ret_at = from;
	return false;
}

const char *rel_config_get(const struct rel_config *c, const char *name)
{
	size_t at;

	return find(c, name, &at) ? c->v[at].value : NULL;
}

static bool is_name_byte(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
	       (c >= '0' && c <= '9');
}

/* What is no name may be a value in the wrong place, so it is not shown. */
int rel_config_check_name(const char *name, size_t n, struct rel_err *err)
{
	if (n == 0)
		return rel_fail(
			err, REL_EINVALID, "the name of a variable is empty");
	if (n > REL_MAX_VAR_NAME)
		return rel_fail(err, REL_EINVALID,
			"a name of more than %u bytes", REL_MAX_VAR_NAME);
	if (name[0] >= '0' && name[0] <= '9')
		return rel_fail(
			err, REL_EINVALID, "a name that begins with a digit");
	for (size_t i = 0; i < n; i++)
		if (!is_name_byte(name[i]))
			return rel_fail(err, REL_EINVALID,
				"a name with a byte that is no letter, "
				"digit or '_' (byte %zu)",
				i + 1);
	if ((n == 2 && memcmp(name, "PS", 2) == 0) ||
		(n >= 7 && memcmp(name, "RELCTL_", 7) == 0))
		return rel_fail(err, REL_EINVALID,
			"'%.*s' is a name that relctl sets itself", (int)n,
			name);
	return 0;
}

static size_t var_size(const struct rel_var *v)
{
	return strlen(v->name) + strlen(v->value) + sizeof("=");
}

static size_t config_size(const struct rel_config *c)
{
	size_t size = 0;

	for (size_t i = 0; i < c->n; i++)
		size += var_size(&c->v[i]);
	return size;
}

static int over_limit(struct rel_err *err)
{
	return rel_fail(err, REL_EINVALID,
		"a config of more than %u bytes in all", REL_MAX_CONFIG);
}

static int check_value(
	const char *name, const char *value, size_t n, struct rel_err *err)
{
	if (!rel_utf8_valid(value, n))
		return rel_fail(err, REL_EINVALID,
			"the value of '%s' is not UTF-8", name);
	if (strlen(name) + n + sizeof("=") > REL_MAX_VAR)
		return rel_fail(err, REL_EINVALID,
			"'%s' is of more than %u bytes, with its value", name,
			REL_MAX_VAR);
	return 0;
}

static void insert(struct rel_config *c, size_t at, const char *name,
	const char *value, size_t value_n)
{
	rel_vec_more(c);
	memmove(&c->v[at + 1], &c->v[at], (c->n - 1 - at) * sizeof(*c->v));
	c->v[at].name = rel_strdup(name);
	c->v[at].value = rel_strndup(value, value_n);
}

int rel_config_set(struct rel_config *c, const char *name, const char *value,
	struct rel_err *err)
{
	size_t at, size, value_n = strlen(value);
	bool there;
	int r = rel_config_check_name(name, strlen(name), err);

	if (r == 0)
		r = check_value(name, value, value_n, err);
	if (r < 0)
		return r;

	there = find(c, name, &at);
	size = config_size(c) + strlen(name) + value_n + sizeof("=");
	if (there)
		size -= var_size(&c->v[at]);
	if (size > REL_MAX_CONFIG)
		return over_limit(err);

	if (there) {
		/* copied before the wipe: ${value} may be the old value */
		char *copy = rel_strndup(value, value_n);

		wipe(c->v[at].value);
		c->v[at].value = copy;
	} else {
		insert(c, at, name, value, value_n);
	}
	return 0;
}

bool rel_config_unset(struct rel_config *c, const char *name)
{
	size_t at;

	if (!find(c, name, &at))
		return false;
	free(c->v[at].name);
	wipe(c->v[at].value);
	c->n--;
	memmove(&c->v[at], &c->v[at + 1], (c->n - at) * sizeof(*c->v));
	return true;
}

static void append(struct rel_config *c, const struct rel_var *v)
{
	insert(c, c->n, v->name, v->value, strlen(v->value));
}

int rel_config_merge(struct rel_config *c, const struct rel_config *from,
	struct rel_err *err)
{
	REL_AUTO(rel_config_done) struct rel_config both = { 0 };
	struct rel_config old;
	size_t i = 0, j = 0;

	while (i < c->n || j < from->n) {
		int r = i == c->n      ? 1
			: j == from->n ? -1
				       : strcmp(c->v[i].name, from->v[j].name);

		if (r < 0) {
			append(&both, &c->v[i++]);
			continue;
		}
		append(&both, &from->v[j++]);
		i += r == 0;
	}
	if (config_size(&both) > REL_MAX_CONFIG)
		return over_limit(err);
	old = *c;
	*c = both;
	both = old;
	return 0;
}

void rel_config_format(const struct rel_config *c, struct rel_buf *out)
{
	for (size_t i = 0; i < c->n; i++) {
		rel_buf_adds(out, c->v[i].name);
		rel_buf_addc(out, '=');
		rel_buf_add(out, c->v[i].value, strlen(c->v[i].value) + 1);
	}
}

/* One "NAME=value NUL" of ${n} bytes, the NUL included. */
static int parse_var(
	struct rel_config *c, const char *p, size_t n, struct rel_err *err)
{
	const char *is = memchr(p, '=', n);
	const char *last = c->n ? c->v[c->n - 1].name : "";
	struct rel_var v;
	int r;

	if (!is)
		return rel_fail(err, REL_EINVALID, "no '='");
	r = rel_config_check_name(p, (size_t)(is - p), err);
	if (r < 0)
		return r;
	v.name = rel_strndup(p, (size_t)(is - p));
	r = check_value(v.name, is + 1, n - (size_t)(is + 1 - p) - 1, err);
	if (r == 0 && strcmp(last, v.name) >= 0)
		r = rel_fail(err, REL_EINVALID, "the names are not sorted");
	if (r == 0)
		insert(c, c->n, v.name, is + 1, n - (size_t)(is + 1 - p) - 1);
	free(v.name);
	return r;
}

int rel_config_parse(
	struct rel_config *c, const char *p, size_t n, struct rel_err *err)
{
	const char *end = p + n;
	int r = n > REL_MAX_CONFIG ? over_limit(err) : 0;

	while (r == 0 && p < end) {
		const char *stop = memchr(p, '\0', (size_t)(end - p));

		if (!stop) {
			r = rel_fail(err, REL_EINVALID, "no NUL at the end");
			break;
		}
		r = parse_var(c, p, (size_t)(stop + 1 - p), err);
		p = stop + 1;
	}
	if (r == 0)
		return 0;
	rel_config_done(c);
	err->code = REL_EINTEGRITY;
	return rel_wrap(err, "a sealed config is damaged");
}

size_t rel_config_diff(const struct rel_config *from,
	const struct rel_config *to, struct rel_config_change **ret)
{
	REL_VEC(struct rel_config_change) out = { 0 };
	size_t i = 0, j = 0;

	while (i < from->n || j < to->n) {
		const struct rel_var *a = i < from->n ? &from->v[i] : NULL;
		const struct rel_var *b = j < to->n ? &to->v[j] : NULL;
		int r = !a ? 1 : !b ? -1 : strcmp(a->name, b->name);
		struct rel_config_change change = { 0 };

		if (r < 0)
			change = (struct rel_config_change){ a->name, '-' };
		else if (r > 0)
			change = (struct rel_config_change){ b->name, '+' };
		else if (strcmp(a->value, b->value) != 0)
			change = (struct rel_config_change){ b->name, '~' };
		i += r <= 0;
		j += r >= 0;
		if (change.name)
			rel_vec_push(&out, change);
	}
	*ret = out.v;
	return out.n;
}
