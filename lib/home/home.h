/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/home/home.h - a store, its ledger and its key, opened as one.
 *
 * The floor between the mechanisms and the stages: what every stage needs and
 * no mechanism may know, because it joins two of them. Stages never include
 * each other; what they share of the store's meaning is here.
 */
#ifndef REL_HOME_HOME_H
#define REL_HOME_HOME_H

#include "base/err.h"
#include "base/event.h"
#include "base/json.h"
#include "crypto/key.h"
#include "ledger/ledger.h"
#include "store/store.h"

#include <stdbool.h>
#include <stdint.h>

enum rel_home_mode {
	REL_HOME_LATER, /* the ledger stays closed: rel_home_ledger */
	REL_HOME_READ,	/* works on a read-only file system */
	REL_HOME_WRITE, /* the store must be there */
	REL_HOME_MAKE,	/* … or is made, with its key */
};

struct rel_home_options {		 /* all borrowed for the home's life */
	const char *store;		 /* directory */
	const char *key;		 /* path of the key file */
	const char *by;			 /* who acts, for the ledger */
	const char *by_url;		 /* the CI job's URL, or NULL */
	unsigned wait_ms;		 /* for locks */
	const struct rel_events *events; /* or NULL */
};

struct rel_home {
	struct rel_home_options opt;
	struct rel_store *store;
	struct rel_ledger *ledger;
	bool made; /* this call made the store */
	/* What the ledger's first event says of the key, once it is known. */
	bool pinned;
	char key_id[17];
	struct rel_id fingerprint_file; /* SHA-256 of configs/fingerprint.cms */
	bool key_ready;			/* the two below are loaded */
	struct rel_key key;
	uint8_t fingerprint_key[32];
	/* Why the fingerprint key is not there; code 0 when it is. */
	struct rel_err no_fingerprint;
};

/*
 * Open, or make: directory, key, fingerprint key, ledger with its `key` event,
 * and `format` last, all under the exclusive lock, so that a crash leaves
 * something that the next call finishes and parallel first calls agree.
 * Errors: those of rel_store_open, rel_ledger_open and rel_key_make.
 */
int rel_home_open(const struct rel_home_options *opt, enum rel_home_mode mode,
	struct rel_home **ret, struct rel_err *err) REL_CHECK;
void rel_home_closep(struct rel_home **h);

/* Open the ledger for reading if it is not open. Errors: rel_ledger_open's. */
int rel_home_ledger(struct rel_home *h, struct rel_err *err) REL_CHECK;

/* Open the ledger again, for writing: it was closed around a fork, or a command
 * that mostly reads has something to change.
 * Errors: rel_ledger_open's. */
int rel_home_reopen(struct rel_home *h, struct rel_err *err) REL_CHECK;

/*
 * Load the key if that was not done yet, and compare it with the one that the
 * ledger pins. A fingerprint key that is lost or damaged is not an error here:
 * no_fingerprint says so, with a notice. Errors: REL_EDENIED (no key, or
 * another one: the message has the path and both IDs).
 */
int rel_home_load_key(struct rel_home *h, struct rel_err *err) REL_CHECK;

/* Learn what the ledger says of the key, if that is not known yet. Errors:
 * rel_ledger_key's. */
int rel_home_pin(struct rel_home *h, struct rel_err *err) REL_CHECK;

/* Put who acts into the body of an event. */
void rel_home_sign(const struct rel_home *h, struct json_t *body);

/*
 * Append an event with who acted in it; ${body} is taken. ${check}: as in
 * rel_ledger_append, or NULL. ret_seq may be NULL.
 */
int rel_home_append(struct rel_home *h, const char *app, const char *kind,
	struct json_t *body,
	int (*check)(void *arg, struct rel_ledger *l, struct json_t *body,
		struct rel_err *err),
	void *arg, int64_t *ret_seq, struct rel_err *err) REL_CHECK;

/* Several events, all or none, each with who acted in it: as in
 * rel_ledger_append_all. What waits in the spool goes into the ledger before
 * them, and an activation into the app's run plan (home/current.h) after it. */
int rel_home_append_all(struct rel_home *h, struct rel_append *all, size_t n,
	int64_t *ret_seq, struct rel_err *err) REL_CHECK;

/* "sha256:HEX", by value. */
struct rel_artifact_text {
	char s[72];
};
struct rel_artifact_text rel_artifact_format(const struct rel_id *id);
bool rel_artifact_parse(const char *s, struct rel_id *ret);

#endif
