/* SPDX-License-Identifier: Apache-2.0 */
#include "run/caps.h"

#include "run/process.h"

#include <linux/capability.h>
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

bool rel_process_drops(void)
{
	/* Either makes execve give all that the bounding set has. */
	return geteuid() == 0 || getuid() == 0;
}
