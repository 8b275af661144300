/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/crypto/key.h - the key file: 64 hex digits, mode 0600.
 * Format: docs/formats.md, section 5.
 */
#ifndef REL_CRYPTO_KEY_H
#define REL_CRYPTO_KEY_H

#include "base/err.h"

#include <stdint.h>

struct rel_key {
	uint8_t bytes[32];
	char id[17]; /* hex of the first 8 bytes of SHA-256(bytes) */
};

/*
 * Read the key at ${path}. Errors: REL_ENOTFOUND (no file); REL_EDENIED (group
 * or others may read or write it, or it belongs to somebody else than the
 * effective user or root; or it is not 64 hex digits, with or without a
 * newline).
 */
int rel_key_load(
	const char *path, struct rel_key *ret, struct rel_err *err) REL_CHECK;

/*
 * Make a new key at ${path}, and the directory it is in (0700) if that is
 * missing; unnamed file, fsync, link: commands that do this at once agree on
 * one key, and a file that is there is loaded instead. Errors: as load, and
 * REL_EIO.
 */
int rel_key_make(
	const char *path, struct rel_key *ret, struct rel_err *err) REL_CHECK;

/* Overwrite the bytes. */
void rel_key_wipe(struct rel_key *key);

#endif
