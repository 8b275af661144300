/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "base/vec.h"
#include "ctx.h"
#include "helper.h"
#include "home/home.h"
#include "out.h"
#include "ref.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct apps {
	REL_VEC(char *) names;
};

static int add_app(void *arg, const char *app, struct rel_err *err)
{
	struct apps *a = arg;

	(void)err;
	rel_vec_push(&a->names, rel_strdup(app));
	return 0;
}

static void apps_done(struct apps *a)
{
	for (size_t i = 0; i < a->names.n; i++)
		free(a->names.v[i]);
	rel_vec_free(&a->names);
}

bool app_exists(struct ctx *cx, const char *name)
{
	struct rel_err ignored;
	int64_t last = 0;

	return app_name_valid(name) &&
	       rel_ledger_last_number(
		       cx->home->ledger, name, &last, &ignored) == 0 &&
	       last > 0;
}

static void list_names(const struct apps *a, struct rel_err *err)
{
	size_t at = 0;

	for (size_t i = 0; i < a->names.n; i++) {
		int n = snprintf(err->context + at, sizeof(err->context) - at,
			"  %s\n", a->names.v[i]);

		if (n < 0 || at + (size_t)n >= sizeof(err->context))
			break;
		at += (size_t)n;
	}
}

/* The one that comes from the repository around, where several are there. */
static int by_repository(
	struct ctx *cx, const struct apps *a, char *ret, struct rel_err *err)
{
	REL_AUTO(rel_json_freep) struct json_t *doc = NULL;
	REL_AUTO(apps_done) struct apps from = { 0 };
	struct rel_err ignored;
	const char *origin = NULL;

	if (helper_resolve(cx, "HEAD", &doc, &ignored) == 0)
		origin = rel_json_get_str(doc, "origin");
	if (origin && rel_ledger_each_app_from(cx->home->ledger, origin,
			      add_app, &from, err) < 0)
		return -(int)err->code;
	if (from.names.n == 1) {
		snprintf(ret, 41, "%s", from.names.v[0]);
		return 0;
	}
	rel_fail(err, REL_EUSAGE,
		from.names.n ? "several apps come from this repository"
			     : "several apps are in the store, and none comes "
			       "from the repository around");
	list_names(from.names.n ? &from : a, err);
	return rel_hint(err, "name one with -a APP");
}

static int no_such_app(
	struct ctx *cx, const char *name, bool others, struct rel_err *err)
{
	const char *user = getenv("SUDO_USER");

	if (name)
		rel_fail(err, REL_ENOTFOUND, "no app '%s' in the store '%s'",
			name, cx->store);
	else
		rel_fail(err, REL_ENOTFOUND, "no app in the store '%s' yet",
			cx->store);
	if (user && *user)
		return rel_hint(err,
			"this is root's store: without sudo relctl looks in "
			"the one of '%s'",
			user);
	return rel_hint(err, others ? "relctl apps lists them"
				    : "relctl release makes the first");
}

int app_find(struct ctx *cx, char *ret, struct rel_err *err)
{
	REL_AUTO(apps_done) struct apps a = { 0 };
	int r;

	if (cx->app && app_exists(cx, cx->app)) {
		snprintf(ret, 41, "%s", cx->app);
		return 0;
	}
	r = rel_ledger_each_app(cx->home->ledger, add_app, &a, err);
	if (r < 0)
		return r;
	if (cx->app) {
		r = no_such_app(cx, cx->app, a.names.n > 0, err);
		list_names(&a, err);
		return r;
	}
	if (a.names.n == 1) {
		snprintf(ret, 41, "%s", a.names.v[0]);
		return 0;
	}
	if (a.names.n == 0)
		return no_such_app(cx, NULL, false, err);
	return by_repository(cx, &a, ret, err);
}

/* "Shop_2 (old)" → "shop-2-old", or "" when nothing is left. */
static void name_from_directory(const char *top, char *ret)
{
	const char *slash = strrchr(top, '/');
	size_t n = 0;

	for (const char *p = slash ? slash + 1 : top; *p && n < 40; p++) {
		unsigned char c = (unsigned char)*p;

		if (c < 0x80 && isalnum(c))
			ret[n++] = (char)tolower(c);
		else if (n > 0 && ret[n - 1] != '-')
			ret[n++] = '-';
		if (n == 1 && !islower((unsigned char)ret[0]))
			n = 0;
	}
	ret[n] = '\0';
	/* A bare repository is called shop.git. */
	if (n > 4 && strcmp(ret + n - 4, "-git") == 0)
		ret[n -= 4] = '\0';
	while (n > 0 && ret[n - 1] == '-')
		ret[--n] = '\0';
}

int app_find_or_new(
	struct ctx *cx, char *ret, bool *ret_new, struct rel_err *err)
{
	REL_AUTO(rel_json_freep) struct json_t *doc = NULL;
	REL_AUTO(apps_done) struct apps a = { 0 };
	struct rel_err why = REL_ERR_INIT;
	const char *top;
	int r;

	*ret_new = false;
	if (cx->app) {
		snprintf(ret, 41, "%s", cx->app);
		*ret_new = !app_exists(cx, cx->app);
		return 0;
	}
	r = rel_ledger_each_app(cx->home->ledger, add_app, &a, err);
	if (r < 0)
		return r;
	if (a.names.n > 0)
		return app_find(cx, ret, err);
	if (helper_resolve(cx, "HEAD", &doc, &why) == 0 &&
		(top = rel_json_get_str(doc, "top")) != NULL) {
		name_from_directory(top, ret);
		if (app_name_valid(ret)) {
			*ret_new = true;
			return 0;
		}
	}
	if (!doc && why.code == REL_EDENIED) {
		*err = why;
		return -(int)err->code;
	}
	rel_fail(err, REL_EUSAGE, "the new app needs a name");
	return rel_hint(err, "name it with -a APP");
}
