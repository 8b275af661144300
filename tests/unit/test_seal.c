/* SPDX-License-Identifier: Apache-2.0 */
#include "rel_test.h"

#include "crypto/digest.h"
#include "crypto/seal.h"
#include "scratch.h"

#include <openssl/err.h>
#include <string.h>

static void make_key(struct rel_key *key, uint8_t byte)
{
	struct rel_id digest;

	memset(key->bytes, byte, sizeof(key->bytes));
	digest = rel_sha256(key->bytes, sizeof(key->bytes));
	rel_hex_format(digest.b, 8, key->id);
}

/* A config of 200 bytes, as there are. */
static void seal_200(
	const struct rel_key *key, char plain[200], struct rel_buf *der)
{
	struct rel_err err = REL_ERR_INIT;

	for (int i = 0; i < 200; i++)
		plain[i] = i % 20 == 19 ? '\0' : (char)('A' + i % 26);
	assert_int_equal(rel_seal(key, plain, 200, der, &err), 0);
}

static void test_what_was_sealed_opens_to_the_same_bytes(void **state)
{
	/* Around the lengths at which DER's lengths get longer. */
	const size_t sizes[] = { 0, 1, 16, 75, 80, 85, 100, 127, 128, 200, 255,
		256, 65400, 65535, 65536, 1u << 20 };
	struct rel_err err = REL_ERR_INIT;
	struct rel_key key;

	(void)state;
	make_key(&key, 7);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		REL_AUTO(rel_buf_free) struct rel_buf der = REL_BUF_INIT;
		REL_AUTO(rel_buf_free) struct rel_buf out = REL_BUF_INIT;
		REL_AUTO(rel_freep) char *plain = rel_alloc(sizes[i] + 1);

		assert_int_equal(rel_random(plain, sizes[i], &err), 0);
		assert_int_equal(
			rel_seal(&key, plain, sizes[i], &der, &err), 0);
		rel_buf_adds(&out, "before:");
		assert_int_equal(
			rel_unseal(&key, der.p, der.len, &out, &err), 0);
		assert_int_equal(out.len, 7 + sizes[i]);
		assert_memory_equal(out.p, "before:", 7);
		assert_memory_equal(out.p + 7, plain, sizes[i]);
	}
}

static void test_sealing_twice_gives_two_texts_without_the_plain_one(
	void **state)
{
	REL_AUTO(rel_buf_free) struct rel_buf a = REL_BUF_INIT;
	REL_AUTO(rel_buf_free) struct rel_buf b = REL_BUF_INIT;
	struct rel_key key;
	char plain[200];

	(void)state;
	make_key(&key, 7);
	seal_200(&key, plain, &a);
	seal_200(&key, plain, &b);
	assert_int_equal(a.len, b.len);
	assert_memory_not_equal(a.p, b.p, a.len);
	assert_null(memmem(a.p, a.len, plain, 8));
	assert_null(memmem(a.p, a.len, key.bytes, 8));
}

static void test_every_flipped_bit_is_noticed(void **state)
{
	REL_AUTO(rel_buf_free) struct rel_buf der = REL_BUF_INIT;
	REL_AUTO(rel_buf_free) struct rel_buf out = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;
	size_t denied = 0;
	struct rel_key key;
	char plain[200];

	(void)state;
	make_key(&key, 7);
	seal_200(&key, plain, &der);
	for (size_t i = 0; i < 8 * der.len; i++) {
		int r;

		der.p[i / 8] ^= (char)(1 << i % 8);
		r = rel_unseal(&key, der.p, der.len, &out, &err);
		der.p[i / 8] ^= (char)(1 << i % 8);
		if (r == -REL_EDENIED)
			denied++;
		else if (r != -REL_EINTEGRITY)
			fail_msg("bit %zu of byte %zu: %d", i % 8, i / 8, r);
		assert_int_equal(out.len, 0);
		assert_int_equal(ERR_peek_error(), 0);
	}
	/* Only in the ID of the key does it look like another key. */
	assert_int_equal(denied, 64);
	assert_int_equal(rel_unseal(&key, der.p, der.len, &out, &err), 0);
}

static void test_every_cut_and_every_byte_too_many_is_noticed(void **state)
{
	REL_AUTO(rel_buf_free) struct rel_buf der = REL_BUF_INIT;
	REL_AUTO(rel_buf_free) struct rel_buf out = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;
	struct rel_key key;
	char plain[200];
	size_t len;

	(void)state;
	make_key(&key, 7);
	seal_200(&key, plain, &der);
	len = der.len;
	for (size_t n = 0; n < len; n++)
		assert_int_equal(rel_unseal(&key, der.p, n, &out, &err),
			-REL_EINTEGRITY);
	rel_buf_addc(&der, '\0');
	assert_int_equal(
		rel_unseal(&key, der.p, der.len, &out, &err), -REL_EINTEGRITY);
	der.len = len;
	rel_buf_add(&der, "\x05\x00", 2);
	assert_int_equal(
		rel_unseal(&key, der.p, der.len, &out, &err), -REL_EINTEGRITY);
	assert_int_equal(out.len, 0);
}

static void test_another_key_is_told_from_damage(void **state)
{
	REL_AUTO(rel_buf_free) struct rel_buf der = REL_BUF_INIT;
	REL_AUTO(rel_buf_free) struct rel_buf out = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;
	struct rel_key key, other;
	char plain[200];

	(void)state;
	make_key(&key, 7);
	make_key(&other, 8);
	seal_200(&key, plain, &der);
	assert_int_equal(
		rel_unseal(&other, der.p, der.len, &out, &err), -REL_EDENIED);
	assert_non_null(strstr(err.msg, key.id));
	assert_non_null(strstr(err.msg, other.id));
	/* A key that only claims to be the one opens nothing. */
	memcpy(other.id, key.id, sizeof(key.id));
	assert_int_equal(rel_unseal(&other, der.p, der.len, &out, &err),
		-REL_EINTEGRITY);
	assert_int_equal(out.len, 0);
}

static void test_the_openssl_command_opens_it_too(void **state)
{
	REL_AUTO(rel_freep)
	char *path = rel_printf("%s/c.cms", (const char *)*state);
	REL_AUTO(rel_freep) char *command = NULL;
	REL_AUTO(rel_buf_free) struct rel_buf der = REL_BUF_INIT;
	struct rel_key key;
	char plain[200], found[201], hex[65];
	FILE *f;

	if (system("openssl version >/dev/null 2>&1") != 0)
		skip_for("openssl is not installed");
	make_key(&key, 7);
	seal_200(&key, plain, &der);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(der.p, 1, der.len, f), der.len);
	fclose(f);
	rel_hex_format(key.bytes, sizeof(key.bytes), hex);
	command = rel_printf("openssl cms -decrypt -binary -inform DER -in '%s'"
			     " -secretkey %s -secretkeyid %s",
		path, hex, key.id);
	f = popen(command, "r");
	assert_non_null(f);
	assert_int_equal(fread(found, 1, sizeof(found), f), 200);
	assert_int_equal(pclose(f), 0);
	assert_memory_equal(found, plain, 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_was_sealed_opens_to_the_same_bytes),
		cmocka_unit_test(
			test_sealing_twice_gives_two_texts_without_the_plain_one),
		cmocka_unit_test(test_every_flipped_bit_is_noticed),
		cmocka_unit_test(
			test_every_cut_and_every_byte_too_many_is_noticed),
		cmocka_unit_test(test_another_key_is_told_from_damage),
		scratch_test(test_the_openssl_command_opens_it_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
