/* SPDX-License-Identifier: Apache-2.0 */
#include "out.h"

#include "base/mem.h"

#include <libsmartcols.h>
#include <stdlib.h>

struct table {
	struct libscols_table *t;
	size_t columns;
	bool silent;
};

/* libsmartcols fails for want of memory alone. */
static void *made(void *p)
{
	if (!p)
		abort();
	return p;
}

struct table *table_new(const struct ctx *cx, const char *const titles[],
	size_t columns, size_t cut)
{
	struct table *t = rel_alloc(sizeof(*t));

	t->t = made(scols_new_table());
	t->columns = columns;
	t->silent = cx->json;
	if (scols_table_set_column_separator(t->t, "  ") < 0)
		abort();
	for (size_t i = 0; i < columns; i++) {
		made(scols_table_new_column(
			t->t, titles[i], 0, i == cut ? SCOLS_FL_TRUNC : 0));
	}
	return t;
}

void table_row(struct table *t, const char *const cells[])
{
	struct libscols_line *line = made(scols_table_new_line(t->t, NULL));

	for (size_t i = 0; i < t->columns; i++) {
		struct rel_buf b = REL_BUF_INIT;

		out_clean(&b, cells[i] ? cells[i] : "", false);
		if (scols_line_refer_data(line, i, rel_buf_take(&b)) < 0)
			abort();
	}
}

void table_print(struct table *t)
{
	progress_wipe();
	if (!t->silent && scols_table_get_nlines(t->t) > 0)
		scols_print_table(t->t);
	scols_unref_table(t->t);
	free(t);
}
