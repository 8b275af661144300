/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/home/record.h - a release record: what a release is, without its number.
 * Joins store and config. Format: docs/formats.md, section 4. The digest of its
 * bytes is the release's content.
 */
#ifndef REL_HOME_RECORD_H
#define REL_HOME_RECORD_H

#include "config/config.h"
#include "config/procfile.h"
#include "home/home.h"

struct rel_record {	      /* { 0 } before; rel_record_done after */
	struct rel_id digest; /* of the bytes */
	struct rel_id artifact;
	struct rel_id fingerprint; /* of the config */
	char **names;		   /* of the config's variables, sorted */
	size_t names_n;
	struct rel_processes processes;
};
void rel_record_done(struct rel_record *r); /* for REL_AUTO too */

/* The bytes of a record, added to ${out}; returns their digest. */
struct rel_id rel_record_format(const struct rel_id *artifact,
	const struct rel_id *fingerprint, const struct rel_config *c,
	const struct rel_processes *p, struct rel_buf *out);

/* Load by digest. Errors: REL_ENOTFOUND, REL_EINTEGRITY. */
int rel_record_load(struct rel_home *h, const struct rel_id *digest,
	struct rel_record *ret, struct rel_err *err) REL_CHECK;

#endif
