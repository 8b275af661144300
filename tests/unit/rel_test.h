/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/rel_test.h - cmocka, with the headers that must stand before it
 * in an order that no formatter may change.
 */
#ifndef REL_TEST_H
#define REL_TEST_H

/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

/* Ends a test as skipped, for what this machine cannot do. tap.sh moves the
 * reason to where TAP has it. */
#define skip_for(reason)                                                       \
	do {                                                                   \
		print_message("# %s\n", reason);                               \
		skip();                                                        \
	} while (0)

#endif
