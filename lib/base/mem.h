/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/base/mem.h - memory that is there. Floor 0.
 *
 * Out of memory ends the program with a message: nothing exists in the store
 * before its bytes are on disk, so an abort loses nothing. Sizes that come
 * from outside are checked against a named limit before they get here.
 */
#ifndef REL_BASE_MEM_H
#define REL_BASE_MEM_H

#include <stddef.h>

/* ${n} zeroed bytes, never NULL. The caller frees. */
void *rel_alloc(size_t n);

/* realloc that never fails; n * size is checked for overflow. */
void *rel_grow(void *p, size_t n, size_t size);

/* Copies; the caller frees. rel_strdup(NULL) is NULL. */
char *rel_strdup(const char *s);
char *rel_strndup(const char *s, size_t n);
char *rel_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* For REL_AUTO on a pointer: frees *p. */
void rel_freep(void *p);

#endif
