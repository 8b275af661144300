/* SPDX-License-Identifier: Apache-2.0 */
#include "base/event.h"

#include <stdarg.h>
#include <stdio.h>

void rel_notice(const struct rel_events *ev, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	if (!ev || !ev->notice)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	ev->notice(ev->arg, text);
}

void rel_progress(const struct rel_events *ev, const char *what, uint64_t done,
	uint64_t total)
{
	if (ev && ev->progress)
		ev->progress(ev->arg, what, done, total);
}
