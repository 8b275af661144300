/* SPDX-License-Identifier: Apache-2.0 */
/* cmd/cmds.h - every command of relctl, one file each; listed in table.c. */
#ifndef RELCTL_CMDS_H
#define RELCTL_CMDS_H

#include "cmd.h"

extern const struct cmd cmd_build, cmd_release, cmd_rollback, cmd_activate;
extern const struct cmd cmd_run, cmd_exec;
extern const struct cmd cmd_ps, cmd_scale, cmd_restart, cmd_stop, cmd_status;
extern const struct cmd cmd_releases, cmd_show, cmd_diff, cmd_config;
extern const struct cmd cmd_artifacts, cmd_apps, cmd_promote;
extern const struct cmd cmd_export, cmd_import, cmd_verify, cmd_gc;
extern const struct cmd cmd_pin, cmd_unpin, cmd_key, cmd_doctor;

#endif
