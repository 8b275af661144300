/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include "base/mem.h"

#include <jansson.h>
#include <string.h>

/* jansson fails to make a value only for want of memory, or bad UTF-8. */
static json_t *made(json_t *j)
{
	if (!j)
		abort();
	return j;
}

json_t *rel_json_object(void)
{
	return made(json_object());
}

json_t *rel_json_array(void)
{
	return made(json_array());
}

json_t *rel_json_text(const char *s)
{
	struct rel_buf b = REL_BUF_INIT;
	json_t *j;

	if (!s)
		return json_null();
	j = json_string(s);
	if (j)
		return j;
	rel_buf_add_escaped(&b, s, strlen(s));
	j = json_string(rel_buf_str(&b));
	rel_buf_free(&b);
	return made(j);
}

json_t *rel_json_number(int64_t n)
{
	return made(json_integer(n));
}

json_t *rel_json_bool(bool b)
{
	return json_boolean(b);
}

json_t *rel_json_set(json_t *to, const char *key, json_t *value)
{
	if (json_object_set_new(to, key, value) < 0)
		abort();
	return to;
}

json_t *rel_json_push(json_t *to, json_t *value)
{
	if (json_array_append_new(to, value) < 0)
		abort();
	return to;
}

json_t *rel_json_copy(const json_t *j)
{
	return made(json_deep_copy(j));
}

void rel_json_free(json_t *j)
{
	json_decref(j);
}

void rel_json_freep(json_t **j)
{
	json_decref(*j);
	*j = NULL;
}

static void wipe(json_t *j)
{
	const char *key;
	json_t *value;
	size_t i;

	if (json_is_string(j))
		explicit_bzero((void *)(uintptr_t)json_string_value(j),
			json_string_length(j));
	json_array_foreach(j, i, value)
	{
		wipe(value);
	}
	json_object_foreach(j, key, value)
	{
		wipe(value);
	}
}

void rel_json_wipep(json_t **j)
{
	wipe(*j);
	rel_json_freep(j);
}

const json_t *rel_json_get(const json_t *j, const char *key)
{
	return json_object_get(j, key);
}

const char *rel_json_str(const json_t *j)
{
	return json_string_value(j);
}

bool rel_json_int(const json_t *j, int64_t *ret)
{
	if (!json_is_integer(j))
		return false;
	*ret = json_integer_value(j);
	return true;
}

bool rel_json_true(const json_t *j)
{
	return json_is_true(j);
}

bool rel_json_is_bool(const json_t *j)
{
	return json_is_boolean(j);
}

bool rel_json_is_object(const json_t *j)
{
	return json_is_object(j);
}

bool rel_json_is_array(const json_t *j)
{
	return json_is_array(j);
}

size_t rel_json_len(const json_t *j)
{
	return json_is_array(j) ? json_array_size(j) : json_object_size(j);
}

const json_t *rel_json_at(const json_t *j, size_t i)
{
	return json_array_get(j, i);
}

const char *rel_json_get_str(const json_t *j, const char *key)
{
	return rel_json_str(rel_json_get(j, key));
}

int64_t rel_json_get_int(const json_t *j, const char *key, int64_t none)
{
	int64_t n;

	return rel_json_int(rel_json_get(j, key), &n) ? n : none;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void rel_json_each(const json_t *j,
	void (*fn)(void *arg, const char *key, const json_t *value), void *arg)
{
	size_t n = json_object_size(j), i = 0;
	const char **keys = rel_alloc(n * sizeof(*keys));
	const char *key;
	json_t *value, *object = json_incref((json_t *)(uintptr_t)j);

	json_object_foreach(object, key, value)
	{
		keys[i++] = key;
	}
	qsort(keys, n, sizeof(*keys), by_name);
	for (i = 0; i < n; i++)
		fn(arg, keys[i], json_object_get(j, keys[i]));
	free(keys);
	json_decref(object);
}

int rel_json_parse(const char *p, size_t n, json_t **ret, struct rel_err *err)
{
	json_error_t why;
	json_t *j = json_loadb(p, n, JSON_REJECT_DUPLICATES, &why);

	if (!j) {
		rel_fail(err, REL_EINVALID, "not valid JSON: %s", why.text);
		err->line = why.line > 0 ? (unsigned)why.line : 0;
		err->column = why.column > 0 ? (unsigned)why.column : 0;
		return -REL_EINVALID;
	}
	*ret = j;
	return 0;
}

int rel_json_parse_canonical(
	const char *p, size_t n, json_t **ret, struct rel_err *err)
{
	struct rel_buf again = REL_BUF_INIT;
	json_t *j = NULL;
	int r = rel_json_parse(p, n, &j, err);

	if (r < 0)
		return r;
	rel_json_format(j, &again);
	if (again.len != n || memcmp(again.p, p, n) != 0) {
		json_decref(j);
		r = rel_fail(err, REL_EINVALID, "not canonical JSON");
	} else {
		*ret = j;
	}
	rel_buf_free(&again);
	return r;
}

static void format(const json_t *j, size_t flags, struct rel_buf *out)
{
	size_t n = json_dumpb(j, NULL, 0, flags);
	char *to = rel_buf_room(out, n);

	json_dumpb(j, to, n, flags);
	out->len += n;
	out->p[out->len] = '\0';
}

void rel_json_format(const json_t *j, struct rel_buf *out)
{
	format(j, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY, out);
}

void rel_json_format_pretty(const json_t *j, struct rel_buf *out)
{
	format(j, JSON_INDENT(2) | JSON_SORT_KEYS | JSON_ENCODE_ANY, out);
}
