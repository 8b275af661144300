/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON form of a packed artifact: a part of its record. */
#include "base/mem.h"
#include "pack/pack.h"
#include "pack/tar.h"

#include <string.h>

/* What a row says after the sizes. */
static void add_beginning(struct json_t *row, const struct rel_chunk_ref *c)
{
	struct rel_buf name = REL_BUF_INIT;

	if (c->data)
		rel_json_push(row, rel_json_number(1));
	if (!c->first)
		return;
	rel_buf_add_escaped(&name, c->first, strlen(c->first));
	rel_json_push(row, rel_json_text(rel_buf_str(&name)));
	rel_json_push(row, rel_json_number(c->entries));
	if (c->notes)
		rel_json_push(row, rel_json_number(1));
	rel_buf_free(&name);
}

struct json_t *rel_packed_to_json(const struct rel_packed *p)
{
	struct json_t *j = rel_json_object(), *chunks = rel_json_array();
	char artifact[80] = "sha256:";

	for (size_t i = 0; i < p->n; i++) {
		const struct rel_chunk_ref *c = &p->chunks[i];
		struct json_t *row = rel_json_array();

		rel_json_push(row, rel_json_text(rel_id_hex(&c->name).s));
		rel_json_push(row, rel_json_number(c->size));
		rel_json_push(row, rel_json_number(c->packed));
		add_beginning(row, c);
		rel_json_push(chunks, row);
	}
	strcat(artifact, rel_id_hex(&p->artifact).s);
	rel_json_set(j, "artifact", rel_json_text(artifact));
	rel_json_set(j, "chunks", chunks);
	rel_json_set(j, "entries", rel_json_number((int64_t)p->entries));
	rel_json_set(j, "size", rel_json_number((int64_t)p->size));
	return j;
}

static bool is_one(const struct json_t *j)
{
	int64_t n;

	return rel_json_int(j, &n) && n == 1;
}

static bool read_beginning(const struct json_t *row, struct rel_chunk_ref *ret)
{
	REL_AUTO(rel_buf_free) struct rel_buf name = REL_BUF_INIT;
	size_t n = rel_json_len(row);
	const char *first = rel_json_str(rel_json_at(row, 3));
	struct rel_err ignored;
	int64_t entries;

	if (n == 3)
		return true;
	if (n == 4) {
		ret->data = is_one(rel_json_at(row, 3));
		return ret->data;
	}
	ret->notes = n == 6 && is_one(rel_json_at(row, 5));
	if (n > 6 || (n == 6 && !ret->notes) || !first ||
		!rel_json_int(rel_json_at(row, 4), &entries) || entries < 0 ||
		entries > REL_CHUNK_LIMIT / REL_TAR_BLOCK ||
		rel_buf_add_unescaped(&name, first, &ignored) < 0 ||
		strlen(rel_buf_str(&name)) != name.len)
		return false;
	ret->entries = (uint32_t)entries;
	ret->first = rel_strdup(rel_buf_str(&name));
	return true;
}

static bool read_chunk(const struct json_t *row, struct rel_chunk_ref *ret)
{
	const char *name = rel_json_str(rel_json_at(row, 0));
	int64_t size, packed;

	if (!rel_json_is_array(row) || rel_json_len(row) < 3 || !name ||
		!rel_id_parse(name, &ret->name) ||
		!rel_json_int(rel_json_at(row, 1), &size) ||
		!rel_json_int(rel_json_at(row, 2), &packed))
		return false;
	if (size <= 0 || size > REL_CHUNK_LIMIT || packed <= 0 ||
		packed > 2 * REL_CHUNK_LIMIT)
		return false;
	ret->size = (uint32_t)size;
	ret->packed = (uint32_t)packed;
	return read_beginning(row, ret);
}

int rel_packed_from_json(
	const struct json_t *j, struct rel_packed *ret, struct rel_err *err)
{
	REL_AUTO(rel_packed_done) struct rel_packed p = { 0 };
	const struct json_t *chunks = rel_json_get(j, "chunks");
	const char *artifact = rel_json_get_str(j, "artifact");
	uint64_t sum = 0;

	p.entries = (uint64_t)rel_json_get_int(j, "entries", 0);
	p.size = (uint64_t)rel_json_get_int(j, "size", -1);
	if (!artifact || strncmp(artifact, "sha256:", 7) != 0 ||
		!rel_id_parse(artifact + 7, &p.artifact) ||
		!rel_json_is_array(chunks))
		return rel_fail(
			err, REL_EINTEGRITY, "not the record of an artifact");
	p.n = p.cap = rel_json_len(chunks);
	p.chunks = rel_alloc(p.n * sizeof(*p.chunks));
	for (size_t i = 0; i < p.n; i++) {
		if (!read_chunk(rel_json_at(chunks, i), &p.chunks[i]))
			return rel_fail(err, REL_EINTEGRITY,
				"chunk %zu of the artifact's record is not "
				"valid",
				i);
		sum += p.chunks[i].size;
	}
	if (sum != p.size)
		return rel_fail(err, REL_EINTEGRITY,
			"the chunks of the artifact's record do not add up");
	*ret = p;
	p = (struct rel_packed){ 0 };
	return 0;
}
