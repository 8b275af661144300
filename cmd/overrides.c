/* SPDX-License-Identifier: Apache-2.0 */
#include "overrides.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

void overrides_done(struct overrides *o)
{
	rel_vec_free(&o->all);
	rel_strings_done(&o->types);
}

int type_check(
	const struct rel_processes *p, const char *type, struct rel_err *err)
{
	REL_AUTO(rel_buf_free) struct rel_buf names = REL_BUF_INIT;

	if (rel_processes_command(p, type) && !rel_process_is_hook(type))
		return 0;
	for (size_t i = 0; i < p->n; i++)
		if (!rel_process_is_hook(p->v[i].type))
			rel_buf_addf(&names, "%s%s", names.len ? ", " : "",
				p->v[i].type);
	rel_fail(err, REL_ENOTFOUND, "the release has no process type '%.*s'",
		shown_len(type), type);
	return names.len ? rel_hint(err, "its process types: %s", names.p)
			 : rel_hint(err, "add a Procfile to the commit: web: "
					 "bin/web");
}

static int parse_seconds(const char *option, const char *text, int64_t *ret_ms,
	struct rel_err *err)
{
	char *end;
	double s = strtod(text, &end);

	/* strtod also takes "0x10", "inf" and blanks. */
	if (!*text || text[strspn(text, "0123456789.")] || *end || s > 86400)
		return rel_fail(err, REL_EUSAGE,
			"--%s '%s' is not a number of seconds up to 86400",
			option, text);
	*ret_ms = (int64_t)(s * 1000 + 0.5);
	return 0;
}

static int parse_restart(const char *text, int *ret, struct rel_err *err)
{
	static const char *const words[] = { "always", "on-failure", "never" };

	for (int i = 0; i < 3; i++)
		if (!strcmp(words[i], text)) {
			*ret = i;
			return 0;
		}
	return rel_fail(err, REL_EUSAGE,
		"--restart '%s' is not always, on-failure or never", text);
}

static int parse_signal(const char *text, int *ret, struct rel_err *err)
{
	*ret = rel_signal_parse(text);
	if (*ret >= 0)
		return 0;
	return rel_fail(err, REL_EUSAGE,
		"--stop-signal '%s' is no signal that can be caught", text);
}

static int parse_value(enum override_kind kind, const char *value,
	struct rel_override *o, struct rel_err *err)
{
	switch (kind) {
	case OVERRIDE_GRACE:
		return parse_seconds("grace", value, &o->grace_ms, err);
	case OVERRIDE_START_TIMEOUT:
		return parse_seconds(
			"start-timeout", value, &o->start_timeout_ms, err);
	case OVERRIDE_RESTART:
		return parse_restart(value, &o->restart, err);
	case OVERRIDE_STOP_SIGNAL:
		return parse_signal(value, &o->stop_signal, err);
	}
	return 0;
}

int overrides_add(struct overrides *o, enum override_kind kind,
	const struct opt_list *values, const struct rel_processes *p,
	struct rel_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < values->n; i++) {
		const char *text = values->v[i], *eq = strchr(text, '=');
		char *type = rel_strndup(text, eq ? (size_t)(eq - text) : 0);
		struct rel_override one = { type, -1, -1, -1, -1 };

		rel_strings_push(&o->types, type);
		if (eq)
			r = type_check(p, type, err);
		if (r == 0)
			r = parse_value(kind, eq ? eq + 1 : text, &one, err);
		rel_vec_push(&o->all, one);
	}
	return r;
}
