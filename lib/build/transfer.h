/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/build/transfer.h - artifacts out of the store and into another one.
 * Stage build.
 */
#ifndef REL_BUILD_TRANSFER_H
#define REL_BUILD_TRANSFER_H

#include "home/artifact.h"

enum rel_export_form {
	REL_EXPORT_ZST,	  /* the frames as they are stored: a .tar.zst */
	REL_EXPORT_TAR,	  /* the tar: its SHA-256 is the ID */
	REL_EXPORT_MTREE, /* an mtree(5) list of the files, with a tree's modes
			   */
};

/* Write ${id} to ${fd}. Errors: rel_artifact_load's, REL_EIO. */
int rel_export(struct rel_home *h, const struct rel_id *id,
	enum rel_export_form form, int fd, struct rel_err *err) REL_CHECK;

/*
 * Read a .tar or .tar.zst of profile 1 from ${fd}; anything in it that is not
 * exactly the profile is REL_EINVALID and nothing is kept; so are symlinks that
 * leave the tree unless ${allow_external}, and then the event has them.
 * *ret_known: the artifact was there already, and whole.
 */
int rel_import(struct rel_home *h, int fd, bool allow_external,
	struct rel_id *ret, bool *ret_known, struct rel_err *err) REL_CHECK;

#endif
