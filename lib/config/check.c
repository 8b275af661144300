/* SPDX-License-Identifier: Apache-2.0 */
#include "config/check.h"

#include "base/mem.h"
#include "config/text.h"

#include <stdlib.h>
#include <string.h>

#define MAX_CHECKS 100u
#define MAX_PATH 2000u
#define MAX_SECONDS 86400

/* The check that is read, and where it stands. */
struct reader {
	const struct json_t *j;
	struct rel_text_key at;
	struct rel_err *err;
};

static int wrong(struct reader *rd, const char *key, const char *must)
{
	rd->at.key = key;
	return rel_text_fail_key(rd->err, &rd->at, "must be %s", must);
}

/* Left as it is where the file says nothing. */
static int read_number(struct reader *rd, const char *key, int64_t least,
	int64_t most, int64_t *ret)
{
	const struct json_t *value = rel_json_get(rd->j, key);
	int64_t n;

	if (!value)
		return 0;
	if (!rel_json_int(value, &n) || n < least || n > most) {
		rd->at.key = key;
		return rel_text_fail_key(rd->err, &rd->at,
			"must be a whole number from %d to %d", (int)least,
			(int)most);
	}
	*ret = n;
	return 0;
}

static int read_int(
	struct reader *rd, const char *key, int least, int most, int *ret)
{
	int64_t n = *ret;
	int r = read_number(rd, key, least, most, &n);

	*ret = (int)n;
	return r;
}

static int read_seconds(
	struct reader *rd, const char *key, int64_t least, int64_t *ret_ms)
{
	int64_t n = *ret_ms / 1000;
	int r = read_number(rd, key, least, MAX_SECONDS, &n);

	*ret_ms = n * 1000;
	return r;
}

/* NULL where the file says nothing. */
static int read_text(struct reader *rd, const char *key, const char **ret)
{
	const struct json_t *value = rel_json_get(rd->j, key);

	*ret = rel_json_str(value);
	return value && !*ret ? wrong(rd, key, "a text") : 0;
}

static int read_kind(struct reader *rd, struct rel_check *c)
{
	static const struct {
		const char *word;
		enum rel_check_kind kind;
	} kinds[] = {
		{ "startup", REL_CHECK_STARTUP },
		{ "readiness", REL_CHECK_READINESS },
		{ "liveness", REL_CHECK_LIVENESS },
	};
	const struct json_t *value = rel_json_get(rd->j, "type");
	const char *word = rel_json_str(value);

	if (!value)
		return 0;
	for (size_t i = 0; word && i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (strcmp(word, kinds[i].word) == 0) {
			c->kind = kinds[i].kind;
			return 0;
		}
	}
	return wrong(rd, "type", "startup, readiness or liveness");
}

/* It becomes part of a request's first line, so nothing may end it there. */
static int read_path(struct reader *rd, struct rel_check *c)
{
	const char *path;
	int r = read_text(rd, "path", &path);

	if (r < 0 || !path)
		return r;
	if (*path != '/')
		return wrong(rd, "path", "a path that begins with '/'");
	for (const char *p = path; *p; p++)
		if (*p <= 0x20 || *p >= 0x7f)
			return wrong(rd, "path",
				"plain ASCII without blanks: write other bytes "
				"as %XX");
	if (strlen(path) > MAX_PATH)
		return wrong(rd, "path", "at most 2,000 bytes");
	c->path = rel_strdup(path);
	return 0;
}

static int read_command(struct reader *rd, struct rel_check *c)
{
	static const char must[] = "a list of texts, the first not empty";
	const struct json_t *list = rel_json_get(rd->j, "command");
	size_t n = rel_json_len(list);

	if (!list)
		return 0;
	if (!rel_json_is_array(list) || n == 0)
		return wrong(rd, "command", must);
	c->command = rel_alloc((n + 1) * sizeof(*c->command));
	for (size_t i = 0; i < n; i++) {
		const char *word = rel_json_str(rel_json_at(list, i));

		if (!word || (i == 0 && !*word))
			return wrong(rd, "command", must);
		c->command[i] = rel_strdup(word);
	}
	return 0;
}

static int read_listening(struct reader *rd, struct rel_check *c)
{
	const struct json_t *value = rel_json_get(rd->j, "listening");

	if (value && !rel_json_is_bool(value))
		return wrong(rd, "listening", "true or false");
	c->listening = rel_json_true(value);
	return 0;
}

/* What says something about the answer to a GET. */
static int read_http(struct reader *rd, struct rel_check *c)
{
	const char *scheme, *content = NULL;
	int r = read_text(rd, "scheme", &scheme);

	if (r == 0)
		r = read_text(rd, "content", &content);
	if (r < 0)
		return r;
	if (scheme && strcmp(scheme, "http") != 0)
		return wrong(rd, "scheme", "http: relctl speaks no other");
	if (content && !c->path)
		return wrong(rd, "content", "left out where there is no path");
	c->content = rel_strdup(content);
	return 0;
}

static int read_check(struct reader *rd, struct rel_check *c)
{
	const char *name;

	if (!rel_json_is_object(rd->j))
		return wrong(rd, NULL, "an object");
	if (read_kind(rd, c) < 0 || read_text(rd, "name", &name) < 0 ||
		read_path(rd, c) < 0 || read_command(rd, c) < 0 ||
		read_listening(rd, c) < 0 || read_http(rd, c) < 0 ||
		read_seconds(rd, "uptime", 1, &c->uptime_ms) < 0 ||
		read_int(rd, "port", 1, 65535, &c->port) < 0 ||
		read_int(rd, "attempts", 1, 1000, &c->attempts) < 0 ||
		read_seconds(rd, "timeout", 1, &c->timeout_ms) < 0 ||
		read_seconds(rd, "wait", 0, &c->wait_ms) < 0 ||
		read_seconds(rd, "initialDelay", 0, &c->initial_delay_ms) < 0)
		return -(int)rd->err->code;
	c->name = rel_strdup(name ? name : "");
	if (!!c->path + !!c->command + !!c->uptime_ms + c->listening != 1)
		return wrong(rd, NULL,
			"an object with one of path, command, uptime and "
			"listening, and not more than one");
	return 0;
}

int rel_checks_read(const struct json_t *list, const char *type,
	struct rel_policy *into, struct rel_err *err)
{
	struct reader rd = { .at = { .section = "healthchecks", .name = type },
		.err = err };

	if (!rel_json_is_array(list))
		return wrong(&rd, NULL, "a list");
	if (rel_json_len(list) > MAX_CHECKS)
		return wrong(&rd, NULL, "a list of at most 100 checks");
	into->checks_cap = rel_json_len(list);
	into->checks = rel_alloc(into->checks_cap * sizeof(*into->checks));
	for (size_t i = 0; i < rel_json_len(list); i++) {
		int r;

		into->checks[into->checks_n++] = (struct rel_check){
			.attempts = 3,
			.timeout_ms = 5000,
			.wait_ms = 5000,
		};
		rd.j = rel_json_at(list, i);
		rd.at.item = i + 1;
		r = read_check(&rd, &into->checks[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

void rel_checks_done(struct rel_policy *p)
{
	for (size_t i = 0; i < p->checks_n; i++) {
		struct rel_check *c = &p->checks[i];

		free(c->name);
		free(c->path);
		for (size_t k = 0; c->command && c->command[k]; k++)
			free(c->command[k]);
		free(c->command);
		free(c->content);
	}
	free(p->checks);
}
