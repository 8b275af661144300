/* SPDX-License-Identifier: Apache-2.0 */
#include "rel_test.h"

#include "crypto/digest.h"
#include "store/chunk.h"
#include "store_fixture.h"

static struct rel_id add(struct rel_chunks *w, const char *text)
{
	struct rel_err err = REL_ERR_INIT;
	struct rel_id id = rel_sha256(text, strlen(text));

	if (rel_chunks_add(w, &id, text, strlen(text), &err) < 0)
		fail_msg("%s", err.msg);
	return id;
}

static struct rel_chunks *begin(struct rel_store *s)
{
	struct rel_err err = REL_ERR_INIT;
	struct rel_chunks *w;

	assert_int_equal(rel_chunks_begin(s, &w, &err), 0);
	return w;
}

/* One chunk, all the way. */
static struct rel_id put(struct rel_store *s, const char *text)
{
	struct rel_err err = REL_ERR_INIT;
	struct rel_chunks *w = begin(s);
	struct rel_id id = add(w, text);

	if (rel_chunks_commit(&w, &err) < 0)
		fail_msg("%s", err.msg);
	assert_null(w);
	return id;
}

static char *path_of(const struct rel_id *id)
{
	struct rel_hex hex = rel_id_hex(id);

	return rel_printf("chunks/%.2s/%s.zst", hex.s, hex.s);
}

static void assert_chunk(
	struct rel_store *s, const struct rel_id *id, const char *text)
{
	REL_AUTO(rel_buf_free) struct rel_buf b = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;

	rel_buf_adds(&b, "what was there");
	if (rel_chunk_get(s, id, &b, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(b.len, strlen(text));
	assert_string_equal(rel_buf_str(&b), text);
}

static void test_nothing_has_a_name_before_commit(void **state)
{
	REL_AUTO(rel_store_closep) struct rel_store *s = store_at(state, "s");
	REL_AUTO(rel_buf_free) struct rel_buf b = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;
	struct rel_chunks *w = begin(s);
	struct rel_id one = add(w, "one"), three = add(w, "three");

	assert_int_equal(rel_chunk_get(s, &one, &b, &err), -REL_ENOTFOUND);
	assert_int_equal(rel_chunk_size(s, &one), -1);
	assert_int_equal(count_names(s, "chunks"), 0);
	assert_int_equal(rel_chunks_new_bytes(w), 8);
	assert_int_equal(rel_chunks_commit(&w, &err), 0);
	assert_chunk(s, &one, "one");
	assert_chunk(s, &three, "three");
	assert_int_equal(rel_chunk_size(s, &three), 5);
	assert_int_equal(count_names(s, "tmp"), 0);
}

static void test_a_chunk_is_where_its_name_says(void **state)
{
	REL_AUTO(rel_store_closep) struct rel_store *s = store_at(state, "s");

	put(s, "abc");
	assert_int_equal(mode_of(s, "chunks/ba/ba7816bf8f01cfea414140de5dae2223"
				    "b00361a396177a9cb410ff61f20015ad.zst"),
		0444);
	assert_int_equal(mode_of(s, "chunks/ba"), 0700);
}

static void test_abort_leaves_nothing(void **state)
{
	REL_AUTO(rel_store_closep) struct rel_store *s = store_at(state, "s");
	struct rel_chunks *w = begin(s);

	add(w, "one");
	add(w, "two");
	assert_int_equal(count_names(s, "tmp"), 1);
	rel_chunks_abortp(&w);
	assert_null(w);
	rel_chunks_abortp(&w);
	assert_int_equal(count_names(s, "tmp"), 0);
	assert_int_equal(count_names(s, "chunks"), 0);
}

static void begin_and_add(void *arg)
{
	struct rel_chunks *w = begin(arg);

	add(w, "one");
	add(w, "two");
}

static void test_what_dies_halfway_leaves_only_what_is_swept(void **state)
{
	REL_AUTO(rel_store_closep) struct rel_store *s = store_at(state, "s");
	struct rel_err err = REL_ERR_INIT;

	run_and_die(begin_and_add, s);
	assert_int_equal(count_names(s, "chunks"), 0);
	assert_int_equal(count_names(s, "tmp"), 1);
	assert_int_equal(rel_store_sweep(s, &err), 0);
	assert_int_equal(count_names(s, "tmp"), 0);
}

static void test_what_is_there_costs_nothing(void **state)
{
	REL_AUTO(rel_store_closep) struct rel_store *s = store_at(state, "s");
	REL_AUTO(rel_freep) char *path = NULL;
	struct rel_err err = REL_ERR_INIT;
	struct stat before, after;
	struct rel_chunks *w;
	struct rel_id id = put(s, "one");

	path = path_of(&id);
	assert_int_equal(fstatat(rel_store_fd(s), path, &before, 0), 0);
	w = begin(s);
	add(w, "one");
	assert_int_equal(rel_chunks_new_bytes(w), 0);
	add(w, "two");
	add(w, "two");
	assert_int_equal(rel_chunks_new_bytes(w), 3);
	assert_int_equal(rel_chunks_commit(&w, &err), 0);
	assert_int_equal(fstatat(rel_store_fd(s), path, &after, 0), 0);
	assert_int_equal(before.st_ino, after.st_ino);
}

static void test_a_damaged_chunk_is_named_and_replaced(void **state)
{
	const char *damage[] = { "onf", "on", "", "ones" };
	REL_AUTO(rel_store_closep) struct rel_store *s = store_at(state, "s");
	REL_AUTO(rel_buf_free) struct rel_buf b = REL_BUF_INIT;
	REL_AUTO(rel_freep) char *path = NULL;
	struct rel_err err = REL_ERR_INIT;
	struct rel_id id = put(s, "one");

	path = path_of(&id);
	for (size_t i = 0; i < sizeof(damage) / sizeof(*damage); i++) {
		spoil(s, path, damage[i]);
		assert_int_equal(
			rel_chunk_get(s, &id, &b, &err), -REL_EINTEGRITY);
		assert_non_null(strstr(err.msg, path));
		assert_int_equal(b.len, 0);
		put(s, "one");
		assert_chunk(s, &id, "one");
		assert_int_equal(mode_of(s, path), 0444);
	}
}

static void test_damage_that_was_seen_shows_at_a_look(void **state)
{
	/* No clock that went back may hide it. */
	const struct timespec later = { .tv_sec = INT32_MAX };
	REL_AUTO(rel_store_closep) struct rel_store *s = store_at(state, "s");
	REL_AUTO(rel_buf_free) struct rel_buf b = REL_BUF_INIT;
	REL_AUTO(rel_freep) char *path = NULL;
	struct rel_err err = REL_ERR_INIT;
	struct rel_id id = put(s, "one");

	path = path_of(&id);
	spoil(s, path, "two");
	assert_true(rel_chunk_is_as_of(s, &id, 3, &later));
	assert_int_equal(rel_chunk_get(s, &id, &b, &err), -REL_EINTEGRITY);
	assert_false(rel_chunk_is_as_of(s, &id, 3, &later));
	put(s, "one");
	assert_true(rel_chunk_is_as_of(s, &id, 3, &later));
}

static void test_two_writers_of_one_chunk_both_succeed(void **state)
{
	REL_AUTO(rel_store_closep) struct rel_store *s = store_at(state, "s");
	REL_AUTO(rel_freep) char *path = NULL;
	struct rel_err err = REL_ERR_INIT;
	struct rel_chunks *v = begin(s), *w = begin(s);
	struct rel_id id = add(v, "one");

	add(w, "one");
	assert_int_equal(rel_chunks_commit(&v, &err), 0);
	/* Damaged in between: the name that exists is not trusted. */
	path = path_of(&id);
	spoil(s, path, "onf");
	assert_int_equal(rel_chunks_commit(&w, &err), 0);
	assert_chunk(s, &id, "one");
	assert_int_equal(count_names(s, "tmp"), 0);
}

static int add_name(void *arg, const struct rel_id *id, struct rel_err *err)
{
	(void)err;
	rel_buf_addf(arg, "%.4s ", rel_id_hex(id).s);
	return 0;
}

static void test_chunks_are_listed_in_order_and_can_be_dropped(void **state)
{
	REL_AUTO(rel_store_closep) struct rel_store *s = store_at(state, "s");
	REL_AUTO(rel_buf_free) struct rel_buf b = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;
	struct rel_id id;

	assert_int_equal(rel_chunk_each(s, add_name, &b, &err), 0);
	assert_int_equal(b.len, 0);
	put(s, "a");
	id = put(s, "b");
	put(s, "c");
	assert_int_equal(rel_chunk_each(s, add_name, &b, &err), 0);
	/* sha256sum of c, b, a */
	assert_string_equal(b.p, "2e7d 3e23 ca97 ");
	assert_int_equal(rel_chunk_drop(s, &id, &err), 0);
	assert_int_equal(rel_chunk_drop(s, &id, &err), 0);
	rel_buf_reset(&b);
	assert_int_equal(rel_chunk_each(s, add_name, &b, &err), 0);
	assert_string_equal(b.p, "2e7d ca97 ");
}

static void test_what_is_no_chunk_is_reported(void **state)
{
	const char *misplaced = "chunks/2e/ba7816bf8f01cfea414140de5dae2223"
				"b00361a396177a9cb410ff61f20015ad.zst";
	const char *bad[] = { "chunks/README", "chunks/2e/README", misplaced };
	REL_AUTO(rel_store_closep) struct rel_store *s = store_at(state, "s");
	REL_AUTO(rel_buf_free) struct rel_buf b = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;

	put(s, "c");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		spoil(s, bad[i], "x");
		assert_int_equal(
			rel_chunk_each(s, add_name, &b, &err), -REL_EINTEGRITY);
		assert_non_null(strstr(err.msg, bad[i]));
		unlinkat(rel_store_fd(s), bad[i], 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(test_nothing_has_a_name_before_commit),
		scratch_test(test_a_chunk_is_where_its_name_says),
		scratch_test(test_abort_leaves_nothing),
		scratch_test(test_what_dies_halfway_leaves_only_what_is_swept),
		scratch_test(test_what_is_there_costs_nothing),
		scratch_test(test_a_damaged_chunk_is_named_and_replaced),
		scratch_test(test_damage_that_was_seen_shows_at_a_look),
		scratch_test(test_two_writers_of_one_chunk_both_succeed),
		scratch_test(
			test_chunks_are_listed_in_order_and_can_be_dropped),
		scratch_test(test_what_is_no_chunk_is_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
