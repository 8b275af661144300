/* SPDX-License-Identifier: Apache-2.0 */
#include "rel_test.h"

#include "store_fixture.h"

static void test_an_object_comes_back_under_the_name_of_its_bytes(void **state)
{
	REL_AUTO(rel_store_closep) struct rel_store *s = store_at(state, "s");
	REL_AUTO(rel_buf_free) struct rel_buf b = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;
	struct rel_id id, again, other = { { 1 } };
	const char *name = "releases/ba7816bf8f01cfea414140de5dae2223"
			   "b00361a396177a9cb410ff61f20015ad.json";

	assert_int_equal(
		rel_store_put(s, REL_OBJECT_RELEASE, "abc", 3, &id, &err), 0);
	assert_int_equal(mode_of(s, name), 0444);
	assert_int_equal(
		rel_store_put(s, REL_OBJECT_RELEASE, "abc", 3, &again, &err),
		0);
	assert_true(rel_id_equal(&id, &again));
	rel_buf_adds(&b, "what was there");
	assert_int_equal(
		rel_store_get(s, REL_OBJECT_RELEASE, &id, &b, &err), 0);
	assert_string_equal(b.p, "abc");
	assert_true(rel_store_has(s, REL_OBJECT_RELEASE, &id));
	/* The kinds are apart. */
	assert_false(rel_store_has(s, REL_OBJECT_CONFIG, &id));
	assert_int_equal(rel_store_get(s, REL_OBJECT_CONFIG, &id, &b, &err),
		-REL_ENOTFOUND);
	assert_int_equal(rel_store_get(s, REL_OBJECT_RELEASE, &other, &b, &err),
		-REL_ENOTFOUND);
	assert_int_equal(count_names(s, "tmp"), 0);
	assert_int_equal(count_names(s, "releases"), 1);
}

static void test_a_damaged_object_is_named_and_can_be_put_again(void **state)
{
	REL_AUTO(rel_store_closep) struct rel_store *s = store_at(state, "s");
	REL_AUTO(rel_buf_free) struct rel_buf b = REL_BUF_INIT;
	REL_AUTO(rel_freep) char *name = NULL;
	struct rel_err err = REL_ERR_INIT;
	struct rel_id id;

	assert_int_equal(
		rel_store_put(s, REL_OBJECT_CONFIG, "abc", 3, &id, &err), 0);
	name = rel_printf("configs/%s.cms", rel_id_hex(&id).s);
	spoil(s, name, "abd");
	assert_int_equal(rel_store_get(s, REL_OBJECT_CONFIG, &id, &b, &err),
		-REL_EINTEGRITY);
	assert_non_null(strstr(err.msg, name));
	assert_int_equal(b.len, 0);
	assert_int_equal(
		rel_store_put(s, REL_OBJECT_CONFIG, "abc", 3, &id, &err), 0);
	assert_int_equal(rel_store_get(s, REL_OBJECT_CONFIG, &id, &b, &err), 0);
	assert_int_equal(mode_of(s, name), 0444);
	spoil(s, name, "");
	assert_int_equal(rel_store_get(s, REL_OBJECT_CONFIG, &id, &b, &err),
		-REL_EINTEGRITY);
	assert_int_equal(count_names(s, "tmp"), 0);
}

static void test_an_artifact_record_stays_unless_it_is_replaced(void **state)
{
	REL_AUTO(rel_store_closep) struct rel_store *s = store_at(state, "s");
	REL_AUTO(rel_buf_free) struct rel_buf b = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;
	struct rel_id id = { { 0xab, 1 } };
	bool existed = true;

	assert_false(rel_store_has_artifact(s, &id));
	assert_int_equal(
		rel_store_get_artifact(s, &id, &b, &err), -REL_ENOTFOUND);
	assert_int_equal(
		rel_store_put_artifact(s, &id, "one", 3, false, &existed, &err),
		0);
	assert_false(existed);
	assert_int_equal(
		rel_store_put_artifact(s, &id, "two", 3, false, &existed, &err),
		0);
	assert_true(existed);
	assert_int_equal(rel_store_get_artifact(s, &id, &b, &err), 0);
	assert_string_equal(b.p, "one");
	assert_int_equal(
		rel_store_put_artifact(s, &id, "two", 3, true, NULL, &err), 0);
	assert_int_equal(rel_store_get_artifact(s, &id, &b, &err), 0);
	assert_string_equal(b.p, "two");
	assert_int_equal(rel_store_drop_artifact(s, &id, &err), 0);
	assert_int_equal(rel_store_drop_artifact(s, &id, &err), 0);
	assert_false(rel_store_has_artifact(s, &id));
}

static void test_the_fingerprint_is_put_once(void **state)
{
	REL_AUTO(rel_store_closep) struct rel_store *s = store_at(state, "s");
	REL_AUTO(rel_buf_free) struct rel_buf b = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;

	assert_int_equal(
		rel_store_get_fingerprint(s, &b, &err), -REL_ENOTFOUND);
	assert_int_equal(rel_store_put_fingerprint(s, "one", 3, &err), 0);
	assert_int_equal(rel_store_put_fingerprint(s, "two", 3, &err), 0);
	assert_int_equal(rel_store_get_fingerprint(s, &b, &err), 0);
	assert_string_equal(b.p, "one");
}

static int add_name(void *arg, const struct rel_id *id, struct rel_err *err)
{
	(void)err;
	rel_buf_addf(arg, "%.4s ", rel_id_hex(id).s);
	return 0;
}

static int stop_at_first(
	void *arg, const struct rel_id *id, struct rel_err *err)
{
	(void)id;
	++*(int *)arg;
	return rel_fail(err, REL_EREFUSED, "enough");
}

static void test_objects_are_listed_in_order_and_nothing_else_is(void **state)
{
	REL_AUTO(rel_store_closep) struct rel_store *s = store_at(state, "s");
	REL_AUTO(rel_buf_free) struct rel_buf b = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;
	struct rel_id id;
	int calls = 0;

	assert_int_equal(rel_store_put_fingerprint(s, "f", 1, &err), 0);
	/* sha256sum of b, a, c begins 3e23, ca97, 2e7d. */
	assert_int_equal(
		rel_store_put(s, REL_OBJECT_CONFIG, "b", 1, &id, &err), 0);
	assert_int_equal(
		rel_store_put(s, REL_OBJECT_CONFIG, "a", 1, &id, &err), 0);
	assert_int_equal(
		rel_store_put(s, REL_OBJECT_CONFIG, "c", 1, &id, &err), 0);
	assert_int_equal(
		rel_store_each(s, REL_OBJECT_CONFIG, add_name, &b, &err), 0);
	assert_string_equal(b.p, "2e7d 3e23 ca97 ");
	assert_int_equal(rel_store_each(s, REL_OBJECT_CONFIG, stop_at_first,
				 &calls, &err),
		-REL_EREFUSED);
	assert_int_equal(calls, 1);
	spoil(s, "configs/README", "x");
	assert_int_equal(
		rel_store_each(s, REL_OBJECT_CONFIG, add_name, &b, &err),
		-REL_EINTEGRITY);
	assert_non_null(strstr(err.msg, "'configs/README'"));
	assert_int_equal(rel_store_each_artifact(s, add_name, &b, &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(
			test_an_object_comes_back_under_the_name_of_its_bytes),
		scratch_test(
			test_a_damaged_object_is_named_and_can_be_put_again),
		scratch_test(
			test_an_artifact_record_stays_unless_it_is_replaced),
		scratch_test(test_the_fingerprint_is_put_once),
		scratch_test(
			test_objects_are_listed_in_order_and_nothing_else_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
