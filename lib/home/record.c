/* SPDX-License-Identifier: Apache-2.0 */
#include "home/record.h"

#include "base/mem.h"
#include "crypto/digest.h"

#include <stdlib.h>
#include <string.h>

#define SCHEMA "relctl.release/1"
#define FINGERPRINT "hmac-sha256:"

void rel_record_done(struct rel_record *r)
{
	for (size_t i = 0; i < r->names_n; i++)
		free(r->names[i]);
	free(r->names);
	rel_processes_done(&r->processes);
	*r = (struct rel_record){ 0 };
}

struct rel_id rel_record_format(const struct rel_id *artifact,
	const struct rel_id *fingerprint, const struct rel_config *c,
	const struct rel_processes *p, struct rel_buf *out)
{
	struct json_t *j = rel_json_object(), *config = rel_json_object();
	struct json_t *names = rel_json_array();
	char *mark = rel_printf(FINGERPRINT "%s", rel_id_hex(fingerprint).s);
	size_t start = out->len;

	for (size_t i = 0; i < c->n; i++)
		rel_json_push(names, rel_json_text(c->v[i].name));
	rel_json_set(config, "fingerprint", rel_json_text(mark));
	rel_json_set(config, "names", names);
	rel_json_set(
		j, "artifact", rel_json_text(rel_artifact_format(artifact).s));
	rel_json_set(j, "config", config);
	rel_json_set(j, "processes", rel_processes_to_json(p));
	rel_json_set(j, "schema", rel_json_text(SCHEMA));
	rel_json_format(j, out);
	rel_json_free(j);
	free(mark);
	return rel_sha256(out->p + start, out->len - start);
}

static int read_names(
	const struct json_t *names, struct rel_record *rec, struct rel_err *err)
{
	size_t n = rel_json_len(names);

	if (!rel_json_is_array(names))
		return rel_fail(err, REL_EINTEGRITY, "no config names");
	rec->names = rel_alloc(n * sizeof(*rec->names));
	for (size_t i = 0; i < n; i++) {
		const char *name = rel_json_str(rel_json_at(names, i));

		if (!name || (i > 0 && strcmp(rec->names[i - 1], name) >= 0))
			return rel_fail(err, REL_EINTEGRITY,
				"its config names are not sorted names");
		rec->names[rec->names_n++] = rel_strdup(name);
	}
	return 0;
}

static int read_record(
	const struct rel_buf *b, struct rel_record *rec, struct rel_err *err)
{
	REL_AUTO(rel_json_freep) struct json_t *j = NULL;
	const struct json_t *config;
	const char *schema, *artifact, *mark;
	int r = rel_json_parse_canonical(rel_buf_str(b), b->len, &j, err);

	if (r < 0)
		return rel_fail(err, REL_EINTEGRITY, "not canonical JSON");
	schema = rel_json_get_str(j, "schema");
	artifact = rel_json_get_str(j, "artifact");
	config = rel_json_get(j, "config");
	mark = rel_json_get_str(config, "fingerprint");
	if (!schema || strcmp(schema, SCHEMA) != 0 || rel_json_len(j) != 4)
		return rel_fail(
			err, REL_EINTEGRITY, "not of schema '" SCHEMA "'");
	if (!artifact || !rel_artifact_parse(artifact, &rec->artifact))
		return rel_fail(err, REL_EINTEGRITY, "no artifact");
	if (!mark || strncmp(mark, FINGERPRINT, strlen(FINGERPRINT)) != 0 ||
		!rel_id_parse(mark + strlen(FINGERPRINT), &rec->fingerprint))
		return rel_fail(err, REL_EINTEGRITY, "no fingerprint");
	r = read_names(rel_json_get(config, "names"), rec, err);
	if (r < 0)
		return r;
	return rel_processes_from_json(
		rel_json_get(j, "processes"), &rec->processes, err);
}

int rel_record_load(struct rel_home *h, const struct rel_id *digest,
	struct rel_record *ret, struct rel_err *err)
{
	REL_AUTO(rel_record_done) struct rel_record rec = { 0 };
	REL_AUTO(rel_buf_free) struct rel_buf b = REL_BUF_INIT;
	int r = rel_store_get(h->store, REL_OBJECT_RELEASE, digest, &b, err);

	if (r < 0)
		return r;
	r = read_record(&b, &rec, err);
	if (r < 0)
		return rel_wrap(
			err, "'releases/%s.json'", rel_id_hex(digest).s);
	rec.digest = *digest;
	*ret = rec;
	rec = (struct rel_record){ 0 };
	return 0;
}
