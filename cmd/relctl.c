/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd.h"

int main(int argc, char **argv)
{
	return cmd_main(relctl_commands, argc, argv);
}
