/* SPDX-License-Identifier: Apache-2.0 */
/* cmd/import_opts.h - the options of `import`, for relctl and relctl-import. */
#ifndef RELCTL_IMPORT_OPTS_H
#define RELCTL_IMPORT_OPTS_H

#include "cmd.h"

struct import_args {
	bool allow_external;
};

extern const struct opt import_opts[];

#endif
