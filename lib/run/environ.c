/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/run/environ.c - the environment of a process (docs/formats.md, 10).
 *
 * Starts from nothing: the caller's environment is not even in reach here.
 */
#include "base/mem.h"
#include "run/formation.h"
#include "run/process.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"

/* Length of the name in NAME=value. */
static size_t name_len(const char *var)
{
	return strcspn(var, "=");
}

/* By name alone: in the bytes of the whole string '=' sorts after digits. */
static int by_name(const void *a, const void *b)
{
	const char *x = *(const char *const *)a;
	const char *y = *(const char *const *)b;
	size_t nx = name_len(x), ny = name_len(y);
	int c = memcmp(x, y, nx < ny ? nx : ny);

	return c ? c : (nx > ny) - (nx < ny);
}

/* Set NAME=value, whoever set NAME before. */
static void set(struct rel_strings *s, const char *name, const char *value)
{
	char *var = rel_printf("%s=%s", name, value);
	size_t n = strlen(name) + 1;

	for (size_t i = 0; i < s->n; i++) {
		if (strncmp(s->v[i], var, n) != 0)
			continue;
		explicit_bzero(s->v[i], strlen(s->v[i]));
		free(s->v[i]);
		s->v[i] = var;
		return;
	}
	rel_strings_push(s, var);
}

/* The tree's bin first. An empty PATH stays empty: a colon would add the cwd.
 */
static void set_path(struct rel_strings *s, const struct rel_process_facts *f)
{
	const char *rest = rel_config_get(f->config, "PATH");
	REL_AUTO(rel_freep) char *path = NULL;

	if (!rest)
		rest = DEFAULT_PATH;
	path = rel_printf("%s/bin%s%s", f->home, *rest ? ":" : "", rest);
	set(s, "PATH", path);
}

/* Where the others are to be found, the first of each type. */
static void set_ports(struct rel_strings *s, const struct rel_process_facts *f)
{
	for (size_t i = 0; f->processes && i < f->processes->n; i++) {
		const char *type = f->processes->v[i].type;
		REL_AUTO(rel_buf_free) struct rel_buf name = REL_BUF_INIT;
		char port[16];

		if (rel_process_is_hook(type))
			continue;
		rel_port_name(type, &name);
		snprintf(port, sizeof(port), "%d",
			rel_port_of(f->processes, f->port_base, type, 1));
		set(s, rel_buf_str(&name), port);
	}
}

void rel_process_environ(
	const struct rel_process_facts *f, struct rel_strings *ret)
{
	REL_AUTO(rel_freep) char *release = rel_printf("v%" PRId64, f->release);

	for (size_t i = 0; i < f->config->n; i++)
		rel_strings_push(ret, rel_printf("%s=%s", f->config->v[i].name,
					      f->config->v[i].value));
	set_path(ret, f);
	set(ret, "HOME", f->home);
	set(ret, "PS", f->ps);
	set(ret, "RELCTL_APP", f->app);
	set(ret, "RELCTL_RELEASE", release);
	if (*f->commit)
		set(ret, "RELCTL_COMMIT", f->commit);
	if (f->term)
		set(ret, "TERM", f->term);
	if (!rel_config_get(f->config, "LANG"))
		set(ret, "LANG", "C.UTF-8");
	if (f->port)
		set(ret, "PORT", f->port);
	if (f->action) {
		set(ret, "RELCTL_ACTION", f->action);
		set(ret, "RELCTL_FROM", f->from);
		set(ret, "RELCTL_TO", f->to);
	}
	set_ports(ret, f);
	qsort(ret->v, ret->n, sizeof(*ret->v), by_name);
}
