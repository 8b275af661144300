/* SPDX-License-Identifier: Apache-2.0 */
#include "run/formation.h"

#include "base/mem.h"
#include "base/vec.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define LISTED 400u /* bytes of types in a hint, which has 512 */

static const char form_of_run[] =
	"write TYPE=COUNT, with commas between them: web=2,worker=1";
static const char form_of_scale[] = "write web=3, worker+1 or clock-1";

void rel_formation_done(struct rel_formation *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->v[i].type);
	rel_vec_free(f);
}

static struct rel_count *find(const struct rel_formation *f, const char *type)
{
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->v[i].type, type) == 0)
			return &f->v[i];
	return NULL;
}

int rel_formation_get(const struct rel_formation *f, const char *type, int none)
{
	const struct rel_count *c = find(f, type);

	return c ? c->n : none;
}

void rel_formation_set(struct rel_formation *f, const char *type, int n)
{
	struct rel_count *c = find(f, type);

	if (c)
		c->n = n;
	else
		rel_vec_push(f, ((struct rel_count){
					.type = rel_strdup(type), .n = n }));
}

/* "worker+1": the type, what stands between, and the number. */
struct word {
	char *type;
	char op;
	int n; /* over the limit: anything that is */
};

static void word_done(struct word *w)
{
	free(w->type);
}

/* ${len} bytes as a number without sign or leading zeros; -1: they are not. */
static int number(const char *p, size_t len)
{
	int n = 0;

	if (len == 0 || (len > 1 && *p == '0'))
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (p[i] < '0' || p[i] > '9')
			return -1;
		if (n <= REL_MOST_INSTANCES)
			n = n * 10 + (p[i] - '0');
	}
	return n;
}

/* Can a Procfile have it? That "web+" of "web+-1" is not there is no help. */
static bool is_type(const char *p, size_t len)
{
	static const char bytes[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789-_";

	return len > 0 && strspn(p, bytes) >= len && p[len - 1] != '-' &&
	       p[len - 1] != '_';
}

static int fail_form(const char *p, size_t len, const char *ops,
	const char *hint, struct rel_err *err)
{
	const char *eq = memchr(p, '=', len);

	rel_fail(err, REL_EUSAGE, "'%.*s%s' is not of the form %s",
		(int)(eq ? (size_t)(eq - p) : len), p, eq ? "=…" : "",
		ops[1] ? "TYPE=COUNT, TYPE+COUNT or TYPE-COUNT" : "TYPE=COUNT");
	return rel_hint(err, "%s", hint);
}

/*
 * The first '=' divides, else what stands before the digits at the end: a type
 * may have '-' and digits itself. No message shows what is behind a '=': a word
 * that stands here by mistake can be a variable with its value.
 */
static int read_word(const char *p, size_t len, const char *ops,
	const char *hint, struct word *ret, struct rel_err *err)
{
	const char *end = p + len, *op = memchr(p, '=', len);
	int n;

	if (!op) {
		op = end;
		while (op > p && op[-1] >= '0' && op[-1] <= '9')
			op--;
		op -= op > p;
	}
	n = op < end ? number(op + 1, (size_t)(end - op - 1)) : -1;
	if (n < 0 || !strchr(ops, *op) || !is_type(p, (size_t)(op - p)))
		return fail_form(p, len, ops, hint, err);
	ret->type = rel_strndup(p, (size_t)(op - p));
	ret->op = *op;
	ret->n = n;
	return 0;
}

/* All types that can be in a formation, as far as a hint has room. */
static int hint_types(const struct rel_processes *p, struct rel_err *err)
{
	struct rel_buf names = REL_BUF_INIT;

	for (size_t i = 0; i < p->n; i++) {
		if (rel_process_is_hook(p->v[i].type))
			continue;
		if (names.len)
			rel_buf_adds(&names, ", ");
		if (names.len > LISTED) {
			rel_buf_adds(&names, "…");
			break;
		}
		rel_buf_adds(&names, p->v[i].type);
	}
	if (names.len)
		rel_hint(err, "its process types: %s", names.p);
	else
		rel_hint(err, "its Procfile has no type that has instances");
	rel_buf_free(&names);
	return -(int)err->code;
}

static int check_type(
	const struct rel_processes *p, const char *type, struct rel_err *err)
{
	if (rel_process_is_hook(type))
		rel_fail(err, REL_EUSAGE,
			"'%s' is a hook of the release: it runs once, and has "
			"no instances",
			type);
	else if (!rel_processes_command(p, type))
		rel_fail(err, REL_ENOTFOUND,
			"the release has no process type '%s'", type);
	else
		return 0;
	return hint_types(p, err);
}

static int check_count(const char *type, int n, struct rel_err *err)
{
	if (n <= REL_MOST_INSTANCES)
		return 0;
	rel_fail(err, REL_EUSAGE, "more than %d instances of '%s'",
		REL_MOST_INSTANCES, type);
	return rel_hint(err, "each type has %d ports", REL_MOST_INSTANCES);
}

static void set_all(
	struct rel_formation *f, const struct rel_processes *p, int n)
{
	for (size_t i = 0; i < p->n; i++)
		if (!rel_process_is_hook(p->v[i].type))
			rel_formation_set(f, p->v[i].type, n);
}

static int parse_word(struct rel_formation *f, const struct rel_processes *p,
	const char *text, size_t len, struct rel_err *err)
{
	REL_AUTO(word_done) struct word w = { 0 };
	bool all;
	int r = read_word(text, len, "=", form_of_run, &w, err);

	if (r < 0)
		return r;
	all = strcmp(w.type, "all") == 0;
	if (!all)
		r = check_type(p, w.type, err);
	if (r == 0)
		r = check_count(w.type, w.n, err);
	if (r < 0)
		return r;
	if (all)
		set_all(f, p, w.n);
	else
		rel_formation_set(f, w.type, w.n);
	return 0;
}

int rel_formation_parse(struct rel_formation *f, const struct rel_processes *p,
	const char *text, struct rel_err *err)
{
	REL_AUTO(rel_formation_done) struct rel_formation found = { 0 };

	for (;;) {
		size_t len = strcspn(text, ",");
		int r = parse_word(&found, p, text, len, err);

		if (r < 0)
			return r;
		text += len;
		if (*text == '\0')
			break;
		text++;
	}
	for (size_t i = 0; i < found.n; i++)
		rel_formation_set(f, found.v[i].type, found.v[i].n);
	return 0;
}

int rel_formation_change(struct rel_formation *f, const struct rel_processes *p,
	const char *word, struct rel_err *err)
{
	REL_AUTO(word_done) struct word w = { 0 };
	int r = read_word(word, strlen(word), "=+-", form_of_scale, &w, err);
	int n;

	if (r == 0)
		r = check_type(p, w.type, err);
	if (r < 0)
		return r;
	n = rel_formation_get(f, w.type, 0);
	if (w.op == '=')
		n = w.n;
	else
		n += w.op == '+' ? w.n : -w.n;
	r = check_count(w.type, n, err);
	if (r == 0)
		rel_formation_set(f, w.type, n > 0 ? n : 0);
	return r;
}

void rel_formation_complete(const struct rel_processes *p,
	const struct rel_formation *given, const struct rel_formation *stored,
	const struct rel_formation *declared, struct rel_formation *ret)
{
	struct rel_formation all = { 0 };

	for (size_t i = 0; i < p->n; i++) {
		const char *type = p->v[i].type;
		int n = 1;

		if (rel_process_is_hook(type))
			continue;
		if (declared)
			n = rel_formation_get(declared, type, n);
		if (stored)
			n = rel_formation_get(stored, type, n);
		if (given)
			n = rel_formation_get(given, type, 0);
		rel_formation_set(&all, type, n);
	}
	*ret = all;
}

void rel_formation_format(const struct rel_formation *f, struct rel_buf *out)
{
	for (size_t i = 0; i < f->n; i++)
		rel_buf_addf(out, "%s%s=%d", i > 0 ? " " : "", f->v[i].type,
			f->v[i].n);
}

struct json_t *rel_formation_to_json(const struct rel_formation *f)
{
	struct json_t *j = rel_json_object();

	for (size_t i = 0; i < f->n; i++)
		rel_json_set(j, f->v[i].type, rel_json_number(f->v[i].n));
	return j;
}

struct reader {
	struct rel_formation found;
	bool bad;
};

static void add_member(void *arg, const char *type, const struct json_t *j)
{
	struct reader *rd = arg;
	int64_t n;

	if (rel_json_int(j, &n) && n >= 0 && n <= REL_MOST_INSTANCES)
		rel_formation_set(&rd->found, type, (int)n);
	else
		rd->bad = true;
}

int rel_formation_from_json(
	const struct json_t *j, struct rel_formation *ret, struct rel_err *err)
{
	struct reader rd = { 0 };

	if (rel_json_is_object(j))
		rel_json_each(j, add_member, &rd);
	if (!rel_json_is_object(j) || rd.bad) {
		rel_formation_done(&rd.found);
		return rel_fail(err, REL_EINTEGRITY,
			"a formation is not an object of counts from 0 to %d",
			REL_MOST_INSTANCES);
	}
	*ret = rd.found;
	return 0;
}

int rel_port_of(
	const struct rel_processes *p, int base, const char *type, int n)
{
	int64_t port;
	size_t i = 0;

	assert(n >= 1 && n <= REL_MOST_INSTANCES);
	while (i < p->n && strcmp(p->v[i].type, type) != 0)
		i++;
	port = base + (int64_t)i * REL_MOST_INSTANCES + n - 1;
	return i < p->n && port <= 65535 ? (int)port : 0;
}

void rel_port_name(const char *type, struct rel_buf *out)
{
	rel_buf_adds(out, "RELCTL_PORT_");
	for (; *type; type++) {
		char c = *type;

		if (c == '-')
			c = '_';
		else if (c >= 'a' && c <= 'z')
			c = (char)(c - 'a' + 'A');
		rel_buf_addc(out, c);
	}
}
