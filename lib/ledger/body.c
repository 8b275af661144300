/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the bodies of events must look like, and how they are read. A member
 * that may be missing reads as "" or 0; one of another type, null too, is an
 * error. Members that are not known are left alone.
 */
#include "base/mem.h"
#include "ledger/db.h"

#include <string.h>

static const char hex_digits[] = "0123456789abcdef";

static int get_text(const struct json_t *j, const char *key, char **ret,
	struct rel_err *err)
{
	const struct json_t *value = rel_json_get(j, key);
	const char *text = rel_json_str(value);

	if (value && !text)
		return rel_fail(err, REL_EINVALID, "'%s' is no text", key);
	*ret = rel_strdup(text ? text : "");
	return 0;
}

static int get_int(const struct json_t *j, const char *key, int64_t *ret,
	struct rel_err *err)
{
	const struct json_t *value = rel_json_get(j, key);

	*ret = 0;
	if (value && !rel_json_int(value, ret))
		return rel_fail(err, REL_EINVALID, "'%s' is no number", key);
	return 0;
}

/* A digest, which can't be missing; ${prefix} is before its digits. */
static int get_id(const struct json_t *j, const char *key, const char *prefix,
	struct rel_id *ret, struct rel_err *err)
{
	const char *text = rel_json_get_str(j, key);
	size_t n = strlen(prefix);

	if (!text || strncmp(text, prefix, n) != 0 ||
		!rel_id_parse(text + n, ret))
		return rel_fail(err, REL_EINVALID, "'%s' is no digest", key);
	return 0;
}

/* A git object's name: 40 hex digits, or nothing. */
static int get_commit(const struct json_t *j, const char *key, char **ret,
	struct rel_err *err)
{
	int r = get_text(j, key, ret, err);
	size_t n;

	if (r < 0)
		return r;
	n = strlen(*ret);
	if ((n != 0 && n != 40) || strspn(*ret, hex_digits) != n)
		return rel_fail(
			err, REL_EINVALID, "'%s' is no object name", key);
	return 0;
}

static int check_reason(const char *reason, struct rel_err *err)
{
	static const char *const known[] = { "release", "config", "promote",
		"rollback" };

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (!strcmp(reason, known[i]))
			return 0;
	return rel_fail(err, REL_EINVALID, "'reason' is not one of the four");
}

static int get_changes(const struct json_t *j, char **ret, struct rel_err *err)
{
	const struct json_t *value = rel_json_get(j, "changes");
	struct rel_buf text = REL_BUF_INIT;

	if (value && !rel_json_is_object(value))
		return rel_fail(err, REL_EINVALID, "'changes' is no object");
	if (value)
		rel_json_format(value, &text);
	*ret = rel_buf_take(&text);
	return 0;
}

int rel_body_number(const struct json_t *j, int64_t *ret, struct rel_err *err)
{
	int64_t n;
	int r = get_int(j, "number", &n, err);

	if (r < 0)
		return r;
	if (n < 1)
		return rel_fail(err, REL_EINVALID, "'number' is not from 1 up");
	*ret = n;
	return 0;
}

int rel_body_release(const struct json_t *j, struct rel_release_row *ret,
	struct rel_err *err)
{
	REL_AUTO(rel_release_row_done) struct rel_release_row b = { 0 };

	if (rel_body_number(j, &b.number, err) < 0 ||
		get_id(j, "digest", "", &b.digest, err) < 0 ||
		get_id(j, "sealed", "", &b.sealed, err) < 0 ||
		get_id(j, "artifact", "sha256:", &b.artifact, err) < 0 ||
		get_commit(j, "commit", &b.commit, err) < 0 ||
		get_text(j, "reason", &b.reason, err) < 0 ||
		check_reason(b.reason, err) < 0 ||
		get_int(j, "of", &b.of, err) < 0 ||
		get_text(j, "of_app", &b.of_app, err) < 0 ||
		get_text(j, "by", &b.by, err) < 0 ||
		get_text(j, "message", &b.message, err) < 0 ||
		get_changes(j, &b.changes, err) < 0)
		return -(int)err->code;
	*ret = b;
	b = (struct rel_release_row){ 0 };
	return 0;
}

/* The caller frees; "null" where there is no value. */
static char *canonical(const struct json_t *j)
{
	struct rel_buf b = REL_BUF_INIT;

	if (j)
		rel_json_format(j, &b);
	else
		rel_buf_adds(&b, "null");
	return rel_buf_take(&b);
}

int rel_body_build(const struct json_t *j, bool import,
	struct rel_build_row *ret, struct rel_err *err)
{
	REL_AUTO(rel_build_row_done) struct rel_build_row b = { 0 };
	const struct json_t *git = import ? NULL : j;

	if (get_id(j, "artifact", "sha256:", &b.artifact, err) < 0 ||
		get_id(j, "record", "", &b.record, err) < 0 ||
		get_text(j, "by", &b.by, err) < 0 ||
		get_commit(git, "commit", &b.commit, err) < 0 ||
		get_commit(git, "tree", &b.tree, err) < 0 ||
		get_int(git, "committed", &b.committed_s, err) < 0 ||
		get_text(git, "origin", &b.origin, err) < 0 ||
		get_text(git, "subject", &b.subject, err) < 0)
		return -(int)err->code;
	b.options = canonical(rel_json_get(git, "options"));
	b.exceptions = canonical(rel_json_get(git, "exceptions"));
	*ret = b;
	b = (struct rel_build_row){ 0 };
	return 0;
}

int rel_body_key(const struct json_t *j, char ret_key_id[17],
	struct rel_id *ret_fingerprint, struct rel_err *err)
{
	const char *id = rel_json_get_str(j, "key");
	int r = get_id(j, "fingerprint", "", ret_fingerprint, err);

	if (r < 0)
		return r;
	if (!id || strlen(id) != 16 || strspn(id, hex_digits) != 16)
		return rel_fail(err, REL_EINVALID, "'key' is no key ID");
	memcpy(ret_key_id, id, 17);
	return 0;
}

struct counts {
	struct rel_err *err;
	int r;
};

static void check_count(void *arg, const char *type, const struct json_t *j)
{
	struct counts *c = arg;
	int64_t n;

	if (!*type || !rel_json_int(j, &n) || n < 0)
		c->r = rel_fail(c->err, REL_EINVALID,
			"'formation' has what is no number of a type");
}

int rel_body_formation(
	const struct json_t *j, const struct json_t **ret, struct rel_err *err)
{
	const struct json_t *formation = rel_json_get(j, "formation");
	struct counts c = { .err = err };

	if (!rel_json_is_object(formation))
		return rel_fail(err, REL_EINVALID, "'formation' is no object");
	rel_json_each(formation, check_count, &c);
	if (c.r < 0)
		return c.r;
	*ret = formation;
	return 0;
}

int rel_body_activate(const struct json_t *j, int64_t *ret_number,
	int64_t *ret_on, struct rel_err *err)
{
	int r = rel_body_number(j, ret_number, err);

	return r < 0 ? r : get_int(j, "on", ret_on, err);
}

int rel_body_pin(const struct json_t *j, int64_t *ret_number, bool *ret_pinned,
	struct rel_err *err)
{
	const struct json_t *pinned = rel_json_get(j, "pinned");
	struct rel_buf text = REL_BUF_INIT;
	bool is_bool = false;

	if (pinned) {
		rel_json_format(pinned, &text);
		is_bool = !strcmp(text.p, "true") || !strcmp(text.p, "false");
		rel_buf_free(&text);
	}
	if (!is_bool)
		return rel_fail(err, REL_EINVALID, "'pinned' is no boolean");
	*ret_pinned = rel_json_true(pinned);
	return rel_body_number(j, ret_number, err);
}
