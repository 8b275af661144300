/* SPDX-License-Identifier: Apache-2.0 */
#include "build_opts.h"

#include "build/build.h"

#include <string.h>

#define AT(field) offsetof(struct build_args, field)

const struct opt build_opts[] = {
	{ "check", 0, OPT_FLAG, AT(check), NULL,
		"build again from nothing and compare with the earlier build" },
	{ "allow-external-symlinks", 0, OPT_FLAG, AT(allow_external), NULL,
		"keep symlinks that are absolute or leave the tree" },
	{ "submodules", 0, OPT_STR, AT(submodules), "empty",
		"make an empty directory of each submodule" },
	{ "lfs", 0, OPT_STR, AT(lfs), "pointer|local",
		"keep git-lfs pointers, or take the objects out of .git/lfs" },
	{ "network", 0, OPT_FLAG, AT(network), NULL,
		"let the Procfile's build command use the network" },
	{ "isolation", 0, OPT_STR, AT(isolation), "auto|ns|landlock|none",
		"what it may see (default: the best that works)" },
	{ 0 },
};

int build_options(const struct build_args *a, struct rel_build_options *ret,
	struct rel_err *err)
{
	*ret = (struct rel_build_options){
		.allow_external = a->allow_external,
		.check = a->check,
		.network = a->network,
	};
	if (a->isolation && !rel_isolation_parse(a->isolation, &ret->isolation))
		return rel_fail(err, REL_EUSAGE,
			"--isolation '%s': auto, ns, landlock or none",
			a->isolation);
	if (a->submodules && strcmp(a->submodules, "empty") != 0)
		return rel_fail(err, REL_EUSAGE, "--submodules takes 'empty'");
	if (a->submodules)
		ret->submodules = REL_SUBMODULES_EMPTY;
	if (!a->lfs)
		return 0;
	if (strcmp(a->lfs, "pointer") == 0)
		ret->lfs = REL_LFS_POINTER;
	else if (strcmp(a->lfs, "local") == 0)
		ret->lfs = REL_LFS_LOCAL;
	else
		return rel_fail(
			err, REL_EUSAGE, "--lfs takes 'pointer' or 'local'");
	return 0;
}
