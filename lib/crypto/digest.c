/* SPDX-License-Identifier: Apache-2.0 */
/* lib/crypto/digest.c - SHA-256, HMAC and random bytes. Mechanism. */
#include "crypto/digest.h"
#include "crypto/openssl.h"

#include "base/mem.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>

struct rel_sha256 {
	EVP_MD_CTX *ctx;
};

/* Without a digest nothing has a name, so there is no way on. */
static void must(int ok)
{
	if (ok != 1)
		abort();
}

static void restart(struct rel_sha256 *h)
{
	must(EVP_DigestInit_ex(h->ctx, EVP_sha256(), NULL));
}

struct rel_sha256 *rel_sha256_new(void)
{
	struct rel_sha256 *h = rel_alloc(sizeof(*h));

	rel_openssl_start();
	h->ctx = EVP_MD_CTX_new();
	must(h->ctx != NULL);
	restart(h);
	return h;
}

void rel_sha256_add(struct rel_sha256 *h, const void *p, size_t n)
{
	must(EVP_DigestUpdate(h->ctx, p, n));
}

struct rel_id rel_sha256_final(struct rel_sha256 *h)
{
	struct rel_id id;

	must(EVP_DigestFinal_ex(h->ctx, id.b, NULL));
	restart(h);
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

struct rel_id rel_sha256(const void *p, size_t n)
{
	struct rel_id id;

	rel_openssl_start();
	must(EVP_Digest(p, n, id.b, NULL, EVP_sha256(), NULL));
	return id;
}

struct rel_id rel_hmac_sha256(const uint8_t key[32], const void *p, size_t n)
{
	struct rel_id id;
	size_t len = 0;

	rel_openssl_start();
	must(EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key, 32, p, n, id.b,
		     sizeof(id.b), &len) != NULL);
	must(len == sizeof(id.b));
	return id;
}

int rel_random(void *p, size_t n, struct rel_err *err)
{
	rel_openssl_start();
	/* RAND_bytes counts in int */
	for (unsigned char *at = p; n > 0;) {
		int part = n < 65536 ? (int)n : 65536;

		if (RAND_bytes(at, part) != 1) {
			ERR_clear_error();
			return rel_fail(err, REL_EIO, "no random bytes");
		}
		at += part;
		n -= (size_t)part;
	}
	return 0;
}
