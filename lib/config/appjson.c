/* SPDX-License-Identifier: Apache-2.0 */
#include "config/appjson.h"

#include "base/mem.h"
#include "base/vec.h"
#include "config/policy.h"
#include "config/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A type has 100 ports (rel_port_of); what is kept may have been built when
 * more was let through. */
#define MAX_QUANTITY 100
#define MAX_KEPT_QUANTITY 1000
#define MAX_SHOWN 200u /* of a description or a suggestion */

void rel_appjson_done(struct rel_appjson *a)
{
	for (size_t i = 0; i < a->env_n; i++) {
		free(a->env[i].name);
		free(a->env[i].description);
		free(a->env[i].value);
	}
	free(a->env);
	rel_json_free(a->formation);
	rel_json_free(a->healthchecks);
	rel_json_free(a->relctl);
	*a = (struct rel_appjson){ 0 };
}

/* What the callbacks of rel_json_each share; after a failure they do no more.
 */
struct reader {
	struct rel_appjson *into;
	int64_t max_quantity;
	struct rel_err *err;
	int r;
};

/* 'env.PORT.required' must be true or false; ${key} may be NULL. */
static int wrong(struct rel_err *err, const char *section, const char *name,
	const char *key, const char *must)
{
	struct rel_text_key at = {
		.section = section, .name = name, .key = key
	};

	return rel_text_fail_key(err, &at, "must be %s", must);
}

static int read_text(const struct json_t *j, const char *name, const char *key,
	char **ret, struct rel_err *err)
{
	const struct json_t *text = rel_json_get(j, key);

	if (text && !rel_json_str(text))
		return wrong(err, "env", name, key, "a text");
	*ret = rel_strdup(rel_json_str(text));
	return 0;
}

static int read_required(const struct json_t *j, const char *name, bool *ret,
	struct rel_err *err)
{
	const struct json_t *required = rel_json_get(j, "required");

	*ret = !required || rel_json_true(required);
	if (required && !rel_json_is_bool(required))
		return wrong(err, "env", name, "required", "true or false");
	return 0;
}

static int read_declared(
	const struct json_t *j, struct rel_declared *d, struct rel_err *err)
{
	const struct json_t *generator = rel_json_get(j, "generator");
	const char *kind = rel_json_str(generator);
	int r;

	d->required = true;
	if (rel_json_str(j)) {
		d->value = rel_strdup(rel_json_str(j));
		return 0;
	}
	if (!rel_json_is_object(j))
		return wrong(err, "env", d->name, NULL, "a text or an object");
	if (generator && (!kind || strcmp(kind, "secret") != 0))
		return wrong(err, "env", d->name, "generator", "\"secret\"");
	d->secret = generator;
	r = read_text(j, d->name, "description", &d->description, err);
	if (r == 0)
		r = read_text(j, d->name, "value", &d->value, err);
	if (r == 0)
		r = read_required(j, d->name, &d->required, err);
	return r;
}

static void add_declared(void *arg, const char *name, const struct json_t *j)
{
	struct reader *rd = arg;
	struct rel_appjson *a = rd->into;

	if (rd->r < 0)
		return;
	rd->r = rel_config_check_name(name, strlen(name), rd->err);
	if (rd->r < 0) {
		rd->r = rel_wrap(rd->err, "'env' has");
		return;
	}
	if (a->env_n == a->env_cap) {
		a->env_cap = a->env_cap ? a->env_cap * 2 : 8;
		a->env = rel_grow(a->env, a->env_cap, sizeof(*a->env));
	}
	a->env[a->env_n] = (struct rel_declared){ .name = rel_strdup(name) };
	rd->r = read_declared(j, &a->env[a->env_n++], rd->err);
}

static void add_quantity(void *arg, const char *type, const struct json_t *j)
{
	struct reader *rd = arg;
	const struct json_t *quantity = rel_json_get(j, "quantity");
	int64_t n;

	if (rd->r < 0)
		return;
	if (!rel_json_is_object(j)) {
		rd->r = wrong(rd->err, "formation", type, NULL, "an object");
		return;
	}
	if (!quantity)
		return;
	if (!rel_json_int(quantity, &n) || n < 0 || n > rd->max_quantity) {
		rd->r = wrong(rd->err, "formation", type, "quantity",
			"a whole number from 0 to 100");
		return;
	}
	if (!rd->into->formation)
		rd->into->formation = rel_json_object();
	rel_json_set(rd->into->formation, type, rel_json_number(n));
}

/* The object at ${key}; *ret is NULL where there is none. */
static int read_section(const struct json_t *all, const char *key,
	const struct json_t **ret, struct rel_err *err)
{
	*ret = rel_json_get(all, key);
	if (*ret && !rel_json_is_object(*ret))
		return wrong(err, key, NULL, NULL, "an object");
	return 0;
}

static int read_all(const struct json_t *j, int64_t max_quantity,
	struct rel_appjson *ret, struct rel_err *err)
{
	REL_AUTO(rel_appjson_done) struct rel_appjson found = { 0 };
	struct reader rd = {
		.into = &found, .max_quantity = max_quantity, .err = err
	};
	const struct json_t *env, *formation, *checks, *own;

	if (!rel_json_is_object(j))
		return rel_fail(err, REL_EINVALID, "it must be an object");
	if (read_section(j, "env", &env, err) < 0 ||
		read_section(j, "formation", &formation, err) < 0 ||
		read_section(j, "healthchecks", &checks, err) < 0 ||
		read_section(j, "relctl", &own, err) < 0)
		return -(int)err->code;
	rel_json_each(env, add_declared, &rd);
	rel_json_each(formation, add_quantity, &rd);
	if (rd.r < 0)
		return rd.r;
	if (checks)
		found.healthchecks = rel_json_copy(checks);
	if (own)
		found.relctl = rel_json_copy(own);
	*ret = found;
	found = (struct rel_appjson){ 0 };
	return 0;
}

/* Is the policy of ${type} one that `run` will understand? */
static void check_policy(void *arg, const char *type, const struct json_t *j)
{
	struct reader *rd = arg;
	REL_AUTO(rel_policy_done) struct rel_policy policy;

	(void)j;
	rel_policy_init(&policy);
	if (rd->r == 0)
		rd->r = rel_policy_read(rd->into->relctl,
			rd->into->healthchecks, type, &policy, rd->err);
}

/* Only what is built: what was kept is left to those who run it, so that it
 * can be listed and rolled back whatever is known of policies. */
static int check_policies(struct rel_appjson *a, struct rel_err *err)
{
	struct reader rd = { .into = a, .err = err };

	rel_json_each(a->relctl, check_policy, &rd);
	rel_json_each(a->healthchecks, check_policy, &rd);
	return rd.r;
}

int rel_appjson_parse(
	const char *p, size_t n, struct rel_appjson *ret, struct rel_err *err)
{
	REL_AUTO(rel_json_freep) struct json_t *j = NULL;
	REL_AUTO(rel_appjson_done) struct rel_appjson found = { 0 };
	int r = rel_json_parse(p, n, &j, err);

	if (r == 0)
		r = read_all(j, MAX_QUANTITY, &found, err);
	if (r == 0)
		r = check_policies(&found, err);
	if (r == 0) {
		*ret = found;
		found = (struct rel_appjson){ 0 };
		return 0;
	}
	if (err->line)
		r = rel_wrap(err, "app.json:%u:%u", err->line, err->column);
	else
		r = rel_wrap(err, "app.json");
	snprintf(err->file, sizeof(err->file), "app.json");
	return r;
}

static struct json_t *declared_to_json(const struct rel_declared *d)
{
	struct json_t *j = rel_json_object();

	if (d->description)
		rel_json_set(j, "description", rel_json_text(d->description));
	if (d->value)
		rel_json_set(j, "value", rel_json_text(d->value));
	if (!d->required)
		rel_json_set(j, "required", rel_json_bool(false));
	if (d->secret)
		rel_json_set(j, "generator", rel_json_text("secret"));
	return j;
}

static void add_formation(void *arg, const char *type, const struct json_t *n)
{
	struct json_t *formation = arg, *member = rel_json_object();

	rel_json_set(member, "quantity", rel_json_copy(n));
	rel_json_set(formation, type, member);
}

/* It is an app.json again, so that one reader is enough. */
struct json_t *rel_appjson_to_json(const struct rel_appjson *a)
{
	struct json_t *all = rel_json_object(), *part;

	if (a->env_n > 0) {
		part = rel_json_object();
		for (size_t i = 0; i < a->env_n; i++)
			rel_json_set(part, a->env[i].name,
				declared_to_json(&a->env[i]));
		rel_json_set(all, "env", part);
	}
	if (a->formation) {
		part = rel_json_object();
		rel_json_each(a->formation, add_formation, part);
		rel_json_set(all, "formation", part);
	}
	if (a->healthchecks)
		rel_json_set(
			all, "healthchecks", rel_json_copy(a->healthchecks));
	if (a->relctl)
		rel_json_set(all, "relctl", rel_json_copy(a->relctl));
	return all;
}

int rel_appjson_from_json(
	const struct json_t *j, struct rel_appjson *ret, struct rel_err *err)
{
	if (read_all(j, MAX_KEPT_QUANTITY, ret, err) == 0)
		return 0;
	err->code = REL_EINTEGRITY;
	return rel_wrap(err, "the kept form of app.json is damaged");
}

/* One line of at most MAX_SHOWN bytes, whatever is in ${s}. */
static void add_line(struct rel_buf *out, const char *s)
{
	size_t n = 0;

	for (; *s && n < MAX_SHOWN; s++, n++) {
		unsigned char c = (unsigned char)*s;

		rel_buf_addc(out, c < 0x20 || c == 0x7f ? ' ' : *s);
	}
	/* not in the midst of a character */
	for (; ((unsigned char)*s & 0xc0) == 0x80; s++)
		rel_buf_addc(out, *s);
	if (*s)
		rel_buf_adds(out, "…");
}

#define MAX_ALIGNED 32u /* a longer name moves no other's description */

static void add_missing(
	struct rel_buf *out, const struct rel_declared *d, int width)
{
	bool more = d->description || (d->value && *d->value);

	rel_buf_addf(out, "  %-*s", more ? width : 0, d->name);
	if (d->description) {
		rel_buf_adds(out, "  ");
		add_line(out, d->description);
	}
	if (d->value && *d->value) {
		rel_buf_adds(out, "  (suggested: ");
		add_line(out, d->value);
		rel_buf_addc(out, ')');
	}
	rel_buf_addc(out, '\n');
}

/* The line to type: --generate makes all that have a generator. */
static void add_command(const struct rel_declared *const *missing, size_t n,
	struct rel_err *err)
{
	struct rel_buf line = REL_BUF_INIT;
	bool generate = false;

	for (size_t i = 0; i < n; i++)
		generate |= missing[i]->secret;
	rel_buf_adds(&line, "relctl release");
	if (generate)
		rel_buf_adds(&line, " --generate");
	for (size_t i = 0; i < n; i++) {
		if (missing[i]->secret)
			continue;
		if (line.len + strlen(missing[i]->name) + sizeof(" --set  …") >=
			sizeof(err->hint)) {
			rel_buf_adds(&line, " …");
			break;
		}
		rel_buf_addf(&line, " --set %s", missing[i]->name);
	}
	rel_hint(err, "%s", line.p);
	rel_buf_free(&line);
}

int rel_appjson_check(const struct rel_appjson *a, const struct rel_config *c,
	struct rel_err *err)
{
	REL_VEC(const struct rel_declared *) missing = { 0 };
	struct rel_buf text = REL_BUF_INIT;
	size_t width = 0;

	for (size_t i = 0; i < a->env_n; i++) {
		size_t len = strlen(a->env[i].name);

		if (!a->env[i].required || rel_config_get(c, a->env[i].name))
			continue;
		rel_vec_push(&missing, &a->env[i]);
		if (len > width && len <= MAX_ALIGNED)
			width = len;
	}
	if (missing.n == 0)
		return 0;

	rel_fail(err, REL_EREFUSED,
		"'%s' is required by app.json and has no value",
		missing.v[0]->name);
	for (size_t i = 0; i < missing.n; i++) {
		size_t before = text.len;

		add_missing(&text, missing.v[i], (int)width);
		if (text.len + sizeof("and N more names\n") + 20 <
			sizeof(err->context))
			continue;
		text.len = before;
		rel_buf_addf(&text, "and %zu more\n", missing.n - i);
		break;
	}
	snprintf(err->context, sizeof(err->context), "%s", text.p);
	add_command(missing.v, missing.n, err);
	rel_buf_free(&text);
	rel_vec_free(&missing);
	return -REL_EREFUSED;
}
