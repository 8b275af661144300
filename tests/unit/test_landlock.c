/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a process inside can reach: real files, sockets and processes, tried by
 * a child that has entered. The scratch directory is a small machine: tree/,
 * tmp/, data/ (bound read-only), spool/ (bound writable) and store/, hidden.
 */
#include "rel_test.h"

#include "base/mem.h"
#include "sandbox/caps.h"
#include "sandbox/landlock.h"
#include "scratch.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void need(int abi)
{
	if (rel_landlock_abi() == 0)
		skip_for("this kernel has no Landlock");
	if (rel_landlock_abi() < abi)
		skip_for("this kernel's Landlock is too old for it");
}

static void make_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "text\n", 5), 5);
	close(fd);
}

/* Into ${dir}, so that the tests can use relative names. */
static void make_machine(const char *dir)
{
	static const char *const dirs[] = { "tree", "tmp", "data", "data/sub",
		"spool", "spool/a", "spool/b", "store", "store/trees",
		"other" };
	static const char *const files[] = { "tree/file", "data/file",
		"data/sub/file", "spool/file", "store/key", "store/trees/file",
		"other/file" };

	assert_int_equal(chdir(dir), 0);
	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++)
		assert_int_equal(mkdir(dirs[i], 0755), 0);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		make_file(files[i]);
}

/* The box of that machine; what it points to lives as long as ${m}. */
struct machine {
	char *tree, *tmp, *hidden;
	struct rel_bind binds[2];
	const char *hides[1];
	struct rel_sandbox box;
};

static void machine_done(struct machine *m)
{
	rel_closep(&m->box.tree_fd);
	free(m->tree);
	free(m->tmp);
	free(m->hidden);
	rel_freep(&m->binds[0].path);
	rel_freep(&m->binds[1].path);
}

static void machine_start(struct machine *m, const char *dir)
{
	make_machine(dir);
	memset(m, 0, sizeof(*m));
	m->tree = rel_printf("%s/tree", dir);
	m->tmp = rel_printf("%s/tmp", dir);
	m->hidden = rel_printf("%s/store", dir);
	m->hides[0] = m->hidden;
	m->binds[0].path = rel_printf("%s/data", dir);
	m->binds[1].path = rel_printf("%s/spool", dir);
	m->binds[1].writable = true;
	m->box.level = REL_ISOLATION_LANDLOCK;
	m->box.tree_fd = open(m->tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	m->box.tree = m->tree;
	m->box.binds = m->binds;
	m->box.binds_n = 2;
	m->box.hidden = m->hides;
	m->box.hidden_n = 1;
	assert_true(m->box.tree_fd >= 0);
}

/* What ${fn} returns after entering ${ruleset}, which is closed. Without
 * capabilities: CAP_PERFMON opens another process's memory past Landlock. */
static int inside(int ruleset, int (*fn)(const void *arg), const void *arg)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
			rel_landlock_enter(ruleset) < 0 ||
			rel_caps_drop_all() < 0)
			_exit(200);
		_exit(fn(arg));
	}
	close(ruleset);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int view_of(const struct machine *m)
{
	struct rel_err err = REL_ERR_INIT;
	int fd = -1;

	if (rel_landlock_view(&m->box, m->tmp, &fd, &err) < 0)
		fail_msg("%s", err.msg);
	return fd;
}

/* errno of opening a path, or 0. */
struct opening {
	const char *path;
	int flags;
};
static int open_it(const void *arg)
{
	const struct opening *o = arg;

	return open(o->path, o->flags | O_CLOEXEC, 0600) < 0 ? errno : 0;
}

static int opened(const struct machine *m, const char *path, int flags)
{
	struct opening o = { path, flags };

	return inside(view_of(m), open_it, &o);
}

static int shell(const void *arg)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
		return 99;
	execl("/bin/sh", "sh", "-c", (const char *)arg, (char *)NULL);
	return 98;
}

static int shelled(const struct machine *m, const char *line)
{
	return inside(view_of(m), shell, line);
}

static void test_the_tree_is_there_to_read_alone(void **state)
{
	REL_AUTO(machine_done) struct machine m;

	need(1);
	machine_start(&m, *state);
	assert_int_equal(opened(&m, "tree/file", O_RDONLY), 0);
	assert_int_equal(opened(&m, "tree", O_RDONLY), 0);
	assert_int_equal(opened(&m, "tree/file", O_WRONLY), EACCES);
	assert_int_equal(opened(&m, "tree/new", O_WRONLY | O_CREAT), EACCES);
	assert_int_not_equal(shelled(&m, "rm -f tree/file"), 0);
	assert_int_not_equal(shelled(&m, "mkdir tree/dir"), 0);
}

static void test_a_build_may_write_its_tree(void **state)
{
	REL_AUTO(machine_done) struct machine m;

	need(2); /* before, nothing could be moved to another directory */
	machine_start(&m, *state);
	m.box.tree_writable = true;
	assert_int_equal(
		shelled(&m, "cd tree && mkdir a b && echo x >a/f && mv a/f b/ "
			    "&& ln b/f g && ln -s g s && rm file"),
		0);
}

static void test_of_the_rest_only_what_was_given_is_seen(void **state)
{
	REL_AUTO(machine_done) struct machine m;

	need(1);
	machine_start(&m, *state);
	assert_int_equal(opened(&m, "other/file", O_RDONLY), EACCES);
	assert_int_equal(opened(&m, "other", O_RDONLY), EACCES);
	assert_int_equal(opened(&m, "/", O_RDONLY), EACCES);
	assert_int_equal(opened(&m, "/tmp", O_RDONLY), EACCES);
	assert_int_equal(
		opened(&m, "/tmp/relctl-new", O_RDWR | O_CREAT), EACCES);
	assert_int_equal(opened(&m, "/var", O_RDONLY), EACCES);
	assert_int_equal(opened(&m, "data/sub/file", O_RDONLY), 0);
	assert_int_equal(opened(&m, "data/file", O_WRONLY), EACCES);
	assert_int_equal(opened(&m, "data/new", O_WRONLY | O_CREAT), EACCES);
	assert_int_equal(opened(&m, "spool/file", O_RDWR), 0);
	assert_int_equal(opened(&m, "tmp/new", O_RDWR | O_CREAT), 0);
	assert_int_equal(opened(&m, "/etc/passwd", O_RDONLY), 0);
	assert_int_equal(opened(&m, "/proc/self/stat", O_RDONLY), 0);
	assert_int_equal(opened(&m, "/dev/urandom", O_RDONLY), 0);
	assert_int_equal(opened(&m, "/dev/null", O_WRONLY | O_TRUNC), 0);
	assert_int_not_equal(
		opened(&m, "/proc/sys/vm/swappiness", O_WRONLY), 0);
	assert_int_not_equal(
		opened(&m, "/etc/relctl-new", O_RDWR | O_CREAT), 0);
}

static void test_programs_start_and_write_where_they_may(void **state)
{
	REL_AUTO(machine_done) struct machine m;

	need(2);
	machine_start(&m, *state);
	assert_int_equal(
		shelled(&m, "test \"$(cat tree/file | cat)\" = text"), 0);
	assert_int_equal(shelled(&m, "mv spool/file spool/a/ && "
				     "mv spool/a/file spool/b/f && "
				     "mkfifo spool/p && rm -r spool/b"),
		0);
	assert_int_not_equal(shelled(&m, "mv spool/p tree/"), 0);
	assert_int_not_equal(shelled(&m, "ln tree/file spool/"), 0);
}

static int cut_off(const void *arg)
{
	return truncate(arg, 0) < 0 ? errno : 0;
}

static void test_a_file_to_read_cannot_be_emptied(void **state)
{
	REL_AUTO(machine_done) struct machine m;

	need(3);
	machine_start(&m, *state);
	assert_int_equal(inside(view_of(&m), cut_off, "tree/file"), EACCES);
	assert_int_equal(inside(view_of(&m), cut_off, "data/file"), EACCES);
	assert_int_equal(inside(view_of(&m), cut_off, "spool/file"), 0);
}

static void test_around_the_hidden_all_but_it_is_seen(void **state)
{
	REL_AUTO(machine_done) struct machine m;

	need(1);
	machine_start(&m, *state);
	free(m.hidden);
	m.hidden = rel_printf("%s/data/sub", (char *)*state);
	m.hides[0] = m.hidden;
	assert_int_equal(opened(&m, "data/file", O_RDONLY), 0);
	assert_int_equal(opened(&m, "data/sub/file", O_RDONLY), EACCES);
	assert_int_equal(opened(&m, "data/sub", O_RDONLY), EACCES);
	/* deeper, and by another name of the same place */
	assert_int_equal(symlink("data", "link"), 0);
	free(m.hidden);
	m.hidden = rel_printf("%s/link/sub/file", (char *)*state);
	m.hides[0] = m.hidden;
	make_file("data/sub/seen");
	assert_int_equal(opened(&m, "data/sub/seen", O_RDONLY), 0);
	assert_int_equal(opened(&m, "data/sub/file", O_RDONLY), EACCES);
	assert_int_equal(opened(&m, "data/file", O_RDONLY), 0);
}

static void test_a_link_does_not_lead_to_the_hidden(void **state)
{
	REL_AUTO(machine_done) struct machine m;

	need(1);
	machine_start(&m, *state);
	assert_int_equal(mkdir("data/hid", 0755), 0);
	make_file("data/hid/key");
	assert_int_equal(symlink("hid/key", "data/link"), 0);
	free(m.hidden);
	m.hidden = rel_printf("%s/data/hid", (char *)*state);
	m.hides[0] = m.hidden;
	assert_int_equal(opened(&m, "data/link", O_RDONLY), EACCES);
}

static void test_a_tree_in_a_hidden_store_is_seen_alone(void **state)
{
	REL_AUTO(machine_done) struct machine m;

	need(1);
	machine_start(&m, *state);
	rel_closep(&m.box.tree_fd);
	m.box.tree_fd = open("store/trees", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(opened(&m, "store/trees/file", O_RDONLY), 0);
	assert_int_equal(opened(&m, "store/key", O_RDONLY), EACCES);
}

static enum rel_code refused(const struct machine *m, char *ret_msg)
{
	struct rel_err err = REL_ERR_INIT;
	int fd = -1;

	assert_true(rel_landlock_view(&m->box, m->tmp, &fd, &err) < 0);
	assert_int_equal(fd, -1);
	strcpy(ret_msg, err.msg);
	return err.code;
}

static void test_a_bind_that_cannot_be_is_refused(void **state)
{
	REL_AUTO(machine_done) struct machine m;
	char msg[512];

	need(1);
	machine_start(&m, *state);
	rel_freep(&m.binds[0].path);
	m.binds[0].path = rel_printf("%s/nothing", (char *)*state);
	assert_int_equal(refused(&m, msg), REL_EREFUSED);
	assert_non_null(strstr(msg, m.binds[0].path));
	rel_freep(&m.binds[0].path);
	m.binds[0].path = rel_printf("%s/store/trees", (char *)*state);
	assert_int_equal(refused(&m, msg), REL_EREFUSED);
	assert_non_null(strstr(msg, m.binds[0].path));
}

/* 0 when the test itself, outside, can be signalled; else errno. */
static int signal_parent(const void *arg)
{
	return kill(*(const pid_t *)arg, 0) < 0 ? errno : 0;
}

static int signal_own_child(const void *arg)
{
	int status;
	pid_t pid = fork();

	(void)arg;
	if (pid == 0)
		for (;;)
			pause();
	if (kill(pid, SIGTERM) < 0 || waitpid(pid, &status, 0) != pid)
		return 1;
	return !WIFSIGNALED(status);
}

static socklen_t abstract_name(struct sockaddr_un *at)
{
	at->sun_family = AF_UNIX;
	memset(at->sun_path, 0, sizeof(at->sun_path));
	snprintf(at->sun_path + 1, sizeof(at->sun_path) - 1, "relctl-test-%ld",
		(long)getpid());
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
			   strlen(at->sun_path + 1));
}

struct address {
	struct sockaddr_storage at;
	socklen_t len;
};
static int connect_to(const void *arg)
{
	const struct address *a = arg;
	int fd = socket(a->at.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return connect(fd, (const struct sockaddr *)&a->at, a->len) < 0 ? errno
									: 0;
}

static int listen_at(struct address *a)
{
	int fd = socket(a->at.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&a->at, a->len), 0);
	assert_int_equal(listen(fd, 8), 0);
	a->len = sizeof(a->at);
	assert_int_equal(
		getsockname(fd, (struct sockaddr *)&a->at, &a->len), 0);
	return fd;
}

static int scope(void)
{
	struct rel_err err = REL_ERR_INIT;
	int fd = -1;

	assert_int_equal(rel_landlock_scope(&fd, &err), 0);
	return fd;
}

static void test_signals_and_abstract_sockets_stay_within(void **state)
{
	REL_AUTO(machine_done) struct machine m;
	struct address a = { .len = 0 };
	REL_AUTO(rel_closep) int server = -1;
	pid_t self = getpid();

	need(6);
	machine_start(&m, *state);
	a.len = abstract_name((struct sockaddr_un *)&a.at);
	server = listen_at(&a);
	assert_int_equal(inside(view_of(&m), signal_parent, &self), EPERM);
	assert_int_equal(inside(view_of(&m), connect_to, &a), EPERM);
	assert_int_equal(inside(view_of(&m), signal_own_child, NULL), 0);
	/* and with a ruleset for that alone, which leaves files be */
	assert_int_equal(inside(scope(), signal_parent, &self), EPERM);
	assert_int_equal(inside(scope(), connect_to, &a), EPERM);
	assert_int_equal(inside(scope(), cut_off, "other/file"), 0);
}

static void test_a_kernel_without_scopes_gives_no_ruleset(void **state)
{
	(void)state;
	if (rel_landlock_abi() >= 6)
		skip_for("this kernel has scopes");
	assert_int_equal(scope(), -1);
}

static void test_without_network_there_is_no_tcp(void **state)
{
	REL_AUTO(machine_done) struct machine m;
	struct address a = { .len = sizeof(struct sockaddr_in) };
	struct sockaddr_in *at = (struct sockaddr_in *)&a.at;
	REL_AUTO(rel_closep) int server = -1;

	need(4);
	machine_start(&m, *state);
	at->sin_family = AF_INET;
	at->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server = listen_at(&a);
	assert_int_equal(inside(view_of(&m), connect_to, &a), 0);
	m.box.no_network = true;
	assert_int_equal(inside(view_of(&m), connect_to, &a), EACCES);
}

static void test_secrets_of_processes_outside_are_out_of_reach(void **state)
{
	REL_AUTO(machine_done) struct machine m;
	char path[64];

	need(1);
	machine_start(&m, *state);
	snprintf(path, sizeof(path), "/proc/%ld/environ", (long)getpid());
	assert_int_equal(opened(&m, path, O_RDONLY), EACCES);
	assert_int_equal(opened(&m, "/proc/self/environ", O_RDONLY), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(test_the_tree_is_there_to_read_alone),
		scratch_test(test_a_build_may_write_its_tree),
		scratch_test(test_of_the_rest_only_what_was_given_is_seen),
		scratch_test(test_programs_start_and_write_where_they_may),
		scratch_test(test_a_file_to_read_cannot_be_emptied),
		scratch_test(test_around_the_hidden_all_but_it_is_seen),
		scratch_test(test_a_link_does_not_lead_to_the_hidden),
		scratch_test(test_a_tree_in_a_hidden_store_is_seen_alone),
		scratch_test(test_a_bind_that_cannot_be_is_refused),
		scratch_test(test_signals_and_abstract_sockets_stay_within),
		cmocka_unit_test(test_a_kernel_without_scopes_gives_no_ruleset),
		scratch_test(test_without_network_there_is_no_tcp),
		scratch_test(
			test_secrets_of_processes_outside_are_out_of_reach),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
