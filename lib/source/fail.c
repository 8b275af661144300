/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "source/repo.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Which of relctl's codes a failure of libgit2 is. */
static enum rel_code code_of(int code, int class)
{
	if (code == GIT_EMISMATCH)
		return REL_EINTEGRITY;
	switch (class) {
	case GIT_ERROR_NOMEMORY:
	case GIT_ERROR_OS:
	case GIT_ERROR_FILESYSTEM:
		return REL_EIO;
	case GIT_ERROR_ZLIB:
	case GIT_ERROR_ODB:
	case GIT_ERROR_OBJECT:
		return REL_EINTEGRITY;
	default:
		return REL_EINVALID;
	}
}

int rel_git_fail(struct rel_err *err, int code, const char *fmt, ...)
{
	const git_error *e = git_error_last();
	char what[sizeof(err->msg)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return rel_fail(err, code_of(code, e ? e->klass : GIT_ERROR_NONE),
		"%s: %s", what, e ? e->message : "libgit2 gives no reason");
}

void rel_git_show_path(struct rel_buf *out, const char *path)
{
	size_t start = out->len;

	rel_buf_add_escaped(out, path, strlen(path));
	if (out->len - start > 200) {
		out->len = start + 200;
		out->p[out->len] = '\0';
		rel_buf_adds(out, "…");
	}
}

int rel_git_fail_object(const struct rel_git *g, int code, const git_oid *id,
	const char *path, struct rel_err *err)
{
	REL_AUTO(rel_buf_free) struct rel_buf name = REL_BUF_INIT;
	char hex[41];

	git_oid_tostr(hex, sizeof(hex), id);
	rel_buf_addf(&name, "object %s", hex);
	if (*path) {
		rel_buf_adds(&name, " (");
		rel_git_show_path(&name, path);
		rel_buf_adds(&name, ")");
	}
	if (code != GIT_ENOTFOUND)
		return rel_git_fail(err, code, "%s", rel_buf_str(&name));
	rel_fail(err, REL_ENOTFOUND, "%s is not in this repository",
		rel_buf_str(&name));
	return rel_git_hint_absent(g, err);
}

static bool is_promisor(const git_config_entry *entry)
{
	static const char end[] = ".promisor";
	size_t n = strlen(entry->name);
	int value = 0;

	return strncmp(entry->name, "remote.", 7) == 0 && n > sizeof(end) &&
	       strcmp(entry->name + n + 1 - sizeof(end), end) == 0 &&
	       git_config_parse_bool(&value, entry->value) == 0 && value;
}

/* Was it cloned with --filter? Then a remote has promised the rest. */
static bool is_partial(const struct rel_git *g)
{
	git_config_iterator *all;
	git_config_entry *entry;
	bool found = false;

	/* Not by a regular expression: libgit2 1.5 leaks at each mismatch. */
	if (git_config_iterator_new(&all, g->config) < 0)
		return false;
	while (!found && git_config_next(&entry, all) == 0)
		found = is_promisor(entry) ||
			strcmp(entry->name, "extensions.partialclone") == 0;
	git_config_iterator_free(all);
	return found;
}

/* libgit2 looks for this file in a linked work tree's directory, in vain. */
static bool is_shallow(const struct rel_git *g)
{
	REL_AUTO(rel_freep)
	char *path =
		rel_printf("%s/shallow", git_repository_commondir(g->repo));
	struct stat st;

	return stat(path, &st) == 0 && st.st_size > 0;
}

int rel_git_hint_absent(const struct rel_git *g, struct rel_err *err)
{
	if (is_partial(g))
		return rel_hint(err,
			"this is a partial clone: git -C '%s' fetch --refetch "
			"--no-filter",
			g->top);
	if (is_shallow(g))
		return rel_hint(err,
			"this is a shallow clone: git -C '%s' fetch "
			"--unshallow",
			g->top);
	if (err->code == REL_ENOTFOUND && strncmp(err->msg, "object ", 7) == 0)
		return rel_hint(
			err, "git -C '%s' fsck lists what is missing", g->top);
	return -(int)err->code;
}
