/* SPDX-License-Identifier: Apache-2.0 */
#include "rel_test.h"

#include "config/command.h"
#include "run_helper.h"
#include "scratch.h"

#include <sys/stat.h>

/* want: the words with '|' between them, "sh" (the shell gets the command as
 * it is) or the text that the shell gets instead. */
static const struct {
	const char *command, *want;
} table[] = {
	/* without a shell */
	{ "bin/web", "bin/web" },
	{ "  bin/web\t-p 80  ", "bin/web|-p|80" },
	{ "python3 -m http.server 80", "python3|-m|http.server|80" },
	{ "./a@b:c,d+e%f_g-h=1", "sh" },
	{ "node --port=80 a@b:c,d+e%f", "node|--port=80|a@b:c,d+e%f" },
	{ "env A=1 bin/web", "env|A=1|bin/web" },
	{ "timeout 5 sleep 1", "timeout|5|sleep|1" },
	{ "execute me", "execute|me" },
	{ "-x", "-x" },
	/* words of the shell */
	{ "cd /tmp", "sh" },
	{ "true", "sh" },
	{ "echo hi", "sh" },
	{ "test -f x", "sh" },
	{ "time bin/web", "sh" },
	{ "exec bin/web", "sh" },
	{ "exec A=1 bin/web", "sh" },
	{ "! bin/web", "sh" },
	{ ": x", "sh" },
	{ ". bin/env", "sh" },
	{ "source bin/env", "sh" },
	{ "kill -0 1", "sh" },
	{ "unset A", "sh" },
	{ "while", "sh" },
	{ "[ -f x ]", "sh" },
	{ "A=1 cd x", "sh" },
	{ "'cd' x", "sh" },
	{ "\\cd x", "sh" },
	{ "c\"d\" x", "sh" },
	{ ">out cd x", "sh" },
	{ "printf '%s' x", "sh" },
	/* a shell that execs */
	{ "bin/web $PORT", "exec bin/web $PORT" },
	{ "bin/web --port \"$PORT\"", "exec bin/web --port \"$PORT\"" },
	{ "bin/web 'a b'", "exec bin/web 'a b'" },
	{ "bin/web *.c", "exec bin/web *.c" },
	{ "bin/web ~/x", "exec bin/web ~/x" },
	{ "bin/web >log", "exec bin/web >log" },
	{ "bin/web<in", "exec bin/web<in" },
	{ ">log bin/web", ">log exec bin/web" },
	{ "2> log 3<>x bin/web", "2> log 3<>x exec bin/web" },
	{ ">\"a b\" A=1 bin/web", ">\"a b\" A=1 exec bin/web" },
	{ "bin/web # all of it", "exec bin/web # all of it" },
	{ "A=1 bin/web", "A=1 exec bin/web" },
	{ " A=1\tB=$A bin/web", " A=1\tB=$A exec bin/web" },
	{ "A='x y' bin/web", "A='x y' exec bin/web" },
	{ "A=\"x \\\" y\" bin/web", "A=\"x \\\" y\" exec bin/web" },
	{ "A=x\\ y bin/web", "A=x\\ y exec bin/web" },
	{ "A=`echo \\`echo b c\\`` bin/web",
		"A=`echo \\`echo b c\\`` exec bin/web" },
	{ "A=\"`echo \"b c\"`\" bin/web", "A=\"`echo \"b c\"`\" exec bin/web" },
	{ "A=1>out bin/web", "A=1>out exec bin/web" },
	{ "_A1= bin/web", "_A1= exec bin/web" },
	{ "'bin/web' x", "exec 'bin/web' x" },
	{ "\"my app\" x", "exec \"my app\" x" },
	{ "$HOME/bin/web x", "exec $HOME/bin/web x" },
	{ "~/bin/web", "exec ~/bin/web" },
	{ "printf-it '%s'", "exec printf-it '%s'" },
	/* a shell that does not: control operators, wherever they stand */
	{ "bin/a; bin/b", "sh" },
	{ "bin/a && bin/b", "sh" },
	{ "bin/a || bin/b", "sh" },
	{ "bin/a | bin/b", "sh" },
	{ "bin/a &", "sh" },
	{ "bin/a 2>&1", "sh" },
	{ "(bin/a)", "sh" },
	{ "{ bin/a; }", "sh" },
	{ "bin/a ${PORT:-80}", "sh" },
	{ "bin/a $(cat x)", "sh" },
	{ "bin/a 'x;y'", "sh" },
	{ "bin/a\nbin/b", "sh" },
	/* ... and what can't be known, or is no command */
	{ "$CMD x", "sh" },
	{ "\"$CMD\" x", "sh" },
	{ "`cat cmd` x", "sh" },
	{ "ec?o x", "sh" },
	{ "A=1", "sh" },
	{ "A=1 B='2'", "sh" },
	{ "A=1 # bin/web", "sh" },
	{ "# nothing", "sh" },
	{ ">out", "sh" },
	{ "> ", "sh" },
	{ "<<EOF bin/web", "sh" },
	{ "'' x", "sh" },
	{ "'-x' y", "sh" },
	{ "1A=x bin/web", "sh" },
	{ "A+=x bin/web", "sh" },
	{ "A='x bin/web", "sh" },
	{ "A=\"x bin/web", "sh" },
	{ "A=`x bin/web", "sh" },
	{ "A=$'x\\' y' bin/web", "sh" },
	{ "A=x\\", "sh" },
	{ "-x $PORT", " -x $PORT" },
	{ "+x $PORT", "exec +x $PORT" },
	{ "", "sh" },
};

static void test_a_command_becomes_the_words_of_the_rule(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		REL_AUTO(rel_strings_done) struct rel_strings got = { 0 };
		REL_AUTO(rel_buf_free) struct rel_buf text = REL_BUF_INIT;
		const char *want = table[i].want;

		rel_command_words(table[i].command, &got);
		assert_null(got.v[got.n]);
		if (!strcmp(got.v[0], "/bin/sh")) {
			assert_int_equal(got.n, 3);
			assert_string_equal(got.v[1], "-c");
			rel_buf_adds(&text, got.v[2]);
			if (!strcmp(want, "sh"))
				want = table[i].command;
		} else {
			assert_string_not_equal(want, "sh");
			for (size_t j = 0; j < got.n; j++)
				rel_buf_addf(
					&text, "%s%s", j ? "|" : "", got.v[j]);
		}
		assert_string_equal(rel_buf_str(&text), want);
	}
}

/* Each is run as rel_command_words has it, and as the shell has it. */
static const char *const meanings[] = {
	"show a b",
	"show $PORT \"$PORT x\" '$PORT' \\$PORT",
	"show *.txt ~ ~/x",
	"show # a b",
	"show 'a b' \"c  d\" e\\ f",
	"A=1 B=\"two words\" show-env",
	"A=1 B=$PORT show-env",
	"PATH=other only-there",
	"A=`show x` show-env",
	"A=1 exec show-env",
	"exec A=1 show",
	"A=1",
	"A=1 false",
	"cd sub && show in",
	"cd sub",
	"show a | cat | cat",
	"(exit 3)",
	"show a; exit 4",
	"show a && false || show b",
	"! show a",
	"! false",
	"show a >out; cat out",
	">out show a",
	"cat <a.txt",
	"<a.txt cat",
	"cat <missing",
	"<missing cat",
	"fail 3 &",
	"show bg & wait",
	"missing-command x",
	"sub",
	"./sub",
	"./a.txt",
	"no-shebang x y",
	"./bad-interpreter",
	"CMD=exit; $CMD 7",
	"$EXIT 7",
	"\"$EXIT\" 7",
	"'exit' 7",
	"ex\\it 7",
	"if true; then exit 5; fi",
	"fail 9",
	"fail $PORT",
	"kill -TERM $$",
	"sh -c 'kill -TERM $$'",
	"die $PORT",
	"A=1 die",
	"./a=b x",
	"cat <<EOF",
	"show 'unclosed",
	"# nothing",
	"''",
	" -x $PORT",
};

static void make(const char *dir, const char *name, const char *text, int mode)
{
	REL_AUTO(rel_freep) char *path = rel_printf("%s/%s", dir, name);
	REL_AUTO(rel_closep)
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	struct rel_err err = REL_ERR_INIT;

	assert_true(fd >= 0);
	assert_int_equal(rel_write_fd(fd, text, strlen(text), &err), 0);
	assert_int_equal(fchmod(fd, (mode_t)mode), 0);
}

static void make_tree(const char *dir)
{
	static const char *const dirs[] = { "sub", "other" };

	for (size_t i = 0; i < 2; i++) {
		REL_AUTO(rel_freep) char *p = rel_printf("%s/%s", dir, dirs[i]);

		assert_int_equal(mkdir(p, 0755), 0);
	}
	make(dir, "show", "#!/bin/sh\nprintf '<%s>' \"$@\"\npwd\n", 0755);
	make(dir, "show-env", "#!/bin/sh\necho \"$A/$B\"\n", 0755);
	make(dir, "other/only-there", "#!/bin/sh\necho there\n", 0755);
	make(dir, "fail", "#!/bin/sh\nexit $1\n", 0755);
	make(dir, "die", "#!/bin/sh\nkill -KILL $$\n", 0755);
	make(dir, "a=b", "#!/bin/sh\necho odd $1\n", 0755);
	make(dir, "no-shebang", "echo plain $0 $2\n", 0755);
	make(dir, "bad-interpreter", "#!/no/such/thing\n", 0755);
	make(dir, "a.txt", "text\n", 0644);
	make(dir, "b.txt", "text\n", 0644);
}

/* Does ${argv} do what `SHELL… -c COMMAND` does? */
static void compare(const char *dir, const struct rel_strings *env,
	const struct rel_strings *argv, const struct rel_strings *reference)
{
	REL_AUTO(rel_buf_free) struct rel_buf got = REL_BUF_INIT;
	REL_AUTO(rel_buf_free) struct rel_buf want = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;
	int want_status = run_in(dir, reference, env, &want, &err).status;
	int got_status = run_in(dir, argv, env, &got, &err).status;

	if (got_status != want_status ||
		strcmp(rel_buf_str(&got), rel_buf_str(&want)) != 0)
		fail_msg("'%s': %d '%s', in the shell %d '%s'",
			reference->v[reference->n - 1], got_status,
			rel_buf_str(&got), want_status, rel_buf_str(&want));
}

static void test_the_words_mean_what_the_shell_means(void **state)
{
	const char *dir = *state;
	REL_AUTO(rel_freep)
	char *path = rel_printf("PATH=%s:/usr/bin:/bin", dir);
	REL_AUTO(rel_strings_done)
	struct rel_strings env = strings(
		path, "PORT=44", "HOME=/tmp", "EXIT=exit", "LANG=C", NULL);
	bool bash = access("/bin/bash", X_OK) == 0;

	make_tree(dir);
	for (size_t i = 0; i < sizeof(meanings) / sizeof(*meanings); i++) {
		const char *c = meanings[i];
		REL_AUTO(rel_strings_done) struct rel_strings words = { 0 };
		REL_AUTO(rel_strings_done)
		struct rel_strings sh = strings("/bin/sh", "-c", c, NULL);

		rel_command_words(c, &words);
		compare(dir, &env, &words, &sh);
		if (bash && !strcmp(words.v[0], "/bin/sh")) {
			REL_AUTO(rel_strings_done)
			struct rel_strings ours = strings(
				"/bin/bash", "--posix", "-c", words.v[2], NULL);
			REL_AUTO(rel_strings_done)
			struct rel_strings theirs =
				strings("/bin/bash", "--posix", "-c", c, NULL);

			compare(dir, &env, &ours, &theirs);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_command_becomes_the_words_of_the_rule),
		scratch_test(test_the_words_mean_what_the_shell_means),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
