/* SPDX-License-Identifier: Apache-2.0 */
/* Where the control socket is, whose it is, and what is left of it. */
#include "rel_test.h"

#include "control_fixture.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>

static void test_every_fd_is_closed_on_exec(void **state)
{
	REL_AUTO(rel_closep) int store = open_store(*state);
	struct server s;
	bool had[256];
	int fd;

	for (int i = 0; i < 256; i++)
		had[i] = fcntl(i, F_GETFD) >= 0;
	server_at(&s, store);
	fd = connected(&s);
	spin(&s);
	for (int i = 0; i < 256; i++)
		if (!had[i] && fcntl(i, F_GETFD) >= 0)
			assert_true(fcntl(i, F_GETFD) & FD_CLOEXEC);
	close(fd);
	server_done(&s);
	for (int i = 0; i < 256; i++)
		assert_int_equal(had[i], fcntl(i, F_GETFD) >= 0);
}

/* A supervisor of its own process; ${heir}: it leaves a child behind that has
 * all its fds, and ends itself. */
static pid_t other_server(int store, bool heir)
{
	int ready[2];
	char c = 0;
	pid_t pid;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		struct rel_err err = REL_ERR_INIT;
		struct server s;
		pid_t child = 0;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (open_server(&s, store, "shop", &err) < 0)
			_exit(1);
		if (heir && (child = fork()) > 0) {
			if (write(ready[1], &child, sizeof(child)) < 0)
				_exit(1);
			_exit(0);
		}
		if (!heir && write(ready[1], &child, sizeof(child)) < 0)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (heir) {
		pid_t child;

		assert_int_equal(
			read(ready[0], &child, sizeof(child)), sizeof(child));
		close(ready[0]);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		return child;
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	return pid;
}

static void test_a_second_supervisor_is_told_who_the_first_is(void **state)
{
	REL_AUTO(rel_closep) int store = open_store(*state);
	struct rel_err err = REL_ERR_INIT;
	pid_t pid = other_server(store, false);
	REL_AUTO(rel_freep)
	char *text = rel_printf(
		"the app 'shop' is running here already (pid %d)", (int)pid);
	struct server s, blog;
	int fd = -1;

	assert_int_equal(open_server(&s, store, "shop", &err), -REL_EBUSY);
	assert_string_equal(err.msg, text);
	assert_string_equal(err.hint, "relctl -a shop ps");
	server_done(&s);
	/* It did no harm to the first, and another app is another matter. */
	must(rel_control_connect(store, "shop", &fd, &err), &err);
	close(fd);
	must(open_server(&blog, store, "blog", &err), &err);
	server_done(&blog);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void test_a_dead_supervisor_leaves_nothing_in_the_way(void **state)
{
	REL_AUTO(rel_closep) int store = open_store(*state);
	struct rel_err err = REL_ERR_INIT;
	struct server s;
	struct stat st;
	int fd = -1;
	pid_t pid;

	assert_int_equal(
		rel_control_connect(store, "shop", &fd, &err), -REL_ENOTFOUND);
	pid = other_server(store, false);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(fstatat(store, "run/shop.sock", &st, 0), 0);
	assert_int_equal(
		rel_control_connect(store, "shop", &fd, &err), -REL_ENOTFOUND);
	assert_string_equal(err.msg, "the app 'shop' is not running here");
	assert_string_equal(err.hint, "relctl -a shop run");
	server_at(&s, store);
	others_are_served(&s);
	server_done(&s);
	assert_int_equal(fstatat(store, "run/shop.sock", &st, 0), -1);
	assert_int_equal(
		rel_control_connect(store, "shop", &fd, &err), -REL_ENOTFOUND);
}

/* What was forked but not executed has the socket and the lock's fd, too. */
static void test_a_child_of_a_dead_supervisor_holds_nothing(void **state)
{
	REL_AUTO(rel_closep) int store = open_store(*state);
	struct rel_err err = REL_ERR_INIT;
	struct server s;
	int fd = -1;
	pid_t heir;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	heir = other_server(store, true);
	assert_int_equal(kill(heir, 0), 0);
	assert_int_equal(
		rel_control_connect(store, "shop", &fd, &err), -REL_ENOTFOUND);
	server_at(&s, store);
	others_are_served(&s);
	server_done(&s);
	assert_int_equal(kill(heir, SIGKILL), 0);
	assert_int_equal(waitpid(heir, NULL, 0), heir);
	prctl(PR_SET_CHILD_SUBREAPER, 0);
}

static void test_a_store_with_a_long_path_has_a_socket(void **state)
{
	REL_AUTO(rel_buf_free) struct rel_buf path = REL_BUF_INIT;
	REL_AUTO(rel_closep) int store = -1;
	struct rel_err err = REL_ERR_INIT;
	struct server s;

	rel_buf_addf(&path, "%s/", (const char *)*state);
	for (int i = 0; i < 100; i++)
		rel_buf_adds(&path, "long/");
	must(rel_make_dirs(path.p, true, &err), &err);
	store = open_store(path.p);
	must(open_server(&s, store, "a-name-of-forty-bytes-which-is-the-most0",
		     &err),
		&err);
	server_done(&s);
	server_at(&s, store);
	others_are_served(&s);
	server_done(&s);
	assert_int_equal(open_server(&s, store, "../x", &err), -REL_EINVALID);
	server_done(&s);
}

static int as_nobody(struct server *s, struct rel_err *err)
{
	int fd, r;

	if (setresgid(65534, 65534, 65534) < 0 ||
		setresuid(65534, 65534, 65534) < 0)
		_exit(99);
	r = rel_control_connect(s->store_fd, "shop", &fd, err);
	if (r < 0)
		return -r;
	ask(fd, 666, -1);
	return 0;
}

static int status_as_nobody(struct server *s)
{
	struct rel_err err = REL_ERR_INIT;
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(as_nobody(s, &err));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_others_are_kept_out(void **state)
{
	REL_AUTO(rel_closep) int store = open_store(*state);
	struct server s;
	struct stat st;

	umask(0);
	server_at(&s, store);
	umask(022);
	assert_int_equal(fstatat(store, "run", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(fstatat(store, "run/shop.sock", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(fstatat(store, "run/shop.lock", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	if (geteuid() != 0) {
		server_done(&s);
		skip_for("only root can be somebody else");
	}
	assert_int_equal(chmod(*state, 0755), 0);
	assert_int_equal(status_as_nobody(&s), REL_EDENIED);
	/* Where the modes let them through, who they are does not. */
	assert_int_equal(fchmodat(store, "run", 0777, 0), 0);
	assert_int_equal(status_as_nobody(&s), REL_EDENIED);
	assert_int_equal(fchmodat(store, "run/shop.sock", 0777, 0), 0);
	assert_int_equal(status_as_nobody(&s), 0);
	spin(&s);
	assert_int_equal(s.requests, 0);
	others_are_served(&s);
	server_done(&s);
}

/* In a mount namespace of its own, where ${dir} is read-only. */
static int open_read_only(const char *dir)
{
	struct rel_err err = REL_ERR_INIT;
	struct server s;
	int r;

	if (unshare(CLONE_NEWNS) < 0 &&
		unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return 77;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount(dir, dir, NULL, MS_BIND, NULL) < 0 ||
		mount(NULL, dir, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) <
			0)
		return 77;
	r = open_server(&s, open_store(dir), "shop", &err);
	if (r != -REL_EIO || err.os_errno != EROFS || err.msg[0] == '\0')
		return 1;
	server_done(&s);
	return 0;
}

static void test_a_read_only_store_is_a_clean_error(void **state)
{
	REL_AUTO(rel_closep) int store = open_store(*state);

	for (int i = 0; i < 3; i++) {
		struct server s;
		pid_t pid;
		int r;

		if (i == 1)
			assert_int_equal(mkdirat(store, "run", 0700), 0);
		if (i == 2) {
			server_at(&s, store);
			server_done(&s);
		}
		pid = fork();
		if (pid == 0)
			_exit(open_read_only(*state));
		r = status_of(pid);
		if (r == 77)
			skip_for("no mount namespace can be made here");
		assert_int_equal(r, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(test_every_fd_is_closed_on_exec),
		scratch_test(test_a_second_supervisor_is_told_who_the_first_is),
		scratch_test(test_a_dead_supervisor_leaves_nothing_in_the_way),
		scratch_test(test_a_child_of_a_dead_supervisor_holds_nothing),
		scratch_test(test_a_store_with_a_long_path_has_a_socket),
		scratch_test(test_others_are_kept_out),
		scratch_test(test_a_read_only_store_is_a_clean_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
