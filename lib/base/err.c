/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void reset(struct rel_err *err, enum rel_code code, int os_errno)
{
	err->code = code;
	err->os_errno = os_errno;
	err->line = err->column = 0;
	err->msg[0] = err->hint[0] = err->file[0] = err->context[0] = '\0';
}

int rel_fail(struct rel_err *err, enum rel_code code, const char *fmt, ...)
{
	va_list ap;

	reset(err, code, 0);
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	return -(int)code;
}

int rel_fail_os(struct rel_err *err, const char *fmt, ...)
{
	int saved = errno;
	size_t n;
	va_list ap;

	reset(err, REL_EIO, saved);
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	n = strlen(err->msg);
	snprintf(err->msg + n, sizeof(err->msg) - n, ": %s", strerror(saved));
	return -(int)REL_EIO;
}

int rel_wrap(struct rel_err *err, const char *fmt, ...)
{
	char old[sizeof(err->msg)];
	size_t n;
	va_list ap;

	memcpy(old, err->msg, sizeof(old));
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	n = strlen(err->msg);
	snprintf(err->msg + n, sizeof(err->msg) - n, ": %s", old);
	return -(int)err->code;
}

int rel_hint(struct rel_err *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err->hint, sizeof(err->hint), fmt, ap);
	va_end(ap);
	return -(int)err->code;
}
