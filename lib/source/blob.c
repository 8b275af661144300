/* SPDX-License-Identifier: Apache-2.0 */
#include "source/repo.h"

#include <stdio.h>
#include <string.h>

static int fail_blob(
	const struct rel_git_entry *e, const char *what, struct rel_err *err)
{
	REL_AUTO(rel_buf_free) struct rel_buf path = REL_BUF_INIT;

	rel_git_show_path(&path, e->path);
	return rel_fail(
		err, REL_EINVALID, "path '%s': %s", rel_buf_str(&path), what);
}

void rel_git_content_done(struct rel_git_content *c)
{
	git_odb_object_free(c->object);
	*c = (struct rel_git_content){ .p = "" };
}

int rel_git_content(struct rel_git *g, const struct rel_git_entry *e,
	uint64_t limit, struct rel_git_content *ret, struct rel_err *err)
{
	git_odb_object *object;
	git_object_t type;
	char what[80];
	git_oid id;
	size_t size;
	int r;

	memcpy(id.id, e->oid, sizeof(id.id));
	r = rel_git_size(g, &id, e->path, &size, err);
	if (r < 0)
		return r;
	if (size > limit) {
		snprintf(what, sizeof(what), "%zu bytes, more than %llu", size,
			(unsigned long long)limit);
		return fail_blob(e, what, err);
	}
	r = rel_git_read(g, &id, e->path, &object, err);
	if (r < 0)
		return r;
	type = git_odb_object_type(object);
	if (type != GIT_OBJECT_BLOB) {
		git_odb_object_free(object);
		snprintf(what, sizeof(what), "its object is a %s, not a blob",
			git_object_type2string(type));
		return fail_blob(e, what, err);
	}
	ret->object = object;
	ret->n = git_odb_object_size(object);
	ret->p = ret->n ? git_odb_object_data(object) : "";
	return 0;
}

int rel_git_blob(struct rel_git *g, const struct rel_git_entry *e,
	uint64_t limit, struct rel_buf *out, struct rel_err *err)
{
	REL_AUTO(rel_git_content_done) struct rel_git_content c = { 0 };
	int r = rel_git_content(g, e, limit, &c, err);

	rel_buf_reset(out);
	if (r == 0)
		rel_buf_add(out, c.p, c.n);
	return r;
}
