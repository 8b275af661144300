/* SPDX-License-Identifier: Apache-2.0 */
#include "ctx.h"

#include "base/mem.h"
#include "opt.h"
#include "out.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Longer than anybody waits; in ms it still fits 32 bits. */
#define MAX_WAIT_S 1000000

#define AT(field) offsetof(struct globals, field)

const struct opt global_opts[] = {
	{ "app", 'a', OPT_STR, AT(app), "APP",
		"the app (RELCTL_APP; default: this repository's)" },
	{ "store", 0, OPT_STR, AT(store), "DIR",
		"where artifacts and releases are kept (RELCTL_STORE)" },
	{ "repo", 'C', OPT_STR, AT(repo), "DIR",
		"the git repository (default: the one around this directory)" },
	{ "json", 0, OPT_FLAG, AT(json), NULL,
		"print one JSON document, also for an error" },
	{ "quiet", 'q', OPT_FLAG, AT(quiet), NULL,
		"print the result and errors, nothing else" },
	{ "verbose", 'v', OPT_FLAG, AT(verbose), NULL, "say more" },
	{ "wait", 0, OPT_INT, AT(wait), "SECONDS",
		"wait this long for a lock (default 30)" },
	{ "color", 0, OPT_STR, AT(color), "auto|always|never",
		"colours (NO_COLOR, FORCE_COLOR)" },
	{ "progress", 0, OPT_STR, AT(progress), "auto|none",
		"a bar on a terminal for what takes long" },
	{ "help", 'h', OPT_FLAG, AT(help), NULL, "show this, do nothing" },
	{ "version", 0, OPT_FLAG, AT(version), NULL, "print the version" },
	{ 0 },
};

const char *env_text(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? v : NULL;
}

/* --color, NO_COLOR, FORCE_COLOR, and only then what the stream is. */
static bool colored(const char *option, bool terminal)
{
	const char *force = env_text("FORCE_COLOR");

	if (option && strcmp(option, "auto") != 0)
		return strcmp(option, "always") == 0;
	if (env_text("NO_COLOR"))
		return false;
	if (force)
		return strcmp(force, "0") != 0;
	return terminal;
}

void ctx_speech(struct ctx *cx, const struct globals *g)
{
	const char *term = env_text("TERM");
	bool smart = term && strcmp(term, "dumb") != 0;
	bool out = smart && isatty(STDOUT_FILENO);
	bool err = smart && isatty(STDERR_FILENO);

	cx->json = g->json;
	cx->quiet = g->quiet;
	cx->verbose = g->verbose;
	cx->wait_s = g->wait < 0 ? 30 : g->wait;
	if (cx->wait_s > MAX_WAIT_S)
		cx->wait_s = MAX_WAIT_S;
	cx->color_out = colored(g->color, out);
	cx->color_err = colored(g->color, err);
	cx->progress = err && !g->quiet && !g->json &&
		       (!g->progress || strcmp(g->progress, "none") != 0);
	cx->events = (struct rel_events){ .notice = out_notice, .arg = cx };
	if (cx->progress)
		progress_install(cx);
}

/* APP of relctl(1): [a-z]([a-z0-9-]{0,38}[a-z0-9])?, and no word for a
 * release. */
bool app_name_valid(const char *s)
{
	size_t n = strlen(s);

	if (n < 1 || n > 40 || s[0] < 'a' || s[0] > 'z' || s[n - 1] == '-' ||
		strcmp(s, "current") == 0)
		return false;
	if (strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-") != n)
		return false;
	return n == 1 || s[0] != 'v' || strspn(s + 1, "0123456789") != n - 1;
}

int app_name_check(const char *name, bool from_env, struct rel_err *err)
{
	if (app_name_valid(name))
		return 0;
	rel_fail(err, from_env ? REL_EINVALID : REL_EUSAGE,
		"'%.*s' can't be the name of an app%s", shown_len(name), name,
		from_env ? " (RELCTL_APP)" : "");
	return rel_hint(err,
		"a-z, 0-9 and '-', at most 40, a letter first, not like 'v12'");
}

static int find_app(
	struct ctx *cx, const struct globals *g, struct rel_err *err)
{
	cx->app_given = g->app != NULL;
	cx->app = g->app ? g->app : env_text("RELCTL_APP");
	return cx->app ? app_name_check(cx->app, !g->app, err) : 0;
}

/* The user's own directory, or NULL. */
static const char *home_dir(void)
{
	const char *home = getenv("HOME");
	const struct passwd *pw;

	if (home && home[0] == '/')
		return home;
	pw = getpwuid(geteuid());
	return pw && pw->pw_dir[0] == '/' ? pw->pw_dir : NULL;
}

/* ${given} made absolute; else ${root} for root, "$xdg/name", "~/dot/name". */
static int find_place(const char *given, const char *root, const char *xdg,
	const char *dot, const char *name, const char **ret,
	struct rel_err *err)
{
	const char *base = getenv(xdg), *home;

	if (given && given[0] == '/') {
		*ret = rel_strdup(given);
	} else if (given) {
		REL_AUTO(rel_freep) char *cwd = getcwd(NULL, 0);

		if (!cwd)
			return rel_fail_os(err, "find the current directory");
		*ret = rel_printf("%s/%s", cwd, given);
	} else if (geteuid() == 0) {
		*ret = rel_strdup(root);
	} else if (base && base[0] == '/') {
		*ret = rel_printf("%s/%s", base, name);
	} else {
		home = home_dir();
		if (!home)
			return rel_fail(err, REL_EIO, "no home directory");
		*ret = rel_printf("%s/%s/%s", home, dot, name);
	}
	return 0;
}

static int find_paths(
	struct ctx *cx, const struct globals *g, struct rel_err *err)
{
	const char *store = g->store ? g->store : env_text("RELCTL_STORE");
	int r;

	if (store && !*store)
		return rel_fail(err, REL_EUSAGE, "option '--store' is empty");
	r = find_place(store, "/var/lib/relctl", "XDG_DATA_HOME",
		".local/share", "relctl", &cx->store, err);
	if (r == 0)
		r = find_place(env_text("RELCTL_KEY_FILE"), "/etc/relctl/key",
			"XDG_CONFIG_HOME", ".config", "relctl/key", &cx->key,
			err);
	if (r < 0 && err->code == REL_EIO && !err->os_errno)
		rel_hint(err, "set RELCTL_STORE and RELCTL_KEY_FILE");
	return r;
}

int ctx_places(struct ctx *cx, const struct globals *g, struct rel_err *err)
{
	int r = find_app(cx, g, err);

	if (r == 0)
		r = find_paths(cx, g, err);
	if (r < 0)
		return r;
	cx->repo = g->repo;
	cx->repo_given = g->repo != NULL;
	actor_find(cx);
	return 0;
}

void ctx_done(struct ctx *cx)
{
	rel_freep(&cx->store);
	rel_freep(&cx->key);
	rel_freep(&cx->actor);
	rel_freep(&cx->actor_url);
}
