/* SPDX-License-Identifier: Apache-2.0 */
/* lib/crypto/seal.c - sealed configs, by OpenSSL's CMS. Mechanism. */
#include "crypto/seal.h"
#include "crypto/openssl.h"

#include "base/id.h"

#include <limits.h>
#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <stdbool.h>
#include <string.h>

#define KEY_ID 8

static void cms_freep(CMS_ContentInfo **cms)
{
	CMS_ContentInfo_free(*cms);
}

static void bio_freep(BIO **bio)
{
	BIO_free(*bio);
}

/* OpenSSL keeps its reasons in a queue of its own: nobody shall find them
 * there later. They name no byte of what was sealed. */
static int fail(struct rel_err *err, enum rel_code code, const char *what)
{
	ERR_clear_error();
	return rel_fail(err, code, "%s", what);
}

static bool add_recipient(CMS_ContentInfo *cms, const struct rel_key *key)
{
	unsigned char *bytes = OPENSSL_memdup(key->bytes, sizeof(key->bytes));
	unsigned char *id = OPENSSL_malloc(KEY_ID);

	if (bytes && id && rel_hex_parse(key->id, KEY_ID, id) &&
		CMS_add0_recipient_key(cms, NID_id_aes256_wrap, bytes,
			sizeof(key->bytes), id, KEY_ID, NULL, NULL, NULL))
		return true; /* it owns both now */
	OPENSSL_clear_free(bytes, sizeof(key->bytes));
	OPENSSL_free(id);
	return false;
}

static int encrypt(const struct rel_key *key, const void *p, size_t n,
	struct rel_buf *der, struct rel_err *err)
{
	REL_AUTO(cms_freep)
	CMS_ContentInfo *cms = CMS_AuthEnvelopedData_create(EVP_aes_256_gcm());
	REL_AUTO(bio_freep) BIO *in = NULL;
	unsigned char *out;
	int len;

	if (n > INT_MAX)
		return fail(err, REL_EIO, "too much to seal");
	in = BIO_new_mem_buf(n ? p : "", (int)n);
	if (!cms || !in || !add_recipient(cms, key))
		return fail(err, REL_EIO, "start to seal");
	/* Else it succeeds, and leaves the ciphertext out. */
	CMS_set_detached(cms, 0);
	if (CMS_final(cms, in, NULL, CMS_BINARY) != 1)
		return fail(err, REL_EIO, "seal");
	len = i2d_CMS_ContentInfo(cms, NULL);
	if (len <= 0)
		return fail(err, REL_EIO, "write what was sealed");
	out = (unsigned char *)rel_buf_room(der, (size_t)len);
	i2d_CMS_ContentInfo(cms, &out);
	der->len += (size_t)len;
	der->p[der->len] = '\0';
	return 0;
}

/* A walk over bytes that are compared with what they have to be. */
struct walk {
	const uint8_t *p, *end;
};

static bool skip(struct walk *w, size_t n)
{
	if ((size_t)(w->end - w->p) < n)
		return false;
	w->p += n;
	return true;
}

static bool same(struct walk *w, const void *p, size_t n)
{
	const uint8_t *at = w->p;

	return skip(w, n) && !memcmp(at, p, n);
}

/* A tag and the one length that DER has for ${n}. */
static size_t head(uint8_t tag, size_t n, uint8_t out[10])
{
	size_t bytes = 0;

	out[0] = tag;
	if (n < 128) {
		out[1] = (uint8_t)n;
		return 2;
	}
	while (n >> (8 * bytes))
		bytes++;
	out[1] = (uint8_t)(0x80 | bytes);
	for (size_t i = 0; i < bytes; i++)
		out[2 + i] = (uint8_t)(n >> (8 * (bytes - 1 - i)));
	return 2 + bytes;
}

static size_t with_head(size_t n)
{
	uint8_t ignored[10];

	return head(0, n, ignored) + n;
}

static bool same_head(struct walk *w, uint8_t tag, size_t n)
{
	uint8_t out[10];

	return same(w, out, head(tag, n, out));
}

/*
 * The cipher protects the text and nothing around it: OpenSSL takes any
 * version, any content type, and lengths in many spellings. There is one form
 * of what rel_seal makes of ${n} bytes, and this is it; only the key ID, the
 * wrapped key, nonce, text and tag are free.
 */
static bool has_our_form(const void *p, size_t size, size_t n)
{
	static const uint8_t type[] = "\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09"
				      "\x10\x01\x17"; /* authEnvelopedData */
	static const uint8_t recipient[] =
		"\x02\x01\x00"	    /* version 0 */
		"\x31\x48\xa2\x46"  /* the one recipient has a key */
		"\x02\x01\x04"	    /* version 4 */
		"\x30\x0a\x04\x08"; /* its ID */
	static const uint8_t wrap[] =
		"\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01\x2d"
		"\x04\x28"; /* id-aes256-wrap */
	static const uint8_t cipher[] =
		"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01" /* data */
		"\x30\x1e\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01\x2e"
		"\x30\x11\x04\x0c"; /* aes256-GCM, nonce */
	static const uint8_t tag_size[] = "\x02\x01\x10";
	static const uint8_t tag[] = "\x04\x10";
	size_t text = 43 + with_head(n);
	size_t body = 77 + with_head(text) + 18;
	struct walk w = { p, (const uint8_t *)p + size };

	return same_head(&w, 0x30, 13 + with_head(with_head(body))) &&
	       same(&w, type, sizeof(type) - 1) &&
	       same_head(&w, 0xa0, with_head(body)) &&
	       same_head(&w, 0x30, body) &&
	       same(&w, recipient, sizeof(recipient) - 1) && skip(&w, KEY_ID) &&
	       same(&w, wrap, sizeof(wrap) - 1) && skip(&w, 40) &&
	       same_head(&w, 0x30, text) &&
	       same(&w, cipher, sizeof(cipher) - 1) && skip(&w, 12) &&
	       same(&w, tag_size, sizeof(tag_size) - 1) &&
	       same_head(&w, 0x80, n) && skip(&w, n) &&
	       same(&w, tag, sizeof(tag) - 1) && skip(&w, 16) && w.p == w.end;
}

/* The ID of the key that it was sealed under. */
static const ASN1_OCTET_STRING *recipient_id(CMS_ContentInfo *cms)
{
	STACK_OF(CMS_RecipientInfo) *all = CMS_get0_RecipientInfos(cms);
	ASN1_OCTET_STRING *id = NULL;

	if (!all || sk_CMS_RecipientInfo_num(all) != 1 ||
		CMS_RecipientInfo_kekri_get0_id(
			sk_CMS_RecipientInfo_value(all, 0), NULL, &id, NULL,
			NULL, NULL) != 1 ||
		ASN1_STRING_length(id) != KEY_ID)
		return NULL;
	return id;
}

static bool decrypt(CMS_ContentInfo *cms, const struct rel_key *key,
	const ASN1_OCTET_STRING *id, struct rel_buf *out)
{
	REL_AUTO(bio_freep) BIO *plain = BIO_new(BIO_s_mem());
	struct rel_key mine = *key;
	char *p = NULL;
	long n;
	bool ok = plain &&
		  CMS_decrypt_set1_key(cms, mine.bytes, sizeof(mine.bytes),
			  ASN1_STRING_get0_data(id), KEY_ID) == 1 &&
		  CMS_decrypt(cms, NULL, NULL, NULL, plain, CMS_BINARY) == 1;

	rel_key_wipe(&mine);
	if (!ok)
		return false;
	n = BIO_get_mem_data(plain, &p);
	rel_buf_add(out, p, n > 0 ? (size_t)n : 0);
	return true;
}

int rel_unseal(const struct rel_key *key, const void *p, size_t n,
	struct rel_buf *out, struct rel_err *err)
{
	static const char damaged[] = "a sealed config is damaged";
	REL_AUTO(cms_freep) CMS_ContentInfo *cms = NULL;
	const unsigned char *at = p;
	const ASN1_OCTET_STRING *id;
	ASN1_OCTET_STRING **text;
	char hex[2 * KEY_ID + 1];

	rel_openssl_start();
	if (n == 0 || n > INT_MAX)
		return fail(err, REL_EINTEGRITY, damaged);
	cms = d2i_CMS_ContentInfo(NULL, &at, (long)n);
	if (!cms || OBJ_obj2nid(CMS_get0_type(cms)) !=
			    NID_id_smime_ct_authEnvelopedData)
		return fail(err, REL_EINTEGRITY, damaged);
	text = CMS_get0_content(cms);
	id = recipient_id(cms);
	if (!text || !*text || !id ||
		!has_our_form(p, n, (size_t)ASN1_STRING_length(*text)))
		return fail(err, REL_EINTEGRITY, damaged);
	rel_hex_format(ASN1_STRING_get0_data(id), KEY_ID, hex);
	if (strcmp(hex, key->id) != 0)
		return rel_fail(err, REL_EDENIED,
			"the config was sealed under key '%s', and this is "
			"'%s'",
			hex, key->id);
	if (!decrypt(cms, key, id, out))
		return fail(err, REL_EINTEGRITY, damaged);
	return 0;
}

int rel_seal(const struct rel_key *key, const void *p, size_t n,
	struct rel_buf *out, struct rel_err *err)
{
	REL_AUTO(rel_buf_free) struct rel_buf der = REL_BUF_INIT;
	REL_AUTO(rel_buf_wipe) struct rel_buf again = REL_BUF_INIT;
	int r;

	rel_openssl_start();
	r = encrypt(key, p, n, &der, err);
	if (r < 0)
		return r;
	/* Nobody has the plaintext later, so it is opened while we still do. */
	if (rel_unseal(key, der.p, der.len, &again, err) < 0 ||
		again.len != n || (n && CRYPTO_memcmp(again.p, p, n)))
		return fail(err, REL_EIO, "what was sealed does not open");
	rel_buf_add(out, der.p, der.len);
	return 0;
}
