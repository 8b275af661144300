/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "source/repo.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct span {
	const char *p, *end;
};

static const char *find(struct span s, char c)
{
	return s.p < s.end ? memchr(s.p, c, (size_t)(s.end - s.p)) : NULL;
}

static const char *find_last(struct span s, char c)
{
	return s.p < s.end ? memrchr(s.p, c, (size_t)(s.end - s.p)) : NULL;
}

static bool is_port(const char *p, const char *end)
{
	while (p < end && isdigit((unsigned char)*p))
		p++;
	return p == end;
}

/*
 * The '@' after user and password, NULL where there are none. A password with
 * a '/', '?' or '#' in it is not a URL that works, but it is a password: what
 * stands after the host's colon is then no port, and the '@' comes later.
 */
static const char *find_at(struct span rest)
{
	struct span host = { rest.p, rest.p + strcspn(rest.p, "/?#") };
	const char *at = find_last(host, '@');
	const char *colon = find(host, ':');

	if (at || !colon || *rest.p == '[' || is_port(colon + 1, host.end))
		return at;
	return find_last(rest, '@');
}

/* Over ssh the user belongs to the address (git@…) and proves nothing. */
static bool is_ssh(const char *url, const char *colon)
{
	size_t n = (size_t)(colon - url);

	return (n == 3 && strncasecmp(url, "ssh", n) == 0) ||
	       (n == 7 && (strncasecmp(url, "git+ssh", n) == 0 ||
				  strncasecmp(url, "ssh+git", n) == 0));
}

/* scheme://[user[:password]@]host…[?query][#fragment] */
static void add_url(const char *url, const char *colon, struct rel_buf *out)
{
	struct span rest = { colon + 3, colon + 3 + strlen(colon + 3) };
	const char *at = find_at(rest);

	rel_buf_add(out, url, (size_t)(rest.p - url));
	if (at && is_ssh(url, colon)) {
		struct span user = { rest.p, at };
		const char *password = find(user, ':');

		rel_buf_add(out, rest.p,
			(size_t)((password ? password : at) - rest.p));
		rel_buf_addc(out, '@');
	}
	if (at)
		rest.p = at + 1;
	rel_buf_add(out, rest.p, strcspn(rest.p, "?#"));
}

/* [user[:password]@]host:path, ssh's short form. */
static void add_short(const char *url, struct rel_buf *out)
{
	struct span host = { url, url + strcspn(url, "/") };
	const char *colon = find(host, ':'), *at = find_last(host, '@');

	if (at && colon < at) {
		rel_buf_add(out, url, (size_t)(colon - url));
		url = at;
	}
	rel_buf_adds(out, url);
}

static void add_path(const char *top, const char *path, struct rel_buf *out)
{
	REL_AUTO(rel_freep)
	char *joined = *path == '/' ? rel_strdup(path)
				    : rel_printf("%s/%s", top, path);
	REL_AUTO(rel_freep) char *real = realpath(joined, NULL);

	rel_buf_adds(out, real ? real : joined);
}

static void add_clean(const char *url, const char *top, struct rel_buf *out)
{
	const char *colon = strstr(url, "://");

	if (colon)
		add_url(url, colon, out);
	else if (url[strcspn(url, "/:")] == ':')
		add_short(url, out);
	else
		add_path(top, url, out);
}

void rel_git_origin(struct rel_git *g, struct rel_buf *out)
{
	REL_AUTO(rel_freep)
	char *common = rel_git_path_trim(git_repository_commondir(g->repo));
	const char *url = NULL;

	if (git_config_get_string(&url, g->config, "remote.origin.url") == 0 &&
		url && *url)
		add_clean(url, g->top, out);
	else
		rel_buf_adds(out, common);
}
