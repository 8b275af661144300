/* SPDX-License-Identifier: Apache-2.0 */
#include "build/product.h"

#include "base/file.h"
#include "base/mem.h"
#include "build/command.h"
#include "build/entries.h"
#include "build/workspace.h"

#include <string.h>

#define FILE_LIMIT (1u << 20) /* as the maker's */

/* A file at the top of a commit's tree; *ret_found is false if it is none. */
static int read_top(struct rel_git *g, const struct rel_git_commit *c,
	const char *name, struct rel_buf *ret, bool *ret_found,
	struct rel_err *err)
{
	struct rel_git_entry e;
	bool found;
	int r = rel_git_top_entry(g, c->tree, name, &e, &found, err);

	if (r < 0)
		return r;
	/* What is wrong with another kind of entry is told by the walk. */
	*ret_found = found && (e.mode & 0170000) == 0100000;
	if (!*ret_found)
		return 0;
	r = rel_git_blob(g, &e, FILE_LIMIT, ret, err);
	if (r == -REL_EINVALID)
		return rel_fail(err, REL_EINVALID, "'%s' is over 1 MiB", name);
	return r;
}

/* The artifact's is read when it is made, but a command can take its time. */
static int check_appjson(
	struct rel_git *g, const struct rel_git_commit *c, struct rel_err *err)
{
	REL_AUTO(rel_appjson_done) struct rel_appjson app = { 0 };
	REL_AUTO(rel_buf_free) struct rel_buf text = REL_BUF_INIT;
	bool found;
	int r = read_top(g, c, "app.json", &text, &found, err);

	if (r < 0 || !found)
		return r;
	return rel_appjson_parse(rel_buf_str(&text), text.len, &app, err);
}

int rel_product_line(struct rel_git *g, const struct rel_git_commit *c,
	char **ret, struct rel_err *err)
{
	REL_AUTO(rel_processes_done) struct rel_processes processes = { 0 };
	REL_AUTO(rel_buf_free) struct rel_buf text = REL_BUF_INIT;
	const char *line;
	bool found;
	int r = read_top(g, c, "Procfile", &text, &found, err);

	if (r < 0)
		return r;
	*ret = NULL;
	if (!found)
		return 0;
	r = rel_procfile_parse(rel_buf_str(&text), text.len, &processes, err);
	if (r < 0)
		return r;
	line = rel_processes_command(&processes, "build");
	if (line)
		r = check_appjson(g, c, err);
	if (r == 0)
		*ret = rel_strdup(line);
	return r;
}

/* Chunks in their order are a .tar.zst. */
static int keep_frame(void *arg, const struct rel_chunk_ref *ref,
	const void *frame, struct rel_err *err)
{
	const int *fd = arg;

	return rel_write_fd(*fd, frame, ref->packed, err);
}

/* The commit's tree, checked as that of any artifact, into an unnamed file. */
static int spool(struct rel_product *p, int fd, struct rel_err *err)
{
	REL_AUTO(rel_pool_endp) struct rel_pool *pool = NULL;
	REL_AUTO(rel_pack_freep) struct rel_pack *pack = NULL;
	REL_AUTO(rel_packed_done) struct rel_packed packed = { 0 };
	REL_AUTO(rel_entries_done)
	struct rel_entries entries = {
		.opt = p->opt,
		.events = p->home->opt.events,
		.git = p->git,
		.survey = p->survey,
	};
	const struct rel_chunk_store to = { .order = keep_frame, .arg = &fd };
	int r;

	rel_pool_begin(0, &pool);
	rel_pack_begin(pool, &to, &pack);
	entries.pool = pool;
	entries.pack = pack;
	r = rel_entries_range(&entries, p->commit->tree, NULL, NULL, err);
	if (r == 0)
		r = rel_entries_end(&entries, err);
	return r < 0 ? r : rel_pack_end(pack, &packed, err);
}

static int run(struct rel_product *p, const struct rel_workspace *w,
	struct rel_err *err)
{
	struct rel_command command = {
		.home = p->home,
		.commit = p->commit,
		.line = p->line,
		.tree = w->path,
		.tree_fd = rel_workspace_dirfd(w),
		.network = p->opt->network,
		.isolation = p->isolation,
	};
	int r = rel_command_run(&command, &p->signal, err);

	/* What worked once is not looked for again. */
	p->isolation = command.isolation;
	return r;
}

/* One run, from the spooled tree to an artifact. */
static int make_once(struct rel_product *p, int fd, struct rel_workspace *w,
	struct rel_maker **ret, struct rel_artifact *ret_artifact,
	struct rel_err *err)
{
	int r = rel_workspace_fill(p->home, fd, p->commit->time_s, w, err);

	if (r == 0)
		r = run(p, w, err);
	if (r == 0)
		r = rel_maker_begin(p->home, !p->opt->check, ret, err);
	if (r < 0)
		return r;
	rel_survey_again(p->survey);
	r = rel_workspace_pack(w, p->opt->allow_external, *ret, p->survey,
		p->home->opt.events, err);
	return r < 0 ? r : rel_maker_end(*ret, ret_artifact, err);
}

static int differ(const struct rel_product *p, const struct rel_workspace *a,
	const struct rel_workspace *b, struct rel_err *err)
{
	REL_AUTO(rel_buf_free) struct rel_buf what = REL_BUF_INIT;
	int r = rel_workspace_compare(a, b, &what, err);

	if (r < 0)
		return r;
	rel_fail(err, REL_EDIFFERENT,
		"built twice, commit %.12s gives two artifacts: %.350s",
		p->commit->id, rel_buf_str(&what));
	return rel_hint(err,
		"times (SOURCE_DATE_EPOCH is the commit's), random names and "
		"the order of a directory are what mostly differs");
}

/* The second run of a check. Its maker is of no use but for the digest. */
static int check(struct rel_product *p, int fd,
	const struct rel_workspace *first, const struct rel_id *id,
	struct rel_err *err)
{
	REL_AUTO(rel_artifact_done) struct rel_artifact a = { 0 };
	REL_AUTO(rel_workspace_done) struct rel_workspace w = { 0 };
	struct rel_maker *m = NULL;
	int r = make_once(p, fd, &w, &m, &a, err);

	if (r == 0 && !rel_id_equal(id, &a.packed.artifact))
		r = differ(p, first, &w, err);
	rel_maker_abortp(&m);
	return r;
}

int rel_product_make(struct rel_product *p, struct rel_maker **ret,
	struct rel_artifact *ret_artifact, struct rel_err *err)
{
	REL_AUTO(rel_workspace_done) struct rel_workspace w = { 0 };
	REL_AUTO(rel_closep) int fd = -1;
	struct rel_home *h = p->home;
	int r = rel_store_sweep(h->store, err);

	p->isolation = p->opt->isolation;
	if (r == 0)
		r = rel_store_lock(
			h->store, REL_LOCK_SHARED, h->opt.wait_ms, err);
	if (r == 0)
		r = rel_store_scratch(h->store, &fd, err);
	if (r == 0)
		r = spool(p, fd, err);
	if (r < 0)
		return r;
	/* SQLite must not be carried across a fork. */
	rel_ledger_closep(&h->ledger);
	r = make_once(p, fd, &w, ret, ret_artifact, err);
	if (r == 0 && p->opt->check)
		r = check(p, fd, &w, &ret_artifact->packed.artifact, err);
	return r < 0 ? r : rel_home_reopen(h, err);
}
