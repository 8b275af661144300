/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/run/endpoint.h - TCP addresses: where --listen and --front take
 * connections, and whether a port is free. Stage run.
 */
#ifndef REL_RUN_ENDPOINT_H
#define REL_RUN_ENDPOINT_H

#include "base/err.h"

#include <stdbool.h>

struct rel_endpoint {
	char type[64]; /* web */
	char host[64]; /* "127.0.0.1", "::1", "" for all addresses */
	int port;
	int fd; /* listening, or -1 */
};

/* "web=127.0.0.1:8080", "web=[::1]:8080", "web=:8080", "web=8080". Addresses,
 * no names; that there is such a type is the caller's to check.
 * Errors: REL_EUSAGE with the form to write. */
int rel_endpoint_parse(const char *text, struct rel_endpoint *ret,
	struct rel_err *err) REL_CHECK;

/* Listen (SO_REUSEADDR, backlog 4096, close-on-exec, not blocking). "" is IPv4
 * and IPv6 in one socket; "0.0.0.0" and "::" are each their own family alone.
 * Errors: REL_EBUSY (taken; the message names the holder where it can be
 * seen: "port 5000 is taken by 'node' (pid 4711)"), REL_EDENIED (a port below
 * 1024), REL_EIO. */
int rel_endpoint_listen(struct rel_endpoint *e, struct rel_err *err) REL_CHECK;

/* Could ${port} be bound by an app, on all addresses and on 127.0.0.1? Who has
 * it on any one address, of IPv4 or IPv6, is in the way. Errors: as above. */
int rel_port_check(int port, struct rel_err *err) REL_CHECK;

/* Who listens on it: "'node' (pid 4711)", false if that cannot be seen. Reads
 * all of /proc: for error messages. */
bool rel_port_holder(int port, char *ret, unsigned size);

/* Does something accept on 127.0.0.1 or ::1 now? Waits for 100 ms at most. */
bool rel_port_accepts(int port);

#endif
