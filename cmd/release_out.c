/* SPDX-License-Identifier: Apache-2.0 */
#include "release_out.h"

#include "base/clock.h"
#include "home/home.h"
#include "release/plan.h"

#include <inttypes.h>
#include <string.h>

/* Names that come, go or change; the one key of a kind is its sign. */
static void add_names(const struct json_t *changes, struct rel_buf *out)
{
	static const char *const kinds[] = { "+", "~", "-" };
	bool first = true;

	for (size_t k = 0; k < 3; k++) {
		const struct json_t *names = rel_json_get(changes, kinds[k]);

		for (size_t i = 0; i < rel_json_len(names); i++) {
			rel_buf_addf(out, "%s%s%s", first ? "config " : " ",
				kinds[k], rel_json_str(rel_json_at(names, i)));
			first = false;
		}
	}
}

/* A rollback with --keep or --code made a content of its own. */
static bool is_mixed(struct ctx *cx, const struct rel_release_row *row)
{
	REL_AUTO(rel_release_row_done) struct rel_release_row of = { 0 };
	struct rel_err ignored;

	return rel_ledger_release(cx->home->ledger, row->app, row->of, &of,
		       &ignored) == 0 &&
	       !rel_id_equal(&of.digest, &row->digest);
}

void release_change(
	struct ctx *cx, const struct rel_release_row *row, struct rel_buf *out)
{
	REL_AUTO(rel_json_freep) struct json_t *changes = NULL;
	REL_AUTO(rel_buf_free) struct rel_buf names = REL_BUF_INIT;
	struct rel_err ignored;

	if (rel_json_parse(row->changes, strlen(row->changes), &changes,
		    &ignored) == 0)
		add_names(changes, &names);
	if (strcmp(row->reason, "rollback") == 0)
		rel_buf_addf(out, "rollback to %sv%" PRId64,
			is_mixed(cx, row) ? "the code of " : "", row->of);
	else if (strcmp(row->reason, "promote") == 0)
		rel_buf_addf(out, "promote %s@v%" PRId64, row->of_app, row->of);
	else if (strcmp(row->reason, "release") == 0 && *row->commit)
		rel_buf_addf(out, "release %.7s", row->commit);
	else if (strcmp(row->reason, "release") == 0)
		rel_buf_addf(out, "release %.14s",
			rel_artifact_format(&row->artifact).s);
	if (names.len > 0)
		rel_buf_addf(out, "%s%s", out->len ? ", " : "", names.p);
	if (*row->message)
		rel_buf_addf(out, "%s%s", out->len ? ": " : "", row->message);
}

const char *release_state(const struct rel_release_row *row, bool current)
{
	if (current)
		return row->pinned ? "active, pinned" : "active";
	if (row->failed)
		return row->pinned ? "failed, pinned" : "failed";
	if (row->ever_active)
		return row->pinned ? "was active, pinned" : "was active";
	return row->pinned ? "not active, pinned" : "not active";
}

const char *release_restore(struct ctx *cx, const struct rel_release_row *row)
{
	static const char *const words[] = {
		[REL_RESTORE_LOCAL] = "local",
		[REL_RESTORE_STORE] = "store",
		[REL_RESTORE_GONE] = "gone",
	};

	return words[rel_restorable(cx->home, row)];
}

struct json_t *release_json(
	struct ctx *cx, const struct rel_release_row *row, bool current)
{
	struct json_t *j = rel_json_object(), *changes = NULL;
	struct rel_err ignored;

	if (rel_json_parse(
		    row->changes, strlen(row->changes), &changes, &ignored) < 0)
		changes = rel_json_object();
	rel_json_set(j, "app", rel_json_text(row->app));
	rel_json_set(j, "release", rel_json_number(row->number));
	rel_json_set(j, "content", rel_json_text(rel_id_hex(&row->digest).s));
	rel_json_set(j, "artifact",
		rel_json_text(rel_artifact_format(&row->artifact).s));
	rel_json_set(
		j, "commit", rel_json_text(*row->commit ? row->commit : NULL));
	rel_json_set(j, "time", rel_json_text(rel_time_format(row->time_ms).s));
	rel_json_set(j, "by", rel_json_text(row->by));
	rel_json_set(j, "reason", rel_json_text(row->reason));
	rel_json_set(j, "of",
		row->of ? rel_json_number(row->of) : rel_json_text(NULL));
	rel_json_set(
		j, "of_app", rel_json_text(*row->of_app ? row->of_app : NULL));
	rel_json_set(j, "message",
		rel_json_text(*row->message ? row->message : NULL));
	rel_json_set(j, "config", changes);
	rel_json_set(j, "current", rel_json_bool(current));
	rel_json_set(j, "ever_active", rel_json_bool(row->ever_active));
	rel_json_set(j, "failed", rel_json_bool(row->failed));
	rel_json_set(j, "pinned", rel_json_bool(row->pinned));
	rel_json_set(j, "restore", rel_json_text(release_restore(cx, row)));
	return j;
}
