/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"
#include "pack/reader.h"
#include "pack/tar.h"

#include <string.h>

struct input {
	const uint8_t *p;
	size_t n, at;
};

/* In pieces of a size that is no block's. */
static int give(
	void *arg, const void **ret_p, size_t *ret_n, struct rel_err *err)
{
	struct input *in = arg;
	size_t n = in->n - in->at < 700 ? in->n - in->at : 700;

	(void)err;
	*ret_p = in->p + in->at;
	*ret_n = n;
	in->at += n;
	return 0;
}

/* What is read whole is, packed again, the very bytes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char zeros[2 * REL_TAR_BLOCK];
	REL_AUTO(rel_reader_closep) struct rel_reader *r = NULL;
	REL_AUTO(rel_buf_free) struct rel_buf again = REL_BUF_INIT;
	struct rel_err err = REL_ERR_INIT;
	struct input in = { data, size, 0 };
	struct rel_entry e;
	bool more = true;
	int rc = rel_reader_open(give, &in, REL_EINVALID, &r, &err);

	while (rc == 0 && more) {
		const void *p;
		size_t n;

		rc = rel_reader_next(r, &e, NULL, &more, &err);
		if (rc < 0 || !more)
			break;
		REQUIRE(strlen(e.path) == e.path_len);
		rel_tar_header(&e, &again);
		while ((rc = rel_reader_data(r, &p, &n, &err)) == 0 && n > 0)
			rel_buf_add(&again, p, n);
		rel_buf_add(&again, zeros, rel_tar_padding(e.size));
	}
	if (rc < 0) {
		REQUIRE(err.code == REL_EINVALID);
		REQUIRE(!strchr(err.msg, '\n'));
		return 0;
	}
	rel_buf_add(&again, zeros, sizeof(zeros));
	REQUIRE(again.len == size);
	REQUIRE(memcmp(again.p, data, size) == 0);
	return 0;
}
