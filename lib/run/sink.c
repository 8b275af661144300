/* SPDX-License-Identifier: Apache-2.0 */
#include "run/sink.h"

#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum way {
	WAY_OWN,    /* opened again, without blocking */
	WAY_SOCKET, /* each send says that it does not want to wait */
	WAY_ASK,    /* poll before each write: what does not stall anyway, and
		     * what could not be opened again */
};

struct rel_sink {
	enum way way;
	int fd;	 /* to write to */
	int own; /* the same when it is ours, else -1 */
	bool drop, gone;
	struct rel_buf buf; /* pending: from head on */
	size_t head;
	/* The last byte that was taken, or written, does not end a line. */
	bool open, torn;
	bool mend; /* an LF is due: what was written will not go on */
	bool skip; /* the rest of a line that is being dropped comes next */
	uint64_t dropped, written;
};

/* A pty's master must not be opened again: that makes another terminal. */
static bool can_stall(int fd, const struct stat *st)
{
	unsigned number;

	if (S_ISFIFO(st->st_mode))
		return true;
	return S_ISCHR(st->st_mode) && isatty(fd) &&
	       ioctl(fd, TIOCGPTN, &number) < 0;
}

int rel_sink_open(int fd, bool drop, struct rel_sink **ret, struct rel_err *err)
{
	struct rel_sink *s;
	char path[32];
	struct stat st;

	if (fstat(fd, &st) < 0)
		return rel_fail_os(err, "look at the output");
	s = rel_alloc(sizeof(*s));
	*s = (struct rel_sink){
		.way = WAY_ASK, .fd = fd, .own = -1, .drop = drop
	};
	if (S_ISSOCK(st.st_mode)) {
		s->way = WAY_SOCKET;
	} else if (can_stall(fd, &st)) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		s->own = open(
			path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		if (s->own >= 0) {
			s->fd = s->own;
			s->way = WAY_OWN;
		}
	}
	*ret = s;
	return 0;
}

void rel_sink_closep(struct rel_sink **s)
{
	if (!*s)
		return;
	rel_closep(&(*s)->own);
	rel_buf_free(&(*s)->buf);
	free(*s);
	*s = NULL;
}

static size_t pending(const struct rel_sink *s)
{
	return s->buf.len - s->head;
}

static void forget(struct rel_sink *s, size_t n)
{
	s->head += n;
	if (s->head < s->buf.len)
		return;
	s->head = 0;
	if (s->buf.cap > 2 * REL_SINK_ROOM)
		rel_buf_free(&s->buf);
	else
		rel_buf_reset(&s->buf);
}

static void add(struct rel_sink *s, const char *p, size_t n)
{
	if (s->head > 0 && s->buf.cap - s->buf.len <= n + 1) {
		memmove(s->buf.p, s->buf.p + s->head, pending(s));
		s->buf.len -= s->head;
		s->head = 0;
	}
	if (s->mend)
		rel_buf_addc(&s->buf, '\n');
	s->mend = false;
	rel_buf_add(&s->buf, p, n);
	s->open = p[n - 1] != '\n';
}

static bool fits(const struct rel_sink *s, size_t n)
{
	return !s->drop || pending(s) + n <= REL_SINK_ROOM;
}

/* Take the lines that there is room for, and count the others. */
static void add_some(struct rel_sink *s, const char *p, size_t n, size_t lines)
{
	while (n > 0) {
		const char *lf = memchr(p, '\n', n);
		size_t len = lf ? (size_t)(lf - p) + 1 : n;

		if (!s->skip && !fits(s, len))
			break;
		if (!s->skip) {
			add(s, p, len);
			lines -= lf != NULL;
		}
		s->skip = s->skip && !lf;
		p += len;
		n -= len;
	}
	s->dropped += lines;
	if (n == 0)
		return;
	s->skip = p[n - 1] != '\n';
	s->mend = s->open; /* it was begun, but this is where it ends */
	s->open = false;
}

void rel_sink_put(struct rel_sink *s, const void *p, size_t n, size_t lines)
{
	if (s->gone || n == 0)
		return;
	if (s->skip || !fits(s, n))
		add_some(s, p, n, lines);
	else
		add(s, p, n);
}

bool rel_sink_full(const struct rel_sink *s)
{
	return !s->drop && pending(s) >= REL_SINK_ROOM;
}

int rel_sink_fd(const struct rel_sink *s)
{
	return pending(s) > 0 ? s->fd : -1;
}

/* What one write takes: whole lines within PIPE_BUF, or (the rest of) one. */
static size_t portion(const struct rel_sink *s)
{
	const char *p = s->buf.p + s->head, *lf;
	size_t n = pending(s);

	if (n <= PIPE_BUF)
		return n;
	lf = memrchr(p, '\n', PIPE_BUF);
	if (lf)
		return (size_t)(lf - p) + 1;
	if (s->way == WAY_ASK)
		return PIPE_BUF; /* more could wait */
	lf = memchr(p, '\n', n);
	return lf ? (size_t)(lf - p) + 1 : n;
}

static ssize_t write_some(struct rel_sink *s)
{
	struct pollfd p = { .fd = s->fd, .events = POLLOUT };
	const char *from = s->buf.p + s->head;
	size_t n = portion(s);

	if (s->way == WAY_SOCKET)
		return send(s->fd, from, n, MSG_DONTWAIT);
	if (s->way == WAY_ASK && poll(&p, 1, 0) == 0) {
		errno = EAGAIN;
		return -1;
	}
	return write(s->fd, from, n);
}

/* There is no room at the other end (a full disk, and no reader to wait for):
 * what is pending is lost, and counted. */
static void lose(struct rel_sink *s)
{
	for (size_t i = s->head; i < s->buf.len; i++)
		s->dropped += s->buf.p[i] == '\n';
	s->skip = s->skip || s->open;
	s->open = false;
	s->mend = s->torn;
	forget(s, pending(s));
}

/* What write could not do. Returns false when that is all for now. */
static bool failed(struct rel_sink *s, int error)
{
	switch (error) {
	case EINTR:
		return true;
	case EAGAIN:
		return false;
	case ENOSPC:
	case EDQUOT:
	case ENOBUFS:
		lose(s);
		return false;
	default:
		s->gone = true;
		forget(s, pending(s));
		return false;
	}
}

/* The signal of a pipe without a reader is held, and taken if it came. */
static void hold_signal(sigset_t *mine, sigset_t *old)
{
	sigset_t before;

	sigemptyset(mine);
	sigpending(&before);
	if (!sigismember(&before, SIGPIPE))
		sigaddset(mine, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, mine, old);
}

static void release_signal(const sigset_t *mine, const sigset_t *old, bool came)
{
	static const struct timespec at_once = { 0 };

	if (came)
		while (sigtimedwait(mine, NULL, &at_once) < 0 && errno == EINTR)
			;
	pthread_sigmask(SIG_SETMASK, old, NULL);
}

void rel_sink_flush(struct rel_sink *s, bool *ret_gone)
{
	bool was_gone = s->gone;
	sigset_t mine, old;

	hold_signal(&mine, &old);
	while (pending(s) > 0) {
		ssize_t n = write_some(s);

		if (n > 0) {
			s->torn = s->buf.p[s->head + (size_t)n - 1] != '\n';
			s->written += (uint64_t)n;
			forget(s, (size_t)n);
		} else if (!failed(s, n < 0 ? errno : EAGAIN)) {
			break;
		}
	}
	release_signal(&mine, &old, s->gone && !was_gone);
	*ret_gone = s->gone && !was_gone;
}

uint64_t rel_sink_dropped(struct rel_sink *s)
{
	uint64_t n = s->dropped;

	if (pending(s) > REL_SINK_ROOM / 2)
		return 0;
	s->dropped = 0;
	return n;
}

uint64_t rel_sink_written(const struct rel_sink *s)
{
	return s->written;
}
