/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/store/store.h - the directory that holds everything, its locks, and the
 * small objects in it. Layout: docs/formats.md, section 3. Mechanism: includes
 * base and crypto only; what the objects mean is not known here.
 *
 * Law: nothing exists before its bytes are on disk. Each put returns after
 * data fsync, name, directory fsync. Every get checks the digest first.
 */
#ifndef REL_STORE_STORE_H
#define REL_STORE_STORE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/id.h"

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

struct rel_store;

/*
 * Open the store at ${dir}. Without ${create} a missing or empty directory is
 * REL_ENOTFOUND. With it the directory (and missing parents, 0700) is made;
 * an empty one is taken and set to 0700; then *ret_fresh says that `format` is
 * not there yet: the caller holds the exclusive lock, makes what belongs in a
 * new store and calls rel_store_finish. A directory that holds other things
 * than a store (finished or not) is REL_EINVALID, an unknown format too; a
 * `format` that is none at all is REL_EINTEGRITY.
 * REL_EDENIED: the store, or a thing directly in it, may be written by group
 * or others or belongs to somebody else (not euid, not root); or its parent
 * may be written by others and has no sticky bit. The hint is the chmod line.
 */
int rel_store_open(const char *dir, bool create, struct rel_store **ret,
	bool *ret_fresh, struct rel_err *err) REL_CHECK;
int rel_store_finish(struct rel_store *s, struct rel_err *err) REL_CHECK;

/* Is `format` still missing? Ask again once the lock is held: of two commands
 * that found a fresh store one finishes it while the other waits. */
bool rel_store_is_fresh(const struct rel_store *s);
void rel_store_closep(struct rel_store **s);

const char *rel_store_path(const struct rel_store *s); /* absolute */
int rel_store_fd(const struct rel_store *s);

/*
 * Kernel locks; they die with their holder. Shared by what adds objects (from
 * the first publish to the ledger commit), exclusive by gc and repair. Taking
 * one again converts it, and then the former one is let go first, so that a
 * conversion that fails leaves none. ${wait_ms} of waiting, then REL_EBUSY.
 * A failed open or flock on a read-only file system is REL_EIO.
 */
enum rel_lock {
	REL_LOCK_SHARED,
	REL_LOCK_EXCLUSIVE,
};
int rel_store_lock(struct rel_store *s, enum rel_lock kind, unsigned wait_ms,
	struct rel_err *err) REL_CHECK;
void rel_store_unlock(struct rel_store *s);

/* The lock of one app (apps/NAME.lock), held while a command changes which
 * release is current. Close *ret_fd to let go. Errors: REL_EBUSY, REL_EIO. */
int rel_store_lock_app(struct rel_store *s, const char *app, unsigned wait_ms,
	int *ret_fd, struct rel_err *err) REL_CHECK;

/* The file of what is on its way to the ledger (ledger.spool), for reading and
 * for appending, with its lock: it is let go when *ret_fd is closed. Without
 * ${make} a file that is not there is no error, and *ret_fd is -1. Errors:
 * REL_EINTEGRITY (it is no file), REL_EBUSY, REL_EIO. */
int rel_store_spool(struct rel_store *s, bool make, unsigned wait_ms,
	int *ret_fd, struct rel_err *err) REL_CHECK;

/*
 * Objects that are named by the SHA-256 of their bytes (0444).
 * put: an object that is there is read and checked; a damaged one is replaced.
 * get: REL_ENOTFOUND; REL_EINTEGRITY names the file.
 */
enum rel_object {
	REL_OBJECT_RELEASE, /* releases/HEX.json */
	REL_OBJECT_CONFIG,  /* configs/HEX.cms */
};
int rel_store_put(struct rel_store *s, enum rel_object kind, const void *p,
	size_t n, struct rel_id *ret, struct rel_err *err) REL_CHECK;
int rel_store_get(struct rel_store *s, enum rel_object kind,
	const struct rel_id *id, struct rel_buf *out,
	struct rel_err *err) REL_CHECK;
bool rel_store_has(
	struct rel_store *s, enum rel_object kind, const struct rel_id *id);

/*
 * Artifact records, named by the tar's digest (artifacts/HEX.json.zst): bytes
 * whose meaning and packing are the caller's. put replaces what is there when
 * ${replace}, else an existing one is left alone (*ret_existed).
 */
int rel_store_put_artifact(struct rel_store *s, const struct rel_id *id,
	const void *p, size_t n, bool replace, bool *ret_existed,
	struct rel_err *err) REL_CHECK;
int rel_store_get_artifact(struct rel_store *s, const struct rel_id *id,
	struct rel_buf *out, struct rel_err *err) REL_CHECK;
bool rel_store_has_artifact(struct rel_store *s, const struct rel_id *id);
/* When its record was written; false when it is not there. */
bool rel_store_artifact_time(
	struct rel_store *s, const struct rel_id *id, struct timespec *ret);

/* configs/fingerprint.cms: put once (an existing one is left alone), get. */
int rel_store_put_fingerprint(struct rel_store *s, const void *p, size_t n,
	struct rel_err *err) REL_CHECK;
int rel_store_get_fingerprint(struct rel_store *s, struct rel_buf *out,
	struct rel_err *err) REL_CHECK;

/* Call ${fn} for each object; it may stop the walk by returning non-zero, which
 * is passed on. Names that do not belong are reported as REL_EINTEGRITY. */
int rel_store_each(struct rel_store *s, enum rel_object kind,
	int (*fn)(void *arg, const struct rel_id *id, struct rel_err *err),
	void *arg, struct rel_err *err) REL_CHECK;
int rel_store_each_artifact(struct rel_store *s,
	int (*fn)(void *arg, const struct rel_id *id, struct rel_err *err),
	void *arg, struct rel_err *err) REL_CHECK;

/* Remove an artifact record (gc only; under the exclusive lock). */
int rel_store_drop_artifact(struct rel_store *s, const struct rel_id *id,
	struct rel_err *err) REL_CHECK;

/*
 * Empty tmp/ if nobody else is at work (the exclusive lock is tried, not
 * waited for, and let go again). Called by writers before they begin.
 */
int rel_store_sweep(struct rel_store *s, struct rel_err *err) REL_CHECK;

/* A file without a name on the store's file system, for what is in passing. */
int rel_store_scratch(
	struct rel_store *s, int *ret_fd, struct rel_err *err) REL_CHECK;

/* The 256 KiB reserve: give it up (false: there was none), make it again (a
 * full disk is not an error), and whether it is all zeros of that size. */
bool rel_store_reserve_free(struct rel_store *s);
void rel_store_reserve_make(struct rel_store *s);
int rel_store_reserve_check(struct rel_store *s, struct rel_err *err) REL_CHECK;

#endif
