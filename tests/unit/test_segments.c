/* SPDX-License-Identifier: Apache-2.0 */
/* An artifact out of its chunks, segment by segment and side by side: the tree
 * and the index that one reader in one pass would have made, or an error. */
#include "home/segments.h"
#include "home/tree.h"

#include "crypto/digest.h"
#include "pack/tar.h"
#include "pack/unpack.h"
#include "pack/zst.h"
#include "rel_test.h"
#include "store/chunk.h"
#include "store/tree.h"
#include "store_fixture.h"

#define MTIME 1234567890
#define LARGE 300000u /* over several chunks */
#define DIRS 40

static const char zeros[2 * REL_TAR_BLOCK];

/* A home that has a store, and needs neither ledger nor key. */
static struct rel_home *home_at(void **state)
{
	struct rel_home *h = rel_alloc(sizeof(*h));

	h->store = store_at(state, "s");
	return h;
}

static void home_done(struct rel_home **h)
{
	rel_store_closep(&(*h)->store);
	free(*h);
}

/* Keep ${n} bytes of tar as a chunk of ${a}. */
static void chunk(struct rel_home *h, struct rel_artifact *a, const void *p,
	size_t n, bool data)
{
	REL_AUTO(rel_zst_freep) struct rel_zst *z = rel_zst_new();
	REL_AUTO(rel_buf_free) struct rel_buf frame = REL_BUF_INIT;
	struct rel_packed *to = &a->packed;
	struct rel_chunks *w;
	struct rel_err err = REL_ERR_INIT;
	struct rel_id name;

	rel_zst_pack(z, p, n, &frame);
	name = rel_sha256(frame.p, frame.len);
	assert_int_equal(rel_chunks_begin(h->store, &w, &err), 0);
	assert_int_equal(rel_chunks_add(w, &name, frame.p, frame.len, &err), 0);
	assert_int_equal(rel_chunks_commit(&w, &err), 0);
	to->chunks = rel_grow(to->chunks, to->n + 1, sizeof(*to->chunks));
	to->chunks[to->n++] = (struct rel_chunk_ref){
		.name = name,
		.size = (uint32_t)n,
		.packed = (uint32_t)frame.len,
		.data = data,
	};
	to->size += n;
}

static void put(struct rel_buf *tar, enum rel_entry_type type, const char *path,
	const char *text)
{
	struct rel_entry e = {
		.type = type,
		.executable = strstr(path, "run") != NULL,
		.path = path,
		.path_len = strlen(path),
		.target = type == REL_LINK ? text : "",
		.target_len = type == REL_LINK ? strlen(text) : 0,
		.size = type == REL_FILE ? strlen(text) : 0,
	};

	rel_tar_header(&e, tar);
	if (type == REL_FILE) {
		rel_buf_add(tar, text, strlen(text));
		rel_buf_add(tar, zeros, rel_tar_padding(strlen(text)));
	}
}

static char *large(char c)
{
	char *p = rel_alloc(LARGE + 1);

	for (size_t i = 0; i < LARGE; i++)
		p[i] = (char)(' ' + (i * 7 + i / 1000 + (unsigned char)c) % 90);
	return p;
}

/* The chunk that ends with a header, and the content in pieces behind it. */
static void put_large(struct rel_home *h, struct rel_artifact *a, char c)
{
	REL_AUTO(rel_buf_free) struct rel_buf tar = REL_BUF_INIT;
	REL_AUTO(rel_freep) char *content = large(c);
	size_t header = 3 * REL_TAR_BLOCK;

	put(&tar, REL_LINK, "k", "d00/run");
	put(&tar, REL_DIR, "l", "");
	put(&tar, REL_FILE, "l/large", content);
	chunk(h, a, tar.p, header, false);
	for (size_t at = header; at < tar.len; at += 100000)
		chunk(h, a, tar.p + at,
			tar.len - at < 100000 ? tar.len - at : 100000, true);
}

/*
 * Directories of which the entry, and what is in them, are in different
 * segments; then a large content; then the end, by itself or not. ${changed}:
 * the directory whose file has another text, DIRS: none.
 */
static void make(struct rel_home *h, struct rel_artifact *a, int changed,
	char in_large, bool end_alone)
{
	struct rel_buf tar = REL_BUF_INIT;

	*a = (struct rel_artifact){ 0 };
	for (int i = 0; i < DIRS; i++) {
		char path[64];

		snprintf(path, sizeof(path), "d%02d", i);
		put(&tar, REL_DIR, path, "");
		snprintf(path, sizeof(path), "d%02d/deep", i);
		put(&tar, REL_DIR, path, "");
		chunk(h, a, tar.p, tar.len, false);
		rel_buf_reset(&tar);
		snprintf(path, sizeof(path), "d%02d/deep/file", i);
		put(&tar, REL_FILE, path, i == changed ? "new" : path);
		snprintf(path, sizeof(path), "d%02d/run", i);
		put(&tar, REL_FILE, path, path);
	}
	chunk(h, a, tar.p, tar.len, false);
	rel_buf_reset(&tar);
	put_large(h, a, in_large);
	put(&tar, REL_FILE, "z", "last");
	if (end_alone) {
		chunk(h, a, tar.p, tar.len, false);
		rel_buf_reset(&tar);
	}
	rel_buf_add(&tar, zeros, sizeof(zeros));
	chunk(h, a, tar.p, tar.len, false);
	rel_buf_free(&tar);
	a->packed.artifact = rel_sha256(
		a->packed.chunks, a->packed.n * sizeof(*a->packed.chunks));
	a->packed.entries = DIRS * 4 + 4;
}

static int new_dir(void **state, const char *name)
{
	REL_AUTO(rel_freep)
	char *path = rel_printf("%s/%s", (const char *)*state, name);
	struct rel_err err = REL_ERR_INIT;
	int fd;

	assert_int_equal(rel_open_dir(AT_FDCWD, path, 0700, &fd, &err), 0);
	return fd;
}

static int same_entry(int a, int b, const char *path)
{
	struct stat x, y;

	assert_int_equal(fstatat(a, path, &x, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(fstatat(b, path, &y, AT_SYMLINK_NOFOLLOW), 0);
	if (x.st_mode != y.st_mode || x.st_mtime != y.st_mtime)
		fail_msg("%s: mode %o, %o, time %lld, %lld", path, x.st_mode,
			y.st_mode, (long long)x.st_mtime,
			(long long)y.st_mtime);
	return x.st_ino == y.st_ino;
}

/* What one reader makes of it. */
static void unpack_plainly(
	struct rel_home *h, const struct rel_artifact *a, int dirfd)
{
	REL_AUTO(rel_reader_closep) struct rel_reader *r = NULL;
	struct rel_unpack how = { .mtime_s = MTIME };
	struct rel_artifact_stream stream;
	struct rel_err err = REL_ERR_INIT;

	rel_artifact_stream_open(&stream, h, a);
	assert_int_equal(rel_reader_open(rel_artifact_stream_next, &stream,
				 REL_EINTEGRITY, &r, &err),
		0);
	if (rel_unpack(r, dirfd, &how, &err) < 0)
		fail_msg("%s", err.msg);
	rel_artifact_stream_done(&stream);
}

static void test_it_is_what_one_reader_makes_of_it(void **state)
{
	for (int end_alone = 0; end_alone < 2; end_alone++) {
		REL_AUTO(home_done) struct rel_home *h = home_at(state);
		REL_AUTO(rel_artifact_done) struct rel_artifact a = { 0 };
		REL_AUTO(rel_buf_free) struct rel_buf index = REL_BUF_INIT;
		REL_AUTO(rel_buf_free) struct rel_buf again = REL_BUF_INIT;
		REL_AUTO(rel_closep)
		int one = new_dir(state, end_alone ? "1" : "2");
		REL_AUTO(rel_closep)
		int many = new_dir(state, end_alone ? "3" : "4");
		struct rel_err err = REL_ERR_INIT;
		struct rel_index ix;
		struct rel_entry e;
		bool more = true;
		mode_t mask = umask(077);

		make(h, &a, DIRS, 'x', end_alone);
		unpack_plainly(h, &a, one);
		if (rel_segments_unpack(
			    h, &a, many, MTIME, NULL, &index, &err) < 0)
			fail_msg("%s", err.msg);
		assert_int_equal(umask(mask), 077);
		assert_int_equal(rel_tree_check(one, index.p, index.len,
					 REL_TREE_FULL, &err),
			0);
		assert_int_equal(rel_tree_check(many, index.p, index.len,
					 REL_TREE_FULL, &err),
			0);
		assert_int_equal(
			rel_index_open(&ix, index.p, index.len, &err), 0);
		while (rel_index_next(&ix, &e, NULL, &more, &err) == 0 && more)
			assert_false(same_entry(one, many, e.path));
		assert_int_equal(ix.count, DIRS * 4 + 4);
		rel_index_done(&ix);
		same_entry(one, many, ".");
		/* The index alone is the same. */
		assert_int_equal(rel_home_index(h, &a, &again, &err), 0);
		assert_string_equal(again.p, index.p);
	}
}

static void test_the_index_names_the_chunk_that_each_entry_begins_in(
	void **state)
{
	REL_AUTO(home_done) struct rel_home *h = home_at(state);
	REL_AUTO(rel_artifact_done) struct rel_artifact a = { 0 };
	REL_AUTO(rel_buf_free) struct rel_buf index = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;
	struct rel_index ix;
	struct rel_entry e;
	bool more = true;

	make(h, &a, DIRS, 'x', true);
	assert_int_equal(rel_home_index(h, &a, &index, &err), 0);
	assert_int_equal(rel_index_open(&ix, index.p, index.len, &err), 0);
	for (int i = 0; i < DIRS * 4 + 4; i++) {
		size_t at = (size_t)(i + 2) / 4;

		assert_int_equal(rel_index_next(&ix, &e, NULL, &more, &err), 0);
		assert_true(more);
		if (i >= DIRS * 4)
			at = strcmp(e.path, "z") ? DIRS + 1 : a.packed.n - 2;
		if (!rel_id_equal(&ix.chunk, &a.packed.chunks[at].name))
			fail_msg("'%s'", e.path);
	}
	rel_index_done(&ix);
}

/* ---- what must not become a tree ---- */

static void swap(struct rel_artifact *a)
{
	struct rel_chunk_ref c = a->packed.chunks[1];

	a->packed.chunks[1] = a->packed.chunks[2];
	a->packed.chunks[2] = c;
}

static void twice(struct rel_artifact *a)
{
	a->packed.chunks[2] = a->packed.chunks[1];
}

static void no_parent(struct rel_artifact *a)
{
	memmove(a->packed.chunks, a->packed.chunks + 1,
		--a->packed.n * sizeof(*a->packed.chunks));
}

static void no_end(struct rel_artifact *a)
{
	a->packed.n--;
}

static void two_ends(struct rel_artifact *a)
{
	a->packed.chunks[5] = a->packed.chunks[a->packed.n - 1];
}

static void half_a_content(struct rel_artifact *a)
{
	a->packed.chunks[a->packed.n - 3] = a->packed.chunks[a->packed.n - 2];
	a->packed.chunks[a->packed.n - 2] = a->packed.chunks[a->packed.n - 1];
	a->packed.n--;
}

static void pieces_as_headers(struct rel_artifact *a)
{
	for (size_t i = 0; i < a->packed.n; i++)
		a->packed.chunks[i].data = false;
}

static void missing(struct rel_artifact *a)
{
	a->packed.chunks[7].name.b[0] ^= 1;
}

static void nothing(struct rel_artifact *a)
{
	a->packed.n = 0;
}

static void test_what_is_no_artifact_is_an_error(void **state)
{
	static void (*const spoils[])(struct rel_artifact * a) = { swap, twice,
		no_parent, no_end, two_ends, half_a_content, pieces_as_headers,
		missing, nothing };

	for (size_t i = 0; i < sizeof(spoils) / sizeof(*spoils); i++) {
		REL_AUTO(home_done) struct rel_home *h = home_at(state);
		REL_AUTO(rel_artifact_done) struct rel_artifact a = { 0 };
		REL_AUTO(rel_buf_free) struct rel_buf index = REL_BUF_INIT;
		REL_AUTO(rel_freep) char *name = rel_printf("%zu", i);
		REL_AUTO(rel_closep) int fd = new_dir(state, name);
		struct rel_err err = REL_ERR_INIT;

		make(h, &a, DIRS, 'x', true);
		spoils[i](&a);
		if (rel_segments_unpack(h, &a, fd, MTIME, NULL, &index, &err) !=
			-REL_EINTEGRITY)
			fail_msg("%zu: %s", i, err.msg);
		assert_int_equal(err.code, REL_EINTEGRITY);
		assert_int_equal(
			rel_home_index(h, &a, &index, &err), -REL_EINTEGRITY);
	}
}

/* ---- an older tree ---- */

static int unpacked(struct rel_home *h, struct rel_artifact *a, int64_t mtime_s,
	const struct rel_id *older)
{
	struct rel_err err = REL_ERR_INIT;
	struct rel_id file;
	int fd = -1;

	assert_int_equal(rel_artifact_save(h, a, &file, &err), 0);
	if (rel_home_tree(h, &a->packed.artifact, mtime_s, older, &fd, &err) <
		0)
		fail_msg("%s", err.msg);
	return fd;
}

static void assert_right(struct rel_home *h, const struct rel_artifact *a,
	const char *want, int fd)
{
	REL_AUTO(rel_buf_free) struct rel_buf index = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;

	assert_int_equal(
		rel_tree_index(h->store, &a->packed.artifact, &index, &err), 0);
	assert_string_equal(index.p, want);
	if (rel_tree_check(fd, want, strlen(want), REL_TREE_FULL, &err) < 0)
		fail_msg("%s", err.msg);
}

static bool is_linked(int a, int b, const char *path)
{
	struct stat x, y;

	assert_int_equal(fstatat(a, path, &x, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(fstatat(b, path, &y, AT_SYMLINK_NOFOLLOW), 0);
	return x.st_ino == y.st_ino;
}

static void test_an_older_tree_is_shared(void **state)
{
	REL_AUTO(home_done) struct rel_home *h = home_at(state);
	REL_AUTO(rel_artifact_done) struct rel_artifact a = { 0 }, b = { 0 };
	REL_AUTO(rel_closep) int first = -1;
	REL_AUTO(rel_closep) int second = -1;
	REL_AUTO(rel_buf_free) struct rel_buf want = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;
	struct stat st;

	make(h, &a, DIRS, 'x', false);
	make(h, &b, 20, 'y', false);
	first = unpacked(h, &a, MTIME, NULL);
	assert_int_equal(rel_home_index(h, &b, &want, &err), 0);
	/* A chunk of what did not change is not even opened. */
	assert_int_equal(
		rel_chunk_drop(h->store, &b.packed.chunks[0].name, &err), 0);
	second = unpacked(h, &b, 99, &a.packed.artifact);
	assert_right(h, &b, want.p, second);
	assert_true(is_linked(first, second, "d00/run"));
	assert_true(is_linked(first, second, "d39/deep/file"));
	assert_true(is_linked(first, second, "z"));
	/* In the segment that changed, but the same. */
	assert_true(is_linked(first, second, "d20/run"));
	assert_false(is_linked(first, second, "d20/deep/file"));
	/* Its header's chunk is the same, and a piece of it is not. */
	assert_false(is_linked(first, second, "l/large"));
	assert_int_equal(fstatat(second, "d00/run", &st, 0), 0);
	assert_int_equal(st.st_mtime, MTIME);
	assert_int_equal(fstatat(second, "d00", &st, 0), 0);
	assert_int_equal(st.st_mtime, 99);
}

static void test_what_can_not_be_linked_is_written(void **state)
{
	REL_AUTO(home_done) struct rel_home *h = home_at(state);
	REL_AUTO(rel_artifact_done) struct rel_artifact a = { 0 }, b = { 0 };
	REL_AUTO(rel_older_freep) struct rel_older *older = NULL;
	REL_AUTO(rel_buf_free) struct rel_buf index = REL_BUF_INIT;
	REL_AUTO(rel_closep) int first = -1;
	REL_AUTO(rel_closep) int second = new_dir(state, "second");
	struct rel_err err = REL_ERR_INIT;

	make(h, &a, DIRS, 'x', false);
	make(h, &b, 20, 'y', false);
	first = unpacked(h, &a, MTIME, NULL);
	rel_older_load(h, &a.packed.artifact, &older);
	assert_non_null(older);
	/* Behind its back. */
	for (int i = 0; i < DIRS; i += 3) {
		char path[64];

		snprintf(path, sizeof(path), "d%02d", i);
		assert_int_equal(fchmodat(first, path, 0755, 0), 0);
		snprintf(path, sizeof(path), "d%02d/run", i);
		assert_int_equal(unlinkat(first, path, 0), 0);
	}
	if (rel_segments_unpack(h, &b, second, 99, older, &index, &err) < 0)
		fail_msg("%s", err.msg);
	if (rel_tree_check(second, index.p, index.len, REL_TREE_FULL, &err) < 0)
		fail_msg("%s", err.msg);
}

static void test_a_changed_file_does_not_spread(void **state)
{
	REL_AUTO(home_done) struct rel_home *h = home_at(state);
	REL_AUTO(rel_artifact_done) struct rel_artifact a = { 0 }, b = { 0 };
	REL_AUTO(rel_closep) int first = -1;
	REL_AUTO(rel_closep) int second = -1;
	REL_AUTO(rel_closep) int file = -1;
	REL_AUTO(rel_buf_free) struct rel_buf want = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;

	make(h, &a, DIRS, 'x', false);
	make(h, &b, 20, 'x', false);
	assert_int_equal(rel_home_index(h, &b, &want, &err), 0);
	first = unpacked(h, &a, MTIME, NULL);
	assert_int_equal(fchmodat(first, "z", 0644, 0), 0);
	file = openat(first, "z", O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_int_equal(write(file, "+", 1), 1);
	assert_int_equal(fchmodat(first, "z", 0444, 0), 0);
	second = unpacked(h, &b, 99, &a.packed.artifact);
	assert_right(h, &b, want.p, second);
	assert_false(is_linked(first, second, "z"));
	assert_false(is_linked(first, second, "d00/run"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(test_it_is_what_one_reader_makes_of_it),
		scratch_test(
			test_the_index_names_the_chunk_that_each_entry_begins_in),
		scratch_test(test_what_is_no_artifact_is_an_error),
		scratch_test(test_an_older_tree_is_shared),
		scratch_test(test_what_can_not_be_linked_is_written),
		scratch_test(test_a_changed_file_does_not_spread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
