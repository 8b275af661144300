/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger: events, what they mean for the index, and the questions. */
#include "ledger_fixture.h"

#include "ledger/undo.h"

#include <inttypes.h>
#include <sys/stat.h>

#define C1 "1111111111111111111111111111111111111111"
#define C2 "1111222222222222222222222222222222222222"

static struct rel_ledger *create(struct dir *d)
{
	return open_ledger(d->ledger, REL_LEDGER_CREATE);
}

/* The literals come from printf '…' | sha256sum, not from this library. */
static void test_the_hash_of_an_event_is_the_one_of_the_format(void **state)
{
	char key[] = "key", shop[] = "shop", activate[] = "activate";
	char none[] = "",
	     key_text[] =
		     "{\"fingerprint\":"
		     "\"abababababababababababababababababababab"
		     "abababababababababababab\",\"key\":\"0123456789abcdef\"}";
	char text[] = "{\"by\":\"zo\xc3\xab@ci\",\"number\":12,\"on\":0}";
	struct rel_event_row e = { .seq = 1,
		.time_ms = 1700000000123,
		.app = none,
		.kind = key,
		.body = key_text };
	struct rel_id hash = rel_event_hash(&e);

	(void)state;
	assert_string_equal(rel_id_hex(&hash).s,
		"32e45762c05af05aed7816313b571ac7786cd9b3a98ca073eb3f773a5cf990"
		"ad");
	e = (struct rel_event_row){ .seq = 2,
		.time_ms = 1700000000124,
		.app = shop,
		.kind = activate,
		.body = text,
		.prev = hash };
	hash = rel_event_hash(&e);
	assert_string_equal(rel_id_hex(&hash).s,
		"fd208bc7b094acd6fc141683be17edb69b43b51cf979a41d730f47e5c82113"
		"f0");
}

struct seen {
	int64_t seqs[16];
	size_t n;
	struct rel_id last;
	char *body;
};

static int see_event(
	void *arg, const struct rel_event_row *e, struct rel_err *err)
{
	struct seen *s = arg;
	struct rel_id hash = rel_event_hash(e);

	(void)err;
	assert_true(rel_id_equal(&e->prev, &s->last));
	assert_true(rel_id_equal(&e->hash, &hash));
	assert_true(e->time_ms > 1700000000000);
	s->seqs[s->n++] = e->seq;
	s->last = e->hash;
	free(s->body);
	s->body = rel_strdup(e->body);
	return 0;
}

static void test_events_are_chained_in_order_with_sorted_bodies(void **state)
{
	struct rel_ledger *l = create(*state);
	struct rel_err err = REL_ERR_INIT;
	struct seen s = { .n = 0 };
	struct rel_id head;
	int64_t seq;

	assert_ok(rel_ledger_head(l, &seq, &head, &err), &err);
	assert_int_equal(seq, 0);
	assert_true(rel_id_is_zero(&head));
	assert_int_equal(append(l, "", "key", key_body()), 1);
	assert_int_equal(append(l, "", "build", build_body("a", C1)), 2);
	assert_int_equal(
		append(l, "shop", "exec", json("{\"z\":1, \"a\":[2]}")), 3);
	assert_ok(rel_ledger_each_event(l, 1, see_event, &s, &err), &err);
	assert_int_equal(s.n, 3);
	assert_int_equal(s.seqs[0], 1);
	assert_int_equal(s.seqs[2], 3);
	assert_string_equal(s.body, "{\"a\":[2],\"z\":1}");
	assert_ok(rel_ledger_head(l, &seq, &head, &err), &err);
	assert_int_equal(seq, 3);
	assert_true(rel_id_equal(&head, &s.last));
	free(s.body);
	rel_ledger_closep(&l);
}

static int64_t pragma(struct rel_ledger *l, const char *name)
{
	REL_AUTO(rel_freep) char *sql = rel_printf("PRAGMA %s", name);
	struct rel_err err = REL_ERR_INIT;
	int64_t n = -1;

	assert_ok(rel_db_number(l, sql, &n, &err), &err);
	return n;
}

static void test_a_ledger_is_made_private_and_opened_safely(void **state)
{
	struct dir *d = *state;
	mode_t mask = umask(0);
	struct rel_ledger *l = create(d);
	REL_AUTO(rel_db_finalizep) sqlite3_stmt *s = NULL;
	struct stat st;
	int defensive = 0;

	umask(mask);
	assert_int_equal(stat(d->ledger, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(pragma(l, "synchronous"), 3);
	assert_int_equal(pragma(l, "trusted_schema"), 0);
	assert_int_equal(pragma(l, "foreign_keys"), 1);
	assert_int_equal(pragma(l, "temp_store"), 2);
	assert_int_equal(pragma(l, "cell_size_check"), 1);
	assert_int_equal(pragma(l, "mmap_size"), 0);
	assert_int_equal(pragma(l, "user_version"), 1);
	sqlite3_db_config(l->db, SQLITE_DBCONFIG_DEFENSIVE, -1, &defensive);
	assert_int_equal(defensive, 1);
	assert_int_equal(
		sqlite3_prepare_v2(l->db, "PRAGMA journal_mode", -1, &s, NULL),
		SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	assert_string_equal(
		(const char *)sqlite3_column_text(s, 0), "truncate");
	sqlite3_reset(s);
	rel_ledger_closep(&l);
}

static void test_the_table_takes_nothing_but_the_next_event(void **state)
{
	static const char *const attempts[] = {
		"UPDATE event SET app = 'x' WHERE seq = 1",
		"UPDATE event SET seq = 9 WHERE seq = 2",
		"UPDATE OR REPLACE event SET seq = 1 WHERE seq = 2",
		"DELETE FROM event WHERE seq = 2",
		"DELETE FROM event",
		"INSERT OR REPLACE INTO event VALUES (1,1,'','k','{}','','')",
		"REPLACE INTO event VALUES (2, 1, '', 'k', '{}', '', '')",
		"INSERT OR IGNORE INTO event VALUES (4,1,'','k','{}','','')",
		("INSERT INTO event VALUES (2, 1, '', 'k', '{}', '', '')"
		 " ON CONFLICT (seq) DO UPDATE SET app = 'x'"),
		"INSERT INTO event VALUES (4, 1, '', 'k', '{}', '', '')",
		"INSERT INTO event VALUES (0, 1, '', 'k', '{}', '', '')",
		"INSERT INTO event VALUES (NULL, 1, '', 'k', '{}', '', '')",
	};
	struct dir *d = *state;
	struct rel_ledger *l = create(d);
	struct rel_err err = REL_ERR_INIT;
	int64_t events = 0;
	sqlite3 *db;

	append(l, "", "key", key_body());
	append(l, "", "build", build_body("a", C1));
	db = open_raw(d->ledger);
	for (size_t i = 0; i < sizeof(attempts) / sizeof(*attempts); i++) {
		if (sqlite3_exec(db, attempts[i], NULL, NULL, NULL) !=
			SQLITE_CONSTRAINT)
			fail_msg("not refused: %s", attempts[i]);
	}
	sqlite3_close(db);
	assert_ok(rel_ledger_verify(l, NULL, &events, &err), &err);
	assert_int_equal(events, 2);
	rel_ledger_closep(&l);
}

static void test_a_release_reads_back_as_it_was_written(void **state)
{
	struct rel_ledger *l = create(*state);
	struct rel_release_row r = { 0 };
	struct rel_err err = REL_ERR_INIT;
	struct json_t *body = release_body(1, "content");

	rel_json_set(body, "commit", rel_json_text(C1));
	rel_json_set(body, "reason", rel_json_text("promote"));
	rel_json_set(body, "of", rel_json_number(1LL << 40));
	rel_json_set(body, "of_app", rel_json_text("shop-staging"));
	rel_json_set(body, "message", rel_json_text("two\nlines \xe2\x82\xac"));
	rel_json_set(body, "by_url", rel_json_text("https://ci.example/1"));
	rel_json_set(body, "changes", json("{\"~\":[],\"+\":[\"A\"]}"));
	append(l, "shop", "release", body);
	assert_ok(rel_ledger_release(l, "shop", 1, &r, &err), &err);
	assert_int_equal(r.seq, 1);
	assert_int_equal(r.number, 1);
	assert_string_equal(r.app, "shop");
	assert_string_equal(rel_id_hex(&r.digest).s, digest("content").s);
	assert_string_equal(rel_id_hex(&r.sealed).s, digest("sealed").s);
	assert_string_equal(rel_id_hex(&r.artifact).s, digest("artifact").s);
	assert_string_equal(r.commit, C1);
	assert_string_equal(r.reason, "promote");
	assert_int_equal(r.of, 1LL << 40);
	assert_string_equal(r.of_app, "shop-staging");
	assert_string_equal(r.by, "tester");
	assert_string_equal(r.message, "two\nlines \xe2\x82\xac");
	assert_string_equal(r.changes, "{\"+\":[\"A\"],\"~\":[]}");
	assert_true(!r.ever_active && !r.failed && !r.pinned);
	rel_release_row_done(&r);

	append(l, "shop", "release", release_body(2, "content"));
	assert_ok(rel_ledger_newest(l, "shop", &r, &err), &err);
	assert_int_equal(r.number, 2);
	assert_string_equal(r.commit, "");
	assert_string_equal(r.of_app, "");
	assert_string_equal(r.message, "");
	assert_string_equal(r.changes, "");
	assert_int_equal(r.of, 0);
	rel_release_row_done(&r);
	rel_ledger_closep(&l);
}

static const char *flags(struct rel_ledger *l, int64_t number, char text[4])
{
	struct rel_release_row r = { 0 };
	struct rel_err err = REL_ERR_INIT;

	assert_ok(rel_ledger_release(l, "shop", number, &r, &err), &err);
	snprintf(text, 4, "%c%c%c", r.ever_active ? 'a' : '-',
		r.failed ? 'f' : '-', r.pinned ? 'p' : '-');
	rel_release_row_done(&r);
	return text;
}

static void test_later_events_decide_the_state_of_a_release(void **state)
{
	struct rel_ledger *l = create(*state);
	char t[4];

	append(l, "shop", "release", release_body(1, "one"));
	append(l, "other", "release", release_body(1, "one"));
	assert_string_equal(flags(l, 1, t), "---");
	append(l, "shop", "fail", number_body(1));
	assert_string_equal(flags(l, 1, t), "-f-");
	append(l, "shop", "activate", activate_body(1, 0));
	assert_string_equal(flags(l, 1, t), "a--");
	append(l, "shop", "pin", pin_body(1, true));
	assert_string_equal(flags(l, 1, t), "a-p");
	append(l, "shop", "pin", pin_body(1, false));
	append(l, "other", "pin", pin_body(1, true));
	append(l, "shop", "release", release_body(2, "two"));
	append(l, "shop", "fail", number_body(2));
	assert_string_equal(flags(l, 1, t), "a--");
	assert_string_equal(flags(l, 2, t), "-f-");
	rel_ledger_closep(&l);
}

static void test_a_failure_with_its_reason_marks_the_release(void **state)
{
	static const char why[] =
		"{\"by\":\"ada\",\"number\":1,\"why\":\"web.1 "
		"did not get ready in 30 s\"}";
	struct rel_ledger *l = create(*state);
	char t[4];

	append(l, "shop", "release", release_body(1, "one"));
	append(l, "shop", "release", release_body(2, "two"));
	append(l, "shop", "fail", json(why));
	assert_string_equal(flags(l, 1, t), "-f-");
	assert_string_equal(flags(l, 2, t), "---");
	rel_ledger_closep(&l);
}

static const char *formation(
	struct rel_ledger *l, const char *app, struct rel_buf *text)
{
	REL_AUTO(rel_json_freep) struct json_t *j = NULL;
	struct rel_err err = REL_ERR_INIT;

	assert_ok(rel_ledger_formation(l, app, &j, &err), &err);
	rel_buf_reset(text);
	if (j)
		rel_json_format(j, text);
	return rel_buf_str(text);
}

static void test_the_newest_formation_of_an_app_outlives_its_releases(
	void **state)
{
	struct dir *d = *state;
	struct rel_ledger *l = create(d);
	struct rel_buf t = REL_BUF_INIT;

	assert_string_equal(formation(l, "shop", &t), "");
	append(l, "shop", "scale",
		json("{\"by\":\"ada\",\"formation\":{\"worker\":0,\"web\":2}}"));
	append(l, "blog", "scale", json("{\"formation\":{\"web\":7}}"));
	assert_string_equal(
		formation(l, "shop", &t), "{\"web\":2,\"worker\":0}");
	append(l, "shop", "release", release_body(1, "one"));
	append(l, "shop", "activate", activate_body(1, 0));
	append(l, "shop", "run", json("{\"release\":\"v1\"}"));
	assert_string_equal(
		formation(l, "shop", &t), "{\"web\":2,\"worker\":0}");
	append(l, "shop", "scale", json("{\"formation\":{\"web\":3}}"));
	assert_string_equal(formation(l, "shop", &t), "{\"web\":3}");
	assert_string_equal(formation(l, "blog", &t), "{\"web\":7}");
	assert_string_equal(formation(l, "", &t), "");
	rel_ledger_closep(&l);

	/* also out of an index from before there were formations */
	raw(d->ledger, "DROP TABLE formation; UPDATE derived SET version = 1");
	l = open_ledger(d->ledger, REL_LEDGER_READ);
	assert_string_equal(formation(l, "shop", &t), "{\"web\":3}");
	rel_ledger_closep(&l);
	l = open_ledger(d->ledger, REL_LEDGER_WRITE);
	append(l, "shop", "scale", json("{\"formation\":{}}"));
	assert_string_equal(formation(l, "shop", &t), "{}");
	assert_string_equal(formation(l, "blog", &t), "{\"web\":7}");
	rel_ledger_closep(&l);
	rel_buf_free(&t);
}

static void test_each_app_has_its_own_numbers_and_activations(void **state)
{
	struct rel_ledger *l = create(*state);
	struct rel_release_row r = { 0 };
	struct rel_activation a;
	struct rel_err err = REL_ERR_INIT;
	int64_t n, shop1, shop2;

	assert_ok(rel_ledger_last_number(l, "shop", &n, &err), &err);
	assert_int_equal(n, 0);
	append(l, "shop", "release", release_body(1, "one"));
	shop1 = append(l, "shop", "activate", activate_body(1, 0));
	append(l, "shop", "release", release_body(7, "seven"));
	append(l, "other", "release", release_body(3, "three"));
	assert_int_equal(
		rel_ledger_current(l, "other", &a, &err), -(int)REL_ENOTFOUND);
	append(l, "other", "activate", activate_body(3, 0));
	shop2 = append(l, "shop", "activate", activate_body(7, shop1));
	append(l, "other", "release", release_body(300, "300"));

	assert_ok(rel_ledger_last_number(l, "shop", &n, &err), &err);
	assert_int_equal(n, 7);
	assert_ok(rel_ledger_newest(l, "other", &r, &err), &err);
	assert_int_equal(r.number, 300);
	rel_release_row_done(&r);
	assert_ok(rel_ledger_current(l, "other", &a, &err), &err);
	assert_int_equal(a.number, 3);
	assert_ok(rel_ledger_current(l, "shop", &a, &err), &err);
	assert_int_equal(a.number, 7);
	assert_int_equal(a.seq, shop2);
	assert_int_equal(a.on, shop1);
	assert_true(a.time_ms > 1700000000000);
	assert_string_equal(rel_id_hex(&a.content).s, digest("seven").s);
	assert_ok(rel_ledger_activation(l, "shop", a.on, &a, &err), &err);
	assert_int_equal(a.number, 1);
	assert_int_equal(a.on, 0);
	/* one of another app, one that is a release, one that is nothing */
	assert_int_equal(rel_ledger_activation(l, "other", shop1, &a, &err),
		-(int)REL_ENOTFOUND);
	assert_int_equal(rel_ledger_activation(l, "shop", 1, &a, &err),
		-(int)REL_ENOTFOUND);
	assert_int_equal(rel_ledger_activation(l, "shop", 99, &a, &err),
		-(int)REL_ENOTFOUND);
	assert_int_equal(rel_ledger_release(l, "shop", 2, &r, &err),
		-(int)REL_ENOTFOUND);
	assert_int_equal(
		rel_ledger_newest(l, "none", &r, &err), -(int)REL_ENOTFOUND);
	rel_ledger_closep(&l);
}

static void test_a_body_that_does_not_fit_its_kind_is_refused(void **state)
{
#define A "\"artifact\":\"sha256:" H "\","
#define H "0000000000000000000000000000000000000000000000000000000000000001"
#define R "\"digest\":\"" H "\",\"sealed\":\"" H "\",\"reason\":\"release\""
	static const struct {
		const char *kind, *body;
	} bad[] = {
		{ "key", "{}" },
		{ "key", "{\"fingerprint\":\"" H "\",\"key\":\"0123\"}" },
		{ "key", "{\"fingerprint\":\"12\",\"key\":"
			 "\"0123456789abcdef\"}" },
		{ "build", "{}" },
		{ "build", "{" A "\"commit\":\"\"}" },
		{ "build", "{\"artifact\":\"" H "\",\"record\":\"" H "\"}" },
		{ "build", "{" A "\"record\":\"" H "\",\"commit\":\"12ab\"}" },
		{ "build", "{" A "\"record\":\"" H "\",\"tree\":\"HEAD\"}" },
		{ "build", "{" A "\"record\":\"" H "\",\"committed\":\"1\"}" },
		{ "build", "{" A "\"record\":\"" H "\",\"subject\":null}" },
		{ "import", "{" A "\"record\":17}" },
		{ "release", "{" A R "}" },
		{ "release", "{" A R ",\"number\":0}" },
		{ "release", "{" A R ",\"number\":-2}" },
		{ "release", "{" A R ",\"number\":\"2\"}" },
		{ "release", "{" A R ",\"number\":1}" },
		{ "release", "{" R ",\"number\":2}" },
		{ "release", "{" A R ",\"number\":2,\"changes\":[]}" },
		{ "release", "{" A R ",\"number\":2,\"of\":true}" },
		{ "release", "{" A R ",\"number\":2,\"by\":5}" },
		{ "release", "{" A "\"digest\":\"" H "\",\"sealed\":\"" H "\","
			     "\"number\":2,\"reason\":\"mood\"}" },
		{ "activate", "{}" },
		{ "activate", "{\"number\":9,\"on\":0}" },
		{ "activate", "{\"number\":1,\"on\":1}" },
		{ "activate", "{\"number\":1,\"on\":-1}" },
		{ "activate", "{\"number\":1,\"on\":3}" },
		{ "fail", "{\"number\":9}" },
		{ "fail", "{\"why\":\"web.1 ended\"}" },
		{ "scale", "{}" },
		{ "scale", "{\"formation\":[]}" },
		{ "scale", "{\"formation\":null}" },
		{ "scale", "{\"formation\":{\"web\":\"2\"}}" },
		{ "scale", "{\"formation\":{\"web\":2,\"x\":1.0}}" },
		{ "scale", "{\"formation\":{\"a\":-1,\"web\":2}}" },
		{ "scale", "{\"formation\":{\"\":1}}" },
		{ "pin", "{\"number\":1}" },
		{ "pin", "{\"number\":1,\"pinned\":1}" },
		{ "pin", "{\"number\":1,\"pinned\":null}" },
		{ "pin", "{\"number\":9,\"pinned\":true}" },
		{ "gc", "[]" },
		{ "", "{}" },
	};
	struct rel_ledger *l = create(*state);
	struct rel_err err = REL_ERR_INIT;
	int64_t events;

	append(l, "shop", "release", release_body(1, "one"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		if (try_append(l, "shop", bad[i].kind, json(bad[i].body), NULL,
			    &err) != -(int)REL_EINVALID)
			fail_msg(
				"not refused: %s %s", bad[i].kind, bad[i].body);
	}
	assert_ok(rel_ledger_verify(l, NULL, &events, &err), &err);
	assert_int_equal(events, 1);
	rel_ledger_closep(&l);
#undef A
#undef H
#undef R
}

static void test_an_unknown_kind_is_kept_and_means_nothing(void **state)
{
	struct rel_ledger *l = create(*state);
	struct rel_err err = REL_ERR_INIT;
	int64_t events;

	append(l, "shop", "release", release_body(1, "one"));
	append(l, "shop", "run", json("{\"release\":\"v1\"}"));
	append(l, "new", "teleport", json("{\"number\":\"any\"}"));
	assert_ok(rel_ledger_verify(l, NULL, &events, &err), &err);
	assert_int_equal(events, 3);
	rel_ledger_closep(&l);
}

static int give_number(void *arg, struct rel_ledger *l, struct json_t *body,
	struct rel_err *err)
{
	int64_t last;
	int r = rel_ledger_last_number(l, arg, &last, err);

	if (r == 0)
		rel_json_set(body, "number", rel_json_number(last + 1));
	return r;
}

static int refuse(void *arg, struct rel_ledger *l, struct json_t *body,
	struct rel_err *err)
{
	(void)arg;
	(void)l;
	rel_json_set(body, "number", rel_json_number(50));
	return rel_fail(err, REL_EREFUSED, "not this one");
}

static void test_a_check_gives_the_number_or_refuses(void **state)
{
	struct rel_ledger *l = create(*state);
	char app[] = "shop";
	struct rel_append what = {
		.app = app, .kind = "release", .check = give_number, .arg = app
	};
	struct rel_err err = REL_ERR_INIT;
	int64_t seq = 77, n;

	for (int i = 1; i <= 3; i++) {
		what.body = release_body(99, "x");
		assert_ok(rel_ledger_append(l, &what, &seq, &err), &err);
		assert_null(what.body);
		assert_ok(rel_ledger_last_number(l, app, &n, &err), &err);
		assert_int_equal(n, i);
		assert_int_equal(seq, i);
	}
	what.check = refuse;
	what.body = release_body(99, "x");
	assert_int_equal(
		rel_ledger_append(l, &what, &seq, &err), -(int)REL_EREFUSED);
	assert_string_equal(err.msg, "not this one");
	assert_null(what.body);
	assert_int_equal(seq, 3);
	assert_int_equal(append(l, app, "gc", json("{}")), 4);
	rel_ledger_closep(&l);
}

struct list {
	struct rel_ledger *l;
	char text[256];
	int stop_after;
};

static int add(struct list *t, const char *word)
{
	size_t n = strlen(t->text);

	snprintf(t->text + n, sizeof(t->text) - n, "%s%s", n ? " " : "", word);
	return t->stop_after && --t->stop_after == 0 ? 42 : 0;
}

static int list_release(
	void *arg, const struct rel_release_row *r, struct rel_err *err)
{
	struct list *t = arg;
	struct rel_release_row again = { 0 };
	char word[64];

	/* What is shown to a callback can be asked for again by it. */
	assert_ok(
		rel_ledger_release(t->l, r->app, r->number, &again, err), err);
	assert_int_equal(again.seq, r->seq);
	rel_release_row_done(&again);
	snprintf(word, sizeof(word), "%s@%" PRId64, r->app, r->number);
	return add(t, word);
}

static const char *releases(struct list *t, const char *app, int64_t before,
	int64_t limit, int stop_after)
{
	struct rel_err err = REL_ERR_INIT;

	t->text[0] = '\0';
	t->stop_after = stop_after;
	assert_int_equal(rel_ledger_each_release(t->l, app, before, limit,
				 list_release, t, &err),
		stop_after ? 42 : 0);
	return t->text;
}

static void test_releases_are_listed_newest_first(void **state)
{
	struct list t = { .l = create(*state) };

	assert_string_equal(releases(&t, NULL, 0, 0, 0), "");
	append(t.l, "a", "release", release_body(1, "x"));
	append(t.l, "a", "release", release_body(2, "x"));
	append(t.l, "b", "release", release_body(1, "x"));
	append(t.l, "a", "release", release_body(10, "x"));
	assert_string_equal(releases(&t, "a", 0, 0, 0), "a@10 a@2 a@1");
	assert_string_equal(releases(&t, "a", 0, 2, 0), "a@10 a@2");
	assert_string_equal(releases(&t, "a", 10, 0, 0), "a@2 a@1");
	assert_string_equal(releases(&t, "a", 10, 1, 0), "a@2");
	assert_string_equal(releases(&t, "b", 0, 0, 0), "b@1");
	assert_string_equal(releases(&t, "c", 0, 0, 0), "");
	assert_string_equal(releases(&t, NULL, 0, 0, 0), "a@10 b@1 a@2 a@1");
	assert_string_equal(releases(&t, NULL, 3, 0, 0), "a@2 a@1");
	assert_string_equal(releases(&t, NULL, 0, 0, 2), "a@10 b@1");
	rel_ledger_closep(&t.l);
}

static int list_build(
	void *arg, const struct rel_build_row *b, struct rel_err *err)
{
	char word[64];

	(void)err;
	snprintf(word, sizeof(word), "%" PRId64 ":%.6s", b->seq, b->commit);
	return add(arg, word);
}

static const char *builds(
	struct list *t, const char *artifact, const char *commit)
{
	struct rel_id id = rel_sha256(
		artifact ? artifact : "", artifact ? strlen(artifact) : 0);
	struct rel_err err = REL_ERR_INIT;

	t->text[0] = '\0';
	assert_ok(rel_ledger_each_build(t->l, artifact ? &id : NULL, commit,
			  list_build, t, &err),
		&err);
	return t->text;
}

static int list_artifact(
	void *arg, const struct rel_id *id, struct rel_err *err)
{
	struct rel_hex hex = rel_id_hex(id);

	(void)err;
	hex.s[8] = '\0';
	return add(arg, hex.s);
}

static int list_app(void *arg, const char *app, struct rel_err *err)
{
	(void)err;
	return add(arg, app);
}

static void test_builds_are_found_by_artifact_and_by_commit(void **state)
{
	struct list t = { .l = create(*state) };
	struct rel_err err = REL_ERR_INIT;
	char prefix[8], want[32];
	struct json_t *body = build_body("a", "");

	append(t.l, "", "build", build_body("a", C1));
	append(t.l, "", "build", build_body("a", C2));
	append(t.l, "", "build", build_body("b", C2));
	rel_json_set(body, "commit", rel_json_text("of no meaning here"));
	append(t.l, "", "import", body);
	assert_string_equal(builds(&t, NULL, NULL), "4: 3:111122 2:111122 "
						    "1:111111");
	assert_string_equal(builds(&t, "a", NULL), "4: 2:111122 1:111111");
	assert_string_equal(builds(&t, "none", NULL), "");
	assert_string_equal(builds(&t, NULL, "1111"), "3:111122 2:111122 "
						      "1:111111");
	assert_string_equal(builds(&t, NULL, "11112"), "3:111122 2:111122");
	assert_string_equal(builds(&t, NULL, C1), "1:111111");
	assert_string_equal(builds(&t, "a", "11112"), "2:111122");
	assert_string_equal(builds(&t, NULL, "1112"), "");
	assert_string_equal(builds(&t, NULL, "ffff"), "");

	/* SHA-256 of "a" begins ca978112, of "b" 3e23e816 */
	snprintf(prefix, sizeof(prefix), "%.7s", digest("a").s);
	snprintf(want, sizeof(want), "%.8s", digest("a").s);
	t.text[0] = '\0';
	assert_ok(
		rel_ledger_each_artifact(t.l, prefix, list_artifact, &t, &err),
		&err);
	assert_string_equal(t.text, "ca978112");
	assert_string_equal(t.text, want);
	t.text[0] = '\0';
	assert_ok(rel_ledger_each_artifact(t.l, "", list_artifact, &t, &err),
		&err);
	assert_string_equal(t.text, "3e23e816 ca978112");
	rel_ledger_closep(&t.l);
}

static int keep_build(
	void *arg, const struct rel_build_row *b, struct rel_err *err)
{
	(void)arg;
	(void)err;
	assert_string_equal(b->tree, C2);
	assert_string_equal(b->origin, "https://example.org/shop.git");
	assert_string_equal(b->subject, "Say 'hello'");
	assert_string_equal(b->by, "tester");
	assert_int_equal(b->committed_s, -5); /* before 1970, as git allows */
	assert_string_equal(rel_id_hex(&b->record).s, digest("record").s);
	assert_string_equal(rel_id_hex(&b->artifact).s, digest("a").s);
	return 7;
}

static void test_a_build_reads_back_as_it_was_written(void **state)
{
	struct rel_ledger *l = create(*state);
	struct rel_err err = REL_ERR_INIT;
	struct json_t *body = build_body("a", C1);

	rel_json_set(body, "tree", rel_json_text(C2));
	rel_json_set(
		body, "origin", rel_json_text("https://example.org/shop.git"));
	rel_json_set(body, "subject", rel_json_text("Say 'hello'"));
	rel_json_set(body, "committed", rel_json_number(-5));
	rel_json_set(body, "options", json("{\"lfs\":\"pointer\"}"));
	append(l, "", "build", body);
	assert_int_equal(
		rel_ledger_each_build(l, NULL, NULL, keep_build, NULL, &err),
		7);
	rel_ledger_closep(&l);
}

static void test_apps_are_sorted_and_named_once(void **state)
{
	struct list t = { .l = create(*state) };
	struct rel_err err = REL_ERR_INIT;

	append(t.l, "", "key", key_body());
	append(t.l, "shop", "release", release_body(1, "x"));
	append(t.l, "blog", "release", release_body(1, "x"));
	append(t.l, "shop", "release", release_body(2, "x"));
	assert_ok(rel_ledger_each_app(t.l, list_app, &t, &err), &err);
	assert_string_equal(t.text, "blog shop");
	rel_ledger_closep(&t.l);
}

static void test_the_key_is_pinned_by_the_first_event(void **state)
{
	struct dir *d = *state;
	struct rel_ledger *l = create(d);
	struct rel_err err = REL_ERR_INIT;
	struct rel_id fp;
	char id[17] = "";

	assert_int_equal(
		rel_ledger_key(l, id, &fp, &err), -(int)REL_EINTEGRITY);
	append(l, "", "key", key_body());
	append(l, "", "gc", json("{}"));
	assert_ok(rel_ledger_key(l, id, &fp, &err), &err);
	assert_string_equal(id, "0123456789abcdef");
	assert_string_equal(rel_id_hex(&fp).s, digest("fp").s);
	rel_ledger_closep(&l);
}

struct past {
	struct rel_ledger *l;
	const char *app;
};

static int at(
	void *arg, int64_t seq, struct rel_activation *ret, struct rel_err *err)
{
	struct past *p = arg;

	return rel_ledger_activation(p->l, p->app, seq, ret, err);
}

static void test_the_undo_stack_reads_the_ledger(void **state)
{
	struct past p = { create(*state), "shop" };
	struct rel_history h = { at, &p };
	struct rel_activation now, to;
	struct rel_err err = REL_ERR_INIT;
	int64_t first;

	append(p.l, "shop", "release", release_body(1, "one"));
	first = append(p.l, "shop", "activate", activate_body(1, 0));
	append(p.l, "shop", "release", release_body(2, "two"));
	append(p.l, "shop", "activate", activate_body(2, first));
	assert_ok(rel_ledger_current(p.l, "shop", &now, &err), &err);
	assert_ok(rel_undo_pop(&h, &now, &to, &err), &err);
	assert_int_equal(to.number, 1);
	assert_string_equal(rel_id_hex(&to.content).s, digest("one").s);
	rel_ledger_closep(&p.l);
}

static void test_no_question_scans_a_table(void **state)
{
	struct rel_ledger *l = create(*state);

	for (int i = 0; i < REL_Q_MAX_; i++) {
		const char *own = rel_db_sql((enum rel_query)i);
		REL_AUTO(rel_freep)
		char *sql = rel_printf("EXPLAIN QUERY PLAN %s", own);
		REL_AUTO(rel_db_finalizep) sqlite3_stmt *s = NULL;

		assert_int_equal(sqlite3_prepare_v2(l->db, sql, -1, &s, NULL),
			SQLITE_OK);
		while (sqlite3_step(s) == SQLITE_ROW) {
			const void *plan = sqlite3_column_text(s, 3);

			/* No table: what is asked are two subqueries. */
			if (!strcmp(plan, "SCAN CONSTANT ROW"))
				continue;
			if (strstr(plan, "SCAN") || strstr(plan, "TEMP"))
				fail_msg("%s: %s", sql, (const char *)plan);
		}
	}
	rel_ledger_closep(&l);
}

/* The number that the event before it got, and none if ${arg} says so. */
static int take_last(void *arg, struct rel_ledger *l, struct json_t *body,
	struct rel_err *err)
{
	int64_t last;

	if (arg)
		return rel_fail(err, REL_EREFUSED, "no");
	if (rel_ledger_last_number(l, "shop", &last, err) < 0)
		return -(int)err->code;
	rel_json_set(body, "number", rel_json_number(last));
	return 0;
}

static int append_three(
	struct rel_ledger *l, bool refuse, int64_t *seq, struct rel_err *err)
{
	struct json_t *on_nothing =
		rel_json_set(rel_json_object(), "on", rel_json_number(0));
	struct rel_append all[] = {
		{ "shop", "release", release_body(7, "x"), NULL, NULL },
		{ "shop", "activate", on_nothing, take_last, NULL },
		{ "shop", "fail", rel_json_object(), take_last,
			refuse ? l : NULL },
	};
	int r = rel_ledger_append_all(l, all, 3, seq, err);

	for (int i = 0; i < 3; i++)
		assert_null(all[i].body); /* taken */
	return r;
}

static void test_several_events_are_appended_all_or_none(void **state)
{
	struct rel_ledger *l = create(*state);
	struct rel_activation a;
	struct rel_err err = REL_ERR_INIT;
	struct rel_id hash;
	int64_t head, seq = -1;

	append(l, "", "key", key_body());
	assert_int_equal(append_three(l, true, &seq, &err), -REL_EREFUSED);
	assert_ok(rel_ledger_head(l, &head, &hash, &err), &err);
	assert_int_equal(head, 1);
	assert_int_equal(seq, -1);
	assert_int_equal(
		rel_ledger_current(l, "shop", &a, &err), -REL_ENOTFOUND);

	assert_ok(append_three(l, false, &seq, &err), &err);
	assert_int_equal(seq, 2); /* of the first one */
	assert_ok(rel_ledger_head(l, &head, &hash, &err), &err);
	assert_int_equal(head, 4);
	assert_ok(rel_ledger_current(l, "shop", &a, &err), &err);
	assert_int_equal(a.seq, 3);
	assert_int_equal(a.number, 7);
	assert_ok(rel_ledger_verify(l, NULL, &head, &err), &err);
	rel_ledger_closep(&l);
}

static struct json_t *release_of(int64_t number, const char *artifact)
{
	REL_AUTO(rel_freep)
	char *id = rel_printf("sha256:%s", digest(artifact).s);
	struct json_t *j = release_body(number, artifact);

	return rel_json_set(j, "artifact", rel_json_text(id));
}

static void test_an_activation_knows_the_next_one_with_other_code(void **state)
{
	/* Artifacts from the bottom up, and what stands on which. */
	static const struct {
		const char *artifact;
		int on, other; /* numbers, 0: none */
	} steps[] = {
		{ "a", 0, 0 }, /* v1 */
		{ "a", 1, 0 },
		{ "b", 2, 2 },
		{ "b", 3, 2 },
		{ "b", 4, 2 },
		{ "a", 5, 5 },
		{ "b", 2, 2 }, /* rolled back below v6 */
		{ "a", 2, 0 },
	};
	struct rel_ledger *l = create(*state);
	int64_t seq[16] = { 0 };
	struct rel_activation a;
	struct rel_err err = REL_ERR_INIT;

	for (int i = 0; i < (int)(sizeof(steps) / sizeof(*steps)); i++) {
		append(l, "shop", "release",
			release_of(i + 1, steps[i].artifact));
		seq[i + 1] = append(l, "shop", "activate",
			activate_body(i + 1, seq[steps[i].on]));
		assert_ok(
			rel_ledger_activation(l, "shop", seq[i + 1], &a, &err),
			&err);
		assert_int_equal(a.other, seq[steps[i].other]);
	}
	rel_ledger_closep(&l);
}

static void test_a_commit_is_found_by_its_first_digits(void **state)
{
	struct rel_ledger *l = create(*state);
	struct rel_err err = REL_ERR_INIT;
	struct rel_id id;
	bool others = true;
	char commit[41];

	append(l, "", "build", build_body("a", C1));
	append(l, "", "build", build_body("a", C1));
	append(l, "", "build",
		build_body("z", "3333333333333333333333333333333333333333"));
	assert_ok(
		rel_ledger_commit(l, "1111", commit, &id, &others, &err), &err);
	assert_string_equal(commit, C1);
	assert_string_equal(rel_id_hex(&id).s, digest("a").s);
	assert_false(others);

	append(l, "", "build", build_body("b", C1));
	assert_ok(rel_ledger_commit(l, C1, commit, &id, &others, &err), &err);
	assert_string_equal(rel_id_hex(&id).s, digest("b").s);
	assert_true(others);

	assert_int_equal(
		rel_ledger_commit(l, "ffff", commit, &id, &others, &err),
		-REL_ENOTFOUND);
	append(l, "", "build", build_body("c", C2));
	assert_int_equal(
		rel_ledger_commit(l, "1111", commit, &id, &others, &err),
		-REL_EUSAGE);
	rel_ledger_closep(&l);
}

static struct json_t *build_from(const char *artifact, const char *origin)
{
	return rel_json_set(
		build_body(artifact, C1), "origin", rel_json_text(origin));
}

static int add_name(void *arg, const char *app, struct rel_err *err)
{
	(void)err;
	rel_buf_addf(arg, "%s ", app);
	return 0;
}

static void test_an_app_comes_from_where_its_newest_artifact_does(void **state)
{
	struct rel_ledger *l = create(*state);
	struct rel_buf names = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;
	struct rel_id id = rel_sha256("a", 1);
	bool from;

	append(l, "", "build", build_from("a", "here"));
	append(l, "", "build", build_from("a", "there"));
	append(l, "", "build", build_from("b", "there"));
	append(l, "shop", "release", release_of(1, "a"));
	append(l, "blog", "release", release_of(1, "a"));
	append(l, "blog", "release", release_of(2, "b"));
	assert_ok(rel_ledger_each_app_from(l, "here", add_name, &names, &err),
		&err);
	assert_string_equal(rel_buf_str(&names), "shop ");
	rel_buf_reset(&names);
	assert_ok(rel_ledger_each_app_from(l, "there", add_name, &names, &err),
		&err);
	assert_string_equal(rel_buf_str(&names), "blog shop ");
	assert_ok(rel_ledger_built_from(l, &id, "here", &from, &err), &err);
	assert_true(from);
	id = rel_sha256("b", 1);
	assert_ok(rel_ledger_built_from(l, &id, "here", &from, &err), &err);
	assert_false(from);
	rel_buf_free(&names);
	rel_ledger_closep(&l);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_the_hash_of_an_event_is_the_one_of_the_format),
		TEST(test_events_are_chained_in_order_with_sorted_bodies),
		TEST(test_a_ledger_is_made_private_and_opened_safely),
		TEST(test_the_table_takes_nothing_but_the_next_event),
		TEST(test_a_release_reads_back_as_it_was_written),
		TEST(test_later_events_decide_the_state_of_a_release),
		TEST(test_a_failure_with_its_reason_marks_the_release),
		TEST(test_the_newest_formation_of_an_app_outlives_its_releases),
		TEST(test_each_app_has_its_own_numbers_and_activations),
		TEST(test_a_body_that_does_not_fit_its_kind_is_refused),
		TEST(test_an_unknown_kind_is_kept_and_means_nothing),
		TEST(test_a_check_gives_the_number_or_refuses),
		TEST(test_releases_are_listed_newest_first),
		TEST(test_builds_are_found_by_artifact_and_by_commit),
		TEST(test_a_build_reads_back_as_it_was_written),
		TEST(test_apps_are_sorted_and_named_once),
		TEST(test_the_key_is_pinned_by_the_first_event),
		TEST(test_the_undo_stack_reads_the_ledger),
		TEST(test_no_question_scans_a_table),
		TEST(test_several_events_are_appended_all_or_none),
		TEST(test_an_activation_knows_the_next_one_with_other_code),
		TEST(test_a_commit_is_found_by_its_first_digits),
		TEST(test_an_app_comes_from_where_its_newest_artifact_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
