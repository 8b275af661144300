/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/crypto/digest.h - SHA-256, SHA-1 and HMAC, by OpenSSL; random bytes.
 * Mechanism; every other mechanism may include it.
 */
#ifndef REL_CRYPTO_DIGEST_H
#define REL_CRYPTO_DIGEST_H

#include "base/err.h"
#include "base/id.h"

#include <stddef.h>
#include <stdint.h>

/*
 * A running SHA-256 (FIPS 180-4). new never fails (no memory, or an OpenSSL
 * without SHA-256, aborts); final gives the digest and starts anew.
 */
struct rel_sha256;
struct rel_sha256 *rel_sha256_new(void);
void rel_sha256_add(struct rel_sha256 *h, const void *p, size_t n);
struct rel_id rel_sha256_final(struct rel_sha256 *h);
void rel_sha256_freep(struct rel_sha256 **h);

/* The same for SHA-1, by which git names its objects and nobody else should. */
struct rel_sha1;
struct rel_sha1 *rel_sha1_new(void);
void rel_sha1_add(struct rel_sha1 *h, const void *p, size_t n);
void rel_sha1_final(struct rel_sha1 *h, uint8_t ret[20]);
void rel_sha1_freep(struct rel_sha1 **h);

/* SHA-256 of ${n} bytes at once. */
struct rel_id rel_sha256(const void *p, size_t n);

/* HMAC-SHA-256 (RFC 2104) under a 32-byte key. */
struct rel_id rel_hmac_sha256(const uint8_t key[32], const void *p, size_t n);

/* Bytes from the kernel's generator. Errors: REL_EIO. */
int rel_random(void *p, size_t n, struct rel_err *err) REL_CHECK;

#endif
