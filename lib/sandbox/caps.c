/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/caps.h"

#include <errno.h>
#include <linux/capability.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const int dropped[] = { CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH,
	CAP_FOWNER };
#define DROPPED_N (sizeof(dropped) / sizeof(*dropped))

int rel_caps_drop(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	/* While CAP_SETPCAP is still in force: the bounding set. */
	for (size_t i = 0; i < DROPPED_N; i++)
		if (prctl(PR_CAPBSET_READ, dropped[i], 0, 0, 0) == 1 &&
			prctl(PR_CAPBSET_DROP, dropped[i], 0, 0, 0) < 0)
			return -1;
	if (syscall(SYS_capget, &head, data) < 0)
		return -1;
	for (size_t i = 0; i < DROPPED_N; i++) {
		unsigned word = CAP_TO_INDEX(dropped[i]);
		__u32 keep = ~CAP_TO_MASK(dropped[i]);

		data[word].effective &= keep;
		data[word].permitted &= keep;
		data[word].inheritable &= keep;
	}
	/* The kernel takes out of the ambient set what leaves these. */
	return (int)syscall(SYS_capset, &head, data);
}

/* The kernel says EINVAL behind the last capability that it knows. */
static int empty_bounding(void)
{
	int there;

	for (int cap = 0; (there = prctl(PR_CAPBSET_READ, cap, 0, 0, 0)) >= 0;
		cap++) {
		if (there == 0 || prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0)
			continue;
		if (errno == EPERM &&
			prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
			return 0;
		errno = EPERM;
		return -1;
	}
	return 0;
}

int rel_caps_drop_all(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {
		{ 0 }
	};

	if (empty_bounding() < 0)
		return -1;
	return (int)syscall(SYS_capset, &head, none);
}
