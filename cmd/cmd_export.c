/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"
#include "base/mem.h"
#include "build/transfer.h"
#include "cmds.h"
#include "out.h"
#include "ref.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct args {
	const char *output;
	bool mtree;
};

#define AT(field) offsetof(struct args, field)

static const struct opt opts[] = {
	{ "output", 'o', OPT_STR, AT(output), "FILE",
		"write to FILE, a .tar.zst or a .tar; - is stdout" },
	{ "mtree", 0, OPT_FLAG, AT(mtree), NULL,
		"an mtree(5) list of the files instead" },
	{ 0 },
};

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n > m && strcmp(s + n - m, end) == 0;
}

static int choose_form(const struct args *a, bool to_stdout,
	enum rel_export_form *ret, struct rel_err *err)
{
	if (a->mtree)
		*ret = REL_EXPORT_MTREE;
	else if (to_stdout || ends_with(a->output, ".tar.zst"))
		*ret = REL_EXPORT_ZST;
	else if (ends_with(a->output, ".tar"))
		*ret = REL_EXPORT_TAR;
	else
		return rel_fail(err, REL_EUSAGE,
			"'%s' ends neither in .tar.zst nor in .tar", a->output);
	return 0;
}

/* Whole or not at all: a temporary name beside FILE, then rename. */
static int export_to_file(struct ctx *cx, const struct rel_id *id,
	enum rel_export_form form, const char *path, struct rel_err *err)
{
	REL_AUTO(rel_closep) int fd = -1;
	char suffix[17];
	char *tmp;
	int r;

	rel_random_name(suffix);
	tmp = rel_printf("%s.%s", path, suffix);
	umask(cx->umask);
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	umask(077);
	if (fd < 0)
		r = rel_fail_os(err, "create '%s'", path);
	else
		r = rel_export(cx->home, id, form, fd, err);
	if (r == 0)
		r = rel_sync(fd, path, err);
	if (r == 0 && rename(tmp, path) < 0)
		r = rel_fail_os(err, "name '%s'", path);
	if (r < 0 && fd >= 0)
		unlink(tmp);
	free(tmp);
	return r;
}

static int run(
	struct ctx *cx, void *o, int argc, char **argv, struct rel_err *err)
{
	const struct args *a = o;
	bool to_stdout = !a->output || strcmp(a->output, "-") == 0;
	enum rel_export_form form = REL_EXPORT_ZST;
	struct artifact_ref ref;
	int r = choose_form(a, to_stdout, &form, err);

	(void)argc;
	if (r == 0 && to_stdout && form == REL_EXPORT_ZST &&
		isatty(STDOUT_FILENO)) {
		rel_fail(err, REL_EREFUSED,
			"an archive is not written to a terminal");
		return rel_hint(err, "name a file with -o FILE.tar.zst");
	}
	if (r == 0)
		r = artifact_find(cx, argv[0], &ref, err);
	if (r < 0)
		return r;
	if (to_stdout)
		return rel_export(cx->home, &ref.id, form, STDOUT_FILENO, err);
	r = export_to_file(cx, &ref.id, form, a->output, err);
	if (r == 0 && cx->json) {
		struct json_t *doc = rel_json_object();

		rel_json_set(doc, "artifact",
			rel_json_text(rel_artifact_format(&ref.id).s));
		rel_json_set(doc, "file", rel_json_text(a->output));
		result_json(cx, "export", doc);
	}
	if (r == 0)
		result(cx, "%s", rel_artifact_format(&ref.id).s);
	return r;
}

const struct cmd cmd_export = {
	.name = "export",
	.args = "ARTIFACT|RELEASE",
	.summary = "write an artifact as a tar file",
	.group = "Keep",
	.examples = "  relctl export HEAD -o app.tar.zst\n"
		    "  relctl export v12 --mtree\n",
	.opts = opts,
	.opts_size = sizeof(struct args),
	.need = NEED_READ,
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
