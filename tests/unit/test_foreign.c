/* SPDX-License-Identifier: Apache-2.0 */
/* What libarchive makes of a tar of profile 1. The many ways to be none are in
 * tests/golden/evil_tars.py. */
#include "pack/foreign.h"

#include "rel_test.h"
#include "tar_fixture.h"

#include <locale.h>
#include <stdio.h>

/* Read all of it; a line for each entry is added to ${out}. */
static int read_all(struct bytes *b, struct rel_buf *out, struct rel_err *err)
{
	REL_AUTO(rel_foreign_closep) struct rel_foreign *r = NULL;
	struct rel_entry e;
	bool more = true;
	int rc = rel_foreign_open(give, b, &r, err);

	while (rc == 0) {
		const void *p;
		size_t n = 0;

		rc = rel_foreign_next(r, &e, &more, err);
		if (rc < 0 || !more)
			break;
		rel_buf_addf(out, "%d%s %d %s>%s:", (int)e.type,
			e.executable ? "x" : "", (int)e.size, e.path, e.target);
		while (e.type == REL_FILE &&
			(rc = rel_foreign_data(r, &p, &n, err)) == 0 && n > 0)
			rel_buf_add(out, p, e.size > 100 ? 0 : n);
		rel_buf_addc(out, '\n');
	}
	return rc;
}

static char *listing(void)
{
	char n[151];

	memset(n, 'n', 150);
	n[150] = '\0';
	return rel_printf("0 6 a>:hello\n\n"
			  "1 0 bin>:\n"
			  "0x 1024 bin/run>:\n"
			  "2 0 bin/x>run:\n"
			  "0 0 caf\351>:\n"
			  "1 0 %s>:\n"
			  "2 0 l>%s:\n"
			  "0 1300 %s>:\n"
			  "0 1 z>:z\n",
		decomposed(), decomposed(), n);
}

static void test_entries_come_back_whatever_the_pieces(void **state)
{
	static const size_t steps[] = { 1, 511, 512, 1000, 10000, 1 << 20 };
	REL_AUTO(rel_freep) char *want = listing();
	REL_AUTO(rel_buf_free) struct rel_buf tar = REL_BUF_INIT;

	(void)state;
	make(&tar);
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		REL_AUTO(rel_buf_free) struct rel_buf got = REL_BUF_INIT;
		REL_AUTO(bytes_done)
		struct bytes b = { tar.p, tar.len, .step = steps[i] };
		struct rel_err err = REL_ERR_INIT;

		if (read_all(&b, &got, &err) < 0)
			fail_msg("%zu: %s", steps[i], err.msg);
		assert_string_equal(got.p, want);
	}
}

static void test_the_caller_s_locale_stays(void **state)
{
	REL_AUTO(rel_buf_free) struct rel_buf tar = REL_BUF_INIT;
	REL_AUTO(rel_buf_free) struct rel_buf got = REL_BUF_INIT;
	REL_AUTO(rel_freep) char *want = listing();
	struct rel_err err = REL_ERR_INIT;
	REL_AUTO(bytes_done) struct bytes b = { .step = 4096 };
	locale_t mine = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	locale_t before = uselocale(mine);

	(void)state;
	make(&tar);
	b.p = tar.p;
	b.n = tar.len;
	assert_int_equal(read_all(&b, &got, &err), 0);
	assert_string_equal(got.p, want);
	assert_ptr_equal(uselocale((locale_t)0), mine);
	uselocale(before);
	freelocale(mine);
}

static void test_headers_without_end_are_not_followed(void **state)
{
	static const char types[] = "gxLKVXMDN";
	static const size_t sizes[] = { 0, 512, 60000, 1000000 };

	(void)state;
	for (size_t i = 0; i < sizeof(types) - 1; i++) {
		for (size_t k = 0; k < sizeof(sizes) / sizeof(*sizes); k++) {
			REL_AUTO(rel_foreign_closep)
			struct rel_foreign *r = NULL;
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
			rc = rel_foreign_open(give_again, &x, &r, &err);
			while (rc == 0 && more)
				rc = rel_foreign_next(r, &e, &more, &err);
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
		cmocka_unit_test(test_the_caller_s_locale_stays),
		cmocka_unit_test(test_headers_without_end_are_not_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
