/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/tar_fixture.h - tars of profile 1 in memory, given in pieces.
 */
#ifndef TAR_FIXTURE_H
#define TAR_FIXTURE_H

#include "base/buf.h"
#include "base/mem.h"
#include "pack/tar.h"

#include <stdlib.h>
#include <string.h>

struct bytes {
	const char *p;
	size_t n, at, step;
	size_t fail_at; /* the source fails there, 0: never */
	char *copy;	/* what was given last; the one before is overwritten */
};

static inline int give(
	void *arg, const void **ret_p, size_t *ret_n, struct rel_err *err)
{
	struct bytes *b = arg;
	size_t n = b->n - b->at;

	if (b->fail_at && b->at >= b->fail_at)
		return rel_fail(err, REL_EUNREACHABLE, "the line is dead");
	if (n > b->step)
		n = b->step;
	if (!b->copy)
		b->copy = rel_alloc(b->step);
	memset(b->copy, 0xee, b->step);
	memcpy(b->copy, b->p + b->at, n);
	*ret_p = b->copy;
	*ret_n = n;
	b->at += n;
	return 0;
}

static inline void bytes_done(struct bytes *b)
{
	free(b->copy);
}

static inline void put(struct rel_buf *tar, enum rel_entry_type type,
	const char *path, const char *target, const char *content, size_t size)
{
	static const char zeros[REL_TAR_BLOCK];
	struct rel_entry e = {
		.type = type,
		.executable = strstr(path, "run") != NULL,
		.path = path,
		.path_len = strlen(path),
		.target = target,
		.target_len = strlen(target),
		.size = size,
	};

	rel_tar_header(&e, tar);
	rel_buf_add(tar, content, size);
	rel_buf_add(tar, zeros, rel_tar_padding(size));
}

static inline void end(struct rel_buf *tar)
{
	static const char zeros[2 * REL_TAR_BLOCK];

	rel_buf_add(tar, zeros, sizeof(zeros));
}

/* e and a combining accent, 40 times: 120 bytes that are not composed. */
static inline const char *decomposed(void)
{
	static char s[121];

	for (size_t i = 0; i < 120; i += 3)
		memcpy(s + i, "e\314\201", 3);
	return s;
}

static inline void make(struct rel_buf *tar)
{
	char long_name[151], block[1300];

	memset(long_name, 'n', 150);
	long_name[150] = '\0';
	memset(block, 'b', sizeof(block));
	put(tar, REL_FILE, "a", "", "hello\n", 6);
	put(tar, REL_DIR, "bin", "", "", 0);
	put(tar, REL_FILE, "bin/run", "", block, 1024);
	put(tar, REL_LINK, "bin/x", "run", "", 0);
	put(tar, REL_FILE, "caf\351", "", "", 0);
	put(tar, REL_DIR, decomposed(), "", "", 0);
	put(tar, REL_LINK, "l", decomposed(), "", 0);
	put(tar, REL_FILE, long_name, "", block, 1300);
	put(tar, REL_FILE, "z", "", "z", 1);
	end(tar);
}

/* Gives the same block of bytes again and again. */
struct endless {
	const char *p;
	size_t n, given;
};

static inline int give_again(
	void *arg, const void **ret_p, size_t *ret_n, struct rel_err *err)
{
	struct endless *x = arg;

	(void)err;
	*ret_p = x->p;
	*ret_n = x->n;
	x->given += x->n;
	return 0;
}

#endif
