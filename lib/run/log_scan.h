/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/run/log_scan.h - is a line a JSON object (RFC 8259), and which of the
 * keys that relctl would add does it have? The text is only looked at: nothing
 * is decoded but the names of keys, so nothing can be changed by it. Stage run.
 */
#ifndef REL_RUN_LOG_SCAN_H
#define REL_RUN_LOG_SCAN_H

#include <stdbool.h>
#include <stddef.h>

/* The keys of a record, in the order in which they stand in one. */
enum rel_log_key {
	REL_KEY_TIME,
	REL_KEY_LEVEL,
	REL_KEY_MESSAGE,
	REL_KEY_ECS,
	REL_KEY_SERVICE,
	REL_KEY_VERSION,
	REL_KEY_INSTANCE,
	REL_KEY_PID,
	REL_KEY_STREAM,
	REL_KEY_N,
};
const char *rel_log_key_name(enum rel_log_key key); /* "@timestamp" */

#define REL_LOG_DEPTH 128u /* deeper ones are no objects; jq ends at 256 */

struct rel_log_object {
	const char *brace; /* the one that closes it */
	bool empty;
	bool has[REL_KEY_N];
	/* What stands under the short name of a key ("level", "msg"): its
	 * token, if it is a text. */
	struct {
		bool there;
		const char *text; /* with its quotes, or NULL */
		size_t len;
	} other[REL_KEY_N];
};

/* False: ${n} bytes are not one JSON object (with space around it, if any), or
 * one that common readers refuse: too deep, or a "\ud800" without its pair. */
bool rel_log_scan(const char *p, size_t n, struct rel_log_object *ret);

#endif
