/* SPDX-License-Identifier: Apache-2.0 */
/* lib/crypto/openssl.h - what every first call of OpenSSL needs. */
#ifndef REL_CRYPTO_OPENSSL_H
#define REL_CRYPTO_OPENSSL_H

#include <openssl/crypto.h>

/*
 * OpenSSL reads openssl.cnf when it is first used, and that file can load
 * providers and change defaults. It is nobody's business in here, and reading
 * it is the larger part of OpenSSL's start. Tidying up before the process ends
 * is no use to anybody, and costs as much. Calling this again costs nothing.
 */
static inline void rel_openssl_start(void)
{
	OPENSSL_init_crypto(
		OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL);
}

#endif
