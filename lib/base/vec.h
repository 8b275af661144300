/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/base/vec.h - a typed growing array. Floor 0.
 *
 *	REL_VEC(int) v = { 0 };
 *	rel_vec_push(&v, 3);
 *	for (size_t i = 0; i < v.n; i++) ... v.v[i] ...
 *	rel_vec_free(&v);
 */
#ifndef REL_BASE_VEC_H
#define REL_BASE_VEC_H

#include "base/mem.h"

#include <stdlib.h>

#define REL_VEC(T)                                                             \
	struct {                                                               \
		T *v;                                                          \
		size_t n, cap;                                                 \
	}

/* Make room for one more and count it; the caller fills vec->v[vec->n - 1]. */
#define rel_vec_more(vec)                                                      \
	do {                                                                   \
		if ((vec)->n == (vec)->cap) {                                  \
			(vec)->cap = (vec)->cap ? (vec)->cap * 2 : 8;          \
			(vec)->v = rel_grow(                                   \
				(vec)->v, (vec)->cap, sizeof(*(vec)->v));      \
		}                                                              \
		(vec)->n++;                                                    \
	} while (0)

#define rel_vec_push(vec, item)                                                \
	do {                                                                   \
		rel_vec_more(vec);                                             \
		(vec)->v[(vec)->n - 1] = (item);                               \
	} while (0)

/* Frees the array, not what its members own. */
#define rel_vec_free(vec)                                                      \
	do {                                                                   \
		free((vec)->v);                                                \
		(vec)->v = NULL;                                               \
		(vec)->n = (vec)->cap = 0;                                     \
	} while (0)

#endif
