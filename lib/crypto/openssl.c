/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/crypto/openssl.c - OpenSSL's start, without most of it. Mechanism.
 *
 * OpenSSL 3 makes every algorithm of its default provider before it hands out
 * the first one, which takes longer than all else that `exec` does. So its
 * provider is loaded in one context, and asked from another through a provider
 * of ours, which passes on what is named below and nothing more: the same
 * implementations, found twenty times as fast. Nothing of it is seen by other
 * users of OpenSSL in this process (libgit2, libarchive).
 */
#include "crypto/openssl.h"

#include <openssl/core_dispatch.h>
#include <openssl/crypto.h>
#include <openssl/provider.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* The first of an algorithm's names in the default provider. */
static const char *const digests[] = { "SHA2-256", "SHA1" };
static const char *const ciphers[] = { "AES-256-GCM", "AES-256-WRAP" };

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* What there is one of in a process, as there is one OpenSSL. */
static struct {
	pthread_once_t once;
	OSSL_PROVIDER *whole;
	OSSL_ALGORITHM digests[COUNT(digests) + 1], ciphers[COUNT(ciphers) + 1];
	struct rel_openssl found;
} here = { .once = PTHREAD_ONCE_INIT };

static bool is_called(const OSSL_ALGORITHM *a, const char *name)
{
	size_t n = strlen(name);

	return strncmp(a->algorithm_names, name, n) == 0 &&
	       (a->algorithm_names[n] == ':' || !a->algorithm_names[n]);
}

static const OSSL_ALGORITHM *pick(
	int operation, const char *const *names, size_t n, OSSL_ALGORITHM *ret)
{
	int no_cache = 0;
	const OSSL_ALGORITHM *a =
		OSSL_PROVIDER_query_operation(here.whole, operation, &no_cache);
	size_t found = 0;

	for (; a && a->algorithm_names; a++)
		for (size_t i = 0; i < n && found < n; i++)
			if (is_called(a, names[i]))
				ret[found++] = *a;
	ret[found] = (OSSL_ALGORITHM){ 0 };
	return ret;
}

static const OSSL_ALGORITHM *query(void *ctx, int operation, int *ret_no_cache)
{
	(void)ctx;
	*ret_no_cache = 0;
	switch (operation) {
	case OSSL_OP_DIGEST:
		return pick(operation, digests, COUNT(digests), here.digests);
	case OSSL_OP_CIPHER:
		return pick(operation, ciphers, COUNT(ciphers), here.ciphers);
	default:
		return NULL;
	}
}

/* The implementations are the default provider's, and so is their context. */
static int begin(const OSSL_CORE_HANDLE *core, const OSSL_DISPATCH *in,
	const OSSL_DISPATCH **ret, void **ret_ctx)
{
	static const OSSL_DISPATCH functions[] = {
		{ OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query },
		{ 0, NULL },
	};

	(void)core;
	(void)in;
	*ret = functions;
	*ret_ctx = OSSL_PROVIDER_get0_provider_ctx(here.whole);
	return 1;
}

/*
 * openssl.cnf can load providers and change defaults: it is nobody's business
 * in here. The tables of names are for those who ask by name, and tidying up
 * before the process ends is no use to anybody.
 */
static void start(void)
{
	struct rel_openssl *f = &here.found;
	OSSL_LIB_CTX *all, *few;

	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG |
				    OPENSSL_INIT_NO_ATEXIT |
				    OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS |
				    OPENSSL_INIT_NO_ADD_ALL_CIPHERS |
				    OPENSSL_INIT_NO_ADD_ALL_DIGESTS,
		NULL);
	all = OSSL_LIB_CTX_new();
	few = OSSL_LIB_CTX_new();
	if (!all || !few)
		abort();
	here.whole = OSSL_PROVIDER_load(all, "default");
	if (!here.whole ||
		OSSL_PROVIDER_add_builtin(few, "relctl", begin) != 1 ||
		!OSSL_PROVIDER_load(few, "relctl"))
		abort();
	f->sha256 = EVP_MD_fetch(few, "SHA2-256", NULL);
	f->sha1 = EVP_MD_fetch(few, "SHA1", NULL);
	f->gcm = EVP_CIPHER_fetch(few, "AES-256-GCM", NULL);
	f->wrap = EVP_CIPHER_fetch(few, "AES-256-WRAP", NULL);
	if (!f->sha256 || !f->sha1 || !f->gcm || !f->wrap)
		abort();
}

const struct rel_openssl *rel_openssl(void)
{
	pthread_once(&here.once, start);
	return &here.found;
}
