/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/ledger/ledger.h - the append-only, hash-chained record of every event.
 * Format: docs/formats.md, section 6. Mechanism; sqlite3.h is included in
 * this folder alone (ledger/db.h).
 *
 * The truth is one table, event. Everything else is an index of it, written
 * in the same transaction, and derived again when it is of another version or
 * behind the events. An index that is ahead of them means that events were cut
 * off: such a ledger can be read, but not written. Never open ledger.db by
 * other means: closing any fd on it would drop SQLite's locks. Never carry a
 * ledger across a fork.
 */
#ifndef REL_LEDGER_LEDGER_H
#define REL_LEDGER_LEDGER_H

#include "base/err.h"
#include "base/id.h"
#include "base/json.h"

#include <stdbool.h>
#include <stdint.h>

struct rel_ledger;

/* One row of the truth; texts are owned by the row. */
struct rel_event_row {
	int64_t seq, time_ms;
	char *app, *kind, *body; /* app "" where none; body canonical JSON */
	struct rel_id prev, hash;
};
void rel_event_row_done(struct rel_event_row *e);

/* What a release event says (the index's row). Texts are owned by the row. */
struct rel_release_row {
	int64_t seq, time_ms, number;
	char *app;
	struct rel_id digest;	/* of the release record: the content */
	struct rel_id sealed;	/* the sealed config's file */
	struct rel_id artifact; /* the tar's digest */
	char *commit;		/* hex, or "" (an imported artifact) */
	char *reason;		/* release, config, promote, rollback */
	int64_t of;		/* rollback: the target's number; else 0 */
	char *of_app;		/* promote: where from; else "" */
	char *by, *message;
	char *changes; /* canonical JSON: {"+":[…],"-":[…],"~":[…]}
			* names of config variables against the
			* release that was current */
	bool ever_active, failed, pinned; /* derived from later events;
					   * failed: since it was last
					   * activated */
};
void rel_release_row_done(struct rel_release_row *r);

/* One activation; ${on} is the seq of the one beneath it, ${other} of the
 * nearest one further down that has another artifact; 0: none. */
struct rel_activation {
	int64_t seq, time_ms, number, on, other;
	struct rel_id content; /* digest of the release's record */
};

/* One build or import event; several may name one artifact. */
struct rel_build_row {
	int64_t seq, time_ms, committed_s;
	struct rel_id artifact;
	struct rel_id record; /* SHA-256 of the artifact record's file */
	char *commit, *tree, *origin, *subject; /* "" for an import */
	char *by;
	char *options, *exceptions; /* canonical JSON, "null" for an import */
};
void rel_build_row_done(struct rel_build_row *b);

/*
 * Open ${path} (STORE/ledger.db). REL_LEDGER_CREATE makes it; REL_LEDGER_READ
 * works on a read-only file system, and derives a stale index in memory.
 * ${wait_ms}: how long to wait for SQLite's lock before REL_EBUSY.
 * ${give_reserve} (may be NULL) is called with
 * ${arg} when an append finds the disk full; true means: room was made, try
 * once more. Errors: REL_ENOTFOUND, REL_EIO, REL_EINTEGRITY (not a ledger),
 * REL_EINVALID (made by a newer relctl).
 */
enum rel_ledger_mode {
	REL_LEDGER_READ,
	REL_LEDGER_WRITE,
	REL_LEDGER_CREATE,
};
int rel_ledger_open(const char *path, enum rel_ledger_mode mode,
	unsigned wait_ms, bool (*give_reserve)(void *arg), void *arg,
	struct rel_ledger **ret, struct rel_err *err) REL_CHECK;
void rel_ledger_closep(struct rel_ledger **l);

/* False: its index is of another version or behind, and this reader has derived
 * it for itself alone, from all events; who writes next puts it right. */
bool rel_ledger_has_file(const struct rel_ledger *l);

/*
 * Append ${n} events in one transaction, in their order: all of them or none.
 * Each ${body} is taken (freed also on failure). ${check} (may be NULL) runs
 * inside the transaction, before the insert of its event and after those before
 * it, and may still change the body (a number) or refuse: this is how numbers
 * are given out and activations compared with what is current. When the disk
 * was full all checks run a second time, with fresh copies of the bodies.
 * *ret_seq (may be NULL): the first one's; the others follow it. On return the
 * events are on disk. Errors: REL_EBUSY, REL_EIO (also a full disk), and
 * whatever a check returned.
 */
struct rel_append {
	const char *app, *kind;
	struct json_t *body;
	int (*check)(void *arg, struct rel_ledger *l, struct json_t *body,
		struct rel_err *err);
	void *arg;
};
int rel_ledger_append_all(struct rel_ledger *l, struct rel_append *all,
	size_t n, int64_t *ret_seq, struct rel_err *err) REL_CHECK;
/* The same for one event. */
int rel_ledger_append(struct rel_ledger *l, struct rel_append *what,
	int64_t *ret_seq, struct rel_err *err) REL_CHECK;

/* In a check alone: one more event, before the one that is checked, of a time
 * of its own. ${body} is borrowed. Errors: as above. */
int rel_ledger_insert(struct rel_ledger *l, const char *app, const char *kind,
	const struct json_t *body, int64_t time_ms, int64_t *ret_seq,
	struct rel_err *err) REL_CHECK;

/*
 * The state of the file, by which it is known to be as it was: what the system
 * says of it, and SQLite's change counter, which each transaction increments.
 * peek opens the file, so it is only for a process that has no ledger open;
 * false: something is half done there, or odd, and the ledger has to be asked.
 */
struct rel_ledger_state {
	int64_t dev, ino, size, mtime_ns, ctime_ns, counter;
};
bool rel_ledger_peek(int dirfd, const char *name, struct rel_ledger_state *ret);

/* Call ${fn} while nobody can change the ledger: all that it reads is of one
 * state, which is given to it. fn's result is passed on. Errors: REL_EBUSY,
 * REL_EIO; REL_EREFUSED (a copy in memory has no state). */
int rel_ledger_hold(struct rel_ledger *l,
	int (*fn)(void *arg, const struct rel_ledger_state *now,
		struct rel_err *err),
	void *arg, struct rel_err *err) REL_CHECK;

/* The key's event (seq 1): the 16 hex digits that pin it, and the SHA-256 of
 * configs/fingerprint.cms. Errors: REL_EINTEGRITY (no such event). */
int rel_ledger_key(struct rel_ledger *l, char ret_key_id[17],
	struct rel_id *ret_fingerprint, struct rel_err *err) REL_CHECK;

/* Head of the chain: seq 0 and zeros when empty. */
int rel_ledger_head(struct rel_ledger *l, int64_t *ret_seq,
	struct rel_id *ret_hash, struct rel_err *err) REL_CHECK;

/* Releases. All: REL_ENOTFOUND when there is none, with a plain message that
 * the caller may replace. */
int rel_ledger_release(struct rel_ledger *l, const char *app, int64_t number,
	struct rel_release_row *ret, struct rel_err *err) REL_CHECK;
int rel_ledger_newest(struct rel_ledger *l, const char *app,
	struct rel_release_row *ret, struct rel_err *err) REL_CHECK;
/* Newest number of ${app}, 0 for a new app. */
int rel_ledger_last_number(struct rel_ledger *l, const char *app, int64_t *ret,
	struct rel_err *err) REL_CHECK;

/* Newest first, from below ${before} (0: from the top), at most ${limit}
 * (0: all). ${app} NULL: of all apps, and ${before} is a seq. fn's
 * non-zero stops and is passed on. In this and the walks below fn may ask the
 * ledger, but not append. */
typedef int rel_release_fn(
	void *arg, const struct rel_release_row *r, struct rel_err *err);
int rel_ledger_each_release(struct rel_ledger *l, const char *app,
	int64_t before, int64_t limit, rel_release_fn *fn, void *arg,
	struct rel_err *err) REL_CHECK;

/* Activations: the current one (REL_ENOTFOUND: nothing is active), and the
 * one at ${seq}. Both O(log n). */
int rel_ledger_current(struct rel_ledger *l, const char *app,
	struct rel_activation *ret, struct rel_err *err) REL_CHECK;
int rel_ledger_activation(struct rel_ledger *l, const char *app, int64_t seq,
	struct rel_activation *ret, struct rel_err *err) REL_CHECK;

/* The formation that the newest scale event of ${app} has, {TYPE: count}, the
 * caller's to free; *ret is NULL when there is none. O(log n). */
int rel_ledger_formation(struct rel_ledger *l, const char *app,
	struct json_t **ret, struct rel_err *err) REL_CHECK;

/* Builds and imports: newest first; of one artifact, of one commit (prefix of
 * 4 or more hex digits), or all (both NULL). */
typedef int rel_build_fn(
	void *arg, const struct rel_build_row *b, struct rel_err *err);
int rel_ledger_each_build(struct rel_ledger *l, const struct rel_id *artifact,
	const char *commit_prefix, rel_build_fn *fn, void *arg,
	struct rel_err *err) REL_CHECK;

/* The one commit that begins with these hex digits, and the artifact of its
 * newest build; *ret_others: it was built to others, too. Errors:
 * REL_ENOTFOUND, REL_EUSAGE (several commits begin so). O(log n). */
int rel_ledger_commit(struct rel_ledger *l, const char *prefix, char ret[41],
	struct rel_id *ret_artifact, bool *ret_others,
	struct rel_err *err) REL_CHECK;

/* Was ${artifact} built from the repository ${origin}? O(log n). */
int rel_ledger_built_from(struct rel_ledger *l, const struct rel_id *artifact,
	const char *origin, bool *ret, struct rel_err *err) REL_CHECK;

/* Builds of one git tree, by its full name; newest first. */
int rel_ledger_each_build_of_tree(struct rel_ledger *l, const char *tree,
	rel_build_fn *fn, void *arg, struct rel_err *err) REL_CHECK;

/* Artifacts (each once) whose digest begins with these hex digits. */
int rel_ledger_each_artifact(struct rel_ledger *l, const char *prefix,
	int (*fn)(
		void *arg, const struct rel_id *artifact, struct rel_err *err),
	void *arg, struct rel_err *err) REL_CHECK;

/* Names of the apps, sorted; and of those alone whose newest release has an
 * artifact that was built from the repository ${origin}. */
int rel_ledger_each_app(struct rel_ledger *l,
	int (*fn)(void *arg, const char *app, struct rel_err *err), void *arg,
	struct rel_err *err) REL_CHECK;
int rel_ledger_each_app_from(struct rel_ledger *l, const char *origin,
	int (*fn)(void *arg, const char *app, struct rel_err *err), void *arg,
	struct rel_err *err) REL_CHECK;

/* The events themselves, from ${from} on, in order, one row in memory. */
int rel_ledger_each_event(struct rel_ledger *l, int64_t from,
	int (*fn)(
		void *arg, const struct rel_event_row *e, struct rel_err *err),
	void *arg, struct rel_err *err) REL_CHECK;

/* The newest event of a kind whose body has ${part} in it; it looks back as far
 * as it has to. Errors: REL_ENOTFOUND. */
int rel_ledger_newest_event(struct rel_ledger *l, const char *kind,
	const char *part, struct rel_event_row *ret,
	struct rel_err *err) REL_CHECK;

/* hash = SHA-256("relctl event 1" NUL, then seq and time as decimal ASCII,
 * app, kind, body, prev (64 hex digits), each with a 4-byte big-endian length).
 */
struct rel_id rel_event_hash(const struct rel_event_row *e);

/*
 * Everything that can be wrong with a ledger: SQLite's own integrity check,
 * the schema and triggers against a fresh one, seq without gaps, each hash and
 * prev, canonical bodies, and the index row by row against one that is
 * derived anew. ${expect_head} (may be NULL): an event with this hash must
 * exist. Errors: REL_EINTEGRITY names the first bad seq or table.
 */
int rel_ledger_verify(struct rel_ledger *l, const struct rel_id *expect_head,
	int64_t *ret_events, struct rel_err *err) REL_CHECK;

#endif
