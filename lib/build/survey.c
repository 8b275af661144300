/* SPDX-License-Identifier: Apache-2.0 */
#include "build/survey.h"

#include "base/mem.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define EXCEPTIONS_KEPT 1000 /* in the event; the rest is only counted */

void rel_survey_done(struct rel_survey *s)
{
	rel_buf_free(&s->first_env);
	rel_buf_free(&s->first_not_utf8);
	rel_buf_free(&s->first_same_case);
	rel_buf_free(&s->first_mode);
	rel_json_free(s->exceptions);
	free(s->seen);
	rel_vec_free(&s->places);
	*s = (struct rel_survey){ 0 };
}

void rel_survey_again(struct rel_survey *s)
{
	rel_buf_reset(&s->first_env);
	rel_buf_reset(&s->first_not_utf8);
	rel_buf_reset(&s->first_same_case);
	s->env_files = s->not_utf8 = s->same_case = 0;
	free(s->seen);
	s->seen = NULL;
	s->seen_n = s->seen_cap = 0;
}

static void count(struct rel_survey *s, uint64_t *n, struct rel_buf *first,
	const struct rel_entry *e)
{
	if ((*n)++ == 0)
		rel_buf_add_escaped(first, e->path, e->path_len);
	rel_vec_push(&s->places, s->place);
}

/* FNV-1a over the path, its last component folded to lower case. */
static uint64_t fold(const struct rel_entry *e)
{
	const char *slash = strrchr(e->path, '/');
	size_t name = slash ? (size_t)(slash - e->path) + 1 : 0;
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < e->path_len; i++) {
		unsigned char c = (unsigned char)e->path[i];

		if (i >= name && c < 0x80)
			c = (unsigned char)tolower(c);
		h = (h ^ c) * UINT64_C(0x100000001b3);
	}
	return h ? h : 1;
}

/* A path that went by, as its hash (0: none), and where it was. */
struct rel_seen {
	uint64_t hash;
	size_t place;
};

/* The one that is there already, or NULL. */
static const struct rel_seen *insert(
	struct rel_seen *table, size_t cap, struct rel_seen new)
{
	for (size_t i = new.hash &(cap - 1);; i = (i + 1) & (cap - 1)) {
		if (table[i].hash == new.hash)
			return &table[i];
		if (table[i].hash == 0) {
			table[i] = new;
			return NULL;
		}
	}
}

static void grow(struct rel_survey *s)
{
	size_t cap = s->seen_cap ? 2 * s->seen_cap : 1024;
	struct rel_seen *table = rel_alloc(cap * sizeof(*table));

	for (size_t i = 0; i < s->seen_cap; i++) {
		if (s->seen[i].hash)
			insert(table, cap, s->seen[i]);
	}
	free(s->seen);
	s->seen = table;
	s->seen_cap = cap;
}

static void look_for_neighbour(struct rel_survey *s, const struct rel_entry *e)
{
	const struct rel_seen *before;

	if (2 * s->seen_n >= s->seen_cap)
		grow(s);
	before = insert(s->seen, s->seen_cap,
		(struct rel_seen){ .hash = fold(e), .place = s->place });
	if (!before) {
		s->seen_n++;
		return;
	}
	count(s, &s->same_case, &s->first_same_case, e);
	rel_vec_push(&s->places, before->place);
}

static bool has_word(const char *line, size_t n, const char *word)
{
	size_t len = strlen(word);

	for (size_t i = 0; i + len <= n; i++) {
		bool starts =
			i > 0 && (line[i - 1] == ' ' || line[i - 1] == '\t');
		bool ends = word[len - 1] == '=' || i + len == n ||
			    strchr(" \t\r=", line[i + len]) != NULL;

		if (starts && ends && memcmp(line + i, word, len) == 0)
			return true;
	}
	return false;
}

/* Attributes that git would act on in an export or a checkout. */
static uint64_t attribute_lines(const char *p, size_t n)
{
	static const char *const words[] = { "eol=", "ident",
		"filter=", "export-subst", "export-ignore",
		"working-tree-encoding=" };
	const char *end = p + n;
	uint64_t found = 0;

	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t len = (size_t)((nl ? nl : end) - p);
		bool hit = false;

		for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
			hit = hit || (*p != '#' && has_word(p, len, words[i]));
		found += hit;
		p += len + 1;
	}
	return found;
}

void rel_survey_entry(struct rel_survey *s, const struct rel_entry *e,
	const void *content, size_t n)
{
	const char *slash = strrchr(e->path, '/');
	const char *name = slash ? slash + 1 : e->path;

	uint64_t lines;

	look_for_neighbour(s, e);
	if (!rel_utf8_valid(name, strlen(name)))
		count(s, &s->not_utf8, &s->first_not_utf8, e);
	if (e->type != REL_FILE)
		return;
	if (strcmp(name, ".env") == 0)
		count(s, &s->env_files, &s->first_env, e);
	if (!content || strcmp(name, ".gitattributes") != 0)
		return;
	lines = attribute_lines(content, n);
	s->attributes += lines;
	if (lines)
		rel_vec_push(&s->places, s->place);
}

void rel_survey_odd_mode(struct rel_survey *s, const struct rel_entry *e)
{
	count(s, &s->odd_modes, &s->first_mode, e);
}

void rel_survey_exception(
	struct rel_survey *s, const struct rel_entry *e, const char *what)
{
	struct rel_buf line = REL_BUF_INIT;

	rel_vec_push(&s->places, s->place);
	if (!s->exceptions)
		s->exceptions = rel_json_array();
	if (s->exceptions_n++ >= EXCEPTIONS_KEPT)
		return;
	rel_buf_addf(&line, "%s: ", what);
	rel_buf_add_escaped(&line, e->path, e->path_len);
	rel_json_push(s->exceptions, rel_json_text(rel_buf_str(&line)));
	rel_buf_free(&line);
}

void rel_survey_report(const struct rel_survey *s, const struct rel_events *ev)
{
	if (s->attributes)
		rel_notice(ev,
			"%" PRIu64 " line%s of .gitattributes ask%s for a "
			"conversion or an omission: an artifact has the bytes "
			"as they are committed",
			s->attributes, s->attributes == 1 ? "" : "s",
			s->attributes == 1 ? "s" : "");
	if (s->env_files)
		rel_notice(ev,
			"'%s' is part of the artifact and is not read: config "
			"belongs in the release (release -e FILE)",
			rel_buf_str(&s->first_env));
	if (s->not_utf8)
		rel_notice(ev, "%" PRIu64 " name%s not UTF-8, the first: '%s'",
			s->not_utf8, s->not_utf8 == 1 ? " is" : "s are",
			rel_buf_str(&s->first_not_utf8));
	if (s->same_case)
		rel_notice(ev,
			"%" PRIu64
			" name%s from a neighbour in case alone, the "
			"first: '%s'",
			s->same_case,
			s->same_case == 1 ? " differs" : "s differ",
			rel_buf_str(&s->first_same_case));
	if (s->odd_modes)
		rel_notice(ev,
			"%" PRIu64 " file%s mode 100664, taken as 100644, the "
			"first: '%s'",
			s->odd_modes, s->odd_modes == 1 ? " has" : "s have",
			rel_buf_str(&s->first_mode));
	if (s->exceptions_n)
		rel_notice(ev, "%" PRIu64 " exception%s allowed and recorded",
			s->exceptions_n, s->exceptions_n == 1 ? "" : "s");
}
