/* SPDX-License-Identifier: Apache-2.0 */
#include "out.h"

#include "base/clock.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define SHOW_AFTER_MS 500
#define REDRAW_MS 100
#define MIN_BAR 10u
#define MAX_BAR 30u

/* What is going on. There is one stderr, so there is one of these. */
static struct {
	char what[64];
	int64_t begun_ms; /* of the whole work; 0: none */
	int64_t what_ms;  /* of ${what} */
	int64_t drawn_ms;
	bool visible;
} bar;

static size_t width(void)
{
	struct winsize w;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &w) < 0 || w.ws_col == 0)
		return 80;
	return w.ws_col;
}

static size_t share(uint64_t done, uint64_t total, size_t of)
{
	if (done >= total)
		return of;
	return (size_t)((double)of * (double)done / (double)total);
}

/* "packing  [=====     ]  52 %  7.1 MB  14 MB/s", no wider than the terminal:
 * a line that wraps can't be wiped. */
static void draw(uint64_t done, uint64_t total, int64_t now)
{
	REL_AUTO(rel_buf_free) struct rel_buf line = REL_BUF_INIT;
	REL_AUTO(rel_buf_free) struct rel_buf right = REL_BUF_INIT;
	int64_t ms = now - bar.what_ms;
	size_t room = width() - 1;

	out_clean(&line, bar.what, false);
	if (total)
		rel_buf_addf(&right, "  %zu %%", share(done, total, 100));
	rel_buf_addf(&right, "  %s", bytes_text(done).s);
	if (ms > 0) {
		double rate = (double)done * 1000 / (double)ms;

		rel_buf_addf(&right, "  %s/s", bytes_text((uint64_t)rate).s);
	}
	if (total && line.len + right.len + 4 + MIN_BAR <= room) {
		size_t n = room - line.len - right.len - 4;

		n = n < MAX_BAR ? n : MAX_BAR;
		rel_buf_adds(&line, "  [");
		for (size_t i = 0; i < n; i++)
			rel_buf_addc(
				&line, i < share(done, total, n) ? '=' : ' ');
		rel_buf_addc(&line, ']');
	}
	rel_buf_add(&line, right.p, right.len);
	fprintf(stderr, "\r%.*s\033[K", (int)room, line.p);
	fflush(stderr);
}

static void progress(void *arg, const char *what, uint64_t done, uint64_t total)
{
	int64_t now = rel_monotonic_ms();

	(void)arg;
	if (!bar.begun_ms)
		bar.begun_ms = now;
	if (strncmp(bar.what, what, sizeof(bar.what) - 1) != 0) {
		snprintf(bar.what, sizeof(bar.what), "%s", what);
		bar.what_ms = now;
	}
	if (now - bar.begun_ms < SHOW_AFTER_MS ||
		now - bar.drawn_ms < REDRAW_MS)
		return;
	bar.drawn_ms = now;
	bar.visible = true;
	draw(done, total, now);
}

void progress_install(struct ctx *cx)
{
	cx->events.progress = progress;
}

void progress_wipe(void)
{
	if (bar.visible) {
		fputs("\r\033[K", stderr);
		fflush(stderr);
	}
	bar.visible = false;
}

void out_done(void)
{
	progress_wipe();
	bar.begun_ms = bar.drawn_ms = 0;
	bar.what[0] = '\0';
}
