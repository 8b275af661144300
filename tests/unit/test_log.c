/* SPDX-License-Identifier: Apache-2.0 */
#include "run/log.h"

#include "base/entry.h"
#include "base/json.h"
#include "rel_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NOW INT64_C(1790000000123) /* 2026-09-21T14:13:20.123Z */

static const struct rel_log text = {
	.format = REL_LOG_TEXT, .name_width = 8, .app = "shop"
};
static const struct rel_log json = { .format = REL_LOG_JSON, .app = "shop" };
static const struct rel_log raw = { .format = REL_LOG_RAW, .app = "shop" };
static const struct rel_log_source web = {
	.ps = "web.1", .release = 42, .pid = 4711
};

#define HEAD                                                                   \
	"{\"@timestamp\":\"2026-09-21T14:13:20.123Z\",\"log.level\":\"info\"," \
	"\"message\":\""
#define SERVICE                                                                \
	"\"ecs.version\":\"8.11.0\",\"service.name\":\"shop\","                \
	"\"service.version\":\"v42\",\"service.instance.id\":\"web.1\","       \
	"\"process.pid\":4711,\"log.iostream\":\"stdout\""

/* All of ${p}, fed in pieces of ${step}, and the end. */
static struct rel_buf fed_by(
	const struct rel_log *log, const char *p, size_t n, size_t step)
{
	struct rel_lines lines = { 0 };
	struct rel_buf out = REL_BUF_INIT;
	size_t sum = 0, got, lf = 0;

	for (size_t at = 0; at < n; at += step) {
		rel_lines_feed(&lines, log, &web, NOW, p + at,
			n - at < step ? n - at : step, &out, &got);
		sum += got;
		assert_true(lines.rest.len <= REL_LOG_LINE + 1);
	}
	rel_lines_end(&lines, log, &web, NOW, &out, &got);
	sum += got;
	for (size_t i = 0; i < out.len; i++)
		lf += out.p[i] == '\n';
	assert_int_equal(sum, lf);
	assert_true(out.len == 0 || out.p[out.len - 1] == '\n');
	return out;
}

static struct rel_buf fed(const struct rel_log *log, const char *p, size_t n)
{
	return fed_by(log, p, n, n ? n : 1);
}

static void check(
	const struct rel_log *log, const char *p, size_t n, const char *want)
{
	struct rel_buf out = fed(log, p, n);

	assert_string_equal(rel_buf_str(&out), want);
	rel_buf_free(&out);
}
#define CHECK(log, line, want) check(log, line, sizeof(line) - 1, want)

static void test_text_looks_as_foreman_does(void **state)
{
	struct rel_log colored = text;
	struct rel_log_source worker = { .ps = "worker.10", .color = 7 };
	struct rel_lines lines = { 0 };
	struct rel_buf out = REL_BUF_INIT;

	(void)state;
	CHECK(&text, "GET /\n\nlast",
		"14:13:20 web.1    | GET /\n"
		"14:13:20 web.1    | \n"
		"14:13:20 web.1    | last\n");
	colored.color = true;
	CHECK(&colored, "a\r\n", "\033[36m14:13:20 web.1    | \033[0ma\n");
	rel_lines_feed(&lines, &colored, &worker, NOW, "b\n", 2, &out, NULL);
	assert_string_equal(out.p, "\033[33m14:13:20 worker.10 | \033[0mb\n");
	rel_buf_free(&out);
	rel_lines_done(&lines);
}

static void test_text_shows_what_a_terminal_would_obey(void **state)
{
	(void)state;
#define P "14:13:20 web.1    | "
	CHECK(&text, "a\0b\tc\033[1;31mred\033[m\n",
		P "a\\x00b\tc\033[1;31mred\033[m\n");
	CHECK(&text, "\033[2J\033]0;t\a\033[31",
		P "\\x1b[2J\\x1b]0;t\\x07\\x1b[31\n");
	CHECK(&text, "50%\r100%\r\r\n", P "50%\\x0d100%\\x0d\n");
	CHECK(&text,
		"\x7f caf\xc3\xa9 \xc2\x9b"
		"31m \xff\xe2\x82\n",
		P "\\x7f caf\xc3\xa9 \\xc2\\x9b31m \\xff\\xe2\\x82\n");
#undef P
}

static void test_a_line_of_text_is_the_message_of_a_record(void **state)
{
	struct rel_log_source err = web;
	struct rel_lines lines = { 0 };
	struct rel_buf out = REL_BUF_INIT;

	(void)state;
	CHECK(&json, "say \"hi\" \\\r\n",
		HEAD "say \\\"hi\\\" \\\\\"," SERVICE "}\n");
	CHECK(&json, "\0\001\b\f\r\t\033\x7f\xc3\xa9\n",
		HEAD "\\u0000\\u0001\\b\\f\\r\\t\\u001b\x7f\xc3\xa9\"," SERVICE
		     "}\n");
	CHECK(&json, "a\xff\xed\xa0\x80z\n",
		HEAD "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\","
		     "\"log.lossy\":true," SERVICE "}\n");
	err.stream = REL_STREAM_ERR;
	err.release = 0;
	err.pid = 0;
	rel_lines_feed(&lines, &json, &err, NOW, "\n", 1, &out, NULL);
	assert_string_equal(out.p,
		HEAD "\",\"ecs.version\":\"8.11.0\",\"service.name\":\"shop\","
		     "\"service.instance.id\":\"web.1\","
		     "\"log.iostream\":\"stderr\"}\n");
	rel_buf_free(&out);
	rel_lines_done(&lines);
}

#define TIME "\"@timestamp\":\"2026-09-21T14:13:20.123Z\""
#define INFO "\"log.level\":\"info\""
#define NONE "\"message\":\"\""

static void test_an_object_is_kept_and_gets_what_it_lacks(void **state)
{
	static const char *const rows[][2] = {
		{ "{}", "{" TIME "," INFO "," NONE "," SERVICE "}" },
		{ " { } ", " { " TIME "," INFO "," NONE "," SERVICE "} " },
		{ "{\"a\":1.10e+2,\"a\":12345678901234567890 }",
			"{\"a\":1.10e+2,\"a\":12345678901234567890 ," TIME
			"," INFO "," NONE "," SERVICE "}" },
		{ "{\"message\":\"\\uD83D\\ude00 \\u00e9\",\"@timestamp\":null}",
			"{\"message\":\"\\uD83D\\ude00 \\u00e9\",\"@timestamp\":null," INFO
			"," SERVICE "}" },
		/* dotted, nested, and spelled with escapes */
		{ "{\"log.level\":\"warn\",\"message\":\"m\"}",
			"{\"log.level\":\"warn\",\"message\":\"m\"," TIME
			"," SERVICE "}" },
		{ "{\"log\":{\"x\":[{}],\"level\":1},\"message\":\"m\"}",
			"{\"log\":{\"x\":[{}],\"level\":1},\"message\":\"m\"," TIME
			"," SERVICE "}" },
		{ "{\"lo\\u0067.l\\u0065vel\":2,\"\\u006dessage\":3}",
			"{\"lo\\u0067.l\\u0065vel\":2,\"\\u006dessage\":3," TIME
			"," SERVICE "}" },
		{ "{\"service\":{\"instance.id\":0,\"name\":{}},"
		  "\"service.version\":[],\"process\":{\"pid\":1},"
		  "\"ecs\":{\"version\":1},\"log\":{\"iostream\":2}}",
			"{\"service\":{\"instance.id\":0,\"name\":{}},"
			"\"service.version\":[],\"process\":{\"pid\":1},"
			"\"ecs\":{\"version\":1},\"log\":{\"iostream\":2}," TIME
			"," INFO "," NONE "}" },
		/* what is not it, though it looks a little like it */
		{ "{\"x\":{\"message\":1},\"\":{\"message\":1},"
		  "\"message\\u0000\":1,\"messages\":1,\"log\":[\"level\"]}",
			"{\"x\":{\"message\":1},\"\":{\"message\":1},"
			"\"message\\u0000\":1,\"messages\":1,"
			"\"log\":[\"level\"]," TIME "," INFO "," NONE
			"," SERVICE "}" },
		/* other loggers' names */
		{ "{\"level\":\"error\",\"msg\":\"a\\nb\"}",
			"{\"level\":\"error\",\"msg\":\"a\\nb\"," TIME
			",\"log.level\":\"error\",\"message\":\"a\\nb\"," SERVICE
			"}" },
		{ "{\"level\":50,\"msg\":\"x\",\"message\":\"y\"}",
			"{\"level\":50,\"msg\":\"x\",\"message\":\"y\"," TIME
			"," SERVICE "}" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rel_buf want = REL_BUF_INIT;

		rel_buf_addf(&want, "%s\n", rows[i][1]);
		check(&json, rows[i][0], strlen(rows[i][0]), want.p);
		rel_buf_free(&want);
	}
}

/* Was ${n} bytes, one line, kept as an object? */
static bool kept(const char *p, size_t n, struct rel_buf *ret)
{
	*ret = fed(&json, p, n);
	return strncmp(ret->p, HEAD, sizeof(HEAD) - 1) != 0;
}

static void test_what_is_no_object_is_a_message(void **state)
{
	static const char *const rows[] = { "{", "}", "{}x", "{\"a\"}",
		"{\"a\":}", "{\"a\":1,}", "{,}", "{\"a\":01}", "{\"a\":+1}",
		"{\"a\":.5}", "{\"a\":1.}", "{\"a\":1e}", "{\"a\":-}",
		"{\"a\":NaN}", "{\"a\":tru}", "{\"a\":trues}", "{'a':1}",
		"{a:1}", "{\"a\":\"\t\"}", "{\"a\":\"\\x\"}",
		"{\"a\":\"\\u12g4\"}", "{\"a\":\"\\u12\"}",
		"{\"a\":\"\\ud800\"}", "{\"a\":\"\\udc00\"}",
		"{\"a\":\"\\ud800\\u0020\"}", "{\"\\ud800\\nudc00\":1}",
		"{\"\\ud800\\ud800\\udc00\":1}", "{\"\\ud800\\udc0",
		"{\"a\":\"\xff\"}", "{\"a\":\"\xc0\x80\"}", "{\"a\":1}{}",
		"{\"a\":[1}", "[{}]", "{} //", "\xef\xbb\xbf{}", "{\"a\":\"",
		"{\"a\":\"\\", "1", "{\"a\" 1}", "{\"a\":1 \"b\":2}", "{1:2}",
		"{\"a\":[1,]}" };
	struct rel_buf b;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (kept(rows[i], strlen(rows[i]), &b))
			fail_msg("taken for an object: %s", rows[i]);
		rel_buf_free(&b);
	}
	assert_false(kept("{\"a\":\"\0\"}", 9, &b));
	rel_buf_free(&b);
}

static void test_the_depth_of_an_object_is_limited(void **state)
{
	char deep[2 * 65536];
	struct rel_buf b;

	(void)state;
	for (size_t depth = 128; depth <= 129; depth++) {
		size_t n = (size_t)snprintf(deep, sizeof(deep), "{\"a\":");

		memset(deep + n, '[', depth - 1);
		memset(deep + n + depth - 1, ']', depth - 1);
		n += 2 * (depth - 1);
		deep[n++] = '}';
		assert_int_equal(kept(deep, n, &b), depth == 128);
		rel_buf_free(&b);
	}
	memcpy(deep, "{\"a\":", 5);
	memset(deep + 5, '[', 65000);
	assert_false(kept(deep, 65005, &b));
	rel_buf_free(&b);
}

static uint64_t seed = 0x9e3779b97f4a7c15;

static size_t chance(size_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (size_t)(seed >> 11) % n;
}

/* jansson refuses some of what RFC 8259 allows. */
static bool allowed_all_the_same(const char *why)
{
	static const char *const reasons[] = { "duplicate object key",
		"too big", "real number overflow", "\\u0000", "NUL byte" };

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (strstr(why, reasons[i]))
			return true;
	return false;
}

static void test_objects_are_told_apart_as_by_another_parser(void **state)
{
	static const char good[] =
		" {\"a\" : [1, -0.5e+10, 0, {\"b\":null}, true,false , \"x\"],"
		"\"log\":{\"level\":\"\\u00e9\\n\\\\\\\"\"},\"\":{},"
		"\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\":[],\"msg\":\"hi\"} ";
	static const char bytes[] = "{}[]\",:\\u0dE+-.1 etn\t\xc3\xe2\x80/";
	size_t objects = 0;

	(void)state;
	for (int round = 0; round < 30000; round++) {
		char line[sizeof(good) + 8];
		size_t n = sizeof(good) - 1;
		struct rel_err err = REL_ERR_INIT;
		struct json_t *in = NULL, *out = NULL;
		struct rel_buf b;
		bool object;

		memcpy(line, good, n);
		for (size_t k = chance(4); k > 0; k--) {
			size_t at = chance(n);
			char c = bytes[chance(sizeof(bytes) - 1)];

			if (chance(3) == 0) {
				memmove(line + at, line + at + 1, n - at - 1);
				n--;
			} else if (chance(2) == 0) {
				memmove(line + at + 1, line + at, n - at);
				line[at] = c;
				n++;
			} else {
				line[at] = c;
			}
		}
		object = kept(line, n, &b);
		objects += object;
		if (rel_json_parse(line, n, &in, &err) == 0) {
			if (object != rel_json_is_object(in))
				fail_msg("valid: %.*s", (int)n, line);
		} else if (object && !allowed_all_the_same(err.msg)) {
			fail_msg("%s: %.*s", err.msg, (int)n, line);
		}
		if (rel_json_parse(b.p, b.len, &out, &err) < 0 &&
			!(object && allowed_all_the_same(err.msg)))
			fail_msg("%s: %s", err.msg, b.p);
		rel_json_free(in);
		rel_json_free(out);
		rel_buf_free(&b);
	}
	/* or it was all in vain */
	assert_in_range(objects, 3000, 27000);
}

static void test_any_bytes_give_valid_records(void **state)
{
	(void)state;
	for (int round = 0; round < 3000; round++) {
		char line[64];
		size_t n = 1 + chance(sizeof(line));
		struct rel_err err = REL_ERR_INIT;
		struct json_t *j = NULL;
		struct rel_buf b;

		for (size_t i = 0; i < n; i++) {
			line[i] = (char)(1 + chance(255));
			if (line[i] == '\n')
				line[i] = '"';
		}
		b = fed(&json, line, n);
		if (rel_json_parse(b.p, b.len, &j, &err) < 0)
			fail_msg("%s: %s", err.msg, b.p);
		if (line[n - 1] == '\r')
			n--;
		if (rel_utf8_valid(line, n)) {
			const char *got = rel_json_get_str(j, "message");

			assert_int_equal(strlen(got), n);
			assert_memory_equal(got, line, n);
		} else {
			assert_true(
				rel_json_true(rel_json_get(j, "log.lossy")));
		}
		rel_json_free(j);
		rel_buf_free(&b);
	}
}

/* Lines of every kind, one of them long, the last without its LF. */
static struct rel_buf mixture(void)
{
	static const char first[] = "a\r\n\n\r\n{\"x\":1}\r\n\xff\0\xc3\xa9\n";
	struct rel_buf b = REL_BUF_INIT;

	rel_buf_add(&b, first, sizeof(first) - 1);
	for (int i = 0; i < 50000; i++)
		rel_buf_adds(&b, "\xe2\x82\xac");
	rel_buf_adds(&b, "\r\n{\"y\":2}\nend\r");
	return b;
}

static void test_how_the_bytes_arrive_makes_no_difference(void **state)
{
	static const size_t steps[] = { 1, 2, 3, 7, 4096, 65536, 65537 };
	const struct rel_log *const logs[] = { &text, &json, &raw };
	struct rel_buf in = mixture();

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct rel_buf whole = fed(logs[i], in.p, in.len);

		for (size_t k = 0; k < sizeof(steps) / sizeof(steps[0]); k++) {
			struct rel_buf b =
				fed_by(logs[i], in.p, in.len, steps[k]);

			assert_int_equal(b.len, whole.len);
			assert_memory_equal(b.p, whole.p, b.len);
			rel_buf_free(&b);
		}
		if (logs[i] == &raw) {
			assert_int_equal(whole.len, in.len + 1);
			assert_memory_equal(whole.p, in.p, in.len);
		}
		rel_buf_free(&whole);
	}
	rel_buf_free(&in);
}

/* The parts of a line of ${n} bytes in json: "65536 1|", lengths and number. */
static void check_parts(const char *p, size_t n, const char *want)
{
	struct rel_buf b = fed(&json, p, n), got = REL_BUF_INIT;
	/* a CR at the border, and its LF comes later */
	struct rel_buf later = fed_by(&json, p, n, REL_LOG_LINE + 1);
	struct rel_err err = REL_ERR_INIT;

	assert_string_equal(later.p, b.p);
	rel_buf_free(&later);
	for (char *line = b.p; line < b.p + b.len;) {
		char *lf = strchr(line, '\n');
		struct json_t *j = NULL;

		assert_int_equal(
			rel_json_parse(line, (size_t)(lf - line), &j, &err), 0);
		assert_null(rel_json_get(j, "log.lossy"));
		rel_buf_addf(&got, "%zu %d|",
			strlen(rel_json_get_str(j, "message")),
			(int)rel_json_get_int(j, "event.part", 0));
		rel_json_free(j);
		line = lf + 1;
	}
	assert_string_equal(got.p, want);
	rel_buf_free(&got);
	rel_buf_free(&b);
}

static void test_a_long_line_is_split_and_marked(void **state)
{
	static char line[200000];
	struct rel_buf b;

	(void)state;
	memset(line, 'x', sizeof(line));
	line[65536] = '\n';
	check_parts(line, 65537, "65536 0|");
	memcpy(line + 65536, "\r\n", 2);
	check_parts(line, 65538, "65536 0|");
	memcpy(line + 65536, "x\ny", 3);
	check_parts(line, 65539, "65536 1|1 2|1 0|");
	/* an é over the border goes into the second part as a whole */
	memcpy(line + 65535, "\xc3\xa9", 2);
	check_parts(line, 65539, "65535 1|2 2|1 0|");
	memset(line + 65535, 'x', 5);
	check_parts(line, 140000, "65536 1|65536 2|8928 3|");

	/* a part is no object, even when it looks like one */
	memset(line, ' ', sizeof(line));
	memcpy(line + 65536, "{}", 2);
	check_parts(line, 65538, "65536 1|2 2|");

	memset(line, 'x', sizeof(line));
	b = fed(&text, line, 131073);
	assert_int_equal(b.len, 131073 + 3 * 21 + 4 * 4);
	assert_memory_equal(b.p + 20 + 65536, " …\n14:13:20", 13);
	assert_memory_equal(b.p + b.len - 26, "14:13:20 web.1    | … x\n", 26);
	rel_buf_free(&b);
}

static void test_events_of_the_supervisor(void **state)
{
	const struct rel_log_source us = { .ps = "system" };
	struct rel_log colored = text;
	struct rel_buf b = REL_BUF_INIT;

	(void)state;
	colored.color = true;
	rel_log_event(&colored, &us, NOW, "info", "formation", -1,
		"sending TERM to all", &b);
	rel_log_event(&text, &web, NOW, "warn", "process-exited", 3,
		"exited with 3\n", &b);
	assert_string_equal(b.p,
		"\033[37m14:13:20 system   | \033[0msending TERM to all\n"
		"14:13:20 web.1    | exited with 3\\x0a\n");
	rel_buf_reset(&b);
	rel_log_event(&raw, &us, NOW, "info", "formation", -1, "no", &b);
	assert_int_equal(b.len, 0);
	rel_log_event(&json, &web, NOW, "warn", "process-exited", 0,
		"exited \"well\"", &b);
	rel_log_event(&json, &us, NOW, "info", "formation", -1, "go", &b);
	assert_string_equal(b.p,
		"{" TIME ",\"log.level\":\"warn\","
		"\"message\":\"exited \\\"well\\\"\","
		"\"event.dataset\":\"relctl\","
		"\"event.action\":\"process-exited\",\"process.exit_code\":0,"
		"\"ecs.version\":\"8.11.0\",\"service.name\":\"shop\","
		"\"service.version\":\"v42\","
		"\"service.instance.id\":\"web.1\",\"process.pid\":4711}\n" HEAD
		"go\",\"event.dataset\":\"relctl\","
		"\"event.action\":\"formation\",\"ecs.version\":\"8.11.0\","
		"\"service.name\":\"shop\","
		"\"service.instance.id\":\"system\"}\n");
	rel_buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_looks_as_foreman_does),
		cmocka_unit_test(test_text_shows_what_a_terminal_would_obey),
		cmocka_unit_test(
			test_a_line_of_text_is_the_message_of_a_record),
		cmocka_unit_test(test_an_object_is_kept_and_gets_what_it_lacks),
		cmocka_unit_test(test_what_is_no_object_is_a_message),
		cmocka_unit_test(test_the_depth_of_an_object_is_limited),
		cmocka_unit_test(
			test_objects_are_told_apart_as_by_another_parser),
		cmocka_unit_test(test_any_bytes_give_valid_records),
		cmocka_unit_test(test_how_the_bytes_arrive_makes_no_difference),
		cmocka_unit_test(test_a_long_line_is_split_and_marked),
		cmocka_unit_test(test_events_of_the_supervisor),
	};

	setenv("TZ", "UTC0", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
