/* SPDX-License-Identifier: Apache-2.0 */
/* lib/run/systemd.h - sd_notify(3), the protocol. Stage run. */
#ifndef REL_RUN_SYSTEMD_H
#define REL_RUN_SYSTEMD_H

/* Send ${state} ("READY=1") to ${socket}, an absolute path or '@' and an
 * abstract name; NULL: nobody asked. It is a courtesy: failing is silent. */
void rel_systemd_tell(const char *socket, const char *state);

#endif
