/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/crypto/seal.c - sealed configs: CMS in its one form. Mechanism.
 *
 * Of RFC 5083 and RFC 5652 a sealed config uses one path: one recipient who
 * has a key, AES-256 key wrap (RFC 3394), AES-256-GCM. So there is one DER form
 * of what is made of n bytes, in which the key's ID, the wrapped key, the
 * nonce, the text and the tag are free. It is written here, and what is read
 * has to be the same: OpenSSL's own CMS would take any version, any content
 * type, and lengths in many spellings.
 */
#include "crypto/seal.h"
#include "crypto/digest.h"
#include "crypto/openssl.h"

#include "base/id.h"

#include <limits.h>
#include <openssl/err.h>
#include <stdbool.h>
#include <string.h>

#define KEY_ID 8
#define CONTENT_KEY 32
#define WRAPPED 40
#define NONCE 12
#define TAG 16

/* Where in a form the free bytes are. */
struct places {
	size_t id, wrapped, nonce, text, tag;
};

/* OpenSSL keeps its reasons in a queue of its own: nobody shall find them
 * there later. They name no byte of what was sealed. */
static int fail(struct rel_err *err, enum rel_code code, const char *what)
{
	ERR_clear_error();
	return rel_fail(err, code, "%s", what);
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

/* The lengths in a form of ${n} bytes, from within. */
static size_t text_size(size_t n)
{
	return 43 + with_head(n);
}

static size_t body_size(size_t n)
{
	return 77 + with_head(text_size(n)) + 18;
}

static size_t form_size(size_t n)
{
	return with_head(13 + with_head(with_head(body_size(n))));
}

static void add_head(struct rel_buf *b, uint8_t tag, size_t n)
{
	uint8_t out[10];

	rel_buf_add(b, out, head(tag, n, out));
}

/* Room for free bytes; returns where they go. */
static size_t leave(struct rel_buf *b, size_t n)
{
	size_t at = b->len;

	memset(rel_buf_room(b, n), 0, n + 1);
	b->len += n;
	return at;
}

#define ADD(b, literal) rel_buf_add(b, literal, sizeof(literal) - 1)

/* The form of ${n} bytes, with nothing in its free places. */
static void make_form(size_t n, struct rel_buf *b, struct places *at)
{
	add_head(b, 0x30, 13 + with_head(with_head(body_size(n))));
	/* authEnvelopedData */
	ADD(b, "\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x17");
	add_head(b, 0xa0, with_head(body_size(n)));
	add_head(b, 0x30, body_size(n));
	ADD(b, "\x02\x01\x00");	    /* version 0 */
	ADD(b, "\x31\x48\xa2\x46"); /* the one recipient has a key */
	ADD(b, "\x02\x01\x04");	    /* version 4 */
	ADD(b, "\x30\x0a\x04\x08"); /* its ID */
	at->id = leave(b, KEY_ID);
	/* id-aes256-wrap */
	ADD(b, "\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01\x2d");
	ADD(b, "\x04\x28");
	at->wrapped = leave(b, WRAPPED);
	add_head(b, 0x30, text_size(n));
	ADD(b, "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"); /* data */
	/* aes256-GCM, nonce */
	ADD(b, "\x30\x1e\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01\x2e");
	ADD(b, "\x30\x11\x04\x0c");
	at->nonce = leave(b, NONCE);
	ADD(b, "\x02\x01\x10"); /* size of the tag */
	add_head(b, 0x80, n);
	at->text = leave(b, n);
	ADD(b, "\x04\x10");
	at->tag = leave(b, TAG);
}

/* How many bytes are sealed in a form of ${size}? False: in none. */
static bool size_of_text(size_t size, size_t *ret)
{
	size_t n = size > 256 ? size - 256 : 0;

	while (form_size(n) < size)
		n++;
	*ret = n;
	return form_size(n) == size;
}

static void copy_free(char *to, const uint8_t *from, size_t at, size_t n)
{
	memcpy(to + at, from + at, n);
}

/* Is it the form of ${n} bytes? */
static bool has_our_form(
	const uint8_t *p, size_t size, size_t n, struct places *at)
{
	REL_AUTO(rel_buf_free) struct rel_buf form = REL_BUF_INIT;

	make_form(n, &form, at);
	copy_free(form.p, p, at->id, KEY_ID);
	copy_free(form.p, p, at->wrapped, WRAPPED);
	copy_free(form.p, p, at->nonce, NONCE);
	copy_free(form.p, p, at->text, n);
	copy_free(form.p, p, at->tag, TAG);
	return form.len == size && !memcmp(form.p, p, size);
}

static void ctx_freep(EVP_CIPHER_CTX **c)
{
	EVP_CIPHER_CTX_free(*c);
}

/* AES-256 key wrap, or back. */
static bool wrap(bool encrypt, const struct rel_key *key, const uint8_t *in,
	size_t n, uint8_t *out)
{
	const EVP_CIPHER *c = rel_openssl()->wrap;
	REL_AUTO(ctx_freep) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int got = 0;

	if (!ctx)
		return false;
	EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	return EVP_CipherInit_ex(ctx, c, NULL, key->bytes, NULL, encrypt) ==
		       1 &&
	       EVP_CipherUpdate(ctx, out, &got, in, (int)n) == 1 &&
	       got == (encrypt ? (int)n + 8 : (int)n - 8);
}

/* AES-256-GCM over ${n} bytes, both ways. */
static bool gcm(bool encrypt, const uint8_t key[CONTENT_KEY],
	const uint8_t nonce[NONCE], const void *in, size_t n, uint8_t *out,
	uint8_t tag[TAG])
{
	const EVP_CIPHER *c = rel_openssl()->gcm;
	REL_AUTO(ctx_freep) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t end[16];
	int got = 0, rest = 0;

	return ctx &&
	       EVP_CipherInit_ex(ctx, c, NULL, key, nonce, encrypt) == 1 &&
	       (encrypt || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG,
				   tag) == 1) &&
	       (n == 0 || EVP_CipherUpdate(ctx, out, &got, in, (int)n) == 1) &&
	       EVP_CipherFinal_ex(ctx, end, &rest) == 1 && rest == 0 &&
	       got == (int)n &&
	       (!encrypt || EVP_CIPHER_CTX_ctrl(
				    ctx, EVP_CTRL_AEAD_GET_TAG, TAG, tag) == 1);
}

static int encrypt(const struct rel_key *key, const void *p, size_t n,
	struct rel_buf *der, struct rel_err *err)
{
	uint8_t content[CONTENT_KEY];
	struct places at;
	uint8_t *to;
	bool ok;
	int r = rel_random(content, sizeof(content), err);

	if (r < 0)
		return r;
	make_form(n, der, &at);
	to = (uint8_t *)der->p;
	r = rel_random(to + at.nonce, NONCE, err);
	ok = r == 0 && rel_hex_parse(key->id, KEY_ID, to + at.id) &&
	     wrap(true, key, content, sizeof(content), to + at.wrapped) &&
	     gcm(true, content, to + at.nonce, p, n, to + at.text, to + at.tag);
	explicit_bzero(content, sizeof(content));
	return ok ? 0 : fail(err, REL_EIO, "seal");
}

static bool decrypt(const struct rel_key *key, const uint8_t *p,
	const struct places *at, size_t n, struct rel_buf *out)
{
	uint8_t content[CONTENT_KEY], tag[TAG];
	uint8_t *to = (uint8_t *)rel_buf_room(out, n);
	bool ok;

	memcpy(tag, p + at->tag, TAG);
	ok = wrap(false, key, p + at->wrapped, WRAPPED, content) &&
	     gcm(false, content, p + at->nonce, p + at->text, n, to, tag);
	explicit_bzero(content, sizeof(content));
	if (!ok) {
		explicit_bzero(to, n);
		return false;
	}
	out->len += n;
	out->p[out->len] = '\0';
	return true;
}

int rel_unseal(const struct rel_key *key, const void *p, size_t n,
	struct rel_buf *out, struct rel_err *err)
{
	static const char damaged[] = "a sealed config is damaged";
	const uint8_t *der = p;
	char hex[2 * KEY_ID + 1];
	struct places at;
	size_t text;

	if (n > INT_MAX || !size_of_text(n, &text) ||
		!has_our_form(der, n, text, &at))
		return fail(err, REL_EINTEGRITY, damaged);
	rel_hex_format(der + at.id, KEY_ID, hex);
	if (strcmp(hex, key->id) != 0)
		return rel_fail(err, REL_EDENIED,
			"the config was sealed under key '%s', and this is "
			"'%s'",
			hex, key->id);
	if (!decrypt(key, der, &at, text, out))
		return fail(err, REL_EINTEGRITY, damaged);
	return 0;
}

int rel_seal(const struct rel_key *key, const void *p, size_t n,
	struct rel_buf *out, struct rel_err *err)
{
	REL_AUTO(rel_buf_free) struct rel_buf der = REL_BUF_INIT;
	REL_AUTO(rel_buf_wipe) struct rel_buf again = REL_BUF_INIT;
	int r;

	if (n > INT_MAX - 256)
		return fail(err, REL_EIO, "too much to seal");
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
