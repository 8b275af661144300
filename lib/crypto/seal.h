/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/crypto/seal.h - a sealed config: CMS AuthEnvelopedData (RFC 5083),
 * AES-256-GCM, one KEK recipient (id-aes256-wrap), DER.
 * Format: docs/formats.md, section 5. `openssl cms -decrypt` opens it.
 */
#ifndef REL_CRYPTO_SEAL_H
#define REL_CRYPTO_SEAL_H

#include "base/buf.h"
#include "base/err.h"
#include "crypto/key.h"

#include <stddef.h>

/*
 * Seal ${n} bytes (0 is fine) under ${key}; the DER is added to ${out}. What
 * was sealed is opened again and compared before this returns. Errors: REL_EIO.
 */
int rel_seal(const struct rel_key *key, const void *p, size_t n,
	struct rel_buf *out, struct rel_err *err) REL_CHECK;

/*
 * Open what rel_seal made; the plaintext is added to ${out}, which the caller
 * wipes. Nothing is added on failure. Errors: REL_EDENIED (sealed under
 * another key: the message has its ID), REL_EINTEGRITY (damaged, or trailing
 * bytes).
 */
int rel_unseal(const struct rel_key *key, const void *p, size_t n,
	struct rel_buf *out, struct rel_err *err) REL_CHECK;

#endif
