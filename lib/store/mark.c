/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/store/mark.c - trees/HEX.mark, one line: "synced", or the ID of the boot
 * in which the tree was unpacked. Mechanism.
 *
 * What was written in a boot can be read for as long as it lasts, synced or
 * not. So a mark that is lost, late or torn costs a comparison, and nothing
 * else. It comes after the tree's name and goes before it.
 */
#include "base/file.h"
#include "store/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static const char synced[] = "synced\n";

static struct rel_object_name mark_name(const struct rel_id *artifact)
{
	return rel_object_name(artifact, ".mark");
}

/* Empty where the kernel does not tell. */
static void boot_id(struct rel_buf *out)
{
	struct rel_err ignored;

	rel_buf_reset(out);
	if (rel_read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 64, out,
		    &ignored) < 0)
		rel_buf_reset(out);
}

static bool same(const struct rel_buf *b, const void *p, size_t n)
{
	return n > 0 && b->len == n && memcmp(b->p, p, n) == 0;
}

static bool read_mark(
	struct rel_store *s, const struct rel_id *artifact, struct rel_buf *out)
{
	struct rel_err ignored;

	return rel_read_file(s->dirs[REL_DIR_TREES], mark_name(artifact).s, 64,
		       out, &ignored) == 0;
}

bool rel_tree_known(struct rel_store *s, const struct rel_id *artifact)
{
	REL_AUTO(rel_buf_free) struct rel_buf mark = REL_BUF_INIT;
	REL_AUTO(rel_buf_free) struct rel_buf boot = REL_BUF_INIT;

	if (!read_mark(s, artifact, &mark))
		return false;
	if (same(&mark, synced, strlen(synced)))
		return true;
	boot_id(&boot);
	return same(&mark, boot.p, boot.len);
}

int rel_tree_mark(
	struct rel_store *s, const struct rel_id *artifact, struct rel_err *err)
{
	REL_AUTO(rel_buf_free) struct rel_buf boot = REL_BUF_INIT;

	boot_id(&boot);
	if (boot.len == 0)
		return 0;
	return rel_derived_replace(
		s, REL_DIR_TREES, mark_name(artifact).s, boot.p, boot.len, err);
}

int rel_tree_unmark(
	struct rel_store *s, const struct rel_id *artifact, struct rel_err *err)
{
	struct rel_object_name name = mark_name(artifact);

	if (unlinkat(s->dirs[REL_DIR_TREES], name.s, 0) == 0)
		return 1;
	if (errno == ENOENT)
		return 0;
	return rel_fail_os(err, "remove 'trees/%s'", name.s);
}

int rel_tree_settle(struct rel_store *s, const struct rel_id *artifact, int fd,
	struct rel_err *err)
{
	if (syncfs(fd) < 0)
		return rel_fail_os(
			err, "sync 'trees/%s'", rel_id_hex(artifact).s);
	return rel_derived_replace(s, REL_DIR_TREES, mark_name(artifact).s,
		synced, strlen(synced), err);
}

/* Trees that are whole, but for this boot alone. */
struct unsettled {
	struct rel_store *s;
	struct rel_buf boot;
	rel_id_vec ids;
};

static int note_unsettled(
	void *arg, const struct rel_id *artifact, struct rel_err *err)
{
	REL_AUTO(rel_buf_free) struct rel_buf mark = REL_BUF_INIT;
	struct unsettled *u = arg;

	(void)err;
	if (read_mark(u->s, artifact, &mark) &&
		same(&mark, u->boot.p, u->boot.len) &&
		rel_tree_exists(u->s, artifact))
		rel_vec_push(&u->ids, *artifact);
	return 0;
}

int rel_tree_settle_all(struct rel_store *s, struct rel_err *err)
{
	struct unsettled u = { .s = s };
	int trees = s->dirs[REL_DIR_TREES], r;

	boot_id(&u.boot);
	r = rel_tree_each(s, note_unsettled, &u, err);
	if (r == 0 && u.ids.n > 0 && syncfs(trees) < 0)
		r = rel_fail_os(err, "sync the trees");
	for (size_t i = 0; r == 0 && i < u.ids.n; i++)
		r = rel_derived_replace(s, REL_DIR_TREES,
			mark_name(&u.ids.v[i]).s, synced, strlen(synced), err);
	rel_buf_free(&u.boot);
	rel_vec_free(&u.ids);
	return r;
}
