/* SPDX-License-Identifier: Apache-2.0 */
#include "config/env.h"

#include "base/mem.h"
#include "rel_test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct row {
	const char *file;
	size_t n;
	/* "K=v|J=w|" sorted, or "!LINE:COLUMN: what" */
	const char *want;
};
#define ROW(file, want)                                                        \
	{                                                                      \
		file, sizeof(file) - 1, want                                   \
	}

/* What ${file} is read as, in the form of struct row. The caller frees. */
static char *outcome(const char *file, size_t n)
{
	struct rel_config c = { 0 };
	struct rel_err err = REL_ERR_INIT;
	struct rel_buf b = REL_BUF_INIT;
	static const char prefix[] = "config is not valid: f:";

	if (rel_env_parse("f", file, n, &c, &err) < 0) {
		assert_int_equal(err.code, REL_EINVALID);
		assert_string_equal(err.file, "f");
		assert_int_equal(c.n, 0);
		assert_memory_equal(err.msg, prefix, sizeof(prefix) - 1);
		rel_buf_addf(&b, "!%s", err.msg + sizeof(prefix) - 1);
		return rel_buf_take(&b);
	}
	rel_config_format(&c, &b);
	for (size_t i = 0; i < b.len; i++)
		if (b.p[i] == '\0')
			b.p[i] = '|';
	rel_config_done(&c);
	return rel_buf_take(&b);
}

static void check(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char *got = outcome(rows[i].file, rows[i].n);

		if (strcmp(got, rows[i].want) != 0)
			fail_msg("row %zu, '%s': got '%s', not '%s'", i,
				rows[i].file, got, rows[i].want);
		free(got);
	}
}

/*
 * Inputs on which fourteen programs that read env files were compared; they
 * agreed on three. Each is read as the one thing it can mean, or refused.
 */
static void test_inputs_that_other_readers_differ_on(void **state)
{
	static const struct row rows[] = {
		ROW("K=hello\n", "K=hello|"),
		ROW("K=a b  c\n", "!1:4: a space in a bare value"),
		ROW("K=abc   \n", "!1:6: blank space after a bare value"),
		ROW("K=   abc\n", "!1:3: blank space after the '='"),
		ROW("K=\"dq val\"\n", "K=dq val|"),
		ROW("K='sq val'\n", "K=sq val|"),
		ROW("K=ab#cd\n", "!1:5: '#' in a bare value"),
		ROW("K=ab #cd\n", "!1:5: a space in a bare value"),
		ROW("K=\"ab #cd\"\n", "K=ab #cd|"),
		ROW("K=#ab\n", "!1:3: '#' in a bare value"),
		ROW("P=hello\nK=a$P\n", "!2:4: '$' in a bare value"),
		ROW("P=hello\nK=\"a$P\"\n",
			"!2:5: '$' in a double-quoted value"),
		ROW("P=hello\nK='a$P'\n", "K=a$P|P=hello|"),
		ROW("K=pa$$w0rd\n", "!1:5: '$' in a bare value"),
		ROW("K=a\\nb\n", "!1:4: '\\' in a bare value"),
		ROW("K=\"a\\nb\"\n", "K=a\nb|"),
		ROW("K='a\\nb'\n", "K=a\\nb|"),
		ROW("K=s7@o8\\p=x\n", "!1:8: '\\' in a bare value"),
		ROW("K=\"say \\\"hi\\\"\"\n", "K=say \"hi\"|"),
		ROW("K={\"k\":\"v\",\"h\":\"x#y\"}\n",
			"!1:4: a double quote in a bare value"),
		ROW("K=postgres://u:p@h/db?a=b&c=d\n",
			"K=postgres://u:p@h/db?a=b&c=d|"),
		ROW("K=a=b=c\n", "K=a=b=c|"),
		ROW("K=\n", "K=|"),
		ROW("K=\"\"\n", "K=|"),
		ROW("export K=yes\n", "!1:1: 'export' before a name"),
		ROW("K = v\n", "!1:2: blank space after a name"),
		ROW("K.x=1\n", "!1:2: a byte that no name has"),
		ROW("K-x=1\n", "!1:2: a byte that no name has"),
		ROW("1K=x\n", "!1:1: a name that begins with a digit"),
		ROW("K\n", "!1:2: no '=' after a name"),
		ROW("K: val\n", "!1:2: a byte that no name has"),
		ROW("K=`echo hi`\n", "!1:3: '`' in a bare value"),
		ROW("K=$(echo hi)\n", "!1:3: '$' in a bare value"),
		ROW("K=1\nK=2\n", "!2:1: a name that is set already, "
				  "see line 1"),
		ROW("K=\"oops\nJ=ok\n", "!1:3: a quote that is not closed"),
		ROW("K=\"l1\nl2\"\n", "K=l1\nl2|"),
		ROW("K=abc\r\n", "K=abc|"),
		ROW("\xef\xbb\xbfK=abc\n", "!1:1: a byte order mark"),
		ROW(";K=abc\n", "!1:1: a byte that no name has"),
		ROW("   K=abc\n", "!1:1: blank space before a name"),
		ROW("K=a\\\nb\n", "!1:4: '\\' in a bare value"),
		ROW("K='a'b\n", "!1:6: text after a closing quote"),
		ROW("K=caf\xe9\n", "!1:6: a byte that is not UTF-8"),
	};

	(void)state;
	check(rows, sizeof(rows) / sizeof(*rows));
}

static void test_the_rest_of_the_grammar(void **state)
{
	static const struct row rows[] = {
		/* lines */
		ROW("", ""),
		ROW("\n\r\n \t\n", ""),
		ROW("# K=v '\n \t# \"$x\n", ""),
		ROW("K=v", "K=v|"),
		ROW("B=2\nA=1\n", "A=1|B=2|"),
		ROW("A=1\r\nB='2'\r\n\r\n# c\r\n", "A=1|B=2|"),
		ROW("<<<<<<< HEAD\n", "!1:1: a byte that no name has"),
		ROW("hello world\n", "!1:6: no '=' after a name"),
		ROW("=v\n", "!1:1: a byte that no name has"),
		ROW("export\n", "!1:7: no '=' after a name"),
		ROW("export=1\n", "export=1|"),
		ROW("K\xc3\xa9=1\n", "!1:2: a byte that no name has"),
		/* bytes */
		ROW("K=a\0b\n", "!1:4: a NUL byte"),
		ROW("# c\0\n", "!1:4: a NUL byte"),
		ROW("K=a\rb\n", "!1:4: a carriage return that ends no line"),
		ROW("K='a\rb'\n", "!1:5: a carriage return that ends no line"),
		ROW("K=a\r", "!1:4: a carriage return that ends no line"),
		ROW("# c\r\r\n", "!1:4: a carriage return that ends no line"),
		ROW("# \xff\n", "!1:3: a byte that is not UTF-8"),
		ROW("K='\xed\xa0\x80'\n", "!1:4: a byte that is not UTF-8"),
		ROW("K='\xc3'\n", "!1:4: a byte that is not UTF-8"),
		ROW("\xff\xfeK\0=\0", "!1:1: a byte that is not UTF-8"),
		ROW("K=a\x01z\n", "!1:4: a control byte in a bare value"),
		ROW("K=\x7f\n", "!1:3: a control byte in a bare value"),
		ROW("K='\x01\x7f'\n", "K=\x01\x7f|"),
		/* bare */
		ROW("K=caf\xc3\xa9&;()<>|*?[]{}!~%^,:@/+-._\n",
			"K=caf\xc3\xa9&;()<>|*?[]{}!~%^,:@/+-._|"),
		ROW("K=it's\n", "!1:5: a single quote in a bare value"),
		ROW("K=a\tb\n", "!1:4: a tab in a bare value"),
		ROW("K=\t\n", "!1:3: blank space after a bare value"),
		ROW("K=a \r\n", "!1:4: blank space after a bare value"),
		ROW("K= 'a'\n", "!1:3: blank space after the '='"),
		/* single quotes */
		ROW("K=''\n", "K=|"),
		ROW("K='a\"b\\n$x`y`#z'\n", "K=a\"b\\n$x`y`#z|"),
		ROW("K='a\n\nb=c\n'\nJ=1\n", "J=1|K=a\n\nb=c\n|"),
		ROW("K='a\r\nb'\r\n", "K=a\nb|"),
		ROW("K='a' \t# it's\n", "K=a|"),
		ROW("K='a'  \n", "K=a|"),
		ROW("K='a'#c\n", "!1:6: '#' right after a closing quote"),
		ROW("K='a''b'\n", "!1:6: text after a closing quote"),
		ROW("K='a' 'b'\n", "!1:7: text after a closing quote"),
		ROW("K='a\nb' c\n", "!2:4: text after a closing quote, "
				    "see line 1"),
		ROW("K='\n", "!1:3: a quote that is not closed"),
		ROW("K='", "!1:3: a quote that is not closed"),
		/* double quotes */
		ROW("K=\"\\n\\r\\t\\\\\\\"\\$\\`\"\n", "K=\n\r\t\\\"$`|"),
		ROW("K=\"it's #1\"\n", "K=it's #1|"),
		ROW("K=\"a\r\nb\"\n", "K=a\nb|"),
		ROW("K=\"a\\x\"\n", "!1:5: '\\' that begins no escape"),
		ROW("K=\"a\\'\"\n", "!1:5: '\\' that begins no escape"),
		ROW("K=\"a\\0\"\n", "!1:5: '\\' that begins no escape"),
		ROW("K=\"a\\\nb\"\n", "!1:5: '\\' that begins no escape"),
		ROW("K=\"a`b\"\n", "!1:5: '`' in a double-quoted value"),
		ROW("K=\"a\nb $c\"\n", "!2:3: '$' in a double-quoted value"),
		ROW("K=\"a\\\"\n", "!1:3: a quote that is not closed"),
		ROW("K=\"a\\", "!1:3: a quote that is not closed"),
		/* names of relctl's */
		ROW("PS=1\n", "!1:1: a name that relctl sets itself"),
		ROW("RELCTL_X=1\n", "!1:1: a name that relctl sets itself"),
		ROW("PSX=1\nRELCTL=2\n", "PSX=1|RELCTL=2|"),
	};

	(void)state;
	check(rows, sizeof(rows) / sizeof(*rows));
}

static void parse_fails(
	const char *label, const char *file, struct rel_err *err)
{
	struct rel_config c = { 0 };

	assert_int_equal(rel_env_parse(label, file, strlen(file), &c, err),
		-REL_EINVALID);
}

static void test_the_error_shows_the_place_and_the_form_but_no_value(
	void **state)
{
	struct rel_err err = REL_ERR_INIT;

	(void)state;
	parse_fails("prod.env", "A=1\n\n\n\n\n\nAPI_TOKEN=abc#def\n", &err);
	assert_string_equal(err.msg,
		"config is not valid: prod.env:7:14: '#' in a bare value");
	assert_string_equal(err.file, "prod.env");
	assert_int_equal(err.line, 7);
	assert_int_equal(err.column, 14);
	assert_string_equal(err.context, "  7 | API_TOKEN=***\n"
					 "                   ^\n");
	assert_string_equal(
		err.hint, "put the value in single quotes: API_TOKEN='…'");
}

static void test_a_value_with_a_single_quote_gets_the_double_quoted_form(
	void **state)
{
	struct rel_err err = REL_ERR_INIT;

	(void)state;
	parse_fails("f", "K=say it's\n", &err);
	assert_non_null(strstr(err.hint, ": K=\"…\""));
	parse_fails("f", "K=say hi\nJ='\n", &err);
	assert_non_null(strstr(err.hint, ": K='…'"));
}

static void test_a_line_without_a_valid_name_is_not_shown_at_all(void **state)
{
	static const char *const files[] = {
		"hunter2\n",
		"hunter2 = x\n",
		"export hunter2=hunter2\n",
		"hunter2-hunter2=hunter2\n",
		"  hunter2=x\n",
		"2hunter2='hunter2\n",
		"hunter2'=x\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		struct rel_err err = REL_ERR_INIT;

		parse_fails("f", files[i], &err);
		assert_null(strstr(err.msg, "hunter2"));
		assert_null(strstr(err.hint, "hunter2"));
		assert_string_equal(err.context, "");
	}
}

static void test_a_later_line_of_a_value_is_shown_as_stars(void **state)
{
	struct rel_err err = REL_ERR_INIT;

	(void)state;
	parse_fails("f", "K=\"one\nJ=two$\n\"\n", &err);
	assert_string_equal(err.context, "  2 | *****\n"
					 "           ^\n");
	assert_string_equal(err.hint,
		"write \\$, or put the value in single quotes: K='…'");
}

static void test_all_offending_lines_are_told_once_each(void **state)
{
	struct rel_err err = REL_ERR_INIT;

	(void)state;
	parse_fails("f",
		"A=1 # $x\n"		 /* 1: three faults */
		"B='x\ny\n'\n"		 /* fine, though no line of it is */
		"export C=\"x\ny\"\n"	 /* 5, and not 6 */
		"A=2\n"			 /* 7 */
		"D='x'y \"\n"		 /* 8 */
		"E=\"\\q\\p\n$x$y\n\"\n" /* 9 and 10 */
		"F=1\n"
		"G='\n" /* 13, the last one that can be told */
		"H I\n",
		&err);
	assert_string_equal(err.context,
		"  1 | A=*\n"
		"         ^\n"
		"f:5:1: 'export' before a name\n"
		"f:7:1: a name that is set already, see line 1\n"
		"f:8:6: text after a closing quote\n"
		"f:9:4: '\\' that begins no escape\n"
		"f:10:1: '$' in a double-quoted value\n"
		"f:13:3: a quote that is not closed\n");
}

static void test_nothing_behind_an_open_quote_is_told(void **state)
{
	struct rel_err err = REL_ERR_INIT;

	(void)state;
	parse_fails("f", "K=\"a\n$b\nL=c d\n", &err);
	assert_string_equal(err.context, "  1 | K=\n"
					 "        ^\n");
}

static void test_a_quote_behind_no_name_swallows_nothing(void **state)
{
	struct rel_err err = REL_ERR_INIT;

	(void)state;
	parse_fails("f", "; x='\nK=a b\n", &err);
	assert_string_equal(err.context, "f:2:4: a space in a bare value\n");
}

/* Lines of ${of} in the context of an env file of ${n} bad lines. */
static size_t lines_told(const char *label, size_t n, char *last, size_t size)
{
	struct rel_buf file = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;
	size_t lines = 0;

	for (size_t i = 0; i < n; i++)
		rel_buf_adds(&file, "K-\n");
	parse_fails(label, file.p, &err);
	rel_buf_free(&file);

	for (const char *p = err.context; *p; lines++) {
		const char *eol = strchr(p, '\n');

		assert_non_null(eol); /* whole lines only */
		snprintf(last, size, "%.*s", (int)(eol - p), p);
		p = eol + 1;
	}
	return lines;
}

static void test_at_most_20_lines_are_told_and_the_rest_is_counted(void **state)
{
	char last[256], label[300];

	(void)state;
	assert_int_equal(lines_told("f", 20, last, sizeof(last)), 19);
	assert_string_equal(last, "f:20:2: a byte that no name has");
	assert_int_equal(lines_told("f", 21, last, sizeof(last)), 20);
	assert_string_equal(last, "and 1 more");
	assert_int_equal(lines_told("f", 5000, last, sizeof(last)), 20);
	assert_string_equal(last, "and 4980 more");

	/* all of it finds room whatever the label is, which is cut */
	memset(label, '\x1b', sizeof(label) - 1);
	label[sizeof(label) - 1] = '\0';
	assert_int_equal(lines_told(label, 5000, last, sizeof(last)), 20);
	assert_string_equal(last, "and 4980 more");
}

static void test_control_bytes_of_a_label_are_escaped(void **state)
{
	struct rel_err err = REL_ERR_INIT;

	(void)state;
	parse_fails("a\x1b[31m\nb", "K\nJ\n", &err);
	assert_string_equal(err.msg,
		"config is not valid: a\\033[31m\\012b:1:2: "
		"no '=' after a name");
	assert_string_equal(
		err.context, "a\\033[31m\\012b:2:2: no '=' after a name\n");
}

static void test_a_far_column_gets_a_short_source_line(void **state)
{
	struct rel_buf file = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;

	(void)state;
	rel_buf_adds(&file, "K=");
	for (int i = 0; i < 100000; i++)
		rel_buf_addc(&file, 'x');
	rel_buf_adds(&file, "$\n");
	parse_fails("f", file.p, &err);
	assert_int_equal(err.column, 100003);
	assert_true(strlen(err.context) < 200);
	assert_non_null(strstr(err.context, "*…\n"));
	rel_buf_free(&file);
}

/* NAME=xxx… of ${size} bytes with its NUL. */
static void add_variable(struct rel_buf *file, const char *name, size_t size)
{
	rel_buf_addf(file, "%s=", name);
	for (size_t i = strlen(name) + 2; i < size; i++)
		rel_buf_addc(file, 'x');
	rel_buf_addc(file, '\n');
}

static void test_the_limits_hold_to_the_byte(void **state)
{
	struct rel_buf file = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;
	char name[257] = "A", *got;

	(void)state;
	add_variable(&file, "A", REL_MAX_VAR + 1);
	got = outcome(file.p, file.len);
	assert_string_equal(
		got, "!1:1: more than 131,072 bytes of name and value");
	free(got);

	rel_buf_reset(&file);
	for (; name[0] < 'A' + 8; name[0]++)
		add_variable(&file, name, REL_MAX_VAR);
	got = outcome(file.p, file.len);
	assert_int_equal(strlen(got), REL_MAX_CONFIG);
	free(got);
	rel_buf_adds(&file, "Y=\nZ=\n");
	got = outcome(file.p, file.len);
	assert_string_equal(
		got, "!9:1: more than 1,048,576 bytes of config up to here");
	free(got);
	parse_fails("f", file.p, &err); /* and that once */
	assert_null(strstr(err.context, "f:10:"));

	for (size_t n = 255; n <= 256; n++) {
		memset(name, 'N', n);
		name[n] = '\0';
		rel_buf_reset(&file);
		add_variable(&file, name, 300);
		got = outcome(file.p, file.len);
		if (n == 255)
			assert_int_equal(strlen(got), 300);
		else
			assert_string_equal(
				got, "!1:256: a name of more than 255 bytes");
		free(got);
	}
	rel_buf_free(&file);
}

static uint32_t next(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/* Change, remove or put in up to four bytes. */
static void mutate(
	uint32_t *seed, const char *bytes, size_t n, struct rel_buf *file)
{
	for (uint32_t i = next(seed) % 4 + 1; i > 0; i--) {
		size_t at = next(seed) % file->len;
		char c = bytes[next(seed) % n];

		switch (next(seed) % 3) {
		case 0:
			file->p[at] = c;
			break;
		case 1:
			memmove(file->p + at, file->p + at + 1, file->len - at);
			file->len--;
			break;
		default:
			rel_buf_room(file, 1);
			memmove(file->p + at + 1, file->p + at,
				file->len - at + 1);
			file->p[at] = c;
			file->len++;
		}
	}
}

static bool has_any(const struct rel_err *err, const char *bytes)
{
	return strpbrk(err->msg, bytes) || strpbrk(err->hint, bytes) ||
	       strpbrk(err->context, bytes) || strpbrk(err->file, bytes);
}

/*
 * Every value is made of bytes that no message has, so not one byte of a value
 * gets out, whatever the file looks like around it.
 */
static void test_no_byte_of_a_value_is_told_of_any_mutated_file(void **state)
{
	static const char file[] = "# %~\n"
				   "DATABASE_URL=%~@+\n"
				   "SECRET='%~@ #+'   # ~\n"
				   "\n"
				   "PEM=\"@@@@\n%%%%\n~~=\n++++\"\n"
				   "JSON='{%: ~}'\n"
				   "QUOTED=\"+\\\"\\\\\\n%@~\"\n"
				   "LAST=~%\n";
	static const char bytes[] = "'\"\\$`# \t\r\n=%~@+\0\xff\x01";
	uint32_t seed = 4711;
	size_t failed = 0;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct rel_buf mutant = REL_BUF_INIT;
		struct rel_config c = { 0 };
		struct rel_err err = REL_ERR_INIT;

		rel_buf_adds(&mutant, file);
		mutate(&seed, bytes, sizeof(bytes) - 1, &mutant);
		if (rel_env_parse("f", mutant.p, mutant.len, &c, &err) < 0) {
			failed++;
			if (has_any(&err, "%~@+"))
				fail_msg("%s\n%s%s\nof\n%s", err.msg,
					err.context, err.hint, mutant.p);
		}
		rel_config_done(&c);
		rel_buf_free(&mutant);
	}
	assert_true(failed > 10000);
}

/* The same with a value that could be a name, but for where it stands. */
static void test_a_secret_word_is_told_of_no_mutated_file(void **state)
{
	static const char file[] = "A=hunter2\n"
				   "B='hunter2 hunter2'\n"
				   "C=\"hunter2\nhunter2 hunter2\n\"\n"
				   "D=hunter2\n";
	static const char bytes[] = "'\"\\$`# \t\r-\0\xff\x01";
	uint32_t seed = 815;
	size_t failed = 0;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct rel_buf mutant = REL_BUF_INIT;
		struct rel_config c = { 0 };
		struct rel_err err = REL_ERR_INIT;

		rel_buf_adds(&mutant, file);
		mutate(&seed, bytes, sizeof(bytes) - 1, &mutant);
		if (rel_env_parse("f", mutant.p, mutant.len, &c, &err) < 0) {
			failed++;
			assert_null(strstr(err.msg, "unter"));
			assert_null(strstr(err.hint, "unter"));
			assert_null(strstr(err.context, "unter"));
		}
		rel_config_done(&c);
		rel_buf_free(&mutant);
	}
	assert_true(failed > 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inputs_that_other_readers_differ_on),
		cmocka_unit_test(test_the_rest_of_the_grammar),
		cmocka_unit_test(
			test_the_error_shows_the_place_and_the_form_but_no_value),
		cmocka_unit_test(
			test_a_value_with_a_single_quote_gets_the_double_quoted_form),
		cmocka_unit_test(
			test_a_line_without_a_valid_name_is_not_shown_at_all),
		cmocka_unit_test(
			test_a_later_line_of_a_value_is_shown_as_stars),
		cmocka_unit_test(test_all_offending_lines_are_told_once_each),
		cmocka_unit_test(test_nothing_behind_an_open_quote_is_told),
		cmocka_unit_test(test_a_quote_behind_no_name_swallows_nothing),
		cmocka_unit_test(
			test_at_most_20_lines_are_told_and_the_rest_is_counted),
		cmocka_unit_test(test_control_bytes_of_a_label_are_escaped),
		cmocka_unit_test(test_a_far_column_gets_a_short_source_line),
		cmocka_unit_test(test_the_limits_hold_to_the_byte),
		cmocka_unit_test(
			test_no_byte_of_a_value_is_told_of_any_mutated_file),
		cmocka_unit_test(test_a_secret_word_is_told_of_no_mutated_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
