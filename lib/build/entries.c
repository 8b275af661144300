/* SPDX-License-Identifier: Apache-2.0 */
#include "build/entries.h"

#include <stdio.h>
#include <string.h>

void rel_entries_done(struct rel_entries *s)
{
	rel_lfs_done(&s->lfs);
	rel_buf_free(&s->blob);
	rel_buf_free(&s->object);
}

static int put_entry(struct rel_entries *s, const struct rel_entry *e,
	bool allow_external, bool *ret_external, struct rel_err *err)
{
	return s->maker ? rel_maker_entry(s->maker, e, allow_external,
				  ret_external, err)
			: rel_pack_entry(s->pack, e, allow_external,
				  ret_external, err);
}

static int put_data(
	struct rel_entries *s, const void *p, size_t n, struct rel_err *err)
{
	return s->maker ? rel_maker_data(s->maker, p, n, err)
			: rel_pack_data(s->pack, p, n, err);
}

static int bad_entry(
	const struct rel_git_entry *ge, const char *what, struct rel_err *err)
{
	struct rel_buf path = REL_BUF_INIT;

	rel_buf_add_escaped(&path, ge->path, ge->path_len);
	rel_fail(err, REL_EINVALID, "path '%.300s': %s", rel_buf_str(&path),
		what);
	rel_buf_free(&path);
	return -REL_EINVALID;
}

static int add_submodule(struct rel_entries *s, const struct rel_git_entry *ge,
	struct rel_entry *e, struct rel_err *err)
{
	char what[160];
	bool external;

	snprintf(what, sizeof(what), "submodule %s", ge->hex);
	if (s->opt->submodules != REL_SUBMODULES_EMPTY) {
		snprintf(what, sizeof(what),
			"a submodule (commit %s), which is not in this "
			"repository",
			ge->hex);
		bad_entry(ge, what, err);
		return rel_hint(err,
			"commit its files, or build with --submodules=empty "
			"for an empty directory");
	}
	e->type = REL_DIR;
	rel_survey_entry(s->survey, e, NULL, 0);
	rel_survey_exception(s->survey, e, what);
	return put_entry(s, e, false, &external, err);
}

static int add_link(struct rel_entries *s, const struct rel_git_entry *ge,
	struct rel_entry *e, struct rel_err *err)
{
	bool external;
	/* One more than may be, so that the rule's own message is given. */
	int r = rel_git_blob(s->git, ge, REL_MAX_FILE, &s->blob, err);

	if (r < 0)
		return r;
	e->type = REL_LINK;
	e->target = rel_buf_str(&s->blob);
	e->target_len = s->blob.len;
	rel_survey_entry(s->survey, e, NULL, 0);
	r = put_entry(s, e, s->opt->allow_external, &external, err);
	if (r == 0 && external && s->maker)
		rel_survey_exception(s->survey, e, "external symlink");
	return r;
}

static int add_file(struct rel_entries *s, const struct rel_git_entry *ge,
	struct rel_entry *e, struct rel_err *err)
{
	struct rel_buf *content = &s->blob;
	struct rel_lfs_pointer pointer;
	bool external;
	int r = rel_git_blob(s->git, ge, REL_MAX_FILE, &s->blob, err);

	if (r < 0)
		return r;
	e->type = REL_FILE;
	e->executable = ge->mode == 0100755;
	if (ge->mode == 0100664)
		rel_survey_odd_mode(s->survey, e);
	if (rel_lfs_is_pointer(s->blob.p, s->blob.len)) {
		if (s->opt->lfs == REL_LFS_ERROR)
			rel_lfs_note(&s->lfs, e);
		else
			rel_survey_exception(s->survey, e,
				s->opt->lfs == REL_LFS_LOCAL ? "lfs object"
							     : "lfs pointer");
		if (s->opt->lfs == REL_LFS_LOCAL) {
			r = rel_lfs_parse(
				e, s->blob.p, s->blob.len, &pointer, err);
			if (r == 0)
				r = rel_git_lfs_object(s->git, pointer.oid,
					pointer.size, &s->object, err);
			if (r < 0)
				return r;
			content = &s->object;
		}
	}
	e->size = content->len;
	rel_survey_entry(s->survey, e, rel_buf_str(content), content->len);
	r = put_entry(s, e, false, &external, err);
	if (r == 0)
		r = put_data(s, rel_buf_str(content), content->len, err);
	s->done += content->len;
	rel_progress(s->events, s->pack ? "reading" : "packing", s->done, 0);
	return r;
}

static int add_entry(struct rel_entries *s, const struct rel_git_entry *ge,
	struct rel_err *err)
{
	struct rel_entry e = {
		.path = ge->path,
		.path_len = ge->path_len,
		.target = "",
	};
	bool external;
	char what[64];

	switch (ge->mode) {
	case 040000:
		e.type = REL_DIR;
		rel_survey_entry(s->survey, &e, NULL, 0);
		return put_entry(s, &e, false, &external, err);
	case 0100644:
	case 0100664:
	case 0100755:
		return add_file(s, ge, &e, err);
	case 0120000:
		return add_link(s, ge, &e, err);
	case 0160000:
		return add_submodule(s, ge, &e, err);
	default:
		snprintf(what, sizeof(what),
			"mode %06o, which git does not make", ge->mode);
		return bad_entry(ge, what, err);
	}
}

int rel_entries_walk(
	struct rel_entries *s, const char *tree, struct rel_err *err)
{
	REL_AUTO(rel_git_walk_endp) struct rel_git_walk *w = NULL;
	struct rel_git_entry ge;
	bool more = true;
	int r = rel_git_walk_begin(s->git, tree, &w, err);

	while (r == 0) {
		r = rel_git_walk_next(w, &ge, &more, err);
		if (r < 0 || !more)
			break;
		r = add_entry(s, &ge, err);
	}
	if (r == 0)
		r = rel_lfs_refuse(&s->lfs, err);
	return r;
}
