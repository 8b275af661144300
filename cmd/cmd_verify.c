/* SPDX-License-Identifier: Apache-2.0 */
#include "audit/verify.h"
#include "cmds.h"
#include "out.h"
#include "ref.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct args {
	bool all;
	const char *head;
};

#define AT(field) offsetof(struct args, field)

static const struct opt opts[] = {
	{ "all", 0, OPT_FLAG, AT(all), NULL, "the whole store" },
	{ "expect-head", 0, OPT_STR, AT(head), "HASH",
		"the ledger must have this event (a cut tail is seen so)" },
	{ 0 },
};

struct findings {
	struct ctx *cx;
	struct json_t *list;
};

static void problem(void *arg, const char *text)
{
	struct findings *f = arg;

	if (f->cx->json)
		rel_json_push(f->list, rel_json_text(text));
	else
		out_line(stderr, "damaged: ", text, false);
}

static void report_json(struct ctx *cx, const struct rel_verify *v,
	struct findings *f, const struct rel_id *head)
{
	struct json_t *doc = rel_json_object();

	rel_json_set(doc, "ok", rel_json_bool(v->problems == 0));
	rel_json_set(doc, "problems", f->list);
	rel_json_set(doc, "events", rel_json_number(v->events));
	rel_json_set(doc, "head", rel_json_text(rel_id_hex(head).s));
	rel_json_set(doc, "releases", rel_json_number((int64_t)v->releases));
	rel_json_set(doc, "artifacts", rel_json_number((int64_t)v->artifacts));
	rel_json_set(doc, "trees", rel_json_number((int64_t)v->trees));
	rel_json_set(doc, "chunks", rel_json_number((int64_t)v->chunks));
	rel_json_set(doc, "configs_opened", rel_json_bool(!v->no_key));
	result_json(cx, "verify", doc);
}

static void add_count(
	struct rel_buf *b, const char *before, uint64_t n, const char *noun)
{
	rel_buf_addf(
		b, "%s%" PRIu64 " %s%s", before, n, noun, n == 1 ? "" : "s");
}

static int check(struct ctx *cx, const struct args *a, const char *word,
	struct rel_verify *v, struct rel_err *err)
{
	REL_AUTO(rel_release_row_done) struct rel_release_row row = { 0 };
	int r = rel_store_lock(cx->home->store, REL_LOCK_SHARED,
		(unsigned)(cx->wait_s * 1000), err);

	if (r < 0)
		return r;
	if (a->all)
		return rel_verify_all(cx->home, v, err);
	r = release_find(cx, word, &row, err);
	return r < 0 ? r : rel_verify_release(cx->home, &row, v, err);
}

static int run(
	struct ctx *cx, void *o, int argc, char **argv, struct rel_err *err)
{
	const struct args *a = o;
	struct findings f = { .cx = cx };
	struct rel_verify v = { .problem = problem, .arg = &f };
	struct rel_id expected, head;
	int64_t seq;
	int r;

	if (a->all && argc > 0)
		return rel_fail(
			err, REL_EUSAGE, "give a RELEASE or --all, not both");
	if (a->head && !rel_id_parse(a->head, &expected))
		return rel_fail(
			err, REL_EUSAGE, "--expect-head takes 64 hex digits");
	v.expect_head = a->head ? &expected : NULL;
	f.list = rel_json_array();
	r = check(cx, a, argc > 0 ? argv[0] : NULL, &v, err);
	if (r == 0)
		r = rel_ledger_head(cx->home->ledger, &seq, &head, err);
	if (r == 0 && v.no_key)
		say(cx, "without the key sealed configs were compared with "
			"their names only");
	if (r == 0 && v.no_reserve)
		say(cx, "the reserve for a full disk was used: the next "
			"command that changes something makes it again");
	if (r == 0 && v.waiting)
		say_verbose(cx,
			"%" PRIu64 " more wait to be recorded by the next "
			"command that changes something",
			v.waiting);
	if (r < 0) {
		rel_json_free(f.list);
		return r;
	}
	if (cx->json) {
		report_json(cx, &v, &f, &head);
		return v.problems ? exit_status(REL_EINTEGRITY) : 0;
	}
	rel_json_free(f.list);
	if (v.problems == 0) {
		REL_AUTO(rel_buf_free) struct rel_buf b = REL_BUF_INIT;

		add_count(&b, "ok: ", (uint64_t)v.events, "event");
		add_count(&b, ", ", v.releases, "release");
		add_count(&b, ", ", v.artifacts, "artifact");
		add_count(&b, ", ", v.trees, "tree");
		result(cx, "%s", b.p);
		say_verbose(cx, "head of the ledger: %s", rel_id_hex(&head).s);
		return 0;
	}
	rel_fail(err, REL_EINTEGRITY, "%" PRIu64 " thing%s damaged", v.problems,
		v.problems == 1 ? " is" : "s are");
	return rel_hint(
		err, "'man relctl-verify' says how each of them comes back");
}

const struct cmd cmd_verify = {
	.name = "verify",
	.args = "[RELEASE]",
	.summary = "read every byte of a release, or of the store, again",
	.group = "Keep",
	.examples = "  relctl verify\n"
		    "  relctl verify --all\n",
	.opts = opts,
	.opts_size = sizeof(struct args),
	.need = NEED_READ,
	.max_args = 1,
	.run = run,
};
