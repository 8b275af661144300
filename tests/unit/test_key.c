/* SPDX-License-Identifier: Apache-2.0 */
#include "rel_test.h"

#include "crypto/digest.h"
#include "crypto/key.h"
#include "scratch.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ZEROS "00000000000000000000000000000000"
#define TEXT ZEROS ZEROS "\n"

static char *path_of(void **state, const char *name)
{
	return rel_printf("%s/%s", (const char *)*state, name);
}

/* Load a key file of these bytes and this mode. */
static int load(void **state, const char *text, size_t n, mode_t mode,
	struct rel_key *key, struct rel_err *err)
{
	REL_AUTO(rel_freep) char *path = path_of(state, "key");
	FILE *f;

	unlink(path);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
	return rel_key_load(path, key, err);
}

static void test_a_key_has_the_id_of_its_bytes(void **state)
{
	struct rel_err err = REL_ERR_INIT;
	struct rel_key key;
	uint8_t zeros[32] = { 0 };

	assert_int_equal(load(state, TEXT, strlen(TEXT), 0600, &key, &err), 0);
	assert_memory_equal(key.bytes, zeros, 32);
	/* sha256sum of 32 zero bytes */
	assert_string_equal(key.id, "66687aadf862bd77");
}

static void test_a_key_that_others_may_open_is_refused(void **state)
{
	const mode_t bad[] = { 0640, 0604, 0620, 0602, 0666, 0610 };
	struct rel_err err = REL_ERR_INIT;
	struct rel_key key;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(
			load(state, TEXT, strlen(TEXT), bad[i], &key, &err),
			-REL_EDENIED);
		assert_non_null(strstr(err.hint, "chmod 600 '"));
	}
	assert_int_equal(load(state, TEXT, strlen(TEXT), 0400, &key, &err), 0);
}

static void test_a_key_of_somebody_else_is_refused(void **state)
{
	REL_AUTO(rel_freep) char *path = NULL;
	struct rel_err err = REL_ERR_INIT;
	struct rel_key key;

	if (geteuid() != 0)
		skip_for("only root can give files to others");
	path = path_of(state, "key");
	assert_int_equal(load(state, TEXT, strlen(TEXT), 0600, &key, &err), 0);
	assert_int_equal(chown(path, 12345, (gid_t)-1), 0);
	assert_int_equal(rel_key_load(path, &key, &err), -REL_EDENIED);
	assert_non_null(strstr(err.msg, "12345"));
}

static void test_anything_but_64_digits_is_refused(void **state)
{
	const char *bad[] = { "", "\n", ZEROS "\n", ZEROS ZEROS "\n\n",
		ZEROS ZEROS "0\n", ZEROS ZEROS "\r\n", " " TEXT, "A" TEXT,
		"xyz" };
	char upper[] = TEXT, nul[] = TEXT;
	struct rel_err err = REL_ERR_INIT;
	struct rel_key key;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(
			load(state, bad[i], strlen(bad[i]), 0600, &key, &err),
			-REL_EDENIED);
	upper[7] = 'A';
	assert_int_equal(
		load(state, upper, 65, 0600, &key, &err), -REL_EDENIED);
	nul[40] = '\0';
	assert_int_equal(load(state, nul, 65, 0600, &key, &err), -REL_EDENIED);
}

static void test_the_newline_may_be_missing(void **state)
{
	struct rel_err err = REL_ERR_INIT;
	struct rel_key key, other;

	assert_int_equal(load(state, TEXT, 65, 0600, &key, &err), 0);
	assert_int_equal(load(state, TEXT, 64, 0600, &other, &err), 0);
	assert_string_equal(key.id, other.id);
}

static void test_a_message_never_has_the_key(void **state)
{
	char text[] = "5ec2e75ec2e75ec2e75ec2e75ec2e75e"
		      "5ec2e75ec2e75ec2e75ec2e75ec2e75x\n";
	struct rel_err err = REL_ERR_INIT;
	struct rel_key key;

	assert_int_equal(load(state, text, 65, 0600, &key, &err), -REL_EDENIED);
	assert_null(strstr(err.msg, "5ec2e7"));
	assert_string_equal(err.context, "");
}

static void test_no_file_is_not_found_and_a_directory_no_key(void **state)
{
	REL_AUTO(rel_freep) char *path = path_of(state, "none");
	struct rel_err err = REL_ERR_INIT;
	struct rel_key key;

	assert_int_equal(rel_key_load(path, &key, &err), -REL_ENOTFOUND);
	assert_non_null(strstr(err.msg, path));
	assert_int_equal(rel_key_load(*state, &key, &err), -REL_EDENIED);
}

static void test_making_makes_the_directories_too(void **state)
{
	REL_AUTO(rel_freep) char *dir = path_of(state, "a/b");
	REL_AUTO(rel_freep) char *path = path_of(state, "a/b/key");
	struct rel_err err = REL_ERR_INIT;
	struct rel_key made, loaded;
	struct stat st;

	assert_int_equal(rel_key_make(path, &made, &err), 0);
	assert_int_equal(rel_key_load(path, &loaded, &err), 0);
	assert_memory_equal(&made, &loaded, sizeof(made));
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void test_a_key_that_is_there_is_never_replaced(void **state)
{
	REL_AUTO(rel_freep) char *path = path_of(state, "key");
	struct rel_err err = REL_ERR_INIT;
	struct rel_key first, second;

	assert_int_equal(rel_key_make(path, &first, &err), 0);
	assert_int_equal(rel_key_make(path, &second, &err), 0);
	assert_string_equal(first.id, second.id);
	/* Nor one that is no key: that may be the wrong path. */
	assert_int_equal(load(state, "dear diary\n", 11, 0600, &first, &err),
		-REL_EDENIED);
	assert_int_equal(rel_key_make(path, &second, &err), -REL_EDENIED);
}

static void test_processes_that_make_one_at_once_agree(void **state)
{
	REL_AUTO(rel_freep) char *path = path_of(state, "x/y/key");
	REL_AUTO(rel_freep) char *dir = path_of(state, "x/y");
	struct rel_err err = REL_ERR_INIT;
	struct rel_key key;
	int gate[2], out[2], status, names = 0;
	struct dirent *de;
	DIR *d;

	assert_int_equal(pipe(gate), 0);
	assert_int_equal(pipe(out), 0);
	for (int i = 0; i < 8; i++) {
		if (fork() != 0)
			continue;
		close(gate[1]);
		/* All wait for the end of this pipe. */
		if (read(gate[0], &status, 1) != 0 ||
			rel_key_make(path, &key, &err) < 0)
			_exit(1);
		_exit(write(out[1], key.id, 16) == 16 ? 0 : 1);
	}
	close(gate[0]);
	close(gate[1]);
	for (int i = 0; i < 8; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	assert_int_equal(rel_key_load(path, &key, &err), 0);
	for (int i = 0; i < 8; i++) {
		char id[17] = "";

		assert_int_equal(read(out[0], id, 16), 16);
		assert_string_equal(id, key.id);
	}
	close(out[0]);
	close(out[1]);
	d = opendir(dir);
	assert_non_null(d);
	while ((de = readdir(d)) != NULL)
		names++;
	closedir(d);
	assert_int_equal(names, 3); /* . .. key */
}

static void test_wiping_leaves_no_byte_of_it(void **state)
{
	REL_AUTO(rel_freep) char *path = path_of(state, "key");
	struct rel_err err = REL_ERR_INIT;
	struct rel_key key;
	uint8_t zeros[32] = { 0 };

	assert_int_equal(rel_key_make(path, &key, &err), 0);
	assert_memory_not_equal(key.bytes, zeros, 32);
	rel_key_wipe(&key);
	assert_memory_equal(key.bytes, zeros, 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(test_a_key_has_the_id_of_its_bytes),
		scratch_test(test_a_key_that_others_may_open_is_refused),
		scratch_test(test_a_key_of_somebody_else_is_refused),
		scratch_test(test_anything_but_64_digits_is_refused),
		scratch_test(test_the_newline_may_be_missing),
		scratch_test(test_a_message_never_has_the_key),
		scratch_test(test_no_file_is_not_found_and_a_directory_no_key),
		scratch_test(test_making_makes_the_directories_too),
		scratch_test(test_a_key_that_is_there_is_never_replaced),
		scratch_test(test_processes_that_make_one_at_once_agree),
		scratch_test(test_wiping_leaves_no_byte_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
