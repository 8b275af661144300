/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/base/err.h - the one error type. Floor 0.
 *
 * Every function that can fail takes a struct rel_err as its last parameter
 * and returns 0, or minus the code of the error it wrote there. The struct
 * lives on the caller's stack and owns nothing, so failing never allocates.
 *
 *	if (fd < 0)
 *		return rel_fail_os(err, "open '%s'", name);
 *
 * Messages: one line, lower case, no full stop, names in '…', never the value
 * of a config variable.
 */
#ifndef REL_BASE_ERR_H
#define REL_BASE_ERR_H

#define REL_CHECK __attribute__((warn_unused_result))
#define REL_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define REL_AUTO(fn) __attribute__((cleanup(fn)))

/* What went wrong, in the words of the exit statuses (relctl(1)). */
enum rel_code {
	REL_OK = 0,
	REL_EIO,	  /* the system refused: os_errno says why */
	REL_EDIFFERENT,	  /* a comparison found a difference */
	REL_EUSAGE,	  /* the command line is wrong */
	REL_EINVALID,	  /* input is wrong: a file, a tree, an archive */
	REL_EREFUSED,	  /* a precondition does not hold */
	REL_EDENIED,	  /* key, owner, credentials */
	REL_ENOTFOUND,	  /* no such release, artifact, commit, object, app */
	REL_EINTEGRITY,	  /* a digest, a seal or the chain does not match */
	REL_EBUSY,	  /* a lock was not free in time */
	REL_EUNHEALTHY,	  /* the new release did not get ready */
	REL_ECOMMAND,	  /* the app's build or release command failed */
	REL_EUNREACHABLE, /* the network */
};

struct rel_err {
	enum rel_code code;
	int os_errno;	       /* 0, or the errno behind REL_EIO */
	unsigned line, column; /* 1-based place in file, 0: none */
	char msg[512];
	char hint[512];	    /* what to type or write instead, or "" */
	char file[256];	    /* the input file at fault, or "" */
	char context[4096]; /* whole lines to show under the message, or "" */
};

#define REL_ERR_INIT                                                           \
	{                                                                      \
		.code = REL_OK                                                 \
	}

/* Write a new error (hint, place and context are emptied); returns -code. */
int rel_fail(struct rel_err *err, enum rel_code code, const char *fmt, ...)
	REL_PRINTF(3, 4);

/* The same for a failed system call: REL_EIO, errno's text is added. */
int rel_fail_os(struct rel_err *err, const char *fmt, ...) REL_PRINTF(2, 3);

/* Put "fmt: " before the message of an error that is there; returns -code. */
int rel_wrap(struct rel_err *err, const char *fmt, ...) REL_PRINTF(2, 3);

/* Set the hint of an error that is there; returns -code. */
int rel_hint(struct rel_err *err, const char *fmt, ...) REL_PRINTF(2, 3);

#endif
