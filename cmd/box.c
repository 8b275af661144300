/* SPDX-License-Identifier: Apache-2.0 */
#include "box.h"

#include "base/json.h"
#include "base/mem.h"
#include "out.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LEAST_MEMORY (1 << 20)

void box_done(struct box *b)
{
	for (size_t i = 0; i < b->paths.n; i++)
		free(b->paths.v[i]);
	rel_vec_free(&b->paths);
	rel_vec_free(&b->binds);
}

/* 512M, 2G, or bytes; ${none} where nothing was given. */
static int parse_size(const char *text, int64_t *ret, struct rel_err *err)
{
	static const char units[] = "KMGT";
	char *end;
	const char *unit;
	long long n;

	if (!text)
		return 0;
	errno = 0;
	n = strtoll(text, &end, 10);
	unit = *end ? strchr(units, *end) : NULL;
	if (errno || end == text || n <= 0 || *text == '+' ||
		(*end && (!unit || end[1])) || n > (LLONG_MAX >> 40))
		return rel_fail(err, REL_EUSAGE,
			"--memory '%s' is not a size like 512M or 2G", text);
	*ret = unit ? (int64_t)n << (10 * (unit - units + 1)) : n;
	if (*ret < LEAST_MEMORY)
		return rel_fail(err, REL_EUSAGE,
			"--memory '%s' is less than 1M: nothing starts", text);
	return 0;
}

static int parse_cpus(const char *text, int64_t *ret, struct rel_err *err)
{
	char *end;
	double n;

	if (!text)
		return 0;
	n = strtod(text, &end);
	if (*end || end == text || !(n >= 0.01) || n > 1024)
		return rel_fail(err, REL_EUSAGE,
			"--cpus '%s' is not a number like 0.5 or 2", text);
	*ret = (int64_t)(n * 1000 + 0.5);
	return 0;
}

static int find_user(
	const char *name, struct rel_user *ret, struct rel_err *err)
{
	struct passwd *p;

	if (!name)
		return 0;
	if (geteuid() != 0)
		return rel_fail(
			err, REL_EREFUSED, "only root can run as another user");
	p = getpwnam(name);
	if (!p && *name && strspn(name, "0123456789") == strlen(name))
		p = getpwuid((uid_t)strtoul(name, NULL, 10));
	if (!p)
		return rel_fail(err, REL_ENOTFOUND, "no user '%s'", name);
	*ret = (struct rel_user){ true, p->pw_uid, p->pw_gid };
	return 0;
}

/* The paths as they are, so that a link is not taken for its target. */
static int add_binds(struct box *b, const struct opt_list *paths, bool writable,
	struct rel_err *err)
{
	for (size_t i = 0; i < paths->n; i++) {
		char *path = realpath(paths->v[i], NULL);
		struct rel_bind bind = { path, writable };

		if (!path)
			return rel_fail(err, REL_ENOTFOUND,
				"--bind: there is no '%s'", paths->v[i]);
		rel_vec_push(&b->paths, path);
		if (!strcmp(path, "/"))
			return rel_fail(err, REL_EUSAGE,
				"'/' cannot be bound: it is what is hidden");
		rel_vec_push(&b->binds, bind);
	}
	return 0;
}

int box_make(struct ctx *cx, const struct box_args *a, struct box *ret,
	struct rel_err *err)
{
	struct rel_sandbox *s = &ret->sandbox;
	int r = 0;

	if (a->isolation && !rel_isolation_parse(a->isolation, &s->level))
		return rel_fail(err, REL_EUSAGE,
			"--isolation '%s': auto, ns, landlock or none",
			a->isolation);
	if (a->pids == 0)
		return rel_fail(err, REL_EUSAGE, "--pids 0 lets nothing run");
	s->limits.pids = a->pids > 0 ? a->pids : 0;
	s->no_network = a->no_network;
	r = parse_size(a->memory, &s->limits.memory, err);
	if (r == 0)
		r = parse_cpus(a->cpus, &s->limits.cpu_milli, err);
	if (r == 0)
		r = find_user(a->user, &s->user, err);
	if (r == 0)
		r = add_binds(ret, &a->bind, false, err);
	if (r == 0)
		r = add_binds(ret, &a->bind_rw, true, err);
	s->binds = ret->binds.v;
	s->binds_n = ret->binds.n;
	ret->hidden[0] = cx->store;
	ret->hidden[1] = cx->key;
	s->hidden = ret->hidden;
	s->hidden_n = 2;
	return r;
}

void box_record(const struct box *b, struct json_t *body)
{
	const struct rel_sandbox *s = &b->sandbox;
	struct json_t *binds = rel_json_array();

	rel_json_set(
		body, "isolation", rel_json_text(rel_isolation_name(s->level)));
	for (size_t i = 0; i < s->binds_n; i++)
		rel_json_push(binds,
			rel_json_set(rel_json_set(rel_json_object(), "path",
					     rel_json_text(s->binds[i].path)),
				"writable",
				rel_json_bool(s->binds[i].writable)));
	rel_json_set(body, "binds", binds);
	rel_json_set(body, "network", rel_json_bool(!s->no_network));
}

void box_notices(struct ctx *cx, const struct box *b)
{
	if (rel_child_drops(&b->sandbox))
		rel_notice(&cx->events,
			"root: the processes run as root, with less power; "
			"--user USER runs them as somebody else");
}
