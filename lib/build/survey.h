/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/build/survey.h - what is worth a word about a tree while it goes by:
 * nothing here changes the artifact. Stage build.
 */
#ifndef REL_BUILD_SURVEY_H
#define REL_BUILD_SURVEY_H

#include "base/buf.h"
#include "base/entry.h"
#include "base/event.h"
#include "base/json.h"
#include "base/vec.h"

struct rel_survey {	     /* { 0 } before; rel_survey_done after */
	uint64_t attributes; /* lines of .gitattributes that ask for more */
	uint64_t env_files, not_utf8, same_case, odd_modes;
	struct rel_buf first_env, first_not_utf8, first_same_case, first_mode;
	struct json_t
		*exceptions; /* what an option let through, for the event */
	uint64_t exceptions_n;
	struct rel_seen *seen; /* case-folded paths, open addressed */
	size_t seen_n, seen_cap;
	/* Where the entry is that goes by, in whatever the caller counts; and
	 * where those are that something is said about: so that only they are
	 * looked at the next time. Not sorted, some more than once. */
	size_t place;
	REL_VEC(size_t) places;
};
void rel_survey_done(struct rel_survey *s);

/* The same tree again, as its build command has left it: only the attributes,
 * the odd modes and the exceptions of the commit stay. */
void rel_survey_again(struct rel_survey *s);

/* An entry goes by; ${content} of files (may be NULL for others). */
void rel_survey_entry(struct rel_survey *s, const struct rel_entry *e,
	const void *content, size_t n);
void rel_survey_odd_mode(struct rel_survey *s, const struct rel_entry *e);

/* An option let something through: "lfs pointer", "submodule 3f2a…". */
void rel_survey_exception(
	struct rel_survey *s, const struct rel_entry *e, const char *what);

/* One notice for each kind of thing that was seen. */
void rel_survey_report(const struct rel_survey *s, const struct rel_events *ev);

#endif
