/* SPDX-License-Identifier: Apache-2.0 */
/* What a plan does when the ledger moved on between the look and the lock. */
#include "rel_test.h"

#include "build/maker.h"
#include "release/release.h"
#include "release/rollback.h"
#include "scratch.h"

#include <string.h>

#define OK(call)                                                               \
	do {                                                                   \
		if ((call) < 0)                                                \
			fail_msg("%s", err.msg);                               \
	} while (0)

struct fixture {
	char *store, *key;
	struct rel_home *home;
	struct rel_id artifact;
};

static void open_home(struct fixture *f, const char *dir)
{
	struct rel_err err = REL_ERR_INIT;
	struct rel_home_options opt = { .by = "test" };

	f->store = rel_printf("%s/store", dir);
	f->key = rel_printf("%s/key", dir);
	opt.store = f->store;
	opt.key = f->key;
	OK(rel_home_open(&opt, REL_HOME_MAKE, &f->home, &err));
}

/* An artifact of one file. */
static void import(struct fixture *f)
{
	REL_AUTO(rel_maker_abortp) struct rel_maker *m = NULL;
	REL_AUTO(rel_artifact_done) struct rel_artifact a = { 0 };
	struct rel_entry e = { .path = "page",
		.path_len = 4,
		.type = REL_FILE,
		.size = 3,
		.target = "" };
	struct rel_err err = REL_ERR_INIT;
	uint64_t new_bytes;
	bool external;

	OK(rel_maker_begin(f->home, true, &m, &err));
	OK(rel_maker_entry(m, &e, false, &external, &err));
	OK(rel_maker_data(m, "one", 3, &err));
	OK(rel_maker_end(m, &a, &err));
	f->artifact = a.packed.artifact;
	OK(rel_maker_publish(
		&m, &a, "import", rel_json_object(), &new_bytes, &err));
}

static void teardown(struct fixture *f)
{
	rel_home_closep(&f->home);
	free(f->store);
	free(f->key);
}

/* Prepare and activate, where nothing runs between them. */
static int perform(struct rel_plan *p, struct rel_err *err)
{
	REL_AUTO(rel_closep) int tree = -1;
	int r = rel_plan_prepare(p, &tree, err);

	if (r == 0 && !p->activate)
		r = rel_plan_record(p, err);
	return r < 0 ? r : rel_plan_activate(p, err);
}

/* A release with N=${value}. */
static int64_t release(struct fixture *f, const char *value, bool activate)
{
	REL_AUTO(rel_plan_done) struct rel_plan p = { .lock_fd = -1 };
	REL_AUTO(rel_config_done) struct rel_config set = { 0 };
	struct rel_request q = {
		.artifact = &f->artifact,
		.commit = "",
		.set = &set,
		.no_activate = !activate,
		.reason = "release",
	};
	struct rel_err err = REL_ERR_INIT, why = REL_ERR_INIT;

	OK(rel_config_set(&set, "N", value, &err));
	OK(rel_plan_begin(&p, f->home, "shop", &why, &err));
	OK(rel_release_plan(&p, &q, &why, &err));
	OK(perform(&p, &err));
	return p.to.number;
}

static void roll_back(struct fixture *f)
{
	REL_AUTO(rel_plan_done) struct rel_plan p = { .lock_fd = -1 };
	struct rel_back q = { 0 };
	struct rel_err err = REL_ERR_INIT, why = REL_ERR_INIT;

	OK(rel_plan_begin(&p, f->home, "shop", &why, &err));
	OK(rel_rollback_plan(&p, &q, &why, &err));
	OK(perform(&p, &err));
}

static int activate(struct fixture *f, const struct rel_release_row *row,
	struct rel_err *err)
{
	REL_AUTO(rel_plan_done) struct rel_plan p = { .lock_fd = -1 };
	int r = rel_plan_begin(&p, f->home, "shop", NULL, err);

	if (r == 0)
		r = rel_activate_plan(&p, row, err);
	return r < 0 ? r : perform(&p, err);
}

/* Another command made it current, and rolled it back, while this one waited
 * for the app's lock: it was active before, whatever the row says. */
static void test_activate_looks_again(void **state)
{
	REL_AUTO(rel_release_row_done) struct rel_release_row row = { 0 };
	REL_AUTO(teardown) struct fixture f = { 0 };
	struct rel_activation current;
	struct rel_err err = REL_ERR_INIT;

	open_home(&f, *state);
	import(&f);
	assert_int_equal(release(&f, "1", true), 1);
	assert_int_equal(release(&f, "2", false), 2);
	OK(rel_ledger_release(f.home->ledger, "shop", 2, &row, &err));
	assert_false(row.ever_active);
	OK(activate(&f, &row, &err));
	roll_back(&f);

	assert_int_equal(activate(&f, &row, &err), -REL_EREFUSED);
	assert_string_equal(err.msg, "release v2 was active before");
	assert_string_equal(err.hint, "relctl -a shop rollback v2");
	OK(rel_ledger_current(f.home->ledger, "shop", &current, &err));
	assert_int_equal(current.number, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(test_activate_looks_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
