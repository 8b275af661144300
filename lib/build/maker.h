/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/build/maker.h - an artifact in the making: entries go in, chunks go to
 * the store, and at the end it exists, or nothing does. Stage build; the common
 * part of build and import.
 *
 *	REL_AUTO(rel_maker_abortp) struct rel_maker *m = NULL;
 *	rel_maker_begin(home, true, &m, err);
 *	rel_maker_entry / rel_maker_data …
 *	rel_maker_end(m, &artifact, err);      Procfile and app.json are read
 *	rel_maker_publish(&m, &artifact, "build", body, err);
 */
#ifndef REL_BUILD_MAKER_H
#define REL_BUILD_MAKER_H

#include "home/artifact.h"

struct rel_maker;

/* Takes the store's shared lock until the end. ${keep} false: nothing is
 * written, only the digest is wanted (`build --check`). Threads work for it
 * until rel_maker_end, or the abort, and until then nothing may fork. */
int rel_maker_begin(struct rel_home *h, bool keep, struct rel_maker **ret,
	struct rel_err *err) REL_CHECK;

/* As rel_pack_entry and rel_pack_data; remembers Procfile and app.json. */
int rel_maker_entry(struct rel_maker *m, const struct rel_entry *e,
	bool allow_external, bool *ret_external, struct rel_err *err) REL_CHECK;
int rel_maker_data(struct rel_maker *m, const void *p, size_t n,
	struct rel_err *err) REL_CHECK;

/* The artifact in the making itself, to take chunks over (rel_pack_keep), and
 * the threads that work for it. Both until rel_maker_end. */
struct rel_pack *rel_maker_pack(struct rel_maker *m);
struct rel_pool *rel_maker_pool(struct rel_maker *m);

/* The whole artifact; its files are checked: a Procfile or an app.json that is
 * wrong is REL_EINVALID. */
int rel_maker_end(struct rel_maker *m, struct rel_artifact *ret,
	struct rel_err *err) REL_CHECK;

/*
 * Chunks, record, event, in that order. ${body} is taken; "artifact", "record"
 * and "tool" are added. Takes *m. *ret_new: bytes of chunks that were new.
 */
int rel_maker_publish(struct rel_maker **m, const struct rel_artifact *a,
	const char *kind, struct json_t *body, uint64_t *ret_new,
	struct rel_err *err) REL_CHECK;
void rel_maker_abortp(struct rel_maker **m);

#endif
