/* SPDX-License-Identifier: Apache-2.0 */
#include "run/target.h"

#include "rel_test.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECRET "5ecret-of-the-app"

static struct json_t *json(const char *text)
{
	struct rel_err err = REL_ERR_INIT;
	struct json_t *j = NULL;

	if (rel_json_parse(text, strlen(text), &j, &err) < 0)
		fail_msg("%s: %s", text, err.msg);
	return j;
}

static void set(struct rel_target *t, const char *name, const char *value)
{
	struct rel_err err = REL_ERR_INIT;

	assert_int_equal(rel_config_set(&t->config, name, value, &err), 0);
}

static struct rel_target shop(void)
{
	static const char procfile[] = "release: bin/migrate\n"
				       "web: bin/web --port \"$PORT\" \\x\n"
				       "worker: bin/worker\n";
	struct rel_target t = { .tree_fd = -1 };
	struct rel_err err = REL_ERR_INIT;

	t.app = rel_strdup("shop");
	t.release = 12;
	t.commit = rel_strdup("49bffa8");
	t.tree = rel_strdup("/var/lib/relctl/trees/12");
	assert_int_equal(rel_procfile_parse(procfile, strlen(procfile),
				 &t.processes, &err),
		0);
	set(&t, "TOKEN", SECRET);
	t.relctl = json("{\"web\": {\"grace_s\": 7}}");
	t.healthchecks = json("{\"worker\": [{\"uptime\": 2}]}");
	rel_formation_set(&t.declared, "web", 3);
	rel_formation_set(&t.declared, "worker", 0);
	return t;
}

/* There and back as text, as through the socket. */
static struct rel_target pass_on(const struct rel_target *t)
{
	REL_AUTO(rel_json_wipep) struct json_t *there = rel_target_to_json(t);
	REL_AUTO(rel_json_wipep) struct json_t *back = NULL;
	REL_AUTO(rel_buf_wipe) struct rel_buf text = REL_BUF_INIT;
	struct rel_target ret = { .tree_fd = -1 };
	struct rel_err err = REL_ERR_INIT;

	rel_json_format(there, &text);
	back = json(text.p);
	if (rel_target_from_json(back, &ret, &err) < 0)
		fail_msg("%s", err.msg);
	return ret;
}

static void test_a_target_comes_back_as_it_was(void **state)
{
	struct rel_target t = shop(), u;
	struct rel_buf text = REL_BUF_INIT;

	(void)state;
	t.tree_fd = open("/", O_PATH | O_CLOEXEC);
	assert_true(t.tree_fd >= 0);
	u = pass_on(&t);
	assert_string_equal(u.app, "shop");
	assert_int_equal(u.release, 12);
	assert_string_equal(u.commit, "49bffa8");
	assert_string_equal(u.tree, "/var/lib/relctl/trees/12");
	assert_int_equal(u.tree_fd, -1);
	assert_int_equal(u.processes.n, 3);
	assert_string_equal(u.processes.v[0].type, "release");
	assert_string_equal(
		u.processes.v[1].command, "bin/web --port \"$PORT\" \\x");
	assert_int_equal(u.config.n, 1);
	assert_string_equal(rel_config_get(&u.config, "TOKEN"), SECRET);
	assert_int_equal(rel_formation_get(&u.declared, "web", 9), 3);
	assert_int_equal(rel_formation_get(&u.declared, "worker", 9), 0);
	rel_json_format(u.healthchecks, &text);
	assert_string_equal(text.p, "{\"worker\":[{\"uptime\":2}]}");
	/* one policy for each process, in their order */
	assert_int_equal(u.policies[0].grace_ms, 30000);
	assert_int_equal(u.policies[1].grace_ms, 7000);
	assert_int_equal(u.policies[1].checks_n, 0);
	assert_int_equal(u.policies[2].grace_ms, 30000);
	assert_int_equal(u.policies[2].checks[0].uptime_ms, 2000);
	rel_buf_free(&text);
	rel_target_done(&t);
	rel_target_done(&u);
}

static void test_an_app_that_says_little_comes_back_too(void **state)
{
	struct rel_target t = { .tree_fd = -1, .release = 1 }, u;

	(void)state;
	t.app = rel_strdup("a");
	t.commit = rel_strdup("");
	t.tree = rel_strdup("/");
	u = pass_on(&t);
	assert_string_equal(u.commit, "");
	assert_int_equal(u.processes.n, 0);
	assert_int_equal(u.config.n, 0);
	assert_int_equal(u.declared.n, 0);
	assert_null(u.relctl);
	assert_null(u.healthchecks);
	rel_target_done(&t);
	rel_target_done(&u);
}

static void test_values_and_paths_keep_every_byte(void **state)
{
	static const char *const values[] = { "", " ", "\n", "a\nb\r\n\t",
		"\\001", "\\\\", "\"'$`", "\x01\x02\x1f\x7f",
		"\xe2\x82\xac \xf0\x9f\x90\x98", "\xef\xbf\xbf", "null",
		"{\"a\":[]}", "\xc2\x85\xe2\x80\xa8" };
	const size_t n = sizeof(values) / sizeof(*values);
	struct rel_target t = shop(), u;
	char name[16];

	(void)state;
	for (size_t i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "V%zu", i);
		set(&t, name, values[i]);
	}
	free(t.tree);
	t.tree = rel_strdup("/srv/\xff\xfe \\134\n\xc3\xa4/t");
	u = pass_on(&t);
	assert_int_equal(u.config.n, n + 1);
	for (size_t i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "V%zu", i);
		assert_string_equal(rel_config_get(&u.config, name), values[i]);
	}
	assert_string_equal(u.tree, "/srv/\xff\xfe \\134\n\xc3\xa4/t");
	rel_target_done(&t);
	rel_target_done(&u);
}

static void test_what_is_no_target_is_refused(void **state)
{
	static const struct {
		const char *key, *value, *why;
	} rows[] = {
		{ "app", "5", "'app' is no text" },
		{ "commit", "null", "'commit' is no text" },
		{ "release", "0", "'release' is no release" },
		{ "release", "\"v1\"", "'release' is no release" },
		{ "tree", "\"\"", "'tree' is no absolute path" },
		{ "tree", "\"trees/a\"", "'tree' is no absolute path" },
		{ "tree", "[]", "'tree' is no absolute path" },
		{ "tree", "\"/a\\\\000b\"", "'tree'" },
		{ "tree", "\"/a\\\\9\"", "'tree'" },
		{ "processes", "{}", "process" },
		{ "processes", "[[\"web\"]]", "process" },
		{ "config", "[]", "'config' is no object" },
		{ "config", "{\"A\": 5}", "a value of 'config' is no text" },
		{ "config", "{\"A-B\": \"\"}", "a name with a byte" },
		{ "config", "{\"RELCTL_APP\": \"\"}", "RELCTL_" },
		{ "declared", "[]", "" },
		{ "declared", "{\"web\": -1}", "" },
		{ "relctl", "[]", "'relctl' is no object" },
		{ "relctl", "{\"web\": {\"x\": 1}}",
			"app.json: 'relctl.web.x' is not a key" },
		{ "healthchecks", "{\"worker\": [{}]}",
			"app.json: 'healthchecks.worker[0]' must be" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct rel_target t = shop(), u = { .release = 99 };
		struct json_t *j = rel_target_to_json(&t);
		struct rel_err err = REL_ERR_INIT;

		json_object_set_new(j, rows[i].key,
			json_loads(rows[i].value, JSON_DECODE_ANY, NULL));
		if (rel_target_from_json(j, &u, &err) != -REL_EINVALID ||
			err.code != REL_EINVALID)
			fail_msg("not refused: %s %s", rows[i].key,
				rows[i].value);
		if (!strstr(err.msg, rows[i].why))
			fail_msg("%s: %s", rows[i].value, err.msg);
		assert_null(strstr(err.msg, SECRET));
		assert_int_equal(u.release, 99);
		rel_json_wipep(&j);
		rel_target_done(&t);
	}
}

static void test_policies_are_made_anew_or_stay(void **state)
{
	struct rel_target t = shop();
	struct rel_err err = REL_ERR_INIT;

	(void)state;
	assert_int_equal(rel_target_policies(&t, &err), 0);
	assert_int_equal(t.policies[1].grace_ms, 7000);
	rel_json_freep(&t.relctl);
	t.relctl = json("{\"web\": {\"grace_s\": 8}}");
	assert_int_equal(rel_target_policies(&t, &err), 0);
	assert_int_equal(t.policies[1].grace_ms, 8000);
	rel_json_freep(&t.relctl);
	t.relctl = json("{\"worker\": {\"grace_s\": \"x\"}}");
	assert_int_equal(rel_target_policies(&t, &err), -REL_EINVALID);
	assert_int_equal(t.policies[1].grace_ms, 8000);
	rel_target_done(&t);
}

static void test_done_closes_the_tree_and_leaves_nothing(void **state)
{
	struct rel_target t = shop();
	int fd = open("/", O_PATH | O_CLOEXEC);

	(void)state;
	assert_true(fd >= 0);
	t.tree_fd = fd;
	rel_target_done(&t);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(t.tree_fd, -1);
	assert_null(t.config.v);
	assert_null(t.app);
	assert_null(t.policies);
	rel_target_done(&t); /* as its own cleanup would */
}

/* jansson's memory, looked through before it goes; a block begins with its
 * size. */
static size_t leaked;
static bool looking;

static void *take(size_t n)
{
	size_t *p = malloc(n + 16);

	assert_non_null(p);
	*p = n;
	return (char *)p + 16;
}

static void give_back(void *p)
{
	size_t *block;

	if (!p)
		return;
	block = (size_t *)(void *)((char *)p - 16);
	leaked += looking && memmem(p, *block, SECRET, strlen(SECRET));
	free(block);
}

static void test_values_are_wiped_out_of_the_form_for_the_socket(void **state)
{
	struct rel_target t = shop();
	struct json_t *j;

	(void)state;
	rel_json_freep(&t.relctl);
	rel_json_freep(&t.healthchecks);
	json_set_alloc_funcs(take, give_back);
	looking = true;
	j = rel_target_to_json(&t);
	rel_json_freep(&j);
	assert_int_equal(leaked, 1); /* the look itself works */
	leaked = 0;
	j = rel_json_push(rel_json_array(), rel_target_to_json(&t));
	rel_json_wipep(&j);
	assert_null(j);
	assert_int_equal(leaked, 0);
	rel_json_wipep(&j);
	looking = false;
	json_set_alloc_funcs(malloc, free);
	rel_target_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_target_comes_back_as_it_was),
		cmocka_unit_test(test_an_app_that_says_little_comes_back_too),
		cmocka_unit_test(test_values_and_paths_keep_every_byte),
		cmocka_unit_test(test_what_is_no_target_is_refused),
		cmocka_unit_test(test_policies_are_made_anew_or_stay),
		cmocka_unit_test(test_done_closes_the_tree_and_leaves_nothing),
		cmocka_unit_test(
			test_values_are_wiped_out_of_the_form_for_the_socket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
