/* SPDX-License-Identifier: Apache-2.0 */
#include "rel_test.h"

#include "base/mem.h"
#include "store/index.h"

#include <stdlib.h>
#include <string.h>

#define HEX "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define HEAD "relctl index 1\n"

static struct rel_entry entry(
	enum rel_entry_type type, const char *path, const char *target)
{
	return (struct rel_entry){
		.type = type,
		.path = path,
		.path_len = strlen(path),
		.target = target,
		.target_len = target ? strlen(target) : 0,
	};
}

static void test_an_index_is_the_text_that_is_documented(void **state)
{
	REL_AUTO(rel_buf_free) struct rel_buf b = REL_BUF_INIT;
	struct rel_entry e = entry(REL_DIR, "bin", NULL);
	struct rel_id id;

	(void)state;
	assert_true(rel_id_parse(HEX, &id));
	rel_index_begin(&b);
	rel_index_chunk(&b, &id);
	rel_index_entry(&b, &e, NULL);
	e = entry(REL_FILE, "bin/a b", NULL);
	e.executable = true;
	e.size = 2147483648;
	rel_index_entry(&b, &e, &id);
	e = entry(REL_FILE, "back\\slash", NULL);
	rel_index_entry(&b, &e, &id);
	e = entry(REL_LINK, "link", "to \xc3\xa9");
	rel_index_entry(&b, &e, NULL);
	rel_index_end(&b, 4);
	assert_string_equal(b.p, HEAD "c " HEX "\n"
				      "d bin\n"
				      "x 2147483648 " HEX " bin/a\\040b\n"
				      "f 0 " HEX " back\\134slash\n"
				      "l to\\040\\303\\251 link\n"
				      "end 4\n");
}

static void test_odd_names_come_back_as_they_were(void **state)
{
	const char *names[] = { " ", "  x ", "\\", "\\040", "end", "end 3",
		"\xff\xfe", "\xc3\xa9", "a\\b c", "#", "'\"$`" };
	const size_t n = sizeof(names) / sizeof(*names);
	REL_AUTO(rel_buf_free) struct rel_buf b = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;
	struct rel_index ix;
	struct rel_entry e;
	struct rel_id id;
	bool more = true;

	(void)state;
	rel_index_begin(&b);
	for (size_t i = 0; i < n; i++) {
		e = entry(REL_LINK, names[i], names[n - 1 - i]);
		rel_index_entry(&b, &e, NULL);
	}
	rel_index_end(&b, n);
	assert_int_equal(rel_index_open(&ix, b.p, b.len, &err), 0);
	for (size_t i = 0; i < n; i++) {
		if (rel_index_next(&ix, &e, &id, &more, &err) < 0)
			fail_msg("%s", err.msg);
		assert_true(more);
		assert_int_equal(e.type, REL_LINK);
		assert_int_equal(e.path_len, strlen(names[i]));
		assert_string_equal(e.path, names[i]);
		assert_int_equal(e.target_len, strlen(names[n - 1 - i]));
		assert_string_equal(e.target, names[n - 1 - i]);
	}
	assert_int_equal(rel_index_next(&ix, &e, &id, &more, &err), 0);
	assert_false(more);
	rel_index_done(&ix);
}

static void test_an_entry_knows_the_chunk_it_begins_in(void **state)
{
	const char text[] = HEAD "d a\n"
				 "c " HEX "\n"
				 "f 12 " HEX " a/b\n"
				 "x 0 " HEX " a/c\n"
				 "end 3\n";
	struct rel_err err = REL_ERR_INIT;
	struct rel_index ix;
	struct rel_entry e;
	struct rel_id id;
	bool more;

	(void)state;
	assert_int_equal(rel_index_open(&ix, text, strlen(text), &err), 0);
	assert_int_equal(rel_index_next(&ix, &e, &id, &more, &err), 0);
	assert_true(rel_id_is_zero(&ix.chunk));
	assert_int_equal(rel_index_next(&ix, &e, &id, &more, &err), 0);
	assert_string_equal(rel_id_hex(&ix.chunk).s, HEX);
	assert_string_equal(rel_id_hex(&id).s, HEX);
	assert_string_equal(e.path, "a/b");
	assert_int_equal(e.size, 12);
	assert_false(e.executable);
	assert_int_equal(rel_index_next(&ix, &e, &id, &more, &err), 0);
	assert_true(e.executable);
	rel_index_done(&ix);
}

/* Read all of it; the result of the call that was the last. */
static int read_all(const char *text, size_t n, struct rel_err *err)
{
	/* In a block of its own size, so that a byte too far is noticed. */
	REL_AUTO(rel_freep) char *copy = rel_alloc(n);
	struct rel_index ix;
	struct rel_entry e;
	struct rel_id id;
	bool more = true;
	int r;

	if (n)
		memcpy(copy, text, n);
	r = rel_index_open(&ix, copy, n, err);
	while (r == 0 && more)
		r = rel_index_next(&ix, &e, &id, &more, err);
	rel_index_done(&ix);
	return r;
}

static void test_a_line_that_is_not_right_is_named(void **state)
{
	const char *bad[] = { "d", "d ", "d  a", " d a", "d a ", "d a b", "D a",
		"dd a", "d /a", "d a/", "d a//b", "d ../a", "d .", "d .git",
		"d a\\001", "d a\\000", "d a\\141", "d a\\40", "d a\\",
		"d a\tb", "d a\r", "d \xc3\xa9", "", "c", "c " HEX "0",
		"c " HEX " ", "c ABCDEF", "f 1 " HEX, "f 1 a", "f " HEX " a",
		"f 01 " HEX " a", "f -1 " HEX " a", "f +1 " HEX " a",
		"f 1x " HEX " a", "f 2147483649 " HEX " a",
		"f 99999999999999999999 " HEX " a", "f 1 " HEX " a b",
		"x 1 " HEX "f a", "l a", "l  a", "l a b c", "l a\\000 b", "end",
		"end ", "end 2 ", "end 02", "end 1", "end 3", "end x",
		"ende 2" };
	struct rel_err err = REL_ERR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		REL_AUTO(rel_freep)
		char *text =
			rel_printf(HEAD "d x\nl a y\n%s\nd z\nend 3\n", bad[i]);
		int r = read_all(text, strlen(text), &err);

		if (r != -REL_EINTEGRITY || err.line != 4)
			fail_msg("'%s': %d, line %u", bad[i], r, err.line);
	}
}

static void test_the_end_must_be_there_and_right(void **state)
{
	const char *good = HEAD "d x\nend 1\n";
	const char *bad[] = { HEAD "d x\nend 2\n", HEAD "d x\nend 0\n",
		HEAD "d x\nend 1\n\n", HEAD "d x\nend 1\nd y\n",
		HEAD "d x\nend 1\nend 1\n", "relctl index 2\nend 0\n",
		"relctl index 1 \nend 0\n", "\n" };
	struct rel_err err = REL_ERR_INIT;

	(void)state;
	assert_int_equal(read_all(good, strlen(good), &err), 0);
	for (size_t n = 0; n < strlen(good); n++)
		assert_int_equal(read_all(good, n, &err), -REL_EINTEGRITY);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(read_all(bad[i], strlen(bad[i]), &err),
			-REL_EINTEGRITY);
	assert_int_equal(read_all(HEAD "end 0\n", strlen(HEAD) + 6, &err), 0);
	/* A NUL is a byte like another, and does not hide what follows. */
	assert_int_equal(
		read_all(HEAD "d x\0y\nend 1\n", strlen(HEAD) + 12, &err),
		-REL_EINTEGRITY);
}

static void test_a_part_ends_where_it_ends(void **state)
{
	static const char text[] = HEAD "d a\nc " HEX "\nd b\nd b/end\n"
					"c 12\nd c\nend 4\n";
	static const struct {
		bool named;
		const char *text;
	} want[] = {
		{ false, "d a\n" },
		{ true, "c " HEX "\nd b\nd b/end\n" },
		{ false, "c 12\nd c\n" },
	};
	const char *end = text + strlen(text), *at;
	struct rel_err err = REL_ERR_INIT;
	struct rel_index ix;
	struct rel_index_run run;
	struct rel_entry e;
	bool more = true;

	(void)state;
	assert_int_equal(rel_index_open(&ix, text, strlen(text), &err), 0);
	at = ix.p;
	for (size_t i = 0; i < 3; i++) {
		assert_true(rel_index_run(&at, end, &run));
		assert_int_equal(run.named, want[i].named);
		assert_int_equal(run.n, strlen(want[i].text));
		assert_memory_equal(run.p, want[i].text, run.n);
		if (i == 1)
			assert_string_equal(rel_id_hex(&run.chunk).s, HEX);
	}
	assert_false(rel_index_run(&at, end, &run));
	assert_string_equal(at, "end 4\n");

	rel_index_part(&ix, want[1].text, strlen(want[1].text));
	for (int i = 0; i < 2; i++)
		assert_int_equal(rel_index_next(&ix, &e, NULL, &more, &err), 0);
	assert_string_equal(e.path, "b/end");
	assert_int_equal(rel_index_next(&ix, &e, NULL, &more, &err), 0);
	assert_false(more);
	rel_index_done(&ix);
	/* In the middle there is no last line, and no half one. */
	rel_index_part(&ix, "end 0\n", 6);
	assert_int_equal(
		rel_index_next(&ix, &e, NULL, &more, &err), -REL_EINTEGRITY);
	rel_index_part(&ix, "d a", 3);
	assert_int_equal(
		rel_index_next(&ix, &e, NULL, &more, &err), -REL_EINTEGRITY);
	rel_index_done(&ix);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_part_ends_where_it_ends),
		cmocka_unit_test(test_an_index_is_the_text_that_is_documented),
		cmocka_unit_test(test_odd_names_come_back_as_they_were),
		cmocka_unit_test(test_an_entry_knows_the_chunk_it_begins_in),
		cmocka_unit_test(test_a_line_that_is_not_right_is_named),
		cmocka_unit_test(test_the_end_must_be_there_and_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
