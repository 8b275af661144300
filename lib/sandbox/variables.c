/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "sandbox/keeper.h"

#include <stdlib.h>
#include <string.h>

void rel_variables_done(struct rel_variables *e)
{
	for (size_t i = 0; i < e->own_n; i++)
		free(e->own[i]);
	free(e->v);
}

static bool is_ours(const char *var, char *const *own, size_t own_n)
{
	size_t n = strcspn(var, "=") + 1;

	for (size_t i = 0; i < own_n; i++)
		if (!strncmp(var, own[i], n))
			return true;
	return false;
}

void rel_variables_make(const struct rel_spawn *how, const char *tmp,
	struct rel_keeper *k, struct rel_variables *e)
{
	const struct rel_strings *env = how->env;
	size_t n = 0;

	if (!how->no_notify) {
		e->own[e->own_n++] = rel_printf("NOTIFY_SOCKET=@00000");
		k->notify = strchr(e->own[0], '=') + 1;
	}
	if (tmp)
		e->own[e->own_n++] = rel_printf("TMPDIR=%s", tmp);
	if (how->listen_n > 0) {
		e->own[e->own_n] = rel_printf("LISTEN_PID=0000000000");
		k->listen_pid = strchr(e->own[e->own_n++], '=') + 1;
		e->own[e->own_n++] =
			rel_printf("LISTEN_FDS=%zu", how->listen_n);
		e->own[e->own_n++] =
			rel_printf("LISTEN_FDNAMES=%s", how->listen_names);
	}
	e->v = rel_alloc((env->n + e->own_n + 1) * sizeof(*e->v));
	for (size_t i = 0; i < env->n; i++) {
		if (!strncmp(env->v[i], "PATH=", 5))
			k->path = env->v[i] + 5;
		if (!is_ours(env->v[i], e->own, e->own_n))
			e->v[n++] = env->v[i];
	}
	memcpy(e->v + n, e->own, e->own_n * sizeof(*e->v));
	k->env = e->v;
}
