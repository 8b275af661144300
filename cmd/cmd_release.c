/* SPDX-License-Identifier: Apache-2.0 */
#include "carry.h"
#include "cmds.h"
#include "helper.h"
#include "home/home.h"
#include "inputs.h"
#include "out.h"
#include "ref.h"
#include "release/release.h"

#include <stdio.h>
#include <string.h>

struct args {
	struct opt_list env, set, unset;
	const char *message;
	bool generate, no_activate, force, dry_run;
	int64_t watch;
};

#define AT(field) offsetof(struct args, field)

static const struct opt opts[] = {
	{ "env", 'e', OPT_LIST, AT(env), "FILE",
		"take the config from this env file, - is stdin; later ones "
		"win" },
	{ "set", 0, OPT_LIST, AT(set), "NAME[=VALUE]",
		"set a variable, taken literally; without a value it is asked "
		"for" },
	{ "unset", 0, OPT_LIST, AT(unset), "NAME", "take a variable away" },
	{ "generate", 0, OPT_FLAG, AT(generate), NULL,
		"make a value for each secret that app.json declares" },
	{ "message", 'm', OPT_STR, AT(message), "TEXT",
		"a note for the ledger" },
	{ "no-activate", 0, OPT_FLAG, AT(no_activate), NULL,
		"make the release, but leave the current one" },
	{ "force", 0, OPT_FLAG, AT(force), NULL,
		"a new release whatever is the same, of any repository" },
	{ "dry-run", 'n', OPT_FLAG, AT(dry_run), NULL,
		"print what would change, and do nothing" },
	WATCH_OPT(args, watch),
	{ 0 },
};

/* Without a word: the artifact of HEAD, or outside a repository the current. */
static int default_artifact(struct ctx *cx, struct artifact_ref *ret,
	bool *ret_some, struct rel_err *err)
{
	REL_AUTO(rel_json_freep) struct json_t *doc = NULL;
	const char *commit;
	int r = helper_resolve(cx, "HEAD", &doc, err);

	*ret_some = false;
	if (r == -REL_ENOTFOUND && !cx->repo_given)
		return 0;
	if (r < 0)
		return r;
	commit = rel_json_get_str(doc, "commit");
	r = artifact_of_commit(cx, commit ? commit : "", ret, ret_some, err);
	if (r < 0 || *ret_some)
		return r;
	rel_fail(err, REL_ENOTFOUND, "commit %.7s (HEAD) was not built yet",
		commit ? commit : "");
	return rel_hint(err, "relctl build");
}

/* A line to type names the app that this one named. */
static int name_app(const struct ctx *cx, const char *app, struct rel_err *err)
{
	static const char begin[] = "relctl release --";
	char hint[sizeof(err->hint)];

	if (!cx->app_given || strncmp(err->hint, begin, strlen(begin)) != 0)
		return -(int)err->code;
	snprintf(hint, sizeof(hint), "%s", err->hint + strlen("relctl "));
	return rel_hint(err, "relctl -a %s %s", app, hint);
}

static int run(
	struct ctx *cx, void *o, int argc, char **argv, struct rel_err *err)
{
	REL_AUTO(rel_plan_done) struct rel_plan plan = { .lock_fd = -1 };
	REL_AUTO(rel_config_done) struct rel_config base = { 0 }, set = { 0 };
	const struct args *a = o;
	struct artifact_ref artifact = { 0 };
	struct rel_err why;
	bool some = false, new_app;
	char app[41];
	int r = app_find_or_new(cx, app, &new_app, err);

	if (r == 0 && argc > 0) {
		some = true;
		r = artifact_find(cx, argv[0], &artifact, err);
	} else if (r == 0) {
		r = default_artifact(cx, &artifact, &some, err);
	}
	if (r == 0)
		r = inputs_env(&a->env, &base, err);
	if (r == 0)
		r = inputs_set(&a->set, &set, err);
	if (r == 0)
		r = rel_plan_begin(&plan, cx->home, app, &why, err);
	if (r == 0) {
		struct rel_request q = {
			.artifact = some ? &artifact.id : NULL,
			.commit = artifact.commit,
			.base = a->env.n ? &base : NULL,
			.set = &set,
			.unset = a->unset.v,
			.unset_n = a->unset.n,
			.generate = a->generate,
			.force = a->force,
			.no_activate = a->no_activate,
			.message = a->message,
			.reason = "release",
		};

		r = rel_release_plan(&plan, &q, &why, err);
	}
	if (r < 0)
		return name_app(cx, app, err);
	return plan_carry_out(cx, &plan,
		&(struct carry){ .noun = "release",
			.action = "release",
			.dry_run = a->dry_run,
			.watch_s = a->watch },
		err);
}

const struct cmd cmd_release = {
	.name = "release",
	.args = "[ARTIFACT]",
	.summary = "bind an artifact to its config, and make it current",
	.group = "Work",
	.examples = "  relctl release -e prod.env\n"
		    "  relctl release sha256:3f2a91c --set LOG_LEVEL=debug\n"
		    "  relctl release -n\n",
	.opts = opts,
	.opts_size = sizeof(struct args),
	.need = NEED_WRITE,
	.max_args = 1,
	.run = run,
};
