/* SPDX-License-Identifier: Apache-2.0 */
#include "base/entry.h"

#include "base/buf.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

size_t rel_utf8_sequence(const char *p, size_t n)
{
	const uint8_t *c = (const uint8_t *)p;
	uint32_t v;
	size_t len;

	if (n == 0)
		return 0;
	if (c[0] < 0x80)
		return 1;
	if (c[0] >= 0xc2 && c[0] <= 0xdf)
		len = 2, v = c[0] & 0x1f;
	else if ((c[0] & 0xf0) == 0xe0)
		len = 3, v = c[0] & 0x0f;
	else if (c[0] >= 0xf0 && c[0] <= 0xf4)
		len = 4, v = c[0] & 0x07;
	else
		return 0;
	if (len > n)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((c[i] & 0xc0) != 0x80)
			return 0;
		v = v << 6 | (c[i] & 0x3f);
	}
	if (len == 3 && (v < 0x800 || (v >= 0xd800 && v <= 0xdfff)))
		return 0;
	if (len == 4 && (v < 0x10000 || v > 0x10ffff))
		return 0;
	return len;
}

bool rel_utf8_valid(const char *p, size_t n)
{
	while (n > 0) {
		size_t len = rel_utf8_sequence(p, n);

		if (len == 0)
			return false;
		p += len;
		n -= len;
	}
	return true;
}

/* ${what} is wrong with the path ${dir}/${name}: one message for all rules. */
static int bad_path(const char *dir, const char *name, size_t n,
	const char *what, struct rel_err *err)
{
	struct rel_buf b = REL_BUF_INIT;

	rel_buf_add_escaped(&b, dir, strlen(dir));
	if (*dir)
		rel_buf_addc(&b, '/');
	rel_buf_add_escaped(&b, name, n);
	if (b.len > 200) {
		b.len = 200;
		b.p[b.len] = '\0';
		rel_buf_adds(&b, "…");
	}
	rel_fail(err, REL_EINVALID, "path '%s': %s", rel_buf_str(&b), what);
	rel_buf_free(&b);
	return -REL_EINVALID;
}

static const char *name_fault(const char *name, size_t n)
{
	if (n == 0)
		return "an empty name";
	if (n > REL_MAX_NAME)
		return "a name of more than 255 bytes";
	if ((n == 1 && name[0] == '.') ||
		(n == 2 && name[0] == '.' && name[1] == '.'))
		return "a name that is '.' or '..'";
	if (n == 4 && strncasecmp(name, ".git", 4) == 0)
		return "a name that is '.git'";
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)name[i];

		if (c == '/')
			return "a name with a '/' in it";
		if (c < 0x20 || c == 0x7f)
			return "a name with a control byte";
	}
	return NULL;
}

int rel_name_check(
	const char *dir, const char *name, size_t name_len, struct rel_err *err)
{
	const char *fault = name_fault(name, name_len);

	return fault ? bad_path(dir, name, name_len, fault, err) : 0;
}

int rel_path_check(const struct rel_entry *e, struct rel_err *err)
{
	const char *p = e->path, *end = p + e->path_len;
	size_t tar_len = e->path_len + (e->type == REL_DIR);
	unsigned depth = 0;

	if (e->path_len > REL_MAX_PATH)
		return bad_path("", e->path, e->path_len,
			"a path of more than 4,095 bytes", err);
	while (p <= end) {
		const char *slash = memchr(p, '/', (size_t)(end - p));
		const char *stop = slash ? slash : end;
		const char *fault = name_fault(p, (size_t)(stop - p));

		if (fault)
			return bad_path("", e->path, e->path_len, fault, err);
		depth++;
		p = stop + 1;
	}
	if (depth > REL_MAX_DEPTH)
		return bad_path("", e->path, e->path_len,
			"deeper than 256 directories", err);
	if (tar_len > 100 && !rel_utf8_valid(e->path, e->path_len))
		return bad_path("", e->path, e->path_len,
			"over 100 bytes and not UTF-8", err);
	return 0;
}

/* Does the target, read from the link's directory, climb out of the tree? */
static bool leaves_tree(const struct rel_entry *e)
{
	const char *p = e->target, *end = p + e->target_len;
	long depth = 0;

	for (size_t i = 0; i < e->path_len; i++)
		depth += e->path[i] == '/';
	while (p <= end) {
		const char *slash = memchr(p, '/', (size_t)(end - p));
		const char *stop = slash ? slash : end;
		size_t n = (size_t)(stop - p);

		if (n == 2 && p[0] == '.' && p[1] == '.')
			depth--;
		else if (n > 0 && !(n == 1 && p[0] == '.'))
			depth++;
		if (depth < 0)
			return true;
		p = stop + 1;
	}
	return false;
}

int rel_target_check(const struct rel_entry *e, bool allow_external,
	bool *ret_external, struct rel_err *err)
{
	const char *fault = NULL;
	bool external = false;

	if (e->target_len == 0)
		fault = "a symlink without a target";
	else if (memchr(e->target, '\0', e->target_len))
		fault = "a symlink whose target holds NUL";
	else if (e->target_len > REL_MAX_TARGET)
		fault = "a symlink target of more than 4,095 bytes";
	else if (e->target_len > 100 &&
		 !rel_utf8_valid(e->target, e->target_len))
		fault = "a symlink target over 100 bytes and not UTF-8";
	else if (e->target[0] == '/' || leaves_tree(e))
		external = true;
	if (external && !allow_external)
		fault = "a symlink that leaves the tree";
	if (fault) {
		bad_path("", e->path, e->path_len, fault, err);
		return external ? rel_hint(err,
					  "--allow-external-symlinks keeps it "
					  "as it is")
				: -REL_EINVALID;
	}
	*ret_external = external;
	return 0;
}

int rel_name_order(struct rel_name a, struct rel_name b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int r = n ? memcmp(a.p, b.p, n) : 0;
	int x, y;

	if (r != 0)
		return r;
	x = n < a.n ? (uint8_t)a.p[n] : a.dir ? '/' : 0;
	y = n < b.n ? (uint8_t)b.p[n] : b.dir ? '/' : 0;
	if (x != y)
		return x - y;
	/* A directory, and what is in it; or the same. */
	return (a.n + a.dir > b.n + b.dir) - (a.n + a.dir < b.n + b.dir);
}

/* Is the directory that holds ${e} the last entry, or one above it? */
static bool parent_is_open(const struct rel_order *o, const struct rel_entry *e)
{
	const char *slash = memrchr(e->path, '/', e->path_len);
	size_t n;

	if (!slash || o->passed)
		return true;
	n = (size_t)(slash - e->path);
	if (n > o->last_len || memcmp(o->last, e->path, n) != 0)
		return false;
	return n == o->last_len ? o->last_is_dir : o->last[n] == '/';
}

/*
 * Remember which files have a name that a later directory could take. In tree
 * order only names that begin with the file's come between the two, so the
 * candidates are always prefixes of the last path.
 */
static bool leaf_has_name(struct rel_order *o, const struct rel_entry *e)
{
	while (o->leaf_n > 0) {
		size_t n = o->leaf[o->leaf_n - 1];

		if (n <= e->path_len && memcmp(o->last, e->path, n) == 0)
			break;
		o->leaf_n--;
	}
	if (o->leaf_n > 0 && o->leaf[o->leaf_n - 1] == e->path_len)
		return true;
	if (e->type == REL_DIR)
		return false;
	if (o->leaf_n == o->leaf_cap) {
		o->leaf_cap = o->leaf_cap ? o->leaf_cap * 2 : 16;
		o->leaf = rel_grow(o->leaf, o->leaf_cap, sizeof(*o->leaf));
	}
	o->leaf[o->leaf_n++] = e->path_len;
	return false;
}

static int count(
	struct rel_order *o, uint64_t n, uint64_t size, struct rel_err *err)
{
	o->entries += n;
	o->total_size += size;
	if (o->entries > REL_MAX_ENTRIES)
		return rel_fail(err, REL_EINVALID,
			"more than %u entries in the tree", REL_MAX_ENTRIES);
	if (o->total_size > REL_MAX_TOTAL)
		return rel_fail(err, REL_EINVALID,
			"more than 16 GiB of files in the tree");
	return 0;
}

static int check_limits(
	struct rel_order *o, const struct rel_entry *e, struct rel_err *err)
{
	if (e->type == REL_FILE && e->size > REL_MAX_FILE)
		return bad_path("", e->path, e->path_len,
			"a file of more than 2 GiB", err);
	return count(o, 1, e->type == REL_FILE ? e->size : 0, err);
}

int rel_order_next(
	struct rel_order *o, const struct rel_entry *e, struct rel_err *err)
{
	int order = -1, r = rel_path_check(e, err);

	if (r < 0)
		return r;
	if (o->last)
		order = rel_name_order((struct rel_name){ o->last, o->last_len,
					       o->last_is_dir },
			(struct rel_name){
				e->path, e->path_len, e->type == REL_DIR });
	if (order == 0 || leaf_has_name(o, e))
		return bad_path("", e->path, e->path_len,
			"a name that is there twice", err);
	if (order > 0)
		return bad_path("", e->path, e->path_len,
			"not in the order of a git tree", err);
	if (!parent_is_open(o, e))
		return bad_path("", e->path, e->path_len,
			"its directory has no entry", err);
	r = check_limits(o, e, err);
	if (r < 0)
		return r;
	free(o->last);
	o->last = rel_strndup(e->path, e->path_len);
	o->last_len = e->path_len;
	o->last_is_dir = e->type == REL_DIR;
	o->passed = false;
	return 0;
}

int rel_order_pass(struct rel_order *o, uint64_t entries, uint64_t size,
	struct rel_err *err)
{
	free(o->last);
	o->last = NULL;
	o->last_len = 0;
	o->leaf_n = 0;
	o->passed = true;
	return count(o, entries, size, err);
}

void rel_order_done(struct rel_order *o)
{
	free(o->last);
	free(o->leaf);
	*o = (struct rel_order){ 0 };
}
