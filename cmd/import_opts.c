/* SPDX-License-Identifier: Apache-2.0 */
#include "import_opts.h"

const struct opt import_opts[] = {
	{ "allow-external-symlinks", 0, OPT_FLAG,
		offsetof(struct import_args, allow_external), NULL,
		"keep symlinks that are absolute or leave the tree" },
	{ 0 },
};
