/* SPDX-License-Identifier: Apache-2.0 */
#include "build/maker.h"

#include "base/mem.h"
#include "store/chunk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONFIG_FILE_LIMIT (1u << 20) /* Procfile and app.json, bytes */

struct rel_maker {
	struct rel_home *home;
	struct rel_pool *pool;
	struct rel_pack *pack;
	struct rel_chunks *chunks; /* NULL: only the digest is wanted */
	struct rel_chunk_store store;
	struct rel_buf procfile, appjson;
	bool has_procfile, has_appjson;
	struct rel_buf *taking; /* where the entry's content is kept, or NULL */
};

/* Whatever keeps it from being read: that artifact is not whole. */
static int get_chunk(void *arg, const struct rel_chunk_ref *ref,
	struct rel_buf *out, struct rel_err *err)
{
	const struct rel_maker *m = arg;

	if (rel_chunk_get(m->home->store, &ref->name, out, err) < 0) {
		err->code = REL_EINTEGRITY;
		return -REL_EINTEGRITY;
	}
	return 0;
}

static int keep_chunk(void *arg, const struct rel_chunk_ref *ref,
	const void *frame, struct rel_err *err)
{
	const struct rel_maker *m = arg;

	return rel_chunks_add(m->chunks, &ref->name, frame, ref->packed, err);
}

int rel_maker_begin(struct rel_home *h, bool keep, struct rel_maker **ret,
	struct rel_err *err)
{
	REL_AUTO(rel_maker_abortp) struct rel_maker *m = NULL;
	int r = 0;

	m = rel_alloc(sizeof(*m));
	m->home = h;
	if (keep) {
		r = rel_store_sweep(h->store, err);
		if (r == 0)
			r = rel_store_lock(
				h->store, REL_LOCK_SHARED, h->opt.wait_ms, err);
		if (r == 0)
			r = rel_chunks_begin(h->store, &m->chunks, err);
	}
	if (r < 0)
		return r;
	m->store = (struct rel_chunk_store){
		.each = keep ? keep_chunk : NULL, .get = get_chunk, .arg = m
	};
	rel_pool_begin(0, &m->pool);
	rel_pack_begin(m->pool, &m->store, &m->pack);
	*ret = m;
	m = NULL;
	return 0;
}

/* No thread is left then. */
static void end_packing(struct rel_maker *m)
{
	rel_pack_freep(&m->pack);
	rel_pool_endp(&m->pool);
}

void rel_maker_abortp(struct rel_maker **mp)
{
	struct rel_maker *m = *mp;

	if (!m)
		return;
	end_packing(m);
	rel_chunks_abortp(&m->chunks);
	rel_buf_free(&m->procfile);
	rel_buf_free(&m->appjson);
	rel_store_unlock(m->home->store);
	free(m);
	*mp = NULL;
}

int rel_maker_entry(struct rel_maker *m, const struct rel_entry *e,
	bool allow_external, bool *ret_external, struct rel_err *err)
{
	m->taking = NULL;
	if (e->type == REL_FILE && strcmp(e->path, "Procfile") == 0) {
		m->has_procfile = true;
		m->taking = &m->procfile;
	} else if (e->type == REL_FILE && strcmp(e->path, "app.json") == 0) {
		m->has_appjson = true;
		m->taking = &m->appjson;
	}
	if (m->taking && e->size > CONFIG_FILE_LIMIT)
		return rel_fail(
			err, REL_EINVALID, "'%s' is over 1 MiB", e->path);
	return rel_pack_entry(m->pack, e, allow_external, ret_external, err);
}

int rel_maker_data(
	struct rel_maker *m, const void *p, size_t n, struct rel_err *err)
{
	if (m->taking)
		rel_buf_add(m->taking, p, n);
	return rel_pack_data(m->pack, p, n, err);
}

struct rel_pack *rel_maker_pack(struct rel_maker *m)
{
	return m->pack;
}

struct rel_pool *rel_maker_pool(struct rel_maker *m)
{
	return m->pool;
}

static int read_procfile(
	struct rel_maker *m, struct rel_artifact *a, struct rel_err *err)
{
	if (!m->has_procfile)
		return 0;
	return rel_procfile_parse(
		rel_buf_str(&m->procfile), m->procfile.len, &a->processes, err);
}

struct namer {
	const struct rel_processes *processes;
	const struct rel_events *events;
	const char *section;
};

static void check_type(void *arg, const char *type, const struct json_t *j)
{
	const struct namer *n = arg;
	struct rel_buf name = REL_BUF_INIT;

	(void)j;
	if (rel_processes_command(n->processes, type))
		return;
	rel_buf_add_escaped(&name, type, strlen(type));
	rel_notice(n->events,
		"app.json: '%s.%.100s' is for a process type that the Procfile "
		"does not have",
		n->section, rel_buf_str(&name));
	rel_buf_free(&name);
}

/* Other tools read the same file, so this is no error. */
static void check_types(
	const struct rel_artifact *a, const struct rel_events *events)
{
	struct namer n = { .processes = &a->processes, .events = events };

	n.section = "formation";
	rel_json_each(a->app.formation, check_type, &n);
	n.section = "healthchecks";
	rel_json_each(a->app.healthchecks, check_type, &n);
	n.section = "relctl";
	rel_json_each(a->app.relctl, check_type, &n);
}

int rel_maker_end(
	struct rel_maker *m, struct rel_artifact *ret, struct rel_err *err)
{
	REL_AUTO(rel_artifact_done) struct rel_artifact a = { 0 };
	int r = rel_pack_end(m->pack, &a.packed, err);

	end_packing(m);
	if (r == 0)
		r = read_procfile(m, &a, err);
	if (r == 0 && m->has_appjson)
		r = rel_appjson_parse(
			rel_buf_str(&m->appjson), m->appjson.len, &a.app, err);
	if (r < 0)
		return r;
	check_types(&a, m->home->opt.events);
	*ret = a;
	a = (struct rel_artifact){ 0 };
	return 0;
}

int rel_maker_publish(struct rel_maker **mp, const struct rel_artifact *a,
	const char *kind, struct json_t *body, uint64_t *ret_new,
	struct rel_err *err)
{
	REL_AUTO(rel_maker_abortp) struct rel_maker *m = *mp;
	REL_AUTO(rel_json_freep) struct json_t *b = body;
	struct json_t *taken = body;
	struct rel_id file;
	int r;

	*mp = NULL;
	*ret_new = rel_chunks_new_bytes(m->chunks);
	r = rel_chunks_commit(&m->chunks, err);
	if (r == 0)
		r = rel_artifact_save(m->home, a, &file, err);
	if (r < 0)
		return r;
	rel_json_set(b, "artifact",
		rel_json_text(rel_artifact_format(&a->packed.artifact).s));
	rel_json_set(b, "record", rel_json_text(rel_id_hex(&file).s));
	rel_json_set(b, "tool", rel_json_text(RELCTL_VERSION));
	b = NULL;
	return rel_home_append(m->home, "", kind, taken, NULL, NULL, NULL, err);
}
