/* SPDX-License-Identifier: Apache-2.0 */
#include "audit/diff.h"
#include "base/mem.h"
#include "cmds.h"
#include "helper.h"
#include "out.h"
#include "ref.h"
#include "release/plan.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct view {
	struct ctx *cx;
	struct rel_release_row row[2];
	struct rel_side side[2];
	struct json_t *doc;
	bool different;
};

static void view_done(struct view *v)
{
	for (size_t i = 0; i < 2; i++) {
		rel_release_row_done(&v->row[i]);
		rel_side_done(&v->side[i]);
	}
	rel_json_free(v->doc);
}

static struct json_t *change_json(char kind, const char *name)
{
	struct json_t *row = rel_json_array();
	char sign[2] = { kind, '\0' };

	rel_json_push(row, rel_json_text(sign));
	rel_json_push(row, rel_json_text(name));
	return row;
}

/* The commits that one side has and the other has not. False: the repository
 * is not at hand, or does not have them any more. */
static bool list_commits(struct view *v, char kind, const char *without,
	const char *with, struct json_t *list)
{
	REL_AUTO(rel_json_freep) struct json_t *answer = NULL;
	REL_AUTO(rel_freep) char *range = rel_printf("%s..%s", without, with);
	const struct json_t *commits;
	struct rel_err ignored;

	if (helper_resolve(v->cx, range, &answer, &ignored) < 0)
		return false;
	commits = rel_json_get(answer, "commits");
	for (size_t i = 0; i < rel_json_len(commits); i++) {
		const struct json_t *c = rel_json_at(commits, i);
		const char *id = rel_json_get_str(c, "commit");
		const char *subject = rel_json_get_str(c, "subject");
		struct json_t *row = change_json(kind, id);

		result(v->cx, "  %c %.7s  %s", kind, id ? id : "",
			subject ? subject : "");
		rel_json_push(list, rel_json_push(row, rel_json_text(subject)));
	}
	return true;
}

static void diff_commits(struct view *v)
{
	const char *from = v->row[0].commit, *to = v->row[1].commit;
	struct json_t *list = rel_json_array();

	if (*from && *to && strcmp(from, to) != 0) {
		v->different = true;
		result(v->cx, "commits  %.7s → %.7s", from, to);
		if (!list_commits(v, '+', from, to, list) ||
			!list_commits(v, '-', to, from, list))
			say(v->cx, "the repository is not at hand for the "
				   "commits between");
	}
	rel_json_set(v->doc, "commits", list);
}

struct files {
	struct view *v;
	struct json_t *list;
	size_t n;
};

static int see_file(void *arg, char kind, const char *path, struct rel_err *err)
{
	REL_AUTO(rel_buf_free) struct rel_buf name = REL_BUF_INIT;
	struct files *f = arg;

	(void)err;
	rel_buf_add_escaped(&name, path, strlen(path));
	if (f->n++ == 0)
		result(f->v->cx, "files");
	result(f->v->cx, "  %c %s", kind, name.p);
	rel_json_push(f->list, change_json(kind, name.p));
	f->v->different = true;
	return 0;
}

static int diff_files(struct view *v, struct rel_err *err)
{
	struct files f = { .v = v };
	int r = 0;

	f.list = rel_json_array();
	if (!rel_id_equal(&v->row[0].artifact, &v->row[1].artifact))
		r = rel_diff_files(v->cx->home, &v->row[0].artifact,
			&v->row[1].artifact, see_file, &f, err);
	rel_json_set(v->doc, "files", f.list);
	return r;
}

static void diff_config(struct view *v)
{
	struct rel_config_change *c = NULL;
	size_t n = rel_config_diff(&v->side[0].config, &v->side[1].config, &c);
	struct json_t *list = rel_json_array();

	if (n > 0)
		result(v->cx, "config");
	for (size_t i = 0; i < n; i++) {
		result(v->cx, "  %c %s", c[i].kind, c[i].name);
		rel_json_push(list, change_json(c[i].kind, c[i].name));
	}
	v->different = v->different || n > 0;
	rel_json_set(v->doc, "config", list);
	free(c);
}

static void process_line(struct view *v, struct json_t *list, char kind,
	const char *type, const char *command)
{
	if (rel_json_len(list) == 0)
		result(v->cx, "processes");
	result(v->cx, "  %c %s: %s", kind, type, command);
	rel_json_push(list, change_json(kind, type));
	v->different = true;
}

static void diff_processes(struct view *v)
{
	const struct rel_processes *a = &v->side[0].processes;
	const struct rel_processes *b = &v->side[1].processes;
	struct json_t *list = rel_json_array();

	for (size_t i = 0; i < a->n; i++) {
		if (!rel_processes_command(b, a->v[i].type))
			process_line(
				v, list, '-', a->v[i].type, a->v[i].command);
	}
	for (size_t i = 0; i < b->n; i++) {
		const char *was = rel_processes_command(a, b->v[i].type);

		if (!was || strcmp(was, b->v[i].command) != 0)
			process_line(v, list, was ? '~' : '+', b->v[i].type,
				b->v[i].command);
	}
	rel_json_set(v->doc, "processes", list);
}

/* One word: against the current release of the same app. */
static int load(struct view *v, int argc, char **argv, struct rel_err *err)
{
	int r = release_find(v->cx, argv[argc - 1], &v->row[1], err);

	if (r == 0)
		r = release_find(v->cx, argc == 2 ? argv[0] : v->row[1].app,
			&v->row[0], err);
	for (int i = 0; r == 0 && i < 2; i++)
		r = rel_side_load(
			v->cx->home, &v->row[i], true, &v->side[i], err);
	return r;
}

static int run(
	struct ctx *cx, void *o, int argc, char **argv, struct rel_err *err)
{
	REL_AUTO(view_done) struct view v = { .cx = cx };
	int r = load(&v, argc, argv, err);

	(void)o;
	if (r < 0)
		return r;
	v.doc = rel_json_object();
	for (size_t i = 0; i < 2; i++) {
		struct json_t *side = rel_json_object();

		rel_json_set(side, "app", rel_json_text(v.row[i].app));
		rel_json_set(side, "release", rel_json_number(v.row[i].number));
		rel_json_set(v.doc, i == 0 ? "from" : "to", side);
	}
	result(cx, "%s v%" PRId64 " → %s v%" PRId64, v.row[0].app,
		v.row[0].number, v.row[1].app, v.row[1].number);
	diff_commits(&v);
	r = diff_files(&v, err);
	if (r < 0)
		return r;
	diff_config(&v);
	diff_processes(&v);
	if (cx->json) {
		rel_json_set(v.doc, "different", rel_json_bool(v.different));
		result_json(cx, "diff", v.doc);
		v.doc = NULL;
	} else if (!v.different) {
		say(cx, "no difference");
	}
	return v.different ? 1 : 0;
}

const struct cmd cmd_diff = {
	.name = "diff",
	.args = "[RELEASE] RELEASE",
	.summary = "how two releases differ: commits, files, config, processes",
	.group = "Look",
	.examples = "  relctl diff v12\n"
		    "  relctl diff v12 v14\n",
	.need = NEED_READ,
	.min_args = 1,
	.max_args = 2,
	.run = run,
};
