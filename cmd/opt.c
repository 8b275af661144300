/* SPDX-License-Identifier: Apache-2.0 */
#include "opt.h"

#include "base/mem.h"
#include "base/vec.h"

#include <assert.h>
#include <getopt.h>
#include <string.h>

#define MAX_OPTS 64
/* What getopt_long returns for the i-th long option: LONG + i. */
#define LONG 256

/* The tables in getopt_long's form. */
struct parser {
	size_t n;
	const struct opt *opt[MAX_OPTS];
	void *to[MAX_OPTS];
	struct option longs[MAX_OPTS + 1];
	char shorts[3 * MAX_OPTS + 3];
};

bool opt_may_have_arg(const struct opt *o)
{
	return o->kind != OPT_FLAG;
}

bool opt_needs_arg(const struct opt *o)
{
	return opt_may_have_arg(o) &&
	       (o->arg[0] != '[' || o->arg[strlen(o->arg) - 1] != ']');
}

int shown_len(const char *word)
{
	return (int)strcspn(word, "=");
}

static void parser_fill(
	struct parser *p, const struct opt_table *tables, size_t n_tables)
{
	/* '-': words come in order, as an option 1; ':': silent. */
	char *s = stpcpy(p->shorts, "-:");

	p->n = 0;
	for (size_t t = 0; t < n_tables; t++) {
		const struct opt *o = tables[t].opts;

		for (; o && o->name; o++) {
			size_t i = p->n++;

			assert(i < MAX_OPTS);
			p->opt[i] = o;
			p->to[i] = tables[t].to;
			p->longs[i] = (struct option){
				.name = o->name,
				.has_arg = opt_needs_arg(o) ? required_argument
					   : opt_may_have_arg(o)
						   ? optional_argument
						   : no_argument,
				.val = LONG + (int)i,
			};
			if (!o->letter)
				continue;
			*s++ = o->letter;
			if (opt_may_have_arg(o))
				*s++ = ':';
			if (opt_may_have_arg(o) && !opt_needs_arg(o))
				*s++ = ':';
		}
	}
	*s = '\0';
	p->longs[p->n] = (struct option){ 0 };
}

/* The index of what getopt_long returned; p->n when it is no option. */
static size_t parser_find(const struct parser *p, int c)
{
	size_t i = 0;

	if (c >= LONG)
		return (size_t)(c - LONG);
	while (i < p->n && p->opt[i]->letter != c)
		i++;
	return i;
}

static int fail_unknown(
	const struct parser *p, const char *word, struct rel_err *err)
{
	char *name = rel_strndup(word, (size_t)shown_len(word));
	struct suggestion s = { .word = name + 2 };
	int r = rel_fail(err, REL_EUSAGE, "unknown option '%s'", name);

	for (size_t i = 0; i < p->n; i++) {
		if (p->opt[i]->help)
			suggest_try(&s, p->opt[i]->name);
	}
	if (s.best)
		r = rel_hint(err, "did you mean '--%s'?", s.best);
	free(name);
	return r;
}

/* getopt_long said '?' or ':' (${c}) of ${option}; 0: an unknown long one. */
static int fail_option(const struct parser *p, int c, int option,
	const char *word, struct rel_err *err)
{
	const struct opt *o;
	size_t i;

	if (option == 0)
		return fail_unknown(p, word, err);
	i = parser_find(p, option);
	if (i == p->n)
		return rel_fail(
			err, REL_EUSAGE, "unknown option '-%c'", option);
	o = p->opt[i];
	if (c == '?')
		return rel_fail(err, REL_EUSAGE, "option '--%s' takes no value",
			o->name);
	return rel_fail(err, REL_EUSAGE, "option '--%s' needs a value: --%s %s",
		o->name, o->name, o->arg);
}

static int parse_int(const struct opt *o, const char *value, int64_t *ret,
	struct rel_err *err)
{
	int64_t n = 0;
	const char *c = value;

	for (; *c >= '0' && *c <= '9'; c++) {
		if (__builtin_mul_overflow(n, 10, &n) ||
			__builtin_add_overflow(n, *c - '0', &n))
			break;
	}
	if (*c || c == value)
		return rel_fail(err, REL_EUSAGE,
			"option '--%s' takes a whole number, not '%.*s'",
			o->name, shown_len(value), value);
	*ret = n;
	return 0;
}

/* An argument that is written "a|b" in the table is one of these words. */
static int check_choice(
	const struct opt *o, const char *value, struct rel_err *err)
{
	const char *w = o->arg;
	size_t n = strlen(value);

	if (!strchr(w, '|'))
		return 0;
	for (size_t len;; w += len + 1) {
		len = strcspn(w, "|");
		if (len == n && memcmp(w, value, n) == 0)
			return 0;
		if (!w[len])
			break;
	}
	return rel_fail(err, REL_EUSAGE, "option '--%s' takes %s, not '%.*s'",
		o->name, o->arg, shown_len(value), value);
}

static int take(
	const struct opt *o, void *to, const char *value, struct rel_err *err)
{
	void *field = (char *)to + o->offset;

	switch (o->kind) {
	case OPT_FLAG:
		*(bool *)field = true;
		break;
	case OPT_STR:
		*(const char **)field = value ? value : "";
		return value ? check_choice(o, value, err) : 0;
	case OPT_INT:
		return parse_int(o, value, field, err);
	case OPT_LIST:
		rel_vec_push((struct opt_list *)field, value);
		break;
	}
	return 0;
}

/* One answer of getopt_long that is an option. */
static int parse_one(
	const struct parser *p, int c, char **argv, struct rel_err *err)
{
	/* Where the text of a long option stands; a short one has no use for
	 * it, because optind stays on a cluster until its last letter. */
	const char *word = argv[optind - 1];
	size_t i;

	if (c == '?' || c == ':')
		return fail_option(p, c, optopt, word, err);
	i = parser_find(p, c);
	if (c >= LONG) {
		size_t n = strlen(p->opt[i]->name);

		if (optarg && word == optarg)
			word = argv[optind - 2];
		if ((size_t)shown_len(word) != n + 2)
			return fail_unknown(p, word, err);
	}
	return take(p->opt[i], p->to[i], optarg, err);
}

int opt_parse(const struct opt_table *tables, size_t n_tables, int argc,
	char **argv, bool stop_at_word, struct words *ret, struct rel_err *err)
{
	struct parser p;
	int c, r;

	parser_fill(&p, tables, n_tables);
	*ret = (struct words){ .v = rel_alloc(
				       ((size_t)argc + 1) * sizeof(*ret->v)) };
	opterr = 0;
	optind = 0;
	while ((c = getopt_long(argc, argv, p.shorts, p.longs, NULL)) != -1) {
		if (c == 1 && stop_at_word) {
			optind--;
			break;
		}
		if (c == 1) {
			ret->v[ret->n++] = optarg;
			continue;
		}
		r = parse_one(&p, c, argv, err);
		if (r < 0)
			return r;
	}
	ret->ended = ret->n == 0 && c == -1 && optind < argc;
	while (optind < argc)
		ret->v[ret->n++] = argv[optind++];
	return 0;
}

void opt_start(const struct opt_table *t)
{
	for (const struct opt *o = t->opts; o && o->name; o++) {
		if (o->kind == OPT_INT)
			*(int64_t *)((char *)t->to + o->offset) = -1;
	}
}

void opt_free(const struct opt_table *t)
{
	for (const struct opt *o = t->opts; o && o->name; o++) {
		if (o->kind == OPT_LIST)
			rel_vec_free(
				(struct opt_list *)((char *)t->to + o->offset));
	}
}
