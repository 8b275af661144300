/* SPDX-License-Identifier: Apache-2.0 */
#include "git_fixture.h"

#include "base/entry.h"
#include "base/vec.h"

/* Names, one a line; a subtree's with a '*' behind it. */
static int tell(void *arg, const struct rel_git_change *c, struct rel_err *err)
{
	struct rel_buf *out = arg;

	(void)err;
	assert_int_equal(c->name[c->len], '\0');
	rel_buf_add(out, c->name, c->len);
	rel_buf_adds(out, c->subtree ? "*\n" : "\n");
	return 0;
}

static int descend(const char *repo, const char *old, const char *new,
	struct rel_buf *out, struct rel_err *err)
{
	REL_AUTO(rel_git_closep) struct rel_git *g = open_named(repo);

	rel_buf_reset(out);
	return rel_git_descend(g, old, new, tell, out, err);
}

static void assert_changes(
	const char *repo, const char *old, const char *new, const char *want)
{
	REL_AUTO(rel_buf_free) struct rel_buf got = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;

	if (descend(repo, old, new, &got, &err) < 0)
		fail_msg("%s", err.msg);
	assert_string_equal(rel_buf_str(&got), want);
}

/* A tree of r that mktree makes of "MODE TYPE ID<tab>NAME\n" lines. */
static char *make_tree(const char *lines)
{
	FILE *f = fopen("lines", "w");

	fputs(lines, f);
	fclose(f);
	return rel_strdup(sh("git -C r mktree --missing <lines"));
}

REL_PRINTF(1, 2) static char *tree_of(const char *fmt, ...)
{
	char lines[4096];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(lines, sizeof(lines), fmt, ap);
	va_end(ap);
	return make_tree(lines);
}

#define A "587be6b4c3f93f93c489c0111bba5596147a26cb"
#define B "975fbec8256d3e8a3797e7a3611380f27c49f4ac"

/* What git itself says, one name a line, not yet in order. */
struct told {
	REL_VEC(char *) names;
};

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_told(struct told *t, const char *mode, const char *path)
{
	bool dir = strcmp(mode, "040000") == 0 || strcmp(mode, "160000") == 0;

	if (strcmp(mode, "000000") != 0)
		rel_vec_push(
			&t->names, rel_printf("%s%s", path, dir ? "/*" : ""));
}

/* ":040000 000000 ID ID D<tab>path": a directory in both is not told. */
static void read_raw(struct told *t, char *lines)
{
	char *save = NULL;

	for (char *l = strtok_r(lines, "\n", &save); l;
		l = strtok_r(NULL, "\n", &save)) {
		char old[7], new[7];
		const char *path = strchr(l, '\t') + 1;

		memcpy(old, l + 1, 6);
		memcpy(new, l + 8, 6);
		old[6] = new[6] = '\0';
		if (strcmp(old, "040000") == 0 && strcmp(new, "040000") == 0)
			continue;
		add_told(t, old, path);
		add_told(t, new, path);
	}
}

/* Bytewise, each name once, nothing that is beneath a subtree. */
static void write_told(struct told *t, struct rel_buf *out)
{
	const char *above = NULL, *last = NULL;

	if (t->names.n > 0)
		qsort(t->names.v, t->names.n, sizeof(*t->names.v),
			compare_names);
	for (size_t i = 0; i < t->names.n; i++) {
		const char *name = t->names.v[i];

		if (last && strcmp(name, last) == 0)
			continue;
		if (above && strncmp(name, above, strlen(above) - 1) == 0)
			continue;
		last = name;
		if (name[strlen(name) - 1] == '*')
			above = name;
		rel_buf_addf(out, "%s\n", name);
	}
	for (size_t i = 0; i < t->names.n; i++)
		free(t->names.v[i]);
	rel_vec_free(&t->names);
}

static size_t assert_as_git_says(
	const char *repo, const char *old, const char *new)
{
	REL_AUTO(rel_buf_free) struct rel_buf want = REL_BUF_INIT;
	REL_AUTO(rel_freep)
	char *raw = rel_strdup(
		sh("git -C %s -c core.quotePath=false diff-tree -r -t --raw "
		   "--no-renames --no-abbrev %s %s",
			repo, old, new));
	struct told told = { 0 };

	read_raw(&told, raw);
	write_told(&told, &want);
	assert_changes(repo, old, new, rel_buf_str(&want));
	return want.len;
}

static void test_a_descent_tells_what_git_tells(void **state)
{
	char old[41], new[41];

	(void)state;
	make_shop();
	snprintf(old, sizeof(old), "%s",
		sh("git -C shop rev-parse HEAD~2^{tree}"));
	snprintf(new, sizeof(new), "%s",
		sh("git -C shop rev-parse HEAD^{tree}"));
	assert_true(assert_as_git_says("shop", old, new) > 0);
	assert_true(assert_as_git_says("shop", new, old) > 0);
	assert_int_equal(assert_as_git_says("shop", new, new), 0);
	assert_true(
		assert_as_git_says("shop",
			"4b825dc642cb6eb9a060e54bf8d69288fbee4904", new) > 0);
}

/* The same each time. */
static unsigned pick(uint64_t *seed, unsigned below)
{
	*seed = *seed * UINT64_C(6364136223846793005) + 1;
	return (unsigned)(*seed >> 33) % below;
}

/* Names whose order around '/' matters. 'm' alone may be a submodule: git has
 * it in a file's place, where a tar has no directory. */
static void add_random_path(FILE *f, uint64_t *seed)
{
	static const char *const names[] = { "a", "a.b", "a-b", "a0", "b",
		"b.c", "ab", "b0", "\303\251" };
	unsigned depth = 1 + pick(seed, 4);

	for (unsigned i = 0; i < depth; i++)
		fprintf(f, "%s%s", i ? "/" : "",
			names[pick(seed, sizeof(names) / sizeof(*names))]);
}

static void make_random_commits(unsigned n)
{
	static const char *const modes[] = { "100644", "100755", "120000" };
	FILE *f = fopen("stream", "w");
	uint64_t seed = 7;

	for (unsigned i = 0; i < 4; i++)
		fprintf(f, "blob\nmark :%u\ndata 1\n%u\n", i + 1, i);
	for (unsigned i = 0; i < n; i++) {
		fprintf(f, "commit refs/heads/b\ncommitter a <a@b> 1 +0000\n"
			   "data 0\n");
		for (unsigned k = i ? 6 : 40; k > 0; k--) {
			if (pick(&seed, 3) == 0) {
				fprintf(f, "D ");
				add_random_path(f, &seed);
			} else if (pick(&seed, 6) == 0) {
				fprintf(f, "M 160000 %s ",
					pick(&seed, 2) ? A : B);
				add_random_path(f, &seed);
				fprintf(f, "/m");
			} else {
				fprintf(f, "M %s :%u ", modes[pick(&seed, 3)],
					1 + pick(&seed, 4));
				add_random_path(f, &seed);
				if (pick(&seed, 6) == 0)
					fprintf(f, "/m/x");
			}
			fprintf(f, "\n");
		}
	}
	fclose(f);
	sh("git init -q r && git -C r fast-import --quiet <stream");
}

/* The trees of all commits, the oldest first. */
static size_t random_trees(unsigned n, char (*ret)[41])
{
	char *save = NULL;
	size_t got = 0;

	make_random_commits(n);
	REL_AUTO(rel_freep)
	char *all = rel_strdup(sh("git -C r log --reverse --format=%%T b"));
	for (char *l = strtok_r(all, "\n", &save); l && got < n;
		l = strtok_r(NULL, "\n", &save))
		snprintf(ret[got++], 41, "%s", l);
	return got;
}

static void test_random_trees_differ_as_git_says(void **state)
{
	static char trees[60][41];
	size_t n = random_trees(60, trees), told = 0;

	(void)state;
	assert_int_equal(n, 60);
	for (size_t i = 0; i < n; i++) {
		told += assert_as_git_says("r", trees[i], trees[(i + 1) % n]);
		told += assert_as_git_says("r", trees[i], trees[(i * 7) % n]);
	}
	assert_true(told > 5000);
}

/* The entries of a walk that begins at ${from}, as in the tar. */
static void walk_names(
	struct rel_git *g, const char *tree, const char *from, struct told *ret)
{
	REL_AUTO(rel_git_walk_endp) struct rel_git_walk *w = NULL;
	struct rel_err err = REL_ERR_INIT;
	struct rel_git_entry e;
	bool more = true;

	if (rel_git_walk_from(g, tree, from, &w, &err) < 0)
		fail_msg("%s", err.msg);
	for (;;) {
		if (rel_git_walk_next(w, &e, &more, &err) < 0)
			fail_msg("%s", err.msg);
		if (!more)
			break;
		rel_vec_push(&ret->names,
			rel_printf("%s%s", e.path,
				e.mode == 040000 || e.mode == 0160000 ? "/"
								      : ""));
	}
}

static void free_names(struct told *t)
{
	for (size_t i = 0; i < t->names.n; i++)
		free(t->names.v[i]);
	rel_vec_free(&t->names);
}

static void assert_tail(struct rel_git *g, const char *tree,
	const struct told *all, const char *from)
{
	REL_AUTO(free_names) struct told got = { 0 };
	size_t first = 0;

	while (first < all->names.n && strcmp(all->names.v[first], from) < 0)
		first++;
	walk_names(g, tree, from, &got);
	if (got.names.n != all->names.n - first)
		fail_msg("from '%s': %zu entries, not %zu", from, got.names.n,
			all->names.n - first);
	for (size_t i = 0; i < got.names.n; i++)
		assert_string_equal(got.names.v[i], all->names.v[first + i]);
}

static void test_a_walk_from_a_name_is_the_tail_of_the_whole(void **state)
{
	static const char *const after[] = { "", "!", "/", "/!", "0", "~", ".b",
		"/a/zz" };
	static char trees[4][41];
	size_t n = random_trees(4, trees), tried = 0;

	(void)state;
	REL_AUTO(rel_git_closep) struct rel_git *g = open_named("r");
	for (size_t t = 0; t < n; t++) {
		REL_AUTO(free_names) struct told all = { 0 };

		walk_names(g, trees[t], NULL, &all);
		assert_tail(g, trees[t], &all, "");
		assert_tail(g, trees[t], &all, "\377");
		for (size_t i = 0; i < all.names.n; i++) {
			const char *name = all.names.v[i];

			for (size_t k = 0; k < sizeof(after) / sizeof(*after);
				k++) {
				REL_AUTO(rel_freep)
				char *from = rel_printf("%s%s", name, after[k]);

				assert_tail(g, trees[t], &all, from);
				tried++;
			}
			for (size_t len = strlen(name); len > 0; len--) {
				REL_AUTO(rel_freep)
				char *from = rel_strndup(name, len);

				assert_tail(g, trees[t], &all, from);
			}
		}
	}
	assert_true(tried > 500);
}

static void test_a_walk_from_a_name_reads_only_what_is_on_the_way(void **state)
{
	REL_AUTO(rel_git_walk_endp) struct rel_git_walk *w = NULL;
	struct rel_err err = REL_ERR_INIT;
	struct rel_git_entry e;
	bool more;

	(void)state;
	sh("git init -q r");
	/* Neither "a" nor "c" is there. */
	REL_AUTO(rel_freep) char *b = tree_of("100644 blob " A "\tx\n");
	REL_AUTO(rel_freep)
	char *top = tree_of("040000 tree " A "\ta\n040000 tree %s\tb\n"
			    "040000 tree " B "\tc\n",
		b);
	REL_AUTO(rel_git_closep) struct rel_git *g = open_named("r");
	assert_int_equal(rel_git_walk_from(g, top, "b/x", &w, &err), 0);
	assert_int_equal(rel_git_walk_next(w, &e, &more, &err), 0);
	assert_string_equal(e.path, "b/x");
	assert_int_equal(rel_git_walk_next(w, &e, &more, &err), 0);
	assert_string_equal(e.path, "c");
	assert_int_equal(rel_git_walk_next(w, &e, &more, &err), -REL_ENOTFOUND);
	rel_git_walk_endp(&w);
	assert_int_equal(
		rel_git_walk_from(g, top, "a/x", &w, &err), -REL_ENOTFOUND);
	assert_non_null(strstr(err.msg, "(a)"));
}

static void test_a_file_and_a_directory_of_one_name_are_two_changes(
	void **state)
{
	(void)state;
	sh("git init -q r");
	REL_AUTO(rel_freep) char *sub = tree_of("100644 blob " A "\tx\n");
	REL_AUTO(rel_freep)
	char *file = tree_of("100644 blob " A "\ta\n100644 blob " A "\ta.b\n");
	REL_AUTO(rel_freep)
	char *dir = tree_of("100644 blob " A "\ta.b\n040000 tree %s\ta\n", sub);
	assert_changes("r", file, dir, "a\na/*\n");
	assert_changes("r", dir, file, "a\na/*\n");
}

static void test_what_differs_from_a_new_name_in_case_is_told_too(void **state)
{
	(void)state;
	sh("git init -q r");
	REL_AUTO(rel_freep) char *sub = tree_of("100644 blob " A "\tx\n");
	REL_AUTO(rel_freep) char *sub2 = tree_of("100644 blob " B "\tx\n");
	REL_AUTO(rel_freep)
	char *old =
		tree_of("040000 tree %s\tDocs\n100644 blob " A "\tREADME\n"
			"040000 tree %s\tabc\n100644 blob " A "\tabC\n"
			"100644 blob " A "\tz\n100644 blob " A "\t\303\200\n",
			sub, sub);
	/* A file beside the directory, another README; \303\240 is not ASCII;
	 * abc and abC were both there. */
	REL_AUTO(rel_freep)
	char *new =
		tree_of("040000 tree %s\tDocs\n100644 blob " A "\tREADME\n"
			"040000 tree %s\tabc\n100644 blob " A "\tabC\n"
			"100644 blob " A "\tz\n100644 blob " A "\t\303\200\n"
			"100644 blob " A "\tdOCS\n100644 blob " B
			"\treadme\n100644 blob " A "\t\303\240\n",
			sub2, sub);
	assert_changes(
		"r", old, new, "Docs/*\nREADME\ndOCS\nreadme\n\303\240\n");
	/* One that went away leaves its neighbour alone. */
	assert_changes("r", new, old, "Docs/x\ndOCS\nreadme\n\303\240\n");
}

static int stop(void *arg, const struct rel_git_change *c, struct rel_err *err)
{
	(void)err;
	tell(arg, c, err);
	return strcmp(c->name, "b/x") == 0 ? 7 : 0;
}

static void test_the_callback_ends_the_descent(void **state)
{
	REL_AUTO(rel_buf_free) struct rel_buf got = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;

	(void)state;
	sh("git init -q r");
	REL_AUTO(rel_freep) char *sub = tree_of("100644 blob " A "\tx\n");
	REL_AUTO(rel_freep)
	char *sub2 = tree_of("100644 blob " B "\tx\n100644 blob " B "\ty\n");
	REL_AUTO(rel_freep)
	char *old = tree_of("100644 blob " A "\ta\n040000 tree %s\tb\n", sub);
	REL_AUTO(rel_freep)
	char *new = tree_of("100644 blob " B "\ta\n040000 tree %s\tb\n"
			    "100644 blob " B "\tc\n",
		sub2);
	REL_AUTO(rel_git_closep) struct rel_git *g = open_named("r");
	assert_int_equal(rel_git_descend(g, old, new, stop, &got, &err), 7);
	assert_string_equal(rel_buf_str(&got), "a\nb/x\n");
}

/* What the checker of a whole walk says of the tree; ${t} is added to it. */
static int walk_checked(
	struct rel_git *g, const char *tree, struct rel_err *err)
{
	REL_AUTO(rel_git_walk_endp) struct rel_git_walk *w = NULL;
	REL_AUTO(rel_order_done) struct rel_order order = { 0 };
	struct rel_git_entry ge;
	bool more = true;
	int r = rel_git_walk_begin(g, tree, &w, err);

	while (r == 0) {
		r = rel_git_walk_next(w, &ge, &more, err);
		if (r < 0 || !more)
			break;
		struct rel_entry e = { .path = ge.path,
			.path_len = ge.path_len,
			.target = "",
			.type = ge.mode == 040000 || ge.mode == 0160000
					? REL_DIR
					: REL_FILE };
		r = rel_order_next(&order, &e, err);
	}
	return r;
}

struct pair {
	const char *mode, *name;
};
#define F "100644"
#define D "40000"
static char long_name[257];
static const struct {
	struct pair e[4];
} wrong[] = {
	{ { { F, "b" }, { F, "a" } } },
	{ { { F, "a" }, { F, "a" } } },
	{ { { D, "a" }, { D, "a" } } },
	{ { { F, "a" }, { "120000", "a" } } },
	{ { { F, "a" }, { D, "a" } } },
	{ { { D, "a" }, { F, "a" } } },
	{ { { F, "a" }, { F, "a.b" }, { D, "a" } } },
	{ { { "120000", "a" }, { F, "a-b" }, { F, "a.b" }, { D, "a" } } },
	{ { { F, "a" }, { F, "a-b" }, { "160000", "a" } } },
	{ { { D, "a" }, { F, "a.b" } } },
	{ { { F, "a0" }, { D, "a" } } },
	{ { { F, ".." } } },
	{ { { F, ".git" } } },
	{ { { D, ".GIT" } } },
	{ { { F, "" } } },
	{ { { F, "a/b" } } },
	{ { { F, "a\nb" } } },
	{ { { F, long_name } } },
	{ { { "0100644", "a" } } },
	{ { { "1006448", "a" } } },
};

static void test_what_a_whole_walk_refuses_a_descent_refuses(void **state)
{
	char blob[41], empty[41];

	(void)state;
	memset(long_name, 'n', sizeof(long_name) - 1);
	sh("git init -q r");
	snprintf(blob, sizeof(blob), "%s",
		sh("echo x | git -C r hash-object -w --stdin"));
	snprintf(empty, sizeof(empty), "%s",
		sh("git -C r hash-object -t tree -w /dev/null"));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		REL_AUTO(rel_buf_free) struct rel_buf got = REL_BUF_INIT;
		REL_AUTO(rel_freep) char *tree = NULL;
		REL_AUTO(rel_freep) char *top = NULL;
		struct rel_err err = REL_ERR_INIT, whole = REL_ERR_INIT;
		struct raw t = { .n = 0 };

		for (size_t k = 0; k < 4 && wrong[i].e[k].mode; k++)
			add_entry(&t, wrong[i].e[k].mode, wrong[i].e[k].name,
				strcmp(wrong[i].e[k].mode, D) == 0 ? empty
								   : blob);
		tree = rel_strdup(write_tree(t.p, t.n));
		t.n = 0;
		add_entry(&t, D, "sub", empty);
		REL_AUTO(rel_freep)
		char *old = rel_strdup(write_tree(t.p, t.n));
		t.n = 0;
		add_entry(&t, D, "sub", tree);
		top = rel_strdup(write_tree(t.p, t.n));
		REL_AUTO(rel_git_closep) struct rel_git *g = open_named("r");
		assert_int_equal(walk_checked(g, top, &whole), -REL_EINVALID);
		if (descend("r", old, top, &got, &err) != -REL_EINVALID)
			fail_msg("%zu is not refused: %s", i, whole.msg);
		assert_string_equal(err.msg, whole.msg);
		assert_int_equal(got.len, 0);
		assert_int_equal(
			descend("r", top, old, &got, &err), -REL_EINVALID);
	}
}

/* ${depth} - 1 directories in each other, then a file. */
static char *make_deep(int depth, const char *blob)
{
	return rel_strdup(sh(
		"cd r && rm -f .git/index && printf '100644 %s\t%%s' \"$(yes d "
		"| head -%d | tr '\\n' / | sed 's,/$,,')\" | git "
		"update-index --index-info && git write-tree --missing-ok",
		blob, depth));
}

static void test_depth_has_the_limit_of_a_walk(void **state)
{
	REL_AUTO(rel_buf_free) struct rel_buf got = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;
	size_t slashes = 0;

	(void)state;
	sh("git init -q r");
	REL_AUTO(rel_freep) char *old = make_deep(256, A);
	REL_AUTO(rel_freep) char *new = make_deep(256, B);
	REL_AUTO(rel_freep) char *old2 = make_deep(257, A);
	REL_AUTO(rel_freep) char *new2 = make_deep(257, B);
	assert_int_equal(descend("r", old, new, &got, &err), 0);
	for (size_t i = 0; i < got.len; i++)
		slashes += got.p[i] == '/';
	assert_int_equal(slashes, 255);
	assert_int_equal(descend("r", old2, new2, &got, &err), -REL_EINVALID);
	assert_non_null(strstr(err.msg, "256"));
}

/* Two floors of 32 rooms, each with the same 1,100 files in it. */
static char *make_bomb(const char *blob)
{
	static const int floors[] = { 1100, 32, 32 };
	char *tree = rel_strdup(blob);

	for (int floor = 0; floor < 3; floor++) {
		struct raw t = { .n = 0 };

		for (int i = 0; i < floors[floor]; i++) {
			char name[16];

			snprintf(name, sizeof(name), "%04d", i);
			add_entry(&t, floor ? "40000" : "100644", name, tree);
		}
		free(tree);
		tree = rel_strdup(write_tree(t.p, t.n));
	}
	return tree;
}

static int ignore(
	void *arg, const struct rel_git_change *c, struct rel_err *err)
{
	(void)arg;
	(void)c;
	(void)err;
	return 0;
}

static void test_few_objects_do_not_make_endless_work(void **state)
{
	struct rel_err err = REL_ERR_INIT;

	(void)state;
	sh("git init -q r");
	REL_AUTO(rel_freep) char *old = make_bomb(A);
	REL_AUTO(rel_freep) char *new = make_bomb(B);
	REL_AUTO(rel_git_closep) struct rel_git *g = open_named("r");
	assert_int_equal(rel_git_descend(g, old, new, ignore, NULL, &err),
		-REL_EINVALID);
	assert_non_null(strstr(err.msg, "more than 1000000 entries"));
}

static void test_a_tree_that_is_none_or_absent_is_an_error(void **state)
{
	REL_AUTO(rel_buf_free) struct rel_buf got = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;
	char blob[41];

	(void)state;
	sh("git init -q r");
	snprintf(blob, sizeof(blob), "%s",
		sh("echo x | git -C r hash-object -w --stdin"));
	REL_AUTO(rel_freep) char *sub = tree_of("100644 blob " A "\tx\n");
	REL_AUTO(rel_freep) char *good = tree_of("040000 tree %s\td\n", sub);
	REL_AUTO(rel_freep) char *none = tree_of("040000 tree " B "\td\n");
	assert_int_equal(descend("r", good, none, &got, &err), -REL_ENOTFOUND);
	assert_non_null(strstr(err.msg, "(d)"));
	assert_int_equal(descend("r", none, good, &got, &err), -REL_ENOTFOUND);
	assert_int_equal(descend("r", blob, good, &got, &err), -REL_EINVALID);
	assert_int_equal(descend("r", good, blob, &got, &err), -REL_EINVALID);
	assert_non_null(strstr(err.msg, "it is not a tree"));
	assert_int_equal(descend("r", good, "d00d", &got, &err), -REL_EINVALID);
	/* What is equal is not looked at. */
	assert_changes("r", none, none, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		git_test(test_a_descent_tells_what_git_tells),
		git_test(test_random_trees_differ_as_git_says),
		git_test(
			test_a_file_and_a_directory_of_one_name_are_two_changes),
		git_test(test_what_differs_from_a_new_name_in_case_is_told_too),
		git_test(test_the_callback_ends_the_descent),
		git_test(test_what_a_whole_walk_refuses_a_descent_refuses),
		git_test(test_depth_has_the_limit_of_a_walk),
		git_test(test_few_objects_do_not_make_endless_work),
		git_test(test_a_tree_that_is_none_or_absent_is_an_error),
		git_test(test_a_walk_from_a_name_is_the_tail_of_the_whole),
		git_test(test_a_walk_from_a_name_reads_only_what_is_on_the_way),
	};

	return cmocka_run_group_tests_name("git_descent", tests, NULL, NULL);
}
