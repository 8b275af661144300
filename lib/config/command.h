/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/config/command.h - how a command of a Procfile is started
 * (docs/formats.md, section 8). Mechanism.
 */
#ifndef REL_CONFIG_COMMAND_H
#define REL_CONFIG_COMMAND_H

#include "base/strings.h"

/*
 * Split into words and executed directly, or by /bin/sh -c, with `exec ` put
 * in where that is safe. Added to an empty ${ret}.
 */
void rel_command_words(const char *command, struct rel_strings *ret);

#endif
