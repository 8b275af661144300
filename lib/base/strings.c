/* SPDX-License-Identifier: Apache-2.0 */
#include "base/strings.h"

#include "base/vec.h"

#include <string.h>

void rel_strings_push(struct rel_strings *s, char *text)
{
	rel_vec_push(s, text);
	/* The NULL at the end is there but not counted. */
	rel_vec_push(s, NULL);
	s->n--;
}

void rel_strings_done(struct rel_strings *s)
{
	for (size_t i = 0; i < s->n; i++) {
		explicit_bzero(s->v[i], strlen(s->v[i]));
		free(s->v[i]);
	}
	rel_vec_free(s);
}
