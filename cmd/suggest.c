/* SPDX-License-Identifier: Apache-2.0 */
#include "opt.h"

#include <string.h>

#define MAX_WORD 31u

static size_t min(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Letters to add, drop, change or swap with their neighbour. */
static size_t distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	size_t d[MAX_WORD + 1][MAX_WORD + 1];

	if (n > MAX_WORD || m > MAX_WORD)
		return MAX_WORD;
	for (size_t i = 0; i <= n; i++) {
		for (size_t j = 0; j <= m; j++) {
			if (i == 0 || j == 0) {
				d[i][j] = i + j;
				continue;
			}
			d[i][j] = min(min(d[i - 1][j], d[i][j - 1]) + 1,
				d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
				a[i - 2] == b[j - 1])
				d[i][j] = min(d[i][j], d[i - 2][j - 2] + 1);
		}
	}
	return d[n][m];
}

void suggest_try(struct suggestion *s, const char *candidate)
{
	size_t n = strlen(s->word);
	/* Of a word of two or three letters more than one is a guess. */
	size_t limit = n < 4 ? 1 : 2;
	size_t d = distance(s->word, candidate);

	if (n >= 2 && strncmp(s->word, candidate, n) == 0)
		d = 1;
	if (d <= limit && (!s->best || d < s->distance)) {
		s->best = candidate;
		s->distance = d;
	}
}

/* Words that people bring from Heroku, Kamal, docker compose and git. */
static const struct {
	const char *theirs, *ours;
} foreign[] = {
	{ "config:get", "exec printenv NAME" },
	{ "config:set", "config set" },
	{ "config:unset", "config unset" },
	{ "console", "exec" },
	{ "deploy", "release" },
	{ "down", "stop" },
	{ "env", "config" },
	{ "history", "releases" },
	{ "images", "artifacts" },
	{ "info", "show" },
	{ "list", "releases" },
	{ "log", "releases" },
	{ "ls", "releases" },
	{ "prune", "gc" },
	{ "ps:restart", "restart" },
	{ "ps:scale", "scale" },
	{ "ps:stop", "stop" },
	{ "push", "release" },
	{ "revert", "rollback" },
	{ "serve", "run" },
	{ "shell", "exec sh" },
	{ "start", "run" },
	{ "undo", "rollback" },
	{ "up", "run" },
	{ "version", "--version" },
};

const char *suggest_foreign(const char *word)
{
	for (size_t i = 0; i < sizeof(foreign) / sizeof(*foreign); i++) {
		if (strcmp(foreign[i].theirs, word) == 0)
			return foreign[i].ours;
	}
	return NULL;
}
