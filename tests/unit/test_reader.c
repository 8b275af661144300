/* SPDX-License-Identifier: Apache-2.0 */
/* A tar of profile 1 as entries, and what is none. The many ways to be none
 * are in tests/golden/evil_tars.py; here is what a program can't see. */
#include "pack/reader.h"

#include "rel_test.h"
#include "tar_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Read all of it; a line for each entry is added to ${out}. */
static int read_all(struct bytes *b, enum rel_code flaw, struct rel_buf *out,
	struct rel_err *err)
{
	REL_AUTO(rel_reader_closep) struct rel_reader *r = NULL;
	struct rel_entry e;
	uint64_t offset;
	bool more = true;
	int rc = rel_reader_open(give, b, flaw, &r, err);

	while (rc == 0) {
		const void *p;
		size_t n = 0;

		rc = rel_reader_next(r, &e, &offset, &more, err);
		if (rc < 0 || !more)
			break;
		rel_buf_addf(out, "%d%s %d@%d %s>%s:", (int)e.type,
			e.executable ? "x" : "", (int)e.size, (int)offset,
			e.path, e.target);
		assert_int_equal(strlen(e.path), e.path_len);
		assert_int_equal(strlen(e.target), e.target_len);
		if (e.type != REL_FILE) {
			rel_buf_addc(out, '\n');
			continue;
		}
		while ((rc = rel_reader_data(r, &p, &n, err)) == 0 && n > 0) {
			/* The long ones are of one letter. */
			rel_buf_add(out, p, e.size > 100 ? 0 : n);
			if (e.size > 100)
				assert_int_equal(*(const char *)p, 'b');
		}
		rel_buf_addc(out, '\n');
	}
	return rc;
}

static char *listing(void)
{
	char n[151];

	memset(n, 'n', 150);
	n[150] = '\0';
	return rel_printf("0 6@0 a>:hello\n\n"
			  "1 0@1024 bin>:\n"
			  "0x 1024@1536 bin/run>:\n"
			  "2 0@3072 bin/x>run:\n"
			  "0 0@3584 caf\351>:\n"
			  "1 0@4096 %s>:\n"
			  "2 0@5632 l>%s:\n"
			  "0 1300@7168 %s>:\n"
			  "0 1@10240 z>:z\n",
		decomposed(), decomposed(), n);
}

static void test_entries_come_back_whatever_the_pieces(void **state)
{
	static const size_t steps[] = { 1, 7, 511, 512, 513, 1000, 4096, 10000,
		1 << 20 };
	REL_AUTO(rel_freep) char *want = listing();
	REL_AUTO(rel_buf_free) struct rel_buf tar = REL_BUF_INIT;

	(void)state;
	make(&tar);
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		REL_AUTO(rel_buf_free) struct rel_buf got = REL_BUF_INIT;
		REL_AUTO(bytes_done)
		struct bytes b = { tar.p, tar.len, .step = steps[i] };
		struct rel_err err = REL_ERR_INIT;

		if (read_all(&b, REL_EINVALID, &got, &err) < 0)
			fail_msg("%zu: %s", steps[i], err.msg);
		assert_string_equal(got.p, want);
	}
}

static void test_the_empty_tree(void **state)
{
	REL_AUTO(rel_buf_free) struct rel_buf tar = REL_BUF_INIT;
	REL_AUTO(rel_buf_free) struct rel_buf got = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;
	REL_AUTO(bytes_done) struct bytes b = { .step = 100 };

	(void)state;
	end(&tar);
	b.p = tar.p;
	b.n = tar.len;
	assert_int_equal(read_all(&b, REL_EINVALID, &got, &err), 0);
	assert_int_equal(got.len, 0);
}

/* Where the headers of make() are; all else is content and padding. */
static bool is_header(size_t at)
{
	static const size_t ranges[][2] = {
		{ 0, 512 },
		{ 1024, 2048 },
		{ 3072, 8704 },
		{ 10240, 10752 },
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++) {
		if (at >= ranges[i][0] && at < ranges[i][1])
			return true;
	}
	return false;
}

/* The part of a name that stands in a pax header alone: another bit there can
 * be another name. */
static bool is_pax_record(size_t at)
{
	return (at >= 4608 && at < 5120) || (at >= 6144 && at < 6656) ||
	       (at >= 7680 && at < 8192);
}

static void test_every_bit_of_a_header_counts(void **state)
{
	REL_AUTO(rel_buf_free) struct rel_buf tar = REL_BUF_INIT;
	REL_AUTO(rel_freep) char *want = listing();
	size_t tried = 0;

	(void)state;
	make(&tar);
	for (size_t at = 0; at < tar.len; at++) {
		REL_AUTO(rel_buf_free) struct rel_buf got = REL_BUF_INIT;
		REL_AUTO(bytes_done)
		struct bytes b = { tar.p, tar.len, .step = 1 << 20 };
		struct rel_err err = REL_ERR_INIT;

		int rc;

		if (!is_header(at))
			continue;
		tried++;
		tar.p[at] ^= (char)(1 << at % 8);
		rc = read_all(&b, REL_EINVALID, &got, &err);
		if (rc == 0 && (!is_pax_record(at) || strcmp(got.p, want) == 0))
			fail_msg("byte %zu was taken", at);
		assert_int_equal(err.code, rc == 0 ? 0 : REL_EINVALID);
		tar.p[at] ^= (char)(1 << at % 8);
	}
	assert_true(tried > 7000);
}

static int read_bytes(const char *p, size_t n)
{
	REL_AUTO(rel_buf_free) struct rel_buf got = REL_BUF_INIT;
	REL_AUTO(bytes_done) struct bytes b = { p, n, .step = 1000 };
	struct rel_err err = REL_ERR_INIT;

	return read_all(&b, REL_EINVALID, &got, &err);
}

static void test_cut_off_anywhere(void **state)
{
	REL_AUTO(rel_buf_free) struct rel_buf tar = REL_BUF_INIT;

	(void)state;
	make(&tar);
	for (size_t n = 0; n < tar.len; n += 1 + n % 37)
		if (read_bytes(tar.p, n) != -REL_EINVALID)
			fail_msg("%zu bytes were taken", n);
	assert_int_equal(read_bytes(tar.p, tar.len), 0);
}

static void test_padding_and_end_are_zeros_and_nothing_follows(void **state)
{
	/* Behind "hello", "z", 1,300 b's; in the first and second end block. */
	static const size_t zeros[] = { 518, 1023, 10753, 10004, 10239, 11264,
		11775, 11776, 12287 };
	REL_AUTO(rel_buf_free) struct rel_buf tar = REL_BUF_INIT;

	(void)state;
	make(&tar);
	assert_int_equal(tar.len, 12288);
	for (size_t i = 0; i < sizeof(zeros) / sizeof(*zeros); i++) {
		assert_int_equal(tar.p[zeros[i]], 0);
		tar.p[zeros[i]] = 1;
		if (read_bytes(tar.p, tar.len) != -REL_EINVALID)
			fail_msg("byte %zu was taken", zeros[i]);
		tar.p[zeros[i]] = 0;
	}
	rel_buf_addc(&tar, '\0');
	assert_int_equal(read_bytes(tar.p, tar.len), -REL_EINVALID);
}

static void test_the_flaw_has_the_code_that_was_asked_for(void **state)
{
	static const enum rel_code codes[] = { REL_EINVALID, REL_EINTEGRITY };
	/* The checksum, the type, the order, the header. */
	static const size_t at[] = { 148, 1024 + 156, 3072, 5632 + 512 };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		for (size_t k = 0; k < sizeof(at) / sizeof(*at); k++) {
			REL_AUTO(rel_buf_free)
			struct rel_buf tar = REL_BUF_INIT;
			REL_AUTO(rel_buf_free)
			struct rel_buf got = REL_BUF_INIT;
			struct rel_err err = REL_ERR_INIT;
			REL_AUTO(bytes_done) struct bytes b = { .step = 4096 };

			make(&tar);
			tar.p[at[k]] ^= 1;
			b.p = tar.p;
			b.n = tar.len;
			assert_int_equal(read_all(&b, codes[i], &got, &err),
				-(int)codes[i]);
			assert_int_equal(err.code, codes[i]);
		}
	}
}

static void test_the_source_s_own_error_comes_through(void **state)
{
	static const size_t at[] = { 1, 600, 2000, 5700, 8000, 11000 };
	REL_AUTO(rel_buf_free) struct rel_buf tar = REL_BUF_INIT;

	(void)state;
	make(&tar);
	for (size_t i = 0; i < sizeof(at) / sizeof(*at); i++) {
		REL_AUTO(rel_buf_free) struct rel_buf got = REL_BUF_INIT;
		REL_AUTO(bytes_done)
		struct bytes b = { tar.p, tar.len, .step = 100,
			.fail_at = at[i] };
		struct rel_err err = REL_ERR_INIT;

		assert_int_equal(read_all(&b, REL_EINTEGRITY, &got, &err),
			-REL_EUNREACHABLE);
		assert_string_equal(err.msg, "the line is dead");
	}
}

static void test_content_may_be_skipped_or_half_read(void **state)
{
	REL_AUTO(rel_reader_closep) struct rel_reader *r = NULL;
	REL_AUTO(rel_buf_free) struct rel_buf tar = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;
	REL_AUTO(bytes_done) struct bytes b = { .step = 700 };
	struct rel_entry e;
	bool more = true;
	size_t n = 0, count = 0;
	const void *p;

	(void)state;
	make(&tar);
	b.p = tar.p;
	b.n = tar.len;
	assert_int_equal(rel_reader_open(give, &b, REL_EINVALID, &r, &err), 0);
	for (;;) {
		assert_int_equal(rel_reader_next(r, &e, NULL, &more, &err), 0);
		if (!more)
			break;
		count++;
		if (count == 3)
			assert_int_equal(rel_reader_data(r, &p, &n, &err), 0);
	}
	assert_int_equal(count, 9);
	assert_true(n > 0);
}

static int first_of(
	const struct rel_buf *tar, bool fragment, struct rel_err *err)
{
	REL_AUTO(rel_reader_closep) struct rel_reader *r = NULL;
	REL_AUTO(bytes_done)
	struct bytes b = { tar->p, tar->len, .step = 4096 };
	struct rel_entry e;
	bool more;
	int rc = rel_reader_open(give, &b, REL_EINTEGRITY, &r, err);

	if (fragment)
		rel_reader_fragment(r);
	return rc < 0 ? rc : rel_reader_next(r, &e, NULL, &more, err);
}

static void test_a_fragment_needs_no_parents(void **state)
{
	REL_AUTO(rel_buf_free) struct rel_buf tar = REL_BUF_INIT;
	REL_AUTO(rel_buf_free) struct rel_buf bad = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;

	(void)state;
	put(&tar, REL_FILE, "lib/x", "", "", 0);
	end(&tar);
	assert_int_equal(first_of(&tar, true, &err), 0);
	assert_int_equal(first_of(&tar, false, &err), -REL_EINTEGRITY);
	assert_non_null(strstr(err.msg, "its directory has no entry"));
	/* The rules for one path hold. */
	put(&bad, REL_FILE, "lib/../x", "", "", 0);
	end(&bad);
	assert_int_equal(first_of(&bad, true, &err), -REL_EINTEGRITY);
	assert_non_null(strstr(err.msg, "'.' or '..'"));
}

static void test_headers_without_end_are_not_followed(void **state)
{
	static const char types[] = "gxLKVXMDN";
	static const size_t sizes[] = { 0, 512, 60000, 1000000 };

	(void)state;
	for (size_t i = 0; i < sizeof(types) - 1; i++) {
		for (size_t k = 0; k < sizeof(sizes) / sizeof(*sizes); k++) {
			REL_AUTO(rel_reader_closep) struct rel_reader *r = NULL;
			REL_AUTO(rel_buf_free) struct rel_buf b = REL_BUF_INIT;
			REL_AUTO(rel_freep)
			char *content = rel_alloc(sizes[k] + 1);
			struct rel_err err = REL_ERR_INIT;
			struct endless x = { 0 };
			struct rel_entry e;
			unsigned sum = 0;
			bool more = true;
			int rc;

			memset(content, 'c', sizes[k]);
			put(&b, REL_FILE, "h", "", content, sizes[k]);
			b.p[REL_TAR_TYPE_AT] = types[i];
			memset(b.p + 148, ' ', 8);
			for (size_t j = 0; j < 512; j++)
				sum += (unsigned char)b.p[j];
			snprintf(b.p + 148, 7, "%06o", sum & 0777777);
			x.p = b.p;
			x.n = b.len;
			rc = rel_reader_open(
				give_again, &x, REL_EINVALID, &r, &err);
			while (rc == 0 && more)
				rc = rel_reader_next(r, &e, NULL, &more, &err);
			assert_int_equal(rc, -REL_EINVALID);
			if (x.given > (8u << 20))
				fail_msg("'%c': %zu bytes were read", types[i],
					x.given);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entries_come_back_whatever_the_pieces),
		cmocka_unit_test(test_the_empty_tree),
		cmocka_unit_test(test_every_bit_of_a_header_counts),
		cmocka_unit_test(test_cut_off_anywhere),
		cmocka_unit_test(
			test_padding_and_end_are_zeros_and_nothing_follows),
		cmocka_unit_test(test_the_flaw_has_the_code_that_was_asked_for),
		cmocka_unit_test(test_the_source_s_own_error_comes_through),
		cmocka_unit_test(test_content_may_be_skipped_or_half_read),
		cmocka_unit_test(test_a_fragment_needs_no_parents),
		cmocka_unit_test(test_headers_without_end_are_not_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
