/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/seccomp.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__) && !defined(__ILP32__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#endif

/* Newer than some headers; above 423 a number is the same everywhere. */
#ifndef SYS_open_tree_attr
#define SYS_open_tree_attr 467
#endif

#ifdef ARCH

/* The low half of an argument: that is all that the kernel reads of flags, of
 * modes and of the command of ioctl. */
#define LOW_ARG(n) offsetof(struct seccomp_data, args[n])
#define LOAD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset)
#define RETURN(what) BPF_STMT(BPF_RET | BPF_K, what)
#define ERRNO(e) (SECCOMP_RET_ERRNO | (e))
/* The next ${n} instructions are for this value, or for these bits, alone. */
#define IF(value, n) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, n)
#define IF_ANY(bits, n) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, 0, n)
#define MASK(bits) BPF_STMT(BPF_ALU | BPF_AND | BPF_K, bits)

#define REFUSE(nr) IF(nr, 1), RETURN(ERRNO(EPERM))
#define ABSENT(nr) IF(nr, 1), RETURN(ERRNO(ENOSYS))
/* Devices alone: mkfifo and sockets are mknod too. */
#define REFUSE_DEVICE(nr, arg)                                                 \
	IF(nr, 7), LOAD(LOW_ARG(arg)), MASK(S_IFMT), IF(S_IFCHR, 1),           \
		RETURN(ERRNO(EPERM)), IF(S_IFBLK, 1), RETURN(ERRNO(EPERM)),    \
		RETURN(SECCOMP_RET_ALLOW)

/* CLONE_NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET, NEWNS. */
#define NAMESPACES 0x7e020000u
/* x32: the calls of x86_64 again, with this bit. */
#define X32 0x40000000u

/* In order; what falls through is allowed. */
static const struct sock_filter program[] = {
	LOAD(offsetof(struct seccomp_data, arch)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0),
	RETURN(ERRNO(EPERM)),
	LOAD(offsetof(struct seccomp_data, nr)),
#ifdef __x86_64__
	BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32, 0, 1),
	RETURN(ERRNO(EPERM)),
#endif

	/* whose arguments decide */
	IF(SYS_clone, 4),
	LOAD(LOW_ARG(0)),
	IF_ANY(NAMESPACES, 1),
	RETURN(ERRNO(EPERM)),
	RETURN(SECCOMP_RET_ALLOW),
	IF(SYS_ioctl, 6),
	LOAD(LOW_ARG(1)),
	IF(TIOCSTI, 1),
	RETURN(ERRNO(EPERM)),
	IF(TIOCLINUX, 1),
	RETURN(ERRNO(EPERM)),
	RETURN(SECCOMP_RET_ALLOW),
#ifdef SYS_mknod
	REFUSE_DEVICE(SYS_mknod, 1),
#endif
	REFUSE_DEVICE(SYS_mknodat, 2),

	/* which programs do without when they are not there */
	ABSENT(SYS_clone3),
	ABSENT(SYS_io_uring_setup),
	ABSENT(SYS_io_uring_enter),
	ABSENT(SYS_io_uring_register),

	/* mounts and roots */
	REFUSE(SYS_mount),
	REFUSE(SYS_umount2),
	REFUSE(SYS_pivot_root),
	REFUSE(SYS_chroot),
	REFUSE(SYS_open_tree),
	REFUSE(SYS_open_tree_attr),
	REFUSE(SYS_move_mount),
	REFUSE(SYS_fsopen),
	REFUSE(SYS_fsconfig),
	REFUSE(SYS_fsmount),
	REFUSE(SYS_fspick),
	REFUSE(SYS_mount_setattr),
	/* namespaces */
	REFUSE(SYS_setns),
	REFUSE(SYS_unshare),
	/* other processes */
	REFUSE(SYS_ptrace),
	REFUSE(SYS_process_vm_readv),
	REFUSE(SYS_process_vm_writev),
	REFUSE(SYS_pidfd_getfd),
	REFUSE(SYS_kcmp),
	/* code and power in the kernel */
	REFUSE(SYS_init_module),
	REFUSE(SYS_finit_module),
	REFUSE(SYS_delete_module),
	REFUSE(SYS_bpf),
	REFUSE(SYS_perf_event_open),
	REFUSE(SYS_userfaultfd),
	REFUSE(SYS_add_key),
	REFUSE(SYS_request_key),
	REFUSE(SYS_keyctl),
	REFUSE(SYS_open_by_handle_at),
#ifdef SYS_iopl
	REFUSE(SYS_iopl),
	REFUSE(SYS_ioperm),
#endif
	/* the machine */
	REFUSE(SYS_settimeofday),
	REFUSE(SYS_clock_settime),
	REFUSE(SYS_adjtimex),
	REFUSE(SYS_clock_adjtime),
	REFUSE(SYS_sethostname),
	REFUSE(SYS_setdomainname),
	REFUSE(SYS_swapon),
	REFUSE(SYS_swapoff),
	REFUSE(SYS_reboot),
	REFUSE(SYS_kexec_load),
	REFUSE(SYS_kexec_file_load),
	REFUSE(SYS_acct),
	REFUSE(SYS_quotactl),
	REFUSE(SYS_quotactl_fd),
	REFUSE(SYS_syslog),
	REFUSE(SYS_vhangup),

	RETURN(SECCOMP_RET_ALLOW),
};

/* On top of the program above, which has looked at the architecture. */
static const struct sock_filter no_network[] = {
	LOAD(offsetof(struct seccomp_data, nr)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 1, 0),
	IF(SYS_socketpair, 6),
	LOAD(LOW_ARG(0)),
	IF(AF_UNIX, 1),
	RETURN(SECCOMP_RET_ALLOW),
	IF(AF_NETLINK, 1),
	RETURN(SECCOMP_RET_ALLOW),
	RETURN(ERRNO(EAFNOSUPPORT)),
	RETURN(SECCOMP_RET_ALLOW),
};

static int enter(const struct sock_filter *filter, size_t n)
{
	/* sock_fprog, whose pointer is not to const. */
	const struct {
		unsigned short len;
		const struct sock_filter *filter;
	} prog = { (unsigned short)n, filter };

	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0u, &prog);
}

int rel_seccomp_enter(void)
{
	return enter(program, sizeof(program) / sizeof(*program));
}

int rel_seccomp_no_network(void)
{
	return enter(no_network, sizeof(no_network) / sizeof(*no_network));
}

bool rel_seccomp_there(void)
{
	/* A kernel that has filters looks for the program first. */
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0u, NULL) < 0 &&
	       errno == EFAULT;
}

#else

int rel_seccomp_enter(void)
{
	errno = ENOSYS;
	return -1;
}

int rel_seccomp_no_network(void)
{
	errno = ENOSYS;
	return -1;
}

bool rel_seccomp_there(void)
{
	return false;
}

#endif
