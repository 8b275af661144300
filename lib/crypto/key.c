/* SPDX-License-Identifier: Apache-2.0 */
/* lib/crypto/key.c - the key file. Mechanism. */
#include "crypto/key.h"
#include "crypto/digest.h"

#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* 64 hex digits and a newline. */
#define KEY_TEXT 65

static void set_bytes(struct rel_key *key, const uint8_t bytes[32])
{
	struct rel_id digest = rel_sha256(bytes, sizeof(key->bytes));

	memcpy(key->bytes, bytes, sizeof(key->bytes));
	rel_hex_format(digest.b, 8, key->id);
}

void rel_key_wipe(struct rel_key *key)
{
	explicit_bzero(key->bytes, sizeof(key->bytes));
}

static int check_mode(int fd, const char *path, struct rel_err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return rel_fail_os(err, "look at key '%s'", path);
	if (!S_ISREG(st.st_mode))
		return rel_fail(
			err, REL_EDENIED, "key '%s' is not a file", path);
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return rel_fail(err, REL_EDENIED,
			"key '%s' belongs to user %u, not to you", path,
			st.st_uid);
	if (st.st_mode & (S_IRWXG | S_IRWXO)) {
		rel_fail(err, REL_EDENIED,
			"key '%s' is open to others (mode %04o)", path,
			st.st_mode & 07777);
		return rel_hint(err, "chmod 600 '%s'", path);
	}
	return 0;
}

int rel_key_load(const char *path, struct rel_key *ret, struct rel_err *err)
{
	REL_AUTO(rel_buf_wipe) struct rel_buf text = REL_BUF_INIT;
	REL_AUTO(rel_closep) int fd = -1;
	uint8_t bytes[32];
	bool ok;
	int r;

	/* A link is fine: what counts is who may read what it leads to. */
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return rel_fail(err, REL_ENOTFOUND, "no key at '%s'", path);
	if (fd < 0)
		return rel_fail_os(err, "open key '%s'", path);
	r = check_mode(fd, path, err);
	if (r < 0)
		return r;
	r = rel_read_fd(fd, KEY_TEXT, &text, err);
	if (r == -REL_EIO)
		return rel_wrap(err, "key '%s'", path);
	if (r == 0 && text.len == KEY_TEXT && text.p[KEY_TEXT - 1] == '\n')
		text.p[--text.len] = '\0';
	ok = r == 0 && text.len == KEY_TEXT - 1 &&
	     rel_hex_parse(text.p, sizeof(bytes), bytes);
	if (ok)
		set_bytes(ret, bytes);
	explicit_bzero(bytes, sizeof(bytes));
	return ok ? 0
		  : rel_fail(err, REL_EDENIED, "key '%s' is not 64 hex digits",
			    path);
}

/* The directory that the key is in, and what is missing above it. */
static int open_parent(const char *path, const char **ret_name, int *ret_fd,
	struct rel_err *err)
{
	REL_AUTO(rel_freep) char *dir = rel_strdup(path);
	char *last = strrchr(dir, '/');
	int fd, r = rel_make_dirs(path, false, err);

	*ret_name = last ? path + (last - dir) + 1 : path;

	if (r < 0)
		return r;
	if (last)
		last[1] = '\0';
	fd = open(last ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return rel_fail_os(err, "open directory '%s'", dir);
	*ret_fd = fd;
	return 0;
}

int rel_key_make(const char *path, struct rel_key *ret, struct rel_err *err)
{
	REL_AUTO(rel_closep) int dir = -1;
	char text[KEY_TEXT + 1];
	uint8_t bytes[32];
	const char *name;
	int r = open_parent(path, &name, &dir, err);

	if (r < 0)
		return r;
	r = rel_random(bytes, sizeof(bytes), err);
	if (r < 0)
		return r;
	rel_hex_format(bytes, sizeof(bytes), text);
	text[KEY_TEXT - 1] = '\n';
	r = rel_publish(dir, name, 0600, text, KEY_TEXT, NULL, err);
	explicit_bzero(text, sizeof(text));
	explicit_bzero(bytes, sizeof(bytes));
	if (r < 0)
		return rel_wrap(err, "key '%s'", path);
	/* New directories above it must outlive what the key will seal. */
	if (syncfs(dir) < 0)
		return rel_fail_os(err, "sync key '%s'", path);
	/* Ours or that of whoever came first: there is one. */
	return rel_key_load(path, ret, err);
}
