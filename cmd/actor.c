/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/entry.h"
#include "base/mem.h"
#include "ctx.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_ACTOR 255u

/* A CI system: known by a variable of its own, it names who started the job
 * and where the job can be seen. ${url} is a list of pieces: "$NAME" is a
 * variable that must be set, anything else stands for itself. */
static const struct ci {
	const char *mark, *name, *actor;
	const char *url[6];
} cis[] = {
	{ "GITHUB_ACTIONS", "github", "GITHUB_ACTOR",
		{ "$GITHUB_SERVER_URL", "/", "$GITHUB_REPOSITORY",
			"/actions/runs/", "$GITHUB_RUN_ID" } },
	{ "GITLAB_CI", "gitlab", "GITLAB_USER_LOGIN", { "$CI_JOB_URL" } },
	{ "BUILDKITE", "buildkite", "BUILDKITE_BUILD_CREATOR",
		{ "$BUILDKITE_BUILD_URL" } },
	{ "CIRCLECI", "circleci", "CIRCLE_USERNAME", { "$CIRCLE_BUILD_URL" } },
	{ "BITBUCKET_BUILD_NUMBER", "bitbucket",
		"BITBUCKET_STEP_TRIGGERER_UUID",
		{ "https://bitbucket.org/", "$BITBUCKET_REPO_FULL_NAME",
			"/pipelines/results/", "$BITBUCKET_BUILD_NUMBER" } },
};

/* Without control bytes, and no longer than a ledger row should be. */
static char *clean(const char *s)
{
	struct rel_buf b = REL_BUF_INIT;

	for (; *s && b.len < MAX_ACTOR; s++) {
		if ((unsigned char)*s >= 0x20 && *s != 0x7f)
			rel_buf_addc(&b, *s);
	}
	/* Don't cut a character in two. */
	while (*s && b.len && !rel_utf8_valid(b.p, b.len))
		b.p[--b.len] = '\0';
	return rel_buf_take(&b);
}

static char *job_url(const struct ci *ci)
{
	REL_AUTO(rel_buf_free) struct rel_buf b = REL_BUF_INIT;

	for (const char *const *piece = ci->url; *piece; piece++) {
		const char *s = *piece;

		if (*s == '$')
			s = env_text(s + 1);
		if (!s)
			return NULL;
		rel_buf_adds(&b, s);
	}
	return clean(rel_buf_str(&b));
}

static char *user_at_host(void)
{
	char host[256] = "";
	const struct passwd *pw = getpwuid(geteuid());
	char *text, *cleaned;

	if (gethostname(host, sizeof(host) - 1) < 0)
		host[0] = '\0';
	text = pw ? rel_printf("%s@%s", pw->pw_name, host)
		  : rel_printf("uid %u@%s", (unsigned)geteuid(), host);
	cleaned = clean(text);
	free(text);
	return cleaned;
}

void actor_find(struct ctx *cx)
{
	const char *by = env_text("RELCTL_ACTOR");

	for (size_t i = 0; i < sizeof(cis) / sizeof(*cis); i++) {
		if (!env_text(cis[i].mark))
			continue;
		cx->actor_url = job_url(&cis[i]);
		/* A job that nobody started (a schedule) is the CI's. */
		if (!by)
			by = env_text(cis[i].actor);
		if (!by)
			by = cis[i].name;
		break;
	}
	if (!by)
		by = env_text("SUDO_USER");
	cx->actor = by ? clean(by) : user_at_host();
}
