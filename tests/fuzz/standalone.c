/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/standalone.c - runs a fuzz target without a fuzzer, over each
 * file named on the command line and each file in a directory named there.
 */
#include "base/file.h"
#include "fuzz.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>

#define INPUT_LIMIT ((size_t)64 << 20)

static int feed(int dirfd, const char *name)
{
	REL_AUTO(rel_buf_free) struct rel_buf input = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;
	uint8_t *exact;

	if (rel_read_file(dirfd, name, INPUT_LIMIT, &input, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		return -1;
	}
	/* no byte more, so that a sanitizer sees a read behind the end */
	exact = malloc(input.len ? input.len : 1);
	if (!exact)
		abort();
	if (input.len)
		memcpy(exact, input.p, input.len);
	LLVMFuzzerTestOneInput(exact, input.len);
	free(exact);
	return 0;
}

/* Returns how many files there were, or -1. */
static int feed_directory(DIR *dir)
{
	const struct dirent *entry;
	int n = 0;

	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		if (feed(dirfd(dir), entry->d_name) < 0)
			return -1;
		n++;
	}
	return n;
}

int main(int argc, char **argv)
{
	int total = 0;

	for (int i = 1; i < argc; i++) {
		DIR *dir = opendir(argv[i]);
		int n = dir			      ? feed_directory(dir)
			: feed(AT_FDCWD, argv[i]) < 0 ? -1
						      : 1;

		if (dir)
			closedir(dir);
		if (n < 0)
			return 1;
		total += n;
	}
	printf("%d inputs\n", total);
	return total > 0 ? 0 : 1;
}
