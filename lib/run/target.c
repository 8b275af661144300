/* SPDX-License-Identifier: Apache-2.0 */
#include "run/target.h"

#include "base/file.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static void free_policies(struct rel_target *t)
{
	for (size_t i = 0; t->policies && i < t->processes.n; i++)
		rel_policy_done(&t->policies[i]);
	free(t->policies);
	t->policies = NULL;
}

void rel_target_done(struct rel_target *t)
{
	free_policies(t);
	free(t->app);
	free(t->commit);
	free(t->tree);
	rel_closep(&t->tree_fd);
	rel_processes_done(&t->processes);
	rel_config_done(&t->config);
	rel_json_free(t->relctl);
	rel_json_free(t->healthchecks);
	rel_formation_done(&t->declared);
	*t = (struct rel_target){ .tree_fd = -1 };
}

int rel_target_policies(struct rel_target *t, struct rel_err *err)
{
	struct rel_policy *all =
		rel_alloc(t->processes.n * sizeof(*t->policies));

	for (size_t i = 0; i < t->processes.n; i++) {
		if (rel_policy_read(t->relctl, t->healthchecks,
			    t->processes.v[i].type, &all[i], err) == 0)
			continue;
		while (i-- > 0)
			rel_policy_done(&all[i]);
		free(all);
		return rel_wrap(err, "app.json");
	}
	free_policies(t);
	t->policies = all;
	return 0;
}

int rel_target_port(const struct rel_target *t)
{
	const char *port = rel_config_get(&t->config, "PORT");
	int n = port ? atoi(port) : 0;

	return n > 0 && n < 65536 ? n : REL_DEFAULT_PORT;
}

/* A path may have any bytes but NUL. */
static struct json_t *path_to_json(const char *path)
{
	struct rel_buf text = REL_BUF_INIT;
	struct json_t *j;

	rel_buf_add_escaped(&text, path, strlen(path));
	j = rel_json_text(rel_buf_str(&text));
	rel_buf_free(&text);
	return j;
}

struct json_t *rel_target_to_json(const struct rel_target *t)
{
	struct json_t *j = rel_json_object(), *config = rel_json_object();

	for (size_t i = 0; i < t->config.n; i++)
		rel_json_set(config, t->config.v[i].name,
			rel_json_text(t->config.v[i].value));
	rel_json_set(j, "app", rel_json_text(t->app));
	rel_json_set(j, "release", rel_json_number(t->release));
	rel_json_set(j, "commit", rel_json_text(t->commit));
	rel_json_set(j, "tree", path_to_json(t->tree));
	rel_json_set(j, "processes", rel_processes_to_json(&t->processes));
	rel_json_set(j, "config", config);
	rel_json_set(j, "declared", rel_formation_to_json(&t->declared));
	if (t->relctl)
		rel_json_set(j, "relctl", rel_json_copy(t->relctl));
	if (t->healthchecks)
		rel_json_set(j, "healthchecks", rel_json_copy(t->healthchecks));
	return j;
}

static int get_text(const struct json_t *j, const char *key, char **ret,
	struct rel_err *err)
{
	const char *text = rel_json_get_str(j, key);

	if (!text)
		return rel_fail(err, REL_EINVALID, "'%s' is no text", key);
	*ret = rel_strdup(text);
	return 0;
}

static int get_tree(const struct json_t *j, char **ret, struct rel_err *err)
{
	const char *text = rel_json_get_str(j, "tree");
	REL_AUTO(rel_buf_free) struct rel_buf path = REL_BUF_INIT;

	if (text && rel_buf_add_unescaped(&path, text, err) < 0)
		return rel_wrap(err, "'tree'");
	/* a NUL would cut it short in every call that takes it */
	if (*rel_buf_str(&path) != '/' || strlen(path.p) != path.len)
		return rel_fail(
			err, REL_EINVALID, "'tree' is no absolute path");
	*ret = rel_buf_take(&path);
	return 0;
}

static int get_release(
	const struct json_t *j, int64_t *ret, struct rel_err *err)
{
	if (!rel_json_int(rel_json_get(j, "release"), ret) || *ret < 1)
		return rel_fail(
			err, REL_EINVALID, "'release' is no release's number");
	return 0;
}

/* NULL where there is none. */
static int get_section(const struct json_t *j, const char *key,
	struct json_t **ret, struct rel_err *err)
{
	const struct json_t *section = rel_json_get(j, key);

	if (!section)
		return 0;
	if (!rel_json_is_object(section))
		return rel_fail(err, REL_EINVALID, "'%s' is no object", key);
	*ret = rel_json_copy(section);
	return 0;
}

struct reader {
	struct rel_config *into;
	struct rel_err *err;
	int r;
};

static void add_variable(void *arg, const char *name, const struct json_t *j)
{
	struct reader *rd = arg;
	const char *value = rel_json_str(j);

	if (rd->r < 0)
		return;
	rd->r = value ? rel_config_set(rd->into, name, value, rd->err)
		      : rel_fail(rd->err, REL_EINVALID,
				"a value of 'config' is no text");
}

static int get_config(
	const struct json_t *j, struct rel_config *ret, struct rel_err *err)
{
	const struct json_t *config = rel_json_get(j, "config");
	struct reader rd = { .into = ret, .err = err };

	if (!rel_json_is_object(config))
		return rel_fail(err, REL_EINVALID, "'config' is no object");
	rel_json_each(config, add_variable, &rd);
	return rd.r;
}

static int read_all(
	const struct json_t *j, struct rel_target *t, struct rel_err *err)
{
	if (!rel_json_is_object(j))
		return rel_fail(err, REL_EINVALID, "it is no object");
	if (get_text(j, "app", &t->app, err) < 0 ||
		get_release(j, &t->release, err) < 0 ||
		get_text(j, "commit", &t->commit, err) < 0 ||
		get_tree(j, &t->tree, err) < 0 ||
		rel_processes_from_json(
			rel_json_get(j, "processes"), &t->processes, err) < 0 ||
		get_config(j, &t->config, err) < 0 ||
		rel_formation_from_json(
			rel_json_get(j, "declared"), &t->declared, err) < 0 ||
		get_section(j, "relctl", &t->relctl, err) < 0 ||
		get_section(j, "healthchecks", &t->healthchecks, err) < 0)
		return -(int)err->code;
	return rel_target_policies(t, err);
}

int rel_target_from_json(
	const struct json_t *j, struct rel_target *ret, struct rel_err *err)
{
	REL_AUTO(rel_target_done) struct rel_target found = { .tree_fd = -1 };

	if (read_all(j, &found, err) < 0) {
		err->code = REL_EINVALID;
		return rel_wrap(err, "what is to run cannot be read");
	}
	*ret = found;
	found = (struct rel_target){ .tree_fd = -1 };
	return 0;
}
