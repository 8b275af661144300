/* SPDX-License-Identifier: Apache-2.0 */
/* cmd/release_out.h - a release as a row, as words and as JSON. */
#ifndef RELCTL_RELEASE_OUT_H
#define RELCTL_RELEASE_OUT_H

#include "base/buf.h"
#include "base/json.h"
#include "cmd.h"
#include "ledger/ledger.h"

/* "deploy 3f2a91c, config +CACHE_URL ~API_KEY", "rollback to v12". */
void release_change(
	struct ctx *cx, const struct rel_release_row *row, struct rel_buf *out);

/* "active", "was active", "failed", "not active", and "pinned". */
const char *release_state(const struct rel_release_row *row, bool current);

/* "local", "store" or "gone". */
const char *release_restore(struct ctx *cx, const struct rel_release_row *row);

struct json_t *release_json(
	struct ctx *cx, const struct rel_release_row *row, bool current);

#endif
