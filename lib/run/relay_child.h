/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/run/relay_child.h - the relay's own process, and what is said on its
 * link: one message a packet. Stage run.
 */
#ifndef REL_RUN_RELAY_CHILD_H
#define REL_RUN_RELAY_CHILD_H

#include <stdint.h>

#define REL_RELAY_PORTS 100

/* To the relay: the set from now on. */
struct rel_relay_order {
	int32_t n;	 /* REL_RELAY_STOP: accept no more, end with the last */
	uint32_t number; /* of this order */
	int32_t ports[REL_RELAY_PORTS];
};
#define REL_RELAY_STOP (-1)

/* From the relay: ${port}, taken away by order ${number}, is drained. */
struct rel_relay_word {
	int32_t port;
	uint32_t number;
};

/* In the new process, with all signals blocked. Makes itself small (no other
 * fd, no capability, not dumpable) and works until the link ends, it is
 * stopped, or ${parent} dies. */
_Noreturn void rel_relay_child(int listen_fd, int link, int parent);

#endif
