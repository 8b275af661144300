/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/scratch.h - a directory of its own for each test, gone after it.
 * For cmocka_unit_test_setup_teardown; the path is what *state points to.
 */
#ifndef SCRATCH_H
#define SCRATCH_H

#include "base/file.h"
#include "base/mem.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

static inline int scratch_setup(void **state)
{
	char *dir = rel_strdup("/tmp/relctl-test-XXXXXX");

	if (!mkdtemp(dir))
		return -1;
	*state = dir;
	return 0;
}

static inline int scratch_teardown(void **state)
{
	struct rel_err err = REL_ERR_INIT;
	int r = rel_remove_tree(AT_FDCWD, *state, &err);

	if (r < 0)
		fprintf(stderr, "# %s\n", err.msg);
	free(*state);
	return r;
}

#define scratch_test(f)                                                        \
	cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)

#endif
