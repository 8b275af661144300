/* SPDX-License-Identifier: Apache-2.0 */
#include "home/sealed.h"

#include "crypto/digest.h"
#include "crypto/seal.h"

int rel_sealed_fingerprint(struct rel_home *h, const struct rel_config *c,
	struct rel_id *ret, struct rel_err *err)
{
	REL_AUTO(rel_buf_wipe) struct rel_buf plain = REL_BUF_INIT;
	int r = rel_home_load_key(h, err);

	if (r < 0)
		return r;
	if (h->no_fingerprint.code != REL_OK) {
		*err = h->no_fingerprint;
		err->code = REL_EINTEGRITY;
		return rel_hint(err,
			"put it back from a backup of the store; rollback, run "
			"and exec work without it");
	}
	rel_config_format(c, &plain);
	*ret = rel_hmac_sha256(
		h->fingerprint_key, rel_buf_str(&plain), plain.len);
	return 0;
}

int rel_sealed_save(struct rel_home *h, const struct rel_config *c,
	struct rel_id *ret, struct rel_err *err)
{
	REL_AUTO(rel_buf_wipe) struct rel_buf plain = REL_BUF_INIT;
	REL_AUTO(rel_buf_free) struct rel_buf sealed = REL_BUF_INIT;
	int r = rel_home_load_key(h, err);

	if (r < 0)
		return r;
	rel_config_format(c, &plain);
	r = rel_seal(&h->key, rel_buf_str(&plain), plain.len, &sealed, err);
	if (r < 0)
		return r;
	return rel_store_put(h->store, REL_OBJECT_CONFIG, rel_buf_str(&sealed),
		sealed.len, ret, err);
}

int rel_sealed_load(struct rel_home *h, const struct rel_id *sealed,
	const struct rel_id *fingerprint, struct rel_config *ret,
	struct rel_err *err)
{
	REL_AUTO(rel_buf_wipe) struct rel_buf plain = REL_BUF_INIT;
	REL_AUTO(rel_buf_free) struct rel_buf file = REL_BUF_INIT;
	struct rel_id found;
	int r = rel_home_load_key(h, err);

	if (r < 0)
		return r; /* the fault of the key, not of this config */
	r = rel_store_get(h->store, REL_OBJECT_CONFIG, sealed, &file, err);
	if (r == 0)
		r = rel_unseal(
			&h->key, rel_buf_str(&file), file.len, &plain, err);
	if (r < 0)
		return rel_wrap(err, "config %.12s", rel_id_hex(sealed).s);
	found = rel_hmac_sha256(
		h->fingerprint_key, rel_buf_str(&plain), plain.len);
	if (h->no_fingerprint.code == REL_OK &&
		!rel_id_equal(&found, fingerprint))
		return rel_fail(err, REL_EINTEGRITY,
			"config %.12s does not have the fingerprint that its "
			"release names",
			rel_id_hex(sealed).s);
	return rel_config_parse(ret, rel_buf_str(&plain), plain.len, err);
}
