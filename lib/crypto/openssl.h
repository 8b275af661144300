/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/crypto/openssl.h - the few algorithms that relctl has of OpenSSL's. Of
 * this folder alone.
 */
#ifndef REL_CRYPTO_OPENSSL_H
#define REL_CRYPTO_OPENSSL_H

#include <openssl/evp.h>

struct rel_openssl {
	EVP_MD *sha256, *sha1;
	EVP_CIPHER *gcm, *wrap; /* AES-256 */
};

/* Made by the first call, of whichever thread, and kept for the life of the
 * process; never NULL, since without a digest there is no way on. */
const struct rel_openssl *rel_openssl(void);

#endif
