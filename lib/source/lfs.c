/* SPDX-License-Identifier: Apache-2.0 */
#include "base/entry.h"
#include "base/file.h"
#include "base/mem.h"
#include "crypto/digest.h"
#include "source/repo.h"

#include <fcntl.h>
#include <sys/stat.h>

static int open_object(
	const struct rel_git *g, const char *oid, int *ret, struct rel_err *err)
{
	REL_AUTO(rel_freep)
	char *path = rel_printf("%s/lfs/objects/%.2s/%.2s/%s",
		git_repository_commondir(g->repo), oid, oid + 2, oid);

	if (rel_open_read(AT_FDCWD, path, ret, err) == 0)
		return 0;
	if (err->code != REL_ENOTFOUND)
		return -(int)err->code;
	rel_fail(err, REL_ENOTFOUND, "lfs object %s is not in this repository",
		oid);
	return rel_hint(err, "git -C '%s' lfs fetch", g->top);
}

int rel_git_lfs_object(struct rel_git *g, const char *oid, uint64_t size,
	struct rel_buf *out, struct rel_err *err)
{
	REL_AUTO(rel_closep) int fd = -1;
	struct rel_id want, got;
	struct stat st;
	int r;

	if (!rel_id_parse(oid, &want))
		return rel_fail(err, REL_EINVALID,
			"'%s' is not the name of an lfs object", oid);
	if (size > REL_MAX_FILE)
		return rel_fail(err, REL_EINVALID,
			"lfs object %s is a file of more than 2 GiB", oid);
	r = open_object(g, oid, &fd, err);
	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0)
		return rel_fail_os(err, "look at lfs object %s", oid);
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != size)
		return rel_fail(err, REL_EINTEGRITY,
			"lfs object %s has not the size its pointer says", oid);
	rel_buf_reset(out);
	r = rel_read_fd(fd, size, out, err);
	if (r < 0)
		return rel_wrap(err, "lfs object %s", oid);
	got = rel_sha256(rel_buf_str(out), out->len);
	if (!rel_id_equal(&got, &want))
		return rel_fail(err, REL_EINTEGRITY,
			"lfs object %s does not match its name", oid);
	return 0;
}
