/* SPDX-License-Identifier: Apache-2.0 */
#include "home/artifact.h"

#include "crypto/digest.h"
#include "pack/zst.h"
#include "store/chunk.h"

#include <string.h>

#define SCHEMA "relctl.artifact/1"
#define RECORD_LIMIT (64u << 20) /* plain bytes; 16 GiB need about 12 MiB */

void rel_artifact_done(struct rel_artifact *a)
{
	rel_packed_done(&a->packed);
	rel_processes_done(&a->processes);
	rel_appjson_done(&a->app);
}

/* Is the record that has the name already the one we would write? */
static bool same_record(struct rel_home *h, const struct rel_id *id,
	const struct rel_buf *plain, struct rel_buf *file)
{
	REL_AUTO(rel_zst_freep) struct rel_zst *z = rel_zst_new();
	REL_AUTO(rel_buf_free) struct rel_buf old = REL_BUF_INIT;
	struct rel_err ignored;

	rel_buf_reset(file);
	return rel_store_get_artifact(h->store, id, file, &ignored) == 0 &&
	       rel_zst_unpack(z, rel_buf_str(file), file->len, RECORD_LIMIT,
		       &old, &ignored) == 0 &&
	       old.len == plain->len && memcmp(old.p, plain->p, old.len) == 0;
}

int rel_artifact_save(struct rel_home *h, const struct rel_artifact *a,
	struct rel_id *ret_file, struct rel_err *err)
{
	REL_AUTO(rel_json_freep)
	struct json_t *j = rel_packed_to_json(&a->packed);
	REL_AUTO(rel_zst_freep) struct rel_zst *z = rel_zst_new();
	REL_AUTO(rel_buf_free) struct rel_buf plain = REL_BUF_INIT;
	REL_AUTO(rel_buf_free) struct rel_buf file = REL_BUF_INIT;
	const struct rel_id *id = &a->packed.artifact;
	bool existed = false;
	int r;

	rel_json_set(j, "schema", rel_json_text(SCHEMA));
	rel_json_set(j, "processes", rel_processes_to_json(&a->processes));
	rel_json_set(j, "app", rel_appjson_to_json(&a->app));
	rel_json_format(j, &plain);
	rel_zst_pack(z, plain.p, plain.len, &file);
	r = rel_store_put_artifact(
		h->store, id, file.p, file.len, false, &existed, err);
	if (r == 0 && existed && !same_record(h, id, &plain, &file)) {
		/* Damaged, or with chunks that were cut by another rule. */
		rel_buf_reset(&file);
		rel_zst_pack(z, plain.p, plain.len, &file);
		r = rel_store_put_artifact(
			h->store, id, file.p, file.len, true, NULL, err);
	}
	*ret_file = rel_sha256(file.p, file.len);
	return r;
}

static int read_record(const char *p, size_t n, const struct rel_id *id,
	struct rel_artifact *a, struct rel_err *err)
{
	REL_AUTO(rel_json_freep) struct json_t *j = NULL;
	const char *schema;
	int r = rel_json_parse_canonical(p, n, &j, err);

	if (r < 0)
		return rel_fail(err, REL_EINTEGRITY, "not canonical JSON");
	schema = rel_json_get_str(j, "schema");
	if (!schema || strcmp(schema, SCHEMA) != 0)
		return rel_fail(
			err, REL_EINTEGRITY, "not of schema '" SCHEMA "'");
	r = rel_packed_from_json(j, &a->packed, err);
	if (r == 0 && !rel_id_equal(&a->packed.artifact, id))
		r = rel_fail(
			err, REL_EINTEGRITY, "the record of another artifact");
	if (r == 0)
		r = rel_processes_from_json(
			rel_json_get(j, "processes"), &a->processes, err);
	if (r == 0)
		r = rel_appjson_from_json(rel_json_get(j, "app"), &a->app, err);
	return r;
}

int rel_artifact_load(struct rel_home *h, const struct rel_id *id,
	struct rel_artifact *ret, struct rel_id *ret_file, struct rel_err *err)
{
	REL_AUTO(rel_zst_freep) struct rel_zst *z = rel_zst_new();
	REL_AUTO(rel_buf_free) struct rel_buf file = REL_BUF_INIT;
	REL_AUTO(rel_buf_free) struct rel_buf plain = REL_BUF_INIT;
	REL_AUTO(rel_artifact_done) struct rel_artifact a = { 0 };
	int r = rel_store_get_artifact(h->store, id, &file, err);

	if (r == -REL_ENOTFOUND)
		return rel_fail(err, REL_ENOTFOUND,
			"artifact %.19s is not in the store",
			rel_artifact_format(id).s);
	if (r < 0)
		return r;
	r = rel_zst_unpack(
		z, rel_buf_str(&file), file.len, RECORD_LIMIT, &plain, err);
	if (r == 0)
		r = read_record(rel_buf_str(&plain), plain.len, id, &a, err);
	if (r < 0)
		return rel_wrap(
			err, "'artifacts/%s.json.zst'", rel_id_hex(id).s);
	if (ret_file)
		*ret_file = rel_sha256(file.p, file.len);
	*ret = a;
	a = (struct rel_artifact){ 0 };
	return 0;
}

int rel_artifact_broken(const struct rel_id *id, struct rel_err *err)
{
	if (err->code != REL_EINTEGRITY)
		return -(int)err->code;
	rel_wrap(err, "artifact %.19s", rel_artifact_format(id).s);
	return rel_hint(
		err, "'relctl build' of its commit, or an import, mends it");
}

bool rel_artifact_whole(struct rel_home *h, const struct rel_artifact *a)
{
	REL_AUTO(rel_buf_free) struct rel_buf frame = REL_BUF_INIT;
	struct rel_err ignored;
	struct timespec when;

	if (!rel_store_artifact_time(h->store, &a->packed.artifact, &when))
		return false;
	for (size_t i = 0; i < a->packed.n; i++) {
		const struct rel_chunk_ref *c = &a->packed.chunks[i];

		if (!rel_chunk_is_as_of(h->store, &c->name, c->packed, &when) &&
			rel_chunk_get(h->store, &c->name, &frame, &ignored) < 0)
			return false;
	}
	return true;
}

void rel_artifact_stream_open(struct rel_artifact_stream *s, struct rel_home *h,
	const struct rel_artifact *a)
{
	*s = (struct rel_artifact_stream){ .home = h, .artifact = a };
	s->zst = rel_zst_new();
}

void rel_artifact_stream_done(struct rel_artifact_stream *s)
{
	rel_zst_freep(&s->zst);
	rel_buf_free(&s->frame);
	rel_buf_free(&s->plain);
}

int rel_artifact_stream_frame(struct rel_artifact_stream *s, const void **ret_p,
	size_t *ret_n, struct rel_err *err)
{
	const struct rel_chunk_ref *c;
	int r;

	*ret_n = 0;
	if (s->next == s->artifact->packed.n)
		return 0;
	c = &s->artifact->packed.chunks[s->next++];
	r = rel_chunk_get(s->home->store, &c->name, &s->frame, err);
	if (r == -REL_ENOTFOUND)
		err->code = REL_EINTEGRITY;
	if (r < 0)
		return -(int)err->code;
	*ret_p = rel_buf_str(&s->frame);
	*ret_n = s->frame.len;
	return 0;
}

int rel_artifact_stream_next(
	void *arg, const void **ret_p, size_t *ret_n, struct rel_err *err)
{
	struct rel_artifact_stream *s = arg;
	const void *frame;
	size_t n;
	int r = rel_artifact_stream_frame(s, &frame, &n, err);

	*ret_n = 0;
	if (r < 0 || n == 0)
		return r;
	rel_buf_reset(&s->plain);
	r = rel_zst_unpack(s->zst, frame, n, REL_CHUNK_LIMIT, &s->plain, err);
	if (r < 0)
		return rel_wrap(err, "a chunk of the artifact");
	*ret_p = s->plain.p;
	*ret_n = s->plain.len;
	return 0;
}
