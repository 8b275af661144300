/* SPDX-License-Identifier: Apache-2.0 */
/* lib/store/object.c - the small objects of the store. Mechanism. */
#include "base/file.h"
#include "crypto/digest.h"
#include "store/layout.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Far more than any record or config can be. */
#define MAX_OBJECT (64u << 20)

static const char fingerprint[] = "fingerprint.cms";

/* The three kinds of small files, by where they are. */
struct place {
	enum rel_store_dir dir;
	const char *suffix;
	const char *skip; /* lives there too */
	const char *noun;
};

static const struct place places[] = {
	[REL_OBJECT_RELEASE] = { REL_DIR_RELEASES, ".json", NULL,
		"release record" },
	[REL_OBJECT_CONFIG] = { REL_DIR_CONFIGS, ".cms", fingerprint,
		"config" },
};

static const struct place artifacts = { REL_DIR_ARTIFACTS, ".json.zst", NULL,
	"artifact" };

struct rel_object_name rel_object_name(
	const struct rel_id *id, const char *suffix)
{
	struct rel_object_name n;

	snprintf(n.s, sizeof(n.s), "%s%s", rel_id_hex(id).s, suffix);
	return n;
}

static int replace(struct rel_store *s, enum rel_store_dir dir,
	const char *name, const void *p, size_t n, bool lasting,
	struct rel_err *err)
{
	REL_AUTO(rel_closep) int fd = -1;
	int tmp = s->dirs[REL_DIR_TMP], to = s->dirs[dir];
	char random[17];
	int r;

	rel_random_name(random);
	fd = openat(tmp, random,
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return rel_fail_os(err, "create '%s'", name);
	r = rel_write_fd(fd, p, n, err);
	if (r == 0 && fchmod(fd, 0444) < 0)
		r = rel_fail_os(err, "set the mode of '%s'", name);
	if (r == 0 && lasting)
		r = rel_sync(fd, name, err);
	if (r == 0 && renameat(tmp, random, to, name) < 0)
		r = rel_fail_os(err, "name '%s'", name);
	if (r < 0)
		unlinkat(tmp, random, 0);
	return r;
}

int rel_object_replace(struct rel_store *s, enum rel_store_dir dir,
	const char *name, const void *p, size_t n, struct rel_err *err)
{
	int r = replace(s, dir, name, p, n, true, err);

	return r < 0 ? r
		     : rel_sync(s->dirs[dir], rel_store_dir_names[dir], err);
}

int rel_derived_replace(struct rel_store *s, enum rel_store_dir dir,
	const char *name, const void *p, size_t n, struct rel_err *err)
{
	return replace(s, dir, name, p, n, false, err);
}

int rel_store_scratch(struct rel_store *s, int *ret_fd, struct rel_err *err)
{
	int tmp = s->dirs[REL_DIR_TMP];
	int fd = openat(tmp, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	char random[17];

	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) {
		rel_random_name(random);
		fd = openat(tmp, random,
			O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			0600);
		if (fd >= 0)
			unlinkat(tmp, random, 0);
	}
	if (fd < 0)
		return rel_fail_os(err, "create a file in 'tmp'");
	*ret_fd = fd;
	return 0;
}

static int read_object(struct rel_store *s, const struct place *at,
	const struct rel_id *id, struct rel_buf *out, struct rel_err *err)
{
	struct rel_object_name name = rel_object_name(id, at->suffix);
	int r;

	rel_buf_reset(out);
	r = rel_read_file(s->dirs[at->dir], name.s, MAX_OBJECT, out, err);
	if (r == -REL_ENOTFOUND)
		return rel_fail(err, REL_ENOTFOUND, "no %s '%s' in the store",
			at->noun, rel_id_hex(id).s);
	if (r == -REL_EINVALID)
		err->code = REL_EINTEGRITY;
	return r < 0 ? -(int)err->code : 0;
}

static int get_checked(struct rel_store *s, const struct place *at,
	const struct rel_id *id, struct rel_buf *out, struct rel_err *err)
{
	struct rel_id found;
	int r = read_object(s, at, id, out, err);

	if (r < 0)
		return r;
	found = rel_sha256(out->p, out->len);
	if (rel_id_equal(&found, id))
		return 0;
	rel_buf_reset(out);
	return rel_fail(err, REL_EINTEGRITY,
		"'%s/%s' is damaged: its bytes do not match its name",
		rel_store_dir_names[at->dir],
		rel_object_name(id, at->suffix).s);
}

int rel_store_put(struct rel_store *s, enum rel_object kind, const void *p,
	size_t n, struct rel_id *ret, struct rel_err *err)
{
	REL_AUTO(rel_buf_wipe) struct rel_buf old = REL_BUF_INIT;
	const struct place *at = &places[kind];
	struct rel_id id = rel_sha256(p, n);
	struct rel_object_name name = rel_object_name(&id, at->suffix);
	bool existed;
	int r = rel_publish(
		s->dirs[at->dir], name.s, 0444, p, n, &existed, err);

	if (r < 0)
		return r;
	if (existed && get_checked(s, at, &id, &old, err) < 0) {
		r = rel_object_replace(s, at->dir, name.s, p, n, err);
		if (r < 0)
			return r;
	}
	*ret = id;
	return 0;
}

int rel_store_get(struct rel_store *s, enum rel_object kind,
	const struct rel_id *id, struct rel_buf *out, struct rel_err *err)
{
	return get_checked(s, &places[kind], id, out, err);
}

static bool has(
	struct rel_store *s, const struct place *at, const struct rel_id *id)
{
	struct rel_object_name name = rel_object_name(id, at->suffix);
	struct stat st;

	return fstatat(s->dirs[at->dir], name.s, &st, AT_SYMLINK_NOFOLLOW) ==
		       0 &&
	       S_ISREG(st.st_mode);
}

bool rel_store_has(
	struct rel_store *s, enum rel_object kind, const struct rel_id *id)
{
	return has(s, &places[kind], id);
}

int rel_store_put_artifact(struct rel_store *s, const struct rel_id *id,
	const void *p, size_t n, bool replace, bool *ret_existed,
	struct rel_err *err)
{
	struct rel_object_name name = rel_object_name(id, artifacts.suffix);
	bool existed;
	int r = rel_publish(
		s->dirs[REL_DIR_ARTIFACTS], name.s, 0444, p, n, &existed, err);

	if (r == 0 && existed && replace)
		r = rel_object_replace(s, REL_DIR_ARTIFACTS, name.s, p, n, err);
	if (r == 0 && ret_existed)
		*ret_existed = existed;
	return r;
}

int rel_store_get_artifact(struct rel_store *s, const struct rel_id *id,
	struct rel_buf *out, struct rel_err *err)
{
	return read_object(s, &artifacts, id, out, err);
}

bool rel_store_has_artifact(struct rel_store *s, const struct rel_id *id)
{
	return has(s, &artifacts, id);
}

bool rel_store_artifact_time(
	struct rel_store *s, const struct rel_id *id, struct timespec *ret)
{
	struct rel_object_name name = rel_object_name(id, artifacts.suffix);
	struct stat st;

	if (fstatat(s->dirs[artifacts.dir], name.s, &st, AT_SYMLINK_NOFOLLOW) <
		0)
		return false;
	*ret = st.st_mtim;
	return true;
}

int rel_store_drop_artifact(
	struct rel_store *s, const struct rel_id *id, struct rel_err *err)
{
	struct rel_object_name name = rel_object_name(id, artifacts.suffix);

	if (unlinkat(s->dirs[REL_DIR_ARTIFACTS], name.s, 0) < 0 &&
		errno != ENOENT)
		return rel_fail_os(err, "remove '%s'", name.s);
	/* Its chunks may go next, and no record must outlive them. */
	return rel_sync(s->dirs[REL_DIR_ARTIFACTS], "artifacts", err);
}

int rel_store_put_fingerprint(
	struct rel_store *s, const void *p, size_t n, struct rel_err *err)
{
	return rel_publish(
		s->dirs[REL_DIR_CONFIGS], fingerprint, 0444, p, n, NULL, err);
}

int rel_store_get_fingerprint(
	struct rel_store *s, struct rel_buf *out, struct rel_err *err)
{
	rel_buf_reset(out);
	return rel_read_file(
		s->dirs[REL_DIR_CONFIGS], fingerprint, MAX_OBJECT, out, err);
}

static int compare_ids(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct rel_id));
}

static bool parse_name(const char *name, const char *suffix, struct rel_id *ret)
{
	char hex[65] = "";

	if (strlen(name) != 64 + strlen(suffix) || strcmp(name + 64, suffix))
		return false;
	memcpy(hex, name, 64);
	return rel_id_parse(hex, ret);
}

int rel_object_list(int dirfd, const char *label, const char *suffix,
	const char *skip, rel_id_vec *ret, struct rel_err *err)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;
	struct rel_id id;
	int r = 0;

	if (!dir)
		return rel_fail_os(err, "list '%s'", label);
	while (r == 0 && (de = readdir(dir)) != NULL) {
		const char *name = de->d_name;

		if (!strcmp(name, ".") || !strcmp(name, "..") ||
			rel_is_leftover(name) ||
			(skip && (!strcmp(name, skip) ||
					 parse_name(name, skip, &id))))
			continue;
		if (parse_name(name, suffix, &id))
			rel_vec_push(ret, id);
		else
			r = rel_fail(err, REL_EINTEGRITY,
				"'%s/%s' does not belong there", label, name);
	}
	closedir(dir);
	/* Sorted, so that what is reported does not depend on the disk. */
	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), compare_ids);
	return r;
}

static int each(struct rel_store *s, const struct place *at,
	int (*fn)(void *arg, const struct rel_id *id, struct rel_err *err),
	void *arg, struct rel_err *err)
{
	rel_id_vec ids = { 0 };
	int r = rel_object_list(s->dirs[at->dir], rel_store_dir_names[at->dir],
		at->suffix, at->skip, &ids, err);

	for (size_t i = 0; r == 0 && i < ids.n; i++)
		r = fn(arg, &ids.v[i], err);
	rel_vec_free(&ids);
	return r;
}

int rel_store_each(struct rel_store *s, enum rel_object kind,
	int (*fn)(void *arg, const struct rel_id *id, struct rel_err *err),
	void *arg, struct rel_err *err)
{
	return each(s, &places[kind], fn, arg, err);
}

int rel_store_each_artifact(struct rel_store *s,
	int (*fn)(void *arg, const struct rel_id *id, struct rel_err *err),
	void *arg, struct rel_err *err)
{
	return each(s, &artifacts, fn, arg, err);
}
