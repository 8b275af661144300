/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The one exception to the silent library: there is no memory to report by. */
static void out_of_memory(void)
{
	static const char text[] = "error: out of memory\n";

	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0) {
		/* nothing is left to try */
	}
	abort();
}

void *rel_alloc(size_t n)
{
	void *p = calloc(1, n ? n : 1);

	if (!p)
		out_of_memory();
	return p;
}

void *rel_grow(void *p, size_t n, size_t size)
{
	p = reallocarray(p, n ? n : 1, size);
	if (!p)
		out_of_memory();
	return p;
}

char *rel_strdup(const char *s)
{
	return s ? rel_strndup(s, strlen(s)) : NULL;
}

char *rel_strndup(const char *s, size_t n)
{
	char *p = rel_alloc(n + 1);

	if (n)
		memcpy(p, s, n);
	return p;
}

char *rel_printf(const char *fmt, ...)
{
	char *p;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&p, fmt, ap);
	va_end(ap);
	if (n < 0)
		out_of_memory();
	return p;
}

void rel_freep(void *p)
{
	void *q;

	memcpy(&q, p, sizeof(q));
	free(q);
}
