/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Headers as golden bytes. The digests come from Python: its tarfile for plain
 * headers, tests/golden/profile1.py where there is a pax header.
 */
#include "pack/tar.h"

#include "base/id.h"
#include "base/mem.h"
#include "crypto/digest.h"
#include "rel_test.h"

#include <stdlib.h>
#include <string.h>

/* ${n} times ${c}; valid until the next call but one. */
static const char *repeat(char c, size_t n)
{
	static char buf[2][5000];
	static int turn;

	turn = !turn;
	memset(buf[turn], c, n);
	buf[turn][n] = '\0';
	return buf[turn];
}

static struct rel_entry entry(
	enum rel_entry_type type, const char *path, const char *target)
{
	return (struct rel_entry){
		.type = type,
		.path = path,
		.path_len = strlen(path),
		.target = target,
		.target_len = strlen(target),
	};
}

static void assert_header(
	const struct rel_entry *e, size_t size, const char *digest)
{
	REL_AUTO(rel_buf_free) struct rel_buf b = REL_BUF_INIT;
	struct rel_id id;

	rel_tar_header(e, &b);
	assert_int_equal(b.len, size);
	id = rel_sha256(b.p, b.len);
	assert_string_equal(rel_id_hex(&id).s, digest);
}

static void test_a_block_field_by_field(void **state)
{
	/* offset, length and bytes of all that is not NUL */
	static const struct {
		size_t at;
		const char *text;
	} fields[] = {
		{ 0, "bin/web" },
		{ 100, "0000755" },
		{ 108, "0000000" },
		{ 116, "0000000" },
		{ 124, "00000001234" },
		{ 136, "02263523001" },
		{ 148, "010510" },
		{ 155, " " },
		{ 156, "0" },
		{ 257, "ustar" },
		{ 263, "00" },
		{ 329, "0000000" },
		{ 337, "0000000" },
	};
	REL_AUTO(rel_buf_free) struct rel_buf b = REL_BUF_INIT;
	struct rel_entry e = entry(REL_FILE, "bin/web", "");
	char want[512] = { 0 };
	unsigned sum = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		memcpy(want + fields[i].at, fields[i].text,
			strlen(fields[i].text));
	e.executable = true;
	e.size = 01234;
	rel_tar_header(&e, &b);
	assert_int_equal(b.len, 512);
	/* The sum that is written is the sum of the rest. */
	for (size_t i = 0; i < 512; i++)
		sum += i >= 148 && i < 156 ? ' ' : (unsigned char)b.p[i];
	assert_int_equal(sum, strtoul(b.p + 148, NULL, 8));
	assert_memory_equal(b.p, want, 512);
}

static void test_plain_headers(void **state)
{
	struct rel_entry e = entry(REL_FILE, "hello.txt", "");

	(void)state;
	e.size = 6;
	assert_header(&e, 512,
		"395ec04296a443ea8d27e5adb558fa5adb86cc3addce3c107d888581a34f50"
		"aa");
	e = entry(REL_FILE, "bin/run", "");
	e.executable = true;
	assert_header(&e, 512,
		"d8f5ffcc23b1275f4cefa226d005a200ad34e8f36a1c23b2e6424c415ca639"
		"7c");
	e = entry(REL_DIR, "lib", "");
	assert_header(&e, 512,
		"c9172537a8d44ee8dde859f7a9481478279bea893317fd4282be096cba9c35"
		"ac");
	e = entry(REL_LINK, "link", "../x");
	assert_header(&e, 512,
		"e13420357a3deabed8b8db63416a97cc643a706e07d13b2a7b30caf8d2e134"
		"bf");
	e = entry(REL_FILE, "caf\351", "");
	e.size = 1;
	assert_header(&e, 512,
		"b56223d9e8f9103cf8e5cd5d181d83e12d6bce845eb26b9007bd72c5808789"
		"16");
}

static void test_100_bytes_fill_a_field(void **state)
{
	struct rel_entry e = entry(REL_FILE, repeat('f', 100), "");

	(void)state;
	e.size = 2147483647;
	assert_header(&e, 512,
		"466fb8973b9197995fe8b3268a1162d8aafad37093f8fc1d88f56ac9871f20"
		"67");
	e = entry(REL_DIR, repeat('D', 99), "");
	assert_header(&e, 512,
		"98f24295b262c7eccaf3974785958d0951b834768dd35ff98ed75f7e326ae3"
		"45");
	e = entry(REL_LINK, "l", repeat('t', 100));
	assert_header(&e, 512,
		"1b972c7220e8991c0a5621a0652bd3ea5c3313cfc0f15f67ba0d05491184d0"
		"37");
}

static void test_more_than_100_bytes_take_a_pax_header(void **state)
{
	static const struct {
		enum rel_entry_type type;
		size_t path, target, size;
		const char *digest;
	} cases[] = {
		{ REL_FILE, 101, 0, 1536,
			"64441d33651b59fb84dd4ec646deeba9e906e1d9c89402f382d095ee01f84cc9" },
		{ REL_FILE, 988, 0, 2048,
			"2ae6738d07f05e0a8b940c63164f394e1269958c7b76e1f030ebe1d4e704a2e0" },
		{ REL_FILE, 989, 0, 2048,
			"58863e958ddc440bac1222bd87cffb18c94230de5430cc0dc9a4c92a76288bef" },
		{ REL_FILE, 990, 0, 2048,
			"09d9a19ccedf5aeaadf21936518a32b1080e22c5128cab89971606dc3c3ca277" },
		{ REL_FILE, 991, 0, 2048,
			"beadbcaa1eb70232c2c59c90c26978c1997d61087f4af192116bb76193167804" },
		{ REL_FILE, 4095, 0, 5632,
			"5c85703c794aaaf376955ccde0a0f4d5933fa4ee211ee40451fc743ff702d691" },
		{ REL_LINK, 1, 101, 1536,
			"012e6b295dd4078fabd85619382b64a3bc56c52f78440589f3d0bb424d84d3af" },
		{ REL_LINK, 1, 984, 2048,
			"f6ad77e0f91b727ba820897475798c176fcaddf8b7934244aaeb34320b2a6e98" },
		{ REL_LINK, 1, 985, 2048,
			"ca70ec7192651d4456ed4d845f7f8238c8df2eb46f7bb0dc266d6a0dc7f5a1df" },
		{ REL_LINK, 1, 986, 2048,
			"9b5ee4b4695cdd7146872e662278ec099a387125c3f6e9ee3d16d2a8b05f92ac" },
		{ REL_LINK, 1, 987, 2048,
			"f7f8ffe2cd1d4bbc6d71719647eec5c3ec16125f545a70ac5496bc699ab1c998" },
		{ REL_LINK, 1, 4095, 5632,
			"71c9dcf03206a5710566a15967de256362e12e3bcfdfcdd0d5c9660ac09ac486" },
		{ REL_LINK, 101, 101, 1536,
			"8e41dfceb31bec0659820b11ec294e19499eb5f00c0394faff572b59ef38c793" },
		{ REL_LINK, 100, 101, 1536,
			"67613df1c6c6b1bce51fd3e4279304935e473ac73b9e97c09a6e9fc168a2a7fa" },
		{ REL_LINK, 101, 100, 1536,
			"e383e5ecf4c549ea989716026d6e831a3b4a2323e319524d8d73e76ec7b931c9" },
		{ REL_LINK, 4095, 4095, 9728,
			"463c2f821518bfe1c76518375670e845e945e8c03937778b5a0f1febf6d15bac" },
		{ REL_DIR, 100, 0, 1536,
			"95bff2c7607dd2db9ca35bfb27c6e703c66c233139f3b3da1f6ec2962830fce4" },
		{ REL_DIR, 101, 0, 1536,
			"7af5b562cd4049e2931227c0d9f63e7fadd0f93b8f7e69ac81e026a4ebd304d2" },
		{ REL_DIR, 4094, 0, 5632,
			"64d8480da9910f82bc1ebe32166e8ca3ce70f8f592a79b21b49110d50fd10b17" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct rel_entry e =
			entry(cases[i].type, repeat('f', cases[i].path),
				repeat('t', cases[i].target));

		assert_header(&e, cases[i].size, cases[i].digest);
	}
}

static void test_a_slash_is_a_byte_of_a_name(void **state)
{
	REL_AUTO(rel_buf_free) struct rel_buf b = REL_BUF_INIT;
	struct rel_entry e = entry(REL_DIR, repeat('D', 100), "");

	(void)state;
	rel_tar_path(&e, &b);
	assert_int_equal(b.len, 101);
	assert_int_equal(b.p[100], '/');
	assert_header(&e, 1536,
		"dc8cd5254fe52ead6792f624ad92b9205d400f76d1a4ca749ce6112f19199570");
	/* What a file or a link of the same length has not. */
	e = entry(REL_FILE, repeat('D', 100), "");
	rel_buf_reset(&b);
	rel_tar_header(&e, &b);
	assert_int_equal(b.len, 512);
}

/* The whole of the pax header's content must be the record, and the record's
 * first number its length, in as few digits as can be. */
static void assert_record(const char *content, size_t size, const char *key,
	const char *value, size_t value_len)
{
	char *end;
	unsigned long len = strtoul(content, &end, 10);
	size_t key_len = strlen(key);

	assert_int_equal(len, size);
	assert_true(*content >= '1' && *content <= '9');
	assert_int_equal(*end, ' ');
	assert_memory_equal(end + 1, key, key_len);
	assert_memory_equal(end + 1 + key_len, value, value_len);
	assert_int_equal(end[1 + key_len + value_len], '\n');
	assert_ptr_equal(content + size, end + 1 + key_len + value_len + 1);
}

static void test_every_length_counts_itself(void **state)
{
	(void)state;
	for (size_t n = 101; n <= 4095; n++) {
		REL_AUTO(rel_buf_free) struct rel_buf b = REL_BUF_INIT;
		const char *value = repeat('v', n);
		struct rel_entry e = entry(REL_FILE, value, "");
		size_t size;

		rel_tar_header(&e, &b);
		size = strtoul(b.p + 124, NULL, 8);
		assert_record(b.p + 512, size, "path=", value, n);
		assert_int_equal(b.len, 1024 + (size + 511) / 512 * 512);
		for (size_t i = 512 + size; i < b.len - 512; i++)
			assert_int_equal(b.p[i], 0);

		e = entry(REL_LINK, "l", value);
		rel_buf_reset(&b);
		rel_tar_header(&e, &b);
		size = strtoul(b.p + 124, NULL, 8);
		assert_record(b.p + 512, size, "linkpath=", value, n);
	}
}

static void test_only_files_have_a_size(void **state)
{
	struct rel_entry e = entry(REL_DIR, "lib", "");

	(void)state;
	e.size = 512;
	e.executable = true;
	assert_header(&e, 512,
		"c9172537a8d44ee8dde859f7a9481478279bea893317fd4282be096cba9c35"
		"ac");
	e = entry(REL_LINK, "link", "../x");
	e.size = 4;
	e.executable = true;
	assert_header(&e, 512,
		"e13420357a3deabed8b8db63416a97cc643a706e07d13b2a7b30caf8d2e134"
		"bf");
}

static void test_headers_are_added_to_what_is_there(void **state)
{
	REL_AUTO(rel_buf_free) struct rel_buf b = REL_BUF_INIT;
	struct rel_entry e = entry(REL_FILE, "a", "");

	(void)state;
	rel_buf_adds(&b, "before");
	rel_tar_header(&e, &b);
	rel_tar_path(&e, &b);
	assert_int_equal(b.len, 6 + 512 + 1);
	assert_memory_equal(b.p, "beforea", 8);
	assert_int_equal(b.p[518], 'a');
}

static void test_padding(void **state)
{
	(void)state;
	assert_int_equal(rel_tar_padding(0), 0);
	assert_int_equal(rel_tar_padding(1), 511);
	assert_int_equal(rel_tar_padding(511), 1);
	assert_int_equal(rel_tar_padding(512), 0);
	assert_int_equal(rel_tar_padding(513), 511);
	assert_int_equal(rel_tar_padding(UINT64_C(2) << 30), 0);
	assert_int_equal(rel_tar_padding((UINT64_C(2) << 30) - 1), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_block_field_by_field),
		cmocka_unit_test(test_plain_headers),
		cmocka_unit_test(test_100_bytes_fill_a_field),
		cmocka_unit_test(test_more_than_100_bytes_take_a_pax_header),
		cmocka_unit_test(test_a_slash_is_a_byte_of_a_name),
		cmocka_unit_test(test_every_length_counts_itself),
		cmocka_unit_test(test_only_files_have_a_size),
		cmocka_unit_test(test_headers_are_added_to_what_is_there),
		cmocka_unit_test(test_padding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
