/* SPDX-License-Identifier: Apache-2.0 */
/* lib/crypto/digest.c - SHA-256, SHA-1, HMAC and random bytes. Mechanism. */
#include "crypto/digest.h"
#include "crypto/openssl.h"

#include "base/mem.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct rel_sha256 {
	EVP_MD_CTX *ctx;
};

struct rel_sha1 {
	EVP_MD_CTX *ctx;
};

/* Without a digest nothing has a name, so there is no way on. */
static void must(int ok)
{
	if (ok != 1)
		abort();
}

/* Naming the digest is a search among the providers: once a context. */
static EVP_MD_CTX *begin(const EVP_MD *md)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	must(ctx != NULL);
	must(EVP_DigestInit_ex(ctx, md, NULL));
	return ctx;
}

static void finish(EVP_MD_CTX *ctx, uint8_t *ret)
{
	must(EVP_DigestFinal_ex(ctx, ret, NULL));
	must(EVP_DigestInit_ex(ctx, NULL, NULL));
}

struct rel_sha256 *rel_sha256_new(void)
{
	struct rel_sha256 *h = rel_alloc(sizeof(*h));

	h->ctx = begin(rel_openssl()->sha256);
	return h;
}

void rel_sha256_add(struct rel_sha256 *h, const void *p, size_t n)
{
	must(EVP_DigestUpdate(h->ctx, p, n));
}

struct rel_id rel_sha256_final(struct rel_sha256 *h)
{
	struct rel_id id;

	finish(h->ctx, id.b);
	return id;
}

void rel_sha256_freep(struct rel_sha256 **h)
{
	if (!*h)
		return;
	EVP_MD_CTX_free((*h)->ctx);
	free(*h);
	*h = NULL;
}

struct rel_sha1 *rel_sha1_new(void)
{
	struct rel_sha1 *h = rel_alloc(sizeof(*h));

	h->ctx = begin(rel_openssl()->sha1);
	return h;
}

void rel_sha1_add(struct rel_sha1 *h, const void *p, size_t n)
{
	must(EVP_DigestUpdate(h->ctx, p, n));
}

void rel_sha1_final(struct rel_sha1 *h, uint8_t ret[20])
{
	finish(h->ctx, ret);
}

void rel_sha1_freep(struct rel_sha1 **h)
{
	if (!*h)
		return;
	EVP_MD_CTX_free((*h)->ctx);
	free(*h);
	*h = NULL;
}

struct rel_id rel_sha256(const void *p, size_t n)
{
	struct rel_id id;

	must(EVP_Digest(p, n, id.b, NULL, rel_openssl()->sha256, NULL));
	return id;
}

static struct rel_id hmac_half(
	const uint8_t key[32], uint8_t pad, const void *p, size_t n)
{
	REL_AUTO(rel_sha256_freep) struct rel_sha256 *h = rel_sha256_new();
	uint8_t block[64];

	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = (i < 32 ? key[i] : 0) ^ pad;
	rel_sha256_add(h, block, sizeof(block));
	explicit_bzero(block, sizeof(block));
	rel_sha256_add(h, p, n);
	return rel_sha256_final(h);
}

/* By hand: OpenSSL's needs longer to be found than it takes. */
struct rel_id rel_hmac_sha256(const uint8_t key[32], const void *p, size_t n)
{
	struct rel_id inner = hmac_half(key, 0x36, p, n);

	return hmac_half(key, 0x5c, inner.b, sizeof(inner.b));
}

int rel_random(void *p, size_t n, struct rel_err *err)
{
	for (unsigned char *at = p; n > 0;) {
		ssize_t got = getrandom(at, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return rel_fail_os(err, "no random bytes");
		at += got;
		n -= (size_t)got;
	}
	return 0;
}
