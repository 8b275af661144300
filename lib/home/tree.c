/* SPDX-License-Identifier: Apache-2.0 */
#include "home/tree.h"

#include "base/file.h"
#include "home/segments.h"
#include "store/tree.h"

static int compare(struct rel_home *h, const struct rel_id *id, int fd,
	enum rel_tree_depth depth, struct rel_err *err)
{
	REL_AUTO(rel_buf_free) struct rel_buf index = REL_BUF_INIT;
	int r = rel_tree_index(h->store, id, &index, err);

	return r < 0 ? r
		     : rel_tree_check(
			       fd, rel_buf_str(&index), index.len, depth, err);
}

/* What another boot left may lack what was not synced. */
static int open_tree(struct rel_home *h, const struct rel_id *id, bool look,
	int *ret_fd, struct rel_err *err)
{
	REL_AUTO(rel_closep) int fd = -1;
	struct rel_err ignored;
	int r = rel_tree_open(h->store, id, &fd, err);

	if (r == 0 && !rel_tree_known(h->store, id)) {
		r = compare(h, id, fd, REL_TREE_FULL, err);
		/* Where it cannot be marked it is compared again next time. */
		if (r == 0 && rel_tree_settle(h->store, id, fd, &ignored) < 0)
			r = 0;
	} else if (r == 0 && look) {
		r = compare(h, id, fd, REL_TREE_QUICK, err);
	}
	if (r < 0)
		return r;
	*ret_fd = fd;
	fd = -1;
	return 0;
}

int rel_home_tree_open(struct rel_home *h, const struct rel_id *artifact,
	int *ret_fd, struct rel_err *err)
{
	return open_tree(h, artifact, false, ret_fd, err);
}

/* ${replace}: a tree is there and has to go, but not before the new one is
 * whole: it may be all that is left of the artifact. */
static int unpack(struct rel_home *h, const struct rel_id *id, int64_t mtime_s,
	const struct rel_id *older_id, bool replace, int *ret_fd,
	struct rel_err *err)
{
	REL_AUTO(rel_artifact_done) struct rel_artifact a = { 0 };
	REL_AUTO(rel_tree_abortp) struct rel_tree *t = NULL;
	REL_AUTO(rel_buf_free) struct rel_buf index = REL_BUF_INIT;
	REL_AUTO(rel_older_freep) struct rel_older *older = NULL;
	int r = rel_artifact_load(h, id, &a, NULL, err);

	if (r == 0)
		r = rel_tree_begin(h->store, &t, err);
	if (r < 0)
		return r;
	if (older_id && !rel_id_equal(older_id, id))
		rel_older_load(h, older_id, &older);
	r = rel_segments_unpack(
		h, &a, rel_tree_dirfd(t), mtime_s, older, &index, err);
	if (r < 0)
		return rel_artifact_broken(id, err);
	/* Another command may have been at it too: a right one stays. */
	if (replace && open_tree(h, id, true, ret_fd, err) == 0)
		return 0;
	if (replace)
		r = rel_tree_drop(h->store, id, NULL, err);
	if (r == 0)
		r = rel_tree_commit(&t, id, index.p, index.len, ret_fd, err);
	if (r == 0 && *ret_fd < 0)
		r = open_tree(h, id, true, ret_fd, err);
	return r;
}

int rel_home_tree(struct rel_home *h, const struct rel_id *artifact,
	int64_t mtime_s, const struct rel_id *older, int *ret_fd,
	struct rel_err *err)
{
	int r = open_tree(h, artifact, true, ret_fd, err);

	if (r == 0 || (r != -REL_ENOTFOUND && r != -REL_EINTEGRITY))
		return r;
	if (r == -REL_EINTEGRITY)
		rel_notice(h->opt.events,
			"the unpacked tree was changed and is made again: %s",
			err->msg);
	return unpack(
		h, artifact, mtime_s, older, r == -REL_EINTEGRITY, ret_fd, err);
}

int rel_home_index(struct rel_home *h, const struct rel_artifact *a,
	struct rel_buf *out, struct rel_err *err)
{
	return rel_segments_unpack(h, a, -1, 0, NULL, out, err);
}
