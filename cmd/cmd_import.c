/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"
#include "build/transfer.h"
#include "cmds.h"
#include "out.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct args {
	bool allow_external;
};

static const struct opt opts[] = {
	{ "allow-external-symlinks", 0, OPT_FLAG,
		offsetof(struct args, allow_external), NULL,
		"keep symlinks that are absolute or leave the tree" },
	{ 0 },
};

static int run(
	struct ctx *cx, void *o, int argc, char **argv, struct rel_err *err)
{
	const struct args *a = o;
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

const struct cmd cmd_import = {
	.name = "import",
	.args = "FILE",
	.summary = "read an artifact that was exported elsewhere",
	.group = "Keep",
	.examples = "  relctl import app.tar.zst\n"
		    "  ssh ci cat app.tar.zst | relctl import -\n",
	.opts = opts,
	.opts_size = sizeof(struct args),
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
