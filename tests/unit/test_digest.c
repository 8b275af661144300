/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors: FIPS 180-4 (NIST's examples), RFC 4231. */
#include "rel_test.h"

#include "crypto/digest.h"

#include <string.h>

#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define NOTHING                                                                \
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define MILLION                                                                \
	"cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"

static void assert_hex(struct rel_id id, const char *hex)
{
	assert_string_equal(rel_id_hex(&id).s, hex);
}

static void test_known_texts_have_the_known_digests(void **state)
{
	const char *two_blocks =
		"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";

	(void)state;
	assert_hex(rel_sha256("abc", 3), ABC);
	assert_hex(rel_sha256(NULL, 0), NOTHING);
	assert_hex(rel_sha256(two_blocks, strlen(two_blocks)),
		"248d6a61d20638b8e5c026930c3e6039"
		"a33ce45964ff2167f6ecedd419db06c1");
}

static void test_pieces_give_the_digest_of_the_whole(void **state)
{
	REL_AUTO(rel_sha256_freep) struct rel_sha256 *h = rel_sha256_new();
	char a[1000];
	size_t left = 1000000;

	(void)state;
	memset(a, 'a', sizeof(a));
	for (size_t n = 1; left > 0; n = n * 7 % 997 + 1) {
		size_t part = n < left ? n : left;

		rel_sha256_add(h, a, part);
		left -= part;
	}
	assert_hex(rel_sha256_final(h), MILLION);
}

/* FIPS 180-4's examples, and the name that git gives an empty blob. */
static void test_sha1_names_what_git_names(void **state)
{
	static const struct {
		const char *text, *hex;
		size_t n;
	} known[] = {
		{ "abc", "a9993e364706816aba3e25717850c26c9cd0d89d", 3 },
		{ "", "da39a3ee5e6b4b0d3255bfef95601890afd80709", 0 },
		{ "blob 0", "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391", 7 },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
			"84983e441c3bd26ebaae4aa1f95129e5e54670f1", 56 },
	};
	REL_AUTO(rel_sha1_freep) struct rel_sha1 *h = rel_sha1_new();

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		size_t half = known[i].n / 2;
		uint8_t got[20];
		char hex[41];

		rel_sha1_add(h, known[i].text, half);
		rel_sha1_add(h, known[i].text + half, known[i].n - half);
		rel_sha1_final(h, got);
		rel_hex_format(got, sizeof(got), hex);
		assert_string_equal(hex, known[i].hex);
	}
}

static void test_a_digest_that_was_taken_starts_anew(void **state)
{
	REL_AUTO(rel_sha256_freep) struct rel_sha256 *h = rel_sha256_new();

	(void)state;
	rel_sha256_add(h, "left over", 9);
	rel_sha256_final(h);
	assert_hex(rel_sha256_final(h), NOTHING);
	rel_sha256_add(h, "abc", 3);
	assert_hex(rel_sha256_final(h), ABC);
}

static void test_hmac_is_that_of_rfc_4231(void **state)
{
	/* A shorter key is the same as one that ends in zeros. */
	uint8_t first[32], second[32] = "Jefe";
	const char *text = "what do ya want for nothing?";

	(void)state;
	memset(first, 0, sizeof(first));
	memset(first, 0x0b, 20);
	assert_hex(rel_hmac_sha256(first, "Hi There", 8),
		"b0344c61d8db38535ca8afceaf0bf12b"
		"881dc200c9833da726e9376c2e32cff7");
	assert_hex(rel_hmac_sha256(second, text, strlen(text)),
		"5bdcc146bf60754e6a042426089575c7"
		"5a003f089d2739839dec58b964ec3843");
}

static void test_random_bytes_fill_all_and_differ(void **state)
{
	static uint8_t a[100000], b[100000];
	struct rel_err err = REL_ERR_INIT;
	unsigned seen[256] = { 0 };

	(void)state;
	assert_int_equal(rel_random(a, sizeof(a), &err), 0);
	assert_int_equal(rel_random(b, sizeof(b), &err), 0);
	assert_memory_not_equal(a, b, sizeof(a));
	/* About 8 of each in the last 2,000 bytes; 200 zeros would be a gap. */
	for (size_t i = sizeof(a) - 2000; i < sizeof(a); i++)
		seen[a[i]]++;
	assert_in_range(seen[0], 0, 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_texts_have_the_known_digests),
		cmocka_unit_test(test_pieces_give_the_digest_of_the_whole),
		cmocka_unit_test(test_sha1_names_what_git_names),
		cmocka_unit_test(test_a_digest_that_was_taken_starts_anew),
		cmocka_unit_test(test_hmac_is_that_of_rfc_4231),
		cmocka_unit_test(test_random_bytes_fill_all_and_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
