/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_main with commands of its own; what it prints is caught in files. */
#include "rel_test.h"

#include "base/json.h"
#include "cmd.h"
#include "out.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct args {
	bool once;
	const char *release;
};

static const struct opt opts[] = {
	{ "once", 0, OPT_FLAG, offsetof(struct args, once), NULL, "one" },
	{ "release", 'r', OPT_STR, offsetof(struct args, release), "RELEASE",
		"this one" },
	{ 0 },
};

/* What the command saw. */
static struct seen {
	int runs, opens, argc;
	struct ctx cx;
	struct args a;
	char store[256], actor[300], url[300], app[64], word[64];
} seen;

static bool open_fails;

int ctx_open(struct ctx *cx, enum need need, struct rel_err *err)
{
	(void)cx;
	assert_int_not_equal(need, NEED_NOTHING);
	seen.opens++;
	return open_fails ? rel_fail(err, REL_EBUSY, "the store is in use") : 0;
}

void ctx_close(struct ctx *cx)
{
	(void)cx;
}

static void keep(char *to, size_t n, const char *s)
{
	snprintf(to, n, "%s", s ? s : "-");
}

static int look(
	struct ctx *cx, void *o, int argc, char **argv, struct rel_err *err)
{
	const struct args *a = o;

	(void)err;
	seen.runs++;
	seen.cx = *cx;
	seen.argc = argc;
	if (a)
		seen.a.once = a->once;
	keep(seen.store, sizeof(seen.store), cx->store);
	keep(seen.actor, sizeof(seen.actor), cx->actor);
	keep(seen.url, sizeof(seen.url), cx->actor_url);
	keep(seen.app, sizeof(seen.app), cx->app);
	keep(seen.word, sizeof(seen.word), argc ? argv[argc - 1] : NULL);
	return argc ? atoi(argv[0]) : 0;
}

static int speak(
	struct ctx *cx, void *o, int argc, char **argv, struct rel_err *err)
{
	(void)o;
	(void)argc;
	(void)argv;
	(void)err;
	rel_notice(&cx->events, "a\nb");
	say(cx, "talk \033[31m%s", "caf\xc3\xa9 \xff\x7f\xc2\x9b");
	say_verbose(cx, "more");
	say_hint(cx, "do it");
	result(cx, "v%d", 12);
	return 0;
}

static int go_wrong(
	struct ctx *cx, void *o, int argc, char **argv, struct rel_err *err)
{
	(void)cx;
	(void)o;
	(void)argc;
	(void)argv;
	rel_fail(err, REL_EINVALID, "bad \033[2J: prod.env:7:14");
	snprintf(err->context, sizeof(err->context), "  7 | A=*\n        ^\n");
	snprintf(err->file, sizeof(err->file), "prod.env");
	err->line = 7;
	err->column = 14;
	return rel_hint(err, "write A='\xe2\x80\xa6'");
}

static int many_lines(
	struct ctx *cx, void *o, int argc, char **argv, struct rel_err *err)
{
	(void)o;
	(void)argc;
	(void)argv;
	(void)err;
	for (int i = 0; i < 20000; i++)
		result(cx, "line %d", i);
	return 0;
}

static int table(
	struct ctx *cx, void *o, int argc, char **argv, struct rel_err *err)
{
	static const char *const titles[] = { "REL", "CHANGE", "BY" };
	static const char *const rows[][3] = {
		{ "v12", "fix caf\xc3\xa9 \033[31m", "ada" },
		{ "v3", NULL, "ci\nx" },
	};
	struct table *t = table_new(cx, titles, 3, 2);

	(void)o;
	(void)argc;
	(void)argv;
	(void)err;
	table_print(table_new(cx, titles, 3, 2));
	for (size_t i = 0; i < 2; i++)
		table_row(t, rows[i]);
	table_print(t);
	return 0;
}

static bool always(const void *o)
{
	(void)o;
	return true;
}

static bool if_once(const void *o)
{
	return ((const struct args *)o)->once;
}

static const struct cmd cmd_look = { .name = "look",
	.group = "Look",
	.summary = "look",
	.need = NEED_READ,
	.max_args = 2,
	.run = look };
static const struct cmd cmd_two = { .name = "promote",
	.group = "More",
	.args = "FROM TO",
	.summary = "two",
	.need = NEED_READ,
	.min_args = 2,
	.max_args = 2,
	.run = look };
static const struct cmd cmd_exec = { .name = "exec",
	.group = "Work",
	.args = "CMD [ARG…]",
	.summary = "one command",
	.opts = opts,
	.opts_size = sizeof(struct args),
	.need = NEED_READ,
	.min_args = 1,
	.max_args = -1,
	.stop_at_word = true,
	.app_owns_stdout = true,
	.own_failures_125 = always,
	.run = look };
static const struct cmd cmd_run = { .name = "run",
	.group = "Work",
	.summary = "run it",
	.opts = opts,
	.opts_size = sizeof(struct args),
	.need = NEED_READ,
	.app_owns_stdout = true,
	.own_failures_125 = if_once,
	.run = look };
static const struct cmd cmd_speak = {
	.name = "speak", .summary = "speak", .run = speak
};
static const struct cmd cmd_fail = {
	.name = "fail", .summary = "fail", .run = go_wrong
};
static const struct cmd cmd_lines = {
	.name = "lines", .summary = "lines", .run = many_lines
};
static const struct cmd cmd_table = {
	.name = "table", .summary = "table", .run = table
};

static const struct cmd *const cmds[] = { &cmd_exec, &cmd_run, &cmd_look,
	&cmd_two, &cmd_speak, &cmd_fail, &cmd_lines, &cmd_table, &cmd_help,
	&cmd_completion, NULL };

static char out[4096], err[4096];

/* Put a new file in the place of ${fd}; returns what was there. */
static int catch (int fd)
{
	int old = dup(fd), file = memfd_create("caught", 0);

	assert_true(old >= 0 && file >= 0);
	dup2(file, fd);
	close(file);
	return old;
}

static void caught(int fd, int old, char *text)
{
	ssize_t n = pread(fd, text, sizeof(out) - 1, 0);

	text[n < 0 ? 0 : n] = '\0';
	dup2(old, fd);
	close(old);
}

/* ${line}: words parted by one blank each. Returns the exit status. */
static int call(const char *line)
{
	char text[512], *argv[32];
	int argc = 0;

	snprintf(text, sizeof(text), "relctl %s", line);
	for (char *s = text; s; argc++)
		argv[argc] = strsep(&s, " ");
	argv[argc] = NULL;
	seen = (struct seen){ .runs = 0 };
	return cmd_main(cmds, argc, argv);
}

/* The same, and what it prints is in out and err. */
static int relctl(const char *line)
{
	int status, old_out, old_err;

	fflush(stdout);
	old_out = catch (STDOUT_FILENO);
	old_err = catch (STDERR_FILENO);
	status = call(line);
	caught(STDOUT_FILENO, old_out, out);
	caught(STDERR_FILENO, old_err, err);
	return status;
}

static int clean_environment(void **state)
{
	static const char *const names[] = { "RELCTL_APP", "RELCTL_STORE",
		"RELCTL_ACTOR", "RELCTL_KEY_FILE", "NO_COLOR", "FORCE_COLOR",
		"SUDO_USER", "GITHUB_ACTIONS", "GITLAB_CI", "BUILDKITE",
		"CIRCLECI", "BITBUCKET_BUILD_NUMBER" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		unsetenv(names[i]);
	setenv("RELCTL_STORE", "/nowhere/store", 1);
	setenv("RELCTL_ACTOR", "tester", 1);
	setenv("LC_ALL", "C.UTF-8", 1);
	open_fails = false;
	return 0;
}

static void test_global_options_stand_before_and_after(void **state)
{
	(void)state;
	assert_int_equal(relctl("-q --store /s look --wait 5 -a shop"), 0);
	assert_int_equal(seen.runs, 1);
	assert_int_equal(seen.opens, 1);
	assert_true(seen.cx.quiet);
	assert_string_equal(seen.store, "/s");
	assert_int_equal(seen.cx.wait_s, 5);
	assert_string_equal(seen.app, "shop");
	assert_true(seen.cx.app_given);
	assert_string_equal(out, "");
	assert_string_equal(err, "");
}

static void test_the_exit_status_of_a_command_is_relctls(void **state)
{
	(void)state;
	assert_int_equal(relctl("look 37"), 37);
	assert_int_equal(relctl("-- look 3 --json"), 3);
	assert_string_equal(seen.word, "--json");
	assert_false(seen.cx.json);
}

static void test_help_runs_and_opens_nothing(void **state)
{
	static const char *const lines[] = { "look -h", "-h look",
		"--help exec", "promote --help", "look a b c d -h" };

	(void)state;
	open_fails = true;
	setenv("RELCTL_APP", "Not An App", 1);
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		assert_int_equal(relctl(lines[i]), 0);
		assert_int_equal(seen.runs + seen.opens, 0);
		assert_non_null(strstr(out, "usage: relctl "));
		assert_string_equal(err, "");
	}
	assert_int_equal(relctl("help look"), 0);
	assert_non_null(strstr(out, "usage: relctl look"));
	/* What follows the word is the program's. */
	unsetenv("RELCTL_APP");
	open_fails = false;
	assert_int_equal(relctl("exec 5 -h"), 5);
	assert_int_equal(seen.runs, 1);
}

static void test_a_wrong_count_shows_the_usage_line(void **state)
{
	(void)state;
	assert_int_equal(relctl("promote a"), 2);
	assert_string_equal(err, "error: 'promote' needs 2 arguments\n"
				 "usage: relctl promote [OPTIONS] FROM TO\n"
				 "hint: 'relctl help promote' shows more\n");
	assert_string_equal(out, "");
	assert_int_equal(seen.runs + seen.opens, 0);
	assert_int_equal(relctl("promote a b TOKEN=hunter2"), 2);
	assert_non_null(strstr(err, "error: unexpected argument 'TOKEN'\n"));
	assert_null(strstr(err, "hunter2"));
}

static void test_a_mistyped_command_is_not_run(void **state)
{
	(void)state;
	assert_int_equal(relctl("promte a b"), 2);
	assert_string_equal(err, "error: there is no command 'promte'\n"
				 "hint: did you mean 'promote'?\n");
	assert_int_equal(seen.runs, 0);
	assert_int_equal(relctl("ruN"), 2);
	assert_non_null(strstr(err, "'run'?"));
	assert_int_equal(relctl("xyzzy"), 2);
	assert_non_null(strstr(err, "hint: 'relctl help' lists the commands"));
	/* A command that help does not show is not suggested either. */
	assert_int_equal(relctl("speka"), 2);
	assert_null(strstr(err, "speak"));
}

static void test_own_failures_of_exec_are_125(void **state)
{
	(void)state;
	open_fails = true;
	assert_int_equal(relctl("look"), 7);
	assert_int_equal(relctl("exec ls"), 125);
	assert_int_equal(relctl("exec --bad ls"), 125);
	assert_int_equal(relctl("exec"), 125);
	assert_int_equal(relctl("run"), 7);
	assert_int_equal(relctl("run --once"), 125);
	assert_int_equal(relctl("run --once --bad"), 125);
	assert_int_equal(relctl("run --bad"), 2);
}

/* Parse what was printed; the caller frees. */
static struct json_t *parsed(const char *text)
{
	struct rel_err e = REL_ERR_INIT;
	struct json_t *j = NULL;

	assert_int_equal(rel_json_parse(text, strcspn(text, "\n"), &j, &e), 0);
	return j;
}

static void test_an_error_as_json_has_every_field(void **state)
{
	REL_AUTO(rel_json_freep) struct json_t *j = NULL;
	const struct json_t *e;

	(void)state;
	assert_int_equal(relctl("fail --json"), 2);
	assert_string_equal(err, "");
	j = parsed(out);
	assert_string_equal(rel_json_get_str(j, "schema"), "relctl.error/1");
	e = rel_json_get(j, "error");
	assert_string_equal(rel_json_get_str(e, "code"), "invalid");
	assert_string_equal(
		rel_json_get_str(e, "message"), "bad \033[2J: prod.env:7:14");
	assert_string_equal(rel_json_get_str(e, "file"), "prod.env");
	assert_string_equal(
		rel_json_get_str(e, "hint"), "write A='\xe2\x80\xa6'");
	assert_int_equal(rel_json_get_int(e, "exit", -1), 2);
	assert_int_equal(rel_json_get_int(e, "line", -1), 7);
	assert_int_equal(rel_json_get_int(e, "column", -1), 14);
}

static void test_json_errors_leave_the_apps_stdout_alone(void **state)
{
	REL_AUTO(rel_json_freep) struct json_t *j = NULL;
	const struct json_t *e;

	(void)state;
	open_fails = true;
	assert_int_equal(relctl("--json exec ls"), 125);
	assert_string_equal(out, "");
	j = parsed(err);
	e = rel_json_get(j, "error");
	assert_string_equal(rel_json_get_str(e, "code"), "busy");
	assert_int_equal(rel_json_get_int(e, "exit", -1), 125);
}

static void test_a_usage_error_is_json_wherever_json_stands(void **state)
{
	REL_AUTO(rel_json_freep) struct json_t *j = NULL;

	(void)state;
	assert_int_equal(relctl("promte a b --json"), 2);
	assert_string_equal(err, "");
	j = parsed(out);
	assert_string_equal(
		rel_json_get_str(rel_json_get(j, "error"), "code"), "usage");
}

static void test_an_error_for_people_is_clean_and_in_order(void **state)
{
	(void)state;
	assert_int_equal(relctl("fail"), 2);
	assert_string_equal(out, "");
	assert_string_equal(err, "error: bad \\033[2J: prod.env:7:14\n"
				 "  7 | A=*\n"
				 "        ^\n"
				 "hint: write A='\xe2\x80\xa6'\n");
}

static void test_colour_obeys_option_then_no_color_then_force(void **state)
{
	static const char red[] = "\033[1;31merror:\033[0m bad";

	(void)state;
	relctl("fail --color always");
	assert_memory_equal(err, red, sizeof(red) - 1);
	/* The escape in the message is still none. */
	assert_non_null(strstr(err, "bad \\033[2J"));
	setenv("FORCE_COLOR", "1", 1);
	relctl("fail");
	assert_memory_equal(err, red, sizeof(red) - 1);
	setenv("NO_COLOR", "1", 1);
	relctl("fail");
	assert_memory_equal(err, "error:", 6);
	relctl("fail --color=always");
	assert_memory_equal(err, red, sizeof(red) - 1);
	setenv("NO_COLOR", "", 1);
	relctl("fail --color=never");
	assert_memory_equal(err, "error:", 6);
	relctl("fail");
	assert_memory_equal(err, red, sizeof(red) - 1);
}

static void test_talk_goes_to_stderr_and_is_escaped(void **state)
{
	(void)state;
	assert_int_equal(relctl("speak"), 0);
	assert_string_equal(out, "v12\n");
	assert_string_equal(err,
		"notice: a\\012b\n"
		"talk \\033[31mcaf\xc3\xa9 \\377\\177\\302\\233\n"
		"hint: do it\n");
	relctl("-v speak");
	assert_non_null(strstr(err, "\nmore\n"));
	assert_int_equal(relctl("speak -q"), 0);
	assert_string_equal(out, "v12\n");
	assert_string_equal(err, "");
	assert_int_equal(relctl("speak --json"), 0);
	assert_string_equal(out, "");
}

static void test_a_table_is_aligned_and_escaped(void **state)
{
	(void)state;
	assert_int_equal(relctl("table"), 0);
	assert_string_equal(out, "REL  CHANGE             BY\n"
				 "v12  fix caf\xc3\xa9 \\033[31m  ada\n"
				 "v3                      ci\\012x\n");
	assert_int_equal(relctl("table --json"), 0);
	assert_string_equal(out, "");
}

static void test_a_full_disk_under_stdout_is_an_error(void **state)
{
	int full, old;

	(void)state;
	full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	assert_true(full >= 0);
	/* Once at the end, and once with writes in between. */
	for (int i = 0; i < 2; i++) {
		int status, old_err;

		fflush(stdout);
		old = dup(STDOUT_FILENO);
		dup2(full, STDOUT_FILENO);
		old_err = catch (STDERR_FILENO);
		status = call(i ? "lines" : "speak -q");
		clearerr(stdout);
		dup2(old, STDOUT_FILENO);
		close(old);
		caught(STDERR_FILENO, old_err, err);
		assert_int_equal(status, 1);
		assert_memory_equal(err, "error: ", 7);
	}
	close(full);
}

static void test_an_app_name_is_checked(void **state)
{
	static const char *const bad[] = { "", "Shop", "shop-", "-shop", "v12",
		"9lives", "a_b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };
	static const char *const good[] = { "a", "v", "v1a", "shop-staging",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };
	char line[128];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		snprintf(line, sizeof(line), "look --app=%s", bad[i]);
		assert_int_equal(relctl(line), 2);
		assert_int_equal(seen.runs + seen.opens, 0);
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		snprintf(line, sizeof(line), "look --app=%s", good[i]);
		assert_int_equal(relctl(line), 0);
		assert_string_equal(seen.app, good[i]);
	}
	setenv("RELCTL_APP", "shop", 1);
	assert_int_equal(relctl("look"), 0);
	assert_string_equal(seen.app, "shop");
	assert_false(seen.cx.app_given);
	assert_int_equal(relctl("look -a other"), 0);
	assert_string_equal(seen.app, "other");
	setenv("RELCTL_APP", "v1", 1);
	assert_int_equal(relctl("look"), 2);
	assert_non_null(strstr(err, "RELCTL_APP"));
}

static void test_the_store_is_an_absolute_path(void **state)
{
	char cwd[4096], want[4200];

	(void)state;
	assert_int_equal(relctl("look"), 0);
	assert_string_equal(seen.store, "/nowhere/store");
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	snprintf(want, sizeof(want), "%s/here", cwd);
	assert_int_equal(relctl("look --store here"), 0);
	assert_string_equal(seen.store, want);
	unsetenv("RELCTL_STORE");
	setenv("XDG_DATA_HOME", "/xdg", 1);
	assert_int_equal(relctl("look"), 0);
	assert_string_equal(
		seen.store, geteuid() == 0 ? "/var/lib/relctl" : "/xdg/relctl");
}

static void test_the_actor_is_the_ci_user_with_the_job(void **state)
{
	(void)state;
	setenv("GITHUB_ACTIONS", "true", 1);
	setenv("GITHUB_ACTOR", "ada\033[31m\n", 1);
	setenv("GITHUB_SERVER_URL", "https://github.com", 1);
	setenv("GITHUB_REPOSITORY", "acme/shop", 1);
	setenv("GITHUB_RUN_ID", "42", 1);
	assert_int_equal(relctl("look"), 0);
	assert_string_equal(seen.actor, "tester");
	assert_string_equal(
		seen.url, "https://github.com/acme/shop/actions/runs/42");
	unsetenv("RELCTL_ACTOR");
	setenv("SUDO_USER", "grace", 1);
	relctl("look");
	assert_string_equal(seen.actor, "ada[31m");
	unsetenv("GITHUB_RUN_ID");
	unsetenv("GITHUB_ACTOR");
	relctl("look");
	assert_string_equal(seen.actor, "github");
	assert_string_equal(seen.url, "-");
	unsetenv("GITHUB_ACTIONS");
	relctl("look");
	assert_string_equal(seen.actor, "grace");
	unsetenv("SUDO_USER");
	relctl("look");
	assert_non_null(strchr(seen.actor, '@'));
}

static void test_the_bar_comes_late_and_goes_before_a_line(void **state)
{
	struct ctx cx = { .progress = true };
	int old;

	(void)state;
	progress_install(&cx);
	old = catch (STDERR_FILENO);
	rel_progress(&cx.events, "packing", 1, 4);
	rel_progress(&cx.events, "packing", 2, 4);
	assert_int_equal(lseek(STDERR_FILENO, 0, SEEK_CUR), 0);
	usleep(510 * 1000);
	rel_progress(&cx.events, "packing", 2000, 4000);
	say(&cx, "line");
	out_done();
	caught(STDERR_FILENO, old, err);
	assert_memory_equal(err, "\rpacking  [=====", 15);
	assert_non_null(strstr(err, "]  50 %  2.0 kB  "));
	assert_non_null(strstr(err, "/s\033[K\r\033[Kline\n"));
}

static void test_amounts_are_short(void **state)
{
	(void)state;
	assert_string_equal(bytes_text(0).s, "0 B");
	assert_string_equal(bytes_text(999).s, "999 B");
	assert_string_equal(bytes_text(1000).s, "1.0 kB");
	assert_string_equal(bytes_text(104000).s, "104 kB");
	assert_string_equal(bytes_text(999499).s, "999 kB");
	assert_string_equal(bytes_text(999500).s, "1.0 MB");
	assert_string_equal(bytes_text(1340000).s, "1.3 MB");
	assert_string_equal(bytes_text(UINT64_MAX).s, "18 EB");
}

#define NAME(t) cmocka_unit_test_setup(t, clean_environment)

int main(void)
{
	const struct CMUnitTest tests[] = {
		NAME(test_global_options_stand_before_and_after),
		NAME(test_the_exit_status_of_a_command_is_relctls),
		NAME(test_help_runs_and_opens_nothing),
		NAME(test_a_wrong_count_shows_the_usage_line),
		NAME(test_a_mistyped_command_is_not_run),
		NAME(test_own_failures_of_exec_are_125),
		NAME(test_an_error_as_json_has_every_field),
		NAME(test_json_errors_leave_the_apps_stdout_alone),
		NAME(test_a_usage_error_is_json_wherever_json_stands),
		NAME(test_an_error_for_people_is_clean_and_in_order),
		NAME(test_colour_obeys_option_then_no_color_then_force),
		NAME(test_talk_goes_to_stderr_and_is_escaped),
		NAME(test_a_table_is_aligned_and_escaped),
		NAME(test_a_full_disk_under_stdout_is_an_error),
		NAME(test_an_app_name_is_checked),
		NAME(test_the_store_is_an_absolute_path),
		NAME(test_the_actor_is_the_ci_user_with_the_job),
		NAME(test_the_bar_comes_late_and_goes_before_a_line),
		NAME(test_amounts_are_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
