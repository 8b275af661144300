/* SPDX-License-Identifier: Apache-2.0 */
#include "build/entries.h"

#include "build/reads.h"

#include <stdio.h>
#include <string.h>

void rel_entries_done(struct rel_entries *s)
{
	rel_lfs_done(&s->lfs);
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

/* What the survey is told now is about the entry that was put last. */
static void begin_survey(struct rel_entries *s, const struct rel_entry *e,
	const void *content, size_t n)
{
	s->survey->place =
		s->maker ? rel_pack_place(rel_maker_pack(s->maker)) : 0;
	rel_survey_entry(s->survey, e, content, n);
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
	int r;

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
	r = put_entry(s, e, false, &external, err);
	if (r < 0)
		return r;
	begin_survey(s, e, NULL, 0);
	rel_survey_exception(s->survey, e, what);
	return 0;
}

static int add_link(struct rel_entries *s, const struct rel_git_content *target,
	struct rel_entry *e, struct rel_err *err)
{
	bool external;
	int r;

	/* For the NUL at its end. */
	rel_buf_reset(&s->object);
	rel_buf_add(&s->object, target->p, target->n);
	e->type = REL_LINK;
	e->target = rel_buf_str(&s->object);
	e->target_len = target->n;
	r = put_entry(s, e, s->opt->allow_external, &external, err);
	if (r < 0)
		return r;
	begin_survey(s, e, NULL, 0);
	if (external && s->maker)
		rel_survey_exception(s->survey, e, "external symlink");
	return 0;
}

/* A pointer is kept, refused at the end, or replaced by its object. */
static int resolve_lfs(struct rel_entries *s, const struct rel_entry *e,
	struct rel_git_content *content, struct rel_err *err)
{
	struct rel_lfs_pointer pointer;
	int r;

	if (s->opt->lfs == REL_LFS_ERROR)
		rel_lfs_note(&s->lfs, e);
	if (s->opt->lfs != REL_LFS_LOCAL)
		return 0;
	r = rel_lfs_parse(e, content->p, content->n, &pointer, err);
	if (r == 0)
		r = rel_git_lfs_object(
			s->git, pointer.oid, pointer.size, &s->object, err);
	content->p = rel_buf_str(&s->object);
	content->n = s->object.len;
	return r;
}

/* ${content}: a view of it, which is not to be let go of here. */
static int add_file(struct rel_entries *s, const struct rel_git_entry *ge,
	struct rel_git_content content, struct rel_entry *e,
	struct rel_err *err)
{
	bool pointer = rel_lfs_is_pointer(content.p, content.n);
	bool external;
	int r = 0;

	e->type = REL_FILE;
	e->executable = ge->mode == 0100755;
	if (pointer)
		r = resolve_lfs(s, e, &content, err);
	e->size = content.n;
	if (r == 0)
		r = put_entry(s, e, false, &external, err);
	if (r < 0)
		return r;
	begin_survey(s, e, content.p, content.n);
	if (ge->mode == 0100664)
		rel_survey_odd_mode(s->survey, e);
	if (pointer && s->opt->lfs != REL_LFS_ERROR)
		rel_survey_exception(s->survey, e,
			s->opt->lfs == REL_LFS_LOCAL ? "lfs object"
						     : "lfs pointer");
	r = put_data(s, content.p, content.n, err);
	s->done += content.n;
	rel_progress(s->events, s->pack ? "reading" : "packing", s->done, 0);
	return r;
}

static int add_entry(struct rel_entries *s, const struct rel_git_entry *ge,
	const struct rel_git_content *content, struct rel_err *err)
{
	struct rel_entry e = {
		.path = ge->path,
		.path_len = ge->path_len,
		.target = "",
	};
	bool external;
	char what[64];
	int r;

	switch (ge->mode) {
	case 040000:
		e.type = REL_DIR;
		r = put_entry(s, &e, false, &external, err);
		if (r == 0)
			begin_survey(s, &e, NULL, 0);
		return r;
	case 0100644:
	case 0100664:
	case 0100755:
		return add_file(s, ge, *content, &e, err);
	case 0120000:
		return add_link(s, content, &e, err);
	case 0160000:
		return add_submodule(s, ge, &e, err);
	default:
		snprintf(what, sizeof(what),
			"mode %06o, which git does not make", ge->mode);
		return bad_entry(ge, what, err);
	}
}

int rel_entries_range(struct rel_entries *s, const char *tree, const char *from,
	const char *until, struct rel_err *err)
{
	REL_AUTO(rel_git_walk_endp) struct rel_git_walk *w = NULL;
	REL_AUTO(rel_reads_endp) struct rel_reads *reads = NULL;
	const struct rel_git_entry *ge;
	const struct rel_git_content *content;
	bool more = true;
	int r = rel_git_walk_from(s->git, tree, from, &w, err);

	if (r < 0)
		return r;
	rel_reads_begin(s->pool, s->git, w, until, &reads);
	while (r == 0) {
		r = rel_reads_next(reads, &ge, &content, &more, err);
		if (r < 0 || !more)
			break;
		r = add_entry(s, ge, content, err);
	}
	return r;
}

int rel_entries_end(struct rel_entries *s, struct rel_err *err)
{
	return rel_lfs_refuse(&s->lfs, err);
}
