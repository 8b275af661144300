/* SPDX-License-Identifier: Apache-2.0 */
/* relctl-git's inflate beside zlib's, which is asked for the bytes to expect.
 * How often libdeflate did the work is counted. */
#include "rel_test.h"

#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define SIZE 40000u

enum libdeflate_result __real_libdeflate_zlib_decompress_ex(
	struct libdeflate_decompressor *d, const void *in, size_t in_n,
	void *out, size_t out_n, size_t *ret_in, size_t *ret_out);
enum libdeflate_result __wrap_libdeflate_zlib_decompress_ex(
	struct libdeflate_decompressor *d, const void *in, size_t in_n,
	void *out, size_t out_n, size_t *ret_in, size_t *ret_out);

static int at_once; /* streams that libdeflate has inflated */

enum libdeflate_result __wrap_libdeflate_zlib_decompress_ex(
	struct libdeflate_decompressor *d, const void *in, size_t in_n,
	void *out, size_t out_n, size_t *ret_in, size_t *ret_out)
{
	enum libdeflate_result r = __real_libdeflate_zlib_decompress_ex(
		d, in, in_n, out, out_n, ret_in, ret_out);

	at_once += r == LIBDEFLATE_SUCCESS;
	return r;
}

/* Some text, deflated by zlib, with room behind it. */
struct stream {
	unsigned char plain[SIZE], packed[2 * SIZE], out[2 * SIZE];
	size_t n;
	z_stream z;
};

static int set_up(void **state)
{
	struct stream *s = calloc(1, sizeof(*s));
	uLongf n = sizeof(s->packed);

	for (size_t i = 0; i < SIZE; i++)
		s->plain[i] = (unsigned char)("relctl"[i * i % 6] + i % 7);
	assert_int_equal(compress2(s->packed, &n, s->plain, SIZE, 6), Z_OK);
	assert_true(n > 100 && n < SIZE);
	s->n = n;
	assert_int_equal(inflateInit(&s->z), Z_OK);
	s->z.next_in = s->packed;
	s->z.avail_in = (uInt)n;
	s->z.next_out = s->out;
	s->z.avail_out = sizeof(s->out);
	at_once = 0;
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct stream *s = *state;

	inflateEnd(&s->z);
	free(s);
	return 0;
}

/* The whole plain text came out, and nothing but the stream was taken. */
static void assert_whole(const struct stream *s)
{
	assert_int_equal(s->z.total_in, s->n);
	assert_ptr_equal(s->z.next_in, s->packed + s->n);
	assert_int_equal(s->z.total_out, SIZE);
	assert_ptr_equal(s->z.next_out, s->out + SIZE);
	assert_memory_equal(s->out, s->plain, SIZE);
}

static void test_a_whole_stream_is_inflated_at_once(void **state)
{
	struct stream *s = *state;

	assert_int_equal(inflate(&s->z, Z_FINISH), Z_STREAM_END);
	assert_whole(s);
	assert_int_equal(s->z.avail_in, 0);
	assert_int_equal(s->z.avail_out, sizeof(s->out) - SIZE);
	assert_int_equal(at_once, 1);
}

static void test_what_follows_a_stream_is_left(void **state)
{
	struct stream *s = *state;

	s->z.avail_in += 1000;
	s->z.avail_out = SIZE;
	assert_int_equal(inflate(&s->z, Z_NO_FLUSH), Z_STREAM_END);
	assert_whole(s);
	assert_int_equal(s->z.avail_in, 1000);
	assert_int_equal(s->z.avail_out, 0);
	assert_int_equal(at_once, 1);
}

static void test_a_stream_is_inflated_after_another(void **state)
{
	struct stream *s = *state;

	assert_int_equal(inflate(&s->z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(inflateReset(&s->z), Z_OK);
	memset(s->out, 0, sizeof(s->out));
	s->z.next_in = s->packed;
	s->z.avail_in = (uInt)s->n;
	s->z.next_out = s->out;
	s->z.avail_out = sizeof(s->out);
	assert_int_equal(inflate(&s->z, Z_FINISH), Z_STREAM_END);
	assert_whole(s);
	assert_int_equal(at_once, 2);
}

static void test_room_that_comes_in_pieces_is_zlibs(void **state)
{
	static const uInt steps[] = { 1, 20, 63, 64, 1000, SIZE - 1 };
	struct stream *s = *state;

	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		int r = Z_OK;

		assert_int_equal(inflateReset(&s->z), Z_OK);
		memset(s->out, 0, sizeof(s->out));
		s->z.next_in = s->packed;
		s->z.avail_in = (uInt)s->n;
		s->z.next_out = s->out;
		while (r == Z_OK && s->z.total_out < sizeof(s->out)) {
			s->z.avail_out = steps[i];
			r = inflate(&s->z, Z_NO_FLUSH);
		}
		assert_int_equal(r, Z_STREAM_END);
		assert_whole(s);
	}
	assert_int_equal(at_once, 0);
}

static void test_input_that_comes_in_pieces_is_zlibs(void **state)
{
	struct stream *s = *state;
	uInt first = (uInt)s->n / 2;

	s->z.avail_in = first;
	assert_int_equal(inflate(&s->z, Z_NO_FLUSH), Z_OK);
	assert_int_equal(s->z.total_in, first);
	s->z.avail_in = (uInt)s->n - first;
	assert_int_equal(inflate(&s->z, Z_NO_FLUSH), Z_STREAM_END);
	assert_whole(s);
	assert_int_equal(at_once, 0);
}

static void test_a_stream_without_its_end_has_none(void **state)
{
	struct stream *s = *state;

	s->z.avail_in = (uInt)s->n - 1;
	assert_int_equal(inflate(&s->z, Z_FINISH), Z_BUF_ERROR);
	assert_int_equal(at_once, 0);
}

/* Nothing comes out of another call, which libgit2 would make for ever. */
static void test_a_stream_is_damaged_when_its_end_does_not_come(void **state)
{
	struct stream *s = *state;

	s->z.avail_in = (uInt)s->n / 2;
	assert_int_equal(inflate(&s->z, Z_FINISH), Z_BUF_ERROR);
	assert_int_equal(s->z.avail_in, 0);
	assert_int_equal(inflate(&s->z, Z_FINISH), Z_DATA_ERROR);
	assert_string_equal(s->z.msg, "it ends too early");
}

/* A call without input may still bring out what was taken in before. */
static void test_what_was_taken_in_comes_out_without_input(void **state)
{
	struct stream *s = *state;
	int r = Z_OK;

	s->z.avail_out = 1;
	while (r == Z_OK || r == Z_BUF_ERROR) {
		r = inflate(&s->z, Z_FINISH);
		s->z.avail_out = 1;
	}
	assert_int_equal(r, Z_STREAM_END);
	assert_whole(s);
}

/* The stream's text is N bytes, PLAIN and NULs, and BEHIND bytes follow it.
 * Inflate it with the room that libgit2 has for a loose object's head. */
static int head_of(struct stream *s, const char *plain, size_t n, size_t behind)
{
	unsigned char text[200] = { 0 };
	uLongf packed = sizeof(s->packed);

	memcpy(text, plain, strlen(plain));
	assert_int_equal(compress(s->packed, &packed, text, n), Z_OK);
	assert_int_equal(inflateReset(&s->z), Z_OK);
	s->z.next_in = s->packed;
	s->z.avail_in = (uInt)(packed + behind);
	s->z.next_out = s->out;
	s->z.avail_out = 64;
	return inflate(&s->z, Z_FINISH);
}

static void test_a_head_that_tells_too_little_is_an_error(void **state)
{
	static const char *const small[] = { "blob 1", "tree 55", "blob 0",
		"tag ", "commit -5", "blob +60", "blob 0x99" };
	struct stream *s = *state;

	for (size_t i = 0; i < sizeof(small) / sizeof(*small); i++) {
		assert_int_equal(head_of(s, small[i], 64, 0), Z_DATA_ERROR);
		assert_string_equal(s->z.msg, "it is longer than it says");
		assert_int_equal(head_of(s, small[i], 200, 0), Z_DATA_ERROR);
	}
	assert_int_equal(head_of(s, "blob 1", 9, 0), Z_DATA_ERROR);
	assert_int_equal(head_of(s, "blob 1", 9, 30), Z_DATA_ERROR);
	assert_int_equal(head_of(s, "blob 54", 63, 0), Z_DATA_ERROR);
}

static void test_a_head_that_tells_the_truth_is_none(void **state)
{
	struct stream *s = *state;

	assert_int_equal(head_of(s, "blob 2", 9, 0), Z_STREAM_END);
	assert_int_equal(head_of(s, "blob 0", 7, 0), Z_STREAM_END);
	assert_int_equal(head_of(s, "blob 56", 64, 0), Z_STREAM_END);
	assert_int_equal(head_of(s, "blob 192", 200, 0), Z_BUF_ERROR);
	assert_int_equal(head_of(s, "blob 99999999999999999999999999", 200, 0),
		Z_BUF_ERROR);
}

/* 63 bytes of a pack are read with a byte of room more, and may be anything. */
static void test_a_content_that_looks_like_a_head_is_none(void **state)
{
	struct stream *s = *state;

	assert_int_equal(head_of(s, "blob 1", 63, 20), Z_STREAM_END);
	assert_int_equal(s->z.total_out, 63);
}

/* No stream, wrong bits in it, a wrong checksum. */
static void test_a_damaged_stream_is_an_error(void **state)
{
	struct stream *s = *state;
	const size_t at[] = { 0, s->n / 2, s->n - 1 };

	for (size_t i = 0; i < 3; i++) {
		int r;

		assert_int_equal(inflateReset(&s->z), Z_OK);
		s->z.next_in = s->packed;
		s->z.avail_in = (uInt)s->n;
		s->z.next_out = s->out;
		s->z.avail_out = sizeof(s->out);
		s->packed[at[i]] ^= 0x55;
		r = inflate(&s->z, Z_FINISH);
		/* Bits may also read on, past the end. */
		assert_true(r == Z_DATA_ERROR || r == Z_BUF_ERROR);
		s->packed[at[i]] ^= 0x55;
	}
	assert_int_equal(at_once, 0);
}

static void test_bytes_without_zlibs_header_are_zlibs(void **state)
{
	struct stream *s = *state;

	inflateEnd(&s->z);
	assert_int_equal(inflateInit2(&s->z, -15), Z_OK);
	s->z.next_in = s->packed + 2; /* past the header */
	s->z.avail_in = (uInt)s->n - 2;
	assert_int_equal(inflate(&s->z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(s->z.total_out, SIZE);
	assert_memory_equal(s->out, s->plain, SIZE);
	assert_int_equal(at_once, 0);
}

static void test_nothing_comes_out_of_nothing(void **state)
{
	struct stream *s = *state;
	uLongf n = sizeof(s->packed);

	assert_int_equal(compress(s->packed, &n, s->plain, 0), Z_OK);
	s->z.avail_in = (uInt)n;
	assert_int_equal(inflate(&s->z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(s->z.total_in, n);
	assert_int_equal(s->z.total_out, 0);
	assert_int_equal(at_once, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_whole_stream_is_inflated_at_once),
		TEST(test_what_follows_a_stream_is_left),
		TEST(test_a_stream_is_inflated_after_another),
		TEST(test_room_that_comes_in_pieces_is_zlibs),
		TEST(test_input_that_comes_in_pieces_is_zlibs),
		TEST(test_a_stream_without_its_end_has_none),
		TEST(test_a_stream_is_damaged_when_its_end_does_not_come),
		TEST(test_what_was_taken_in_comes_out_without_input),
		TEST(test_a_head_that_tells_too_little_is_an_error),
		TEST(test_a_head_that_tells_the_truth_is_none),
		TEST(test_a_content_that_looks_like_a_head_is_none),
		TEST(test_a_damaged_stream_is_an_error),
		TEST(test_bytes_without_zlibs_header_are_zlibs),
		TEST(test_nothing_comes_out_of_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
