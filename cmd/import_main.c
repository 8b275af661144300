/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relctl-import: the only program that links libarchive. relctl starts it for
 * `import`, with the same command line.
 */
#include "base/file.h"
#include "build/transfer.h"
#include "import_opts.h"
#include "out.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int run(
	struct ctx *cx, void *o, int argc, char **argv, struct rel_err *err)
{
	const struct import_args *a = o;
	REL_AUTO(rel_closep) int fd = -1;
	struct rel_artifact_text id;
	struct rel_id found;
	bool known = false;
	int r;

	(void)argc;
	/* The file first: a mistyped name makes no store. */
	if (strcmp(argv[0], "-") == 0)
		fd = dup(STDIN_FILENO);
	else
		fd = open(argv[0], O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return rel_fail(err, REL_ENOTFOUND, "no file '%s'", argv[0]);
	if (fd < 0)
		return rel_fail_os(err, "open '%s'", argv[0]);
	r = ctx_open(cx, NEED_MAKE, err);
	if (r == 0)
		r = rel_import(
			cx->home, fd, a->allow_external, &found, &known, err);
	if (r < 0)
		return r;
	id = rel_artifact_format(&found);
	if (known)
		say(cx, "the artifact was here already");
	if (cx->json) {
		struct json_t *doc = rel_json_object();

		rel_json_set(doc, "artifact", rel_json_text(id.s));
		rel_json_set(doc, "known", rel_json_bool(known));
		result_json(cx, "import", doc);
	}
	result(cx, "%s", id.s);
	return 0;
}

static const struct cmd import = {
	.name = "import",
	.args = "FILE",
	.summary = "read an artifact that was exported elsewhere",
	.group = "Keep",
	.opts = import_opts,
	.opts_size = sizeof(struct import_args),
	.min_args = 1,
	.max_args = 1,
	.run = run,
};

static const struct cmd *const commands[] = { &import, NULL };

int main(int argc, char **argv)
{
	return cmd_main(commands, argc, argv);
}
