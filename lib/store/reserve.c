/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/store/reserve.c - room that is kept back, so that the ledger can record
 * one more thing on a full disk. Mechanism.
 */
#include "base/file.h"
#include "store/layout.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define RESERVE_BYTES (256 * 1024)

bool rel_store_reserve_free(struct rel_store *s)
{
	return unlinkat(s->fd, "reserve", 0) == 0;
}

void rel_store_reserve_make(struct rel_store *s)
{
	REL_AUTO(rel_closep) int fd = -1;
	struct stat st;

	fd = openat(s->fd, "reserve",
		O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	if (fd < 0 || fstat(fd, &st) < 0)
		return;
	/* A copy of a store may have holes where the room should be. */
	if (st.st_size == RESERVE_BYTES && st.st_blocks >= RESERVE_BYTES / 512)
		return;
	/* A part of it is of no use, and stands in the way. */
	if (ftruncate(fd, 0) < 0 || posix_fallocate(fd, 0, RESERVE_BYTES) != 0)
		unlinkat(s->fd, "reserve", 0);
}

int rel_store_reserve_check(struct rel_store *s, struct rel_err *err)
{
	REL_AUTO(rel_buf_free) struct rel_buf b = REL_BUF_INIT;
	int r = rel_read_file(s->fd, "reserve", RESERVE_BYTES, &b, err);

	if (r < 0 && r != -REL_EINVALID)
		return r;
	if (r < 0)
		return rel_fail(err, REL_EINTEGRITY,
			"'reserve' has more than %d bytes", RESERVE_BYTES);
	for (size_t i = 0; i < b.len; i++)
		if (b.p[i])
			return rel_fail(
				err, REL_EINTEGRITY, "'reserve' is not empty");
	/* Its making was cut short: as good as none. */
	if (b.len != RESERVE_BYTES)
		return rel_fail(err, REL_ENOTFOUND,
			"'reserve' has less than %d bytes", RESERVE_BYTES);
	return 0;
}
