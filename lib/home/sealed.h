/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/home/sealed.h - the config of a release at rest, and its fingerprint.
 * Joins store, crypto and config. Format: docs/formats.md, section 5.
 */
#ifndef REL_HOME_SEALED_H
#define REL_HOME_SEALED_H

#include "config/config.h"
#include "home/home.h"

/* HMAC-SHA-256 over the sealed form, under the store's fingerprint key: tells
 * equal configs without telling what is in them. Errors: rel_home_load_key's.
 */
int rel_sealed_fingerprint(struct rel_home *h, const struct rel_config *c,
	struct rel_id *ret, struct rel_err *err) REL_CHECK;

/* Seal and publish; *ret names the file. */
int rel_sealed_save(struct rel_home *h, const struct rel_config *c,
	struct rel_id *ret, struct rel_err *err) REL_CHECK;

/* Open into an empty ${ret}; it must have this fingerprint. Errors:
 * REL_EDENIED, REL_ENOTFOUND, REL_EINTEGRITY. */
int rel_sealed_load(struct rel_home *h, const struct rel_id *sealed,
	const struct rel_id *fingerprint, struct rel_config *ret,
	struct rel_err *err) REL_CHECK;

#endif
