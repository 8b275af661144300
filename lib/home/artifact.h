/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/home/artifact.h - an artifact's record, and its tar out of the chunks.
 * Joins store and pack. Format: docs/formats.md, section 3.
 */
#ifndef REL_HOME_ARTIFACT_H
#define REL_HOME_ARTIFACT_H

#include "config/appjson.h"
#include "config/procfile.h"
#include "home/home.h"
#include "pack/pack.h"

struct rel_artifact { /* { 0 } before; rel_artifact_done after */
	struct rel_packed packed;
	struct rel_processes processes;
	struct rel_appjson app;
};
void rel_artifact_done(struct rel_artifact *a); /* for REL_AUTO too */

/*
 * Publish the record; its chunks are in the store. An equal one that is there
 * is kept, a damaged one replaced. *ret_file: SHA-256 of the file, for the
 * build event.
 */
int rel_artifact_save(struct rel_home *h, const struct rel_artifact *a,
	struct rel_id *ret_file, struct rel_err *err) REL_CHECK;

/*
 * Load a record. *ret_file may be NULL. Errors: REL_ENOTFOUND (never built
 * here, or removed by gc), REL_EINTEGRITY.
 */
int rel_artifact_load(struct rel_home *h, const struct rel_id *id,
	struct rel_artifact *ret, struct rel_id *ret_file,
	struct rel_err *err) REL_CHECK;

/* To an error met while reading it: which artifact it is, and what mends it. */
int rel_artifact_broken(const struct rel_id *id, struct rel_err *err);

/* Is each chunk there, as it was when the record was written? What was written
 * to since then is read and checked; the others are looked at. */
bool rel_artifact_whole(struct rel_home *h, const struct rel_artifact *a);

/* The tar, chunk by chunk, each checked against its name. ${a} is borrowed. */
struct rel_artifact_stream {
	struct rel_home *home;
	const struct rel_artifact *artifact;
	size_t next;
	struct rel_zst *zst;
	struct rel_buf frame, plain;
};
void rel_artifact_stream_open(struct rel_artifact_stream *s, struct rel_home *h,
	const struct rel_artifact *a);
void rel_artifact_stream_done(struct rel_artifact_stream *s);

/* A rel_tar_source over a stream (arg). Errors: REL_ENOTFOUND as
 * REL_EINTEGRITY (the record names a chunk that is not there). */
int rel_artifact_stream_next(void *arg, const void **ret_p, size_t *ret_n,
	struct rel_err *err) REL_CHECK;

/* The next frame as it is stored, for an export; *ret_n 0 at the end. */
int rel_artifact_stream_frame(struct rel_artifact_stream *s, const void **ret_p,
	size_t *ret_n, struct rel_err *err) REL_CHECK;

#endif
