/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/git_fixture.h - repositories made by the git program, in a
 * directory of their own that is the current one while the test runs.
 */
#ifndef GIT_FIXTURE_H
#define GIT_FIXTURE_H

#include "base/id.h"
#include "rel_test.h"
#include "scratch.h"
#include "source/git.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * libgit2 1.5 leaks where a regular expression does not match (each entry of a
 * configuration, at open) and where a ref's object is absent. Whole stacks are
 * needed to know these leaks from ours.
 */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "fast_unwind_on_malloc=0";
}

const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libpcre2\nleak:git_revparse_ext\n";
}

#define NOBODY ((uid_t)-1)

/* Run by the shell in the current directory; must succeed. Its output, without
 * the newline at the end; valid until the next call. */
static inline const char *sh(const char *fmt, ...) REL_PRINTF(1, 2);
static inline const char *sh(const char *fmt, ...)
{
	static char out[1 << 20];
	char command[8192];
	va_list ap;
	FILE *f;
	size_t n;
	int r;

	va_start(ap, fmt);
	n = (size_t)vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	assert_true(n < sizeof(command));
	f = popen(command, "r");
	assert_non_null(f);
	n = fread(out, 1, sizeof(out) - 1, f);
	r = pclose(f);
	if (r != 0)
		fail_msg("exit %d: %s", r, command);
	while (n > 0 && out[n - 1] == '\n')
		n--;
	out[n] = '\0';
	return out;
}

static inline int git_setup(void **state)
{
	static const char *const env[][2] = {
		{ "GIT_CONFIG_GLOBAL", "/dev/null" },
		{ "GIT_CONFIG_NOSYSTEM", "1" },
		{ "GIT_ATTR_NOSYSTEM", "1" },
		{ "GIT_AUTHOR_NAME", "A U Thor" },
		{ "GIT_AUTHOR_EMAIL", "author@example.com" },
		{ "GIT_AUTHOR_DATE", "1112911993 -0700" },
		{ "GIT_COMMITTER_NAME", "C O Mitter" },
		{ "GIT_COMMITTER_EMAIL", "committer@example.com" },
		{ "GIT_COMMITTER_DATE", "1212911993 +0200" },
		/* Nothing goes on in the background when a test ends. */
		{ "GIT_CONFIG_COUNT", "1" },
		{ "GIT_CONFIG_KEY_0", "maintenance.auto" },
		{ "GIT_CONFIG_VALUE_0", "false" },
		{ "LC_ALL", "C" },
	};

	if (scratch_setup(state) < 0 || chdir(*state) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(env) / sizeof(*env); i++)
		setenv(env[i][0], env[i][1], 1);
	setenv("HOME", *state, 1);
	unsetenv("GIT_DIR");
	unsetenv("XDG_CONFIG_HOME");
	return 0;
}

static inline int git_teardown(void **state)
{
	return chdir("/") < 0 ? -1 : scratch_teardown(state);
}

#define git_test(f) cmocka_unit_test_setup_teardown(f, git_setup, git_teardown)

/* shop: three commits, a file of each kind, a directory in a directory. */
static inline void make_shop(void)
{
	sh("git init -q -b main shop && cd shop && echo one >a && mkdir -p "
	   "lib/x && echo two >lib/x/b && echo '#!' >lib/run && chmod 755 "
	   "lib/run && ln -s a link && git add -A && git commit -qm first && "
	   "echo three >lib.c && git add -A && git commit -qm second && echo "
	   "four >a && git commit -qam third");
}

/* Open what must open; the caller closes. */
static inline struct rel_git *open_named(const char *path)
{
	struct rel_err err = REL_ERR_INIT;
	struct rel_git *g = NULL;

	if (rel_git_open(path, REL_GIT_NAMED, getuid(), NOBODY, &g, &err) < 0)
		fail_msg("%s", err.msg);
	return g;
}

static inline int try_open(
	const char *path, enum rel_git_how how, struct rel_err *err)
{
	REL_AUTO(rel_git_closep) struct rel_git *g = NULL;

	return rel_git_open(path, how, getuid(), NOBODY, &g, err);
}

/* All entries as `git ls-tree -r -t` writes them. */
static inline int list(struct rel_git *g, const char *tree, struct rel_buf *out,
	struct rel_err *err)
{
	REL_AUTO(rel_git_walk_endp) struct rel_git_walk *w = NULL;
	struct rel_git_entry e;
	bool more = true;
	int r = rel_git_walk_begin(g, tree, &w, err);

	while (r == 0) {
		r = rel_git_walk_next(w, &e, &more, err);
		if (r < 0 || !more)
			break;
		rel_buf_addf(out, "%06o %s %s\n", e.mode, e.hex, e.path);
	}
	while (r == 0 && out->len > 0 && out->p[out->len - 1] == '\n')
		out->p[--out->len] = '\0';
	return r;
}

/* The bytes of HEAD:${path}, or minus the code. */
static inline int read_blob(struct rel_git *g, const char *path, uint64_t limit,
	struct rel_buf *out, struct rel_err *err)
{
	REL_AUTO(rel_git_walk_endp) struct rel_git_walk *w = NULL;
	struct rel_git_commit c;
	struct rel_git_entry e;
	bool more = true;

	assert_int_equal(rel_git_commit(g, "HEAD", &c, err), 0);
	assert_int_equal(rel_git_walk_begin(g, c.tree, &w, err), 0);
	do {
		if (rel_git_walk_next(w, &e, &more, err) < 0 || !more)
			fail_msg("no '%s'", path);
	} while (strcmp(e.path, path) != 0);
	return rel_git_blob(g, &e, limit, out, err);
}

/* The whole of ${path} must be read as git itself reads HEAD of ${same}. */
static inline void assert_reads_as(const char *path, const char *same)
{
	REL_AUTO(rel_git_closep) struct rel_git *g = open_named(path);
	REL_AUTO(rel_buf_free) struct rel_buf got = REL_BUF_INIT;
	REL_AUTO(rel_freep)
	char *tree = rel_strdup(sh("git -C %s rev-parse HEAD^{tree}", same));
	struct rel_err err = REL_ERR_INIT;

	if (list(g, tree, &got, &err) < 0)
		fail_msg("%s", err.msg);
	assert_string_equal(rel_buf_str(&got),
		sh("git -C %s ls-tree -r -t --format='%%(objectmode) "
		   "%%(objectname) %%(path)' HEAD",
			same));
}

/* A tree of raw bytes, which git writes without looking at them, in the
 * repository r. */
static inline const char *write_tree(const void *p, size_t n)
{
	FILE *f = fopen("raw", "w");

	assert_int_equal(fwrite(p, 1, n, f), n);
	fclose(f);
	return sh("git -C r hash-object -t tree --literally -w ../raw");
}

struct raw {
	char p[65536];
	size_t n;
};

static inline void add_entry(
	struct raw *t, const char *mode, const char *name, const char *hex)
{
	uint8_t oid[20];

	assert_true(rel_hex_parse(hex, 20, oid));
	t->n += (size_t)sprintf(t->p + t->n, "%s %s", mode, name) + 1;
	memcpy(t->p + t->n, oid, 20);
	t->n += 20;
}

/* The command of a hint like "this is a shallow clone: git -C …". */
static inline const char *command_of(const struct rel_err *err)
{
	const char *git = strstr(err->hint, "git -C ");

	if (!git)
		fail_msg("no command in the hint '%s'", err->hint);
	return git;
}

#endif
