/* SPDX-License-Identifier: Apache-2.0 */
#include "plan_out.h"

#include "base/mem.h"
#include "base/vec.h"
#include "out.h"
#include "running.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void line(const struct ctx *cx, bool dry_run, const char *text)
{
	if (dry_run)
		result(cx, "%s", text);
	else
		say(cx, "%s", text);
}

static int see_subject(
	void *arg, const struct rel_build_row *b, struct rel_err *err)
{
	(void)err;
	rel_buf_adds(arg, b->subject);
	return 1;
}

/* "3f2a91c Fix cart total", or the artifact where no commit is known. */
static void add_code(
	const struct rel_plan *p, const struct rel_side *s, struct rel_buf *out)
{
	struct rel_buf subject = REL_BUF_INIT;
	struct rel_err ignored;

	if (!*s->commit) {
		rel_buf_addf(out, "%.19s", rel_artifact_format(&s->artifact).s);
		return;
	}
	rel_buf_addf(out, "%.7s", s->commit);
	if (s == &p->to &&
		rel_ledger_each_build(p->home->ledger, NULL, s->commit,
			see_subject, &subject, &ignored) >= 0 &&
		subject.len > 0)
		rel_buf_addf(out, "  %s", rel_buf_str(&subject));
	rel_buf_free(&subject);
}

static void print_code(
	const struct ctx *cx, const struct rel_plan *p, bool dry_run)
{
	REL_AUTO(rel_buf_free) struct rel_buf b = REL_BUF_INIT;

	rel_buf_adds(&b, "  code    ");
	if (p->from.known &&
		!rel_id_equal(&p->from.artifact, &p->to.artifact)) {
		add_code(p, &p->from, &b);
		rel_buf_adds(&b, " → ");
	}
	add_code(p, &p->to, &b);
	if (p->from.known && rel_id_equal(&p->from.artifact, &p->to.artifact))
		rel_buf_adds(&b, "  (unchanged)");
	line(cx, dry_run, b.p);
}

static void print_config(
	const struct ctx *cx, const struct rel_plan *p, bool dry_run)
{
	REL_AUTO(rel_buf_free) struct rel_buf b = REL_BUF_INIT;
	struct rel_config_change *c = NULL;
	size_t n;

	if (p->from.known && !p->from.has_config) {
		line(cx, dry_run,
			"  config  (that of the current release cannot be "
			"read)");
		return;
	}
	n = rel_config_diff(&p->from.config, &p->to.config, &c);
	rel_buf_adds(&b, "  config ");
	for (size_t i = 0; i < n; i++)
		rel_buf_addf(&b, " %c%s", c[i].kind, c[i].name);
	if (n == 0)
		rel_buf_adds(&b, p->to.config.n ? " (unchanged)" : " (none)");
	line(cx, dry_run, b.p);
	free(c);
}

/* Types that come, go, or get another command. */
static void add_types(const struct rel_plan *p, struct rel_buf *out)
{
	const struct rel_processes *from = &p->from.processes;
	const struct rel_processes *to = &p->to.processes;

	if (p->from.known && !p->from.has_record)
		return; /* nobody knows what changes */
	for (size_t i = 0; i < to->n; i++) {
		const char *was = rel_processes_command(from, to->v[i].type);

		if (!was || strcmp(was, to->v[i].command) != 0)
			rel_buf_addf(
				out, " %c%s", was ? '~' : '+', to->v[i].type);
	}
	for (size_t i = 0; i < from->n; i++) {
		if (!rel_processes_command(to, from->v[i].type))
			rel_buf_addf(out, " -%s", from->v[i].type);
	}
}

static void print_same_code(const struct ctx *cx, const struct rel_plan *p)
{
	struct rel_artifact_text id = rel_artifact_format(&p->to.artifact);
	bool known = *p->to.commit != '\0'; /* an import has no commit */

	if (p->other_code)
		say(cx,
			"the code is unchanged (%.*s); 'relctl -a %s rollback "
			"v%" PRId64 "' is the newest with other code",
			known ? 7 : 19, known ? p->to.commit : id.s, p->app,
			p->other_code);
	else
		say(cx, "the code is unchanged (%.*s)", known ? 7 : 19,
			known ? p->to.commit : id.s);
}

void plan_print(const struct ctx *cx, const struct rel_plan *p, bool dry_run)
{
	REL_AUTO(rel_buf_free) struct rel_buf head = REL_BUF_INIT;
	REL_AUTO(rel_buf_free) struct rel_buf types = REL_BUF_INIT;

	rel_buf_addf(&head, "%s: ", p->app);
	if (p->from.known)
		rel_buf_addf(&head, "v%" PRId64 " → ", p->from.number);
	rel_buf_addf(&head, "v%" PRId64,
		p->kind == REL_PLAN_ACTIVATE ? p->to.number : p->next);
	if (p->of && p->of_app[0])
		rel_buf_addf(&head, " (the code of %s@v%" PRId64 ")", p->of_app,
			p->of);
	else if (p->of)
		rel_buf_addf(&head, " (%sv%" PRId64 " again)",
			p->record.len > 0 ? "the code of " : "", p->of);
	else if (!p->from.known)
		rel_buf_adds(&head, " (the first release)");
	if (!p->activate)
		rel_buf_adds(&head, ", not activated");
	line(cx, dry_run, head.p);
	print_code(cx, p, dry_run);
	print_config(cx, p, dry_run);
	add_types(p, &types);
	if (types.len > 0) {
		char *text = rel_printf("  types  %s", types.p);

		line(cx, dry_run, text);
		free(text);
	}
	if (p->same_code)
		print_same_code(cx, p);
}

static struct json_t *side_json(const struct rel_side *s)
{
	struct json_t *j = rel_json_object();

	rel_json_set(j, "release",
		s->number ? rel_json_number(s->number) : rel_json_text(NULL));
	rel_json_set(j, "artifact",
		rel_json_text(rel_artifact_format(&s->artifact).s));
	rel_json_set(j, "commit",
		rel_json_text(s->commit && *s->commit ? s->commit : NULL));
	rel_json_set(j, "processes", rel_processes_to_json(&s->processes));
	return j;
}

struct json_t *plan_json(const struct rel_plan *p)
{
	struct json_t *j = rel_json_object();

	rel_json_set(j, "app", rel_json_text(p->app));
	rel_json_set(j, "new_app", rel_json_bool(p->new_app));
	rel_json_set(
		j, "unchanged", rel_json_bool(p->kind == REL_PLAN_UNCHANGED));
	rel_json_set(j, "from",
		p->from.known ? side_json(&p->from) : rel_json_text(NULL));
	rel_json_set(j, "to",
		side_json(p->kind == REL_PLAN_UNCHANGED ? &p->from : &p->to));
	if (p->kind != REL_PLAN_UNCHANGED)
		rel_json_set(j, "config",
			p->from.known && !p->from.has_config
				? rel_json_text(NULL)
				: rel_plan_changes(p));
	if (p->of)
		rel_json_set(j, "of", rel_json_number(p->of));
	return j;
}
