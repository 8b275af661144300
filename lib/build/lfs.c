/* SPDX-License-Identifier: Apache-2.0 */
#include "build/lfs.h"

#include "base/id.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERSION "version https://git-lfs.github.com/spec/v1"
#define OID "oid sha256:"
#define POINTER_LIMIT 1024
#define PATHS_SHOWN 10

bool rel_lfs_is_pointer(const char *p, size_t n)
{
	return n < POINTER_LIMIT && n >= strlen(VERSION) &&
	       memcmp(p, VERSION, strlen(VERSION)) == 0;
}

int rel_lfs_parse(const struct rel_entry *e, const char *p, size_t n,
	struct rel_lfs_pointer *ret, struct rel_err *err)
{
	char *text = rel_strndup(p, n), *oid, *size, *end = NULL;
	struct rel_id id;
	bool ok = false;

	oid = strstr(text, "\n" OID);
	size = strstr(text, "\nsize ");
	if (oid && size) {
		snprintf(ret->oid, sizeof(ret->oid), "%s",
			oid + 1 + strlen(OID));
		ret->size = strtoull(size + 6, &end, 10);
		ok = rel_id_parse(ret->oid, &id) && end != size + 6 &&
		     (*end == '\n' || *end == '\0');
	}
	free(text);
	return ok ? 0
		  : rel_fail(err, REL_EINVALID,
			    "path '%.200s': not a well-formed LFS pointer",
			    e->path);
}

void rel_lfs_note(struct rel_lfs_found *f, const struct rel_entry *e)
{
	if (f->n++ >= PATHS_SHOWN)
		return;
	rel_buf_adds(&f->paths, "  ");
	rel_buf_add_escaped(&f->paths, e->path, e->path_len);
	rel_buf_addc(&f->paths, '\n');
}

void rel_lfs_done(struct rel_lfs_found *f)
{
	rel_buf_free(&f->paths);
}

int rel_lfs_refuse(const struct rel_lfs_found *f, struct rel_err *err)
{
	if (f->n == 0)
		return 0;
	rel_fail(err, REL_EINVALID,
		"%" PRIu64 " file%s git-lfs pointer%s, not the content", f->n,
		f->n == 1 ? " is a" : "s are", f->n == 1 ? "" : "s");
	snprintf(err->context, sizeof(err->context), "%s%s",
		rel_buf_str(&f->paths), f->n > PATHS_SHOWN ? "  …\n" : "");
	return rel_hint(err, "fetch them (git lfs fetch) and build with "
			     "--lfs=local, or keep "
			     "the pointers with --lfs=pointer");
}
