/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the packer makes, against a model that is written here from
 * docs/formats.md: the whole tar in one buffer, the cuts found afterwards.
 */
#include "pack/pack.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/vec.h"
#include "crypto/digest.h"
#include "rel_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

/* ---- random numbers that are the same everywhere ---- */

static uint64_t state_of_random;

static uint32_t any(uint32_t below)
{
	uint64_t x = state_of_random;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	state_of_random = x;
	return (uint32_t)((x >> 11) % below);
}

/* ---- lists of members ---- */

struct member {
	enum rel_entry_type type;
	bool executable;
	char *path, *target;
	size_t size;
};

struct list {
	REL_VEC(struct member) members;
};

static void list_free(struct list *l)
{
	for (size_t i = 0; i < l->members.n; i++) {
		free(l->members.v[i].path);
		free(l->members.v[i].target);
	}
	rel_vec_free(&l->members);
}

static void add(struct list *l, enum rel_entry_type type, const char *path,
	const char *target, size_t size)
{
	struct member m = {
		.type = type,
		.executable = type == REL_FILE && size % 3 == 0,
		.path = rel_strdup(path),
		.target = rel_strdup(target),
		.size = size,
	};

	rel_vec_push(&l->members, m);
}

static struct rel_entry entry_of(const struct member *m)
{
	return (struct rel_entry){
		.type = m->type,
		.executable = m->executable,
		.path = m->path,
		.path_len = strlen(m->path),
		.target = m->target,
		.target_len = strlen(m->target),
		.size = m->type == REL_FILE ? m->size : 0,
	};
}

static void add_content(struct rel_buf *b, size_t member, size_t size)
{
	char *to = rel_buf_room(b, size);

	for (size_t i = 0; i < size; i++)
		to[i] = (char)((i >> 6) * 31 + member * 7 + (i & 3));
	b->len += size;
}

/* ---- the model ---- */

struct piece {
	size_t size;
	bool data;
};

struct model {
	struct rel_buf tar;
	REL_VEC(struct piece) pieces;
};

static void model_free(struct model *m)
{
	rel_buf_free(&m->tar);
	rel_vec_free(&m->pieces);
}

static void zeros_to_block(struct rel_buf *b)
{
	static const char zeros[512];

	rel_buf_add(b, zeros, (512 - b->len % 512) % 512);
}

static void model_block(struct rel_buf *out, const char *name, size_t name_len,
	unsigned mode, size_t size, char type, const char *link)
{
	char b[512] = { 0 };
	size_t link_len = strlen(link);
	unsigned sum = 0;

	memcpy(b, name, name_len > 100 ? 100 : name_len);
	snprintf(b + 100, 8, "%07o", mode);
	snprintf(b + 108, 8, "0000000");
	snprintf(b + 116, 8, "0000000");
	snprintf(b + 124, 12, "%011zo", size);
	snprintf(b + 136, 12, "02263523001");
	memset(b + 148, ' ', 8);
	b[156] = type;
	memcpy(b + 157, link, link_len > 100 ? 100 : link_len);
	memcpy(b + 257, "ustar", 6);
	memcpy(b + 263, "00", 2);
	snprintf(b + 329, 8, "0000000");
	snprintf(b + 337, 8, "0000000");
	for (size_t i = 0; i < 512; i++)
		sum += (unsigned char)b[i];
	snprintf(b + 148, 7, "%06o", sum);
	rel_buf_add(out, b, 512);
}

static void model_record(struct rel_buf *out, const char *key, const char *v)
{
	size_t len = 0;
	char *text = NULL;

	/* The one length that is the length of the text with it. */
	do {
		free(text);
		text = rel_printf("%zu %s=%s\n", ++len, key, v);
	} while (strlen(text) != len);
	rel_buf_adds(out, text);
	free(text);
}

static void model_header(struct rel_buf *out, const struct member *m)
{
	REL_AUTO(rel_freep)
	char *path = rel_printf("%s%s", m->path, m->type == REL_DIR ? "/" : "");
	struct rel_buf records = REL_BUF_INIT;
	const char *target = m->type == REL_LINK ? m->target : "";

	if (strlen(path) > 100)
		model_record(&records, "path", path);
	if (strlen(target) > 100)
		model_record(&records, "linkpath", target);
	if (records.len) {
		model_block(
			out, "././@PaxHeader", 14, 0644, records.len, 'x', "");
		rel_buf_add(out, records.p, records.len);
		zeros_to_block(out);
	}
	rel_buf_free(&records);
	if (m->type == REL_DIR)
		model_block(out, path, strlen(path), 0755, 0, '5', "");
	else if (m->type == REL_LINK)
		model_block(out, path, strlen(path), 0777, 0, '2', target);
	else
		model_block(out, path, strlen(path),
			m->executable ? 0755 : 0644, m->size, '0', "");
}

static void piece(struct model *m, size_t size, bool data)
{
	struct piece p = { size, data };

	if (size)
		rel_vec_push(&m->pieces, p);
}

/* The probability that a member ends a chunk, by its path alone. */
static bool hash_cuts(const struct member *m, size_t size)
{
	REL_AUTO(rel_freep)
	char *path = rel_printf("%s%s", m->path, m->type == REL_DIR ? "/" : "");
	struct rel_id id = rel_sha256(path, strlen(path));
	char hex[9] = { 0 };

	memcpy(hex, rel_id_hex(&id).s, 8);
	/* Whole numbers below 2^53: exact. */
	return (double)strtoul(hex, NULL, 16) * 98304.0 <
	       (double)size * 4294967296.0;
}

static void model_make(struct model *m, const struct list *l)
{
	size_t open = 0;

	for (size_t i = 0; i < l->members.n; i++) {
		const struct member *x = &l->members.v[i];
		size_t start = m->tar.len, header, size;

		model_header(&m->tar, x);
		header = m->tar.len - start;
		if (x->type == REL_FILE)
			add_content(&m->tar, i, x->size);
		zeros_to_block(&m->tar);
		size = m->tar.len - start;
		if (x->type == REL_FILE && x->size > 65536) {
			piece(m, open + header, false);
			open = 0;
			for (size_t left = size - header; left > 0;) {
				size_t n = left;

				/* Padding never makes a piece of its own. */
				if (n > 524288)
					n = 524288;
				piece(m, n, true);
				left -= n;
			}
			continue;
		}
		if (open + size > 524288) {
			piece(m, open, false);
			open = 0;
		}
		open += size;
		if (open >= 32768 && hash_cuts(x, size)) {
			piece(m, open, false);
			open = 0;
		}
	}
	for (int i = 0; i < 1024; i++)
		rel_buf_addc(&m->tar, 0);
	piece(m, open + 1024, false);
}

/* ---- the packer, and what it gave ---- */

struct got {
	struct rel_buf tar; /* the chunks, unpacked */
	REL_VEC(struct rel_chunk_ref) refs;
	REL_VEC(struct rel_buf) frames;
	size_t fail_at; /* the sink fails at this chunk, 0: never */
	struct rel_pool *pool;
	struct rel_chunk_store store;
};

static void got_free(struct got *g)
{
	rel_buf_free(&g->tar);
	rel_vec_free(&g->refs);
	for (size_t i = 0; i < g->frames.n; i++)
		rel_buf_free(&g->frames.v[i]);
	rel_vec_free(&g->frames);
	rel_pool_endp(&g->pool);
}

static int sink(void *arg, const struct rel_chunk_ref *ref, const void *frame,
	struct rel_err *err)
{
	struct got *g = arg;
	struct rel_id name = rel_sha256(frame, ref->packed);
	char *to = rel_buf_room(&g->tar, ref->size);

	rel_vec_push(&g->refs, *ref);
	if (g->refs.n == g->fail_at)
		return rel_fail(err, REL_EBUSY, "the sink is full");
	assert_true(rel_id_equal(&name, &ref->name));
	assert_int_equal(
		ZSTD_findFrameCompressedSize(frame, ref->packed), ref->packed);
	assert_int_equal(
		ZSTD_getFrameContentSize(frame, ref->packed), ref->size);
	/* The frame has a checksum: bit 2 of its descriptor. */
	assert_true(((const unsigned char *)frame)[4] & 4);
	assert_int_equal(
		ZSTD_decompress(to, ref->size, frame, ref->packed), ref->size);
	g->tar.len += ref->size;
	rel_vec_push(&g->frames, ((struct rel_buf)REL_BUF_INIT));
	rel_buf_add(&g->frames.v[g->frames.n - 1], frame, ref->packed);
	return 0;
}

/* A packer with three workers, whose chunks come to ${g} in order. */
static void begin(struct got *g, struct rel_pack **ret)
{
	rel_pool_begin(3, &g->pool);
	g->store = (struct rel_chunk_store){ .order = sink, .arg = g };
	rel_pack_begin(g->pool, &g->store, ret);
}

/* Give a member to the packer, its content in pieces of up to ${step} bytes. */
static int pack_member(struct rel_pack *p, const struct list *l, size_t i,
	uint32_t step, struct rel_err *err)
{
	REL_AUTO(rel_buf_free) struct rel_buf content = REL_BUF_INIT;
	const struct member *m = &l->members.v[i];
	struct rel_entry e = entry_of(m);
	bool external;
	int r = rel_pack_entry(p, &e, false, &external, err);

	assert_false(external);
	if (r < 0 || m->type != REL_FILE)
		return r;
	add_content(&content, i, m->size);
	for (size_t at = 0; r == 0 && at < m->size;) {
		size_t n = step ? 1 + any(step) : m->size;

		if (n > m->size - at)
			n = m->size - at;
		r = rel_pack_data(p, content.p + at, n, err);
		at += n;
	}
	return r;
}

static int run_pack(const struct list *l, uint32_t step, struct got *g,
	struct rel_packed *ret, struct rel_err *err)
{
	REL_AUTO(rel_pack_freep) struct rel_pack *p = NULL;
	int r = 0;

	begin(g, &p);
	for (size_t i = 0; r == 0 && i < l->members.n; i++)
		r = pack_member(p, l, i, step, err);
	return r < 0 ? r : rel_pack_end(p, ret, err);
}

static void assert_as_model(const struct list *l, uint32_t step)
{
	REL_AUTO(rel_packed_done) struct rel_packed packed = { 0 };
	REL_AUTO(model_free) struct model m = { 0 };
	REL_AUTO(got_free) struct got g = { 0 };
	struct rel_err err = REL_ERR_INIT;
	struct rel_id id;

	model_make(&m, l);
	if (run_pack(l, step, &g, &packed, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(packed.n, g.refs.n);
	assert_int_equal(packed.n, m.pieces.n);
	for (size_t i = 0; i < packed.n; i++) {
		if (packed.chunks[i].size != m.pieces.v[i].size)
			fail_msg("chunk %zu of %zu has %u bytes, not %zu", i,
				packed.n, packed.chunks[i].size,
				m.pieces.v[i].size);
		assert_int_equal(packed.chunks[i].data, m.pieces.v[i].data);
		assert_true(rel_id_equal(
			&packed.chunks[i].name, &g.refs.v[i].name));
		assert_int_equal(packed.chunks[i].packed, g.refs.v[i].packed);
		assert_true(packed.chunks[i].size <= REL_CHUNK_LIMIT);
	}
	assert_int_equal(packed.size, m.tar.len);
	assert_int_equal(packed.entries, l->members.n);
	assert_int_equal(g.tar.len, m.tar.len);
	assert_memory_equal(g.tar.p, m.tar.p, m.tar.len);
	id = rel_sha256(m.tar.p, m.tar.len);
	assert_true(rel_id_equal(&packed.artifact, &id));
}

/* ---- the tests ---- */

static void add_word(struct rel_buf *b, uint32_t longest)
{
	for (uint32_t n = any(longest + 1); n > 0; n--)
		rel_buf_addc(b, (char)('a' + any(26)));
}

static size_t any_size(void)
{
	static const size_t edges[] = { 0, 1, 511, 512, 513, 65023, 65024,
		65535, 65536, 65537, 66048 };
	static const size_t large[] = { 524287, 524288, 524289, 1048576,
		1048577, 600000, 131072, 200001 };
	uint32_t roll = any(100);

	if (roll < 55)
		return any(3000);
	if (roll < 80)
		return 3000 + any(37000);
	if (roll < 92)
		return edges[any(sizeof(edges) / sizeof(*edges))];
	if (roll < 98)
		return 65000 + any(60000);
	return large[any(sizeof(large) / sizeof(*large))];
}

/* The number at the front keeps the order, whatever follows it. */
static void grow(struct list *l, const char *dir, int depth)
{
	uint32_t count = 1 + any(depth ? 12 : 40);

	for (uint32_t i = 0; i < count; i++) {
		REL_AUTO(rel_buf_free) struct rel_buf path = REL_BUF_INIT;
		REL_AUTO(rel_buf_free) struct rel_buf target = REL_BUF_INIT;
		uint32_t roll = any(100);

		rel_buf_addf(&path, "%s%s%03u", dir, *dir ? "/" : "", i);
		add_word(&path, roll % 7 ? 12 : 120);
		if (roll < 12 && depth < 5) {
			add(l, REL_DIR, path.p, "", 0);
			grow(l, path.p, depth + 1);
		} else if (roll < 22) {
			rel_buf_addc(&target, 't');
			add_word(&target, 140);
			add(l, REL_LINK, path.p, target.p, 0);
		} else {
			add(l, REL_FILE, path.p, "", any_size());
		}
	}
}

static void test_random_lists_are_cut_as_the_model_says(void **state)
{
	static const uint32_t steps[] = { 0, 100000, 5000, 600000 };

	(void)state;
	for (uint32_t seed = 1; seed <= 200; seed++) {
		REL_AUTO(list_free) struct list l = { 0 };

		state_of_random = seed * UINT64_C(0x9e3779b97f4a7c15);
		grow(&l, "", 0);
		assert_as_model(&l, steps[seed % 4]);
	}
}

static void test_the_empty_tree_is_two_blocks(void **state)
{
	REL_AUTO(rel_packed_done) struct rel_packed p = { 0 };
	REL_AUTO(list_free) struct list l = { 0 };
	REL_AUTO(got_free) struct got g = { 0 };
	struct rel_err err = REL_ERR_INIT;

	(void)state;
	assert_as_model(&l, 0);
	assert_int_equal(run_pack(&l, 0, &g, &p, &err), 0);
	assert_int_equal(p.n, 1);
	assert_int_equal(p.size, 1024);
	/* sha256sum of 1,024 zero bytes */
	assert_string_equal(rel_id_hex(&p.artifact).s,
		"5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6"
		"ef");
}

/* A path that ends no chunk when its member has ${size} bytes, or that does. */
static char *path_that(bool cuts, int number, size_t size)
{
	for (int i = 0;; i++) {
		struct member m = { .type = REL_FILE };
		char *path = rel_printf("%03d-%d", number, i);

		m.path = path;
		if (hash_cuts(&m, size) == cuts)
			return path;
		free(path);
	}
}

static void add_that(struct list *l, bool cuts, int number, size_t content)
{
	size_t member = 512 + (content + 511) / 512 * 512;
	/* What is larger has no say. */
	REL_AUTO(rel_freep)
	char *path = content > 65536 ? rel_printf("%03d", number)
				     : path_that(cuts, number, member);

	add(l, REL_FILE, path, "", content);
}

/* Pack and say the sizes of the chunks, "+" at those with data alone. */
static char *sizes_of(const struct list *l)
{
	REL_AUTO(rel_packed_done) struct rel_packed p = { 0 };
	REL_AUTO(got_free) struct got g = { 0 };
	struct rel_err err = REL_ERR_INIT;
	struct rel_buf b = REL_BUF_INIT;

	assert_int_equal(run_pack(l, 0, &g, &p, &err), 0);
	assert_as_model(l, 0);
	for (size_t i = 0; i < p.n; i++)
		rel_buf_addf(&b, "%s%u%s", i ? " " : "", p.chunks[i].size,
			p.chunks[i].data ? "+" : "");
	return rel_buf_take(&b);
}

static void assert_sizes(struct list *l, const char *want)
{
	REL_AUTO(rel_freep) char *got = sizes_of(l);

	assert_string_equal(got, want);
	list_free(l);
}

static void test_cuts_at_the_edges(void **state)
{
	struct list l = { 0 };

	(void)state;
	/* 8 members of 64 KiB fill a chunk, the ninth begins the next. */
	for (int i = 0; i < 8; i++)
		add_that(&l, false, i, 65536 - 512);
	assert_sizes(&l, "525312");
	for (int i = 0; i < 8; i++)
		add_that(&l, false, i, 65536 - 512);
	add_that(&l, false, 8, 0);
	assert_sizes(&l, "524288 1536");
	/* One block too much in all: the last goes to the next. */
	for (int i = 0; i < 8; i++)
		add_that(&l, false, i, i == 3 ? 65536 : 65536 - 512);
	assert_sizes(&l, "459264 66560");
	/* No cut by hash below 32 KiB, one at it, and the member stays. */
	add_that(&l, true, 0, 32768 - 512 - 512);
	add_that(&l, false, 1, 0);
	add_that(&l, false, 2, 0);
	assert_sizes(&l, "34304");
	add_that(&l, true, 0, 32768 - 512);
	add_that(&l, false, 1, 0);
	assert_sizes(&l, "32768 1536");
	add_that(&l, false, 0, 32768 - 1024);
	add_that(&l, true, 1, 0);
	add_that(&l, false, 2, 0);
	assert_sizes(&l, "32768 1536");
	/* A content of 64 KiB is as others are, of one byte more is not. */
	add_that(&l, false, 0, 65536);
	assert_sizes(&l, "67072");
	add_that(&l, false, 0, 100);
	add_that(&l, false, 1, 65537);
	add_that(&l, false, 2, 100);
	assert_sizes(&l, "1536 66048+ 2048");
	/* Pieces of 512 KiB, the last with its padding; none of padding. */
	add_that(&l, false, 0, 524288);
	assert_sizes(&l, "512 524288+ 1024");
	add_that(&l, false, 0, 524289);
	assert_sizes(&l, "512 524288+ 512+ 1024");
	add_that(&l, false, 0, 524287);
	assert_sizes(&l, "512 524288+ 1024");
	add_that(&l, false, 0, 1048576);
	add_that(&l, false, 1, 65537);
	assert_sizes(&l, "512 524288+ 524288+ 512 66048+ 1024");
}

static void test_a_full_chunk_takes_the_header_of_a_large_file(void **state)
{
	struct list l = { 0 };
	struct rel_buf path = REL_BUF_INIT;

	(void)state;
	for (int i = 0; i < 8; i++)
		add_that(&l, false, i, 65536 - 512);
	rel_buf_addc(&path, '9');
	while (path.len < 3990)
		rel_buf_adds(&path, path.len % 200 == 199 ? "/" : "x");
	/* Each directory of that path. */
	for (size_t i = 1; i < path.len; i++) {
		if (path.p[i] != '/')
			continue;
		path.p[i] = '\0';
		add(&l, REL_DIR, path.p, "", 0);
		path.p[i] = '/';
	}
	add(&l, REL_FILE, path.p, "", 70000);
	assert_as_model(&l, 0);
	rel_buf_free(&path);
	list_free(&l);
}

static void test_a_change_moves_no_other_cut(void **state)
{
	REL_AUTO(rel_packed_done) struct rel_packed a = { 0 }, b = { 0 };
	REL_AUTO(list_free) struct list l = { 0 };
	REL_AUTO(got_free) struct got ga = { 0 }, gb = { 0 };
	struct rel_err err = REL_ERR_INIT;
	size_t same = 0;

	(void)state;
	for (int i = 0; i < 900; i++) {
		REL_AUTO(rel_freep) char *path = rel_printf("f%03d", i);

		add(&l, REL_FILE, path, "", (size_t)(i * 37 % 5000));
	}
	assert_int_equal(run_pack(&l, 0, &ga, &a, &err), 0);
	l.members.v[450].size += 512;
	assert_int_equal(run_pack(&l, 0, &gb, &b, &err), 0);
	assert_true(a.n > 10);
	for (size_t i = 0; i < a.n; i++) {
		for (size_t k = 0; k < b.n; k++)
			same += rel_id_equal(
				&a.chunks[i].name, &b.chunks[k].name);
	}
	assert_int_equal(same, a.n - 1);
}

static void test_what_is_not_profile_1_is_not_packed(void **state)
{
	static const struct {
		enum rel_entry_type type;
		const char *path, *target;
		uint64_t size;
		const char *says;
	} bad[] = {
		{ REL_FILE, "a", "", 0, "there twice" },
		{ REL_FILE, "A", "", 0, "not in the order" },
		{ REL_FILE, "../b", "", 0, "'.' or '..'" },
		{ REL_FILE, "no/b", "", 0, "its directory has no entry" },
		{ REL_FILE, "b\n", "", 0, "control byte" },
		{ REL_FILE, "b", "", REL_MAX_FILE + 1, "more than 2 GiB" },
		{ REL_LINK, "b", "", 0, "without a target" },
		{ REL_LINK, "b", "../x", 0, "leaves the tree" },
		{ REL_LINK, "b", "/x", 0, "leaves the tree" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		REL_AUTO(got_free) struct got g = { 0 };
		REL_AUTO(rel_pack_freep) struct rel_pack *p = NULL;
		struct member m = { .type = REL_FILE, .path = NULL };
		struct rel_err err = REL_ERR_INIT;
		struct rel_entry e;
		char first[] = "a", none[] = "";
		bool external;

		m.path = first;
		m.target = none;
		e = entry_of(&m);
		begin(&g, &p);
		assert_int_equal(
			rel_pack_entry(p, &e, false, &external, &err), 0);
		e = (struct rel_entry){
			.type = bad[i].type,
			.path = bad[i].path,
			.path_len = strlen(bad[i].path),
			.target = bad[i].target,
			.target_len = strlen(bad[i].target),
			.size = bad[i].size,
		};
		assert_int_equal(rel_pack_entry(p, &e, false, &external, &err),
			-REL_EINVALID);
		if (!strstr(err.msg, bad[i].says))
			fail_msg("%zu: %s", i, err.msg);
	}
}

static void test_external_links_are_told(void **state)
{
	static const char *const targets[] = { "/etc", "../x", "y/../../x" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		REL_AUTO(got_free) struct got g = { 0 };
		REL_AUTO(rel_pack_freep) struct rel_pack *p = NULL;
		struct rel_err err = REL_ERR_INIT;
		struct rel_entry e = {
			.type = REL_LINK,
			.path = "l",
			.path_len = 1,
			.target = targets[i],
			.target_len = strlen(targets[i]),
		};
		bool external = false;

		begin(&g, &p);
		assert_int_equal(
			rel_pack_entry(p, &e, true, &external, &err), 0);
		assert_true(external);
	}
}

static void test_a_sink_that_fails_ends_it(void **state)
{
	REL_AUTO(list_free) struct list l = { 0 };
	size_t chunks;

	(void)state;
	add(&l, REL_FILE, "a", "", 100);
	add(&l, REL_FILE, "b", "", 1200000);
	add(&l, REL_FILE, "c", "", 100);
	add(&l, REL_FILE, "d", "", 70000);
	for (chunks = 1;; chunks++) {
		REL_AUTO(rel_packed_done) struct rel_packed p = { 0 };
		REL_AUTO(got_free) struct got g = { .fail_at = chunks };
		struct rel_err err = REL_ERR_INIT;

		if (run_pack(&l, 5000, &g, &p, &err) == 0)
			break;
		assert_int_equal(err.code, REL_EBUSY);
		assert_string_equal(err.msg, "the sink is full");
		assert_int_equal(g.refs.n, chunks);
	}
	/* a and b's header, 3 of b, c and d's header, 1 of d, the end */
	assert_int_equal(chunks, 7 + 1);
}

/* ---- chunks that are taken over ---- */

/* The frame of a chunk that the packer before gave. */
static int get(void *arg, const struct rel_chunk_ref *ref, struct rel_buf *out,
	struct rel_err *err)
{
	const struct got *before = arg;

	for (size_t i = 0; i < before->refs.n; i++) {
		const struct rel_buf *f = &before->frames.v[i];

		if (!rel_id_equal(&before->refs.v[i].name, &ref->name))
			continue;
		rel_buf_add(out, f->p, f->len);
		return 0;
	}
	return rel_fail(err, REL_ENOTFOUND, "no such chunk");
}

/* The chunk after the segment that begins at ${at}, and how many members begin
 * in the segment. */
static size_t segment_end(
	const struct rel_packed *packed, size_t at, size_t *ret_members)
{
	*ret_members = packed->chunks[at].entries;
	do
		at++;
	while (at < packed->n && packed->chunks[at].data);
	return at;
}

/* Some segments are taken over, the others packed again: nothing may tell. */
static void pack_some_again(const struct list *l, struct got *before,
	const struct rel_packed *packed)
{
	REL_AUTO(rel_packed_done) struct rel_packed again = { 0 };
	REL_AUTO(rel_pool_endp) struct rel_pool *pool = NULL;
	REL_AUTO(rel_pack_freep) struct rel_pack *p = NULL;
	const struct rel_chunk_store store = { .get = get, .arg = before };
	struct rel_err err = REL_ERR_INIT;
	size_t member = 0, members;

	rel_pool_begin(1 + any(3), &pool);
	rel_pack_begin(pool, &store, &p);
	for (size_t at = 0, end; at < packed->n; at = end) {
		end = segment_end(packed, at, &members);
		/* A chunk that ended because the next member did not fit in it
		 * is still open here: then that member has to be packed. */
		if (rel_pack_is_between(p) && any(2)) {
			assert_int_equal(
				rel_pack_keep(p, &packed->chunks[at], end - at,
					end == packed->n, &err),
				0);
		} else {
			for (size_t i = 0; i < members; i++)
				assert_int_equal(
					pack_member(p, l, member + i, 0, &err),
					0);
		}
		member += members;
	}
	assert_int_equal(rel_pack_end(p, &again, &err), 0);
	assert_true(rel_id_equal(&again.artifact, &packed->artifact));
	assert_int_equal(again.entries, packed->entries);
	assert_int_equal(again.size, packed->size);
	assert_int_equal(again.n, packed->n);
	for (size_t i = 0; i < again.n; i++) {
		const struct rel_chunk_ref *a = &again.chunks[i];
		const struct rel_chunk_ref *b = &packed->chunks[i];

		assert_true(rel_id_equal(&a->name, &b->name));
		assert_int_equal(a->size, b->size);
		assert_int_equal(a->packed, b->packed);
		assert_int_equal(a->data, b->data);
		assert_int_equal(a->entries, b->entries);
		if (a->first || b->first)
			assert_string_equal(a->first, b->first);
	}
}

static void test_what_is_taken_over_does_not_show(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		REL_AUTO(list_free) struct list l = { 0 };
		REL_AUTO(rel_packed_done) struct rel_packed packed = { 0 };
		REL_AUTO(got_free) struct got g = { 0 };
		struct rel_err err = REL_ERR_INIT;

		state_of_random = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
		grow(&l, "", 0);
		assert_int_equal(run_pack(&l, 0, &g, &packed, &err), 0);
		for (unsigned j = 0; j < 4; j++)
			pack_some_again(&l, &g, &packed);
	}
}

static void test_a_chunk_that_cannot_be_had_ends_it(void **state)
{
	REL_AUTO(list_free) struct list l = { 0 };
	REL_AUTO(rel_packed_done) struct rel_packed packed = { 0 };
	REL_AUTO(rel_packed_done) struct rel_packed none = { 0 };
	REL_AUTO(got_free) struct got g = { 0 };
	REL_AUTO(rel_pool_endp) struct rel_pool *pool = NULL;
	REL_AUTO(rel_pack_freep) struct rel_pack *p = NULL;
	const struct rel_chunk_store store = { .get = get, .arg = &g };
	struct rel_err err = REL_ERR_INIT;
	int r;

	(void)state;
	add(&l, REL_FILE, "a", "", 100);
	add(&l, REL_FILE, "b", "", 70000);
	assert_int_equal(run_pack(&l, 0, &g, &packed, &err), 0);
	packed.chunks[1].name.b[0] ^= 1;
	rel_pool_begin(2, &pool);
	rel_pack_begin(pool, &store, &p);
	r = rel_pack_keep(p, packed.chunks, packed.n, true, &err);
	if (r == 0)
		r = rel_pack_end(p, &none, &err);
	assert_int_equal(r, -REL_ENOTFOUND);
	assert_string_equal(err.msg, "no such chunk");
}

/* ---- the record ---- */

static void pack_three(struct rel_packed *p)
{
	REL_AUTO(list_free) struct list l = { 0 };
	REL_AUTO(got_free) struct got g = { 0 };
	struct rel_err err = REL_ERR_INIT;

	add(&l, REL_FILE, "a", "", 100);
	add(&l, REL_FILE, "b", "", 70000);
	assert_int_equal(run_pack(&l, 0, &g, p, &err), 0);
	assert_int_equal(p->n, 3);
}

static void test_the_record_there_and_back(void **state)
{
	REL_AUTO(rel_packed_done) struct rel_packed p = { 0 }, back = { 0 };
	REL_AUTO(rel_buf_free) struct rel_buf b = REL_BUF_INIT;
	REL_AUTO(rel_buf_free) struct rel_buf again = REL_BUF_INIT;
	REL_AUTO(rel_json_freep) struct json_t *j = NULL;
	REL_AUTO(rel_json_freep) struct json_t *parsed = NULL;
	REL_AUTO(rel_json_freep) struct json_t *second = NULL;
	REL_AUTO(rel_freep) char *want = NULL;
	struct rel_err err = REL_ERR_INIT;

	(void)state;
	pack_three(&p);
	p.chunks[0].notes = true;
	j = rel_packed_to_json(&p);
	rel_json_format(j, &b);
	want = rel_printf("{\"artifact\":\"sha256:%s\",\"chunks\":"
			  "[[\"%s\",1536,%u,\"a\",2,1],[\"%s\",70144,%u,1],"
			  "[\"%s\",1024,%u,\"\",0]],\"entries\":2,"
			  "\"size\":72704}",
		rel_id_hex(&p.artifact).s, rel_id_hex(&p.chunks[0].name).s,
		p.chunks[0].packed, rel_id_hex(&p.chunks[1].name).s,
		p.chunks[1].packed, rel_id_hex(&p.chunks[2].name).s,
		p.chunks[2].packed);
	assert_string_equal(b.p, want);
	assert_int_equal(
		rel_json_parse_canonical(b.p, b.len, &parsed, &err), 0);
	assert_int_equal(rel_packed_from_json(parsed, &back, &err), 0);
	assert_true(rel_id_equal(&back.artifact, &p.artifact));
	assert_int_equal(back.n, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_true(
			rel_id_equal(&back.chunks[i].name, &p.chunks[i].name));
		assert_int_equal(back.chunks[i].size, p.chunks[i].size);
		assert_int_equal(back.chunks[i].packed, p.chunks[i].packed);
		assert_int_equal(back.chunks[i].data, p.chunks[i].data);
	}
	assert_int_equal(back.size, p.size);
	assert_int_equal(back.entries, 2);
	second = rel_packed_to_json(&back);
	rel_json_format(second, &again);
	assert_string_equal(again.p, b.p);
}

#define H "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define C "[\"" H "\",1024,50]"
#define RECORD(a, c, rest) "{\"artifact\":\"" a "\",\"chunks\":" c "," rest "}"

static void test_a_record_that_is_not_one(void **state)
{
	static const char *const bad[] = {
		"{}",
		"[]",
		RECORD("sha256:" H, "null", "\"entries\":0,\"size\":1024"),
		RECORD("sha256:" H, "{}", "\"entries\":0,\"size\":1024"),
		RECORD("sha512:" H, "[" C "]", "\"entries\":0,\"size\":1024"),
		RECORD(H, "[" C "]", "\"entries\":0,\"size\":1024"),
		RECORD("sha256:", "[" C "]", "\"entries\":0,\"size\":1024"),
		RECORD("sha256:" H "0", "[" C "]",
			"\"entries\":0,\"size\":1024"),
		RECORD("sha256:" H, "[" C "]", "\"entries\":0,\"size\":1025"),
		RECORD("sha256:" H, "[" C "]", "\"entries\":0,\"size\":-1"),
		RECORD("sha256:" H, "[" C "]", "\"entries\":0"),
		RECORD("sha256:" H, "[" C "," C "]",
			"\"entries\":0,\"size\":1024"),
		RECORD("sha256:" H, "[[]]", "\"entries\":0,\"size\":0"),
		RECORD("sha256:" H, "[1]", "\"entries\":0,\"size\":1"),
		RECORD("sha256:" H, "[[\"" H "\",1024]]",
			"\"entries\":0,\"size\":1024"),
		RECORD("sha256:" H, "[[\"" H "\",1024,50,2]]",
			"\"entries\":0,\"size\":1024"),
		RECORD("sha256:" H, "[[\"" H "\",1024,50,\"1\"]]",
			"\"entries\":0,\"size\":1024"),
		RECORD("sha256:" H, "[[\"" H "\",1024,50,1,1]]",
			"\"entries\":0,\"size\":1024"),
		RECORD("sha256:" H, "[[\"" H "\",1024,50,\"a\"]]",
			"\"entries\":0,\"size\":1024"),
		RECORD("sha256:" H, "[[\"" H "\",1024,50,\"a\",-1]]",
			"\"entries\":0,\"size\":1024"),
		RECORD("sha256:" H, "[[\"" H "\",1024,50,\"a\\\\\",1]]",
			"\"entries\":0,\"size\":1024"),
		RECORD("sha256:" H, "[[\"" H "\",1024,50,\"\\\\000\",1]]",
			"\"entries\":0,\"size\":1024"),
		RECORD("sha256:" H, "[[\"" H "\",1024,50,\"a\",1,0]]",
			"\"entries\":0,\"size\":1024"),
		RECORD("sha256:" H, "[[\"" H "\",1024,50,\"a\",1,1,1]]",
			"\"entries\":0,\"size\":1024"),
		RECORD("sha256:" H, "[[\"" H "\",0,50]]",
			"\"entries\":0,\"size\":0"),
		RECORD("sha256:" H, "[[\"" H "\",-1024,50]]",
			"\"entries\":0,\"size\":-1024"),
		RECORD("sha256:" H, "[[\"" H "\",1024,0]]",
			"\"entries\":0,\"size\":1024"),
		RECORD("sha256:" H, "[[\"" H "\",589825,50]]",
			"\"entries\":0,\"size\":589825"),
		RECORD("sha256:" H, "[[\"" H "\",1024,9999999999]]",
			"\"entries\":0,\"size\":1024"),
		RECORD("sha256:" H, "[[\"" H "\",4294968320,50]]",
			"\"entries\":0,\"size\":4294968320"),
		RECORD("sha256:" H, "[[\"" H "x\",1024,50]]",
			"\"entries\":0,\"size\":1024"),
		RECORD("sha256:" H,
			"[[\"00112233445566778899AABBCCDDEEFF00112233445566778"
			"899aabbccddeeff\",1024,50]]",
			"\"entries\":0,\"size\":1024"),
	};
	static const char good[] =
		RECORD("sha256:" H, "[" C "]", "\"entries\":0,\"size\":1024");
	struct rel_err err = REL_ERR_INIT;

	(void)state;
	for (size_t i = 0; i <= sizeof(bad) / sizeof(*bad); i++) {
		REL_AUTO(rel_packed_done) struct rel_packed p = { 0 };
		REL_AUTO(rel_json_freep) struct json_t *j = NULL;
		bool last = i == sizeof(bad) / sizeof(*bad);
		const char *text = last ? good : bad[i];
		int r;

		assert_int_equal(
			rel_json_parse(text, strlen(text), &j, &err), 0);
		r = rel_packed_from_json(j, &p, &err);
		if (r != (last ? 0 : -REL_EINTEGRITY))
			fail_msg("%d for %s", r, text);
		if (!last)
			assert_null(p.chunks);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_empty_tree_is_two_blocks),
		cmocka_unit_test(test_random_lists_are_cut_as_the_model_says),
		cmocka_unit_test(test_cuts_at_the_edges),
		cmocka_unit_test(
			test_a_full_chunk_takes_the_header_of_a_large_file),
		cmocka_unit_test(test_a_change_moves_no_other_cut),
		cmocka_unit_test(test_what_is_not_profile_1_is_not_packed),
		cmocka_unit_test(test_external_links_are_told),
		cmocka_unit_test(test_a_sink_that_fails_ends_it),
		cmocka_unit_test(test_what_is_taken_over_does_not_show),
		cmocka_unit_test(test_a_chunk_that_cannot_be_had_ends_it),
		cmocka_unit_test(test_the_record_there_and_back),
		cmocka_unit_test(test_a_record_that_is_not_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
