/* SPDX-License-Identifier: Apache-2.0 */
#include "run/systemd.h"

#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void rel_systemd_tell(const char *socket_name, const char *state)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	size_t n = socket_name ? strlen(socket_name) : 0;
	int fd;

	if (n < 2 || n >= sizeof(a.sun_path))
		return;
	memcpy(a.sun_path, socket_name, n);
	if (a.sun_path[0] == '@')
		a.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (sendto(fd, state, strlen(state), MSG_NOSIGNAL,
		    (struct sockaddr *)&a,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) <
		0) {
		/* whoever wanted it is gone */
	}
	close(fd);
}
