/* SPDX-License-Identifier: Apache-2.0 */
#include "helper.h"

#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ANSWER_LIMIT (4u << 20)

/* PREFIX/bin/relctl has PREFIX/libexec/relctl/NAME; in a build directory it
 * stands beside relctl. Never along PATH. */
int helper_find(const char *name, char *ret, size_t size, struct rel_err *err)
{
	static const char *const places[] = { "/../libexec/relctl/", "/" };
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (n < 0)
		return rel_fail_os(err, "find where relctl is");
	self[n] = '\0';
	slash = strrchr(self, '/');
	if (slash)
		*slash = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		int len = snprintf(ret, size, "%s%s%s", self, places[i], name);

		if (len > 0 && (size_t)len < size && access(ret, X_OK) == 0)
			return 0;
	}
	return rel_fail(err, REL_ENOTFOUND,
		"'%s' is not installed beside relctl in '%s'", name, self);
}

int helper_exec(struct ctx *cx, const char *name, struct rel_err *err)
{
	char path[PATH_MAX];
	int r = helper_find(name, path, sizeof(path), err);

	if (r < 0)
		return r;
	execv(path, cx->argv);
	return rel_fail_os(err, "start '%s'", path);
}

static pid_t start(const char *path, char *const argv[], int out)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	if (dup2(out, STDOUT_FILENO) >= 0)
		execv(path, argv);
	_exit(127);
}

/* The error that the helper reported, as our own. */
static int adopt_error(
	const struct json_t *doc, int status, struct rel_err *err)
{
	const struct json_t *e = rel_json_get(doc, "error");
	const char *word = rel_json_get_str(e, "code");
	const char *message = rel_json_get_str(e, "message");
	const char *hint = rel_json_get_str(e, "hint");

	if (!word || !message)
		return rel_fail(err, REL_EIO, "relctl-git ended with status %d",
			status);
	for (int code = REL_EIO; code <= REL_EUNREACHABLE; code++) {
		if (strcmp(exit_word((enum rel_code)code), word) == 0) {
			rel_fail(err, (enum rel_code)code, "%s", message);
			return rel_hint(err, "%s", hint ? hint : "");
		}
	}
	return rel_fail(err, REL_EIO, "%s", message);
}

static int collect(pid_t pid, int fd, struct json_t **ret, struct rel_err *err)
{
	REL_AUTO(rel_buf_free) struct rel_buf text = REL_BUF_INIT;
	REL_AUTO(rel_json_freep) struct json_t *doc = NULL;
	struct rel_err ignored;
	int status = 0;
	int r = rel_read_fd(fd, ANSWER_LIMIT, &text, err);

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r < 0)
		return rel_wrap(err, "the answer of relctl-git");
	if (rel_json_parse(rel_buf_str(&text), text.len, &doc, &ignored) < 0)
		doc = NULL;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || !doc)
		return adopt_error(doc,
			WIFEXITED(status) ? WEXITSTATUS(status)
					  : 128 + WTERMSIG(status),
			err);
	*ret = doc;
	doc = NULL;
	return 0;
}

int helper_resolve(struct ctx *cx, const char *rev, struct json_t **ret,
	struct rel_err *err)
{
	char path[PATH_MAX];
	struct rel_buf repo = REL_BUF_INIT;
	char *text = rel_strdup(rev);
	char name[] = "relctl-git", json[] = "--json", resolve[] = "resolve";
	char dashes[] = "--";
	char *argv[] = { name, json, NULL, resolve, dashes, text, NULL };
	int pipe_fds[2], r = helper_find(name, path, sizeof(path), err);
	pid_t pid;

	if (r == 0 && pipe2(pipe_fds, O_CLOEXEC) < 0)
		r = rel_fail_os(err, "make a pipe");
	if (r == 0) {
		rel_buf_addf(&repo, "-C%s", cx->repo ? cx->repo : "");
		argv[2] = cx->repo ? repo.p : json;
		pid = start(path, argv, pipe_fds[1]);
		close(pipe_fds[1]);
		r = pid < 0 ? rel_fail_os(err, "start '%s'", path)
			    : collect(pid, pipe_fds[0], ret, err);
		close(pipe_fds[0]);
	}
	rel_buf_free(&repo);
	free(text);
	return r;
}
