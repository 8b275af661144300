/* SPDX-License-Identifier: Apache-2.0 */
#include "pack/foreign.h"

#include "base/buf.h"
#include "base/mem.h"
#include "pack/tar.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* More than any entry of profile 1 has before its content. */
#define HEADERS_LIMIT (64u << 10)

struct rel_foreign {
	struct archive *archive;
	rel_tar_source *source;
	void *arg;
	struct rel_err source_err; /* code is 0 while the source works */
	locale_t utf8;		   /* libarchive reads pax paths by LC_CTYPE */
	struct rel_buf path, target;
	struct rel_buf ahead; /* what was fed and is not before next */
	uint64_t fed, next;   /* bytes so far; where the next headers begin */
	struct rel_order order;
	int64_t data_at; /* content bytes delivered */
	uint64_t size;
};

/* What is known of the next headers and what follows them. */
static const char *next_header(const struct rel_foreign *r, size_t *ret_n)
{
	uint64_t from = r->fed - r->ahead.len;

	*ret_n = r->next < r->fed ? (size_t)(r->fed - r->next) : 0;
	return *ret_n > 0 ? r->ahead.p + (r->next - from) : "";
}

/* Keep what is fed from the next headers on, and drop what is before them. */
static int look_ahead(struct rel_foreign *r, const char *p, size_t n)
{
	uint64_t skip = r->next > r->fed ? r->next - r->fed : 0;
	size_t keep;
	const char *from = next_header(r, &keep);

	if (keep > HEADERS_LIMIT)
		return rel_fail(&r->source_err, REL_EINVALID,
			"not an artifact of relctl: it has headers that "
			"profile 1 has not");
	if (keep > 0)
		memmove(r->ahead.p, from, keep);
	r->ahead.len = keep;
	if (skip < n)
		rel_buf_add(&r->ahead, p + skip, n - (size_t)skip);
	r->fed += n;
	return 0;
}

static la_ssize_t feed(struct archive *a, void *arg, const void **ret)
{
	struct rel_foreign *r = arg;
	size_t n = 0;

	if (r->source(r->arg, ret, &n, &r->source_err) < 0 ||
		look_ahead(r, *ret, n) < 0) {
		archive_set_error(a, EIO, "source");
		return -1;
	}
	return (la_ssize_t)n;
}

/* The source's error if it failed, else what libarchive says. */
static int failed(struct rel_foreign *r, struct rel_err *err)
{
	const char *text;

	if (r->source_err.code != REL_OK) {
		*err = r->source_err;
		return -(int)err->code;
	}
	text = archive_error_string(r->archive);
	return rel_fail(err, REL_EINVALID, "not a tar: %s",
		text ? text : "unknown error");
}

int rel_foreign_open(rel_tar_source *source, void *arg,
	struct rel_foreign **ret, struct rel_err *err)
{
	REL_AUTO(rel_foreign_closep) struct rel_foreign *r = NULL;

	r = rel_alloc(sizeof(*r));
	r->source = source;
	r->arg = arg;
	r->utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	if (!r->utf8)
		return rel_fail_os(err, "set up the locale C.UTF-8");
	r->archive = archive_read_new();
	if (!r->archive)
		abort();
	archive_read_support_format_tar(r->archive);
	/* The empty tree: two zero blocks are a tar without entries. */
	if (archive_read_open(r->archive, r, NULL, feed, NULL) != ARCHIVE_OK)
		return failed(r, err);
	*ret = r;
	r = NULL;
	return 0;
}

void rel_foreign_closep(struct rel_foreign **rp)
{
	struct rel_foreign *r = *rp;

	if (!r)
		return;
	if (r->archive)
		archive_read_free(r->archive);
	if (r->utf8)
		freelocale(r->utf8);
	rel_order_done(&r->order);
	rel_buf_free(&r->path);
	rel_buf_free(&r->target);
	rel_buf_free(&r->ahead);
	free(r);
	*rp = NULL;
}

static int flaw(struct rel_foreign *r, const char *what, struct rel_err *err)
{
	struct rel_buf name = REL_BUF_INIT;

	rel_buf_add_escaped(&name, rel_buf_str(&r->path), r->path.len);
	rel_fail(err, REL_EINVALID, "not an artifact of relctl: '%.200s' %s",
		rel_buf_str(&name), what);
	rel_buf_free(&name);
	return -(int)REL_EINVALID;
}

/* What every member of profile 1 has alike. */
static const char *common_fault(struct archive_entry *ae)
{
	const char *user = archive_entry_uname(ae);
	const char *group = archive_entry_gname(ae);

	if (archive_entry_hardlink(ae))
		return "is a hard link";
	if (archive_entry_uid(ae) != 0 || archive_entry_gid(ae) != 0 ||
		(user && *user) || (group && *group))
		return "has an owner other than 0";
	if (archive_entry_mtime(ae) != REL_TAR_MTIME ||
		archive_entry_mtime_nsec(ae) != 0)
		return "has another time than profile 1";
	if (archive_entry_xattr_count(ae) > 0 ||
		archive_entry_sparse_count(ae) > 0 ||
		archive_entry_acl_types(ae) != 0)
		return "has extended attributes";
	return NULL;
}

static const char *type_fault(struct archive_entry *ae, struct rel_entry *e)
{
	mode_t mode = archive_entry_perm(ae);

	switch (archive_entry_filetype(ae)) {
	case AE_IFREG:
		e->type = REL_FILE;
		e->executable = mode == 0755;
		e->size = (uint64_t)archive_entry_size(ae);
		return mode == 0755 || mode == 0644 ? NULL
						    : "has a mode of its own";
	case AE_IFDIR:
		e->type = REL_DIR;
		return mode == 0755 ? NULL : "has a mode of its own";
	case AE_IFLNK:
		e->type = REL_LINK;
		return mode == 0777 ? NULL : "has a mode of its own";
	default:
		return "is neither file, directory nor symlink";
	}
}

/*
 * A path or a target out of a pax header is taken from the header itself:
 * libarchive composes its characters (NFC), and then it is another name.
 */
static void take_pax(
	const struct rel_foreign *r, const char *key, struct rel_buf *out)
{
	size_t ahead, n = strlen(key);
	const char *p = next_header(r, &ahead), *end = p + ahead;

	if (ahead < REL_TAR_BLOCK || p[REL_TAR_TYPE_AT] != 'x')
		return;
	p += REL_TAR_BLOCK;
	while (p < end && *p >= '1' && *p <= '9') {
		char *rest;
		size_t len = strtoul(p, &rest, 10);
		const char *value = rest + 1 + n;

		if (len > (size_t)(end - p) || value >= p + len)
			return;
		if (memcmp(rest + 1, key, n) == 0) {
			rel_buf_reset(out);
			rel_buf_add(out, value, (size_t)(p + len - 1 - value));
			return;
		}
		p += len;
	}
}

/* The headers must be the very bytes that this entry has in profile 1. */
static int check_header(
	struct rel_foreign *r, const struct rel_entry *e, struct rel_err *err)
{
	REL_AUTO(rel_buf_free) struct rel_buf header = REL_BUF_INIT;
	uint64_t at = (uint64_t)archive_read_header_position(r->archive);
	size_t ahead;
	const char *found = next_header(r, &ahead);

	rel_tar_header(e, &header);
	if (at != r->next || header.len > ahead ||
		memcmp(header.p, found, header.len) != 0)
		return flaw(r, "has a header other than profile 1's", err);
	r->next = at + header.len + e->size + rel_tar_padding(e->size);
	return 0;
}

static int take_entry(struct rel_foreign *r, struct archive_entry *ae,
	struct rel_entry *e, struct rel_err *err)
{
	const char *path = archive_entry_pathname(ae);
	const char *target = archive_entry_symlink(ae);
	const char *fault;
	int rc;

	*e = (struct rel_entry){ 0 };
	rel_buf_reset(&r->path);
	rel_buf_reset(&r->target);
	if (!path)
		return flaw(r, "has a path that cannot be read", err);
	rel_buf_adds(&r->path, path);
	take_pax(r, "path=", &r->path);
	fault = common_fault(ae);
	if (!fault)
		fault = type_fault(ae, e);
	if (!fault && e->type == REL_DIR &&
		(r->path.len < 2 || r->path.p[r->path.len - 1] != '/'))
		fault = "is a directory without a slash";
	if (!fault && e->type == REL_LINK && !target)
		fault = "has a target that cannot be read";
	if (fault)
		return flaw(r, fault, err);
	if (e->type == REL_DIR)
		r->path.p[--r->path.len] = '\0';
	if (e->type == REL_LINK) {
		rel_buf_adds(&r->target, target);
		take_pax(r, "linkpath=", &r->target);
	}
	e->path = rel_buf_str(&r->path);
	e->path_len = r->path.len;
	e->target = rel_buf_str(&r->target);
	e->target_len = r->target.len;
	rc = rel_order_next(&r->order, e, err);
	if (rc == 0)
		return check_header(r, e, err);
	err->code = REL_EINVALID;
	return -(int)REL_EINVALID;
}

int rel_foreign_next(struct rel_foreign *r, struct rel_entry *ret,
	bool *ret_more, struct rel_err *err)
{
	locale_t before = uselocale(r->utf8);
	struct archive_entry *ae;
	int status = archive_read_next_header(r->archive, &ae), rc = 0;

	*ret_more = status != ARCHIVE_EOF;
	if (status == ARCHIVE_OK)
		rc = take_entry(r, ae, ret, err);
	else if (status != ARCHIVE_EOF)
		rc = failed(r, err);
	uselocale(before);
	if (rc == 0 && *ret_more) {
		r->data_at = 0;
		r->size = ret->size;
	}
	return rc;
}

int rel_foreign_data(struct rel_foreign *r, const void **ret_p, size_t *ret_n,
	struct rel_err *err)
{
	la_int64_t offset;
	int status = archive_read_data_block(r->archive, ret_p, ret_n, &offset);

	if (status == ARCHIVE_EOF && (uint64_t)r->data_at == r->size) {
		*ret_n = 0;
		return 0;
	}
	if (status == ARCHIVE_EOF)
		return flaw(r, "is shorter than its header says", err);
	if (status != ARCHIVE_OK)
		return failed(r, err);
	if (offset != r->data_at || *ret_n > r->size - (uint64_t)r->data_at)
		return flaw(r, "has holes", err);
	r->data_at += (int64_t)*ret_n;
	return 0;
}
