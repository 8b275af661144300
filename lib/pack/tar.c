/* SPDX-License-Identifier: Apache-2.0 */
#include "pack/tar.h"

#include <stdio.h>
#include <string.h>

_Static_assert(sizeof(struct rel_tar_fields) == REL_TAR_BLOCK,
	"a header is one block");

void rel_tar_path(const struct rel_entry *e, struct rel_buf *out)
{
	rel_buf_add(out, e->path, e->path_len);
	if (e->type == REL_DIR)
		rel_buf_addc(out, '/');
}

/* ${width} octal digits and a NUL. */
static void octal(char *field, size_t width, uint64_t value)
{
	for (size_t i = width; i-- > 0; value >>= 3)
		field[i] = (char)('0' + (value & 7));
	field[width] = '\0';
}

static void add_block(struct rel_buf *out, const char *name, size_t name_len,
	unsigned mode, uint64_t size, char type, const char *link,
	size_t link_len)
{
	static const char magic[8] = { 'u', 's', 't', 'a', 'r', 0, '0', '0' };
	struct rel_tar_fields h = { 0 };
	const unsigned char *c = (const unsigned char *)&h;
	unsigned sum = 0;

	memcpy(h.name, name, name_len < 100 ? name_len : 100);
	octal(h.mode, 7, mode);
	octal(h.uid, 7, 0);
	octal(h.gid, 7, 0);
	octal(h.size, 11, size);
	octal(h.mtime, 11, REL_TAR_MTIME);
	h.typeflag = type;
	memcpy(h.linkname, link, link_len < 100 ? link_len : 100);
	memcpy(h.magic, magic, sizeof(h.magic));
	octal(h.devmajor, 7, 0);
	octal(h.devminor, 7, 0);

	/* The checksum counts its own field as spaces. */
	memset(h.chksum, ' ', sizeof(h.chksum));
	for (size_t i = 0; i < sizeof(h); i++)
		sum += c[i];
	octal(h.chksum, 6, sum);
	rel_buf_add(out, &h, sizeof(h));
}

/* "LEN key=value\n", where LEN counts itself. */
static void add_record(
	struct rel_buf *out, const char *key, const char *value, size_t n)
{
	size_t bare = strlen(key) + n + 3; /* space, '=' and newline */
	size_t len = bare + 1;
	char digits[24];

	while ((size_t)snprintf(digits, sizeof(digits), "%zu", len) + bare !=
		len)
		len++;
	rel_buf_addf(out, "%s %s=", digits, key);
	rel_buf_add(out, value, n);
	rel_buf_addc(out, '\n');
}

static void add_pax(struct rel_buf *out, const struct rel_buf *records)
{
	static const char name[] = "././@PaxHeader";
	static const char zeros[REL_TAR_BLOCK];

	add_block(out, name, sizeof(name) - 1, 0644, records->len, 'x', "", 0);
	rel_buf_add(out, records->p, records->len);
	rel_buf_add(out, zeros, rel_tar_padding(records->len));
}

void rel_tar_header(const struct rel_entry *e, struct rel_buf *out)
{
	static const char types[] = { '0', '5', '2' };
	struct rel_buf path = REL_BUF_INIT, records = REL_BUF_INIT;
	bool link = e->type == REL_LINK;
	unsigned mode = link ? 0777 : 0644;

	rel_tar_path(e, &path);
	if (path.len > 100)
		add_record(&records, "path", path.p, path.len);
	if (link && e->target_len > 100)
		add_record(&records, "linkpath", e->target, e->target_len);
	if (records.len > 0)
		add_pax(out, &records);
	if (e->type == REL_DIR || (e->type == REL_FILE && e->executable))
		mode = 0755;
	add_block(out, path.p, path.len, mode,
		e->type == REL_FILE ? e->size : 0, types[e->type],
		link ? e->target : "", link ? e->target_len : 0);
	rel_buf_free(&path);
	rel_buf_free(&records);
}
