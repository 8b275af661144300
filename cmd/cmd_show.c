/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "cmds.h"
#include "home/artifact.h"
#include "home/record.h"
#include "home/sealed.h"
#include "out.h"
#include "ref.h"
#include "release_out.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

struct args {
	bool reveal;
};

static const struct opt opts[] = {
	{ "reveal", 0, OPT_FLAG, offsetof(struct args, reveal), NULL,
		"show the values of the config too (on a terminal only)" },
	{ 0 },
};

struct view {
	struct ctx *cx;
	const struct rel_release_row *row;
	struct rel_record record;
	struct rel_config config; /* with --reveal */
	struct rel_artifact artifact;
	bool has_artifact, current, reveal;
};

static int see_build(
	void *arg, const struct rel_build_row *b, struct rel_err *err)
{
	const struct view *v = arg;

	(void)err;
	if (!rel_id_equal(&b->artifact, &v->row->artifact))
		return 0;
	result(v->cx, "commit   %.12s  %s", b->commit, b->subject);
	result(v->cx, "from     %s", b->origin);
	return 1;
}

static void print_config(const struct view *v)
{
	const struct rel_record *rec = &v->record;

	result(v->cx, "config   %zu variable%s, %.12s", rec->names_n,
		rec->names_n == 1 ? "" : "s", rel_id_hex(&rec->fingerprint).s);
	for (size_t i = 0; i < rec->names_n; i++) {
		const char *value =
			v->reveal ? rel_config_get(&v->config, rec->names[i])
				  : NULL;

		result(v->cx, "  %s%s%s", rec->names[i], value ? "=" : "",
			value ? value : "");
	}
}

static void print_text(const struct view *v)
{
	const struct rel_release_row *row = v->row;
	REL_AUTO(rel_buf_free) struct rel_buf change = REL_BUF_INIT;
	struct rel_err ignored;

	release_change(v->cx, row, &change);
	result(v->cx, "%s%s v%" PRId64 "%s  %s", color_out(v->cx, COLOR_BOLD),
		row->app, row->number, color_out(v->cx, COLOR_OFF),
		release_state(row, v->current));
	result(v->cx, "change   %s", rel_buf_str(&change));
	result(v->cx, "made     %s by %s", rel_time_format(row->time_ms).s,
		row->by);
	if (*row->commit &&
		rel_ledger_each_build(v->cx->home->ledger, NULL, row->commit,
			see_build, (void *)(uintptr_t)v, &ignored) < 0)
		result(v->cx, "commit   %s", row->commit);
	result(v->cx, "artifact %s", rel_artifact_format(&row->artifact).s);
	if (v->has_artifact)
		result(v->cx, "         %" PRIu64 " %s, %s of tar",
			v->artifact.packed.entries,
			v->artifact.packed.entries == 1 ? "entry" : "entries",
			bytes_text(v->artifact.packed.size).s);
	result(v->cx, "restore  %s", release_restore(v->cx, row));
	result(v->cx, "content  %s", rel_id_hex(&row->digest).s);
	print_config(v);
	result(v->cx, "processes%s", v->record.processes.n ? "" : "  none");
	for (size_t i = 0; i < v->record.processes.n; i++)
		result(v->cx, "  %s: %s%s", v->record.processes.v[i].type,
			v->record.processes.v[i].command,
			rel_process_is_hook(v->record.processes.v[i].type)
				? "  (hook)"
				: "");
}

static void print_json(const struct view *v)
{
	struct json_t *doc = release_json(v->cx, v->row, v->current);
	struct json_t *names = rel_json_array();

	for (size_t i = 0; i < v->record.names_n; i++)
		rel_json_push(names, rel_json_text(v->record.names[i]));
	rel_json_set(
		doc, "changes", rel_json_copy(rel_json_get(doc, "config")));
	rel_json_set(doc, "config", names);
	rel_json_set(doc, "fingerprint",
		rel_json_text(rel_id_hex(&v->record.fingerprint).s));
	rel_json_set(
		doc, "processes", rel_processes_to_json(&v->record.processes));
	if (v->has_artifact) {
		rel_json_set(doc, "entries",
			rel_json_number((int64_t)v->artifact.packed.entries));
		rel_json_set(doc, "size",
			rel_json_number((int64_t)v->artifact.packed.size));
	}
	result_json(v->cx, "show", doc);
}

static int run(
	struct ctx *cx, void *o, int argc, char **argv, struct rel_err *err)
{
	REL_AUTO(rel_release_row_done) struct rel_release_row row = { 0 };
	struct view v = { .cx = cx, .row = &row };
	struct rel_activation current;
	struct rel_err ignored;
	int r;

	v.reveal = ((struct args *)o)->reveal;
	if (v.reveal && (cx->json || !isatty(STDOUT_FILENO)))
		return rel_fail(err, REL_EREFUSED,
			"values are shown on a terminal only");
	r = release_find(cx, argc > 0 ? argv[0] : NULL, &row, err);
	if (r == 0)
		r = rel_record_load(cx->home, &row.digest, &v.record, err);
	if (r == 0 && v.reveal)
		r = rel_sealed_load(cx->home, &row.sealed,
			&v.record.fingerprint, &v.config, err);
	if (r == 0) {
		v.current = rel_ledger_current(cx->home->ledger, row.app,
				    &current, &ignored) == 0 &&
			    current.number == row.number;
		v.has_artifact = rel_artifact_load(cx->home, &row.artifact,
					 &v.artifact, NULL, &ignored) == 0;
		if (cx->json)
			print_json(&v);
		else
			print_text(&v);
	}
	rel_record_done(&v.record);
	rel_config_done(&v.config);
	rel_artifact_done(&v.artifact);
	return r;
}

const struct cmd cmd_show = {
	.name = "show",
	.args = "[RELEASE]",
	.summary = "everything about one release",
	.group = "Look",
	.opts = opts,
	.opts_size = sizeof(struct args),
	.need = NEED_READ,
	.max_args = 1,
	.run = run,
};
