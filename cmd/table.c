/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of relctl, in the order in which help shows them. */
#include "cmds.h"

const struct cmd *const relctl_commands[] = {
	&cmd_build,
	&cmd_release,
	&cmd_run,
	&cmd_rollback,
	&cmd_exec,
	&cmd_activate,
	&cmd_promote,
	&cmd_releases,
	&cmd_show,
	&cmd_diff,
	&cmd_config,
	&cmd_apps,
	&cmd_artifacts,
	&cmd_export,
	&cmd_import,
	&cmd_verify,
	&cmd_gc,
	&cmd_pin,
	&cmd_unpin,
	&cmd_key,
	&cmd_doctor,
	&cmd_completion,
	&cmd_help,
	NULL,
};
