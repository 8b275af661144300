/* SPDX-License-Identifier: Apache-2.0 */
/* tests/escape/probe_kernel.c - calls that no app needs. */
#include "probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/io_uring.h>
#include <linux/perf_event.h>
#include <net/ethernet.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static int mount_tmpfs(char **arg)
{
	return tried(mount("none", arg[0], "tmpfs", 0, NULL));
}

static int new_mount(char **arg)
{
	(void)arg;
	return tried(syscall(SYS_fsopen, "tmpfs", 0u));
}

static int clone_mount(char **arg)
{
	/* OPEN_TREE_CLONE */
	return tried(syscall(SYS_open_tree, AT_FDCWD, arg[0], 1u));
}

static int remount(char **arg)
{
	return tried(mount(NULL, arg[0], NULL, MS_REMOUNT | MS_BIND, NULL));
}

static int unmount(char **arg)
{
	return tried(umount2(arg[0], MNT_DETACH));
}

/* In a child, whose root it would be alone. */
static int change_root(char **arg)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(tried(chroot(arg[0])));
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status)
		       ? WEXITSTATUS(status)
		       : EINTR;
}

/* A root that stays where it is: only who may do it gets as far as EINVAL. */
static int pivot(char **arg)
{
	int why = tried(syscall(SYS_pivot_root, arg[0], arg[0]));

	return why == EINVAL || why == EBUSY ? 0 : why;
}

/* The shell of the caller would read this. */
static int type_ahead(char **arg)
{
	(void)arg;
	if (!isatty(STDIN_FILENO))
		broken("no terminal");
	if (ioctl(STDIN_FILENO, TIOCSTI, "\n") < 0)
		return errno;
	return tried(tcflush(STDIN_FILENO, TCIFLUSH));
}

static int add_key(char **arg)
{
	(void)arg;
	/* -2: KEY_SPEC_PROCESS_KEYRING */
	return tried(syscall(SYS_add_key, "user", "relctl", "x", 1ul, -2));
}

static int read_keyring(char **arg)
{
	(void)arg;
	/* KEYCTL_GET_KEYRING_ID of the user's keyring, -4 */
	return tried(syscall(SYS_keyctl, 0, -4, 1));
}

static int load_bpf(char **arg)
{
	union bpf_attr a = { .map_type = BPF_MAP_TYPE_ARRAY,
		.key_size = 4,
		.value_size = 4,
		.max_entries = 1 };

	(void)arg;
	return tried(syscall(SYS_bpf, BPF_MAP_CREATE, &a, sizeof(a)));
}

static int watch_cpu(char **arg)
{
	struct perf_event_attr a = { .type = PERF_TYPE_SOFTWARE,
		.size = sizeof(a),
		.config = PERF_COUNT_SW_TASK_CLOCK,
		.exclude_kernel = 1 };

	(void)arg;
	return tried(syscall(SYS_perf_event_open, &a, 0, -1, -1, 0ul));
}

static int make_uring(char **arg)
{
	struct io_uring_params p = { 0 };

	(void)arg;
	return tried(syscall(SYS_io_uring_setup, 2u, &p));
}

static int handle_faults(char **arg)
{
	(void)arg;
	return tried(
		syscall(SYS_userfaultfd, O_CLOEXEC | 1)); /* USER_MODE_ONLY */
}

/* No module: who may load one is told so. */
static int load_module(char **arg)
{
	int why = tried(syscall(SYS_init_module, "no module", 9ul, ""));

	(void)arg;
	return why == ENOEXEC ? 0 : why;
}

static int read_log(char **arg)
{
	char text[64];

	(void)arg;
	return tried(klogctl(3, text, sizeof(text))); /* READ_ALL */
}

static int packets(char **arg)
{
	(void)arg;
	return tried(socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)));
}

static int rename_host(char **arg)
{
	char name[256];

	(void)arg;
	if (gethostname(name, sizeof(name)) < 0)
		broken("gethostname");
	return tried(sethostname(name, strlen(name)));
}

static int set_clock(char **arg)
{
	struct timespec now;

	(void)arg;
	clock_gettime(CLOCK_REALTIME, &now);
	return tried(clock_settime(CLOCK_REALTIME, &now));
}

/* getpid by the numbers of a 32-bit program */
static int call_32bit(char **arg)
{
	long r = -ENOSYS;

	(void)arg;
#ifdef __x86_64__
	__asm__ volatile("int $0x80" : "=a"(r) : "a"(20L) : "memory");
#endif
	errno = (int)-r;
	return tried(r);
}

static int call_x32(char **arg)
{
	(void)arg;
#ifdef __x86_64__
	return tried(syscall(0x40000000L | SYS_getpid));
#else
	return ENOSYS;
#endif
}

static int reach(const char *port, int type)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons((unsigned short)atoi(port)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	char byte = 0;

	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
		send(fd, &byte, 1, MSG_NOSIGNAL) < 0)
		return errno;
	/* Where nobody listens the next call says so; else it answers. */
	return tried(recv(fd, &byte, 1, 0));
}

static int tcp(char **arg)
{
	return reach(arg[0], SOCK_STREAM);
}

static int udp(char **arg)
{
	return reach(arg[0], SOCK_DGRAM);
}

const struct probe kernel_probes[] = {
	{ "mount", 1, mount_tmpfs },
	{ "new-mount", 0, new_mount },
	{ "clone-mount", 1, clone_mount },
	{ "remount", 1, remount },
	{ "unmount", 1, unmount },
	{ "change-root", 1, change_root },
	{ "pivot", 1, pivot },
	{ "type-ahead", 0, type_ahead },
	{ "add-key", 0, add_key },
	{ "read-keyring", 0, read_keyring },
	{ "load-bpf", 0, load_bpf },
	{ "watch-cpu", 0, watch_cpu },
	{ "make-uring", 0, make_uring },
	{ "handle-faults", 0, handle_faults },
	{ "load-module", 0, load_module },
	{ "read-log", 0, read_log },
	{ "packets", 0, packets },
	{ "rename-host", 0, rename_host },
	{ "set-clock", 0, set_clock },
	{ "call-32bit", 0, call_32bit },
	{ "call-x32", 0, call_x32 },
	{ "tcp", 1, tcp },
	{ "udp", 1, udp },
	{ 0 },
};
