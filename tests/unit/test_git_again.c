/* SPDX-License-Identifier: Apache-2.0 */
#include "git_fixture.h"

#include "base/pool.h"
#include "base/vec.h"

static struct rel_git *again(struct rel_git *g)
{
	struct rel_err err = REL_ERR_INIT;
	struct rel_git *ret = NULL;

	if (rel_git_again(g, &ret, &err) < 0)
		fail_msg("%s", err.msg);
	return ret;
}

static void test_a_second_handle_reads_the_same_repository(void **state)
{
	static const char *const forms[] = { "shop", "shop/.git", "bare.git",
		"borrower", "linked" };

	(void)state;
	make_shop();
	sh("git clone -q --bare shop bare.git && git clone -q --shared shop "
	   "borrower && git -C shop worktree add -q --detach ../linked");
	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		REL_AUTO(rel_git_closep)
		struct rel_git *first = open_named(forms[i]);
		REL_AUTO(rel_git_closep) struct rel_git *g = again(first);
		REL_AUTO(rel_buf_free) struct rel_buf a = REL_BUF_INIT;
		REL_AUTO(rel_buf_free) struct rel_buf b = REL_BUF_INIT;
		struct rel_err err = REL_ERR_INIT;
		size_t dirty = 9;

		assert_string_equal(rel_git_top(g), rel_git_top(first));
		rel_git_origin(first, &a);
		rel_git_origin(g, &b);
		assert_string_equal(rel_buf_str(&a), rel_buf_str(&b));
		/* The first may go before the second. */
		rel_git_closep(&first);
		assert_int_equal(read_blob(g, "lib/x/b", 9, &a, &err), 0);
		assert_string_equal(rel_buf_str(&a), "two\n");
		assert_int_equal(rel_git_dirty(g, "HEAD", &dirty, &err), 0);
		assert_int_equal(dirty, 0);
	}
}

static void test_a_second_handle_opens_what_the_first_found(void **state)
{
	struct rel_err err = REL_ERR_INIT;
	struct rel_git *first = NULL;

	(void)state;
	make_shop();
	/* What a search from lib would find now, and did not then. */
	assert_int_equal(rel_git_open("shop/lib", REL_GIT_AROUND, getuid(),
				 NOBODY, &first, &err),
		0);
	sh("git init -q shop/lib");
	REL_AUTO(rel_git_closep) struct rel_git *g = again(first);
	REL_AUTO(rel_buf_free) struct rel_buf got = REL_BUF_INIT;
	assert_int_equal(read_blob(g, "a", 9, &got, &err), 0);
	rel_git_closep(&g);
	sh("mv shop moved");
	assert_int_equal(rel_git_again(first, &g, &err), -REL_ENOTFOUND);
	assert_null(g);
	rel_git_closep(&first);
}

static void test_a_second_handle_has_the_same_hints(void **state)
{
	REL_AUTO(rel_buf_free) struct rel_buf got = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;

	(void)state;
	make_shop();
	sh("git -C shop config uploadpack.allowFilter true && git clone -q "
	   "--no-checkout --filter=blob:none file://$PWD/shop part");
	REL_AUTO(rel_git_closep) struct rel_git *first = open_named("part");
	REL_AUTO(rel_git_closep) struct rel_git *g = again(first);
	assert_int_equal(read_blob(g, "a", 9, &got, &err), -REL_ENOTFOUND);
	assert_non_null(strstr(err.hint, "partial clone: git -C '"));
	assert_non_null(strstr(err.hint, rel_git_top(first)));
}

static void test_a_tree_is_known_to_be_here(void **state)
{
	char tree[41], other[41];

	(void)state;
	make_shop();
	snprintf(tree, sizeof(tree), "%s",
		sh("git -C shop rev-parse HEAD^{tree}"));
	snprintf(other, sizeof(other), "%s",
		sh("git -C shop rev-parse HEAD:lib | tr 0-9 1-90"));
	{
		REL_AUTO(rel_git_closep) struct rel_git *g = open_named("shop");
		assert_true(rel_git_has_tree(g, tree));
		assert_false(rel_git_has_tree(g, other));
		assert_false(rel_git_has_tree(g, ""));
		assert_false(rel_git_has_tree(g, "HEAD^{tree}"));
		tree[39] = '\0';
		assert_false(rel_git_has_tree(g, tree));
	}
	sh("git -C shop repack -adq && git -C shop prune-packed");
	REL_AUTO(rel_git_closep) struct rel_git *g = open_named("shop");
	snprintf(tree, sizeof(tree), "%s",
		sh("git -C shop rev-parse HEAD~1^{tree}"));
	assert_true(rel_git_has_tree(g, tree));
}

/* Read every file of the tree, from ${start} on and round. */
struct read {
	struct rel_job job;
	struct rel_git **handles; /* by worker; made where there is none yet */
	struct rel_git *first;
	const struct rel_git_entry *files;
	size_t n, start, bytes, failed;
};

static void read_files(struct rel_job *j, unsigned worker)
{
	struct read *r = (struct read *)j;
	struct rel_err err = REL_ERR_INIT;
	REL_AUTO(rel_buf_free) struct rel_buf blob = REL_BUF_INIT;
	struct rel_git **g = &r->handles[worker];

	if (!*g && rel_git_again(r->first, g, &err) < 0) {
		r->failed++;
		return;
	}
	for (size_t i = 0; i < r->n; i++) {
		const struct rel_git_entry *e =
			&r->files[(r->start + i) % r->n];

		if (rel_git_blob(*g, e, 1 << 20, &blob, &err) < 0)
			r->failed++;
		else
			r->bytes += blob.len;
	}
}

/* 300 files whose lines are alike: most are deltas in the pack. */
static void make_similar(void)
{
	sh("git init -q r && cd r && i=0; while [ $i -lt 300 ]; do seq $i 900 "
	   ">f$i; i=$((i + 1)); done && git add -A && git commit -qm x && "
	   "git repack -adfq --depth=50 --window=10 && git prune-packed");
}

static size_t list_files(struct rel_git *g, struct rel_git_entry *ret, size_t n)
{
	REL_AUTO(rel_git_walk_endp) struct rel_git_walk *w = NULL;
	struct rel_err err = REL_ERR_INIT;
	struct rel_git_commit c;
	size_t got = 0;
	bool more = true;

	assert_int_equal(rel_git_commit(g, "HEAD", &c, &err), 0);
	assert_int_equal(rel_git_walk_begin(g, c.tree, &w, &err), 0);
	while (got < n) {
		assert_int_equal(
			rel_git_walk_next(w, &ret[got], &more, &err), 0);
		if (!more)
			break;
		ret[got++].path = "f";
	}
	return got;
}

static void read_by(unsigned width, struct rel_git *first,
	const struct rel_git_entry *files, size_t n, size_t bytes)
{
	struct rel_git *handles[16] = { NULL };
	struct rel_pool *pool = NULL;
	struct read jobs[12] = { 0 };

	rel_pool_begin(width, &pool);
	assert_int_equal(rel_pool_width(pool), width);
	for (size_t i = 0; i < 12; i++) {
		jobs[i] = (struct read){ .job.run = read_files,
			.handles = handles,
			.first = first,
			.files = files,
			.n = n,
			.start = i % 2 ? n / 2 : 0 };
		rel_pool_add(pool, &jobs[i].job);
	}
	for (size_t i = 0; i < 12; i++)
		rel_pool_wait(pool, &jobs[i].job);
	rel_pool_endp(&pool);
	for (size_t i = 0; i < 12; i++) {
		assert_int_equal(jobs[i].failed, 0);
		assert_int_equal(jobs[i].bytes, bytes);
	}
	for (size_t i = 0; i < 16; i++)
		rel_git_closep(&handles[i]);
}

static void test_threads_read_one_repository_at_once(void **state)
{
	static struct rel_git_entry files[301];
	size_t n, bytes;

	(void)state;
	make_similar();
	bytes = strtoul(sh("cat r/f* | wc -c"), NULL, 10);
	REL_AUTO(rel_git_closep) struct rel_git *g = open_named("r");
	n = list_files(g, files, 301);
	assert_int_equal(n, 300);
	read_by(1, g, files, n, bytes);
	read_by(2, g, files, n, bytes);
	read_by(8, g, files, n, bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		git_test(test_a_second_handle_reads_the_same_repository),
		git_test(test_a_second_handle_opens_what_the_first_found),
		git_test(test_a_second_handle_has_the_same_hints),
		git_test(test_a_tree_is_known_to_be_here),
		git_test(test_threads_read_one_repository_at_once),
	};

	return cmocka_run_group_tests_name("git_again", tests, NULL, NULL);
}
