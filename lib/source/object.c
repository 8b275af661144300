/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/digest.h"
#include "source/repo.h"

#include <stdio.h>
#include <string.h>

int rel_git_size(struct rel_git *g, const git_oid *id, const char *path,
	size_t *ret, struct rel_err *err)
{
	git_object_t type;
	int r = git_odb_read_header(ret, &type, g->odb, id);

	return r < 0 ? rel_git_fail_object(g, r, id, path, err) : 0;
}

/* The name that git gives these bytes. */
static git_oid name_of(struct rel_git *g, git_odb_object *object)
{
	size_t n = git_odb_object_size(object);
	char head[64];
	git_oid id;
	int len = snprintf(head, sizeof(head), "%s %zu",
		git_object_type2string(git_odb_object_type(object)), n);

	/* Its NUL belongs to it. */
	rel_sha1_add(g->sha1, head, (size_t)len + 1);
	rel_sha1_add(g->sha1, git_odb_object_data(object), n);
	rel_sha1_final(g->sha1, id.id);
	return id;
}

int rel_git_read(struct rel_git *g, const git_oid *id, const char *path,
	git_odb_object **ret, struct rel_err *err)
{
	git_odb_object *object;
	char what[80], hex[41];
	git_oid got;
	int r = git_odb_read(&object, g->odb, id);

	if (r < 0)
		return rel_git_fail_object(g, r, id, path, err);
	got = name_of(g, object);
	if (git_oid_equal(&got, id)) {
		*ret = object;
		return 0;
	}
	git_odb_object_free(object);
	snprintf(what, sizeof(what), "its bytes are those of %s",
		git_oid_tostr(hex, sizeof(hex), &got));
	git_error_set_str(GIT_ERROR_ODB, what);
	return rel_git_fail_object(g, GIT_EMISMATCH, id, path, err);
}

bool rel_git_has_tree(struct rel_git *g, const char *tree_hex)
{
	git_oid id;

	return strlen(tree_hex) == 40 && git_oid_fromstr(&id, tree_hex) == 0 &&
	       git_odb_exists_ext(g->odb, &id, GIT_ODB_LOOKUP_NO_REFRESH);
}
