/* SPDX-License-Identifier: Apache-2.0 */
/* lib/store/index.c - the index of an unpacked tree. Mechanism. */
#include "store/index.h"

#include <inttypes.h>
#include <string.h>

static const char magic[] = "relctl index 1";

void rel_index_begin(struct rel_buf *out)
{
	rel_buf_addf(out, "%s\n", magic);
}

void rel_index_chunk(struct rel_buf *out, const struct rel_id *chunk)
{
	rel_buf_addf(out, "c %s\n", rel_id_hex(chunk).s);
}

void rel_index_entry(struct rel_buf *out, const struct rel_entry *e,
	const struct rel_id *digest)
{
	switch (e->type) {
	case REL_DIR:
		rel_buf_adds(out, "d ");
		break;
	case REL_LINK:
		rel_buf_adds(out, "l ");
		rel_buf_add_escaped(out, e->target, e->target_len);
		rel_buf_addc(out, ' ');
		break;
	case REL_FILE:
		rel_buf_addf(out, "%c %" PRIu64 " %s ",
			e->executable ? 'x' : 'f', e->size,
			rel_id_hex(digest).s);
		break;
	}
	rel_buf_add_escaped(out, e->path, e->path_len);
	rel_buf_addc(out, '\n');
}

void rel_index_end(struct rel_buf *out, uint64_t count)
{
	rel_buf_addf(out, "end %" PRIu64 "\n", count);
}

/* What is left of the line that is being read. */
struct words {
	const char *p, *end;
};

static int bad(
	const struct rel_index *ix, const char *what, struct rel_err *err)
{
	rel_fail(err, REL_EINTEGRITY, "index line %u: %s", ix->line, what);
	err->line = ix->line;
	return -(int)err->code;
}

static int next_line(
	struct rel_index *ix, struct words *ret, struct rel_err *err)
{
	const char *nl = NULL;

	ix->line++;
	if (ix->p < ix->end)
		nl = memchr(ix->p, '\n', (size_t)(ix->end - ix->p));
	if (!nl)
		return bad(ix, "the index ends too early", err);
	*ret = (struct words){ ix->p, nl };
	ix->p = nl + 1;
	return 0;
}

/* The next word, up to a space or the end of the line; empty: there is none. */
static struct words next_word(struct words *line)
{
	size_t left = (size_t)(line->end - line->p);
	const char *space = left ? memchr(line->p, ' ', left) : NULL;
	struct words w = { line->p, space ? space : line->end };

	line->p = space ? space + 1 : line->end;
	/* A space at the end is a word too many, not nothing. */
	if (space && line->p == line->end)
		w.end = w.p;
	return w;
}

static size_t length(struct words w)
{
	return (size_t)(w.end - w.p);
}

/* Decimal without leading zeros. */
static bool parse_number(struct words w, uint64_t max, uint64_t *ret)
{
	uint64_t n = 0;

	if (length(w) == 0 || length(w) > 19 || (*w.p == '0' && length(w) > 1))
		return false;
	for (; w.p < w.end; w.p++) {
		if (*w.p < '0' || *w.p > '9')
			return false;
		n = n * 10 + (uint64_t)(*w.p - '0');
	}
	if (n > max)
		return false;
	*ret = n;
	return true;
}

static bool parse_digest(struct words w, struct rel_id *ret)
{
	char hex[65] = "";

	if (length(w) != 64)
		return false;
	memcpy(hex, w.p, 64);
	return rel_id_parse(hex, ret);
}

/* The bytes behind a name, of which there is exactly one spelling. */
static bool parse_name(struct words w, struct rel_buf *ret)
{
	REL_AUTO(rel_buf_free) struct rel_buf text = REL_BUF_INIT;
	REL_AUTO(rel_buf_free) struct rel_buf again = REL_BUF_INIT;
	struct rel_err ignored = REL_ERR_INIT;
	bool plain = true;

	rel_buf_reset(ret);
	if (length(w) == 0)
		return false;
	for (const char *c = w.p; c < w.end && plain; c++)
		plain = *c >= 0x21 && *c <= 0x7e && *c != '\\';
	if (plain) {
		rel_buf_add(ret, w.p, length(w));
		return true;
	}
	rel_buf_add(&text, w.p, length(w));
	if (memchr(text.p, '\0', text.len) ||
		rel_buf_add_unescaped(ret, text.p, &ignored) < 0 ||
		memchr(ret->p, '\0', ret->len))
		return false;
	rel_buf_add_escaped(&again, ret->p, ret->len);
	return again.len == text.len && !memcmp(again.p, text.p, text.len);
}

int rel_index_open(
	struct rel_index *ix, const char *p, size_t n, struct rel_err *err)
{
	struct words line = { 0 };
	int r;

	*ix = (struct rel_index){ .p = p, .end = p + n };
	r = next_line(ix, &line, err);
	if (r < 0)
		return r;
	if (length(line) != strlen(magic) ||
		memcmp(line.p, magic, length(line)))
		return bad(ix, "not an index that this relctl can read", err);
	return 0;
}

void rel_index_part(struct rel_index *ix, const char *p, size_t n)
{
	*ix = (struct rel_index){ .p = p, .end = p + n, .part = true };
}

bool rel_index_run(const char **at, const char *end, struct rel_index_run *ret)
{
	const char *p = *at;
	struct words line;

	*ret = (struct rel_index_run){ .p = p };
	while (p < end && *p != 'e' && (p == *at || *p != 'c')) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));

		line = (struct words){ p, nl ? nl : end };
		if (p == *at && length(next_word(&line)) == 1 && *p == 'c')
			ret->named = parse_digest(line, &ret->chunk);
		p = nl ? nl + 1 : end;
	}
	ret->n = (size_t)(p - *at);
	*at = p;
	return ret->n > 0;
}

void rel_index_done(struct rel_index *ix)
{
	rel_buf_free(&ix->path);
	rel_buf_free(&ix->target);
}

static int read_end(
	struct rel_index *ix, struct words line, struct rel_err *err)
{
	uint64_t count;

	if (!parse_number(next_word(&line), REL_MAX_ENTRIES, &count) ||
		line.p != line.end)
		return bad(ix, "not a line of an index", err);
	if (count != ix->count)
		return bad(ix, "the number of entries is wrong", err);
	if (ix->p != ix->end)
		return bad(ix, "there is more after the end", err);
	return 0;
}

static int read_entry(struct rel_index *ix, char kind, struct words line,
	struct rel_entry *e, struct rel_id *digest, struct rel_err *err)
{
	struct words word;
	bool ok = true;

	*e = (struct rel_entry){ .type = REL_DIR };
	if (kind == 'f' || kind == 'x') {
		e->type = REL_FILE;
		e->executable = kind == 'x';
		ok = parse_number(next_word(&line), REL_MAX_FILE, &e->size);
		word = next_word(&line);
		ok = ok &&
		     (digest ? parse_digest(word, digest) : length(word) == 64);
	} else if (kind == 'l') {
		e->type = REL_LINK;
		ok = parse_name(next_word(&line), &ix->target);
	}
	if (!ok || !parse_name(next_word(&line), &ix->path) ||
		line.p != line.end)
		return bad(ix, "not a line of an index", err);
	if (e->type == REL_LINK) {
		e->target = ix->target.p;
		e->target_len = ix->target.len;
	}
	e->path = ix->path.p;
	e->path_len = ix->path.len;
	/* Whoever reads an index opens these paths beneath a directory. */
	if (rel_path_check(e, err) < 0)
		return bad(ix, "not a path of a tree", err);
	if (++ix->count > REL_MAX_ENTRIES)
		return bad(ix, "too many entries", err);
	return 0;
}

int rel_index_next(struct rel_index *ix, struct rel_entry *ret,
	struct rel_id *ret_digest, bool *ret_more, struct rel_err *err)
{
	struct words line = { 0 }, kind;
	int r;

	for (;;) {
		if (ix->part && ix->p == ix->end) {
			*ret_more = false;
			return 0;
		}
		r = next_line(ix, &line, err);
		if (r < 0)
			return r;
		kind = next_word(&line);
		if (!ix->part && length(kind) == 3 &&
			!memcmp(kind.p, "end", 3)) {
			*ret_more = false;
			return read_end(ix, line, err);
		}
		if (length(kind) != 1 || !strchr("cdfxl", *kind.p))
			return bad(ix, "not a line of an index", err);
		if (*kind.p != 'c')
			break;
		if (!parse_digest(next_word(&line), &ix->chunk) ||
			line.p != line.end)
			return bad(ix, "not a line of an index", err);
	}
	*ret_more = true;
	return read_entry(ix, *kind.p, line, ret, ret_digest, err);
}
